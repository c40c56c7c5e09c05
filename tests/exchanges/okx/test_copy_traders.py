"""Traders of OKX's public copy trading, from the simulated exchange and from odd answers."""

from __future__ import annotations

import itertools
from decimal import Decimal

import pytest

from altmonitor.core.errors import BadAnswer, ExchangeBlocked, NotOffered, UnknownTrader
from altmonitor.exchanges.okx.copy_rest import CURRENT, DAILY_PNL, HISTORY, RANKS
from altmonitor.exchanges.okx.copy_rows import contract_values, lead_performance, lead_position
from altmonitor.interfaces.traders import (
    LeaderboardRequest,
    NamedTraders,
    OverviewRequest,
    PositionsRequest,
    SignalTrendRequest,
    TraderHistoryRequest,
)
from altmonitor.positioning.trader_pool import PoolFilter
from altmonitor.sim.control import RestFault
from tests.exchanges.okx.traders_kit import TraderStage, trader_stage


def ranking(limit: int = 10, **other: object) -> LeaderboardRequest:
    return LeaderboardRequest(**{"sort_by": "pnl", "period_days": 90, "limit": limit} | other)  # type: ignore[arg-type]


def open_one(stage: TraderStage) -> str:
    """A trader who has something open and shows it."""
    now_ms = stage.exchange.now_ms()
    return next(
        one.code
        for one in stage.exchange.okx_traders.all
        if not one.is_gone and not one.is_masked and stage.exchange.okx_traders.held(one, now_ms)
    )


async def test_three_pages_tell_every_trader_once_and_in_order() -> None:
    async with trader_stage() as stage:
        pages = [await stage.copy.leaderboard(ranking(20))]
        while pages[-1].next_after is not None:
            pages.append(await stage.copy.leaderboard(ranking(20, after=pages[-1].next_after)))
        assert [len(page.rows) for page in pages] == [20, 20, 20]
        told = [row for page in pages for row in page.rows]
        assert {row.author_id for row in told} == {one.code for one in stage.exchange.okx_traders.all}
        profits = [Decimal(row.pnl or "0") for row in told]
        assert profits == sorted(profits, reverse=True)
        assert stage.asked(RANKS) == 3  # one reading of all pages serves every page of ours
        back = await stage.copy.leaderboard(ranking(20, before=pages[2].rows[0].author_id))
        assert back.rows == pages[1].rows


async def test_filters_hold_together_and_what_the_ranking_lacks_is_refused_with_who_has_it() -> None:
    async with trader_stage() as stage:
        found = await stage.copy.leaderboard(
            ranking(100, min_pnl=Decimal(1_000), min_win_rate=Decimal("0.5"), min_aum=Decimal(900_000))
        )
        assert 0 < len(found.rows) < 60
        for row in found.rows:
            assert Decimal(row.pnl or "0") >= 1_000
            assert Decimal(row.win_rate or "0") >= Decimal("0.5")
            assert Decimal(row.asset or "0") >= 900_000
        refused = {
            "provider=okx_key does": ranking(max_drawdown=Decimal("0.1")),
            "provider=hyperliquid or okx_key does": ranking(period_days=7),
            "last 3 days, only by 90; provider=okx_key does": ranking(period_days=3),
        }
        for words, request in refused.items():
            with pytest.raises(NotOffered, match=words):
                await stage.copy.leaderboard(request)
        assert stage.asked(RANKS) == 3


async def test_a_ranking_that_is_not_kept_any_more_is_not_told_as_the_one_asked_for() -> None:
    async with trader_stage() as stage:
        newest = await stage.copy.leaderboard(ranking())
        assert newest.update_time == "202609212210"  # 14:14 UTC
        again = await stage.copy.leaderboard(ranking(update_time="202609212210"))
        assert again.rows == newest.rows
        with pytest.raises(NotOffered, match="the ranking of 202601010000: the newest is of 202609212210"):
            await stage.copy.leaderboard(ranking(update_time="202601010000"))
        with pytest.raises(UnknownTrader, match="to go on from"):
            await stage.copy.leaderboard(ranking(after="0000000000000000"))


async def test_performance_of_two_one_unknown_is_one_row_and_a_note() -> None:
    async with trader_stage() as stage:
        one = next(one for one in stage.exchange.okx_traders.all if not one.is_gone)
        wanted = NamedTraders(author_ids=(one.code, "FFFFFFFFFFFFFFFF"), sort_by="pnl", period_days=7)
        found = await stage.copy.performance(wanted)
        (row,) = found.rows
        traders, now_ms = stage.exchange.okx_traders, stage.exchange.now_ms()
        assert row.author_id == one.code
        assert float(row.pnl_ratio or "nan") == pytest.approx(traders.ratio(one, 7, now_ms), abs=1e-4)
        assert float(row.win_rate or "nan") == pytest.approx(traders.win_rate(one, 7, now_ms), abs=1e-4)
        assert float(row.max_drawdown or "nan") == pytest.approx(traders.drawdown(one, 7, now_ms), abs=1e-3)
        assert len(row.rates) == 7
        assert any(note.startswith("FFFFFFFFFFFFFFFF: okx knows no such trader") for note in found.notes)
        with pytest.raises(NotOffered, match="okx_key"):
            await stage.copy.performance(NamedTraders(author_ids=(one.code,), sort_by="pnl", period_days=3))
        with pytest.raises(NotOffered, match="more than 10 traders at once"):
            await stage.copy.performance(NamedTraders(author_ids=(one.code,) * 11, sort_by="pnl", period_days=7))
        assert stage.asked(DAILY_PNL) == 1


async def test_a_search_finds_names_and_the_most_followed_first() -> None:
    async with trader_stage() as stage:
        found = await stage.copy.search("  oTTer ")
        followers = [int(row.follower_count or 0) for row in found.rows]
        assert len(found.rows) == 6
        assert followers == sorted(followers, reverse=True)
        assert len((await stage.copy.search("r")).rows) == 10  # more than ten match
        assert (await stage.copy.search("nobody is called so")).rows == ()


async def test_open_positions_say_their_side_and_what_they_are_worth() -> None:
    async with trader_stage() as stage:
        code = open_one(stage)
        found = await stage.copy.positions(PositionsRequest(author_id=code))
        traders, now_ms = stage.exchange.okx_traders, stage.exchange.now_ms()
        held = {str(one.position_id): one for one in traders.held(traders.by_code[code], now_ms)}
        assert {row.pos_id for row in found.rows} == set(held)
        for row in found.rows:
            one = held[row.pos_id]
            assert row.direction == ("long" if one.is_long else "short")
            assert float(row.entry_notional_usd or "nan") == pytest.approx(one.notional(one.entry), rel=1e-6)
            assert row.position_intensity is None
        coin = found.rows[0].pos_ccy
        only = await stage.copy.positions(PositionsRequest(author_id=code, base=coin))
        assert {row.pos_ccy for row in only.rows} == {coin}
        with pytest.raises(UnknownTrader, match="16 letters and digits"):
            await stage.copy.positions(PositionsRequest(author_id="../../etc/passwd"))
        assert stage.asked(CURRENT) == 2


async def test_who_hides_or_is_gone_is_told_so() -> None:
    async with trader_stage() as stage:
        traders, now_ms = stage.exchange.okx_traders, stage.exchange.now_ms()
        shy = next(one for one in traders.all if one.is_masked and traders.held(one, now_ms) and not one.is_gone)
        found = await stage.copy.positions(PositionsRequest(author_id=shy.code))
        assert found.rows == ()
        assert f"{len(traders.held(shy, now_ms))} positions are open that the trader hides" in found.notes
        gone = next(one for one in traders.all if one.is_gone)
        with pytest.raises(UnknownTrader, match="shows this one no more"):
            await stage.copy.positions(PositionsRequest(author_id=gone.code))


async def test_closed_positions_are_paged_without_gaps_or_repeats_also_of_one_coin() -> None:
    async with trader_stage() as stage:
        code = next(one.code for one in stage.exchange.okx_traders.all if not one.is_gone)
        whole = await stage.copy.positions_history(TraderHistoryRequest(author_id=code, limit=100))
        coin = whole.rows[0].inst_id.partition("-")[0]
        for base, expected in (
            (None, [row.pos_id for row in whole.rows]),
            (coin, [row.pos_id for row in whole.rows if row.inst_id.startswith(f"{coin}-")]),
        ):
            told: list[str] = []
            after = None
            for _ in range(60):
                page = await stage.copy.positions_history(
                    TraderHistoryRequest(author_id=code, base=base, after=after, limit=7)
                )
                told += [row.pos_id for row in page.rows]
                after = page.next_after
                if after is None:
                    break
            assert told == expected, base
        assert all(row.fee is None and row.close_type is None for row in whole.rows)
        assert stage.asked(HISTORY) >= 2


async def test_a_pool_is_read_trader_by_trader_and_an_answer_says_how_far_it_came() -> None:
    async with trader_stage(read_within_s=6.0) as stage:
        wanted = OverviewRequest(pool=PoolFilter(period_days=90, most=30), bases=("BTC", "XRP"))
        first = await stage.copy.overview(wanted)
        assert first.coverage is not None
        assert 0 < first.coverage.read < first.coverage.of == 30
        assert any("ask again to go on" in note for note in first.notes)
        for _ in range(12):
            last = await stage.copy.overview(wanted)
            assert last.coverage is not None
            if last.coverage.read == last.coverage.of:
                break
        traders, now_ms = stage.exchange.okx_traders, stage.exchange.now_ms()
        ranked = sorted(traders.all, key=lambda one: -traders.pnl(one, 90, now_ms))[:30]
        shown = [one for one in ranked if not one.is_gone and not one.is_masked]
        heads = {
            side: {
                one.code
                for one, held in traders.holdings_of(shown, now_ms)
                if held.instrument == "BTC-USDT-SWAP" and held.is_long is side
            }
            for side in (True, False)
        }
        told = last.rows[0]
        assert (told.ccy, told.traders_qualified) == ("BTC", 30)
        assert (told.long_traders, told.short_traders) == (len(heads[True]), len(heads[False]))
        assert told.traders_with_position == len(heads[True] | heads[False])
        assert told.data_version == "2026092114"
        assert told.long_short_ratio.long_ratio_vs_1h is None
        assert any("keeps no history" in note for note in last.notes)


async def test_who_leads_no_more_is_asked_once_and_the_ranking_is_part_of_the_time() -> None:
    async with trader_stage(read_within_s=60.0) as stage:
        wanted = OverviewRequest(pool=PoolFilter(period_days=90, most=30), top_instruments=1)
        first = await stage.copy.overview(wanted)
        asked = stage.asked(CURRENT)
        again = await stage.copy.overview(wanted)
        assert first.coverage == again.coverage
        assert (asked, stage.asked(CURRENT)) == (30, 30)
        assert any("lead no more or hide what is open" in note for note in again.notes)
    async with trader_stage(read_within_s=0.0) as stage:
        nothing = await stage.copy.overview(wanted)
        assert nothing.coverage is not None
        assert nothing.coverage.read == stage.asked(CURRENT) == 0


async def test_named_traders_are_a_pool_as_well() -> None:
    async with trader_stage() as stage:
        codes = tuple(one.code for one in itertools.islice(stage.exchange.okx_traders.all, 3))
        found = await stage.copy.overview(
            OverviewRequest(pool=NamedTraders(author_ids=codes, sort_by="pnl", period_days=30))
        )
        assert found.coverage is not None
        assert (found.coverage.read, found.coverage.of) == (3, 3)
        assert all(row.traders_qualified == 3 for row in found.rows)


async def test_what_a_pool_cannot_be_made_of_is_refused() -> None:
    async with trader_stage() as stage:
        named = NamedTraders(author_ids=("FFFFFFFFFFFFFFFF",), sort_by="pnl", period_days=3)
        for pool in (PoolFilter(), PoolFilter(period_days=90, max_drawdown_tier="MR_LE_20"), named):
            with pytest.raises(NotOffered, match="okx_key"):
                await stage.copy.overview(OverviewRequest(pool=pool))
        trend = SignalTrendRequest(pool=PoolFilter(period_days=90), base="BTC", granularity="1h")
        with pytest.raises(NotOffered, match="keeps no history; provider=hyperliquid or okx_key does"):
            await stage.copy.trend(trend)
        with pytest.raises(NotOffered, match="orders of a trader"):
            await stage.copy.orders_history(TraderHistoryRequest(author_id="FFFFFFFFFFFFFFFF"))
        assert stage.asked(RANKS) == 0


async def test_a_burst_stays_within_five_requests_in_two_seconds() -> None:
    async with trader_stage() as stage:
        codes = tuple(one.code for one in itertools.islice(stage.exchange.okx_traders.all, 10))
        await stage.copy.performance(NamedTraders(author_ids=codes, sort_by="pnl", period_days=7))
        log = stage.exchange.stats.rest[DAILY_PNL]
        assert 429 not in log.statuses
        for first, sixth in itertools.pairwise(list(log.times_ms)[::5]):
            assert sixth - first > 1_900  # of the exchange's clock, read while requests are under way


async def test_odd_answers_are_errors_of_the_venue_and_nothing_else() -> None:
    bodies = (
        '{"code":"0","msg":"","data":[]}',
        '{"code":"0","msg":"","data":[{"dataVer":"x","ranks":[]}]}',
        '{"code":"0","msg":"","data":[{"dataVer":"20260921221000","ranks":[{"pnl":"1"}],"totalPage":"1"}]}',
        '{"code":"0","msg":"","data":{"a":1}}',
        '{"code":"50026","msg":"System error"}',
        "[]",
        "{",
    )
    async with trader_stage() as stage:
        for body in bodies:
            stage.exchange.faults.rest[RANKS] = RestFault(status=200, body=body, times=2)
            with pytest.raises(BadAnswer):
                await stage.copy.leaderboard(ranking())
        stage.exchange.faults.rest[RANKS] = RestFault(status=429, retry_after="30", times=1)
        with pytest.raises(ExchangeBlocked):
            await stage.copy.leaderboard(ranking())


def test_k4_net_mode_tells_the_side_by_its_sign_and_no_number_is_made_up() -> None:
    sizes = contract_values(
        [
            {"instId": "BTC-USDT-SWAP", "ctType": "linear", "ctVal": "0.01", "ctMult": "1"},
            {"instId": "BTC-USD-SWAP", "ctType": "inverse", "ctVal": "100", "ctMult": "1"},
        ]
    )
    assert sizes == {"BTC-USDT-SWAP": Decimal("0.01")}
    row = {"instId": "BTC-USDT-SWAP", "subPosId": "7", "posSide": "net", "subPos": "-4", "openAvgPx": "2e4"}
    found = lead_position(row, sizes)
    assert found is not None
    assert (found.direction, found.avg_px, found.last, found.notional_usd) == ("short", "20000", None, None)
    assert found.entry_notional_usd == "800"
    inverse = lead_position(row | {"instId": "BTC-USD-SWAP"}, sizes)
    assert inverse is not None
    assert inverse.entry_notional_usd is None
    assert lead_position(row | {"subPos": "nan"}, sizes) is None


def test_the_drawdown_is_the_deepest_fall_from_a_days_end() -> None:
    days = [
        {"beginTs": str(day * 86_400_000), "pnl": "1", "pnlRatio": ratio}
        for day, ratio in ((4, "0.3"), (3, "0"), (2, "0.25"), (1, "-0.1"))
    ]
    found = lead_performance("X", [], days, None)
    assert found.max_drawdown == "0.2"
    assert (found.pnl_ratio, found.win_rate) == ("0.3", None)
    assert lead_performance("X", [], [], None).max_drawdown is None
