"""The outbox as one notifier of several sees it: the rows of the chats it has, claimed before their message leaves.

The database is the truth; what waits stands in memory so that the dispatcher is asked nothing of the network. A row is
claimed by the commit before its message leaves, and only while the lease of its chat is held: a notifier that was
paused and has lost its chats says nothing more.

With ten thousand chats an alert is ten thousand rows: it is read once, rows are read by the thousand, and what several
chats claim, end or ask in the same moment is one statement.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from altmonitor.core.alert import Alert
from altmonitor.core.causes import Cause
from altmonitor.core.clock import Clock
from altmonitor.core.errors import ClaimLost, StorageError
from altmonitor.core.status import OutboxStatus
from altmonitor.core.types import Destination
from altmonitor.interfaces.cluster import SHARDS, shard_lease, shard_of
from altmonitor.interfaces.delivery import Queued, SentDigest
from altmonitor.storage import rows as statements
from altmonitor.storage.alert_database import MOVED
from altmonitor.storage.alert_queries import AlertReader, was_running
from altmonitor.storage.postgres.batching import Batched
from altmonitor.storage.postgres.connection import PostgresConnection
from altmonitor.storage.queue import Waiting
from altmonitor.storage.rows import ALERT_COLUMNS, Row, alert_of, destination_of, topic_column

log = logging.getLogger(__name__)

LOOK_EVERY_S = 0.1
LOOK_AT_ALL_S = 5.0
ROWS_AT_ONCE = 5_000
MESSAGES_AT_ONCE = 200
CHATS_AT_ONCE = 10_000

_MINE = f"state = 'queued' AND (abs(chat_id) % {SHARDS})::int = ANY(?::int[])"
_ROWS = f"SELECT alert_id, chat_id, topic_id, attempts, queued_ms, uncertain FROM deliveries WHERE {_MINE} "  # noqa: S608
_AFTER = "AND (alert_id, chat_id, topic_id) > (?, ?, ?) ORDER BY alert_id, chat_id, topic_id LIMIT ?"
_NEW_ROWS = _ROWS + _AFTER
_ROWS_OF = f"{_ROWS}AND alert_id = ANY(?::bigint[]) {_AFTER}"
_COUNTS = f"SELECT alert_id, count(*) FROM deliveries WHERE {_MINE} GROUP BY alert_id"  # noqa: S608
_ALERTS = f"SELECT {ALERT_COLUMNS} FROM alerts WHERE id = ANY(?::bigint[])"  # noqa: S608
_BEGINNING = (0, 0, 0)

# Of each message (size: its rows) all or none: one that another notifier has, or that waits no more, keeps it here.
# The state stands in no condition on the rows, so that nobody looks them up by all that waits instead of by their key.
_CLAIM = """
WITH wanted AS (
    SELECT * FROM unnest(?::int[], ?::int[], ?::bigint[], ?::bigint[], ?::bigint[], ?::text[], ?::bigint[])
        AS w (message, size, alert_id, chat_id, topic_id, lease, token)
), locked AS (
    SELECT w.message, w.size, d.alert_id, d.chat_id, d.topic_id, d.state FROM wanted w
    JOIN leases l ON l.name = w.lease AND l.token = w.token
    JOIN deliveries d ON d.alert_id = w.alert_id AND d.chat_id = w.chat_id AND d.topic_id = w.topic_id
    FOR UPDATE OF d SKIP LOCKED
), counted AS (
    SELECT *, count(*) FILTER (WHERE state = 'queued') OVER (PARTITION BY message) AS free FROM locked
), begun AS (
    UPDATE deliveries d SET attempts = attempts + 1, uncertain = 1 FROM counted c
    WHERE c.free = c.size AND d.alert_id = c.alert_id AND d.chat_id = c.chat_id AND d.topic_id = c.topic_id
)
SELECT message, alert_id FROM locked WHERE state = 'queued'
"""
# As the statement for one chat, for the rows of many.
_END = """
UPDATE deliveries d SET state = e.state, message_id = e.message_id, sent_ms = e.sent_ms, error = e.error,
    uncertain = e.uncertain
FROM unnest(?::text[], ?::bigint[], ?::bigint[], ?::text[], ?::bigint[], ?::bigint[], ?::bigint[], ?::bigint[])
    AS e (state, message_id, sent_ms, error, uncertain, alert_id, chat_id, topic_id)
WHERE d.alert_id = e.alert_id AND d.chat_id = e.chat_id AND d.topic_id = e.topic_id
"""
_SENT_SINCE = (
    "SELECT DISTINCT chat_id, sent_ms, topic_id, message_id FROM deliveries "
    "WHERE chat_id = ANY(?::bigint[]) AND sent_ms >= ? AND state = 'sent' ORDER BY sent_ms"
)

_COMPLETED_SINCE = (
    "SELECT d.alert_id, d.chat_id, d.topic_id, d.sent_ms FROM deliveries d JOIN alerts ON alerts.id = d.alert_id "
    "WHERE d.chat_id = ANY(?::bigint[]) AND d.state = 'sent' AND d.sent_ms >= ? "
    "AND alerts.details LIKE '%is_completed%' ORDER BY d.alert_id"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Claim:
    """For one message. token: of the lease of its chat."""

    alert_ids: Sequence[int]
    destination: Destination
    token: int


class ClaimedOutbox:
    """Implements `interfaces.delivery.Outbox`. tokens: asked for those of the leases of the chats
    this notifier has now, by shard; set by whoever keeps the leases.

    due_ms: as the store's.
    """

    def __init__(self, connection: PostgresConnection, *, clock: Clock) -> None:
        self._connection = connection
        self._clock = clock
        self.tokens: Callable[[], Mapping[int, int]] = dict
        self._reader = AlertReader(connection.fetch)
        self._waiting = Waiting(())
        self._shards: frozenset[int] = frozenset()
        self._seen = _BEGINNING
        self._all_seen_s = float("-inf")
        self._ending: set[tuple[int, int, int]] = set()  # rows whose end is decided and not yet written
        self._ending_of: Counter[int] = Counter()  # the same by alert
        self._claims = Batched(self._claim, most=MESSAGES_AT_ONCE)
        self._writes = Batched(self._write_together, most=MESSAGES_AT_ONCE)
        self._ends = Batched(self._end_together, most=MESSAGES_AT_ONCE)
        self._last_sent = Batched(self._sent_since, most=CHATS_AT_ONCE)
        self._completed = Batched(self._completed_since, most=CHATS_AT_ONCE)
        self._remembered = Batched(self._meta_of, most=CHATS_AT_ONCE)
        self._news = asyncio.Event()
        self.due_ms: Callable[[Destination, int], int] = lambda destination, queued_ms: queued_ms
        self.claims_lost = 0

    def set_destinations(self, destinations: Iterable[Destination]) -> None:
        self._waiting.set_destinations(destinations)

    def forget(self, shards: Collection[int]) -> None:
        """These chats are another notifier's from now on: what waits there waits here no longer."""
        self._waiting.keep(lambda at: shard_of(at.chat_id) not in shards)

    def wake(self) -> None:
        """Something may have been committed."""
        self._news.set()

    async def run(self) -> None:
        """Until cancelled: looks for what is new. While the database does not answer, what is known goes on waiting."""
        is_failing = False
        while True:
            try:
                while await self.look() == ROWS_AT_ONCE:
                    pass
            except StorageError as problem:
                if not is_failing:
                    log.warning("what is to be sent cannot be read: %s", problem)
                is_failing = True
            else:
                is_failing = False
            with suppress(TimeoutError):
                async with self._clock.timeout(LOOK_EVERY_S):
                    await self._news.wait()
            self._news.clear()

    async def look(self) -> int:
        """Takes over what is queued in the chats of this notifier; how many new rows were read, `ROWS_AT_ONCE` at most.

        Every few seconds, and when it has other chats, what waits is counted: a row can be committed behind a later
        one, or have waited in a chat that was another's.
        """
        shards = frozenset(self.tokens())
        now_s = self._clock.monotonic()
        if shards != self._shards:
            self._waiting.keep(lambda at: shard_of(at.chat_id) in shards)
            self._shards, self._all_seen_s = shards, float("-inf")
        if not shards:
            return 0
        rows = await self._connection.fetch(_NEW_ROWS, (sorted(shards), *self._seen, ROWS_AT_ONCE))
        await self._take_over(rows)
        if rows:
            self._seen = (rows[-1][0], rows[-1][1], rows[-1][2])
        if len(rows) < ROWS_AT_ONCE and now_s - self._all_seen_s >= LOOK_AT_ALL_S:
            await self._look_at_all(sorted(shards))
            self._all_seen_s = now_s
        return len(rows)

    async def _look_at_all(self, shards: Sequence[int]) -> None:
        counts = await self._connection.fetch(_COUNTS, (shards,))
        missing = [
            alert_id
            for alert_id, count in counts
            if count > self._waiting.count_of(alert_id) + self._ending_of[alert_id]
        ]
        after: tuple[Any, ...] = _BEGINNING
        while missing:
            rows = await self._connection.fetch(_ROWS_OF, (shards, missing, *after, ROWS_AT_ONCE))
            await self._take_over(rows)
            if len(rows) < ROWS_AT_ONCE:
                return
            after = tuple(rows[-1][:3])

    async def _take_over(self, rows: Sequence[Row]) -> None:
        """Those that do not wait here already and were not ended meanwhile."""
        new = [
            (destination_of(chat_id, topic), alert_id, attempts, queued_ms, bool(uncertain))
            for alert_id, chat_id, topic, attempts, queued_ms, uncertain in rows
            if (alert_id, chat_id, topic) not in self._ending
            and not self._waiting.is_waiting(destination_of(chat_id, topic), alert_id)
        ]
        alerts = await self._alerts_of({row[1] for row in new})
        held = self.tokens()
        for destination, alert_id, attempts, queued_ms, is_doubted in new:
            if alert_id in alerts and shard_of(destination.chat_id) in held:
                self._waiting.add(
                    Queued(
                        alert=alerts[alert_id],
                        destination=destination,
                        attempts=attempts,
                        queued_ms=queued_ms,
                        maybe_repeated=is_doubted,
                    )
                )

    async def _alerts_of(self, alert_ids: Collection[int]) -> Mapping[int, Alert]:
        """What waits already is not read again."""
        alerts = {
            alert_id: alert for alert_id in alert_ids if (alert := self._waiting.alert_of_id(alert_id)) is not None
        }
        if unknown := [alert_id for alert_id in alert_ids if alert_id not in alerts]:
            for row in await self._connection.fetch(_ALERTS, (unknown,)):
                alerts[row[0]] = alert_of(row)
        return alerts

    # --- Outbox

    def outbox_status(self) -> OutboxStatus:
        return self._waiting.status(self._clock.now_ms(), self.due_ms)

    async def queued(self, destination: Destination, *, limit: int) -> Sequence[Queued]:
        return self._waiting.rows(destination, limit)

    async def begin_attempt(self, destination: Destination, alert_ids: Sequence[int]) -> None:
        """Raises ClaimLost when one of them is not this notifier's to send any more; then none is claimed."""
        token = self.tokens().get(shard_of(destination.chat_id))
        ids = list(dict.fromkeys(alert_ids))
        claimed: Collection[int] = ()
        if token is not None:
            claimed = await self._claims.ask(_Claim(alert_ids=ids, destination=destination, token=token))
        if lost := [alert_id for alert_id in ids if alert_id not in claimed]:
            self.claims_lost += len(lost)
            self._waiting.drop(destination, lost)
            raise ClaimLost(f"{len(lost)} alerts for {destination} are another notifier's by now, or were sent")
        self._waiting.begin(destination, ids)

    async def record_error(
        self, destination: Destination, alert_ids: Sequence[int], *, error: Cause | None, outcome_unknown: bool = False
    ) -> None:
        rows = self._waiting.record(destination, alert_ids, error=error, outcome_unknown=outcome_unknown)
        await self._writes.ask([statements.attempts(rows, error="" if error is None else error.text)])

    async def mark_sent(
        self, destination: Destination, alert_ids: Sequence[int], *, message_id: int, sent_ms: int
    ) -> None:
        doubted = self._waiting.sent(destination, alert_ids, message_id)
        ended = statements.sent(destination, alert_ids, message_id=message_id, sent_ms=sent_ms, doubted=doubted)
        await self._end(destination, alert_ids, ended)

    async def mark_failed(self, destination: Destination, alert_ids: Sequence[int], *, error: Cause) -> None:
        self._waiting.failed(destination, alert_ids, error)
        ended = statements.not_sent(destination, alert_ids, state="failed", error=error.text)
        await self._end(destination, alert_ids, ended)

    async def mark_expired(self, destination: Destination, alert_ids: Sequence[int], *, error: str) -> None:
        self._waiting.expired(destination, alert_ids)
        ended = statements.not_sent(destination, alert_ids, state="expired", error=error)
        await self._end(destination, alert_ids, ended)

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
        return await self._completed.ask((destination, sent_ms))

    async def move(self, old: Destination, new: Destination) -> None:
        """The settings of the chat are the feed's to move, and what it was told is the feed's to remember."""
        self._waiting.move(old, new)
        await self._writes.ask(statements.move(old, new))

    async def alerts_of(self, keys: Collection[str]) -> Mapping[str, Alert]:
        return await self._reader.alerts_of(keys)

    async def refreshed(self, alert_key: str) -> None:
        """More is known about this alert: where it waits it is sent with that."""
        if self._waiting.alert_of(alert_key) is not None:
            for alert in (await self._reader.alerts_of([alert_key])).values():
                self._waiting.refresh(alert)

    async def sent_since(self, chat_id: int, since_ms: int) -> Sequence[int]:
        return await self._last_sent.ask((chat_id, since_ms))

    async def meta_get(self, key: str) -> str | None:
        return await self._remembered.ask(key)

    async def moves(self) -> Mapping[str, str]:
        """Of groups that have a new id, as `alert_database.moved_to` reads it. Raises StorageError."""
        rows = await self._connection.fetch("SELECT key, value FROM meta WHERE starts_with(key, ?)", (MOVED,))
        return {row[0]: row[1] for row in rows}

    async def meta_set(self, key: str, value: str) -> None:
        await self._writes.ask([statements.remember([(key, value)])])

    async def wait_for_work(self) -> Collection[Destination]:
        return await self._waiting.wait()

    # --- several chats at once

    async def _claim(self, claims: Sequence[_Claim]) -> Sequence[Collection[int]]:
        rows = [
            (
                message,
                len(claim.alert_ids),
                alert_id,
                at.chat_id,
                topic_column(at),
                shard_lease(shard_of(at.chat_id)),
                claim.token,
            )
            for message, claim in enumerate(claims)
            for at in [claim.destination]
            for alert_id in claim.alert_ids
        ]
        found: list[set[int]] = [set() for _ in claims]
        for message, alert_id in await self._connection.fetch(_CLAIM, columns(rows)):
            found[message].add(alert_id)
        return found

    async def _end(self, destination: Destination, alert_ids: Sequence[int], ended: statements.Statement) -> None:
        """Until that is written, a look may still find the rows waiting."""
        rows = {(alert_id, destination.chat_id, topic_column(destination)) for alert_id in alert_ids} - self._ending
        self._ending |= rows
        self._ending_of.update(alert_id for alert_id, _, _ in rows)
        try:
            await self._ends.ask(ended[1])
        finally:
            self._ending -= rows
            for alert_id, _, _ in rows:
                self._ending_of[alert_id] -= 1
                if not self._ending_of[alert_id]:
                    del self._ending_of[alert_id]

    async def _end_together(self, ends: Sequence[Sequence[Row]]) -> Sequence[None]:
        rows = [row for of_message in ends for row in of_message]
        if rows:
            await self._connection.write([(_END, [columns(rows)])])
        return [None for _ in ends]

    async def _write_together(self, writes: Sequence[Sequence[statements.Statement]]) -> Sequence[None]:
        """A chat waits for each write of its own, so that no two here are of the same rows."""
        merged: dict[str, list[tuple[Any, ...]]] = {}
        for sql, rows in (statement for write in writes for statement in write):
            merged.setdefault(sql, []).extend(rows)
        await self._connection.write([(sql, rows) for sql, rows in merged.items() if rows])
        return [None for _ in writes]

    async def _sent_since(self, asked: Sequence[tuple[int, int]]) -> Sequence[Sequence[int]]:
        """asked: chat and unix ms of each."""
        rows = await self._connection.fetch(
            _SENT_SINCE, ([chat_id for chat_id, _ in asked], min(since_ms for _, since_ms in asked))
        )
        sent: dict[int, list[int]] = {}
        for chat_id, sent_ms, _, _ in rows:
            sent.setdefault(chat_id, []).append(sent_ms)
        return [[sent_ms for sent_ms in sent.get(chat_id, ()) if sent_ms >= since_ms] for chat_id, since_ms in asked]

    async def _completed_since(self, asked: Sequence[tuple[Destination, int]]) -> Sequence[Sequence[str]]:
        """asked: where, and unix ms of each."""
        chats, since_ms = sorted({at.chat_id for at, _ in asked}), min(since_ms for _, since_ms in asked)
        rows = await self._connection.fetch(_COMPLETED_SINCE, (chats, since_ms))
        alerts = {}
        if rows:
            found = await self._connection.fetch(_ALERTS, (sorted({row[0] for row in rows}),))
            alerts = {alert.id: alert.key for alert in map(alert_of, found) if was_running(alert)}
        keys: dict[Destination, list[tuple[int, str]]] = {}
        for alert_id, chat_id, topic, sent_ms in rows:
            if alert_id in alerts:
                keys.setdefault(destination_of(chat_id, topic), []).append((sent_ms, alerts[alert_id]))
        return [[key for sent_ms, key in keys.get(at, ()) if sent_ms >= since] for at, since in asked]

    async def _meta_of(self, keys: Sequence[str]) -> Sequence[str | None]:
        rows = await self._connection.fetch("SELECT key, value FROM meta WHERE key = ANY(?::text[])", (list(keys),))
        values = {row[0]: row[1] for row in rows}
        return [values.get(key) for key in keys]


def columns(rows: Sequence[Row]) -> list[list[Any]]:
    """For `unnest`."""
    return [list(column) for column in zip(*rows, strict=True)]
