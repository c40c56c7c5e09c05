"""The feed against an exchange that says exactly what a test writes."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from itertools import pairwise

import pytest

from altmonitor.core.clock import ScaledClock
from altmonitor.exchanges.binance.dialect import BINANCE
from altmonitor.exchanges.ws.feed import KlineFeed
from altmonitor.market.candles import KlineUpdate
from tests.exchanges.feed_kit import T0, RecordingSink, quick, running, until
from tests.exchanges.raw_websocket import CLOSE, TEXT, Peer, frame, raw_server
from tests.patient_clock import PatientClock

SPEED = 30


def kline(event_ms: int, *, is_closed: bool = False) -> bytes:
    open_ms = event_ms // 60_000 * 60_000
    return frame(
        f'{{"stream":"btcusdt@kline_1m","data":{{"e":"kline","E":{event_ms},"s":"BTCUSDT","k":{{"t":{open_ms},'
        f'"o":"1","h":"1","l":"1","c":"1","q":"1","Q":"1","n":1,"x":{str(is_closed).lower()}}}}}}}'.encode()
    )


class ScriptedExchange:
    """Acknowledges, lists, and sends a candle update every half second of the clock, after what `script` sends."""

    def __init__(self, clock: ScaledClock) -> None:
        self.clock = clock
        self.connects = 0
        self.close_frames: list[bytes] = []
        self.requests: list[str] = []
        self.script: Callable[[int, Peer], Awaitable[None]] | None = None
        self.first_lags_ms = 0

    async def serve(self, peer: Peer) -> None:
        self.connects += 1
        number = self.connects
        sending = asyncio.create_task(self._send(number, peer))
        try:
            while True:
                opcode, payload = await peer.receive()
                if opcode == CLOSE:
                    self.close_frames.append(payload)
                    peer.send(frame(payload, CLOSE))
                    return
                if opcode == TEXT:
                    self._answer(peer, payload)
        finally:
            sending.cancel()

    def _answer(self, peer: Peer, payload: bytes) -> None:
        request = json.loads(payload)
        self.requests.append(request["method"])
        result = ["btcusdt@kline_1m", "!contractInfo"] if request["method"] == "LIST_SUBSCRIPTIONS" else None
        peer.send(frame(json.dumps({"result": result, "id": request["id"]}).encode()))

    async def _send(self, number: int, peer: Peer) -> None:
        if self.script is not None:
            await self.script(number, peer)
        while True:
            # The same event time on every connection, as the exchange has it.
            lag_ms = self.first_lags_ms if number == 1 else 0
            peer.send(kline((self.clock.now_ms() - lag_ms) // 500 * 500))
            await self.clock.sleep(0.5)


@contextlib.asynccontextmanager
async def scripted(
    script: Callable[[int, Peer], Awaitable[None]] | None = None,
) -> AsyncIterator[tuple[ScriptedExchange, KlineFeed, RecordingSink]]:
    clock = PatientClock(start_ms=T0 + 12_000, speed=SPEED)
    exchange = ScriptedExchange(clock)
    exchange.script = script
    sink = RecordingSink()
    async with raw_server(exchange.serve) as port:
        feed = KlineFeed(f"ws://127.0.0.1:{port}", dialect=BINANCE, sink=sink, clock=clock, options=quick())
        yield exchange, feed, sink


async def test_a_shutdown_notice_moves_the_feed_to_a_new_connection_before_the_old_one_ends() -> None:
    async def announce(number: int, peer: Peer) -> None:
        if number == 1:
            peer.send(frame(b'{"e":"serverShutdown","E":1790000000000}'))

    async with scripted(announce) as (exchange, feed, sink):
        feed.set_symbols(["BTCUSDT"])
        async with running(feed):
            await until(lambda: "rotated" in sink.kinds())
            assert exchange.connects == 2
            assert feed.status().reconnects == 0
            await exchange.clock.sleep(5)
            assert feed.status().connections == 1
    assert exchange.close_frames == [b"\x03\xe8"]
    assert sink.kinds() == ["live", "rotated"]


@pytest.mark.parametrize("lag_ms", [0, 2_000])
async def test_an_update_that_two_overlapping_connections_carry_is_told_once_and_none_is_lost(lag_ms: int) -> None:
    seen: list[int] = []

    async def announce(number: int, peer: Peer) -> None:
        if number == 1:
            peer.send(frame(b'{"e":"serverShutdown","E":1790000000000}'))

    async with scripted(announce) as (exchange, feed, sink):
        sink_on_kline = sink.on_kline
        exchange.first_lags_ms = lag_ms

        class Noting(RecordingSink):
            def on_kline(self, update: KlineUpdate) -> None:
                seen.append(update.event_ms)
                sink_on_kline(update)

        noting = Noting()
        feed = KlineFeed(feed.url, dialect=BINANCE, sink=noting, clock=exchange.clock, options=quick())
        feed.set_symbols(["BTCUSDT"])
        async with running(feed):
            await until(lambda: "rotated" in noting.kinds())
    assert len(seen) == len(set(seen))
    # Half a second between two updates, one of which a busy machine may skip.
    assert max(later - earlier for earlier, later in pairwise(sorted(seen))) <= 1_500


async def test_a_new_connection_that_dies_early_leaves_the_old_one_in_charge() -> None:
    async def script(number: int, peer: Peer) -> None:
        if number == 1:
            peer.send(frame(b'{"e":"serverShutdown","E":1790000000000}'))
        if number in {2, 3}:
            peer.send(frame(b"\x03\xe8", CLOSE))
            peer.writer.close()

    async with scripted(script) as (exchange, feed, sink):
        feed.set_symbols(["BTCUSDT"])
        async with running(feed):
            await until(lambda: exchange.connects >= 2)
            before = sink.updates
            await until(lambda: sink.updates > before + 20)
            assert feed.status().connections == 1
    assert sink.kinds() == ["live"]


async def test_what_the_consumer_raises_is_a_mistake_of_ours_and_ends_the_feed() -> None:
    async with scripted() as (_, feed, _sink):

        class Broken(RecordingSink):
            def on_kline(self, update: KlineUpdate) -> None:
                raise LookupError(update.symbol)

        broken = KlineFeed(
            feed.url, dialect=BINANCE, sink=Broken(), clock=PatientClock(start_ms=T0, speed=SPEED), options=quick()
        )
        broken.set_symbols(["BTCUSDT"])
        with pytest.raises(ExceptionGroup) as raised:
            async with asyncio.timeout(5):
                await broken.run()
    assert raised.group_contains(LookupError, match="BTCUSDT")


async def test_it_waits_for_symbols_and_begins_with_the_contract_stream() -> None:
    async with scripted() as (exchange, feed, sink), running(feed):
        await exchange.clock.sleep(40)
        assert (exchange.connects, sink.events) == (0, [])
        feed.set_symbols(["BTCUSDT"])
        await until(lambda: "live" in sink.kinds())
    assert exchange.requests[0] == "SUBSCRIBE"
    assert sink.kinds() == ["live"]


async def test_it_stops_at_once_and_leaves_no_connection() -> None:
    async with scripted() as (exchange, feed, sink):
        feed.set_symbols(["BTCUSDT"])
        task = asyncio.create_task(feed.run())
        await until(lambda: sink.updates > 3)
        task.cancel()
        async with asyncio.timeout(1):
            await asyncio.wait({task})
        assert task.cancelled()
        assert feed.status().connections == 0
        told = sink.updates
        await exchange.clock.sleep(5)
        assert sink.updates == told


async def test_it_can_run_again_after_it_was_stopped() -> None:
    async with scripted() as (exchange, feed, sink):
        feed.set_symbols(["BTCUSDT"])
        async with running(feed):
            await until(lambda: sink.updates > 3)
        before = sink.updates
        async with running(feed):
            await until(lambda: sink.updates > before + 3)
        assert exchange.connects == 2
