"""Traders of OKX with a key: what is signed, what is sent, what comes back, and what is done when it is refused."""

from __future__ import annotations

import logging
from decimal import Decimal

import pytest

from altmonitor.core.errors import BadAnswer, KeyRefused, UnknownTrader
from altmonitor.core.types import Secret
from altmonitor.exchanges.okx.key_traders import LEADERBOARD, OVERVIEW, SIGNAL_HISTORY, OkxCredentials
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
from tests.exchanges.okx.traders_kit import trader_stage

TOP = LeaderboardRequest(sort_by="pnl", period_days=90, limit=20)


def test_a_signature_is_that_of_the_documented_recipe() -> None:
    """Reckoned by another program: openssl dgst -sha256 -hmac … -binary | base64."""
    key = OkxCredentials(key=Secret("k"), secret=Secret("22582BD0CFF14C41EDBF1AB98506286D"), passphrase=Secret("p"))
    found = key.headers("/api/v5/account/balance?ccy=BTC", now_ms=1_607_418_537_715)
    assert found["OK-ACCESS-TIMESTAMP"] == "2020-12-08T09:08:57.715Z"
    assert found["OK-ACCESS-SIGN"] == "HiZhvSfMtWJA3uUIVXV3a/bSXNPCWvYFXoGCVS8V4zY="


async def test_three_pages_tell_every_trader_once() -> None:
    async with trader_stage() as stage:
        told: list[str] = []
        after = None
        for page in range(3):
            found = await stage.key.leaderboard(LeaderboardRequest(sort_by="pnl", period_days=7, after=after, limit=20))
            told += [row.author_id for row in found.rows]
            after = found.next_after
            assert after == (found.rows[-1].author_id if page < 3 else None)
        assert len(told) == len(set(told)) == 60
        assert found.update_time == "202609212210"


async def test_every_parameter_is_sent_also_what_is_usual() -> None:
    async with trader_stage() as stage:
        await stage.key.leaderboard(LeaderboardRequest(sort_by="pnl", period_days=90, min_win_rate=Decimal("0.4")))
        await stage.key.overview(OverviewRequest(pool=PoolFilter()))
        await stage.key.trend(SignalTrendRequest(pool=PoolFilter(), base="BTC", granularity="1h"))
        tiers = {"pnlTier": "PNL_ANY", "winRateTier": "WR_ANY", "maxDrawdownTier": "MR_ANY", "aumTier": "AUM_ANY"}
        pool = {"sortBy": "pnl", "period": "7", "lmtNum": "100", **tiers}
        assert stage.exchange.okx_signed.asked == [
            (LEADERBOARD, {"sortBy": "pnl", "period": "90", "winRate": "0.4", "limit": "10"}),
            (OVERVIEW, {"topInstruments": "20", **pool}),
            (SIGNAL_HISTORY, {"instCcy": "BTC", "granularity": "1h", "asOfTime": "2026092114", "limit": "24", **pool}),
        ]


async def test_filters_are_the_exchanges_and_numbers_have_no_exponent() -> None:
    async with trader_stage() as stage:
        wanted = LeaderboardRequest(
            sort_by="pnlRatio", period_days=30, min_pnl=Decimal("1E+3"), max_drawdown=Decimal("0.2"), limit=100
        )
        found = await stage.key.leaderboard(wanted)
        assert 0 < len(found.rows) < 60
        assert all(Decimal(row.pnl or "0") >= 1_000 for row in found.rows)
        assert all(Decimal(row.max_drawdown or "1") <= Decimal("0.2") for row in found.rows)
        assert stage.exchange.okx_signed.asked[0][1]["pnl"] == "1000"
        assert len(found.rows[0].rates) == 30
        assert found.next_after is None


async def test_performance_of_two_one_unknown_is_one_row_and_a_note() -> None:
    async with trader_stage() as stage:
        one = stage.exchange.okx_traders.all[0]
        found = await stage.key.performance(NamedTraders(author_ids=(one.author_id, "1"), sort_by="pnl", period_days=3))
        assert [row.author_id for row in found.rows] == [one.author_id]
        assert found.notes == ("1: not among the traders okx ranks",)


async def test_a_trader_is_found_by_name_and_drilled_into() -> None:
    async with trader_stage() as stage:
        found = await stage.key.search("白鹭")
        assert len(found.rows) == 6
        author_id = found.rows[0].author_id
        traders, now_ms = stage.exchange.okx_traders, stage.exchange.now_ms()
        one = traders.by_author[author_id]
        positions = await stage.key.positions(PositionsRequest(author_id=author_id))
        held = {str(each.position_id): each for each in traders.held(one, now_ms)}
        assert {row.pos_id: row.direction for row in positions.rows} == {
            number: "long" if each.is_long else "short" for number, each in held.items()
        }
        for row in positions.rows:
            each = held[row.pos_id]
            assert float(row.entry_notional_usd or "nan") == pytest.approx(each.notional(each.entry), rel=1e-4)
        closed = await stage.key.positions_history(TraderHistoryRequest(author_id=author_id, limit=5))
        assert len(closed.rows) == 5
        assert {row.close_type for row in closed.rows} == {"allClose"}
        assert float(closed.rows[0].fee or "nan") < 0
        orders: list[str] = []
        after = None
        while True:
            page = await stage.key.orders_history(
                TraderHistoryRequest(author_id=author_id, base="BTC", after=after, limit=3)
            )
            orders += [row.ord_id for row in page.rows]
            after = page.next_after
            if after is None:
                break
        past = [each for each in traders.closed(one, now_ms, least=12) if each.instrument == "BTC-USDT-SWAP"]
        assert len(orders) == len(set(orders)) == 2 * len(past)
        assert all(row.px is None for row in page.rows)


async def test_signals_of_a_pool_now_and_over_a_day() -> None:
    async with trader_stage() as stage:
        found = await stage.key.overview(
            OverviewRequest(pool=PoolFilter(pnl_tier="PNL_TOP20"), bases=("BTC", "NOSUCH"))
        )
        (row,) = found.rows
        assert (row.ccy, row.traders_qualified, row.data_version) == ("BTC-USDT-SWAP", 12, "2026092114")
        assert row.win_rate.avg_short_win_rate is None
        assert row.long_short_ratio.long_ratio_vs_24h is not None
        assert found.notes == ("NOSUCH: okx tells nothing of it",)
        trend = await stage.key.trend(
            SignalTrendRequest(pool=PoolFilter(), base="BTC", granularity="1h", as_of="2026092006", limit=24)
        )
        assert [point.data_version for point in trend.rows] == sorted(
            (point.data_version for point in trend.rows), reverse=True
        )
        assert trend.rows[0].data_version == "2026092006"
        assert len(trend.rows) == 24


async def test_a_wrong_key_is_shown_once_and_named() -> None:
    wrong = {"key": "50111", "secret": "50113", "passphrase": "50105"}
    for part, code in wrong.items():
        async with trader_stage(**{part: "not-the-one"}) as stage:
            for _ in range(2):
                with pytest.raises(KeyRefused, match=f"{code} .*OKX_API_KEY, OKX_SECRET_KEY and OKX_PASSPHRASE"):
                    await stage.key.leaderboard(TOP)
            assert stage.asked(LEADERBOARD) == 1, part


async def test_without_a_key_nothing_is_asked() -> None:
    async with trader_stage(secret="", passphrase="") as stage:
        assert not stage.key.is_ready()
        with pytest.raises(KeyRefused, match="OKX_SECRET_KEY, OKX_PASSPHRASE not set"):
            await stage.key.search("x")
        assert stage.exchange.stats.rest == {}


async def test_a_clock_that_is_a_minute_off_is_set_by_the_exchanges_and_asked_again() -> None:
    async with trader_stage() as stage:
        stage.exchange.venues["okx"].faults.clock_skew_ms = 90_000
        assert len((await stage.key.leaderboard(TOP)).rows) == 20
        await stage.key.search("x")
        assert stage.asked(LEADERBOARD) == 2
        assert stage.asked("/api/v5/public/time") == 1


async def test_k27_a_burst_of_twenty_stays_within_five_a_second(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with trader_stage() as stage:
        for _ in range(20):
            await stage.key.search("x")
        log = stage.exchange.stats.rest["/api/v5/orbit/top-trader-search"]
        assert log.statuses == {200: 20}
        assert log.times_ms[-1] - log.times_ms[0] > 2_900
        key = stage.exchange.okx_key
        for secret in (key.key, key.secret, key.passphrase):
            assert secret not in caplog.text
        assert "Secret(***)" in repr(stage.key._credentials)


async def test_what_the_exchange_refuses_and_a_portals_page_are_its_errors() -> None:
    async with trader_stage() as stage:
        with pytest.raises(UnknownTrader, match="okx knows no such trader"):
            await stage.key.positions(PositionsRequest(author_id="404"))
        with pytest.raises(BadAnswer, match="51000 Parameter period error"):
            await stage.key.leaderboard(LeaderboardRequest(sort_by="pnl", period_days=4))
        stage.exchange.faults.rest[LEADERBOARD] = RestFault(html_200=True, times=1)
        with pytest.raises(BadAnswer, match="a web page"):
            await stage.key.leaderboard(TOP)
