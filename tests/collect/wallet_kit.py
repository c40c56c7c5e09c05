"""A pool of wallets that is watched in the simulated venue, over real sockets and into a real file."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

from altmonitor.collect.wallets import WalletCollector, WalletWatchDeps
from altmonitor.config import load
from altmonitor.core.clock import Clock
from altmonitor.core.supervisor import beside
from altmonitor.exchanges.hyperliquid.wallets import HyperliquidWallets, hyperliquid_wallets
from altmonitor.positioning.wallets import WalletState
from altmonitor.sim.exchange import SimExchange
from altmonitor.sim.hyperliquid_wallets import SimWallets
from altmonitor.sim.market import SeededMarket
from altmonitor.storage.wallets import WalletsDb
from tests.patient_clock import PatientClock

T0 = 1_790_000_040_000


@dataclass(slots=True)
class WalletStage:
    """The venue, and what watches it while `watching` lasts."""

    exchange: SimExchange
    clock: Clock
    folder: Path
    source: HyperliquidWallets
    collectors: list[WalletCollector] = field(default_factory=list)

    @property
    def wallets(self) -> SimWallets:
        return self.exchange.hyperliquid.wallets

    @property
    def file(self) -> Path:
        return self.folder / "snapshots.db"

    @contextlib.asynccontextmanager
    async def watching(self, *, count: int = 20) -> AsyncIterator[WalletCollector]:
        store = WalletsDb(self.file, clock=self.clock)
        await store.open()
        collector = WalletCollector(
            WalletWatchDeps(source=self.source, store=store, clock=self.clock, count=count, keep_days=30)
        )
        self.collectors.append(collector)
        try:
            await collector.restore()
            async with beside(collector.run(), name="wallets") as running:
                yield collector
                assert not running.done(), running
        finally:
            await store.close()

    async def until(self, is_true: Callable[[], bool], *, within_s: float = 20.0) -> None:
        """within_s: of the machine's time."""
        end_s = asyncio.get_running_loop().time() + within_s
        while not is_true():
            assert asyncio.get_running_loop().time() < end_s, f"not within {within_s} s"
            await asyncio.sleep(0.005)

    async def looked_again(self, collector: WalletCollector, address: str) -> WalletState:
        """The state of a look that began after this call: the second that ends after it."""
        ended: set[int] = set()

        def found() -> WalletState | None:
            return collector.now().states.get(address)

        def has_looked() -> bool:
            state = found()
            if state is not None:
                ended.add(state.as_of_ms)
            return len(ended) >= 3

        await self.until(has_looked)
        state = found()
        assert state is not None
        return state


@contextlib.asynccontextmanager
async def wallet_stage(folder: Path, *, speed: float = 1_500.0) -> AsyncIterator[WalletStage]:
    clock = PatientClock(start_ms=T0, speed=speed)
    market = SeededMarket(seed=7, start_ms=T0, symbols=120, frames_per_s=10)
    async with SimExchange(market, clock=clock) as exchange:
        config, _ = load(exchange.environment() | {"DB_FILE": str(folder / "alerts.db")}, env_file=None)
        source = hyperliquid_wallets(config, clock)
        await source.start()
        try:
            yield WalletStage(exchange=exchange, clock=clock, folder=folder, source=source)
        finally:
            await source.stop()
