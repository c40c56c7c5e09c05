"""A command desk with everything around it in memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from altmonitor.alert import Kind
from altmonitor.control.desk import CommandDesk, Surroundings
from altmonitor.control.ports import AlertStats, ToldAlert
from altmonitor.control.replies import Reply
from altmonitor.control.settings import Overrides, Settings, SettingsHolder
from altmonitor.errors import StorageError
from altmonitor.monitor.health import Health, Vitals, assess
from altmonitor.monitor.ports import FeedStatus, GuardStatus, LatencyStatus, OutboxStatus, SweepStatus

NOW_S = 1_790_000_000
LISTED = (
    "BTCUSDT",
    "SOLUSDT",
    "DOGEUSDT",
    "1000PEPEUSDT",
    "1000SHIBUSDT",
    "LUNA2USDT",
    "USDCUSDT",
    "4USDT",
    "PUMPUSDT",
    "币安人生USDT",
)


class MemoryStore:
    """Keeps the last saved overrides; with `problem` set, refuses like a read-only disk."""

    def __init__(self) -> None:
        self.saved: list[Overrides] = []
        self.who: list[str] = []
        self.problem = ""
        self.gate: asyncio.Event | None = None
        self._lock = asyncio.Lock()

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        async with self._lock:
            yield

    async def save(self, overrides: Overrides, *, who: str) -> None:
        if self.gate is not None:
            await self.gate.wait()
        if self.problem:
            raise StorageError(self.problem)
        self.saved.append(overrides)
        self.who.append(who)


class MemoryAlerts:
    """Answers from a list, newest first; remembers what it was asked."""

    def __init__(self, *told: ToldAlert) -> None:
        self.told = told
        self.asked: list[dict[str, object]] = []
        self.stats_answer = AlertStats()
        self.problem = ""

    async def recent(
        self, *, limit: int, symbol: str | None = None, kind: Kind | None = None, since_s: float | None = None
    ) -> Sequence[ToldAlert]:
        self.asked.append({"limit": limit, "symbol": symbol, "kind": kind, "since_s": since_s})
        if self.problem:
            raise StorageError(self.problem)
        return [
            row
            for row in self.told
            if (symbol is None or row.alert.symbol == symbol)
            and (kind is None or row.alert.kind == kind)
            and (since_s is None or row.alert.ts >= since_s)
        ][:limit]

    async def stats(self, *, since_s: float, top: int) -> AlertStats:
        self.asked.append({"since_s": since_s, "top": top})
        if self.problem:
            raise StorageError(self.problem)
        return self.stats_answer


def healthy() -> Health:
    return assess(
        Vitals(
            feed=FeedStatus(
                connections=1, last_frame_age_s=0.3, symbols_expected=10, symbols_covered=10, is_blind=False
            ),
            sweep=SweepStatus(sweep_age_s=12.0, coverage=1.0),
            outbox=OutboxStatus(),
            guard=GuardStatus(state="open"),
            latency=LatencyStatus(),
            uptime_s=3600.0,
            version="1.2.3",
        )
    )


class Desk:
    """`await desk("/set_pump 5")` → the reply."""

    def __init__(
        self,
        *,
        base: Settings | None = None,
        overrides: Overrides | None = None,
        listed: Sequence[str] = LISTED,
        is_history_on: bool = True,
    ) -> None:
        self.store = MemoryStore()
        self.alerts = MemoryAlerts()
        self.holder = SettingsHolder(base or Settings(), overrides)
        self.listed = listed
        self.now_s = NOW_S
        self.desk = CommandDesk(
            Surroundings(
                holder=self.holder,
                store=self.store,
                alerts=self.alerts if is_history_on else None,
                health=healthy,
                listed=lambda: self.listed,
            )
        )

    @property
    def settings(self) -> Settings:
        return self.holder.current

    async def __call__(self, text: str, *, bot_name: str | None = None) -> Reply | None:
        return await self.desk.handle(text, who="user 7", now_s=self.now_s, bot_name=bot_name)
