"""Which loops begin at once and which wait until every stream is subscribed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping

from altmonitor.core.clock import Clock
from altmonitor.core.status import FeedStatus
from altmonitor.core.supervisor import Supervisor

log = logging.getLogger(__name__)

SEEING_WITHIN_S = 5.0
SEEING_LOOK_S = 0.1
AFTER_SEEING = frozenset(
    {"back-fill", "tally", "budget", "tracking", "command menu", "clean-up", "outcomes", "outcome board", "wallets"}
    | {"scores", "scores of the file", "outcomes of scores", "kept for others", "ratios of the table"}
)
"""Loops that a monitor can do without for a moment, by name without their venue. What they cost at a start is spent
when every stream is subscribed, or after `SEEING_WITHIN_S` when that takes longer."""


class StartOrder:
    """feed: of the main market."""

    def __init__(self, supervisor: Supervisor, *, feed: Callable[[], FeedStatus], clock: Clock) -> None:
        self._supervisor = supervisor
        self._feed = feed
        self._clock = clock
        self._is_seeing = asyncio.Event()

    def start(self, loops: Mapping[str, Callable[[], Awaitable[None]]]) -> None:
        """Name → loop; one that runs already goes on."""
        for name, loop in loops.items():
            if name not in self._supervisor.loops:
                is_late = name.rpartition(":")[2] in AFTER_SEEING
                self._supervisor.start(name, self._after_seeing(loop) if is_late else loop)

    async def look_for_streams(self) -> None:
        """Ends when every stream is subscribed, or may be so late that the rest waits no longer."""
        end_s = self._clock.monotonic() + SEEING_WITHIN_S
        while self._clock.monotonic() < end_s:
            feed = self._feed()
            if 0 < feed.symbols_expected <= feed.symbols_covered:
                log.info("all streams are subscribed: %d symbols", feed.symbols_covered)
                break
            await self._clock.sleep(SEEING_LOOK_S)
        self._is_seeing.set()

    def _after_seeing(self, loop: Callable[[], Awaitable[None]]) -> Callable[[], Awaitable[None]]:
        async def later() -> None:
            await self._is_seeing.wait()
            await loop()

        return later
