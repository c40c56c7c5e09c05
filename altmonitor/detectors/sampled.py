"""Figures that are read for many symbols at once: what is measured of them, and a change that is raised once.

A change that reaches its threshold stays there for several readings. It is one alert: armed again only after it has
fallen below half the threshold.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import msgspec

from altmonitor.core.alert import Alert, Direction
from altmonitor.detectors.verdict import Verdict
from altmonitor.interfaces.exchange import MarketContext
from altmonitor.market.liquidations import LiquidationSums
from altmonitor.market.math import reaches
from altmonitor.market.open_interest import OpenInterestRing
from altmonitor.settings.settings import Settings

REARM_SHARE = 0.5
APART_MS = 90_000
"""Two processes sample the same figure within so long of one another."""
DIRECTIONS: tuple[tuple[Direction, float], ...] = (("UP", 1.0), ("DOWN", -1.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Readings:
    """What can be read of all symbols at the moment `now_ms` (event time)."""

    oi_ring: OpenInterestRing
    context: MarketContext
    now_ms: int
    liquidations: LiquidationSums | None = None


class Sample(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What was measured of one symbol. values: window → (value, seconds really measured); a window without an honest
    value is absent. at_ms: of the newest figure. contracts: open interest, None where the sample is of something else.
    """

    symbol: str
    values: Mapping[str, tuple[float, float]]
    at_ms: int
    now_ms: int
    contracts: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleFinding:
    """A value that reaches its threshold, raised or not (the verdict says which)."""

    sample: Sample
    verdict: Verdict
    direction: Direction
    window: str
    value: float
    threshold: float
    span_s: float
    until_ms: int | None = None


class SampledDetector:
    """Holds, per symbol and direction, when it was last raised and whether that is still in the window."""

    def __init__(self, sampling: Sampling) -> None:
        self._sampling = sampling
        self._raised_ms: dict[tuple[str, Direction], int] = {}
        self._spent: set[tuple[str, Direction]] = set()

    def evaluate(self, sample: Sample, settings: Settings) -> SampleFinding | None:
        """Re-arms what has calmed down. None: no threshold is reached."""
        if self._spent:
            self._rearm(sample, settings)
        for window in self._sampling.windows:
            value, span_s = sample.values.get(window, (0.0, 0.0))
            threshold = self._sampling.threshold_of(window, settings)
            if threshold == 0 or not reaches(abs(value), threshold):
                continue
            direction: Direction = "UP" if value > 0 else "DOWN"
            verdict, until_ms = self.judge(sample.symbol, direction, sample.at_ms, settings)
            return SampleFinding(
                sample=sample,
                verdict=verdict,
                direction=direction,
                window=window,
                value=value,
                threshold=threshold,
                span_s=span_s,
                until_ms=until_ms,
            )
        return None

    def judge(self, symbol: str, direction: Direction, at_ms: int, settings: Settings) -> tuple[Verdict, int | None]:
        """Of a value that reaches its threshold, with the moment when its reason ends. Changes nothing."""
        if (symbol, direction) in self._spent:
            return Verdict.PLATEAU, None
        raised_ms = self._raised_ms.get((symbol, direction))
        if raised_ms is not None and at_ms - raised_ms < settings.cooldown_sec * 1000:
            return Verdict.COOLING_DOWN, raised_ms + settings.cooldown_sec * 1000
        return Verdict.FIRE, None

    def _rearm(self, sample: Sample, settings: Settings) -> None:
        """Below half the threshold in every window. A window without a value may still hold the change that was raised
        (after a start the longest one does), so it must be known, or too much time must have passed for that."""
        for direction, sign in DIRECTIONS:
            at = (sample.symbol, direction)
            if at not in self._spent:
                continue
            thresholds = {window: self._sampling.threshold_of(window, settings) for window in self._sampling.windows}
            enabled = {window: threshold for window, threshold in thresholds.items() if threshold}
            known = [
                sample.values[window][0] * sign < threshold * REARM_SHARE
                for window, threshold in enabled.items()
                if window in sample.values
            ]
            is_past = sample.now_ms - self._raised_ms.get(at, 0) > self._sampling.longest_ms
            if known and all(known) and (len(known) == len(enabled) or is_past):
                self._spent.discard(at)

    def remember(self, alert: Alert) -> None:
        """It was raised: silent until the value has fallen below half its threshold, and for the cooldown."""
        self._raised_ms[alert.symbol, alert.direction] = alert.event_ms
        self.hold(alert.symbol, alert.direction)

    def is_news(self, alert: Alert, settings: Settings) -> bool:
        """Of an alert that another process found: nothing of its change was told by this one."""
        raised_ms = self._raised_ms.get((alert.symbol, alert.direction))
        return raised_ms is None or abs(alert.event_ms - raised_ms) >= max(APART_MS, settings.cooldown_sec * 1000)

    def hold(self, symbol: str, direction: Direction) -> None:
        """Nothing is raised before the value has calmed down."""
        self._spent.add((symbol, direction))

    def is_held(self, symbol: str) -> bool:
        """What was raised has not calmed down yet."""
        return bool(self._spent) and any((symbol, direction) in self._spent for direction, _ in DIRECTIONS)

    def forget_raised(self, symbol: str) -> None:
        """Nothing of it was raised; what was measured stays."""
        for direction, _ in DIRECTIONS:
            self._raised_ms.pop((symbol, direction), None)
            self._spent.discard((symbol, direction))

    def forget(self, symbol: str) -> None:
        self.forget_raised(symbol)


class CrossingDetector(SampledDetector):
    """Raised is the crossing: what is beyond the bound when it is first seen, or when the bound is moved, is not."""

    def __init__(self, sampling: Sampling) -> None:
        super().__init__(sampling)
        self._last: dict[str, float] = {}

    def evaluate(self, sample: Sample, settings: Settings) -> SampleFinding | None:
        window = self._sampling.windows[0]
        value, _ = sample.values[window]
        before = self._last.get(sample.symbol)
        self._last[sample.symbol] = value
        bound, direction = self._sampling.threshold_of(window, settings), _direction_of(value)
        if bound and reaches(abs(value), bound):
            is_crossing = before is not None and not (
                _direction_of(before) == direction and reaches(abs(before), bound)
            )
            if not is_crossing:
                self.hold(sample.symbol, direction)
        return super().evaluate(sample, settings)

    def forget(self, symbol: str) -> None:
        super().forget(symbol)
        self._last.pop(symbol, None)


def _direction_of(value: float) -> Direction:
    return "UP" if value > 0 else "DOWN"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """How a kind is measured. source: what has just been read when it is asked. windows: in the order in which they
    are asked, the first that reaches its threshold is raised. threshold_of(window, settings): of either direction; 0:
    off. longest_ms: after so long a change has left even the longest window. detector: what an audience remembers.
    """

    source: Literal["sweep", "tables", "liquidations"]
    windows: tuple[str, ...]
    threshold_of: Callable[[str, Settings], float]
    measure: Callable[[Readings, Sequence[str]], Iterator[Sample]]
    longest_ms: int
    detector: type[SampledDetector]
