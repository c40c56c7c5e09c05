"""`altmonitor track` and `who` as processes of their own, against a simulated exchange on a clock both share."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from altmonitor.core.clock import ScaledClock, SystemClock
from altmonitor.sim.exchange import SimExchange
from altmonitor.sim.market import SeededMarket
from tests.e2e.process import Program
from tests.forked import altmonitor
from tests.tracker.workplace import StillMarket

_KEPT = ("PATH", "HOME", "LANG", "TMPDIR", "VIRTUAL_ENV", "PYTHONPATH")


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    code: int
    out: str
    err: str


@dataclass
class Town:
    folder: Path
    clock: ScaledClock
    exchange: SimExchange
    market: SeededMarket

    @property
    def database(self) -> Path:
        return self.folder / "snapshots.db"

    def environment(self, **more: str) -> dict[str, str]:
        clock = self.clock
        return {
            **{name: os.environ[name] for name in _KEPT if name in os.environ},
            "BINANCE_REST_URL": self.exchange.rest_url,
            "BINANCE_WEB_URL": self.exchange.web_url,
            "OKX_REST_URL": self.exchange.rest_url,
            "BYBIT_REST_URL": self.exchange.rest_url,
            "HYPERLIQUID_URL": f"{self.exchange.rest_url}/hyperliquid",
            "HYPERLIQUID_STATS_URL": f"{self.exchange.rest_url}/hyperliquid/stats",
            "DB_FILE": str(self.folder / "alerts.db"),
            "SMART_MONEY_DB_PATH": str(self.database),
            "SMART_MONEY_WATCHLIST_FILE": str(self.folder / "watchlist.json"),
            "ALTMONITOR_CLOCK": f"{clock.start_ms}:{clock.speed}:{clock.anchor_s}",
            **more,
        }

    @asynccontextmanager
    async def program(self, *arguments: str, **more: str) -> AsyncIterator[Program]:
        """Killed at the end if it still runs."""
        words = (*arguments, "--env-file", os.devnull)
        process = await altmonitor(*words, environ=self.environment(**more), folder=self.folder)
        program = Program(process)
        try:
            yield program
        finally:
            if program.is_running:
                await program.kill()

    async def says(self, *arguments: str, **more: str) -> Said:
        """What a command prints until it ends by itself."""
        process = await altmonitor(*arguments, environ=self.environment(**more), folder=self.folder)
        async with asyncio.timeout(60):
            out, err = await process.communicate()
        return Said(code=process.returncode or 0, out=out.decode(), err=err.decode())


@asynccontextmanager
async def town(
    folder: Path, *, speed: float = 1.0, symbols: int = 60, kind: type[SeededMarket] = StillMarket
) -> AsyncIterator[Town]:
    """Begins now: the same clock the real files are stamped with."""
    start_ms = SystemClock().now_ms() // 300_000 * 300_000 + 60_000
    clock = ScaledClock(start_ms=start_ms, speed=speed)
    market = kind(seed=7, start_ms=start_ms, symbols=symbols, frames_per_s=10)
    async with SimExchange(market, clock=clock) as exchange:
        yield Town(folder, clock, exchange, market)
