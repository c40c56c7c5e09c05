"""The tables of every other venue: contracts, candles, open interest of one side, funding, and what a refusal does."""

from __future__ import annotations

from pathlib import Path

import pytest

from altmonitor.core.errors import BadAnswer, ExchangeBlocked, ExchangeError, ExchangeUnreachable, UnknownSymbol
from altmonitor.core.types import Venue
from altmonitor.core.venue_names import coin_of
from altmonitor.interfaces.exchange import Priority
from altmonitor.market.candles import MINUTE_MS
from altmonitor.market.contracts import is_watched
from altmonitor.sim.control import RestFault
from tests.exchanges.feed_kit import T0
from tests.exchanges.venue_kit import venue_stage

VENUES: tuple[Venue, ...] = ("bybit", "okx", "hyperliquid")
every_venue = pytest.mark.parametrize("venue", VENUES)
TABLE = {
    "bybit": "/v5/market/tickers",
    "okx": "/api/v5/public/open-interest",
    "hyperliquid": "/hyperliquid/info#metaAndAssetCtxs",
}
HELD_SHARE = {"bybit": 0.4, "okx": 0.3, "hyperliquid": 0.2}
REFUSALS = {"bybit": (403, 600), "okx": (429, 300), "hyperliquid": (429, 300)}


@every_venue
async def test_contracts_are_named_alike_everywhere_and_tradfi_follows_the_same_switch(
    venue: Venue, tmp_path: Path
) -> None:
    async with venue_stage(venue, tmp_path, symbols=400, has_feed=False, TRADFI_PERPETUALS="true") as s:
        contracts = await s.adapter.rest.contracts()
        listed = {c.symbol for c in s.market.contracts() if c.status_at(s.exchange.now_ms()) == "TRADING"}
    crypto = {c.symbol for c in contracts if is_watched(c, tradfi=False)}
    tradfi = {c.symbol for c in contracts if is_watched(c, tradfi=True)} - crypto
    assert "BTCUSDT" in crypto
    assert len(crypto) > 200
    assert len(tradfi) > 10
    assert {coin_of(symbol) for symbol in crypto} <= {coin_of(symbol) for symbol in listed}


@every_venue
async def test_open_interest_is_of_one_side_and_in_coins(venue: Venue, tmp_path: Path) -> None:
    async with venue_stage(venue, tmp_path, has_feed=False) as s:
        assert s.adapter.oi_table is not None
        rows = {row.symbol: row for row in await s.adapter.oi_table.open_interests()}
        at_ms = rows["SOLUSDT"].time_ms
        held = s.market.open_interest("SOLUSDT", at_ms)
        one = await s.adapter.rest.open_interest("SOLUSDT", priority=Priority.ENRICH)
        with pytest.raises(UnknownSymbol):
            await s.adapter.rest.open_interest("NOSUCHUSDT", priority=Priority.ENRICH)
    assert rows["SOLUSDT"].contracts == pytest.approx(held * HELD_SHARE[venue], rel=1e-3)
    assert one.symbol == "SOLUSDT"
    assert len(rows) > 40


@every_venue
async def test_candles_come_oldest_first_in_the_quote_currency_and_the_running_one_is_open(
    venue: Venue, tmp_path: Path
) -> None:
    async with venue_stage(venue, tmp_path, has_feed=False) as s:
        now_ms = s.exchange.now_ms() // MINUTE_MS * MINUTE_MS
        got = await s.adapter.rest.klines(
            "SOLUSDT", start_ms=now_ms - 9 * MINUTE_MS, end_ms=now_ms, limit=99, priority=Priority.BACKFILL
        )
        real = s.market.klines("SOLUSDT", now_ms - 9 * MINUTE_MS, now_ms)
    assert [candle.open_ms for candle in got] == [now_ms - back * MINUTE_MS for back in range(9, -1, -1)]
    assert [candle.is_closed for candle in got] == [True] * 9 + [False]
    for mine, theirs in zip(got[:9], real[:9], strict=True):
        assert (mine.open, mine.close) == pytest.approx((theirs.open, theirs.close))
        assert mine.quote_usdt == pytest.approx(theirs.quote_usdt, rel=0.03)
        assert mine.taker_quote_usdt != mine.taker_quote_usdt  # not told, which is not zero


@every_venue
async def test_funding_is_of_the_interval_it_is_told_for_and_the_day_is_in_percent(
    venue: Venue, tmp_path: Path
) -> None:
    async with venue_stage(venue, tmp_path, has_feed=False) as s:
        fundings = {row.symbol: row for row in await s.adapter.rest.fundings()}
        hours = await s.adapter.rest.funding_hours()
        days = {row.symbol: row for row in await s.adapter.rest.day_tickers()}
    usual = s.adapter.units.funding_hours
    assert usual not in hours.values()
    assert all(0 < length <= 24 for length in hours.values())
    assert all(abs(row.rate) < 0.01 and row.mark_price > 0 for row in fundings.values())
    assert all(row.next_ms > T0 for row in fundings.values())
    assert all(abs(day.change_pct) < 60 and day.last_price > 0 and day.quote_usdt > 0 for day in days.values())
    assert len(fundings) > 40
    assert len(days) > 40
    assert fundings["SOLUSDT"].index_price is not None


@every_venue
async def test_a_refusal_closes_the_gate_for_as_long_as_the_venue_wants_and_one_ping_opens_it(
    venue: Venue, tmp_path: Path
) -> None:
    status, pause_s = REFUSALS[venue]
    async with venue_stage(venue, tmp_path, has_feed=False, speed=60) as s:
        assert s.adapter.oi_table is not None
        s.exchange.faults.rest[TABLE[venue]] = RestFault(status=status, body="<html>Access Denied</html>", times=1)
        with pytest.raises(ExchangeBlocked) as refused:
            await s.adapter.oi_table.open_interests()
        assert refused.value.until_ms - s.clock.now_ms() == pytest.approx(pause_s * 1000, abs=5_000)
        asked = s.exchange.stats.requests()
        with pytest.raises(ExchangeBlocked):
            await s.adapter.rest.klines("SOLUSDT", start_ms=T0, end_ms=T0, limit=1, priority=Priority.BACKFILL)
        assert s.exchange.stats.requests() == asked
        await s.clock.sleep(pause_s + 1)
        assert len(await s.adapter.oi_table.open_interests()) > 40
    assert [guard.state for guard in s.guards] == ["blocked", "open"]


@every_venue
@pytest.mark.parametrize("fault", ["html", "truncated", "cut", "empty list", "empty", "500"])
async def test_a_table_that_is_damaged_is_an_error_and_never_a_table_without_rows(
    venue: Venue, fault: str, tmp_path: Path
) -> None:
    bodies = {"empty": "{}", "html": "<html>gateway</html>"}
    faults = {
        "html": RestFault(html_200=True),
        "truncated": RestFault(truncate=True),
        "cut": RestFault(cut=True),
        "empty list": RestFault(status=200, body=EMPTY[venue]),
        "empty": RestFault(status=200, body=bodies["empty"]),
        "500": RestFault(status=500),
    }
    async with venue_stage(venue, tmp_path, has_feed=False) as s:
        assert s.adapter.oi_table is not None
        s.exchange.faults.rest[TABLE[venue]] = faults[fault]
        with pytest.raises((BadAnswer, ExchangeUnreachable, ExchangeError)):
            await s.adapter.oi_table.open_interests()
        assert s.adapter.rest.guard_status().state == "open"
        del s.exchange.faults.rest[TABLE[venue]]
        assert len(await s.adapter.oi_table.open_interests()) > 40


EMPTY = {
    "bybit": '{"retCode":0,"retMsg":"OK","result":{"category":"linear","list":[]},"time":1790000000000}',
    "okx": '{"code":"0","msg":"","data":[]}',
    "hyperliquid": '[{"universe":[]},[]]',
}


@every_venue
async def test_the_clock_of_the_venue_is_its_own_and_its_uncertainty_is_half_of_what_the_answer_took(
    venue: Venue, tmp_path: Path
) -> None:
    async with venue_stage(venue, tmp_path, has_feed=False, speed=1) as s:
        assert s.adapter.clock.uncertainty_ms is None
        s.faults.clock_skew_ms = 7_000
        await s.adapter.rest.server_time_ms()
        assert s.adapter.clock.skew_ms == pytest.approx(-7_000, abs=150)
        assert s.adapter.clock.uncertainty_ms is not None
        assert 0 <= s.adapter.clock.uncertainty_ms < 500
