"""What the engine learns after an alert was stored, written by a loop of its own: the engine itself never waits."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from altmonitor.core.alert import Alert
from altmonitor.core.clock import Clock
from altmonitor.core.errors import StorageError
from altmonitor.interfaces.exchange import AlertUpdates, Memory

log = logging.getLogger(__name__)

MOST_WAITING = 10_000
RETRY_S = 5.0
CONDITIONS = "conditions"
"""Under this name what is remembered of conditions is kept."""


class Bookkeeping:
    """refreshed(key): more is known about the alert with this key."""

    def __init__(
        self, updates: AlertUpdates, memory: Memory, *, clock: Clock, refreshed: Callable[[str], None]
    ) -> None:
        self._updates = updates
        self._memory = memory
        self._clock = clock
        self._refreshed = refreshed
        self._ends: dict[str, Alert] = {}  # by key, oldest → newest
        self._conditions: str | None = None
        self._work = asyncio.Event()
        self.dropped = 0

    def put_end(self, alert: Alert) -> None:
        """For `EngineLinks.on_episode_end`. While the disk refuses for long, the oldest ends are dropped."""
        self._ends[alert.key] = alert
        if len(self._ends) > MOST_WAITING:
            del self._ends[next(iter(self._ends))]
            self.dropped += 1
        self._work.set()

    def put_conditions(self, text: str) -> None:
        """For `EngineLinks.on_conditions`: only the newest counts."""
        self._conditions = text
        self._work.set()

    async def run(self) -> None:
        """Until cancelled. What cannot be written is tried again."""
        is_failing = False
        while True:
            await self._work.wait()
            self._work.clear()
            try:
                await self._write()
            except StorageError as problem:
                if not is_failing:
                    log.warning("how moves ended and which conditions are armed cannot be stored: %s", problem)
                is_failing = True
                self._work.set()
                await self._clock.sleep(RETRY_S)
            else:
                is_failing = False

    async def _write(self) -> None:
        text = self._conditions
        if text is not None:
            await self._memory.meta_set(CONDITIONS, text)
            if self._conditions is text:  # else something newer came meanwhile
                self._conditions = None
        while self._ends:
            key, alert = next(iter(self._ends.items()))
            await self._updates.update_alert(alert)
            if self._ends.get(key) is alert:
                del self._ends[key]
            self._refreshed(key)
