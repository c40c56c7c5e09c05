"""Whether data comes: over a whole connection, over the whole feed, and for each symbol against its own rhythm.

A connection that is open, answers pings and acknowledged everything can be dead all the same; only data counts.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Final

SILENCE_LIMIT_S: Final = 30.0
_FEW_SYMBOLS: Final = 50
_FEW_SYMBOLS_LIMIT_S: Final = 120.0

_SYMBOL_FLOOR_S: Final = 120.0
_RHYTHMS_OF_PATIENCE: Final = 20
_UNKNOWN_RHYTHM_S: Final = 30.0
_SLOWER: Final = 0.5
_FASTER: Final = 0.05


def silence_limit_s(symbols: int, *, is_only_connection: bool) -> float:
    """A share of a few contracts may well be quiet for half a minute; the whole market is not."""
    return SILENCE_LIMIT_S if is_only_connection or symbols >= _FEW_SYMBOLS else _FEW_SYMBOLS_LIMIT_S


class Sight(Enum):
    STARTING = "starting"
    LIVE = "live"
    BLIND = "blind"


@dataclass(frozen=True, slots=True)
class Share:
    """One connection's part of the feed. last_data_s: None before the first. since_s: when it was first wanted."""

    since_s: float
    last_data_s: float | None
    limit_s: float

    def is_dark(self, now_s: float) -> bool:
        return now_s - (self.since_s if self.last_data_s is None else self.last_data_s) >= self.limit_s


class FeedWatch:
    """Live or blind; `look` returns a state once per change. Blind means: at least one share brings no data."""

    def __init__(self) -> None:
        self.sight = Sight.STARTING

    def look(self, shares: Collection[Share], now_s: float) -> Sight | None:
        dark = any(share.is_dark(now_s) for share in shares)
        lit = bool(shares) and not dark and all(share.last_data_s is not None for share in shares)
        if dark and self.sight is not Sight.BLIND:
            self.sight = Sight.BLIND
            return self.sight
        if lit and self.sight is not Sight.LIVE:
            self.sight = Sight.LIVE
            return self.sight
        return None


@dataclass(slots=True)
class _Rhythm:
    heard_s: float
    typical_gap_s: float = _UNKNOWN_RHYTHM_S
    is_silent: bool = False


class SymbolWatch:
    """Which symbols went quiet against their own rhythm.

    The typical gap between two updates is followed quickly when it grows and slowly when it shrinks, so a contract that
    falls asleep at night is not taken for a lost one: it counts as silent after 20 such gaps, at least two minutes.
    """

    def __init__(self) -> None:
        self._rhythms: dict[str, _Rhythm] = {}

    def follow(self, symbols: Collection[str], now_s: float) -> None:
        self._rhythms = {symbol: self._rhythms.get(symbol) or _Rhythm(now_s) for symbol in symbols}

    def hear(self, symbols: Iterable[str], now_s: float) -> tuple[str, ...]:
        """Symbols updated since the last call; returns those that had been silent."""
        back = []
        for symbol in symbols:
            rhythm = self._rhythms.get(symbol)
            if rhythm is None:
                continue
            gap_s = now_s - rhythm.heard_s
            rhythm.heard_s = now_s
            if rhythm.is_silent:
                rhythm.is_silent = False
                back.append(symbol)
            else:
                weight = _SLOWER if gap_s > rhythm.typical_gap_s else _FASTER
                rhythm.typical_gap_s += weight * (gap_s - rhythm.typical_gap_s)
        return tuple(back)

    def newly_silent(self, now_s: float) -> tuple[str, ...]:
        found = []
        for symbol, rhythm in self._rhythms.items():
            limit_s = max(_SYMBOL_FLOOR_S, _RHYTHMS_OF_PATIENCE * rhythm.typical_gap_s)
            if not rhythm.is_silent and now_s - rhythm.heard_s > limit_s:
                rhythm.is_silent = True
                found.append(symbol)
        return tuple(found)

    def forgive(self, symbols: Iterable[str], now_s: float) -> None:
        """Start their patience anew: while their connection was away they could not be heard."""
        for symbol in symbols:
            rhythm = self._rhythms.get(symbol)
            if rhythm is not None and not rhythm.is_silent:
                rhythm.heard_s = now_s

    def silent(self) -> set[str]:
        return {symbol for symbol, rhythm in self._rhythms.items() if rhythm.is_silent}
