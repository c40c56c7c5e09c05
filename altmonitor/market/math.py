"""Percent changes and inclusive bounds.

Percentages are computed unrounded. Binary floats put 0.1 → 0.103 at 2.9999999999999916 %, although the exchange's
decimal prices moved by exactly 3 %; a bound that is to be inclusive must forgive that much and no more.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

TOLERANCE = 1e-9
"""Relative slack of every bound. Ten orders above float noise, nine below anything a reader could see."""


def change_pct(before: float, now: float) -> float:
    """(now − before) / before × 100. `before` must be > 0."""
    return (now - before) / before * 100.0


def reaches(value: float, bound: float) -> bool:
    """value ≥ bound for a positive bound, value ≤ bound for a negative one; the bound itself counts."""
    if bound >= 0:
        return value >= bound - bound * TOLERANCE
    return value <= bound - bound * TOLERANCE


def factor_of(pct: float) -> float:
    """Of a price that has just not changed by so many percent: what lies between it and 1 does not `reach` it."""
    return max(0.0, 1 + pct / 100 * (1 - 2 * TOLERANCE))


# ---
# Price × open interest, named by their signs only.


Way = Literal["up", "down"]
Quadrant = Literal["up_up", "up_down", "down_up", "down_down"]

DEAD_BAND_PCT = 0.005
"""A change that would be shown as 0.00 % is neither up nor down."""

_QUADRANTS: Mapping[tuple[Way, Way], Quadrant] = {
    ("up", "up"): "up_up",
    ("up", "down"): "up_down",
    ("down", "up"): "down_up",
    ("down", "down"): "down_down",
}


def way(change_pct: float | None) -> Way | None:
    """None for a change that is not known or within the dead band."""
    if change_pct is None or not abs(change_pct) >= DEAD_BAND_PCT:  # False for NaN too
        return None
    return "up" if change_pct > 0 else "down"


def quadrant(price_change_pct: float | None, oi_change_pct: float | None) -> Quadrant | None:
    """None when either change is unknown or within the dead band."""
    price, oi = way(price_change_pct), way(oi_change_pct)
    return None if price is None or oi is None else _QUADRANTS[price, oi]


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenInterestChange:
    """Between two samples. pct: of the older one, percent. span_s: between them. sample_ms: of the newer one."""

    pct: float
    span_s: float
    sample_ms: int


# ---
# Minutes of symbols, as stretches: those that still have to be looked through, or those that were counted already.


class MinuteRanges:
    """Per symbol any number of stretches [begin_ms, end_ms) of whole minutes, unix ms, apart from one another."""

    def __init__(self) -> None:
        self._spans: dict[str, list[tuple[int, int]]] = {}

    def add(self, symbol: str, begin_ms: int, end_ms: int) -> None:
        """Also when parts of it are in it already."""
        if begin_ms >= end_ms:
            return
        apart = []
        for begin, end in self._spans.get(symbol, ()):
            if end < begin_ms or end_ms < begin:
                apart.append((begin, end))
            else:
                begin_ms, end_ms = min(begin, begin_ms), max(end, end_ms)
        self._spans[symbol] = [*apart, (begin_ms, end_ms)]

    def fill(self, symbol: str, begin_ms: int, end_ms: int) -> None:
        """These minutes are in it no more."""
        left = []
        for begin, end in self._spans.get(symbol, ()):
            pieces = (begin, min(end, begin_ms)), (max(begin, end_ms), end)
            left += [(first, last) for first, last in pieces if first < last]
        if left:
            self._spans[symbol] = left
        else:
            self._spans.pop(symbol, None)

    def forget(self, symbol: str) -> None:
        self._spans.pop(symbol, None)

    def __contains__(self, symbol: str) -> bool:
        """It has minutes of that symbol."""
        return symbol in self._spans

    def covers(self, symbol: str, open_ms: int) -> bool:
        """True for a minute that is in it."""
        spans = self._spans.get(symbol)
        return spans is not None and any(begin <= open_ms < end for begin, end in spans)

    def missing(self, symbol: str, begin_ms: int, end_ms: int) -> list[tuple[int, int]]:
        """The stretches between these two that are not in it, oldest → newest."""
        found = []
        for begin, end in sorted(self._spans.get(symbol, ())):
            if begin_ms < min(begin, end_ms):
                found.append((begin_ms, min(begin, end_ms)))
            begin_ms = max(begin_ms, end)
        if begin_ms < end_ms:
            found.append((begin_ms, end_ms))
        return found

    def spans(self) -> Iterator[tuple[str, int, int]]:
        """(symbol, begin_ms, end_ms) of every stretch."""
        return ((symbol, begin, end) for symbol, spans in self._spans.items() for begin, end in spans)

    def forget_before(self, oldest_ms: int) -> None:
        """Of every symbol."""
        for symbol in list(self._spans):
            self.fill(symbol, 0, oldest_ms)

    def oldest_ms(self) -> int | None:
        """Beginning of the oldest minute of all symbols; None when it is empty."""
        return min((begin for spans in self._spans.values() for begin, _ in spans), default=None)
