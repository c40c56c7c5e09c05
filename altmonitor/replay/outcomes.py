"""What became of alerts: how far the price went after each, and how far it goes after minutes like that anyway.

Entry is the first price that candles know after the alert had reached its reader: the open of the first minute that
begins at or after event time + delivery delay. The close of the alert's own candle is never used: it lies before the
message, or in it. Returns run from that open to the open of the minute so many minutes later.

Two comparisons keep a return from looking like the detector's merit. BTC over the same minutes: a market that rises as
a whole. And matched control, all minutes of the same symbol in the same hour of day and the same volatility regime
(how much the last hour moved, ranked among the symbol's own minutes): alerts happen in wild minutes, and after wild
minutes prices go far with or without a detector. A minute is a control only if its symbol had no such alert in the
minutes just before it; what comes after is not asked, since choosing by that would look ahead.

A name that became another coin needs no care here: it was gone for a day before (`columns.holes`), and no horizon
reaches over that.

Nothing here knows files, time or the store: columns in, columns out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from enum import IntEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from altmonitor.core.alert import Direction
from altmonitor.core.outcome import HORIZONS_MIN
from altmonitor.market.candles import MINUTE_MS
from altmonitor.replay.columns import CandleColumns, Floats, Ints

BENCHMARK: Final = "BTCUSDT"
SIGNS: Final[dict[Direction, int]] = {"PUMP": 1, "UP": 1, "DUMP": -1, "DOWN": -1}
VOLATILITY_MIN: Final = 60
FEWEST_KNOWN_MIN: Final = 30
"""Of the last `VOLATILITY_MIN` minutes so many must be known."""
REGIME_SHARES: Final = (0.5, 0.8, 0.95, 0.99)
"""Where one volatility regime ends and the next begins, as shares of the symbol's own minutes."""
CONTROL_FEWEST: Final = 10
CONTROL_APART_MIN: Final = 5
HOURS: Final = 24
CHUNK: Final = 512

Flags = NDArray[np.bool_]
Small = NDArray[np.int8]


class Unknown(IntEnum):
    """Why a number is missing; KNOWN: it is not."""

    KNOWN = 0
    NO_ENTRY = 1  # the minute after alert and delay is not there
    NOT_YET = 2  # that long after it lies beyond the last candle
    HOLE = 3  # candles are missing there
    NO_BTC = 4  # no candles of BTC at both moments
    IS_BTC = 5  # it would be compared with itself
    NO_CONTROL = 6  # too few minutes of that hour and regime, or the hour before it is not known


UNKNOWN_TEXTS: Final[dict[Unknown, str]] = {
    Unknown.KNOWN: "",
    Unknown.NO_ENTRY: "no candle right after the alert",
    Unknown.NOT_YET: "the candles end before",
    Unknown.HOLE: "candles are missing in between",
    Unknown.NO_BTC: "no candles of BTC",
    Unknown.IS_BTC: "it is BTC",
    Unknown.NO_CONTROL: "too few comparable minutes",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceGrid:
    """Every minute from the first candle to the last; NaN where one is missing. swing: mean size of the changes
    in the hour before each minute, NaN where too little is known."""

    begin_ms: int
    open: Floats
    high: Floats
    low: Floats
    swing: Floats

    def __len__(self) -> int:
        return len(self.open)

    def rows(self, at_ms: Ints) -> Ints:
        """Of the minutes that begin at or after those moments; they may lie outside."""
        return -((self.begin_ms - at_ms) // MINUTE_MS)

    def returns_pct(self, horizon_min: int) -> Floats:
        """Of every minute, from its open to that so much later; NaN where either is missing."""
        found = np.full(len(self), np.nan)
        if horizon_min < len(self):
            found[:-horizon_min] = (self.open[horizon_min:] / self.open[:-horizon_min] - 1) * 100
        return found


def price_grid(candles: CandleColumns) -> PriceGrid:
    """Of at least one candle. Raises: ValueError without any."""
    if not len(candles):
        raise ValueError("no candles")
    begin_ms = int(candles.open_ms[0])
    at = (candles.open_ms - begin_ms) // MINUTE_MS
    count = int(at[-1]) + 1
    columns = []
    for values in (candles.open, candles.high, candles.low):
        column = np.full(count, np.nan)
        column[at] = values
        columns.append(column)
    return PriceGrid(begin_ms=begin_ms, open=columns[0], high=columns[1], low=columns[2], swing=swing_of(columns[0]))


def swing_of(opens: Floats) -> Floats:
    """Only of prices at or before each minute's open."""
    swing = np.full(len(opens), np.nan)
    if len(opens) <= VOLATILITY_MIN:
        return swing
    steps = np.abs(np.diff(opens) / opens[:-1])
    is_known = np.isfinite(steps)
    sums = np.concatenate([[0.0], np.cumsum(np.where(is_known, steps, 0.0))])
    counts = np.concatenate([[0], np.cumsum(is_known)])
    known = counts[VOLATILITY_MIN:] - counts[:-VOLATILITY_MIN]
    total = sums[VOLATILITY_MIN:] - sums[:-VOLATILITY_MIN]
    swing[VOLATILITY_MIN:] = np.where(known >= FEWEST_KNOWN_MIN, total / np.maximum(known, 1), np.nan)
    return swing


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcomes:
    """Of some alerts (rows) after each of `HORIZONS_MIN` (columns), percent; NaN where `unknown` has a reason.

    sign: 1 for alerts of something that rose, -1 for those that fell. entry_ms: open time of the minute of entry.
    raw_pct: the change of price. best_pct, worst_pct: how far it went in the alert's direction and against it until
    then, by highs and lows (`unknown_reach`). btc_pct: what BTC did meanwhile. control_pct, control_up: mean change
    after control minutes, and the share of them that rose; control_count: how many; control_hours: of how many hours
    around the alert's they are (0: its own alone, 24: of any).
    """

    sign: Small
    entry_ms: Ints
    entry: Floats
    raw_pct: Floats
    best_pct: Floats
    worst_pct: Floats
    btc_pct: Floats
    control_pct: Floats
    control_up: Floats
    control_count: Ints
    control_hours: Ints
    unknown: Small
    unknown_reach: Small
    unknown_btc: Small
    unknown_control: Small

    def __len__(self) -> int:
        return len(self.entry_ms)

    @property
    def gross_pct(self) -> Floats:
        """In the alert's direction."""
        return self.raw_pct * self.sign[:, None]

    def net_pct(self, fee_pct: float) -> Floats:
        """fee_pct: of a taker, each side; paid when it is bought and when it is sold."""
        return self.gross_pct - 2 * fee_pct

    @property
    def beyond_btc_pct(self) -> Floats:
        return self.gross_pct - self.btc_pct * self.sign[:, None]

    @property
    def beyond_control_pct(self) -> Floats:
        return self.gross_pct - self.control_pct * self.sign[:, None]

    @property
    def control_hit(self) -> Floats:
        """Share of control minutes after which the price went in the alert's direction."""
        return np.where(self.sign[:, None] > 0, self.control_up, 1 - self.control_up)


def rows_of(parts: Sequence[Outcomes], rows: Ints | None = None) -> Outcomes:
    """Of all parts one after the other those rows, None for every one; no parts are no rows."""
    if not parts:
        return no_outcomes(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int8))
    columns = {one.name: np.concatenate([getattr(part, one.name) for part in parts]) for one in fields(Outcomes)}
    return Outcomes(**(columns if rows is None else {name: column[rows] for name, column in columns.items()}))


def measure(
    grid: PriceGrid,
    arrived_ms: Ints,
    sign: Small,
    *,
    btc: PriceGrid | None,
    is_btc: bool = False,
    alerts_ms: Ints | None = None,
) -> Outcomes:
    """arrived_ms: event time + delivery delay of each alert of this symbol. sign: 1 or -1. btc: None when there are no
    candles of it. alerts_ms: moments whose minutes are no controls; None for those of these alerts."""
    rows = grid.rows(arrived_ms)
    entry = _at(grid.open, rows)
    shape = (len(rows), len(HORIZONS_MIN))
    raw, best, worst, btc_pct = (np.full(shape, np.nan) for _ in range(4))
    unknown, unknown_reach, unknown_btc = (np.zeros(shape, dtype=np.int8) for _ in range(3))
    for number, horizon in enumerate(HORIZONS_MIN):
        exit_price = _at(grid.open, rows + horizon)
        unknown[:, number] = _why(grid, rows, rows + horizon, entry, exit_price)
        is_known = unknown[:, number] == Unknown.KNOWN
        raw[:, number] = np.where(is_known, (exit_price / entry - 1) * 100, np.nan)
        high, low = _reach(grid, rows, horizon)
        up, down = (high / entry - 1) * 100, (low / entry - 1) * 100
        is_whole = is_known & np.isfinite(up) & np.isfinite(down)
        best[:, number] = np.where(is_whole, np.where(sign > 0, up, -down), np.nan)
        worst[:, number] = np.where(is_whole, np.where(sign > 0, down, -up), np.nan)
        reach_why = np.where(is_whole, Unknown.KNOWN, Unknown.HOLE)
        unknown_reach[:, number] = np.where(is_known, reach_why, unknown[:, number])
        if btc is not None and not is_btc:
            theirs = btc.rows(arrived_ms)
            btc_pct[:, number] = (_at(btc.open, theirs + horizon) / _at(btc.open, theirs) - 1) * 100
        why_not = Unknown.IS_BTC if is_btc else Unknown.NO_BTC
        unknown_btc[:, number] = np.where(np.isfinite(btc_pct[:, number]), Unknown.KNOWN, why_not)
    control = _control(grid, rows, rows if alerts_ms is None else grid.rows(alerts_ms))
    return Outcomes(
        sign=sign.astype(np.int8),
        entry_ms=grid.begin_ms + rows * MINUTE_MS,
        entry=entry,
        raw_pct=raw,
        best_pct=best,
        worst_pct=worst,
        btc_pct=btc_pct,
        control_pct=control.mean_pct,
        control_up=control.up,
        control_count=control.count,
        control_hours=control.hours,
        unknown=unknown,
        unknown_reach=unknown_reach,
        unknown_btc=unknown_btc,
        unknown_control=np.where(np.isfinite(control.mean_pct), Unknown.KNOWN, Unknown.NO_CONTROL).astype(np.int8),
    )


def no_outcomes(arrived_ms: Ints, sign: Small) -> Outcomes:
    """Of a symbol without any candle."""
    shape = (len(arrived_ms), len(HORIZONS_MIN))
    nothing, count = np.full(shape, np.nan), np.zeros(shape, dtype=np.int64)
    why = np.full(shape, int(Unknown.NO_ENTRY), dtype=np.int8)
    return Outcomes(
        sign=sign.astype(np.int8),
        entry_ms=-(-arrived_ms // MINUTE_MS) * MINUTE_MS,
        entry=np.full(len(arrived_ms), np.nan),
        raw_pct=nothing,
        best_pct=nothing,
        worst_pct=nothing,
        btc_pct=nothing,
        control_pct=nothing,
        control_up=nothing,
        control_count=count,
        control_hours=count,
        unknown=why,
        unknown_reach=why,
        unknown_btc=why,
        unknown_control=why,
    )


def _at(values: Floats, rows: Ints) -> Floats:
    """NaN outside."""
    is_inside = (rows >= 0) & (rows < len(values))
    return np.where(is_inside, values[np.clip(rows, 0, len(values) - 1)], np.nan)


def _why(grid: PriceGrid, rows: Ints, exits: Ints, entry: Floats, exit_price: Floats) -> Small:
    last = len(grid) - 1
    why = np.where(np.isfinite(exit_price), Unknown.KNOWN, Unknown.HOLE)
    why = np.where(exits > last, Unknown.NOT_YET, why)
    why = np.where(~np.isfinite(entry), np.where(rows > last, Unknown.NOT_YET, Unknown.NO_ENTRY), why)
    return why.astype(np.int8)


def _reach(grid: PriceGrid, rows: Ints, horizon: int) -> tuple[Floats, Floats]:
    """Highest and lowest price of the minutes from each row on; NaN where one of them is missing."""
    high, low = np.full(len(rows), np.nan), np.full(len(rows), np.nan)
    if len(grid) < horizon:
        return high, low
    highs = np.lib.stride_tricks.sliding_window_view(grid.high, horizon)
    lows = np.lib.stride_tricks.sliding_window_view(grid.low, horizon)
    inside = np.flatnonzero((rows >= 0) & (rows < len(highs)))
    for first in range(0, len(inside), CHUNK):
        part = inside[first : first + CHUNK]
        high[part] = highs[rows[part]].max(axis=1)
        low[part] = lows[rows[part]].min(axis=1)
    return high, low


# ---
# Matched control.


@dataclass(frozen=True, slots=True)
class _Control:
    mean_pct: Floats
    up: Floats
    count: Ints
    hours: Ints


def regimes(grid: PriceGrid) -> Ints:
    """Volatility regime of each minute, 0 the calmest; -1 where it is not known."""
    is_known = np.isfinite(grid.swing)
    if not is_known.any():
        return np.full(len(grid), -1, dtype=np.int64)
    bounds = np.quantile(grid.swing[is_known], REGIME_SHARES)
    return np.where(is_known, np.searchsorted(bounds, grid.swing, side="right"), -1)


def _control(grid: PriceGrid, rows: Ints, alert_rows: Ints) -> _Control:
    """Means over all minutes of the stratum: what any number of random draws from it would come to."""
    shape = (len(rows), len(HORIZONS_MIN))
    mean, up = np.full(shape, np.nan), np.full(shape, np.nan)
    count, reach = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64)
    regime = regimes(grid)
    hour = ((grid.begin_ms // MINUTE_MS + np.arange(len(grid))) // 60) % HOURS
    is_free = (regime >= 0) & ~_just_after(alert_rows, len(grid))
    own = np.flatnonzero((rows >= 0) & (rows < len(grid)))
    own = own[regime[rows[own]] >= 0]
    kinds = len(REGIME_SHARES) + 1
    for number, horizon in enumerate(HORIZONS_MIN):
        returns = grid.returns_pct(horizon)
        chosen = np.flatnonzero(is_free & np.isfinite(returns))
        stratum = hour[chosen] * kinds + regime[chosen]
        found, size = returns[chosen], HOURS * kinds
        tables: list[Floats] = [
            np.bincount(stratum, weights=weights, minlength=size).reshape(HOURS, kinds).astype(np.float64)
            for weights in (found, _went_up(found), np.ones(len(found)))
        ]
        at = hour[rows[own]], regime[rows[own]]
        left = np.ones(len(own), dtype=bool)
        for around in (0, 1, 3, HOURS):
            total, total_up, total_count = (_around(one, around)[at] for one in tables)
            is_enough = left & (total_count >= CONTROL_FEWEST)
            those = own[is_enough]
            mean[those, number] = total[is_enough] / total_count[is_enough]
            up[those, number] = total_up[is_enough] / total_count[is_enough]
            count[those, number], reach[those, number] = total_count[is_enough].astype(np.int64), around
            left &= ~is_enough
            if not left.any():
                break
    return _Control(mean, up, count, reach)


def _went_up(returns: Floats) -> Floats:
    return np.where(returns == 0, 0.5, (returns > 0).astype(np.float64))


def _around(table: Floats, hours: int) -> Floats:
    """Sums over the hours within so many of each hour of day."""
    if hours >= HOURS:
        return np.tile(table.sum(axis=0), (HOURS, 1))
    whole = table.copy()
    for step in range(1, hours + 1):
        whole += np.roll(table, step, axis=0) + np.roll(table, -step, axis=0)
    return whole


def _just_after(rows: Ints, count: int) -> Flags:
    marks = np.zeros(count, dtype=bool)
    inside = rows[(rows >= 0) & (rows < count)]
    for step in range(CONTROL_APART_MIN):
        after = inside + step
        marks[after[after < count]] = True
    return marks
