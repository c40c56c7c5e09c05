"""How an alert stands beside what its readers were told before: which one today, the largest in how many days."""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterable
from datetime import UTC, datetime, tzinfo
from typing import NamedTuple
from zoneinfo import ZoneInfo

from altmonitor.core.alert import Alert, Direction, Kind
from altmonitor.interfaces.exchange import ToldSize

DAY_MS = 86_400_000
RECENT_MS = 2 * DAY_MS
"""No local day is longer, in any zone."""

Row = tuple[str, Kind, Direction, str]
_ONE_MINUTE = {"60s": "1m"}
"""Both are moves of one minute, and one move is told by one of them."""


class Place(NamedTuple):
    """As `Details` has them."""

    today_count: int
    largest_days: int | None


class Standing:
    """Of one audience. known_since_ms: nothing is known of before."""

    def __init__(self, tz: str, *, known_since_ms: int) -> None:
        self._known_since_ms = known_since_ms
        self._told_ms: dict[tuple[str, Kind], list[int]] = {}
        self._larger: dict[Row, list[tuple[int, float]]] = {}  # (event_ms, size), each larger than all after it
        self.use(tz)

    def use(self, tz: str) -> None:
        self._tz: tzinfo = UTC if tz == "UTC" else ZoneInfo(tz)

    def place(self, alert: Alert) -> Place:
        """Of an alert that is about to be told, this one included. Late ones are not compared: newer ones are known."""
        told_ms = self._told_ms.get((alert.symbol, alert.kind), ())
        day = self._day_of(alert.event_ms)
        near = (ms for ms in told_ms if abs(ms - alert.event_ms) < RECENT_MS)
        return Place(
            today_count=1 + sum(self._day_of(ms) == day for ms in near),
            largest_days=None if alert.late else self._largest_days(alert),
        )

    def note(self, alert: Alert) -> None:
        """It was told."""
        self._note(row_of(alert.symbol, alert.kind, alert.direction, alert.note), alert.event_ms, size_of(alert))

    def restore(self, told: Iterable[ToldSize], *, known_since_ms: int | None) -> None:
        """What is stored; known_since_ms: of the oldest that is, None without any."""
        if known_since_ms is not None:
            self._known_since_ms = min(self._known_since_ms, known_since_ms)
        for one in told:
            self._note(row_of(one.symbol, one.kind, one.direction, one.note), one.event_ms, one.size)

    def _note(self, row: Row, event_ms: int, size: float) -> None:
        told_ms = self._told_ms.setdefault(row[:2], [])
        insort(told_ms, event_ms)
        while told_ms[0] < told_ms[-1] - RECENT_MS:
            del told_ms[0]
        before = self._larger.get(row, [])
        if before and before[-1][0] > event_ms:  # told late, or restored after something newer
            before = sorted([*before, (event_ms, size)])
            self._larger[row] = [one for at, one in enumerate(before) if all(one[1] > x[1] for x in before[at + 1 :])]
            return
        while before and before[-1][1] <= size:
            before.pop()
        self._larger[row] = [*before, (event_ms, size)]

    def _largest_days(self, alert: Alert) -> int | None:
        size = size_of(alert)
        larger = self._larger.get(row_of(alert.symbol, alert.kind, alert.direction, alert.note), ())
        since_ms = next((ms for ms, known in reversed(larger) if known > size), self._known_since_ms)
        days = (alert.event_ms - since_ms) // DAY_MS
        return days if days >= 1 else None

    def _day_of(self, unix_ms: int) -> int:
        return datetime.fromtimestamp(unix_ms / 1000, tz=self._tz).toordinal()


def row_of(symbol: str, kind: Kind, direction: Direction, note: str) -> Row:
    """What is compared with one another."""
    return symbol, kind, direction, _ONE_MINUTE.get(note, note)


def size_of(alert: Alert) -> float:
    return abs(alert.metric or 0.0)
