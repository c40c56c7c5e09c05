"""What a venue told and nobody believed: counted row by row, said in one line."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Final

from altmonitor.core.clock import Clock

log = logging.getLogger(__name__)

LOOK_EVERY_S: Final = 10.0
SAID_EVERY_S: Final = 600.0
"""What goes on is said again after so long, with all that came in between."""


class PlausibilityLog:
    """counts: how many there were since the start, by what they are."""

    def __init__(self, venue: str, *, clock: Clock, counts: Callable[[], Mapping[str, int]]) -> None:
        self._venue = venue
        self._clock = clock
        self._counts = counts
        self._said: Mapping[str, int] = {}
        self._said_s: float | None = None

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._clock.sleep(LOOK_EVERY_S)
            self.look()

    def look(self) -> None:
        counts, now_s = dict(self._counts()), self._clock.monotonic()
        new = {what: more for what, count in counts.items() if (more := count - self._said.get(what, 0)) > 0}
        if not new or (self._said_s is not None and now_s - self._said_s < SAID_EVERY_S):
            return
        self._said, self._said_s = counts, now_s
        rows = ", ".join(f"{count} {what}" for what, count in sorted(new.items()))
        log.warning("%s told what cannot be, it is left out: %s", self._venue, rows)
