"""Alerts, their deliveries and a few remembered values in a database, whichever it is."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self, Unpack

import msgspec

from altmonitor.core.alert import Alert, AlertStats, StoredAlert, StoredSize
from altmonitor.core.causes import Cause, CauseCode
from altmonitor.core.clock import Clock
from altmonitor.core.errors import StorageError
from altmonitor.core.status import OutboxStatus
from altmonitor.core.types import Destination, Venue
from altmonitor.interfaces.cluster import FoundAlert
from altmonitor.interfaces.delivery import Queued, SentDigest
from altmonitor.interfaces.storage import AlertFilter
from altmonitor.storage import alert_database as restore
from altmonitor.storage import rows as statements
from altmonitor.storage.alert_database import AlertDatabase, Put
from altmonitor.storage.alert_queries import AlertReader, StoredAlertReader
from altmonitor.storage.change_log import ChangeRecords
from altmonitor.storage.outcome_records import OutcomeRecords
from altmonitor.storage.queue import Waiting
from altmonitor.storage.writer import Writer, WriterEvents

log = logging.getLogger(__name__)

MOST_IN_MEMORY = 50_000
"""Alerts kept while the disk refuses. Beyond that new ones are dropped, counted and reported."""
KEYS_REMEMBERED = 50_000
DRAIN_TIMEOUT_S = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreOptions:
    """destinations: who is told of a new alert. keeps_history: False deletes an alert once it is delivered everywhere.

    on_committed: called with each new alert once it is on disk, its id set. on_trouble: why, when the disk refuses,
    None when it is over. on_set_aside: a damaged file was put there.
    on_unwritten: called at the end with the alerts that could not be stored, each with its destinations.
    disk_clock: what time limits of the disk run on; None for the store's clock. A program on a clock that runs fast
    still has a disk that does not.
    """

    destinations: tuple[Destination, ...] = ()
    keeps_history: bool = True
    on_committed: Callable[[Alert], None] = lambda alert: None
    on_trouble: Callable[[Cause | None], None] = lambda cause: None
    on_set_aside: Callable[[Path], None] = lambda path: None
    on_unwritten: Callable[[Sequence[FoundAlert]], None] = lambda found: None
    most_in_memory: int = MOST_IN_MEMORY
    disk_clock: Clock | None = None


class DatabaseStore:
    """AlertSink, AlertHistory, AlertUpdates, Outbox and AlertQueries over one database.

    due_ms: (destination, queued at) → since when that counts as waiting in `outbox_status`; may be set at any time.
    Enter it in the program's AsyncExitStack: leaving writes what waits (bounded) and ends the thread of the database.
    """

    def __init__(self, database: AlertDatabase, *, clock: Clock, options: StoreOptions) -> None:
        self._database = database
        self._clock = clock
        self._options = options
        self._reader = AlertReader(self._database.fetch)
        self._told_reader = StoredAlertReader(self._database.fetch)
        self._writer = Writer(
            self._database,
            clock=options.disk_clock or clock,
            events=WriterEvents(offer=self._offer, trouble=self._on_disk, replace=self._replace_damaged),
        )
        self.changes = ChangeRecords(self._database.fetch, self._writer.change, self._database.next_change_id)
        self.outcomes = OutcomeRecords(self._database.fetch, self._writer.change)
        self._waiting = Waiting(options.destinations)
        self._meta: dict[str, str] = {}
        self._recent_keys: dict[str, None] = {}
        self.due_ms: Callable[[Destination, int], int] = lambda destination, queued_ms: queued_ms
        self._writing: asyncio.Task[None] | None = None
        self.dropped = 0

    async def open(self) -> None:
        """Raises StorageError with one clear line; NewerSchemaError leaves what is stored untouched."""
        try:
            await self._prepare()
            await self._database.open()
            await self._load()
        except BaseException:
            await self._abandon()
            raise
        self._writing = asyncio.create_task(self._writer.run(), name="storage-writer")

    async def close(self) -> None:
        """Writes what waits for at most 2 s, then ends the thread. Calling it again does nothing."""
        writing, self._writing = self._writing, None
        if writing is not None:
            with suppress(TimeoutError):
                async with self._clock.timeout(DRAIN_TIMEOUT_S):
                    await self._writer.drained()
            if self._writer.puts_waiting:
                log.error("stopped with %d alerts that could not be stored", self._writer.puts_waiting)
            writing.cancel()
            await asyncio.wait({writing})
            if unwritten := self._writer.unwritten():
                self._options.on_unwritten([FoundAlert(put.alert, put.destinations) for put in unwritten])
        await self._abandon()

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    @property
    def destinations(self) -> tuple[Destination, ...]:
        """Where alerts go now: a group that became a supergroup stands under its new id."""
        return self._waiting.destinations

    def set_destinations(self, destinations: Iterable[Destination]) -> None:
        """Where alerts go from now on; a group may be named by an id it had before."""
        self._waiting.set_destinations(restore.moved_to(self._meta, destination) for destination in destinations)

    def where_now(self, destination: Destination) -> Destination:
        """The same for a group that has a new id since."""
        return restore.moved_to(self._meta, destination)

    @property
    def is_writing(self) -> bool:
        """The database is open and the task that writes runs; whether it takes anything is another matter."""
        return self._writing is not None and not self._writing.done()

    def unstored(self) -> Sequence[Alert]:
        """Found and not on disk, as far as is known, oldest → newest."""
        return [put.alert for put in self._writer.unwritten()]

    # --- AlertSink

    def put(self, alert: Alert, *, to: Sequence[Destination] | None = None) -> None:
        """to: None stands for every destination there is."""
        if alert.key in self._recent_keys:
            return
        if self._writer.puts_waiting >= self._options.most_in_memory:
            self._drop(alert)
            return
        self._remember(alert.key)
        wanted = self._waiting.destinations if to is None else to
        destinations = tuple(dict.fromkeys(self.where_now(destination) for destination in wanted))
        if not destinations and not self._options.keeps_history:
            return
        numbered = msgspec.structs.replace(alert, id=next(self._database.alert_ids))
        self._writer.put(Put(alert=numbered, destinations=destinations, queued_ms=self._clock.now_ms()))

    # --- AlertHistory, AlertUpdates, AlertQueries

    async def alerts_since(self, event_ms: int) -> Sequence[Alert]:
        return await self._reader.alerts_since(event_ms)

    async def stored_since(self, event_ms: int) -> Sequence[tuple[Alert, tuple[Destination, ...]]]:
        return await self._told_reader.stored_since(event_ms)

    async def stored_sizes(self, *, since_ms: int, recent_ms: int) -> Sequence[StoredSize]:
        return await self._told_reader.stored_sizes(since_ms=since_ms, recent_ms=recent_ms)

    async def stored_first_ms(self) -> Mapping[Destination, int]:
        return await self._told_reader.stored_first_ms()

    async def alerts_of(self, keys: Collection[str]) -> Mapping[str, Alert]:
        waiting = {key: alert for key in keys if (alert := self._waiting.alert_of(key)) is not None}
        return {**await self._reader.alerts_of([key for key in keys if key not in waiting]), **waiting}

    async def alert_of_id(self, alert_id: int) -> Alert | None:
        """None: there never was one, or it is not kept any more."""
        return await self._reader.alert_of_id(alert_id)

    async def update_alert(self, alert: Alert) -> None:
        self._waiting.refresh(alert)
        self._writer.learn(alert)
        if self._writer.ops_waiting >= self._options.most_in_memory:
            raise StorageError("too much waits for the disk; what was learned about an alert is not stored")
        await self._writer.change(statements.learned(alert))

    async def recent(self, *, limit: int, **wanted: Unpack[AlertFilter]) -> Sequence[StoredAlert]:
        return await self._reader.recent(limit=limit, **wanted)

    async def stats(
        self,
        *,
        since_s: float,
        top: int,
        destinations: Collection[Destination] | None = None,
        venue: Venue | None = None,
    ) -> AlertStats:
        return await self._reader.stats(since_s=since_s, top=top, destinations=destinations, venue=venue)

    async def prune(self, *, before_s: float) -> None:
        """Deletes alerts detected and changes made before this unix second, except alerts that still wait."""
        await self._writer.change(statements.forget_before(before_s), self.changes.forget_before(before_s))

    # --- remembered values

    async def meta_get(self, key: str) -> str | None:
        return self._meta.get(key)

    async def meta_set(self, key: str, value: str) -> None:
        self._meta[key] = value
        await self._writer.change(statements.remember([(key, value)]))

    # --- Outbox

    def outbox_status(self) -> OutboxStatus:
        """sent and failed count since the store was opened."""
        return self._waiting.status(self._clock.now_ms(), self.due_ms)

    async def queued(self, destination: Destination, *, limit: int) -> Sequence[Queued]:
        return self._waiting.rows(destination, limit)

    async def begin_attempt(self, destination: Destination, alert_ids: Sequence[int]) -> None:
        rows = self._waiting.begin(destination, alert_ids)
        await self._writer.change(statements.attempts(rows))

    async def record_error(
        self, destination: Destination, alert_ids: Sequence[int], *, error: Cause | None, outcome_unknown: bool = False
    ) -> None:
        rows = self._waiting.record(destination, alert_ids, error=error, outcome_unknown=outcome_unknown)
        await self._writer.change(statements.attempts(rows, error="" if error is None else error.text))

    async def mark_sent(
        self, destination: Destination, alert_ids: Sequence[int], *, message_id: int, sent_ms: int
    ) -> None:
        doubted = self._waiting.sent(destination, alert_ids, message_id)
        statement = statements.sent(destination, alert_ids, message_id=message_id, sent_ms=sent_ms, doubted=doubted)
        await self._end(statement, alert_ids)

    async def mark_failed(self, destination: Destination, alert_ids: Sequence[int], *, error: Cause) -> None:
        self._waiting.failed(destination, alert_ids, error)
        await self._end(statements.not_sent(destination, alert_ids, state="failed", error=error.text), alert_ids)

    async def mark_expired(self, destination: Destination, alert_ids: Sequence[int], *, error: str) -> None:
        self._waiting.expired(destination, alert_ids)
        await self._end(statements.not_sent(destination, alert_ids, state="expired", error=error), alert_ids)

    async def message_id_of(self, destination: Destination, alert_key: str) -> int | None:
        remembered = self._waiting.message_id_of(destination, alert_key)
        return remembered if remembered is not None else await self._reader.message_id_of(destination, alert_key)

    async def own_message_of(self, destination: Destination, alert_key: str) -> tuple[int, bool] | None:
        if self._waiting.is_raised(destination, alert_key) is not None:
            return self._waiting.own_message_of(destination, alert_key)
        return await self._reader.own_message_of(destination, alert_key)

    async def digest_of(self, destination: Destination, alert_key: str) -> SentDigest | None:
        return await self._reader.digest_of(destination, alert_key)

    async def completed_since(self, destination: Destination, sent_ms: int) -> Sequence[str]:
        return await self._reader.completed_since(destination, sent_ms)

    async def sent_since(self, chat_id: int, since_ms: int) -> Sequence[int]:
        return await self._reader.sent_since(chat_id, since_ms)

    async def move(self, old: Destination, new: Destination) -> None:
        self._waiting.move(old, new)
        key, value = restore.moved_key(Destination(chat_id=old.chat_id)), str(Destination(chat_id=new.chat_id))
        self._meta[key] = value
        await self._writer.change(*statements.move(old, new), statements.remember([(key, value)]))

    async def wait_for_work(self) -> Collection[Destination]:
        return await self._waiting.wait()

    # --- inside

    async def _load(self) -> None:
        self._meta.update(await restore.meta(self._database))
        for destination in self.destinations:
            moved = restore.moved_to(self._meta, destination)
            if moved != destination:
                self._waiting.move(destination, moved)
        for row in await restore.queued(self._database, self.destinations):
            self._waiting.add(row)

    async def _abandon(self) -> None:
        await self._database.close()

    async def _prepare(self) -> None:
        """Before it is opened. Raises StorageError."""
        raise NotImplementedError

    async def _replace_damaged(self) -> None:
        """Called when what is stored turned out to be broken; afterwards the database must be usable again."""
        raise NotImplementedError

    def _on_disk(self, reason: Cause | None) -> None:
        self._options.on_trouble(None if reason is None else reason.within(f"{self._database} cannot be written"))

    def _remember(self, key: str) -> None:
        self._recent_keys[key] = None
        if len(self._recent_keys) > KEYS_REMEMBERED:
            del self._recent_keys[next(iter(self._recent_keys))]

    def _drop(self, alert: Alert) -> None:
        self.dropped += 1
        if self.dropped == 1:
            log.error(
                "alerts are dropped: %d wait for the disk already; first %s", self._writer.puts_waiting, alert.key
            )
            waiting = self._writer.puts_waiting
            line = f"{waiting} alerts wait for the disk; new ones are dropped"
            self._options.on_trouble(Cause(CauseCode.DROPPED, line, {"count": waiting}))

    def _offer(self, put: Put) -> None:
        self._options.on_committed(put.alert)
        for destination in put.destinations:
            # The group may have moved between the decision and the commit.
            at = restore.moved_to(self._meta, destination)
            self._waiting.add(Queued(alert=put.alert, destination=at, attempts=0, queued_ms=put.queued_ms))

    async def _end(self, end: statements.Statement, alert_ids: Sequence[int]) -> None:
        if self._options.keeps_history:
            await self._writer.change(end)
        else:
            await self._writer.change(end, statements.forget(alert_ids))
