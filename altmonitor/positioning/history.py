"""What followed traders did over a span of stored snapshots: sizes in coins, as a price move changes those in USD."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from altmonitor.core.types import Fraction
from altmonitor.positioning.smart_money import Overview, Side
from altmonitor.positioning.units import (
    Percent,
    amount,
    change_pct,
    known,
    positive,
    round_half_up,
    rounded,
    whole_percent,
    without_noise,
)

__all__ = [
    "DEFAULT_ENTRIES",
    "FEWEST_TRADERS",
    "MAX_AGE_MIN",
    "MOST_ENTRIES",
    "SLACK_MS",
    "SPAN_OFF",
    "THRESHOLD_PCT",
    "WINDOW_MIN",
    "ExtremeScan",
    "HistorySpan",
    "NotEnoughSnapshots",
    "PositionAlert",
    "PositionChange",
    "ProfitTrend",
    "QtyChange",
    "ScanEntry",
    "ShareMove",
    "SideChange",
    "SideTrend",
    "Snapshot",
    "Step",
    "change",
    "is_span_off",
    "newest_per_symbol",
    "position_alerts",
    "profit_trend",
    "qty_change",
    "scan_extreme",
    "window",
]

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
class HistorySpan:
    """The rows of which the first is compared with the last. samples: how many lie in the window.

    is_span_off: the rows do not reach over what was asked for; `span_minutes` says what they cover.
    """

    symbol: str
    from_ms: int
    to_ms: int
    asked_minutes: float
    span_minutes: float
    is_span_off: bool
    samples: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionChange(HistorySpan):
    """Of sizes and entries. mark_price: at the end."""

    mark_price: float | None
    long: SideChange
    short: SideChange


@dataclass(frozen=True, slots=True, kw_only=True)
class NotEnoughSnapshots:
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


def change(
    symbol: str, rows: Sequence[Snapshot], *, minutes: float, now_ms: int
) -> PositionChange | NotEnoughSnapshots:
    """rows: of this symbol, in any order. minutes: > 0."""
    seen = window(rows, minutes=minutes, now_ms=now_ms)
    if len(seen) < 2:
        return NotEnoughSnapshots(symbol=symbol, minutes=minutes, rows=len(seen))
    first, last = seen[0], seen[-1]
    span_minutes = (last.time_ms - first.time_ms) / 60_000
    return PositionChange(
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
    """Whether the rows cover more than a quarter more or less than the minutes that were asked for."""
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
    """Symbol → its row with the largest capture time. rows: of any symbols, in any order."""
    found: dict[str, Snapshot] = {}
    for row in rows:
        symbol = row.overview.symbol
        if symbol not in found or row.time_ms > found[symbol].time_ms:
            found[symbol] = row
    return found


# ---
# How the shares of traders in profit moved over a span of stored snapshots. Whole percents.


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareMove:
    """change_pct: percentage points; 95 → 80 is −15. None without traders at that end."""

    from_pct: Percent | None
    to_pct: Percent | None
    change_pct: Percent | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SideTrend:
    """Of one side: how the share of traders, and of whales, in profit moved."""

    traders: ShareMove
    whales: ShareMove


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfitTrend(HistorySpan):
    """Of who is in profit."""

    long: SideTrend
    short: SideTrend


def profit_trend(
    symbol: str, rows: Sequence[Snapshot], *, minutes: float, now_ms: int
) -> ProfitTrend | NotEnoughSnapshots:
    """rows: of this symbol, in any order. minutes: > 0."""
    seen = window(rows, minutes=minutes, now_ms=now_ms)
    if len(seen) < 2:
        return NotEnoughSnapshots(symbol=symbol, minutes=minutes, rows=len(seen))
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


# ---
# Which contracts are furthest to one side right now, over all stored ones.

MOST_ENTRIES: Final = 30
DEFAULT_ENTRIES: Final = 10
MAX_AGE_MIN: Final = 180.0
FEWEST_TRADERS: Final = 20
"""With fewer a single one decides the ratio."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanEntry:
    """long_short_ratio: of position sizes, 4 decimals; 0 means that all are short."""

    symbol: str
    long_short_ratio: float
    long_profit_pct: Percent | None
    short_profit_pct: Percent | None
    long_traders: int | None
    short_traders: int | None
    age_min: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtremeScan:
    """scanned: contracts that were fresh and large enough. most_long: longest first; most_short: shortest first.

    The two never share a contract.
    """

    scanned: int
    most_long: tuple[ScanEntry, ...]
    most_short: tuple[ScanEntry, ...]


def scan_extreme(
    rows: Sequence[Snapshot], *, now_ms: int, limit: int = DEFAULT_ENTRIES, max_age_min: float = MAX_AGE_MIN
) -> ExtremeScan:
    """rows: of any symbols, in any order; the newest of each counts. limit: entries per list, taken as 1…30."""
    count = min(MOST_ENTRIES, max(1, limit))
    fresh = [row for row in newest_per_symbol(rows).values() if 0 <= now_ms - row.time_ms <= max_age_min * 60_000]
    entries = [entry for row in fresh if (entry := _entry(row, now_ms)) is not None]
    entries.sort(key=lambda entry: (-entry.long_short_ratio, entry.symbol))
    return ExtremeScan(
        scanned=len(entries),
        most_long=tuple(entries[:count]),
        most_short=tuple(reversed(entries[count:][-count:])),
    )


def _entry(row: Snapshot, now_ms: int) -> ScanEntry | None:
    overview = row.overview
    ratio = known(overview.long_short_ratio)
    if ratio is None or overview.total_traders is None or overview.total_traders < FEWEST_TRADERS:
        return None
    long, short = whole_percent(overview.long.profit_share), whole_percent(overview.short.profit_share)
    return ScanEntry(
        symbol=overview.symbol,
        long_short_ratio=round_half_up(ratio, 4),
        long_profit_pct=None if long is None else Percent(long),
        short_profit_pct=None if short is None else Percent(short),
        long_traders=overview.long.traders,
        short_traders=overview.short.traders,
        age_min=round_half_up((now_ms - row.time_ms) / 60_000, 1),
    )


# ---
# When a side's size has changed enough to be told, and what makes two such tellings the same.

THRESHOLD_PCT: Final = 5.0
WINDOW_MIN: Final = 30

Step = Literal["new", "add", "cut"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionAlert:
    """change_pct: unrounded; None for a new position, which has no percent.

    fingerprint: side, direction and how many thresholds the change holds; the same one is not told again within the
    window, a larger step of the same move is.
    """

    symbol: str
    side: Literal["long", "short"]
    step: Step
    change_pct: Percent | None
    from_coins: float
    to_coins: float
    fingerprint: str


def position_alerts(change: PositionChange, *, threshold_pct: float = THRESHOLD_PCT) -> list[PositionAlert]:
    """At most one per side. threshold_pct: percent, > 0; reached counts."""
    sides: tuple[tuple[Literal["long", "short"], QtyChange], ...] = (
        ("long", change.long.qty),
        ("short", change.short.qty),
    )
    return [
        found
        for side, qty in sides
        if (found := _alert(change.symbol, side, qty, threshold_pct=threshold_pct)) is not None
    ]


def _alert(
    symbol: str, side: Literal["long", "short"], qty: QtyChange, *, threshold_pct: float
) -> PositionAlert | None:
    if qty.from_coins is None or qty.to_coins is None:
        return None
    step: Step
    moved_pct = without_noise(change_pct(qty.from_coins, qty.to_coins))
    if qty.is_new:
        step, steps, moved_pct = "new", 0, None
    elif moved_pct is None or abs(moved_pct) < threshold_pct:
        return None
    else:
        step, steps = ("add" if moved_pct > 0 else "cut"), int(abs(moved_pct) / threshold_pct)
    return PositionAlert(
        symbol=symbol,
        side=side,
        step=step,
        change_pct=moved_pct,
        from_coins=qty.from_coins,
        to_coins=qty.to_coins,
        fingerprint=f"{side}:{step}:{steps}",
    )
