"""How the shares of traders in profit moved over a span of stored snapshots. Whole percents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from altmonitor.positioning.history import NotEnoughHistory, Snapshot, is_span_off, window
from altmonitor.positioning.smart_money import Side
from altmonitor.positioning.units import Fraction, Percent, round_half_up, whole_percent


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareMove:
    """change_pct: percentage points; 95 → 80 is −15. None without traders at that end."""

    from_pct: Percent | None
    to_pct: Percent | None
    change_pct: Percent | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SideTrend:
    traders: ShareMove
    whales: ShareMove


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfitTrend:
    """As in `change.Change`: first row against last."""

    symbol: str
    from_ms: int
    to_ms: int
    asked_minutes: float
    span_minutes: float
    is_span_off: bool
    samples: int
    long: SideTrend
    short: SideTrend


def profit_trend(
    symbol: str, rows: Sequence[Snapshot], *, minutes: float, now_ms: int
) -> ProfitTrend | NotEnoughHistory:
    """rows: of this symbol, in any order. minutes: > 0."""
    seen = window(rows, minutes=minutes, now_ms=now_ms)
    if len(seen) < 2:
        return NotEnoughHistory(symbol=symbol, minutes=minutes, rows=len(seen))
    first, last = seen[0], seen[-1]
    span_minutes = (last.time_ms - first.time_ms) / 60_000
    return ProfitTrend(
        symbol=symbol,
        from_ms=first.time_ms,
        to_ms=last.time_ms,
        asked_minutes=minutes,
        span_minutes=round_half_up(span_minutes, 1),
        is_span_off=is_span_off(span_minutes, minutes),
        samples=len(seen),
        long=_side_trend(first.overview.long, last.overview.long),
        short=_side_trend(first.overview.short, last.overview.short),
    )


def _side_trend(before: Side, now: Side) -> SideTrend:
    return SideTrend(
        traders=_move(before.profit_share, now.profit_share),
        whales=_move(before.whale_profit_share, now.whale_profit_share),
    )


def _move(before: Fraction | None, now: Fraction | None) -> ShareMove:
    start, end = whole_percent(before), whole_percent(now)
    return ShareMove(
        from_pct=None if start is None else Percent(start),
        to_pct=None if end is None else Percent(end),
        change_pct=None if start is None or end is None else Percent(end - start),
    )
