"""What waits to be delivered, in memory: both stores keep their queues here, so that both behave alike.

The dispatcher is served from here and not from the file: a locked or full disk cannot stop delivery.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from itertools import islice

from altmonitor.core.alert import Alert
from altmonitor.core.causes import Cause
from altmonitor.core.status import OutboxStatus
from altmonitor.core.types import Destination
from altmonitor.interfaces.delivery import Queued
from altmonitor.settings.state import moved_destination
from altmonitor.storage.rows import merged

TOLD_REMEMBERED = 20_000
"""Message ids kept in memory, so that a reply finds its message even while the file does not answer."""


class Waiting:
    """Per destination the queued rows, oldest → newest. Every method is synchronous except `wait`.

    What is asked for every row costs the same however many destinations wait: with ten thousand of them each alert is
    in ten thousand queues.
    """

    def __init__(self, destinations: Iterable[Destination]) -> None:
        self._destinations = list(dict.fromkeys(destinations))
        self._rows: dict[Destination, dict[int, Queued]] = {}
        self._ids: dict[str, int] = {}  # key → id of every alert that waits anywhere
        self._waiting_for: dict[int, set[Destination]] = {}  # alert id → where it waits
        self._news: dict[Destination, None] = {}
        self._has_news = asyncio.Event()
        self._doubted_before: set[tuple[Destination, int]] = set()
        self._told: dict[tuple[Destination, str], tuple[int, bool]] = {}
        self._told_together: Counter[tuple[Destination, int]] = Counter()  # alerts per message
        self._sent = 0
        self._failed = 0
        self._trouble: Cause | None = None

    @property
    def destinations(self) -> tuple[Destination, ...]:
        """Where new alerts go; a moved group stands under its new id."""
        return tuple(self._destinations)

    def set_destinations(self, destinations: Iterable[Destination]) -> None:
        """What waits for one that is left out stays until delivery gives it up."""
        self._destinations = list(dict.fromkeys(destinations))

    def add(self, row: Queued) -> None:
        """The row must carry its alert's id; one that waits already stays as it is."""
        if row.alert.id is None:
            raise ValueError(f"{row.alert.key} has no id")
        rows = self._rows.setdefault(row.destination, {})
        if row.alert.id in rows:
            return
        rows[row.alert.id] = row
        self._ids[row.alert.key] = row.alert.id
        self._waiting_for.setdefault(row.alert.id, set()).add(row.destination)
        self._news[row.destination] = None
        self._has_news.set()

    def rows(self, destination: Destination, limit: int | None = None) -> list[Queued]:
        return list(islice(self._rows.get(destination, {}).values(), limit))

    def holds(self, alert_id: int) -> bool:
        """True while any destination waits for this alert."""
        return alert_id in self._waiting_for

    def is_waiting(self, destination: Destination, alert_id: int) -> bool:
        return destination in self._waiting_for.get(alert_id, ())

    def count_of(self, alert_id: int) -> int:
        """How many destinations wait for it."""
        return len(self._waiting_for.get(alert_id, ()))

    def begin(self, destination: Destination, alert_ids: Sequence[int]) -> list[Queued]:
        """Counts an attempt whose outcome is unknown until told otherwise. Returns the changed rows."""
        for row in self._of(destination, alert_ids):
            if row.maybe_repeated:
                self._doubted_before.add((destination, _id(row)))
            self._put(replace(row, attempts=row.attempts + 1, maybe_repeated=True))
        return self._of(destination, alert_ids)

    def record(
        self, destination: Destination, alert_ids: Sequence[int], *, error: Cause | None, outcome_unknown: bool
    ) -> list[Queued]:
        self._trouble = error
        for row in self._of(destination, alert_ids):
            doubted = outcome_unknown or (destination, _id(row)) in self._doubted_before
            self._put(replace(row, maybe_repeated=doubted))
        return self._of(destination, alert_ids)

    def sent(self, destination: Destination, alert_ids: Sequence[int], message_id: int) -> set[int]:
        """Returns the ids of those whose message says that it may be a repetition."""
        self._trouble = None
        doubted = {alert_id for alert_id in alert_ids if (destination, alert_id) in self._doubted_before}
        for row in self._remove(destination, alert_ids):
            self._sent += 1
            self._remember_told((destination, row.alert.key), message_id, _id(row) in doubted)
        return doubted

    def failed(self, destination: Destination, alert_ids: Sequence[int], error: Cause) -> None:
        self._trouble = error
        self._failed += len(self._remove(destination, alert_ids))

    def drop(self, destination: Destination, alert_ids: Sequence[int]) -> None:
        """They wait here no longer, whatever becomes of them elsewhere."""
        self._remove(destination, alert_ids)

    def keep(self, is_kept: Callable[[Destination], bool]) -> None:
        """What waits for any other destination waits here no longer."""
        for at in [at for at in self._rows if not is_kept(at)]:
            self._remove(at, list(self._rows[at]))

    def expired(self, destination: Destination, alert_ids: Sequence[int]) -> None:
        self._remove(destination, alert_ids)

    def is_raised(self, destination: Destination, alert_key: str) -> bool | None:
        """True: in a message of its own, False: together with others. None: not told there since the start."""
        message_id = self.message_id_of(destination, alert_key)
        if message_id is None:
            return None
        return self._told_together[destination, message_id] == 1

    def own_message_of(self, destination: Destination, alert_key: str) -> tuple[int, bool] | None:
        """Message id, and whether it says that it may be a repetition; only where it `is_told` alone."""
        return self._told.get((destination, alert_key)) if self.is_raised(destination, alert_key) else None

    def message_id_of(self, destination: Destination, alert_key: str) -> int | None:
        told = self._told.get((destination, alert_key))
        return None if told is None else told[0]

    def refresh(self, alert: Alert) -> None:
        """What waits is told with what is known now."""
        alert_id = self._ids.get(alert.key)
        known = None if alert_id is None else self.alert_of_id(alert_id)
        if alert_id is None or known is None:
            return
        news = merged(known, alert)
        for at in self._waiting_for[alert_id]:
            self._rows[at][alert_id] = replace(self._rows[at][alert_id], alert=news)

    def alert_of(self, alert_key: str) -> Alert | None:
        alert_id = self._ids.get(alert_key)
        return None if alert_id is None else self.alert_of_id(alert_id)

    def alert_of_id(self, alert_id: int) -> Alert | None:
        """None: it waits nowhere."""
        at = next(iter(self._waiting_for.get(alert_id, ())), None)
        return None if at is None else self._rows[at][alert_id].alert

    def move(self, old: Destination, new: Destination) -> None:
        self._destinations = list(dict.fromkeys(moved_destination(at, old, new) for at in self._destinations))
        for at in [at for at in self._rows if at.chat_id == old.chat_id]:
            for alert_id, row in self._rows.pop(at).items():
                self._waiting_for[alert_id].discard(at)
                self.add(replace(row, destination=moved_destination(at, old, new)))
        told, self._told, self._told_together = self._told, {}, Counter()
        for (at, key), (message_id, is_doubted) in told.items():
            self._remember_told((moved_destination(at, old, new), key), message_id, is_doubted)
        self._doubted_before = {(moved_destination(at, old, new), alert_id) for at, alert_id in self._doubted_before}

    async def wait(self) -> Collection[Destination]:
        """Where something new waits since the last call; returns when there is some."""
        await self._has_news.wait()
        self._has_news.clear()
        news, self._news = self._news, {}
        return tuple(news)

    def status(
        self, now_ms: int, due_ms: Callable[[Destination, int], int] = lambda destination, queued_ms: queued_ms
    ) -> OutboxStatus:
        """due_ms: (where, queued at) → since when that counts as waiting."""
        oldest = [next(iter(rows.values())) for rows in self._rows.values() if rows]
        oldest_ms = min((due_ms(row.destination, row.queued_ms) for row in oldest), default=None)
        return OutboxStatus(
            queued=sum(map(len, self._rows.values())),
            oldest_age_s=None if oldest_ms is None else max(0.0, (now_ms - oldest_ms) / 1000),
            sent=self._sent,
            failed=self._failed,
            trouble=self._trouble,
        )

    def _remember_told(self, where: tuple[Destination, str], message_id: int, is_doubted: bool) -> None:
        self._forget_told(where)
        self._told[where] = (message_id, is_doubted)
        self._told_together[where[0], message_id] += 1
        while len(self._told) > TOLD_REMEMBERED:
            self._forget_told(next(iter(self._told)))

    def _forget_told(self, where: tuple[Destination, str]) -> None:
        told = self._told.pop(where, None)
        if told is not None:
            together = (where[0], told[0])
            self._told_together[together] -= 1
            if not self._told_together[together]:
                del self._told_together[together]

    def _of(self, destination: Destination, alert_ids: Sequence[int]) -> list[Queued]:
        rows = self._rows.get(destination, {})
        return [rows[alert_id] for alert_id in alert_ids if alert_id in rows]

    def _put(self, row: Queued) -> None:
        self._rows[row.destination][_id(row)] = row

    def _remove(self, destination: Destination, alert_ids: Sequence[int]) -> list[Queued]:
        removed = self._of(destination, alert_ids)
        for row in removed:
            alert_id = _id(row)
            del self._rows[destination][alert_id]
            self._doubted_before.discard((destination, alert_id))
            self._waiting_for[alert_id].discard(destination)
            if not self._waiting_for[alert_id]:
                del self._waiting_for[alert_id]
                self._ids.pop(row.alert.key, None)
        if removed and not self._rows[destination]:
            del self._rows[destination]
        return removed


def _id(row: Queued) -> int:
    if row.alert.id is None:
        raise ValueError(f"{row.alert.key} has no id")
    return row.alert.id
