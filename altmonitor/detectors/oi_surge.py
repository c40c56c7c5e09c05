"""Open interest: the change over 5 minutes, else over 1 minute, told once per jump."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isnan

from altmonitor.alert import Direction
from altmonitor.control.settings import Settings
from altmonitor.detectors.verdict import Verdict
from altmonitor.market.open_interest import WINDOW_TOLERANCE, OpenInterestRing
from altmonitor.market.percent import reaches

WINDOWS = (("5m", 300_000), ("1m", 60_000))
"""In the order in which they are asked: the longer window goes first."""

STALE_SWEEPS = 1.5
REARM_SHARE = 0.5
LONGEST_JUMP_MS = int(WINDOWS[0][1] * (1 + WINDOW_TOLERANCE))
"""After so long a jump has left even the longest window."""

DIRECTIONS: tuple[tuple[Direction, float], ...] = (("UP", 1.0), ("DOWN", -1.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class OiFinding:
    """One symbol's open-interest change. changes_pct / spans_s by window name, None where there is no honest value."""

    symbol: str
    verdict: Verdict
    direction: Direction
    window: str
    change_pct: float
    span_s: float
    sample_ms: int
    contracts: float


class OiSurge:
    """Holds, per symbol and direction, when it was last told and whether the jump told is still in the window."""

    def __init__(self, settings: Settings) -> None:
        self._told_ms: dict[tuple[str, Direction], int] = {}
        self._spent: set[tuple[str, Direction]] = set()
        self.use(settings)

    def use(self, settings: Settings) -> None:
        self._cooldown_ms = settings.cooldown_sec * 1000
        self._thresholds = {"5m": settings.oi_surge_5m, "1m": settings.oi_surge_1m}

    def look(self, ring: OpenInterestRing, symbols: Sequence[str], *, now_ms: int) -> list[OiFinding]:
        """Judge the symbols of which a sample just came, all at once. Re-arms what has calmed down.

        now_ms: exchange time. Returns findings that reach a threshold, told or not (the verdict says which).
        """
        stale_ms = int(ring.period_ms * STALE_SWEEPS)
        table = {
            window: ring.changes_pct(symbols, window_ms=window_ms, now_ms=now_ms, stale_ms=stale_ms)
            for window, window_ms in WINDOWS
        }
        findings = []
        for index, symbol in enumerate(symbols):
            values = {window: float(changes[index]) for window, (changes, _) in table.items()}
            self._rearm(symbol, values, now_ms)
            for window, _ in WINDOWS:
                threshold = self._thresholds[window]
                change = values[window]
                if threshold == 0 or isnan(change) or not reaches(abs(change), threshold):
                    continue
                newest = ring.newest(symbol)
                if newest is not None:
                    direction: Direction = "UP" if change > 0 else "DOWN"
                    findings.append(
                        OiFinding(
                            symbol=symbol,
                            verdict=self._judge(symbol, direction, newest[0]),
                            direction=direction,
                            window=window,
                            change_pct=change,
                            span_s=float(table[window][1][index]),
                            sample_ms=newest[0],
                            contracts=newest[1],
                        )
                    )
                break
        return findings

    def _judge(self, symbol: str, direction: Direction, sample_ms: int) -> Verdict:
        if (symbol, direction) in self._spent:
            return Verdict.PLATEAU
        told_ms = self._told_ms.get((symbol, direction))
        if told_ms is not None and sample_ms - told_ms < self._cooldown_ms:
            return Verdict.COOLING_DOWN
        return Verdict.FIRE

    def _rearm(self, symbol: str, values: dict[str, float], now_ms: int) -> None:
        """Below half the threshold in every window. A window without a value may still hold the jump that was told
        (after a start the 5-minute one does), so it must be known, or too much time must have passed for that."""
        for direction, sign in DIRECTIONS:
            if (symbol, direction) not in self._spent:
                continue
            asked = [(value * sign, self._thresholds[window]) for window, value in values.items()]
            enabled = [(value, threshold) for value, threshold in asked if threshold]
            known = [value < threshold * REARM_SHARE for value, threshold in enabled if not isnan(value)]
            is_past = now_ms - self._told_ms[symbol, direction] > LONGEST_JUMP_MS
            if known and all(known) and (len(known) == len(enabled) or is_past):
                self._spent.discard((symbol, direction))

    def remember(self, symbol: str, direction: Direction, sample_ms: int) -> None:
        """It was told: silent until the change has fallen below half its threshold, and for the cooldown."""
        self._told_ms[symbol, direction] = sample_ms
        self._spent.add((symbol, direction))

    def forget(self, symbol: str) -> None:
        for direction, _ in DIRECTIONS:
            self._told_ms.pop((symbol, direction), None)
            self._spent.discard((symbol, direction))
