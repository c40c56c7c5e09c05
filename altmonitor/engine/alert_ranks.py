"""How an alert stands beside what its readers were told before: which one today, the largest in how many days."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta, tzinfo
from typing import NamedTuple

from altmonitor.core.alert import Alert, Direction, Kind, StoredSize
from altmonitor.settings.zones import zone_of

DAY_MS = 86_400_000
RECENT_MS = 2 * DAY_MS
"""No local day is longer, in any zone."""

Row = tuple[str, Kind, Direction, str]
_OTHER: Mapping[Direction, Direction] = {"UP": "DOWN", "DOWN": "UP", "PUMP": "DUMP", "DUMP": "PUMP"}
_ONE_MINUTE = {"60s": "1m"}
"""Both are moves of one minute, and one move is told by one of them."""


class AlertRank(NamedTuple):
    """As `Details` has them."""

    today_count: int
    largest_days: int | None


class RankLog:
    """Of one audience. known_since_ms: nothing is known of before."""

    def __init__(self, tz: str, *, known_since_ms: int) -> None:
        self._known_since_ms = known_since_ms
        self._told_ms: dict[str, list[int]] = {}  # of every kind, because a thread holds them all
        self._larger: dict[Row, list[tuple[int, float]]] = {}  # (event_ms, size), each larger than all after it
        self.apply(tz)

    def apply(self, tz: str) -> None:
        self._tz: tzinfo = zone_of(tz)
        self._day = 0, 0

    def rank_of(self, alert: Alert) -> AlertRank:
        """Of an alert that is about to be told, this one included. Late ones are not compared: newer ones are known."""
        told_ms = self._told_ms.get(alert.symbol, ())
        begin_ms, end_ms = self._day_around(alert.event_ms)
        count = 1 + bisect_left(told_ms, end_ms) - bisect_left(told_ms, begin_ms)
        if alert.late:
            return AlertRank(count, None)
        row = row_of(alert.symbol, alert.kind, alert.direction, alert.note)
        return AlertRank(count, self._largest_days(row, alert.event_ms, size_of(alert)))

    def record(self, alert: Alert) -> None:
        """It was told."""
        self._note(row_of(alert.symbol, alert.kind, alert.direction, alert.note), alert.event_ms, size_of(alert))

    def grow(self, alert: Alert) -> int | None:
        """What was recorded has turned out larger, perhaps in the other direction. Returns `largest_days`."""
        symbol, event_ms = alert.symbol, alert.event_ms
        row, size = row_of(symbol, alert.kind, alert.direction, alert.note), size_of(alert)
        for at in (row, row_of(symbol, alert.kind, _OTHER[alert.direction], alert.note)):
            known = self._larger.get(at)
            while known and known[-1][0] == event_ms:
                known.pop()
            if known and known[-1][0] > event_ms:
                known[:] = [one for one in known if one[0] != event_ms]
        self._insert(row, event_ms, size)
        return self._largest_days(row, event_ms, size)

    def restore(self, told: Iterable[StoredSize], *, known_since_ms: int | None) -> None:
        """What is stored; known_since_ms: of the oldest that is, None without any."""
        if known_since_ms is not None:
            self._known_since_ms = min(self._known_since_ms, known_since_ms)
        for one in told:
            self._note(row_of(one.symbol, one.kind, one.direction, one.note), one.event_ms, one.size)

    def _note(self, row: Row, event_ms: int, size: float) -> None:
        told_ms = self._told_ms.setdefault(row[0], [])
        if told_ms and told_ms[-1] > event_ms:
            insort(told_ms, event_ms)
        else:
            told_ms.append(event_ms)
        while told_ms[0] < told_ms[-1] - RECENT_MS:
            del told_ms[0]
        self._insert(row, event_ms, size)

    def _insert(self, row: Row, event_ms: int, size: float) -> None:
        before = self._larger.setdefault(row, [])
        if before and before[-1][0] > event_ms:  # told late, or restored after something newer
            before = sorted([*before, (event_ms, size)])
            self._larger[row] = [one for at, one in enumerate(before) if all(one[1] > x[1] for x in before[at + 1 :])]
            return
        while before and before[-1][1] <= size:
            before.pop()
        before.append((event_ms, size))

    def _largest_days(self, row: Row, event_ms: int, size: float) -> int | None:
        since_ms = self._known_since_ms
        for ms, known in reversed(self._larger.get(row, ())):
            if known > size:
                since_ms = ms
                break
        days = (event_ms - since_ms) // DAY_MS
        return days if days >= 1 else None

    def _day_around(self, unix_ms: int) -> tuple[int, int]:
        """Begin and end of the local day; asked once a day and not once per alert, which is most of an alert's cost."""
        begin_ms, end_ms = self._day
        if not begin_ms <= unix_ms < end_ms:
            moment = datetime.fromtimestamp(unix_ms / 1000, tz=self._tz)
            midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
            following = (midnight + timedelta(days=1)).replace(tzinfo=self._tz)
            self._day = round(midnight.timestamp() * 1000), round(following.timestamp() * 1000)
        return self._day


def row_of(symbol: str, kind: Kind, direction: Direction, note: str) -> Row:
    """What is compared with one another."""
    return symbol, kind, direction, _ONE_MINUTE.get(note, note)


def size_of(alert: Alert) -> float:
    return abs(alert.metric or 0.0)
