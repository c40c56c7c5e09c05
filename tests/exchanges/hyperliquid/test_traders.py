"""Provider `hyperliquid`: what it answers, and what it refuses with the providers that can."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

import pytest

from altmonitor.core.errors import NotOffered, UnknownTrader
from altmonitor.interfaces.exchange import Priority
from altmonitor.interfaces.traders import (
    LeaderboardRequest,
    NamedTraders,
    OverviewRequest,
    PositionsRequest,
    SignalTrendRequest,
    TraderAnswer,
    TraderHistoryRequest,
)
from altmonitor.positioning.trader_pool import PoolFilter
from altmonitor.sim.hyperliquid_wallets import address_of, fill
from tests.exchanges.hyperliquid.traders_kit import state, traders_of, wallet
from tests.sim.exchange_kit import START

ONE = address_of(1)


def ranking(**changed: Any) -> LeaderboardRequest:
    return LeaderboardRequest(**{"sort_by": "pnl", "period_days": 7, **changed})


def history(author_id: str = ONE, **changed: Any) -> TraderHistoryRequest:
    return TraderHistoryRequest(author_id=author_id, **changed)


async def all_pages(
    ask: Callable[[str | None], Awaitable[TraderAnswer[Any]]], name: str
) -> tuple[list[list[str]], TraderAnswer[Any]]:
    pages, after = [], None
    while True:
        answer = await ask(after)
        pages.append([getattr(row, name) for row in answer.rows])
        if answer.next_after is None:
            return pages, answer
        after = answer.next_after


async def test_three_pages_of_the_ranking_cover_all_once() -> None:
    async with traders_of(*[wallet(number) for number in range(1, 26)]) as here:
        pages, _ = await all_pages(lambda after: here.traders.leaderboard(ranking(after=after)), "author_id")
        assert [len(page) for page in pages] == [10, 10, 5]
        assert [one for page in pages for one in page] == [address_of(number) for number in range(25, 0, -1)]
        before = await here.traders.leaderboard(ranking(before=pages[1][0], limit=3))
        assert [row.author_id for row in before.rows] == pages[0][7:]
        with pytest.raises(UnknownTrader):
            await here.traders.leaderboard(ranking(after="0x" + "9" * 40))


async def test_filters_of_the_ranking_are_all_kept_and_rows_say_what_is_known() -> None:
    async with traders_of(*[wallet(number) for number in range(1, 26)], wallet(30, role="market_maker")) as here:
        answer = await here.traders.leaderboard(ranking(min_pnl=Decimal(1_000), min_aum=Decimal(985_000)))
        assert [row.author_id for row in answer.rows] == [address_of(number) for number in range(15, 9, -1)]
        first = answer.rows[0]
        assert (first.pnl, first.pnl_ratio, first.asset) == ("1500", "0.05", "985000")
        assert (first.win_rate, first.max_drawdown) == (None, None)
        assert any("winRate, maxDrawdown" in note for note in answer.notes)
        assert any("1 market makers are left out" in note for note in answer.notes)
        assert answer.update_time == "202609212213"  # 14:13 UTC
        assert [(one.venue, one.endpoint, one.age_s) for one in answer.sources] == [
            ("hyperliquid", "leaderboard", 60.0)
        ]
        month = await here.traders.leaderboard(ranking(period_days=30, limit=1))
        assert (month.rows[0].author_id, month.rows[0].pnl) == (ONE, "-10")


async def test_what_it_cannot_give_is_refused_with_the_providers_that_can() -> None:
    async with traders_of(wallet(1), states=[state(1, BTC=1.0)]) as here:
        traders = here.traders
        named = NamedTraders(author_ids=tuple(address_of(at) for at in range(1, 12)), sort_by="pnl", period_days=7)
        refusals: list[tuple[Callable[[], Awaitable[object]], tuple[str, ...]]] = [
            (lambda: traders.leaderboard(ranking(period_days=90)), ("okx_copy", "okx_key")),
            (lambda: traders.leaderboard(ranking(period_days=3)), ("okx_key",)),
            (lambda: traders.leaderboard(ranking(min_win_rate=Decimal("0.5"))), ("okx_copy", "okx_key")),
            (lambda: traders.leaderboard(ranking(max_drawdown=Decimal("0.5"))), ("okx_key",)),
            (lambda: traders.leaderboard(ranking(update_time="202609210000")), ("okx_key",)),
            (lambda: traders.performance(named), ("okx_key",)),
            (
                lambda: traders.overview(OverviewRequest(pool=PoolFilter(win_rate_tier="WR_GE_50"))),
                ("okx_copy", "okx_key"),
            ),
            (lambda: traders.overview(OverviewRequest(pool=PoolFilter(max_drawdown_tier="MR_LE_20"))), ("okx_key",)),
            (lambda: traders.overview(OverviewRequest(pool=PoolFilter(period_days=90))), ("okx_copy", "okx_key")),
            (
                lambda: traders.trend(SignalTrendRequest(pool=PoolFilter(period_days=3), base="BTC", granularity="1h")),
                ("okx_key",),
            ),
        ]
        for ask, who in refusals:
            with pytest.raises(NotOffered) as refused:
                await ask()
            assert refused.value.who_can == who, refused.value
            assert refused.value.provider == "hyperliquid"
        for odd in ("540D011FDACCB47A", "0x12", ""):
            assert not traders.knows(odd)
            with pytest.raises(UnknownTrader, match="an address"):
                await traders.positions(PositionsRequest(author_id=odd))


async def test_an_unwatched_pool_says_what_to_set() -> None:
    async with traders_of() as here:
        for ask in (
            lambda: here.traders.leaderboard(ranking()),
            lambda: here.traders.search("x"),
            lambda: here.traders.overview(OverviewRequest(pool=PoolFilter())),
        ):
            with pytest.raises(NotOffered, match=r"set HYPERLIQUID_WALLETS.*provider=okx_key does"):
                await ask()


async def test_positions_are_of_this_moment_with_direction_and_liquidation_price() -> None:
    who = address_of(77)
    async with traders_of(wallet(1)) as here:
        here.venue.hold(who, BTC=-0.5, ETH=10.0, kPEPE=1_000.0)
        answer = await here.traders.positions(PositionsRequest(author_id=who.upper().replace("0X", "0x")))
        rows = {row.inst_id: row for row in answer.rows}
        assert set(rows) == {"BTC", "ETH", "kPEPE"}
        assert (rows["BTC"].direction, rows["BTC"].pos, rows["ETH"].direction) == ("short", "-0.5", "long")
        assert rows["kPEPE"].pos_ccy == "PEPE"
        worth = [float(row.notional_usd or 0) for row in answer.rows]
        assert worth == sorted(worth, reverse=True)
        assert all(row.entry_notional_usd and row.avg_px and row.upl is not None for row in answer.rows)
        assert all("e" not in (value or "").lower() for row in answer.rows for value in (row.pos, row.avg_px, row.last))
        assert [
            row.inst_id for row in (await here.traders.positions(PositionsRequest(author_id=who, base="pepe"))).rows
        ] == ["kPEPE"]
        empty = await here.traders.positions(PositionsRequest(author_id="0x" + "e" * 40))
        assert empty.rows == ()
        assert any("an empty account" in note for note in empty.notes)


async def test_closed_positions_come_from_fills_with_fees_and_pages_cover_all_once() -> None:
    async with traders_of(wallet(1)) as here:
        fills = []
        for at in range(23):
            fills.append(fill("BTC", "B", 2.0, 100.0, time_ms=at * 1_000, start=0.0, tid=at * 2 + 1))
            fills.append(fill("BTC", "A", 2.0, 110.0, time_ms=at * 1_000 + 500, start=2.0, tid=at * 2 + 2, pnl=20.0))
        here.venue.trade(ONE, fills)
        pages, _ = await all_pages(lambda after: here.traders.positions_history(history(after=after)), "pos_id")
        assert [len(page) for page in pages] == [10, 10, 3]
        assert [one for page in pages for one in page] == [str(at * 2 + 1) for at in range(22, -1, -1)]
        (row,) = (await here.traders.positions_history(history(limit=1))).rows
        assert (row.open_avg_px, row.close_avg_px, row.close_amount, row.realized_pnl) == ("100", "110", "2", "20")
        assert (row.pnl, row.fee, row.funding_fee, row.close_type) == ("19", "-1", None, "allClose")
        assert (await here.traders.positions_history(history(base="ETH"))).rows == ()
        here.venue.trade(
            address_of(2),
            [
                fill("HPOS", "B", 1e6, 0.0000123456, time_ms=1, start=0.0, tid=1),
                fill("HPOS", "A", 1e6, 0.0000125, time_ms=2, start=1e6, tid=2, pnl=0.15),
            ],
        )
        (cheap,) = (await here.traders.positions_history(history(address_of(2)))).rows
        assert (cheap.open_avg_px, cheap.close_avg_px) == ("0.0000123456", "0.0000125")


async def test_k6_orders_are_the_sums_of_their_fills_without_gap_or_repeat() -> None:
    async with traders_of(wallet(1)) as here:
        fills = [
            fill(
                "BTC" if at % 2 else "ETH",
                "B",
                1.0,
                100.0 + part,
                time_ms=at * 10 + part,
                start=0.0,
                tid=at * 9 + part,
                oid=at,
            )
            for at in range(1, 13)
            for part in (0, 1)
        ]
        here.venue.trade(ONE, fills)
        pages, _ = await all_pages(lambda after: here.traders.orders_history(history(after=after, limit=5)), "ord_id")
        assert [len(page) for page in pages] == [5, 5, 2]
        assert [one for page in pages for one in page] == [str(at) for at in range(12, 0, -1)]
        (row,) = (await here.traders.orders_history(history(limit=1))).rows
        assert (row.side, row.sz, row.avg_px, row.value, row.px) == ("buy", "2", "100.5", "201", None)
        only = await here.traders.orders_history(history(base="BTC", limit=100))
        assert {one.inst_id for one in only.rows} == {"BTC"}
        assert len(only.rows) == 6


async def test_performance_is_worked_out_and_an_unknown_address_has_a_note() -> None:
    async with traders_of(wallet(1, name="Ann")) as here:
        asked = NamedTraders(author_ids=(ONE, "0x" + "e" * 40), sort_by="pnl", period_days=7)
        answer = await here.traders.performance(asked)
        (row,) = answer.rows
        assert (row.author_id, row.nick_name) == (ONE, "Ann")
        curve = await here.source.equity(ONE, priority=Priority.TRACKING)
        week = curve.pnl_usd["week"]
        assert float(row.pnl or 0) == pytest.approx(week[-1][1] - week[0][1], abs=0.01)
        assert row.max_drawdown is not None
        assert 0 <= float(row.max_drawdown) <= 1
        assert any("no account of that address" in note for note in answer.notes)
        ninety = await here.traders.performance(NamedTraders(author_ids=(ONE,), sort_by="pnl", period_days=90))
        assert ninety.rows[0].pnl is not None
        month = await here.traders.performance(NamedTraders(author_ids=(ONE,), sort_by="pnl", period_days=30))
        assert month.rows[0].win_rate is not None, "thirty closed trades"
        three = await here.traders.performance(NamedTraders(author_ids=(ONE,), sort_by="pnl", period_days=3))
        assert three.rows[0].win_rate is None, "three closed trades are too few"


async def test_a_search_finds_names_and_addresses_and_at_most_ten() -> None:
    async with traders_of(*[wallet(number, name=f"Whale {number}") for number in range(1, 12)]) as here:
        assert len((await here.traders.search("WHALE")).rows) == 10
        (found,) = (await here.traders.search(address_of(3))).rows
        assert (found.author_id, found.nick_name, found.follower_count) == (address_of(3), "Whale 3", None)
        assert (await here.traders.search("nobody")).rows == ()


async def test_k12_k20_tiers_over_a_pool_of_100_top20_keeps_20_and_gates_go_before_the_best() -> None:
    wallets = [wallet(number) for number in range(1, 101)]
    states = [state(number, BTC=1.0 if number > 90 else -1.0) for number in range(1, 101)]
    async with traders_of(*wallets, states=states) as here:
        for pool, qualified, longs in (
            (PoolFilter(), 100, 10),
            (PoolFilter(pnl_tier="PNL_TOP20"), 20, 10),
            (PoolFilter(pnl_tier="PNL_TOP5"), 5, 5),
            (PoolFilter(aum_tier="AUM_TOP50"), 50, 0),
            (PoolFilter(pnl_tier="PNL_TOP50", most=15), 15, 10),
            (PoolFilter(pnl_tier="PNL_TOP50", aum_tier="AUM_TOP50"), 0, 0),
        ):
            answer = await here.traders.overview(OverviewRequest(pool=pool, bases=("BTC",)))
            (row,) = answer.rows
            assert (row.traders_qualified, row.long_traders) == (qualified, longs), pool
            assert row.traders_with_position == qualified
            assert answer.coverage is not None
            assert (answer.coverage.read, answer.coverage.of) == (qualified, qualified)


async def test_an_overview_compares_with_what_was_kept_and_is_null_without() -> None:
    wallets = [wallet(number) for number in range(1, 5)]
    now = [state(1, BTC=3.0), state(2, BTC=1.0), state(3, BTC=1.0), state(4, BTC=-1.0, kPEPE=2.0)]
    async with traders_of(*wallets, states=now) as here:
        asked = OverviewRequest(pool=PoolFilter(), bases=("BTC", "PEPE", "DOGE"))
        btc, pepe, doge = (await here.traders.overview(asked)).rows
        assert (btc.ccy, btc.data_version, btc.long_traders, btc.short_traders) == ("BTC", "2026092114", 3, 1)
        assert (btc.notional.long_notional_usdt, btc.notional.short_notional_usdt) == ("400", "80")
        assert (btc.long_short_ratio.long_ratio, btc.long_short_ratio.weighted_long_ratio) == ("0.75", "0.833333")
        assert btc.notional.smart_money_long_avg_entry == "80"
        assert pepe.notional.smart_money_long_avg_entry == "0.08", "per coin, not per thousand"
        assert (doge.traders_with_position, doge.long_short_ratio.long_ratio) == (0, None)
        ratio, notional = btc.long_short_ratio, btc.notional
        assert (ratio.long_ratio_vs_1h, ratio.long_ratio_vs_24h, ratio.long_ratio_vs_7d) == (None, None, None)
        assert notional.total_notional_vs_24h is None
        here.pool.keep(1, [state(1, BTC=1.0), state(2, BTC=-1.0)])
        here.pool.keep(24, [state(1, BTC=-3.0)])
        answer = await here.traders.overview(OverviewRequest(pool=PoolFilter()))
        (btc, _) = answer.rows
        assert btc.long_short_ratio.long_ratio_vs_1h == "0.25"
        assert btc.long_short_ratio.long_ratio_vs_24h == "0.75"
        assert btc.long_short_ratio.long_ratio_vs_7d is None
        assert btc.notional.total_notional_vs_24h == "1", "480 against 240"
        assert any("one week ago" in note for note in answer.notes)


async def test_half_of_the_pool_unreachable_is_told_as_coverage() -> None:
    wallets = [wallet(number) for number in range(1, 5)]
    async with traders_of(*wallets, states=[state(1, BTC=1.0), state(2, BTC=1.0)]) as here:
        answer = await here.traders.overview(OverviewRequest(pool=PoolFilter(), bases=("BTC",)))
        assert answer.coverage is not None
        assert (answer.coverage.read, answer.coverage.of) == (2, 4)
        assert answer.rows[0].traders_qualified == 4
        assert answer.rows[0].traders_with_position == 2
        assert any("2 wallets have not answered lately" in note for note in answer.notes)


async def test_named_traders_are_asked_now_where_they_are_not_watched() -> None:
    stranger = address_of(50)
    async with traders_of(wallet(1), states=[state(1, BTC=1.0)]) as here:
        here.venue.hold(stranger, BTC=-1.0)
        named = NamedTraders(author_ids=(ONE, stranger), sort_by="pnl", period_days=7)
        answer = await here.traders.overview(OverviewRequest(pool=named, bases=("BTC",)))
        assert (answer.rows[0].long_traders, answer.rows[0].short_traders) == (1, 1)
        assert any(f"not watched, so without a past: {stranger}" in note for note in answer.notes)


async def test_k9_a_trend_ends_at_its_anchor_newest_first_and_says_what_is_missing() -> None:
    async with traders_of(wallet(1), wallet(2), states=[state(1, BTC=1.0), state(2, BTC=1.0)]) as here:
        for back in range(1, 31):
            here.pool.keep(back, [state(1, BTC=1.0 if back % 2 else -1.0)])
        asked = SignalTrendRequest(pool=PoolFilter(), base="BTC", granularity="1h")
        answer = await here.traders.trend(asked)
        assert len(answer.rows) == 24
        assert [row.data_version for row in answer.rows][:3] == ["2026092114", "2026092113", "2026092112"]
        assert [row.long_ratio for row in answer.rows][:3] == ["1", "1", "0"]
        assert (answer.rows[0].traders_with_position, answer.rows[1].traders_with_position) == (2, 1)
        old = SignalTrendRequest(pool=PoolFilter(), base="BTC", granularity="1h", as_of="2026092100", limit=48)
        answer = await here.traders.trend(old)
        assert answer.rows[0].data_version == "2026092100"
        assert len(answer.rows) == 17
        assert any("31 of 48 buckets have no record (watched since 2026092008 UTC)" in note for note in answer.notes)
        days = await here.traders.trend(SignalTrendRequest(pool=PoolFilter(), base="BTC", granularity="1d", limit=3))
        assert [row.data_version for row in days.rows] == ["2026092114", "2026092023"]
        assert START // 3_600_000 % 24 == 14
