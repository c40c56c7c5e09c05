"""Open interest of an exchange that stays away, as the owner hears of it: once when it lasts, once when it is back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from altmonitor.core.causes import Cause
from altmonitor.core.clock import Clock
from altmonitor.core.health import SWEEP_LATE_PERIODS
from altmonitor.core.status import SweepStatus

LOOK_EVERY_S: Final = 10.0
MISSING_TOLD_S: Final = 120.0
"""What is mended sooner is no news: a change is measured over minutes."""
FEWEST_SHARE: Final = 0.5
"""Where fewer contracts than that have a figure, it is missing."""


class OpenInterestWatch:
    """status: of the sweep. is_excused: nothing is told now because another notice says why there is none (a feed that
    is blind, a block), or no contract is watched. on_missing: why, None where nothing failed, and of how many percent
    of the contracts figures came. on_back: since when it was missing, unix ms."""

    def __init__(
        self,
        *,
        clock: Clock,
        status: Callable[[], SweepStatus],
        is_excused: Callable[[], bool],
        on_missing: Callable[[Cause | None, int], None],
        on_back: Callable[[int], None],
    ) -> None:
        self._clock = clock
        self._status = status
        self._is_excused = is_excused
        self._on_missing = on_missing
        self._on_back = on_back
        self._since: tuple[float, int] | None = None  # monotonic seconds and unix ms
        self._told_since_ms: int | None = None

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._clock.sleep(LOOK_EVERY_S)
            self.look()

    def look(self) -> None:
        status = self._status()
        if not is_missing(status):
            self._since = None
            if self._told_since_ms is not None:
                since_ms, self._told_since_ms = self._told_since_ms, None
                self._on_back(since_ms)
            return
        if self._is_excused():
            self._since = None
            return
        now_s = self._clock.monotonic()
        if self._since is None:
            self._since = now_s, self._clock.now_ms()
        since_s, since_ms = self._since
        told_after_s = max(MISSING_TOLD_S, SWEEP_LATE_PERIODS * status.period_s)
        if self._told_since_ms is None and now_s - since_s >= told_after_s:
            self._told_since_ms = since_ms
            self._on_missing(status.trouble, 0 if _is_late(status) else round(100 * status.coverage))


def is_missing(status: SweepStatus) -> bool:
    """Nothing came for longer than a sweep takes, or of too few contracts."""
    return _is_late(status) or status.coverage < FEWEST_SHARE


def _is_late(status: SweepStatus) -> bool:
    return status.sweep_age_s is None or status.sweep_age_s > SWEEP_LATE_PERIODS * status.period_s
