"""What a tracker tells its operator. Values; the words stand with whoever sends them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from altmonitor.positioning.history import Change
from altmonitor.positioning.position_alerts import PositionAlert
from altmonitor.tracker.types import Series


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackerStuck:
    """kind: `stuck` (sweeps without a row), `degraded` (with less than a quarter of the plan).

    captured: in the last sweep. reason: of its last failure, '' when there was none (the site has nothing).
    """

    kind: Literal["stuck", "degraded"]
    series: Series
    sweeps: int
    captured: int
    planned: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackerRecovered:
    series: Series
    captured: int
    planned: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackerBlocked:
    """Told once per block."""

    series: Series
    until_ms: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionMoved:
    """change: over the same window, for context."""

    alert: PositionAlert
    change: Change


TrackerNews = TrackerStuck | TrackerRecovered | TrackerBlocked | PositionMoved
