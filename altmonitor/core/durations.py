"""How often something took how long, since the program started."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from typing import Final

BOUNDS_S: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
"""Of detection and delivery alike: from one turn of the loop to an outage."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DurationStatus:
    """counts: durations up to each bound, and at last all of them; never falling. total_s: their sum."""

    bounds_s: tuple[float, ...] = BOUNDS_S
    counts: tuple[int, ...] = (0,) * (len(BOUNDS_S) + 1)
    total_s: float = 0.0


class DurationCounts:
    """speed: seconds of the clock that the durations are taken from in one of the machine's."""

    def __init__(self, *, speed: float = 1.0) -> None:
        self._speed = speed
        self._counts = [0] * (len(BOUNDS_S) + 1)
        self._total_s = 0.0

    def add(self, duration_ms: float) -> None:
        """Below 0 (the machine's clock was set back) counts as 0."""
        duration_s = max(0.0, duration_ms) / 1000 / self._speed
        self._counts[bisect_left(BOUNDS_S, duration_s)] += 1
        self._total_s += duration_s

    def status(self) -> DurationStatus:
        counted, counts = 0, []
        for count in self._counts:
            counted += count
            counts.append(counted)
        return DurationStatus(counts=tuple(counts), total_s=self._total_s)
