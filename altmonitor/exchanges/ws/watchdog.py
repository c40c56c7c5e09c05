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

_LATE_S: Final = 3.0

HEAR_EVERY_S: Final = 5.0
_SYMBOL_FLOOR_S: Final = 120.0
_GAPS_OF_PATIENCE: Final = 40
_UNKNOWN_GAP_S: Final = 45.0
_SLOWER: Final = 0.5
_FASTER: Final = 0.02


def silence_limit_s(symbols: int, *, is_only_connection: bool) -> float:
    """A share of a few contracts may well be quiet for half a minute; the whole market is not."""
    return SILENCE_LIMIT_S if is_only_connection or symbols >= _FEW_SYMBOLS else _FEW_SYMBOLS_LIMIT_S


class PauseWatch:
    """Whether somebody who looks every `usual_s` was kept from it: the program was stopped, or the machine slept.

    What lies in the sockets has not been read then, and silence means nothing yet. Not twice in a row: on a busy
    machine every look may be late.
    """

    def __init__(self, usual_s: float) -> None:
        self._longest_s = usual_s + _LATE_S
        self._last_s: float | None = None
        self._was_long = False

    def was_long(self, now_s: float) -> bool:
        is_long = self._last_s is not None and now_s - self._last_s > self._longest_s and not self._was_long
        self._last_s, self._was_long = now_s, is_long
        return is_long


class FeedState(Enum):
    STARTING = "starting"
    LIVE = "live"
    BLIND = "blind"


@dataclass(frozen=True, slots=True)
class Share:
    """One connection's part of the feed. last_data_s: None before the first. since_s: when it was first wanted.

    asleep_s: of the time since then, what only the wall clock saw.
    """

    since_s: float
    last_data_s: float | None
    limit_s: float
    asleep_s: float = 0.0

    def silence_s(self, now_s: float) -> float:
        return now_s - (self.since_s if self.last_data_s is None else self.last_data_s) + self.asleep_s

    def is_dark(self, now_s: float) -> bool:
        return self.silence_s(now_s) >= self.limit_s


@dataclass(frozen=True, slots=True)
class Gap:
    """Nothing came of what happened between two moments, exchange time, unix ms."""

    from_ms: int
    to_ms: int


_SAME_TIME_MS: Final = 5_000
_BACKWARDS_MS: Final = 60_000


class DataProgress:
    """How far the data of one share has come, in the exchange's own time. `record` once per read.

    A machine that slept may see no pause on its own clocks; the data says that there was one. One frame with a strange
    time is not believed: a leap counts when one of our clocks agrees, or the next data.

    gap_ms: a leap of this much is a gap. gap: the last one, until somebody takes it.
    """

    __slots__ = ("_last_s", "_leap_ms", "gap", "gap_ms", "last_event_ms", "last_wall_ms")

    def __init__(self, gap_ms: float) -> None:
        self.gap_ms = gap_ms
        self.gap: Gap | None = None
        self.last_event_ms: int | None = None
        self.last_wall_ms = 0
        self._last_s = 0.0
        self._leap_ms: int | None = None

    def record(self, event_ms: int, *, now_s: float, wall_ms: int) -> None:
        """event_ms: of the newest data of the read. now_s, wall_ms: the clocks of this machine."""
        last_ms = self.last_event_ms
        if last_ms is None or -_BACKWARDS_MS < event_ms - last_ms < self.gap_ms:
            self.last_event_ms = event_ms
            self._leap_ms = None
        else:
            passed_ms = max((now_s - self._last_s) * 1000, wall_ms - self.last_wall_ms)
            self._leap(last_ms, event_ms, passed_ms=passed_ms)
        self._last_s, self.last_wall_ms = now_s, wall_ms

    def _leap(self, last_ms: int, event_ms: int, *, passed_ms: float) -> None:
        leap_ms, self._leap_ms = self._leap_ms, event_ms
        # Data may be late: our clocks need not agree to the second that there was a pause of about this length.
        if passed_ms >= self.gap_ms / 2 and last_ms < event_ms <= last_ms + 2 * passed_ms + _BACKWARDS_MS:
            leap_ms = event_ms
        elif leap_ms is None or event_ms < leap_ms - _SAME_TIME_MS:
            return
        self._leap_ms = None
        self.last_event_ms = event_ms
        if leap_ms > last_ms:
            self.gap = Gap(last_ms if self.gap is None else self.gap.from_ms, leap_ms)

    def take_gap(self) -> Gap | None:
        """Once each; None: there was none since the last time."""
        gap, self.gap = self.gap, None
        return gap


class FeedWatch:
    """Live or blind; `look` returns a state once per change. Blind means: at least one share brings no data."""

    def __init__(self) -> None:
        self.sight = FeedState.STARTING

    def look(self, shares: Collection[Share], now_s: float) -> FeedState | None:
        """The state that begins now; None: it is as it was."""
        dark = any(share.is_dark(now_s) for share in shares)
        lit = _are_lit(shares, now_s)
        if dark and self.sight is not FeedState.BLIND:
            self.sight = FeedState.BLIND
            return self.sight
        if lit and self.sight is not FeedState.LIVE:
            self.sight = FeedState.LIVE
            return self.sight
        return None

    def is_blind(self, shares: Collection[Share], now_s: float) -> bool:
        """At this moment: data that began to flow after the last look counts already."""
        return self.sight is not FeedState.LIVE and not _are_lit(shares, now_s)


def _are_lit(shares: Collection[Share], now_s: float) -> bool:
    return bool(shares) and all(share.last_data_s is not None and not share.is_dark(now_s) for share in shares)


@dataclass(slots=True)
class _Rhythm:
    heard_s: float
    typical_gap_s: float = _UNKNOWN_GAP_S
    is_silent: bool = False

    def limit_s(self) -> float:
        return max(_SYMBOL_FLOOR_S, _GAPS_OF_PATIENCE * self.typical_gap_s)

    def learn(self, gap_s: float) -> None:
        weight = _SLOWER if gap_s > self.typical_gap_s else _FASTER
        self.typical_gap_s += weight * (gap_s - self.typical_gap_s)

    def come_back(self) -> None:
        """Twice the patience next time; the gap itself teaches nothing, it may have been a fault."""
        self.is_silent = False
        self.typical_gap_s = 2 * self.limit_s() / _GAPS_OF_PATIENCE


class SymbolWatch:
    """Which symbols went quiet against their own rhythm.

    The typical gap between two updates is followed quickly when it grows and slowly when it shrinks. A symbol counts as
    silent after 40 such gaps, at least two minutes: a contract may trade five times less at night than by day, and the
    quietest, which trade once in minutes, are given hours.
    """

    def __init__(self) -> None:
        self._rhythms: dict[str, _Rhythm] = {}

    def follow(self, symbols: Collection[str], now_s: float) -> None:
        self._rhythms = {symbol: self._rhythms.get(symbol) or _Rhythm(now_s) for symbol in symbols}

    def hear(self, symbols: Iterable[str], now_s: float) -> tuple[str, ...]:
        """Symbols updated in the last `HEAR_EVERY_S`; returns those that had been silent."""
        back = []
        rhythm_of = self._rhythms.get
        for symbol in symbols:
            rhythm = rhythm_of(symbol)
            if rhythm is None:
                continue
            if rhythm.is_silent:
                rhythm.come_back()
                back.append(symbol)
            else:
                # Nothing is known of gaps shorter than the time between two calls.
                gap_s = now_s - rhythm.heard_s - HEAR_EVERY_S
                if gap_s > 0.0:
                    rhythm.learn(gap_s)
                else:
                    rhythm.typical_gap_s -= _FASTER * rhythm.typical_gap_s
            rhythm.heard_s = now_s
        return tuple(back)

    def newly_silent(self, now_s: float) -> tuple[str, ...]:
        found = []
        for symbol, rhythm in self._rhythms.items():
            if not rhythm.is_silent and now_s - rhythm.heard_s > rhythm.limit_s():
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
