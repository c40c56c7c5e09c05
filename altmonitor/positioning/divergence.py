"""How far the top traders' positions lie from the crowd's accounts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from altmonitor.core.types import Fraction
from altmonitor.positioning.ratios import LongShort
from altmonitor.positioning.units import Percent, round_half_up, to_percent

__all__ = [
    "REARM_PCT",
    "THRESHOLD_PCT",
    "CohortName",
    "Divergence",
    "Histories",
    "HistoryPoint",
    "Signal",
    "divergence",
    "history",
    "long_pct",
    "long_pct_gap",
    "next_side",
    "short_pct",
    "signal_of",
    "two_decimals",
]

THRESHOLD_PCT: Final = 8.0
"""Percentage points; reached counts."""

REARM_PCT: Final = 7.0
"""A gap that trembles around the threshold is one crossing: the next is told after the gap has been this small."""

Signal = Literal["crowd_over_long", "smart_money_over_long", "aligned"]
CohortName = Literal["retail_crowd", "top_traders_by_accounts", "top_traders_by_position"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Histories:
    """Buckets of the three cohorts of one contract, each oldest → newest. Empty where a venue has no such series."""

    retail: Sequence[LongShort]
    top_accounts: Sequence[LongShort]
    top_positions: Sequence[LongShort]

    def named(self) -> dict[CohortName, Sequence[LongShort]]:
        return {
            "retail_crowd": self.retail,
            "top_traders_by_accounts": self.top_accounts,
            "top_traders_by_position": self.top_positions,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Divergence:
    """Of one bucket. long_pct_gap: percentage points, unrounded, above 0 when the top traders' positions are longer
    than the crowd. ratio_gap: the same of the long/short ratios, 4 decimals."""

    time_ms: int
    retail_long_pct: Percent
    smart_money_long_pct: Percent
    long_pct_gap: Percent
    ratio_gap: float
    signal: Signal


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryPoint:
    """One moment of the three cohorts; None where a cohort has no bucket with exactly this stamp."""

    time_ms: int
    retail: LongShort | None
    top_accounts: LongShort | None
    top_positions: LongShort | None
    long_pct_gap: Percent | None


def long_pct(bucket: LongShort) -> Percent:
    """Percent, 2 decimals."""
    return Percent(round_half_up(to_percent(bucket.long_share), 2))


def short_pct(bucket: LongShort) -> Percent:
    """Percent, 2 decimals; 100 − `long_pct` but for the exchange's rounding."""
    return Percent(round_half_up(to_percent(bucket.short_share), 2))


def long_pct_gap(*, top_positions: LongShort, retail: LongShort) -> Percent:
    """Positions of the top traders minus accounts of the crowd, unrounded: 55.54 and 65.75 → −10.21."""
    return Percent(round_half_up(to_percent(Fraction(top_positions.long_share - retail.long_share)), 9))


def two_decimals(gap: Percent) -> Percent:
    """A gap as it is shown: −10.2149 → −10.21."""
    return Percent(round_half_up(gap, 2))


def signal_of(gap: Percent) -> Signal:
    """−8.00 and below: the crowd is the longer one; 8.00 and above: the top traders are; between: aligned."""
    if gap <= -THRESHOLD_PCT:
        return "crowd_over_long"
    return "smart_money_over_long" if gap >= THRESHOLD_PCT else "aligned"


def divergence(histories: Histories) -> Divergence | None:
    """Of the newest bucket that both the crowd and the top traders' positions have; None when there is none."""
    crowd = {bucket.time_ms: bucket for bucket in histories.retail}
    both = [(bucket, crowd[bucket.time_ms]) for bucket in histories.top_positions if bucket.time_ms in crowd]
    if not both:
        return None
    top, retail = max(both, key=lambda pair: pair[0].time_ms)
    gap = long_pct_gap(top_positions=top, retail=retail)
    return Divergence(
        time_ms=top.time_ms,
        retail_long_pct=long_pct(retail),
        smart_money_long_pct=long_pct(top),
        long_pct_gap=gap,
        ratio_gap=round_half_up(top.long_short_ratio - retail.long_short_ratio, 4),
        signal=signal_of(gap),
    )


def history(histories: Histories, *, limit: int) -> list[HistoryPoint]:
    """The newest `limit` moments any cohort has a bucket for, oldest → newest; a missing bucket shifts nothing."""
    retail, accounts, positions = (
        {bucket.time_ms: bucket for bucket in series} for series in histories.named().values()
    )
    moments = sorted({*retail, *accounts, *positions})[-limit:]
    points = []
    for time_ms in moments:
        crowd, top = retail.get(time_ms), positions.get(time_ms)
        points.append(
            HistoryPoint(
                time_ms=time_ms,
                retail=crowd,
                top_accounts=accounts.get(time_ms),
                top_positions=top,
                long_pct_gap=None if crowd is None or top is None else long_pct_gap(top_positions=top, retail=crowd),
            )
        )
    return points


def next_side(side: Signal, gap: Percent) -> tuple[Signal, bool]:
    """What has been told last (`aligned` at first) and the newest gap → what holds now, and whether it is to be told.

    Told once per crossing of the threshold; falling back below it is told by nobody and re-arms.
    """
    now = signal_of(gap)
    if now not in ("aligned", side):
        return now, True
    return ("aligned" if abs(gap) < REARM_PCT else side), False
