"""What the exchange asks for at the door holds for every attempt, whatever becomes of the connection that is open."""

from __future__ import annotations

import asyncio
import json
import random

from altmonitor.core.errors import HandshakeRefused
from altmonitor.exchanges.binance.dialect import BINANCE
from altmonitor.exchanges.ws.feed import FeedOptions, KlineFeed
from altmonitor.exchanges.ws.transport import CloseReason, OnFrames, TransportOptions
from tests.exchanges.feed_kit import RecordingSink, running
from tests.movable_clock import MovableClock


class Line:
    """An open socket: acknowledges everything and brings a candle every second."""

    name = "scripted"

    def __init__(self, clock: MovableClock, on_frames: OnFrames) -> None:
        self._clock = clock
        self._on_frames = on_frames
        self._closed = asyncio.Event()
        self._talking = asyncio.create_task(self._talk())

    async def send_text(self, text: str) -> None:
        request = json.loads(text)
        result = ["btcusdt@kline_1m", "!contractInfo"] if request["method"] == "LIST_SUBSCRIPTIONS" else None
        self._on_frames([json.dumps({"result": result, "id": request["id"]}).encode()])

    async def wait_closed(self) -> CloseReason:
        await self._closed.wait()
        return CloseReason(code=1006)

    async def close(self) -> None:
        self.abort()

    def abort(self) -> None:
        self._talking.cancel()
        self._closed.set()

    async def _talk(self) -> None:
        while True:
            event_ms = self._clock.now_ms()
            kline = {"t": event_ms // 60_000 * 60_000, "n": 1, "x": False, **dict.fromkeys("ohlcqQ", "1")}
            update = {"stream": "s", "data": {"e": "kline", "E": event_ms, "s": "BTCUSDT", "k": kline}}
            self._on_frames([json.dumps(update).encode()])
            await self._clock.sleep(1)


class Door:
    """knocks_s: when, in seconds since the start. refusals: knock number → what is answered instead of a socket."""

    def __init__(self, refusals: dict[int, HandshakeRefused]) -> None:
        self.clock = MovableClock()
        self.knocks_s: list[float] = []
        self.lines: list[Line] = []
        self._refusals = refusals

    async def open(self, url: str, *, on_frames: OnFrames, options: TransportOptions) -> Line:
        self.knocks_s.append(self.clock.monotonic() - 1_000.0)
        refusal = self._refusals.get(len(self.knocks_s))
        if refusal is not None:
            raise refusal
        self.lines.append(Line(self.clock, on_frames))
        return self.lines[-1]

    def feed(self, *, life_s: float) -> KlineFeed:
        options = FeedOptions(open_transport=self.open, jitter=random.Random(1), life_s=life_s)
        return KlineFeed("ws://exchange", dialect=BINANCE, sink=RecordingSink(), clock=self.clock, options=options)


async def test_a_planned_change_that_was_refused_keeps_a_lost_connection_waiting_too() -> None:
    door = Door({2: HandshakeRefused("no", status=429, retry_after_s=14_400)})
    feed = door.feed(life_s=100)
    feed.set_symbols(["BTCUSDT"])
    async with running(feed):
        await door.clock.advance(160)
        (first_s, refused_s) = door.knocks_s
        door.lines[0].abort()
        await door.clock.advance(14_400 - (160 - refused_s) - 1)
        assert len(door.knocks_s) == 2
        await door.clock.advance(120)
        assert door.knocks_s[2] - refused_s >= 14_400
        assert first_s == 0


async def test_a_refusal_of_one_connection_keeps_the_other_away_too() -> None:
    door = Door({2: HandshakeRefused("no", status=429)})
    feed = door.feed(life_s=80_000)
    feed.set_symbols([f"COIN{number}USDT" for number in range(1_500)])  # two connections
    async with running(feed):
        await door.clock.advance(10)
        assert door.knocks_s == [0, 0]
        door.lines[0].abort()
        await door.clock.advance(289)
        assert door.knocks_s == [0, 0]
        await door.clock.advance(70)
        assert len(door.knocks_s) == 4
