"""The real tracker on a simulated exchange, on one fast clock, in one event loop."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from altmonitor import config as configuration
from altmonitor.app.positioning import positioning_deps
from altmonitor.config import Config
from altmonitor.core.clock import ScaledClock
from altmonitor.sim.exchange import SimExchange
from altmonitor.sim.market import SeededMarket
from altmonitor.sim.wire import KlineRow
from altmonitor.storage.snapshots import SnapshotsDb
from altmonitor.tracker.capture import Capture, CaptureDeps, ContractPool, MarkPrices
from altmonitor.tracker.series import TrackerNotice
from altmonitor.tracker.tracker import Progress, Tracked, Tracker, TrackerRunDeps
from tests.e2e.process import watched
from tests.patient_clock import PatientClock

T0 = 1_790_000_100_000  # a full five minutes
OVERVIEW = "/bapi/futures/v1/public/future/smart-money/signal/overview"
OI_HIST = "/futures/data/openInterestHist"


class StillMarket(SeededMarket):
    """The same contracts and traders at prices that cost nothing to compute: a day of it is over in a minute."""

    def prices(self, symbols: Sequence[str], at_ms: int) -> list[float]:
        found = [self.contract(symbol) for symbol in symbols]
        return [1.0 if one is None else one.price * (1 + at_ms // 60_000 % 60 / 10_000) for one in found]

    def open_interest(self, symbol: str, at_ms: int) -> float:
        return 1_000_000.0 + at_ms // 300_000 % 1_000

    def kline_rows(self, symbol: str, *, start_ms: int, end_ms: int, at_ms: int) -> list[KlineRow]:
        return []

    def moods(self, symbols: Sequence[str], topic: int, step: int) -> list[float]:
        return [0.1] * len(symbols)


@dataclass
class Place:
    config: Config
    clock: ScaledClock
    exchange: SimExchange
    store: SnapshotsDb
    tracker: Tracker
    news: list[TrackerNotice] = field(default_factory=list)
    progress: list[Progress] = field(default_factory=list)


@asynccontextmanager
async def destination(
    folder: Path, tracked: Tracked, *, speed: float, symbols: int = 60, kind: type[SeededMarket] = SeededMarket
) -> AsyncIterator[Place]:
    clock = PatientClock(start_ms=T0, speed=speed)
    market = kind(seed=7, start_ms=T0, symbols=symbols, frames_per_s=10)
    async with SimExchange(market, clock=clock) as exchange:
        config, _ = configuration.load(
            {
                "BINANCE_REST_URL": exchange.rest_url,
                "BINANCE_WEB_URL": exchange.web_url,
                "DB_FILE": str(folder / "alerts.db"),
                "SMART_MONEY_DB_PATH": str(folder / "snapshots.db"),
            },
            env_file=None,
        )
        store = SnapshotsDb(config.smart_money_db_path, clock=clock)
        await store.open()
        news: list[TrackerNotice] = []
        progress: list[Progress] = []
        try:
            async with positioning_deps(config, clock=clock) as stage:
                parts = CaptureDeps(
                    smart_money=stage.smart_money,
                    positioning=stage.positioning,
                    store=store,
                    clock=clock,
                    prices=MarkPrices(stage.rest, clock=clock),
                    period="5m",
                    timeouts=max(1.0, speed / 3),
                )
                links = TrackerRunDeps(
                    store=store,
                    captures=Capture(parts),
                    pool=ContractPool(stage.rest, clock=clock, tradfi=False),
                    clock=clock,
                    notify=news.append,
                    on_progress=progress.append,
                    dice=random.Random(3),
                )
                tracker = Tracker(tracked, links)
                yield Place(config, clock, exchange, store, tracker, news, progress)
        finally:
            await store.close()


def names(count: int, *, symbols: int = 60) -> tuple[str, ...]:
    """Contracts of the same market."""
    market = SeededMarket(seed=7, start_ms=T0, symbols=symbols, frames_per_s=10)
    return tuple(sorted(watched(market))[:count])
