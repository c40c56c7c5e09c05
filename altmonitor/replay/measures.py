"""What the detectors compare with their thresholds, of every minute at once: where anything could be found at all.

Nothing is decided here: the numbers say which minutes the detectors have to be asked about. They are never too small;
a minute that is kept for nothing costs time, one that is left out would cost an alert.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from altmonitor.detectors.adaptive import FEWEST_MINUTES, HOUR_MS, MEASURED_MINUTES, NORMAL, busy_rank
from altmonitor.detectors.price import MINUTES_OF
from altmonitor.detectors.volume import FEWEST_CANDLES
from altmonitor.market.candles import MINUTE_MS
from altmonitor.replay.columns import CandleColumns, Floats, Ints

Flags = NDArray[np.bool_]
DAY_MS = 86_400_000
DAY_MINUTES = DAY_MS // MINUTE_MS
SLACK = 1e-6
"""Relative; far above the noise of floats, far below anything a reader could see."""


def run_lengths(open_ms: Ints) -> Ints:
    """Of each minute: how many lie before it without a hole."""
    numbers = np.arange(len(open_ms), dtype=np.int64)
    is_begin = np.ones(len(open_ms), dtype=bool)
    is_begin[1:] = np.diff(open_ms) != MINUTE_MS
    return numbers - np.maximum.accumulate(np.where(is_begin, numbers, 0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """How far each minute went, percent: upwards ≥ 0 and downwards ≤ 0. NaN where there is no honest value."""

    up: Floats
    down: Floats


def reaches(candles: CandleColumns, run: Ints, *, minutes: int) -> Reach:
    """High and low against the open of the candle that began `minutes` before this one ends; 1: its own."""
    back = minutes - 1
    base = candles.open
    if back:
        base = np.full(len(candles), np.nan)
        base[back:] = candles.open[: max(0, len(candles) - back)]
        base[run < back] = np.nan
    return Reach(up=(candles.high / base - 1) * 100, down=(candles.low / base - 1) * 100)


def window_reaches(candles: CandleColumns, run: Ints) -> dict[str, Reach]:
    """Of the windows over several candles."""
    return {name: reaches(candles, run, minutes=minutes) for name, minutes in MINUTES_OF.items()}


def could_burst(candles: CandleColumns, run: Ints, *, lookback: int, multiple: float) -> Flags:
    """Minutes whose volume may be `multiple` times the median of the `lookback` minutes before.

    A median is at most x only where half the values are; counting them costs a comparison each, a sorted window fifty.
    """
    quotes, count = candles.quote_usdt, len(candles)
    bound = quotes / multiple * (1 + SLACK)
    lower = np.zeros(count, dtype=np.int16)
    for back in range(1, min(lookback, count - 1) + 1):
        lower[back:] += quotes[:-back] <= bound[back:]
    found = lower * 2 >= lookback
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


def sigmas(candles: CandleColumns, run: Ints) -> Floats:
    """Of each minute what its contract's usual one is, percent, as adaptive bounds take it: measured once an hour, from
    the minutes before the full hour. NaN where too few of them lie there without a hole."""
    sizes = np.abs(np.diff(candles.close, prepend=np.nan) / np.append(np.nan, candles.close[:-1])) * 100
    return NORMAL * _of_hours(candles, run, np.arange(len(candles)), sizes, _middles, between=True)


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
    lie there without a hole. between: a value belongs to its minute and the one before it."""
    if len(candles) < 2 or not len(rows):
        return np.full(len(rows), np.nan)
    hours = candles.open_ms // HOUR_MS * HOUR_MS
    is_next = np.diff(hours) != 0
    firsts = np.append(0, np.flatnonzero(is_next) + 1)
    of_hour = np.append(0, np.cumsum(is_next))[rows]
    last = firsts - 1  # the last one before each full hour
    known = np.where(last >= 0, np.minimum(run[last] + 1, MEASURED_MINUTES), 0)
    is_asked = np.zeros(len(firsts), bool)
    is_asked[of_hour] = True
    by_hour, less = np.full(len(firsts), np.nan), int(between)
    is_full = is_asked & (known == MEASURED_MINUTES)
    if is_full.any():
        windows = np.lib.stride_tricks.sliding_window_view(values, MEASURED_MINUTES - less)
        by_hour[is_full] = measured(windows[last[is_full] - MEASURED_MINUTES + 1 + less])
    for at in np.flatnonzero(is_asked & (known >= FEWEST_MINUTES) & ~is_full).tolist():
        end = int(last[at]) + 1
        by_hour[at] = measured(values[np.newaxis, end - int(known[at]) + less : end])[0]
    before = last[of_hour]
    is_unbroken = (before >= 0) & (run[rows] >= rows - before) & (candles.open_ms[before] == hours[rows] - MINUTE_MS)
    return np.where(is_unbroken, by_hour[of_hour], np.nan)


def day_sums(candles: CandleColumns, run: Ints) -> Floats:
    """Quote volume of the 24 hours before each minute; infinite where the candles begin later than that."""
    sums = np.concatenate([[0.0], np.cumsum(candles.quote_usdt)])
    first = np.arange(len(candles)) - DAY_MINUTES
    is_broken = run < DAY_MINUTES
    first[is_broken] = np.searchsorted(candles.open_ms, candles.open_ms[is_broken] - DAY_MS)
    found: Floats = sums[:-1] - sums[first]
    if len(candles):
        found[candles.open_ms - DAY_MS < candles.open_ms[0]] = np.inf
    return found
