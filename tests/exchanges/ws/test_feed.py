"""The feed against the simulated exchange: over real sockets, in fast time."""

from __future__ import annotations

import pytest

from altmonitor.core.causes import CauseCode
from altmonitor.exchanges.ws.picows import open_picows
from altmonitor.exchanges.ws.transport import OpenTransport
from altmonitor.exchanges.ws.websockets import open_websockets
from altmonitor.market.contracts import ContractNews
from altmonitor.sim.script import Listing
from tests.exchanges.feed_kit import T0, quick, stage


@pytest.fixture(params=[open_websockets, open_picows], ids=["websockets", "picows"])
def open_transport(request: pytest.FixtureRequest) -> OpenTransport:
    return request.param  # type: ignore[no-any-return]


async def test_every_symbol_is_subscribed_acknowledged_listed_and_heard(open_transport: OpenTransport) -> None:
    async with stage(options=quick(open_transport=open_transport)) as s:
        await s.until_covered()
        await s.until(lambda: len(s.sink.heard) == len(s.symbols), within_s=90)
        (connection,) = s.exchange.stats.connections
        status = s.feed.status()
    assert connection.subscriptions == {"!contractInfo", *(f"{symbol.lower()}@kline_1m" for symbol in s.symbols)}
    assert connection.path == "/market/stream"
    assert s.sink.kinds() == ["live"]
    assert (s.sink.events[0].attempts, s.sink.events[0].blind_since_ms) == (1, None)
    assert status.connections == 1
    assert status.frames == s.sink.updates
    assert status.frames_skipped == {}
    assert status.transport == ("websockets" if open_transport is open_websockets else "picows")
    assert status.last_frame_age_s is not None
    assert status.last_frame_age_s < 5


async def test_the_exchanges_limits_on_control_messages_are_kept() -> None:
    async with stage(symbols=800, frames_per_s=200) as s:
        await s.until_covered()
        stats = s.exchange.stats
    assert stats.largest_frame_bytes <= 3500
    assert stats.most_messages_in_1s <= 5  # four of ours and at most one that was delayed on its way
    assert all(connection.ignored_frames == 0 for connection in stats.connections)


async def test_from_900_streams_on_two_connections_share_them_evenly() -> None:
    async with stage(symbols=1300, frames_per_s=200) as s:
        assert 900 <= len(s.symbols) < 1800
        await s.until_covered()
        first, second = s.exchange.stats.connections
    assert abs(len(first.subscriptions) - len(second.subscriptions)) <= 2
    assert not first.subscriptions & second.subscriptions
    assert "!contractInfo" in first.subscriptions | second.subscriptions


async def test_a_feed_that_acknowledges_and_stays_mute_is_noticed_within_35_s_and_told_once() -> None:
    async with stage(before=lambda exchange: setattr(exchange.faults, "mute", True)) as s:
        waited_s = await s.until(lambda: s.sink.events != [], within_s=40)
        assert waited_s <= 35
        await s.until(lambda: s.exchange.stats.ws_ever >= 3, within_s=120)
        assert s.sink.kinds() == ["blind"]
        assert [one.code for one in s.sink.events[0].reasons] == [CauseCode.NOT_ROUTED]
        assert s.feed.status().is_blind
        assert s.feed.status().symbols_covered == 0
        s.exchange.faults.mute = False
        await s.until(lambda: len(s.sink.events) == 2, within_s=60)
    assert s.sink.kinds() == ["blind", "live"]
    assert s.sink.events[1].attempts >= 2


async def test_a_feed_that_falls_mute_later_tells_since_when() -> None:
    async with stage() as s:
        await s.until_covered()
        s.exchange.faults.mute = True
        muted_ms = s.clock.now_ms()
        waited_s = await s.until(lambda: len(s.sink.events) == 2, within_s=40)
        assert waited_s <= 35
        s.exchange.faults.mute = False
        await s.until(lambda: len(s.sink.events) == 3, within_s=60)
    assert s.sink.kinds() == ["live", "blind", "live"]
    blind, live = s.sink.events[1:]
    assert blind.blind_since_ms is not None
    assert abs(blind.blind_since_ms - muted_ms) < 3_000
    assert live.blind_since_ms == blind.blind_since_ms
    assert live.at_ms - blind.blind_since_ms >= 30_000


async def test_on_a_fast_clock_a_longer_silence_can_be_what_counts() -> None:
    async with stage(options=quick(shortest_silence_s=90)) as s:
        await s.until_covered()
        s.exchange.faults.mute = True
        await s.clock.sleep(60)
        assert s.sink.kinds() == ["live"]
        assert s.exchange.stats.ws_ever == 1
        waited_s = await s.until(lambda: len(s.sink.events) == 2, within_s=45)
        assert waited_s >= 25
    assert s.sink.kinds() == ["live", "blind"]


@pytest.mark.parametrize("path", ["/", "/public"])
async def test_an_address_without_the_right_route_is_noticed(path: str) -> None:
    async with stage(path=path) as s:
        await s.until(lambda: s.sink.events != [], within_s=36)
    assert s.sink.kinds() == ["blind"]
    assert [one.code for one in s.sink.events[0].reasons] == [CauseCode.NOT_ROUTED]


async def test_clean_closes_do_not_make_a_storm(open_transport: OpenTransport) -> None:
    async with stage(options=quick(open_transport=open_transport)) as s:
        started_s = s.clock.monotonic()
        while s.clock.monotonic() - started_s < 60:
            await s.until(lambda: any(c.subscriptions for c in s.exchange.stats.open_connections), within_s=130)
            s.exchange.faults.close_all(1000)
            await s.until(lambda: s.exchange.stats.ws_now == 0, within_s=20)
        first_minute = [c for c in s.exchange.stats.connections if c.opened_ms <= T0 + 72_000]
    assert 4 <= len(first_minute) <= 12


async def test_a_dropped_connection_is_replaced_within_seconds_without_a_message(open_transport: OpenTransport) -> None:
    async with stage(options=quick(open_transport=open_transport)) as s:
        await s.until_covered()
        s.exchange.faults.drop_all()
        await s.until(lambda: s.exchange.stats.ws_ever == 2, within_s=5)
        await s.until_covered()
        assert s.feed.status().reconnects == 1
    assert s.sink.kinds() == ["live"]


async def test_a_refusing_exchange_is_left_alone_for_five_minutes() -> None:
    def refuse(exchange: object) -> None:
        exchange.faults.refuse_connections = 451  # type: ignore[attr-defined]

    async with stage(before=refuse, speed=120) as s:
        await s.until(lambda: s.sink.events != [], within_s=40)
        assert [one.code for one in s.sink.events[0].reasons] == [CauseCode.REGION]
        await s.clock.sleep(250)
        assert s.exchange.stats.handshakes_refused == 1
        waited_s = await s.until(lambda: s.exchange.stats.handshakes_refused == 2, within_s=400)
        assert s.sink.kinds() == ["blind"]
        assert waited_s > 5


async def test_a_new_listing_is_told_and_heard_without_a_new_connection() -> None:
    listed_ms = T0 + 40_000
    async with stage(script=[Listing("FRESHUSDT", at_ms=listed_ms)]) as s:
        await s.until_covered()
        await s.until(lambda: s.sink.news != [], within_s=60)
        s.feed.set_symbols([*s.symbols, "FRESHUSDT"])
        waited_s = await s.until(lambda: s.sink.heard["FRESHUSDT"] > 0, within_s=30)
        assert s.exchange.stats.ws_ever == 1
        assert s.feed.status().symbols_expected == len(s.symbols) + 1
    assert s.sink.news == [
        ContractNews(event_ms=listed_ms, symbol="FRESHUSDT", status="TRADING", contract_type="PERPETUAL")
    ]
    assert waited_s < 20


async def test_a_delisted_symbol_is_unsubscribed_on_the_open_connection() -> None:
    async with stage() as s:
        await s.until_covered()
        gone, *rest = s.symbols
        s.feed.set_symbols(rest)
        (connection,) = s.exchange.stats.connections
        await s.until(lambda: f"{gone.lower()}@kline_1m" not in connection.subscriptions, within_s=10)
        await s.until(lambda: s.feed.status().symbols_covered == len(rest), within_s=10)
        assert s.exchange.stats.ws_ever == 1


async def test_odd_frames_are_counted_and_the_connection_is_kept(open_transport: OpenTransport) -> None:
    options = quick(open_transport=open_transport)
    async with stage(options=options, before=lambda exchange: setattr(exchange.faults, "garbage", True)) as s:
        await s.until_covered()
        await s.until(lambda: sum(s.feed.status().frames_skipped.values()) >= 100, within_s=120)
        assert s.exchange.stats.ws_ever == 1
        skipped = s.feed.status().frames_skipped
    assert set(skipped) == {"malformed", "wrong_shape", "unknown_event"}
    assert s.sink.updates > 100


async def test_a_rejected_chunk_is_asked_for_again() -> None:
    def reject(exchange: object) -> None:
        exchange.faults.reject_subscribe_ids = {1}  # type: ignore[attr-defined]

    async with stage(before=reject) as s:
        await s.until_covered()
        assert s.exchange.stats.ws_ever == 1
        assert len(s.exchange.stats.connections[0].subscriptions) == len(s.symbols) + 1


async def test_swallowed_acknowledgements_lead_to_a_new_connection() -> None:
    async with stage(before=lambda exchange: setattr(exchange.faults, "swallow_acks", True)) as s:
        await s.until(lambda: s.exchange.stats.ws_ever == 2, within_s=30)
        assert s.feed.status().symbols_covered == 0
        s.exchange.faults.swallow_acks = False
        await s.until_covered()


async def test_one_silent_symbol_is_told_once_and_asked_for_again_and_its_return_is_told() -> None:
    async with stage(speed=120, frames_per_s=200) as s:
        await s.until_covered()
        busiest = s.sink.heard.most_common(1)[0][0]
        await s.clock.sleep(300)
        (connection,) = s.exchange.stats.connections
        asked_before = connection.control_messages
        s.exchange.faults.mute_symbols = {busiest}
        await s.until(lambda: "symbols_silent" in s.sink.kinds(), within_s=1200)
        await s.clock.sleep(200)
        assert s.feed.status().symbols_covered == len(s.symbols) - 1
        assert connection.control_messages == asked_before + 2
        s.exchange.faults.mute_symbols = set()
        await s.until(lambda: "symbols_back" in s.sink.kinds(), within_s=300)
        assert s.exchange.stats.ws_ever == 1
    told = [(event.kind, event.symbols) for event in s.sink.events if event.symbols]
    assert told == [("symbols_silent", (busiest,)), ("symbols_back", (busiest,))]


async def test_the_connection_is_replaced_before_its_time_without_losing_or_doubling_a_candle(
    open_transport: OpenTransport,
) -> None:
    async with stage(speed=30, options=quick(open_transport=open_transport, life_s=70)) as s:
        await s.until_covered()
        await s.until(lambda: s.sink.kinds().count("rotated") == 3, within_s=500)
        end_ms = s.clock.now_ms() // 60_000 * 60_000
        await s.clock.sleep(5)
        assert s.exchange.stats.ws_now == 1
    first_ms = T0 + 60_000
    expected = {
        (symbol, candle.open_ms, candle.close)
        for symbol in s.symbols
        for candle in s.market.klines(symbol, first_ms, end_ms - 60_000)
    }
    assert len(expected) >= 3 * len(s.symbols)
    assert expected <= set(s.sink.closed)
    assert len(s.sink.closed) == len(set(s.sink.closed))
    assert set(s.sink.kinds()) == {"live", "rotated"}
    assert [c.close_code for c in s.exchange.stats.connections[:-1]] == [1000, 1000, 1000]
