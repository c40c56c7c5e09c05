"""The neutral feed over every other venue's own protocol: what holds for one holds for all."""

from __future__ import annotations

from pathlib import Path

import pytest

from altmonitor.core.causes import CauseCode
from altmonitor.core.types import Venue
from altmonitor.interfaces.exchange import Priority
from altmonitor.market.candles import MINUTE_MS
from altmonitor.sim.script import Pump
from tests.exchanges.feed_kit import T0
from tests.exchanges.venue_kit import venue_stage
from tests.fakes import cause

VENUES: tuple[Venue, ...] = ("bybit", "okx", "hyperliquid")
every_venue = pytest.mark.parametrize("venue", VENUES)


@every_venue
async def test_every_contract_is_subscribed_acknowledged_and_heard_in_candles_of_the_market(
    venue: Venue, tmp_path: Path
) -> None:
    async with venue_stage(venue, tmp_path) as s:
        await s.until_covered()
        await s.until(lambda: len(s.sink.heard) == len(s.symbols), within_s=90)
        await s.until(lambda: len({symbol for symbol, _, _ in s.sink.closed}) > len(s.symbols) / 2, within_s=90)
        status = s.feed.status()
    assert s.sink.kinds() == ["live"]
    assert set(s.sink.heard) == set(s.symbols)
    assert status.frames_skipped == {}
    assert all(open_ms % MINUTE_MS == 0 and close > 0 for _, open_ms, close in s.sink.closed)


@every_venue
async def test_a_feed_that_acknowledges_and_stays_mute_is_told_once_and_its_end_once(
    venue: Venue, tmp_path: Path
) -> None:
    async with venue_stage(venue, tmp_path, speed=40) as s:
        await s.until_covered()
        s.faults.mute = True
        waited_s = await s.until(lambda: len(s.sink.events) == 2, within_s=60)
        assert 25 <= waited_s <= 40
        await s.clock.sleep(60)
        s.faults.mute = False
        await s.until(lambda: len(s.sink.events) == 3, within_s=120)
    assert s.sink.kinds() == ["live", "blind", "live"]
    assert s.sink.events[1].reasons[0].code is CauseCode.NO_DATA


@every_venue
async def test_odd_frames_among_the_data_are_counted_and_change_nothing(venue: Venue, tmp_path: Path) -> None:
    def spoil(exchange: object) -> None:
        exchange.venues[venue].faults.garbage = True  # type: ignore[attr-defined]

    async with venue_stage(venue, tmp_path, before=spoil) as s:
        await s.until_covered()
        await s.until(lambda: sum(s.feed.status().frames_skipped.values()) > 30, within_s=120)
        assert s.sink.kinds() == ["live"]
        assert set(s.sink.heard) <= set(s.symbols) | {"BTCUSDT"}


@every_venue
async def test_sockets_that_are_closed_or_dropped_are_replaced_without_a_message(venue: Venue, tmp_path: Path) -> None:
    async with venue_stage(venue, tmp_path) as s:
        await s.until_covered()
        before = s.stats.ws_ever
        s.faults.drop_all()
        await s.until(lambda: s.stats.ws_ever > before, within_s=15)
        await s.until_covered()
        s.faults.close_all(1000)
        await s.until_covered()
    assert s.sink.kinds() == ["live"]


@every_venue
async def test_a_venue_that_refuses_handshakes_is_left_alone_for_five_minutes(venue: Venue, tmp_path: Path) -> None:
    def refuse(exchange: object) -> None:
        exchange.venues[venue].faults.refuse_connections = 403  # type: ignore[attr-defined]

    async with venue_stage(venue, tmp_path, speed=120, before=refuse) as s:
        await s.until(lambda: s.sink.events != [], within_s=60)
        assert s.sink.events[0].reasons == (
            cause("the WebSocket handshake was answered with HTTP 403", CauseCode.FIREWALL),
        )
        refused = s.stats.handshakes_refused
        await s.clock.sleep(200)
        assert s.stats.handshakes_refused == refused


@every_venue
async def test_the_venue_hears_our_heartbeat_and_its_answer_is_no_data(venue: Venue, tmp_path: Path) -> None:
    async with venue_stage(venue, tmp_path, speed=60) as s:
        await s.until_covered()
        (connection, *_) = s.stats.connections
        before = connection.control_messages
        await s.clock.sleep(300)
        assert 6 <= connection.control_messages - before <= 20
        assert s.feed.status().frames_skipped == {}
        assert connection.closed_ms is None


@every_venue
async def test_a_move_of_the_market_is_the_same_move_in_candles_of_the_venue(venue: Venue, tmp_path: Path) -> None:
    async with venue_stage(venue, tmp_path, script=[Pump("SOLUSDT", T0 + 70_000, 5.0, over_s=4)]) as s:
        await s.until_covered()
        await s.until(
            lambda: any(symbol == "SOLUSDT" and ms == T0 + 60_000 for symbol, ms, _ in s.sink.closed), within_s=180
        )
        candles = await s.adapter.rest.klines(
            "SOLUSDT", start_ms=T0 + 60_000, end_ms=T0 + 60_000, limit=5, priority=Priority.BACKFILL
        )
    (candle,) = candles
    assert candle.is_closed
    assert candle.close / candle.open > 1.03
    told = next(close for symbol, ms, close in s.sink.closed if symbol == "SOLUSDT" and ms == T0 + 60_000)
    assert told == pytest.approx(candle.close)
