"""The outbox as one notifier of several sees it: the rows of the chats it has, claimed one message at a time.

The database is the truth; what waits stands in memory so that the dispatcher is asked nothing of the network. A row is
claimed by the commit before its message leaves, and only while the lease of its chat is held: a notifier that was
paused and has lost its chats says nothing more.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import asyncpg

from altmonitor.core.alert import Alert
from altmonitor.core.causes import Cause
from altmonitor.core.clock import Clock
from altmonitor.core.errors import ClaimLost, StorageError
from altmonitor.core.status import OutboxStatus
from altmonitor.core.types import Destination
from altmonitor.interfaces.cluster import SHARDS, shard_lease, shard_of
from altmonitor.interfaces.delivery import Queued, SentDigest
from altmonitor.storage import rows as statements
from altmonitor.storage.alert_queries import AlertReader
from altmonitor.storage.postgres.connection import PostgresConnection, numbered
from altmonitor.storage.queue import Waiting
from altmonitor.storage.rows import ALERT_COLUMNS, Row, alert_of, destination_of, topic_column

log = logging.getLogger(__name__)

LOOK_EVERY_S = 0.1
LOOK_AT_ALL_S = 5.0
ROWS_AT_ONCE = 5_000

_QUEUED = (
    f"SELECT {ALERT_COLUMNS}, chat_id, topic_id, attempts, queued_ms, uncertain "  # noqa: S608
    "FROM deliveries JOIN alerts ON alerts.id = alert_id WHERE state = 'queued' "
    f"AND (abs(chat_id) % {SHARDS})::int = ANY(?::int[]) AND alert_id > ? ORDER BY alert_id, chat_id, topic_id LIMIT ?"
)
_CLAIMED = (
    "SELECT alert_id FROM deliveries WHERE alert_id = ANY(?::bigint[]) AND chat_id = ? AND topic_id = ? "
    "AND state = 'queued' AND EXISTS (SELECT 1 FROM leases WHERE name = ? AND token = ?) FOR UPDATE SKIP LOCKED"
)
_BEGUN = (
    "UPDATE deliveries SET attempts = attempts + 1, uncertain = 1 "
    "WHERE alert_id = ANY(?::bigint[]) AND chat_id = ? AND topic_id = ?"
)


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
        self._after_id = 0
        self._all_seen_s = float("-inf")
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
        """Takes over what is queued in the chats of this notifier; how many rows were read."""
        shards = frozenset(self.tokens())
        now_s = self._clock.monotonic()
        if shards != self._shards or now_s - self._all_seen_s >= LOOK_AT_ALL_S:
            self._waiting.keep(lambda at: shard_of(at.chat_id) in shards)
            self._shards, self._after_id, self._all_seen_s = shards, 0, now_s
        if not shards:
            return 0
        rows = await self._connection.fetch(_QUEUED, (sorted(shards), self._after_id, ROWS_AT_ONCE))
        held = self.tokens()
        for row in rows:
            queued = _queued(row)
            if shard_of(queued.destination.chat_id) in held:
                self._waiting.add(queued)
        if rows:
            last_id = rows[-1][0]
            # A batch that is full may end between two chats of one alert.
            self._after_id = last_id - 1 if len(rows) == ROWS_AT_ONCE and rows[0][0] != last_id else last_id
        return len(rows)

    # --- Outbox

    def outbox_status(self) -> OutboxStatus:
        return self._waiting.status(self._clock.now_ms(), self.due_ms)

    async def queued(self, destination: Destination, *, limit: int) -> Sequence[Queued]:
        return self._waiting.rows(destination, limit)

    async def begin_attempt(self, destination: Destination, alert_ids: Sequence[int]) -> None:
        """Raises ClaimLost when one of them is not this notifier's to send any more; then none is claimed."""
        shard = shard_of(destination.chat_id)
        token = self.tokens().get(shard)
        ids, place = list(alert_ids), (destination.chat_id, topic_column(destination))

        async def claim(connection: asyncpg.Connection[Any]) -> set[int]:
            found = await connection.fetch(numbered(_CLAIMED), ids, *place, shard_lease(shard), token)
            claimed = {row[0] for row in found}
            if len(claimed) == len(set(ids)):
                await connection.execute(numbered(_BEGUN), ids, *place)
            return claimed

        claimed = set() if token is None else await self._connection.transaction(claim)
        if lost := [alert_id for alert_id in ids if alert_id not in claimed]:
            self.claims_lost += len(lost)
            self._waiting.drop(destination, lost)
            raise ClaimLost(f"{len(lost)} alerts for {destination} are another notifier's by now, or were sent")
        self._waiting.begin(destination, ids)

    async def record_error(
        self, destination: Destination, alert_ids: Sequence[int], *, error: Cause | None, outcome_unknown: bool = False
    ) -> None:
        rows = self._waiting.record(destination, alert_ids, error=error, outcome_unknown=outcome_unknown)
        await self._write(statements.attempts(rows, error="" if error is None else error.text))

    async def mark_sent(
        self, destination: Destination, alert_ids: Sequence[int], *, message_id: int, sent_ms: int
    ) -> None:
        doubted = self._waiting.sent(destination, alert_ids, message_id)
        await self._write(
            statements.sent(destination, alert_ids, message_id=message_id, sent_ms=sent_ms, doubted=doubted)
        )

    async def mark_failed(self, destination: Destination, alert_ids: Sequence[int], *, error: Cause) -> None:
        self._waiting.failed(destination, alert_ids, error)
        await self._write(statements.not_sent(destination, alert_ids, state="failed", error=error.text))

    async def mark_expired(self, destination: Destination, alert_ids: Sequence[int], *, error: str) -> None:
        self._waiting.expired(destination, alert_ids)
        await self._write(statements.not_sent(destination, alert_ids, state="expired", error=error))

    async def message_id_of(self, destination: Destination, alert_key: str) -> int | None:
        remembered = self._waiting.message_id_of(destination, alert_key)
        return remembered if remembered is not None else await self._reader.message_id_of(destination, alert_key)

    async def own_message_of(self, destination: Destination, alert_key: str) -> tuple[int, bool] | None:
        if self._waiting.is_raised(destination, alert_key) is not None:
            return self._waiting.own_message_of(destination, alert_key)
        return await self._reader.own_message_of(destination, alert_key)

    async def digest_of(self, destination: Destination, alert_key: str) -> SentDigest | None:
        return await self._reader.digest_of(destination, alert_key)

    async def move(self, old: Destination, new: Destination) -> None:
        """The feed learns of it by itself: the settings of the chat are its to move."""
        self._waiting.move(old, new)
        await self._write(*statements.move(old, new))

    async def alerts_of(self, keys: Collection[str]) -> Mapping[str, Alert]:
        return await self._reader.alerts_of(keys)

    async def refreshed(self, alert_key: str) -> None:
        """More is known about this alert: where it waits it is sent with that."""
        if self._waiting.alert_of(alert_key) is not None:
            for alert in (await self._reader.alerts_of([alert_key])).values():
                self._waiting.refresh(alert)

    async def sent_since(self, chat_id: int, since_ms: int) -> Sequence[int]:
        return await self._reader.sent_since(chat_id, since_ms)

    async def meta_get(self, key: str) -> str | None:
        rows = await self._connection.fetch("SELECT value FROM meta WHERE key = ?", (key,))
        return rows[0][0] if rows else None

    async def meta_set(self, key: str, value: str) -> None:
        await self._write(statements.remember([(key, value)]))

    async def wait_for_work(self) -> Collection[Destination]:
        return await self._waiting.wait()

    async def _write(self, *together: statements.Statement) -> None:
        async def write(connection: asyncpg.Connection[Any]) -> None:
            for sql, rows in together:
                if rows:
                    await connection.executemany(numbered(sql), rows)

        await self._connection.transaction(write)


def _queued(row: Row) -> Queued:
    chat_id, topic, attempts, queued_ms, uncertain = row[-5:]
    return Queued(
        alert=alert_of(row),
        destination=destination_of(chat_id, topic),
        attempts=attempts,
        queued_ms=queued_ms,
        maybe_repeated=bool(uncertain),
    )
