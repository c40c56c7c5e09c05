"""Open interest: the change over 5 minutes, else over 1 minute, told once per jump."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import isnan

from altmonitor.core.alert import Direction
from altmonitor.detectors.verdict import Verdict
from altmonitor.market.math import reaches
from altmonitor.market.open_interest import WINDOW_TOLERANCE, OpenInterestRing
from altmonitor.settings.settings import Settings

WINDOWS = (("5m", 300_000), ("1m", 60_000))
"""In the order in which they are asked: the longer window goes first."""

STALE_SWEEPS = 1.5
REARM_SHARE = 0.5
LONGEST_JUMP_MS = int(WINDOWS[0][1] * (1 + WINDOW_TOLERANCE))
"""After so long a jump has left even the longest window."""

DIRECTIONS: tuple[tuple[Direction, float], ...] = (("UP", 1.0), ("DOWN", -1.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class OiReading:
    """What was measured of one symbol. changes_pct, spans_s: in the order of `WINDOWS`, NaN without an honest value.

    newest: (time_ms, contracts) of the newest sample.
    """

    symbol: str
    changes_pct: tuple[float, ...]
    spans_s: tuple[float, ...]
    newest: tuple[int, float]
    now_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OiFinding:
    """A change that reaches its threshold, told or not (the verdict says which). change_pct percent."""

    symbol: str
    verdict: Verdict
    direction: Direction
    window: str
    change_pct: float
    span_s: float
    sample_ms: int
    contracts: float
    until_ms: int | None = None


def measure(ring: OpenInterestRing, symbols: Sequence[str], *, now_ms: int) -> Iterator[OiReading]:
    """All at once, in their order; those without any sample are left out. now_ms: exchange time."""
    stale_ms = int(ring.period_ms * STALE_SWEEPS)
    columns = [
        ring.changes_pct(symbols, window_ms=window_ms, now_ms=now_ms, stale_ms=stale_ms) for _, window_ms in WINDOWS
    ]
    changes = list(zip(*(column[0].tolist() for column in columns), strict=True))
    spans = list(zip(*(column[1].tolist() for column in columns), strict=True))
    for symbol, changes_pct, spans_s in zip(symbols, changes, spans, strict=True):
        newest = ring.newest(symbol)
        if newest is not None:
            yield OiReading(symbol=symbol, changes_pct=changes_pct, spans_s=spans_s, newest=newest, now_ms=now_ms)


def oi_threshold_of(window: str, settings: Settings) -> float:
    """Percent, of either direction; 0: off."""
    return settings.oi_surge_5m if window == "5m" else settings.oi_surge_1m


class OiSurge:
    """Holds, per symbol and direction, when it was last told and whether the jump told is still in the window."""

    def __init__(self) -> None:
        self._told_ms: dict[tuple[str, Direction], int] = {}
        self._spent: set[tuple[str, Direction]] = set()

    def evaluate(self, reading: OiReading, settings: Settings) -> OiFinding | None:
        """Re-arms what has calmed down. None: no threshold is reached."""
        symbol = reading.symbol
        if self._spent:
            self._rearm(reading, settings)
        for (window, _), change, span_s in zip(WINDOWS, reading.changes_pct, reading.spans_s, strict=True):
            threshold = oi_threshold_of(window, settings)
            if threshold == 0 or isnan(change) or not reaches(abs(change), threshold):
                continue
            direction: Direction = "UP" if change > 0 else "DOWN"
            sample_ms, contracts = reading.newest
            verdict, until_ms = self.judge(symbol, direction, sample_ms, settings)
            return OiFinding(
                symbol=symbol,
                verdict=verdict,
                direction=direction,
                window=window,
                change_pct=change,
                span_s=span_s,
                sample_ms=sample_ms,
                contracts=contracts,
                until_ms=until_ms,
            )
        return None

    def judge(
        self, symbol: str, direction: Direction, sample_ms: int, settings: Settings
    ) -> tuple[Verdict, int | None]:
        """Of a change that reaches its threshold, with the moment when its reason ends. Changes nothing."""
        if (symbol, direction) in self._spent:
            return Verdict.PLATEAU, None
        told_ms = self._told_ms.get((symbol, direction))
        if told_ms is not None and sample_ms - told_ms < settings.cooldown_sec * 1000:
            return Verdict.COOLING_DOWN, told_ms + settings.cooldown_sec * 1000
        return Verdict.FIRE, None

    def _rearm(self, reading: OiReading, settings: Settings) -> None:
        """Below half the threshold in every window. A window without a value may still hold the jump that was told
        (after a start the 5-minute one does), so it must be known, or too much time must have passed for that."""
        for direction, sign in DIRECTIONS:
            at = (reading.symbol, direction)
            if at not in self._spent:
                continue
            asked = [
                (change * sign, oi_threshold_of(window, settings))
                for (window, _), change in zip(WINDOWS, reading.changes_pct, strict=True)
            ]
            enabled = [(value, threshold) for value, threshold in asked if threshold]
            known = [value < threshold * REARM_SHARE for value, threshold in enabled if not isnan(value)]
            is_past = reading.now_ms - self._told_ms[at] > LONGEST_JUMP_MS
            if known and all(known) and (len(known) == len(enabled) or is_past):
                self._spent.discard(at)

    def remember(self, symbol: str, direction: Direction, sample_ms: int) -> None:
        """It was told: silent until the change has fallen below half its threshold, and for the cooldown."""
        self._told_ms[symbol, direction] = sample_ms
        self._spent.add((symbol, direction))

    def forget(self, symbol: str) -> None:
        for direction, _ in DIRECTIONS:
            self._told_ms.pop((symbol, direction), None)
            self._spent.discard((symbol, direction))
