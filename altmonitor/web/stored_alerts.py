"""`/api/stream` of a process beside the monitor: what another process stores is looked for once a second."""

from __future__ import annotations

import logging
import math
from collections.abc import Awaitable, Callable, Collection, Mapping

from altmonitor.core.alert import Alert
from altmonitor.core.clock import Clock, speed_of
from altmonitor.core.errors import StorageError
from altmonitor.interfaces.storage import AlertQueries
from altmonitor.web.stored_health import StoredHealth
from altmonitor.web.streams import (
    CAUGHT_UP_MAX,
    HEALTH_EVERY_S,
    LEARNED_WITHIN_S,
    TICK_S,
    EventStream,
    StreamSources,
)

log = logging.getLogger(__name__)


class StoredAlerts:
    """Publishes what is new in `history`, and what was learned of alerts of the last ten minutes.

    What was detected before `start` is no news. history: None where none is kept. health: asked every ten seconds.
    """

    def __init__(
        self,
        stream: EventStream,
        *,
        history: AlertQueries | None,
        health: Callable[[], Awaitable[StoredHealth]],
        clock: Clock,
    ) -> None:
        self._stream = stream
        self._history = history
        self._ask_health = health
        self._clock = clock
        self._known: dict[str, Alert] | None = None
        self._started_s = clock.now_ms() / 1000
        self._health: StoredHealth | None = None
        self._health_s = -math.inf
        self._trouble = ""

    async def start(self) -> None:
        """The first look."""
        self._health = await self._ask_health()
        self._health_s = self._clock.monotonic()
        self._started_s = self._clock.now_ms() / 1000
        self._stream.sources = StreamSources(health=self._last_health, alerts_of=self._alerts_of)
        await self.look()

    async def run(self) -> None:
        """Until cancelled; after `start`."""
        while True:
            await self._clock.sleep(TICK_S * speed_of(self._clock))
            await self.look()
            if self._clock.monotonic() - self._health_s >= HEALTH_EVERY_S * speed_of(self._clock):
                self._health_s = self._clock.monotonic()
                self._health = await self._ask_health()

    async def look(self) -> None:
        """One look. A database that cannot be read is told once, and read on when it can be."""
        if self._history is None:
            return
        since_s = self._clock.now_ms() / 1000 - LEARNED_WITHIN_S
        try:
            rows = await self._history.recent(limit=CAUGHT_UP_MAX, since_s=since_s)
        except StorageError as problem:
            if str(problem) != self._trouble:
                self._trouble = str(problem)
                log.warning("nothing new is streamed: %s", problem)
            return
        self._trouble = ""
        found = {row.alert.key: row.alert for row in reversed(rows)}
        known, self._known = self._known, found
        if known is None:
            known = {key: alert for key, alert in found.items() if alert.ts < self._started_s}
        for key, alert in found.items():
            if key not in known:
                self._stream.publish(alert)
            elif alert != known[key]:
                self._stream.refresh(key)

    async def _alerts_of(self, keys: Collection[str]) -> Mapping[str, Alert]:
        known = self._known or {}
        return {key: known[key] for key in keys if key in known}

    def _last_health(self) -> StoredHealth:
        assert self._health is not None  # noqa: S101 — `start` asked for it
        return self._health
