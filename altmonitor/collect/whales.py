"""What the largest followed traders hold, beside an alert: known already, or asked once, within two seconds or not."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import msgspec

from altmonitor.core.alert import Alert, Details
from altmonitor.core.clock import Clock
from altmonitor.core.errors import ExchangeBlocked, ExchangeError, StorageError
from altmonitor.interfaces.exchange import AlertUpdates, Priority, SmartMoney
from altmonitor.positioning.smart_money import Overview, whale_line

log = logging.getLogger(__name__)

USEFUL_FOR_S = 2.0
MOST_UNDER_WAY = 64
"""Alerts that wait at once. The gate lets about ten questions a minute through; more would only wait for nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WhaleDeps:
    """updates: where the fuller alert is stored. refreshed(key): called after that.

    oi_usd(symbol, price): open interest now, USD; None when it is not known. useful_for_s: after that an alert is left
    as it is. has_line, has_link: what alerts show.
    """

    smart_money: SmartMoney
    clock: Clock
    updates: AlertUpdates
    refreshed: Callable[[str], None]
    oi_usd: Callable[[str, float | None], float | None]
    useful_for_s: float = USEFUL_FOR_S
    has_line: bool = True
    has_link: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class WhaleStatus:
    """done: alerts that learned something. nobody: symbols without followed traders. given_up: the others, by cause."""

    waiting: int
    done: int
    nobody: int
    given_up: Mapping[str, int]


class WhaleLookup:
    """An answer that comes too late for its alert is there for the next one of the symbol."""

    def __init__(self, links: WhaleDeps) -> None:
        self._links = links
        self._clock = links.clock
        self._waiting: deque[tuple[Alert, float]] = deque()
        self._work = asyncio.Event()
        self._asked: dict[str, asyncio.Task[Overview | ExchangeError | None]] = {}
        self._under_way = 0
        self._done = 0
        self._nobody = 0
        self._given_up: Counter[str] = Counter()
        self._is_failing = False

    def put(self, alert: Alert) -> None:
        """Alerts of now, of every kind. What was found afterwards is left alone: positions are those of now."""
        if alert.late or not (self._links.has_line or self._links.has_link):
            return
        if self._under_way + len(self._waiting) >= MOST_UNDER_WAY:
            self._given_up["too_many"] += 1
            return
        self._waiting.append((alert, self._clock.monotonic()))
        self._work.set()

    def status(self) -> WhaleStatus:
        return WhaleStatus(
            waiting=len(self._waiting) + self._under_way,
            done=self._done,
            nobody=self._nobody,
            given_up=dict(self._given_up),
        )

    async def run(self) -> None:
        """Until cancelled."""
        self._under_way = 0
        self._asked.clear()
        async with asyncio.TaskGroup() as tasks:
            while True:
                while not self._waiting:
                    self._work.clear()
                    await self._work.wait()
                alert, put_s = self._waiting.popleft()
                self._under_way += 1
                tasks.create_task(self._look(tasks, alert, put_s), name=f"whales of {alert.symbol}")

    async def _look(self, tasks: asyncio.TaskGroup, alert: Alert, put_s: float) -> None:
        try:
            found = await self._overview(tasks, alert.symbol, put_s)
            if found is not None:
                await self._tell(alert, found)
        except Exception:  # decoration: whatever is wrong with it, the next alert gets its turn
            self._given_up["error"] += 1
            log.exception("whales of %s", alert.key)
        finally:
            self._under_way -= 1

    async def _overview(self, tasks: asyncio.TaskGroup, symbol: str, put_s: float) -> Overview | None:
        """None when it is not to be had in time, or does not exist; counted by cause."""
        asked = self._asked.get(symbol)
        if asked is None:
            asked = self._asked[symbol] = tasks.create_task(self._ask(symbol), name=f"overview of {symbol}")
        remaining_s = put_s + self._links.useful_for_s - self._clock.monotonic()
        try:
            async with self._clock.timeout(max(0.0, remaining_s)):
                await asyncio.wait([asked])
        except TimeoutError:
            self._given_up["time_out"] += 1
            return None
        found = asked.result()
        if isinstance(found, ExchangeError):
            self._given_up["blocked" if isinstance(found, ExchangeBlocked) else "no_answer"] += 1
            return None
        self._nobody += found is None
        return found

    async def _ask(self, symbol: str) -> Overview | ExchangeError | None:
        """The failure is handed back: it outlives the alert that asked, and would end the others."""
        try:
            return await self._links.smart_money.overview(symbol, priority=Priority.ENRICH)
        except ExchangeError as problem:
            return problem
        except Exception:
            log.exception("overview of %s", symbol)
            return ExchangeError("the lookup failed")
        finally:
            self._asked.pop(symbol, None)

    async def _tell(self, alert: Alert, found: Overview) -> None:
        links = self._links
        whales = whale_line(found, oi_usd=links.oi_usd(alert.symbol, alert.price), at_ms=alert.event_ms)
        learned = Details(whales=whales if links.has_line else None, has_followed=links.has_link)
        if learned == Details():
            return
        try:
            await links.updates.update_alert(msgspec.structs.replace(alert, details=learned, oi_change=None, lsr=None))
        except StorageError as problem:
            self._given_up["storage"] += 1
            if not self._is_failing:
                log.warning("what was learned about whales cannot be stored: %s", problem)
            self._is_failing = True
            return
        self._is_failing = False
        self._done += 1
        links.refreshed(alert.key)
