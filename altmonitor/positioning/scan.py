"""Which contracts are furthest to one side right now, over all stored ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from altmonitor.positioning.history import Snapshot, newest_per_symbol
from altmonitor.positioning.units import Percent, known, round_half_up, whole_percent

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
