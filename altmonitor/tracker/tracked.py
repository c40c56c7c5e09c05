"""What a tracker is to do, and what it says of its sweeps. Values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from altmonitor.tracker.capture import Captured
from altmonitor.tracker.plan import Part
from altmonitor.tracker.types import Outcome, Series


@dataclass(frozen=True, slots=True, kw_only=True)
class Tracked:
    """What is tracked. watchlist: when not empty, parts do not count. interval_s: from start to start; 0: one sweep."""

    series: tuple[Series, ...] = tuple(Series)
    parts: Mapping[Series, Part] = field(default_factory=dict)
    watchlist: tuple[str, ...] = ()
    interval_s: float = 0.0
    keep_days: int = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """done, total: symbols of the whole sweep. captured: in this run of it."""

    series: Series
    done: int
    total: int
    captured: int
    left_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepReport:
    """planned: symbols of the sweep. asked, stored, known, no_data, failed: in this run of it.

    stopped: why it ended early, '' for a whole one. until_ms: end of the block that stopped it.
    """

    series: Series
    planned: int = 0
    asked: int = 0
    stored: int = 0
    known: int = 0
    no_data: int = 0
    failed: int = 0
    stopped: str = ""
    until_ms: int | None = None
    reason: str = ""

    def plus(self, found: Captured) -> SweepReport:
        counted = {Outcome.STORED: "stored", Outcome.KNOWN: "known", Outcome.NO_DATA: "no_data"}
        name = counted.get(found.outcome, "failed")
        counts = {"asked": self.asked + 1, name: getattr(self, name) + 1}
        return replace(self, **counts, reason=found.reason or self.reason)
