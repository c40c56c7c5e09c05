"""Price: how far it moved within each window, measured once however many want to know."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

from altmonitor.core.alert import Direction
from altmonitor.market.book import SymbolBook
from altmonitor.market.bounds import Bounds
from altmonitor.market.candles import MINUTE_MS, Kline
from altmonitor.market.math import TOLERANCE, change_pct, reaches
from altmonitor.settings.settings import Settings

ROLLING_MS = 60_000
ROLLING_SLACK_MS = 60_000
"""The price 60 s earlier is that of the last update before then; one that is a minute older still is too old."""

WINDOWS = (("5m", 5), ("15m", 15))
"""(name, minutes) of the windows over several candles."""

MINUTES_OF = dict(WINDOWS)
TWICE = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """A measured price move. window: `1m` (against the candle's open), `60s`, `5m` or `15m`.

    span_s: what was really measured.
    """

    direction: Direction
    change_pct: float
    window: str
    span_s: float
    candle_ms: int
    event_ms: int


class Reading:
    """The changes of one symbol at one moment, percent by window, shortest first: own candle, 60 s, 5 and 15 minutes.

    A window without an honest value is absent.
    """

    __slots__ = ("_moves", "candle_ms", "changes", "event_ms")

    def __init__(self, candle_ms: int, event_ms: int) -> None:
        self.candle_ms = candle_ms
        self.event_ms = event_ms
        self.changes: list[tuple[str, float]] = []
        self._moves: dict[str, Move] = {}

    def add(self, window: str, before: float | None, price: float) -> None:
        """What is no price, or not known, gives no change."""
        if before is not None and 0.0 < before < inf:
            change = change_pct(before, price)
            if abs(change) < inf:
                self.changes.append((window, change))

    def reached(self, settings: Settings) -> list[Move]:
        """The moves that reach their thresholds, in the order to judge them; often nothing.

        Shortest first. But where a longer one is so much larger that it would be told in the same breath as the
        escalation of the other, it goes first: then the reader is told the larger one alone.
        """
        found = [
            self._move(window, change)
            for window, change in self.changes
            if direction_of(window, change, settings) is not None
        ]
        if len(found) > 1:
            first = found[0]
            for move in found[1:]:
                if reaches(abs(move.change_pct), TWICE * abs(first.change_pct)):
                    first = move
            found.remove(first)
            found.insert(0, first)
        return found

    def _move(self, window: str, change: float) -> Move:
        known = self._moves.get(window)
        if known is None:
            known = self._moves[window] = Move(
                direction="PUMP" if change > 0 else "DUMP",
                change_pct=change,
                window=window,
                span_s=span_s(window, self.candle_ms, self.event_ms),
                candle_ms=self.candle_ms,
                event_ms=self.event_ms,
            )
        return known


def live(book: SymbolBook, kline: Kline, *, windows: Sequence[tuple[str, int]] = WINDOWS) -> Reading:
    """Of the newest state of the running candle. windows: those of several candles that anybody asks for."""
    event_ms, price = book.event_ms, kline.close
    reading = Reading(kline.open_ms, event_ms)
    reading.add("1m", kline.open, price)
    moment_ms = event_ms - ROLLING_MS
    before = book.ring.at(moment_ms, not_before_ms=moment_ms - ROLLING_SLACK_MS)
    if before is not None:
        reading.add("60s", before[1], price)
    for window, minutes in windows:
        reading.add(window, book.open_before(minutes), price)
    return reading


def of_windows(book: SymbolBook, kline: Kline) -> Reading:
    """The same, of the windows of several candles alone."""
    reading = Reading(kline.open_ms, book.event_ms)
    for window, minutes in WINDOWS:
        reading.add(window, book.open_before(minutes), kline.close)
    return reading


def threshold_of(window: str, direction: Direction, settings: Settings) -> float:
    """Percent, with its sign; 0 when that window is off."""
    if window == "60s" and not settings.rolling:
        return 0.0
    if window in MINUTES_OF:
        size = settings.move_5m_pct if window == "5m" else settings.move_15m_pct
        return size if direction == "PUMP" else -size
    return settings.pump_threshold if direction == "PUMP" else settings.dump_threshold


def direction_of(window: str, change: float, settings: Settings) -> Direction | None:
    """None below the threshold."""
    direction: Direction = "PUMP" if change > 0 else "DUMP"
    threshold = threshold_of(window, direction, settings)
    return direction if threshold and reaches(change, threshold) else None


def span_s(window: str, candle_ms: int, event_ms: int) -> float:
    """Seconds from the price that was compared with until the event."""
    if window == "60s":
        return ROLLING_MS / 1000
    inside_ms = min(MINUTE_MS, max(0, event_ms - candle_ms))
    return ((MINUTES_OF.get(window, 1) - 1) * MINUTE_MS + inside_ms) / 1000


def bounds_of(settings: Settings) -> Bounds:
    """A little too wide: the exact comparison follows."""
    sizes = ((5, settings.move_5m_pct), (15, settings.move_15m_pct))
    return Bounds(
        rise=_rise(settings.pump_threshold),
        fall=_fall(settings.dump_threshold),
        windows=tuple((minutes, _rise(size), _fall(-size)) for minutes, size in sizes if size),
    )


def _rise(pct: float) -> float:
    return (1 + pct / 100) * (1 - TOLERANCE)


def _fall(pct: float) -> float:
    return max(0.0, (1 + pct / 100) * (1 + TOLERANCE))
