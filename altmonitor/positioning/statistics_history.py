"""How open interest and the top traders' ratios changed over the tracked time: first stored row against last."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from altmonitor.positioning.history import SLACK_MS, QtyChange, is_span_off, qty_change
from altmonitor.positioning.open_interest import BAR_MS, OiVelocity
from altmonitor.positioning.ratios import LongShort, TopTraders
from altmonitor.positioning.units import Percent, change_pct, round_half_up, rounded, to_percent

__all__ = [
    "BAR_SLACK_MS",
    "RatioMove",
    "Span",
    "StoredOiChange",
    "StoredRatioChange",
    "stored_oi_change",
    "stored_ratio_change",
]

_T = TypeVar("_T")

BAR_SLACK_MS: Final = BAR_MS + SLACK_MS
"""Rows carry the end of a bar, which is up to five minutes old when it is captured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """What was compared. is_off: the rows do not reach over what was asked for."""

    from_ms: int
    to_ms: int
    minutes: float
    is_off: bool
    samples: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredOiChange:
    """usd_change_pct: 2 decimals; it also moves with the price, `coins` does not."""

    span: Span
    coins: QtyChange
    from_usd: float | None
    to_usd: float | None
    usd_change_pct: Percent | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RatioMove:
    """Percent long, 2 decimals, and their difference in percentage points; ratio: longs to shorts."""

    from_long_pct: Percent
    to_long_pct: Percent
    change_pct: Percent
    from_ratio: float
    to_ratio: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRatioChange:
    """positions: of the top traders' position sizes. accounts: of their heads. Both of buckets of `period`."""

    span: Span
    period: str
    positions: RatioMove
    accounts: RatioMove


def stored_oi_change(rows: Sequence[OiVelocity], *, minutes: float, now_ms: int) -> StoredOiChange | None:
    """rows: of one symbol, in any order. None with fewer than two in the window. minutes: > 0."""
    seen = _window(rows, lambda row: row.time_ms, minutes=minutes, now_ms=now_ms)
    if len(seen) < 2:
        return None
    first, last = seen[0], seen[-1]
    moved_pct = rounded(change_pct(first.usd, last.usd), 2)
    return StoredOiChange(
        span=_span(first.time_ms, last.time_ms, minutes, len(seen)),
        coins=qty_change(first.coins, last.coins),
        from_usd=first.usd,
        to_usd=last.usd,
        usd_change_pct=None if moved_pct is None else Percent(moved_pct),
    )


def stored_ratio_change(rows: Sequence[TopTraders], *, minutes: float, now_ms: int) -> StoredRatioChange | None:
    """rows: of one symbol and period, in any order. None with fewer than two in the window. minutes: > 0."""
    seen = _window(rows, lambda row: row.captured_ms, minutes=minutes, now_ms=now_ms)
    if len(seen) < 2:
        return None
    first, last = seen[0], seen[-1]
    return StoredRatioChange(
        span=_span(first.captured_ms, last.captured_ms, minutes, len(seen)),
        period=last.period,
        positions=_move(first.positions, last.positions),
        accounts=_move(first.accounts, last.accounts),
    )


def _window(rows: Iterable[_T], time_of: Callable[[_T], int], *, minutes: float, now_ms: int) -> list[_T]:
    """Oldest → newest, one per moment."""
    since_ms = now_ms - minutes * 60_000 - BAR_SLACK_MS
    found = {time_of(row): row for row in rows if since_ms <= time_of(row) <= now_ms}
    return [found[time_ms] for time_ms in sorted(found)]


def _span(from_ms: int, to_ms: int, asked_minutes: float, samples: int) -> Span:
    minutes = (to_ms - from_ms) / 60_000
    is_off = is_span_off(minutes, asked_minutes)
    return Span(from_ms=from_ms, to_ms=to_ms, minutes=round_half_up(minutes, 1), is_off=is_off, samples=samples)


def _move(before: LongShort, now: LongShort) -> RatioMove:
    start, end = (round_half_up(to_percent(bucket.long_share), 2) for bucket in (before, now))
    return RatioMove(
        from_long_pct=Percent(start),
        to_long_pct=Percent(end),
        change_pct=Percent(round_half_up(end - start, 2)),
        from_ratio=before.long_short_ratio,
        to_ratio=now.long_short_ratio,
    )
