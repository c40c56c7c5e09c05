"""What a chart of stored snapshots shows: three panels, each with lines of its own scale. Where it is drawn is open."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from altmonitor.positioning.history import Snapshot
from altmonitor.positioning.units import amount, positive

PADDING: Final = 0.08
WIDTH_PX: Final = 780
PANEL_HEIGHT_PX: Final = 150

LineName = Literal["long_qty", "short_qty", "long_whale_entry", "short_whale_entry", "mark_price"]

_HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """points: (time ms, value), oldest → newest; moments without a value are left out, so it may be empty."""

    name: LineName
    points: tuple[tuple[int, float], ...]

    @property
    def last(self) -> float | None:
        return self.points[-1][1] if self.points else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """low, high: the scale, 8 % wider than the values on either side; None without a value."""

    lines: tuple[Line, ...]
    low: float | None
    high: float | None

    def share_of_height(self, value: float) -> float:
        """0 at the bottom of the scale, 1 at the top. The panel must have a scale."""
        if self.low is None or self.high is None:
            raise ValueError("a panel without values has no scale")
        return (value - self.low) / (self.high - self.low)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """panels: long size, short size, whale entries and mark price. points: snapshots in it."""

    symbol: str
    from_ms: int
    to_ms: int
    points: int
    panels: tuple[Panel, Panel, Panel]


def chart(symbol: str, rows: Sequence[Snapshot], *, mark_prices: Mapping[int, float] | None = None) -> Chart | None:
    """rows: of this symbol, in any order. mark_prices: by capture time, for rows that have none. None below 2 rows."""
    found = {row.time_ms: row for row in rows}
    if len(found) < 2:
        return None
    seen = [found[time_ms] for time_ms in sorted(found)]
    filled = mark_prices or {}
    long_qty = _line("long_qty", [(r.time_ms, amount(r.overview.long.traders_qty_coins)) for r in seen])
    short_qty = _line("short_qty", [(r.time_ms, amount(r.overview.short.traders_qty_coins)) for r in seen])
    prices = (
        # an average of 0 is an empty side: it would pull the axis down to 0
        _line("long_whale_entry", [(r.time_ms, positive(r.overview.long.whales_avg_entry)) for r in seen]),
        _line("short_whale_entry", [(r.time_ms, positive(r.overview.short.whales_avg_entry)) for r in seen]),
        _line("mark_price", [(r.time_ms, positive(r.mark_price) or positive(filled.get(r.time_ms))) for r in seen]),
    )
    return Chart(
        symbol=symbol,
        from_ms=seen[0].time_ms,
        to_ms=seen[-1].time_ms,
        points=len(seen),
        panels=(_panel(long_qty), _panel(short_qty), _panel(*prices)),
    )


def fill_interval(span_ms: int) -> str:
    """Length of the candles from which missing mark prices are filled, so that at most 1,000 cover the span."""
    if span_ms <= 16 * _HOUR_MS:
        return "1m"
    return "15m" if span_ms <= 72 * _HOUR_MS else "1h"


def nearest_closes(
    rows: Sequence[Snapshot], closes: Sequence[tuple[int, float]], *, interval_ms: int
) -> dict[int, float]:
    """Capture time → close of the candle around it, for rows without a mark price.

    closes: (open ms, close), in any order. A row in a hole between candles gets none.
    """
    by_open = {open_ms: close for open_ms, close in closes if positive(close) is not None}
    return {
        row.time_ms: by_open[open_ms]
        for row in rows
        if positive(row.mark_price) is None and (open_ms := row.time_ms // interval_ms * interval_ms) in by_open
    }


def _line(name: LineName, points: Sequence[tuple[int, float | None]]) -> Line:
    return Line(name=name, points=tuple((time_ms, value) for time_ms, value in points if value is not None))


def _panel(*lines: Line) -> Panel:
    values = [value for line in lines for _, value in line.points]
    if not values:
        return Panel(lines=lines, low=None, high=None)
    low, high = min(values), max(values)
    padding = PADDING * (high - low) or PADDING * abs(high) or 1.0  # a flat line lies in the middle
    return Panel(lines=lines, low=low - padding, high=high + padding)
