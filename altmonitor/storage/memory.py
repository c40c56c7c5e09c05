"""The store without a file: the same contract, for the dry run, the demo and tests. Everything is gone at the end."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Unpack

import msgspec

from altmonitor.core.alert import (
    SAMPLE_KEY,
    Alert,
    AlertStats,
    DeliveryState,
    StoredAlert,
    StoredSize,
    event_key,
)
from altmonitor.core.causes import Cause
from altmonitor.core.clock import Clock
from altmonitor.core.status import OutboxStatus
from altmonitor.core.types import Destination, Venue
from altmonitor.interfaces.delivery import Queued, SentDigest
from altmonitor.interfaces.storage import AlertFilter
from altmonitor.settings.state import moved_destination
from altmonitor.storage.change_log import MemoryChanges
from altmonitor.storage.queue import Waiting
from altmonitor.storage.rows import merged

MOST_ALERTS = 50_000
"""The oldest that wait nowhere are forgotten beyond this."""

_LEAST_FINISHED_FIRST: tuple[DeliveryState, ...] = ("queued", "failed", "expired", "sent")


@dataclass(slots=True)
class _Delivery:
    state: DeliveryState = "queued"
    message_id: int | None = None
    sent_ms: int | None = None


class MemoryStore:
    """AlertSink, AlertHistory, AlertUpdates, Outbox and AlertQueries. What is put is offered at once."""

    def __init__(self, *, clock: Clock, destinations: tuple[Destination, ...] = (), keeps_history: bool = True) -> None:
        self._clock = clock
        self._keeps_history = keeps_history
        self.changes = MemoryChanges()
        self._waiting = Waiting(destinations)
        self._alerts: dict[int, Alert] = {}
        self._ids: dict[str, int] = {}
        self._deliveries: dict[int, dict[Destination, _Delivery]] = {}
        self._moved: dict[int, int] = {}  # chat id → the one it has now
        self._meta: dict[str, str] = {}
        self._next_id = 1

    @property
    def destinations(self) -> tuple[Destination, ...]:
        return self._waiting.destinations

    def set_destinations(self, destinations: Iterable[Destination]) -> None:
        self._waiting.set_destinations(map(self.where_now, destinations))

    def where_now(self, destination: Destination) -> Destination:
        """The same for a group that has a new id since."""
        return replace(destination, chat_id=self._moved.get(destination.chat_id, destination.chat_id))

    # --- AlertSink

    def put(self, alert: Alert, *, to: Sequence[Destination] | None = None) -> None:
        """to: None stands for every destination there is."""
        if alert.key in self._ids:
            return
        wanted = self.destinations if to is None else to
        destinations = tuple(dict.fromkeys(map(self.where_now, wanted)))
        alert_id = self._next_id
        self._next_id += 1
        self._ids[alert.key] = alert_id
        if len(self._ids) > 2 * MOST_ALERTS:
            del self._ids[next(iter(self._ids))]
        stored = self._alerts[alert_id] = msgspec.structs.replace(alert, id=alert_id)
        self._deliveries[alert_id] = {at: _Delivery() for at in destinations}
        queued_ms = self._clock.now_ms()
        for destination in destinations:
            self._waiting.add(Queued(alert=stored, destination=destination, attempts=0, queued_ms=queued_ms))
        if len(self._alerts) > MOST_ALERTS:
            self._forget(next((old for old in self._alerts if not self._waiting.holds(old)), alert_id))

    # --- AlertHistory, AlertUpdates, AlertQueries

    async def alerts_since(self, event_ms: int) -> Sequence[Alert]:
        found = [alert for alert in self._alerts.values() if alert.event_ms >= event_ms and not _is_sample(alert)]
        return sorted(found, key=lambda alert: (alert.event_ms, alert.id))

    async def stored_since(self, event_ms: int) -> Sequence[tuple[Alert, tuple[Destination, ...]]]:
        return [(alert, tuple(self._deliveries[alert.id or 0])) for alert in await self.alerts_since(event_ms)]

    async def stored_sizes(self, *, since_ms: int, recent_ms: int) -> Sequence[StoredSize]:
        found: list[StoredSize] = []
        largest: dict[tuple[object, ...], float] = {}
        for alert, destinations in reversed(await self.stored_since(since_ms)):
            size = abs(alert.metric or 0.0)
            for at in destinations:
                row = at, alert.symbol, alert.kind, alert.direction, alert.note
                known = *row, alert.venue
                if size > largest.get(known, -1.0) or alert.event_ms >= recent_ms:
                    found.append(StoredSize(*row, size, alert.event_ms, alert.venue))
                largest[known] = max(size, largest.get(known, -1.0))
        return found[::-1]

    async def stored_first_ms(self) -> Mapping[Destination, int]:
        first: dict[Destination, int] = {}
        for alert, destinations in await self.stored_since(0):
            for destination in destinations:
                first.setdefault(destination, alert.event_ms)
        return first

    async def alerts_of(self, keys: Collection[str]) -> Mapping[str, Alert]:
        return {key: self._alerts[self._ids[key]] for key in keys if self._ids.get(key) in self._alerts}

    async def alert_of_id(self, alert_id: int) -> Alert | None:
        return self._alerts.get(alert_id)

    async def update_alert(self, alert: Alert) -> None:
        alert_id = self._ids.get(alert.key)
        if alert_id is None or alert_id not in self._alerts:
            return
        self._alerts[alert_id] = merged(self._alerts[alert_id], alert)
        self._waiting.refresh(self._alerts[alert_id])

    async def recent(self, *, limit: int, **wanted: Unpack[AlertFilter]) -> Sequence[StoredAlert]:
        since_s = wanted.get("since_s")
        found = [
            stored
            for stored in self._events(-math.inf if since_s is None else since_s, wanted.get("destinations"))
            if is_wanted(stored.alert, wanted)
        ]
        found.sort(key=lambda stored: (stored.alert.ts, stored.alert.id), reverse=True)
        return found[: max(0, limit)]

    async def stats(
        self,
        *,
        since_s: float,
        top: int,
        destinations: Collection[Destination] | None = None,
        venue: Venue | None = None,
    ) -> AlertStats:
        found = [stored.alert for stored in self._events(since_s, destinations) if venue in (None, stored.alert.venue)]
        by_symbol = Counter(alert.symbol for alert in found)
        return AlertStats(
            total=len(found),
            by_kind=Counter(alert.kind for alert in found),
            by_venue=dict(Counter(alert.venue for alert in found).most_common()),
            by_symbol=sorted(by_symbol.items(), key=lambda item: (-item[1], item[0]))[: max(0, top)],
        )

    async def prune(self, *, before_s: float) -> None:
        self.changes.forget_before(before_s)
        for alert in list(self._alerts.values()):
            if alert.ts < before_s and not self._waiting.holds(alert.id or 0):
                self._forget(alert.id or 0)

    # --- remembered values

    async def meta_get(self, key: str) -> str | None:
        return self._meta.get(key)

    async def meta_set(self, key: str, value: str) -> None:
        self._meta[key] = value

    # --- Outbox

    def outbox_status(self) -> OutboxStatus:
        return self._waiting.status(self._clock.now_ms())

    async def queued(self, destination: Destination, *, limit: int) -> Sequence[Queued]:
        return self._waiting.rows(destination, limit)

    async def begin_attempt(self, destination: Destination, alert_ids: Sequence[int]) -> None:
        self._waiting.begin(destination, alert_ids)

    async def record_error(
        self, destination: Destination, alert_ids: Sequence[int], *, error: Cause | None, outcome_unknown: bool = False
    ) -> None:
        self._waiting.record(destination, alert_ids, error=error, outcome_unknown=outcome_unknown)

    async def mark_sent(
        self, destination: Destination, alert_ids: Sequence[int], *, message_id: int, sent_ms: int
    ) -> None:
        self._waiting.sent(destination, alert_ids, message_id)
        self._end(destination, alert_ids, _Delivery(state="sent", message_id=message_id, sent_ms=sent_ms))

    async def mark_failed(self, destination: Destination, alert_ids: Sequence[int], *, error: Cause) -> None:
        self._waiting.failed(destination, alert_ids, error)
        self._end(destination, alert_ids, _Delivery(state="failed"))

    async def mark_expired(self, destination: Destination, alert_ids: Sequence[int], *, error: str) -> None:
        self._waiting.expired(destination, alert_ids)
        self._end(destination, alert_ids, _Delivery(state="expired"))

    async def message_id_of(self, destination: Destination, alert_key: str) -> int | None:
        return self._waiting.message_id_of(destination, alert_key)

    async def own_message_of(self, destination: Destination, alert_key: str) -> tuple[int, bool] | None:
        return self._waiting.own_message_of(destination, alert_key)

    async def digest_of(self, destination: Destination, alert_key: str) -> SentDigest | None:
        told = {
            alert_id: end
            for alert_id, deliveries in self._deliveries.items()
            if (end := deliveries.get(destination)) is not None and end.sent_ms is not None
        }
        this = told.get(self._ids.get(alert_key, 0))
        if this is None or this.message_id is None or this.sent_ms is None:
            return None
        counts = Counter(end.message_id for end in told.values())
        if counts[this.message_id] < 2:
            return None
        alerts = [self._alerts[alert_id] for alert_id, end in told.items() if end.message_id == this.message_id]
        return SentDigest(
            message_id=this.message_id,
            keys=tuple(alert.key for alert in sorted(alerts, key=lambda alert: (alert.event_ms, alert.id or 0))),
            sent_ms=this.sent_ms,
            maybe_repeated=False,
        )

    async def completed_since(self, destination: Destination, sent_ms: int) -> Sequence[str]:
        return [
            alert.key
            for alert_id, alert in self._alerts.items()
            if (end := self._deliveries[alert_id].get(destination)) is not None
            and (end.sent_ms or 0) >= sent_ms
            and alert.details.running_s is not None
            and alert.details.is_completed
        ]

    async def sent_since(self, chat_id: int, since_ms: int) -> Sequence[int]:
        messages = {
            (delivery.sent_ms, at.topic_id, delivery.message_id)
            for deliveries in self._deliveries.values()
            for at, delivery in deliveries.items()
            if at.chat_id == chat_id and delivery.sent_ms is not None and delivery.sent_ms >= since_ms
        }
        return sorted(sent_ms for sent_ms, _, _ in messages)

    async def move(self, old: Destination, new: Destination) -> None:
        self._waiting.move(old, new)
        moved = {before: new.chat_id if now == old.chat_id else now for before, now in self._moved.items()}
        self._moved = moved | {old.chat_id: new.chat_id}
        for deliveries in self._deliveries.values():
            for at in [at for at in deliveries if at.chat_id == old.chat_id]:
                deliveries[moved_destination(at, old, new)] = deliveries.pop(at)

    async def wait_for_work(self) -> Collection[Destination]:
        return await self._waiting.wait()

    # --- inside

    def _end(self, destination: Destination, alert_ids: Sequence[int], end: _Delivery) -> None:
        for alert_id in alert_ids:
            if destination in self._deliveries.get(alert_id, {}):
                self._deliveries[alert_id][destination] = end
            if not self._keeps_history and not self._waiting.holds(alert_id):
                self._forget(alert_id, keeps_key=True)

    def _forget(self, alert_id: int, *, keeps_key: bool = False) -> None:
        """keeps_key: the same event told a second time is still no second alert."""
        alert = self._alerts.pop(alert_id, None)
        self._deliveries.pop(alert_id, None)
        if alert is not None and not keeps_key:
            self._ids.pop(alert.key, None)

    def _events(self, since_s: float, destinations: Collection[Destination] | None) -> list[StoredAlert]:
        """The first row of each event, with the least finished state of them all."""
        rows: dict[str, list[Alert]] = {}
        for alert in self._alerts.values():
            deliveries = self._deliveries[alert.id or 0]
            is_told = destinations is None or not deliveries.keys().isdisjoint(destinations)
            if alert.ts >= since_s and is_told and not _is_sample(alert):
                rows.setdefault(event_key(alert.key), []).append(alert)
        return [
            StoredAlert(alert=of_event[0], delivery=self._state_of(of_event, destinations))
            for of_event in rows.values()
        ]

    def _state_of(self, rows: Sequence[Alert], destinations: Collection[Destination] | None) -> DeliveryState | None:
        states = {
            delivery.state
            for alert in rows
            for at, delivery in self._deliveries[alert.id or 0].items()
            if destinations is None or at in destinations
        }
        return next((state for state in _LEAST_FINISHED_FIRST if state in states), None)


def _is_sample(alert: Alert) -> bool:
    return alert.key.startswith(SAMPLE_KEY)


def is_wanted(alert: Alert, wanted: AlertFilter) -> bool:
    """By what is in the alert itself."""
    between, before = wanted.get("event_between_ms"), wanted.get("before")
    return (
        wanted.get("symbol") in (None, alert.symbol)
        and wanted.get("kind") in (None, alert.kind)
        and wanted.get("venue") in (None, alert.venue)
        and wanted.get("minute_ms") in (None, alert.minute_ms)
        and (between is None or between[0] <= alert.event_ms < between[1])
        and (before is None or (alert.ts, alert.id or 0) < before)
    )
