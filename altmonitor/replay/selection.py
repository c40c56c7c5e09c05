"""Which minutes and samples of a symbol the engine has to be shown: all in which anybody could be told of anything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import Final

import numpy as np

from altmonitor.detectors.open_interest import OPEN_INTEREST
from altmonitor.market.candles import MINUTE_MS
from altmonitor.market.open_interest import WINDOW_TOLERANCE
from altmonitor.replay.columns import CandleColumns, Floats, Ints, OpenInterestColumns
from altmonitor.replay.measures import SLACK, Flags, could_burst, reaches, window_reaches
from altmonitor.replay.price_path import FIRST_PUSH_MS
from altmonitor.settings.audience import Audience
from altmonitor.settings.settings import Settings

OI_MEMORY_MS: Final = int(300_000 * (1 + WINDOW_TOLERANCE))


@dataclass(frozen=True, slots=True)
class Marks:
    """Of each candle. any: it has to be played. path: before its close too. price, both: it reaches a bound of prices,
    bounds on both sides."""

    any: Flags
    path: Flags
    price: Flags
    both: Flags


def marks_of(candles: CandleColumns, run: Ints, audiences: Sequence[Audience], every: Sequence[Settings]) -> Marks:
    count = len(candles)
    up, down, burst, early = (np.zeros(count, bool) for _ in range(4))
    heard = [settings for one, settings in zip(audiences, every, strict=True) if "price" in one.kinds]
    if heard and count:
        own = reaches(candles, run, minutes=1)
        up |= own.up >= min(one.pump_threshold for one in heard) * (1 - SLACK)
        down |= own.down <= max(one.dump_threshold for one in heard) * (1 - SLACK)
        sizes = {
            "5m": [one.move_5m_pct for one in heard if one.move_5m_pct],
            "15m": [one.move_15m_pct for one in heard if one.move_15m_pct],
        }
        if any(sizes.values()):
            for window, reach in window_reaches(candles, run).items():
                if sizes[window]:
                    up |= reach.up >= min(sizes[window]) * (1 - SLACK)
                    down |= reach.down <= -min(sizes[window]) * (1 - SLACK)
    for one, settings in zip(audiences, every, strict=True):
        if "vol" in one.kinds and settings.vol_burst_mult and count:
            lookback = max(other.settings.vol_burst_lookback for other in audiences)
            found = could_burst(candles, run, lookback=lookback, multiple=settings.vol_burst_mult)
            found &= candles.quote_usdt >= settings.vol_burst_min_usdt * (1 - SLACK)
            burst |= found
            early |= found & settings.vol_burst_early
    return Marks(up | down | burst, up | down | early, up | down, up & down)


@dataclass(frozen=True, slots=True)
class InterestSample:
    time_ms: int
    contracts: float


class Samples:
    """Open interest beside candles: a sample belongs to the candle that is running at its moment; where none is, there
    is no price to weigh it with, and it is left out.

    loud_ms, calm_ms: moments at which a change was at least half of somebody's threshold, or was known and was not.
    """

    def __init__(self, columns: OpenInterestColumns, candles: CandleColumns, every: Sequence[Settings]) -> None:
        thresholds = [
            size
            for one in every
            for size in (OPEN_INTEREST.threshold_of(window, one) for window in OPEN_INTEREST.windows)
            if size
        ]
        stamps = columns.time_ms
        at = np.searchsorted(candles.open_ms, stamps - FIRST_PUSH_MS, side="right") - 1
        if len(candles):
            is_running = (at >= 0) & (stamps - FIRST_PUSH_MS - candles.open_ms[at] < MINUTE_MS)
        else:
            is_running = np.zeros(len(stamps), bool)
        is_running &= columns.contracts > 0
        self._times_ms: Ints = stamps[is_running]
        self._contracts: Floats = columns.contracts[is_running]
        self._candle: Ints = at[is_running]
        largest = _largest_changes(self._times_ms, self._contracts)
        bound = min(thresholds, default=inf)
        self._is_loud = largest >= bound * (1 - SLACK)
        self.loud_ms: Ints = self._times_ms[largest >= bound / 2 * (1 - SLACK)]
        self.calm_ms: Ints = (
            self._times_ms[(largest < bound / 2 * (1 - SLACK)) & (largest >= 0)] if thresholds else stamps[:0]
        )
        self._loud_candles: Ints = np.unique(self._candle[self._is_loud])
        spacing = np.diff(self._times_ms)
        self.period_s = float(np.clip(np.median(spacing) / 1000 if len(spacing) else 60.0, 15.0, 3_600.0))

    def next_candle(self, at: int, *, is_held: bool) -> int:
        """Index of the next candle with a sample that has to be judged; beyond all candles when there is none."""
        if not len(self):
            return 1 << 60
        rows = self._candle if is_held else self._loud_candles
        found = int(np.searchsorted(rows, at))
        return int(rows[found]) if found < len(rows) else 1 << 60

    def of_candle(self, at: int) -> list[InterestSample]:
        if not len(self):
            return []
        first, after = np.searchsorted(self._candle, [at, at + 1]).tolist()
        return [InterestSample(int(self._times_ms[n]), float(self._contracts[n])) for n in range(first, after)]

    def before(self, moment_ms: int, *, since: int) -> list[InterestSample]:
        """As far back as a window reaches, and one more; from index `since` on."""
        after = self.index_at(moment_ms)
        first = max(since, min(after - 1, self.index_at(moment_ms - OI_MEMORY_MS - MINUTE_MS)), 0)
        return [InterestSample(int(self._times_ms[n]), float(self._contracts[n])) for n in range(first, after)]

    def __len__(self) -> int:
        return len(self._times_ms)

    def index_at(self, moment_ms: int) -> int:
        return int(np.searchsorted(self._times_ms, moment_ms))


def _largest_changes(times_ms: Ints, contracts: Floats) -> Floats:
    """Of each sample: its largest change against any sample that a window may compare it with, percent without sign;
    -1 where there is none."""
    largest = np.full(len(times_ms), -1.0)
    for back in range(1, len(times_ms)):
        ages_ms = times_ms[back:] - times_ms[:-back]
        is_near = ages_ms <= OI_MEMORY_MS
        if not is_near.any():
            break
        change = np.abs(contracts[back:] / contracts[:-back] - 1) * 100
        largest[back:] = np.where(is_near, np.maximum(largest[back:], change), largest[back:])
    return largest
