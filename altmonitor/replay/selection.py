"""Which minutes and samples of a symbol the engine has to be shown: all in which anybody could be told of anything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import Final

import numpy as np

from altmonitor.core.alert import Kind
from altmonitor.detectors.adaptive import loosest
from altmonitor.detectors.funding import FUNDING
from altmonitor.detectors.kinds import KINDS
from altmonitor.detectors.open_interest import OPEN_INTEREST
from altmonitor.detectors.price import WINDOWS, threshold_of
from altmonitor.detectors.verdict import Rule
from altmonitor.market.candles import MINUTE_MS
from altmonitor.market.open_interest import WINDOW_TOLERANCE
from altmonitor.replay.columns import CandleColumns, Floats, Ints, OpenInterestColumns
from altmonitor.replay.measures import SLACK, Flags, could_burst, medians, reached
from altmonitor.replay.price_path import FIRST_PUSH_MS
from altmonitor.replay.tape import BURST, SMALLEST, TapeRows
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
        rises = {1: [one.pump_threshold for one in heard]}
        falls = {1: [one.dump_threshold for one in heard]}
        for window, minutes in WINDOWS:
            rises[minutes] = [threshold_of(window, "PUMP", one) for one in heard if threshold_of(window, "PUMP", one)]
            falls[minutes] = [-size for size in rises[minutes]]
        for minutes, sizes in rises.items():
            if sizes:
                rise, fall = min(sizes) * (1 - SLACK), max(falls[minutes]) * (1 - SLACK)
                upwards, downwards = reached(candles, run, minutes=minutes, rise=rise, fall=fall)
                up[upwards.rows] = True
                down[downwards.rows] = True
    for one, settings in zip(audiences, every, strict=True):
        if "vol" in one.kinds and settings.vol_burst_mult and count:
            lookback = max(other.settings.vol_burst_lookback for other in audiences)
            found = could_burst(candles, run, lookback=lookback, multiple=settings.vol_burst_mult)
            found &= candles.quote_usdt >= settings.vol_burst_min_usdt * (1 - SLACK)
            rows = np.flatnonzero(found)
            usual = medians(candles, run, rows, lookback=lookback)
            least = usual * settings.vol_burst_mult * (1 - SLACK)
            found[rows] = (usual > 0) & (candles.quote_usdt[rows] >= least)
            burst |= found
            early |= found & settings.vol_burst_early
    return Marks(up | down | burst, up | down | early, up | down, up & down)


def marks_on_tape(
    open_ms: Ints, rows: Mapping[Rule, TapeRows], audiences: Sequence[Audience], every: Sequence[Settings]
) -> Marks:
    """The same from a tape of `smallest_for` these settings, over the candles that open then."""
    up, down, burst, early = (np.zeros(len(open_ms), bool) for _ in range(4))

    def flags(of_rule: TapeRows, chosen: Flags) -> Flags:
        found = np.zeros(len(open_ms), bool)
        stamps = of_rule.at_ms[chosen]
        at = np.searchsorted(open_ms, stamps)
        is_there = at < len(open_ms)
        at = at[is_there]
        found[at[open_ms[at] == stamps[is_there]]] = True
        return found

    for one, settings in zip(audiences, every, strict=True):
        for rule, of_rule in rows.items():
            if rule.kind == "price" and "price" in one.kinds:
                rise, fall = threshold_of(rule.window, "PUMP", settings), threshold_of(rule.window, "DUMP", settings)
                if rise:
                    up |= flags(of_rule, of_rule.size >= rise * (1 - SLACK))
                    down |= flags(of_rule, of_rule.size <= fall * (1 - SLACK))
        if "vol" in one.kinds and settings.vol_burst_mult:
            bursts = rows[BURST]
            chosen = bursts.size >= settings.vol_burst_mult * (1 - SLACK)
            found = flags(bursts, chosen & (bursts.usd >= settings.vol_burst_min_usdt * (1 - SLACK)))
            burst |= found
            early |= found & settings.vol_burst_early
    return Marks(up | down | burst, up | down | early, up | down, up & down)


def smallest_for(every: Sequence[Settings]) -> dict[Rule, float]:
    """What a tape has to keep so that these settings, those of single symbols included, can be asked about on it."""
    found = dict(SMALLEST)
    for one in (loosest(own) for settings in every for own in (settings, *settings.of_symbol.values())):
        asked = {rule: abs(threshold_of(rule.window, "PUMP", one)) for rule in found if rule.kind == "price"}
        asked |= {rule: min(abs(threshold_of(rule.window, "DUMP", one)), size) for rule, size in asked.items()}
        asked[BURST] = one.vol_burst_mult
        asked |= {rule: OPEN_INTEREST.threshold_of(rule.window, one) for rule in found if rule.kind == "oi"}
        asked |= {rule: FUNDING.threshold_of(rule.window, one) for rule in found if rule.kind == "funding"}
        for rule, size in asked.items():
            if size:
                found[rule] = min(found[rule], size)
    return found


def too_small(every: Sequence[Settings]) -> tuple[Kind, ...]:
    """Kinds of which one of these bounds is below the smallest size that the monitor's own tape keeps."""
    found: dict[Kind, None] = {}
    for one in (loosest(own) for settings in every for own in (settings, *settings.of_symbol.values())):
        for rule, least in SMALLEST.items():
            sampling = KINDS[rule.kind].sampling
            if sampling is not None:
                bounds = [sampling.threshold_of(rule.window, one)]
            elif rule == BURST:
                bounds = [one.vol_burst_mult]
            else:
                bounds = [threshold_of(rule.window, "PUMP", one), -threshold_of(rule.window, "DUMP", one)]
            if any(0 < bound < least * (1 - SLACK) for bound in bounds):
                found[rule.kind] = None
    return tuple(found)


def least_change(every: Sequence[Settings]) -> float:
    """The smallest threshold of open interest, percent; infinite where nobody asks for it."""
    sizes = (OPEN_INTEREST.threshold_of(window, one) for one in every for window in OPEN_INTEREST.windows)
    return min((size for size in sizes if size), default=inf)


def running_at(open_ms: Ints, stamps: Ints) -> tuple[Ints, Flags]:
    """(index of the candle that runs at each moment, whether there is one)."""
    at = np.searchsorted(open_ms, stamps - FIRST_PUSH_MS, side="right") - 1
    if not len(open_ms):
        return at, np.zeros(len(stamps), bool)
    return at, (at >= 0) & (stamps - FIRST_PUSH_MS - open_ms[at] < MINUTE_MS)


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
        stamps, bound = columns.time_ms, least_change(every)
        at, is_running = running_at(candles.open_ms, stamps)
        is_running &= columns.contracts > 0
        self._times_ms: Ints = stamps[is_running]
        self._contracts: Floats = columns.contracts[is_running]
        self._candle: Ints = at[is_running]
        largest = largest_changes(self._times_ms, self._contracts)
        self._is_loud = largest >= bound * (1 - SLACK)
        self.loud_ms: Ints = self._times_ms[largest >= bound / 2 * (1 - SLACK)]
        self.calm_ms: Ints = (
            self._times_ms[(largest < bound / 2 * (1 - SLACK)) & (largest >= 0)] if bound < inf else stamps[:0]
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


def largest_changes(times_ms: Ints, contracts: Floats) -> Floats:
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
