"""What followed traders did over a span of stored snapshots: sizes in coins, as a price move changes those in USD."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from altmonitor.positioning.smart_money import Overview, Side
from altmonitor.positioning.units import Percent, amount, change_pct, positive, round_half_up, rounded

SLACK_MS: Final = 90_000
"""A row is written when its turn comes, not on the minute: the window reaches this much further back."""

SPAN_OFF: Final = 0.25
"""A span that differs from the one asked for by more than this part of it is pointed out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A stored row. mark_price: at capture; None in rows of the older tool and where it could not be had."""

    overview: Overview
    mark_price: float | None = None

    @property
    def time_ms(self) -> int:
        return self.overview.captured_ms


@dataclass(frozen=True, slots=True, kw_only=True)
class QtyChange:
    """Coins. change_pct: 2 decimals; None from 0, where it has no size, and when a number is missing."""

    from_coins: float | None
    to_coins: float | None
    change_coins: float | None
    change_pct: Percent | None

    @property
    def is_new(self) -> bool:
        """From nothing to something."""
        return self.from_coins == 0 and positive(self.to_coins) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class SideChange:
    """whale_avg_entry: at the end of the span."""

    qty: QtyChange
    from_avg_entry: float | None
    to_avg_entry: float | None
    whale_avg_entry: float | None
    whale_qty: QtyChange


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """First row against last. samples: rows in the window. mark_price: at the end.

    is_span_off: the rows do not reach over what was asked for; `span_minutes` says what they cover.
    """

    symbol: str
    from_ms: int
    to_ms: int
    asked_minutes: float
    span_minutes: float
    is_span_off: bool
    samples: int
    mark_price: float | None
    long: SideChange
    short: SideChange


@dataclass(frozen=True, slots=True, kw_only=True)
class NotEnoughHistory:
    """rows: how many lie in the window; two are needed."""

    symbol: str
    minutes: float
    rows: int

    def __str__(self) -> str:
        return (
            f"{self.symbol}: {self.rows} stored snapshot{'' if self.rows == 1 else 's'} in the last {self.minutes:g} "
            f"min, two are needed; run `altmonitor track` for a while"
        )


def window(rows: Sequence[Snapshot], *, minutes: float, now_ms: int) -> list[Snapshot]:
    """Rows of the last `minutes` and a little more, oldest → newest, one per capture time."""
    since_ms = now_ms - minutes * 60_000 - SLACK_MS
    found = {row.time_ms: row for row in rows if since_ms <= row.time_ms <= now_ms}
    return [found[time_ms] for time_ms in sorted(found)]


def change(symbol: str, rows: Sequence[Snapshot], *, minutes: float, now_ms: int) -> Change | NotEnoughHistory:
    """rows: of this symbol, in any order. minutes: > 0."""
    seen = window(rows, minutes=minutes, now_ms=now_ms)
    if len(seen) < 2:
        return NotEnoughHistory(symbol=symbol, minutes=minutes, rows=len(seen))
    first, last = seen[0], seen[-1]
    span_minutes = (last.time_ms - first.time_ms) / 60_000
    return Change(
        symbol=symbol,
        from_ms=first.time_ms,
        to_ms=last.time_ms,
        asked_minutes=minutes,
        span_minutes=round_half_up(span_minutes, 1),
        is_span_off=is_span_off(span_minutes, minutes),
        samples=len(seen),
        mark_price=positive(last.mark_price),
        long=_side_change(first.overview.long, last.overview.long),
        short=_side_change(first.overview.short, last.overview.short),
    )


def is_span_off(span_minutes: float, asked_minutes: float) -> bool:
    return abs(span_minutes - asked_minutes) > SPAN_OFF * asked_minutes


def qty_change(before: float | None, now: float | None) -> QtyChange:
    """1,000 → 1,200 is +20 %; 0 → 300 has no percent."""
    start, end = amount(before), amount(now)
    moved_pct = rounded(change_pct(start, end), 2)
    return QtyChange(
        from_coins=start,
        to_coins=end,
        change_coins=None if start is None or end is None else end - start,
        change_pct=None if moved_pct is None else Percent(moved_pct),
    )


def _side_change(before: Side, now: Side) -> SideChange:
    return SideChange(
        qty=qty_change(before.traders_qty_coins, now.traders_qty_coins),
        from_avg_entry=positive(before.traders_avg_entry),
        to_avg_entry=positive(now.traders_avg_entry),
        whale_avg_entry=positive(now.whales_avg_entry),
        whale_qty=qty_change(before.whales_qty_coins, now.whales_qty_coins),
    )


def newest_per_symbol(rows: Sequence[Snapshot]) -> dict[str, Snapshot]:
    found: dict[str, Snapshot] = {}
    for row in rows:
        symbol = row.overview.symbol
        if symbol not in found or row.time_ms > found[symbol].time_ms:
            found[symbol] = row
    return found
