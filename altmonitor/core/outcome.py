"""What became of alerts, as values that are shown and handed on; how they are reckoned stands in `replay/`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from altmonitor.core.alert import Direction, Kind, OutcomeLine
from altmonitor.market.math import Quadrant

HORIZONS_MIN: Final = (5, 15, 60, 240, 1_440)
LINE_HORIZON_MIN: Final = 15
"""After which an alert's line and short answers look."""


def line_key(kind: Kind, direction: Direction) -> str:
    return f"{kind}:{direction}"


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertReturn:
    """What followed one alert after so many minutes: percent in its direction, from the minute after its message had
    arrived. best_pct, worst_pct: on the way; btc_pct: of BTC meanwhile; control_pct: of comparable minutes. None where
    nothing is known."""

    horizon_min: int
    return_pct: float | None
    best_pct: float | None
    worst_pct: float | None
    btc_pct: float | None
    control_pct: float | None


OutcomeVerdict = Literal["more_than_chance", "like_chance", "too_few"]


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeRow:
    """Of one group after one horizon. direction, quadrant: None for all of them.

    alerts: with a known return; unknown: without one. moments: a market-wide storm is one; blocks: days that have any
    (pairs of days where the horizon is a day); every mean, the median and hit are
    taken over moments. Percent, in the alert's direction: mean_pct with its interval, median_pct, net_pct
    (after fees), beyond_btc_pct, beyond_control_pct with its interval, best_pct and worst_pct on the way. hit: share of
    moments that went on, with its interval; control_hit: that of control minutes. None where nothing is known.
    p: of the test, p_holm: corrected over the table; None where nothing was tested. verdict: None but for whole kinds.
    """

    kind: Kind
    direction: Direction | None
    quadrant: Quadrant | None
    horizon_min: int
    alerts: int
    unknown: int
    moments: int
    blocks: int
    mean_pct: float | None = None
    mean_low_pct: float | None = None
    mean_high_pct: float | None = None
    median_pct: float | None = None
    hit: float | None = None
    hit_low: float | None = None
    hit_high: float | None = None
    control_hit: float | None = None
    net_pct: float | None = None
    beyond_btc_pct: float | None = None
    beyond_control_pct: float | None = None
    beyond_control_low_pct: float | None = None
    beyond_control_high_pct: float | None = None
    best_pct: float | None = None
    worst_pct: float | None = None
    p: float | None = None
    p_holm: float | None = None
    verdict: OutcomeVerdict | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeSummary:
    """What the monitor has recorded of its own alerts under the detectors as they are now.

    since_ms: when the recording began, None: it has not. alerts: measured ones; pending: of which something is still to
    come; earlier: of other versions of the detectors, which are left out.
    rows: over all of them. forward: whole kinds alone, of alerts that were raised under the settings in force now: what
    was seen before they were chosen cannot count for them. fee_pct: each side.
    lines: of the latest moments, by `line_key`, where there are enough.
    """

    since_ms: int | None
    alerts: int
    pending: int
    earlier: int
    fee_pct: float
    rows: tuple[OutcomeRow, ...]
    forward: tuple[OutcomeRow, ...]
    lines: Mapping[str, OutcomeLine] = field(default_factory=dict)

    @property
    def whole(self) -> tuple[OutcomeRow, ...]:
        """Of whole kinds, those that have any."""
        return tuple(row for row in self.rows if row.direction is None and row.alerts)

    @property
    def by_direction(self) -> tuple[OutcomeRow, ...]:
        """Of kinds and directions, also where no number is known yet."""
        return tuple(row for row in self.rows if row.direction is not None and row.quadrant is None)
