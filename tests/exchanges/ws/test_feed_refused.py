"""What the exchange asks for at the door holds for every attempt, whatever becomes of the connection that is open."""

from __future__ import annotations

import random

from altmonitor.core.errors import HandshakeRefused
from altmonitor.exchanges.binance.dialect import BINANCE
from altmonitor.exchanges.ws.feed import FeedOptions, KlineFeed
from altmonitor.exchanges.ws.transport import OnFrames, TransportOptions
from tests.exchanges.feed_kit import RecordingSink, ScriptedSocket, running
from tests.movable_clock import MovableClock


class Door:
    """knocks_s: when, in seconds since the start. refusals: knock number → what is answered instead of a socket."""

    def __init__(self, refusals: dict[int, HandshakeRefused]) -> None:
        self.clock = MovableClock()
        self.knocks_s: list[float] = []
        self.lines: list[ScriptedSocket] = []
        self._refusals = refusals

    async def open(self, url: str, *, on_frames: OnFrames, options: TransportOptions) -> ScriptedSocket:
        self.knocks_s.append(self.clock.monotonic() - 1_000.0)
        refusal = self._refusals.get(len(self.knocks_s))
        if refusal is not None:
            raise refusal
        self.lines.append(ScriptedSocket(self.clock, on_frames))
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
