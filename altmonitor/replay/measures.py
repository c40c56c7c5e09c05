"""What the detectors compare with their thresholds, of every minute at once: where anything could be found at all.

Nothing is decided here: the numbers say which minutes the detectors have to be asked about. They are never too small;
a minute that is kept for nothing costs time, one that is left out would cost an alert.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from altmonitor.detectors.adaptive import FEWEST_MINUTES, HOUR_MS, MEASURED_MINUTES, NORMAL, busy_rank
from altmonitor.detectors.volume import FEWEST_CANDLES
from altmonitor.market.candles import MINUTE_MS
from altmonitor.replay.columns import CandleColumns, Floats, Ints

Flags = NDArray[np.bool_]
DAY_MS = 86_400_000
DAY_MINUTES = DAY_MS // MINUTE_MS
SLACK = 1e-6
"""Relative; far above the noise of floats, far below anything a reader could see."""
HAIR = 1e-9
"""Relative; above the noise of floats all the same."""
BYTE = 255


def run_lengths(open_ms: Ints) -> Ints:
    """Of each minute: how many lie before it without a hole."""
    count = len(open_ms)
    begins = np.append(0, np.flatnonzero(np.diff(open_ms) != MINUTE_MS) + 1)
    found: Ints = np.arange(count) - np.repeat(begins, np.diff(begins, append=count))
    return found


class Reached(NamedTuple):
    """Minutes that went at least so far one way, by index, and how far: percent with its sign."""

    rows: Ints
    pct: Floats


def reached(
    candles: CandleColumns, run: Ints, *, minutes: int, rise: float, fall: float, first: int = 0
) -> tuple[Reached, Reached]:
    """Upwards and downwards: high and low against the open of the candle that began `minutes` before this one ends, 1:
    its own, where no hole lies between. rise ≥ 0, fall ≤ 0: from which percent on. first: index of the first minute
    that is asked about.

    Few minutes go so far, and to find them costs one comparison, a hair too small; only those are measured.
    """
    back = minutes - 1
    begin = max(first, back)
    base = candles.open[begin - back : max(begin - back, len(candles) - back)]
    ups = np.flatnonzero(candles.high[begin:] >= base * ((1 + rise / 100) * (1 - HAIR))) + begin
    downs = np.flatnonzero(candles.low[begin:] <= base * ((1 + fall / 100) * (1 + HAIR))) + begin
    if back:
        ups, downs = ups[run[ups] >= back], downs[run[downs] >= back]
    up_pct = (candles.high[ups] / candles.open[ups - back] - 1) * 100
    down_pct = (candles.low[downs] / candles.open[downs - back] - 1) * 100
    is_up, is_down = up_pct >= rise, down_pct <= fall
    return Reached(ups[is_up], up_pct[is_up]), Reached(downs[is_down], down_pct[is_down])


def could_burst(candles: CandleColumns, run: Ints, *, lookback: int, multiple: float) -> Flags:
    """Minutes whose volume may be `multiple` times the median of the `lookback` minutes before.

    A median is at most x only where half the values are; counting them costs a comparison each, a sorted window fifty.
    """
    quotes, count = candles.quote_usdt, len(candles)
    bound = quotes / multiple * (1 + SLACK)
    most = min(lookback, count - 1)
    lower: NDArray[np.unsignedinteger] = np.zeros(count, dtype=np.uint8 if most <= BYTE else np.uint16)
    for back in range(1, most + 1):
        is_lower = quotes[:-back] <= bound[back:]
        np.add(lower[back:], is_lower.view(np.uint8), out=lower[back:])  # a flag is a byte that is 1 or 0
    found: Flags = lower >= (lookback + 1) // 2
    for at in np.flatnonzero(run < lookback).tolist():
        known = int(run[at])
        lower_there = int((quotes[at - known : at] <= bound[at]).sum())
        found[at] = known >= FEWEST_CANDLES and lower_there * 2 >= known
    found &= quotes > 0
    return found


def medians(candles: CandleColumns, run: Ints, rows: Ints, *, lookback: int) -> Floats:
    """Median quote volume of the unbroken minutes before each of `rows`, `lookback` at most; NaN for fewer than 5."""
    quotes = candles.quote_usdt
    found = np.full(len(rows), np.nan)
    is_full = run[rows] >= lookback
    full = rows[is_full]
    if len(full):
        windows = np.lib.stride_tricks.sliding_window_view(quotes, lookback)[full - lookback]
        found[is_full] = _middles(windows)
    for at in np.flatnonzero(~is_full & (run[rows] >= FEWEST_CANDLES)).tolist():
        row = int(rows[at])
        found[at] = middle(quotes[row - int(run[row]) : row])
    return found


def middle(values: Floats) -> float:
    """Median of one row or more values."""
    return float(_middles(values[np.newaxis])[0])


def _middles(windows: Floats) -> Floats:
    """Median of each row; sorting them is several times cheaper than `np.median`, which also loads masked arrays."""
    ordered, middle = np.sort(windows, axis=1), windows.shape[1] // 2
    if windows.shape[1] % 2:
        odd: Floats = ordered[:, middle]
        return odd
    even: Floats = (ordered[:, middle - 1] + ordered[:, middle]) / 2
    return even


def sigmas(candles: CandleColumns, run: Ints, rows: Ints) -> Floats:
    """Of each of `rows` what its contract's usual minute is, percent, as adaptive bounds take it: measured once an
    hour, from the minutes before the full hour. NaN where too few of them lie there without a hole."""
    sizes = np.diff(candles.close)
    sizes /= candles.close[:-1]
    np.abs(sizes, out=sizes)
    sizes *= 100
    return NORMAL * _of_hours(candles, run, rows, sizes, _middles, between=True)


def busy_multiples(candles: CandleColumns, run: Ints, rows: Ints) -> Floats:
    """Of each of `rows` the volume of its contract's busy minute, in medians, measured like `sigmas`."""
    return _of_hours(candles, run, rows, candles.quote_usdt, _busy, between=False)


def _busy(windows: Floats) -> Floats:
    """Of each row its 95th percentile over its median."""
    ordered, middle = np.sort(windows, axis=1), windows.shape[1] // 2
    median = ordered[:, middle] if windows.shape[1] % 2 else (ordered[:, middle - 1] + ordered[:, middle]) / 2
    found: Floats = ordered[:, busy_rank(windows.shape[1])] / np.where(median > 0, median, np.nan)
    return found


def _of_hours(
    candles: CandleColumns,
    run: Ints,
    rows: Ints,
    values: Floats,
    measured: Callable[[Floats], Floats],
    *,
    between: bool,
) -> Floats:
    """Of each of `rows` what is measured of the values of the minutes before its full hour; NaN where too few of them
    lie there without a hole. between: a value belongs to its minute, from the second one on, and the one before it."""
    opened, less = candles.open_ms[rows], int(between)
    hours = opened // HOUR_MS * HOUR_MS
    before = rows - (opened - hours) // MINUTE_MS - 1  # the last one before the full hour, where none is missing
    is_unbroken = run[rows] >= rows - before
    is_unbroken[is_unbroken] = candles.open_ms[before[is_unbroken]] == hours[is_unbroken] - MINUTE_MS
    last = np.unique(before[is_unbroken])
    known = np.minimum(run[last] + 1, MEASURED_MINUTES)
    by_hour = np.full(len(last), np.nan)
    is_full = known == MEASURED_MINUTES
    if is_full.any():
        windows = np.lib.stride_tricks.sliding_window_view(values, MEASURED_MINUTES - less)
        by_hour[is_full] = measured(windows[last[is_full] - MEASURED_MINUTES + 1])
    for at in np.flatnonzero((known >= FEWEST_MINUTES) & ~is_full).tolist():
        end = int(last[at]) + 1
        by_hour[at] = measured(values[np.newaxis, end - int(known[at]) : end - less])[0]
    found = np.full(len(rows), np.nan)
    found[is_unbroken] = by_hour[np.searchsorted(last, before[is_unbroken])]
    return found


def day_sums(candles: CandleColumns, run: Ints, rows: Ints) -> Floats:
    """Quote volume of the 24 hours before each of `rows`; infinite where the candles begin later than that."""
    sums = np.zeros(len(candles) + 1)
    np.cumsum(candles.quote_usdt, out=sums[1:])
    since_ms, first = candles.open_ms[rows] - DAY_MS, rows - DAY_MINUTES
    is_broken = run[rows] < DAY_MINUTES
    first[is_broken] = np.searchsorted(candles.open_ms, since_ms[is_broken])
    found: Floats = sums[rows] - sums[first]
    if len(candles):
        found[since_ms < candles.open_ms[0]] = np.inf
    return found
