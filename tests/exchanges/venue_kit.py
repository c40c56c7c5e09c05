"""One venue's adapter beside the simulated exchange that speaks as it: what the tests of all venues share."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from altmonitor.config import load
from altmonitor.core.clock import Clock
from altmonitor.core.status import GuardStatus
from altmonitor.core.types import Venue
from altmonitor.exchanges.adapter import AdapterDeps, ExchangeAdapter
from altmonitor.exchanges.venues import adapter_of
from altmonitor.interfaces.exchange import Feed
from altmonitor.market.contracts import is_watched
from altmonitor.sim.control import ExchangeFaults, ExchangeStats
from altmonitor.sim.exchange import SimExchange
from altmonitor.sim.market import SeededMarket
from altmonitor.sim.script import Event
from tests.exchanges.feed_kit import T0, RecordingSink, quick
from tests.patient_clock import PatientClock


@dataclass(slots=True)
class VenueStage:
    """symbols: what the feed watches. guards: what the gate told."""

    venue: Venue
    clock: Clock
    market: SeededMarket
    exchange: SimExchange
    adapter: ExchangeAdapter
    sink: RecordingSink
    feed: Feed
    symbols: Sequence[str]
    guards: list[GuardStatus] = field(default_factory=list)

    @property
    def faults(self) -> ExchangeFaults:
        return self.exchange.venues[self.venue].faults

    @property
    def stats(self) -> ExchangeStats:
        return self.exchange.venues[self.venue].stats

    async def until(self, is_true: Callable[[], bool], *, within_s: float) -> float:
        started_s = self.clock.monotonic()
        while not is_true():
            waited_s = self.clock.monotonic() - started_s
            assert waited_s < within_s, f"not within {within_s} s; {self.sink.events}; {self.feed.status()}"
            await asyncio.sleep(0.005)
        return self.clock.monotonic() - started_s

    async def until_covered(self) -> None:
        await self.until(lambda: self.feed.status().symbols_covered == len(self.symbols), within_s=120)
        await self.until(lambda: not self.feed.status().is_blind, within_s=60)


@contextlib.asynccontextmanager
async def venue_stage(
    venue: Venue,
    folder: Path,
    *,
    speed: float = 20,
    symbols: int = 60,
    frames_per_s: float = 100,
    script: Sequence[Event] = (),
    before: Callable[[SimExchange], None] = lambda exchange: None,
    start_ms: int = T0 + 12_000,
    has_feed: bool = True,
    **environ: str,
) -> AsyncIterator[VenueStage]:
    clock = PatientClock(start_ms=start_ms, speed=speed)
    market = SeededMarket(seed=7, start_ms=start_ms, symbols=symbols, frames_per_s=frames_per_s, script=script)
    async with SimExchange(market, clock=clock) as exchange:
        before(exchange)
        config, _ = load(exchange.environment() | {"DB_FILE": str(folder / "alerts.db")} | environ, env_file=None)
        guards: list[GuardStatus] = []
        adapter = adapter_of(venue)(
            AdapterDeps(config=config, clock=clock, on_guard=guards.append, answer_s=15 * speed, feed=quick())
        )
        sink = RecordingSink()
        await adapter.rest.start()
        feed = adapter.feed(sink)
        watched: list[str] = []
        running = None
        try:
            if has_feed:
                contracts = await adapter.rest.contracts()
                watched = sorted(c.symbol for c in contracts if is_watched(c, tradfi=False))
                feed.set_symbols(watched)
                running = asyncio.create_task(feed.run())
            yield VenueStage(venue, clock, market, exchange, adapter, sink, feed, watched, guards)
            if running is not None and running.done():
                running.result()
        finally:
            if running is not None:
                running.cancel()
                await asyncio.wait({running})
            await adapter.rest.stop()
