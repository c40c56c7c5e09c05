"""From candles and samples to the rows of a tape."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from altmonitor.detectors.funding import LONGEST_MS, WINDOW
from altmonitor.detectors.open_interest import WINDOWS_MS
from altmonitor.detectors.price import MINUTES_OF
from altmonitor.detectors.verdict import Rule
from altmonitor.market.open_interest import WINDOW_TOLERANCE
from altmonitor.positioning.funding import USUAL_INTERVAL_H
from altmonitor.replay import measures
from altmonitor.replay.columns import CandleColumns, Floats, FundingColumns, Ints, OpenInterestColumns
from altmonitor.replay.selection import largest_changes
from altmonitor.replay.tape import BURST, PRICE, SMALLEST, TapeRows, joined, no_rows

LONGEST_WINDOW: Final = max(MINUTES_OF.values())
HOUR_MS: Final = 3_600_000
HELD_EVERY_MS: Final = LONGEST_MS // 2
"""More often than a plateau of funding ends."""
Smallest = Mapping[Rule, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthTape:
    """Of one symbol. open_ms: of all its candles. loud_ms, loud_size: samples of open interest with their largest
    change against any that a window may compare with, where that is half of what is kept; sample_ms: of all samples
    with any such change. settled_ms, settled_minutes: settlements of funding, and how long a time each speaks for.
    symbol in `rows` is 0. total_usdt: traded in all of it."""

    rows: Mapping[Rule, TapeRows]
    open_ms: Ints
    sample_ms: Ints
    loud_ms: Ints
    loud_size: Floats
    settled_ms: Ints
    settled_minutes: Floats
    total_usdt: float


def measured(
    candles: CandleColumns,
    held: OpenInterestColumns,
    paid: FundingColumns,
    *,
    begin_ms: int,
    end_ms: int | None = None,
    lookback: int,
    smallest: Smallest = SMALLEST,
) -> MonthTape:
    """candles, held: from before `begin_ms`, as far as anything compares with them; what is kept begins there. paid:
    also of the day after `end_ms`, where what is kept of it ends."""
    run = measures.run_lengths(candles.open_ms)
    first = int(np.searchsorted(candles.open_ms, begin_ms))
    rows = _prices(candles, run, first, {rule: size for rule, size in smallest.items() if rule.kind == PRICE.kind})
    rows[BURST] = _bursts(candles, run, first, lookback, smallest[BURST])
    for rule in smallest if len(held.time_ms) else ():
        if rule.kind == "oi":
            rows[rule] = _changes(held, candles, run, begin_ms, WINDOWS_MS[rule.window], smallest[rule])
    funding = Rule("funding", WINDOW)
    end_ms = end_ms or (int(paid.time_ms[-1]) + 1 if len(paid) else 0)
    if len(paid) and funding in smallest:
        rows[funding] = _rates(paid, candles, run, (begin_ms, end_ms), smallest[funding])
    is_settled = (paid.time_ms >= begin_ms) & (paid.time_ms < end_ms)
    largest = largest_changes(held.time_ms, held.contracts)
    is_kept = held.time_ms >= begin_ms
    least = min(size for rule, size in smallest.items() if rule.kind == "oi")
    is_loud = is_kept & (largest >= least / 2 * (1 - measures.SLACK))
    return MonthTape(
        rows={rule: rows.get(rule) or no_rows() for rule in smallest},
        open_ms=candles.open_ms[first:],
        sample_ms=held.time_ms[is_kept & (largest >= 0)],
        loud_ms=held.time_ms[is_loud],
        loud_size=largest[is_loud],
        settled_ms=paid.time_ms[is_settled],
        settled_minutes=paid.interval_h[is_settled] * 60,
        total_usdt=float(candles.quote_usdt[first:].sum()),
    )


def _prices(candles: CandleColumns, run: Ints, first: int, smallest: Smallest) -> dict[Rule, TapeRows]:
    """Of every rule, in the order of a tape; first: index of the first minute that is kept."""
    sides: list[measures.Reached] = []
    for rule, size in smallest.items():
        least = size * (1 - measures.SLACK)
        minutes = MINUTES_OF.get(rule.window, 1)
        sides += measures.reached(candles, run, minutes=minutes, rise=least, fall=-least, first=first)[::-1]
    at = np.concatenate([one.rows for one in sides])
    whole = TapeRows(
        at_ms=candles.open_ms[at],
        symbol=np.zeros(len(at), np.int64),
        size=np.concatenate([one.pct for one in sides]),
        usd=np.full(len(at), np.inf),
        side=np.repeat([0, 1] * len(smallest), [len(one.rows) for one in sides]),
        day_usdt=measures.day_sums(candles, run, at),
        own_size=measures.sigmas(candles, run, at),
    )
    ends = np.cumsum([len(down.rows) + len(up.rows) for down, up in zip(sides[::2], sides[1::2], strict=True)]).tolist()
    return {
        rule: whole.taken(slice(begin, end)) for rule, begin, end in zip(smallest, [0, *ends[:-1]], ends, strict=True)
    }


def _bursts(candles: CandleColumns, run: Ints, first: int, lookback: int, smallest: float) -> TapeRows:
    at = np.flatnonzero(measures.could_burst(candles, run, lookback=lookback, multiple=smallest))
    at = at[at >= first]
    usual = measures.medians(candles, run, at, lookback=lookback)
    is_burst = (usual > 0) & (candles.quote_usdt[at] >= usual * smallest * (1 - measures.SLACK))
    at, usual = at[is_burst], usual[is_burst]
    found = TapeRows(
        at_ms=candles.open_ms[at],
        symbol=np.zeros(len(at), np.int64),
        size=candles.quote_usdt[at] / usual,
        usd=candles.quote_usdt[at],
        side=(candles.close[at] >= candles.open[at]).astype(np.int64),
        day_usdt=measures.day_sums(candles, run, at),
        own_size=measures.busy_multiples(candles, run, at),
    )
    return joined([found])


def _changes(
    held: OpenInterestColumns,
    candles: CandleColumns,
    run: Ints,
    begin_ms: int,
    window_ms: int,
    smallest: float,
) -> TapeRows:
    """Of each sample that has another one within the tolerance of the window. Its worth is the archive's, else that at
    the price of its minute."""
    size, at = changes_over(held.time_ms, held.contracts, window_ms)
    is_kept = (np.abs(size) >= smallest * (1 - measures.SLACK)) & (held.time_ms[at] >= begin_ms)
    size, at = size[is_kept], at[is_kept]
    minute = np.searchsorted(candles.open_ms, held.time_ms[at], side="right") - 1
    is_known = (minute >= 0) & bool(len(candles))
    price = np.full(len(at), np.inf)
    days = np.full(len(at), np.inf)
    price[is_known] = candles.close[minute[is_known]]
    days[is_known] = measures.day_sums(candles, run, minute[is_known])
    worth = held.value_usdt[at]
    found = TapeRows(
        at_ms=held.time_ms[at],
        symbol=np.zeros(len(at), np.int64),
        size=size,
        usd=np.where(np.isfinite(worth), worth, held.contracts[at] * price),
        side=(size > 0).astype(np.int64),
        day_usdt=days,
        own_size=np.full(len(at), np.nan),
    )
    return joined([found])


def _rates(
    paid: FundingColumns, candles: CandleColumns, run: Ints, span_ms: tuple[int, int], smallest: float
) -> TapeRows:
    """Rates per 8 hours of settlements. A bound that two in a row are beyond is not crossed again by the second: rows
    every half an hour between them, of the smaller size, keep it in sight."""
    size = paid.rate * 100 * USUAL_INTERVAL_H / paid.interval_h
    stamps, sizes = [paid.time_ms], [size]
    gaps_ms = np.diff(paid.time_ms)
    is_held = (np.abs(size) >= smallest * (1 - measures.SLACK))[1:] & (np.sign(size[1:]) == np.sign(size[:-1]))
    is_held &= np.abs(size[:-1]) >= smallest * (1 - measures.SLACK)
    is_held &= gaps_ms <= paid.interval_h[1:] * HOUR_MS * 1.5
    for at in np.flatnonzero(is_held).tolist():
        between = np.arange(paid.time_ms[at] + HELD_EVERY_MS, paid.time_ms[at + 1], HELD_EVERY_MS)
        smaller = np.sign(size[at]) * min(abs(size[at]), abs(size[at + 1]))
        stamps.append(between)
        sizes.append(np.full(len(between), smaller))
    time_ms, rates = np.concatenate(stamps), np.concatenate(sizes)
    is_kept = (np.abs(rates) >= smallest * (1 - measures.SLACK)) & (time_ms >= span_ms[0]) & (time_ms < span_ms[1])
    time_ms, rates = time_ms[is_kept], rates[is_kept]
    days = np.full(len(time_ms), np.inf)
    if len(candles):
        minute = np.searchsorted(candles.open_ms, time_ms, side="right") - 1
        days[minute >= 0] = measures.day_sums(candles, run, minute[minute >= 0])
    found = TapeRows(
        at_ms=time_ms,
        symbol=np.zeros(len(time_ms), np.int64),
        size=rates,
        usd=np.full(len(time_ms), np.inf),
        side=(rates > 0).astype(np.int64),
        day_usdt=days,
        own_size=np.full(len(time_ms), np.nan),
    )
    return joined([found])


def changes_over(time_ms: Ints, contracts: Floats, window_ms: int) -> tuple[Floats, Ints]:
    """(percent, index) of each sample that has one within the tolerance of the window."""
    if len(time_ms) < 2:
        return np.zeros(0), np.zeros(0, np.int64)
    after = np.searchsorted(time_ms, time_ms - window_ms)
    candidates = np.stack([np.clip(after - 1, 0, None), np.clip(after, 0, len(time_ms) - 1)])
    off_ms = np.abs(time_ms - time_ms[candidates] - window_ms)
    nearest = np.where(off_ms[0] <= off_ms[1], candidates[0], candidates[1])
    is_honest = (np.minimum(off_ms[0], off_ms[1]) <= window_ms * WINDOW_TOLERANCE) & (contracts[nearest] > 0)
    at = np.flatnonzero(is_honest)
    return (contracts[at] / contracts[nearest[at]] - 1) * 100, at
