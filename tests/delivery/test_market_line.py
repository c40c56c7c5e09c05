"""What the market does is written by the feed, read by notifiers, and forgotten when it is old."""

from __future__ import annotations

import asyncio

from altmonitor.delivery.market_line import MARKET_KEY, OLDEST_MS, MarketLineReader, MarketLineWriter
from altmonitor.render.digest import DigestContext
from altmonitor.storage.memory import MemoryStore
from tests.movable_clock import MovableClock

DOWN = DigestContext(symbols_watched=500, symbols_down=481, median_pct=-4.5, btc_pct=-2.0)


async def test_a_digest_has_the_line_of_this_moment_and_none_when_the_feed_is_gone() -> None:
    clock = MovableClock()
    memory = MemoryStore(clock=clock, destinations=())
    now: list[DigestContext | None] = [None]
    writer = MarketLineWriter(memory, clock=clock, context=lambda: now[0])
    reader = MarketLineReader(memory, clock=clock)
    running = asyncio.create_task(writer.run())
    await clock.advance(3)
    await reader.load()
    assert reader.current() is None, "nothing is known yet"
    now[0] = DOWN
    await clock.advance(1.5)
    await reader.load()
    assert reader.current() == DOWN
    running.cancel()
    await clock.advance(OLDEST_MS / 1000 + 2)
    assert reader.current() is None
    await memory.meta_set(MARKET_KEY, "{of another version")
    await reader.load()
    assert reader.current() is None
