"""The price 60 s earlier (`ROLLING`), as far as candles show it: how many alerts more it could have raised at most.

A move that a minute cuts in two reaches from somewhere in the minute before to somewhere in this one. Candles hold
neither moment, but no such move is larger than from the low of the one to the high of the other.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from altmonitor.core.alert import Alert
from altmonitor.detectors.adaptive import OWN_BOUNDS
from altmonitor.detectors.price import ROLLING_MS
from altmonitor.market.candles import MINUTE_MS
from altmonitor.replay.columns import CandleColumns, Floats, Ints
from altmonitor.replay.measures import SLACK, Flags, run_lengths, sigmas
from altmonitor.replay.tape import first_ones
from altmonitor.settings.audience import Audience


def most_across(
    symbol: str, candles: CandleColumns, audiences: Sequence[Audience], told: Sequence[Alert], *, from_ms: int
) -> int:
    """So many moves over the end of a minute reach somebody's bound at most, from `from_ms` on, that are not near one
    of `told` in the same direction and not within the cooldown of one another. candles: with the minutes before."""
    every = [
        one.settings.for_symbol(symbol)
        for one in audiences
        if "price" in one.kinds and one.settings.rolling and one.settings.is_watched(symbol)
    ]
    if not every or len(candles) < 2:
        return 0
    quiet_ms = max(ROLLING_MS, min(one.cooldown_sec for one in every) * 1000)
    run = run_lengths(candles.open_ms)
    rise, fall = candles.high[1:] / candles.low[:-1] - 1, candles.low[1:] / candles.high[:-1] - 1
    is_asked = (run[1:] > 0) & (candles.open_ms[1:] >= from_ms)
    rows = np.arange(1, len(candles))
    usual = sigmas(candles, run, rows) if any(one.is_adaptive for one in every) else None
    found = 0
    for direction, moves, bounds in (
        ("PUMP", rise * 100, [one.pump_threshold for one in every]),
        ("DUMP", -fall * 100, [-one.dump_threshold for one in every]),
    ):
        least: Floats = np.full(len(moves), np.inf)
        for settings, bound in zip(every, bounds, strict=True):
            own = OWN_BOUNDS["price"](settings)
            size = np.full(len(moves), bound)
            if own.times and usual is not None:
                adapted = np.minimum(np.maximum(own.floor, own.times * usual), own.most)
                size = np.where(np.isfinite(adapted), adapted, size)
            least = np.minimum(least, size)
        at_ms = candles.open_ms[1:][is_asked & (moves >= least * (1 - SLACK))]
        own_ms = [one.event_ms for one in told if one.kind == "price" and one.direction == direction]
        told_ms = np.array(own_ms, np.int64)
        at_ms = at_ms[~_is_near(at_ms, np.sort(told_ms), quiet_ms)]
        found += int(first_ones(np.zeros(len(at_ms), np.int64), at_ms, quiet_ms).sum())
    return found


def _is_near(at_ms: Ints, told_ms: Ints, quiet_ms: int) -> Flags:
    """Of minutes that open then: whether something was told from so long before them to so long after them."""
    first = np.searchsorted(told_ms, at_ms - quiet_ms)
    after = np.searchsorted(told_ms, at_ms + MINUTE_MS + quiet_ms, side="right")
    found: Flags = after > first
    return found
