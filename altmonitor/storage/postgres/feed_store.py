"""The store of one of several feeds: it writes only while its feed leads, and delivers nothing itself."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import asyncpg

from altmonitor.core.clock import Clock
from altmonitor.core.errors import StorageError
from altmonitor.core.status import OutboxStatus
from altmonitor.interfaces.cluster import LEADER
from altmonitor.storage import alert_database as restored
from altmonitor.storage.alert_database import Op, Put
from altmonitor.storage.database_store import StoreOptions
from altmonitor.storage.postgres.connection import DatabaseAddress, PostgresConnection
from altmonitor.storage.postgres.database import PostgresDatabase
from altmonitor.storage.postgres.hand_over import taken_over
from altmonitor.storage.postgres.store import PostgresStore
from altmonitor.storage.queue import Waiting

log = logging.getLogger(__name__)

COUNT_EVERY_S = 2.0
NEVER_LEFT_LOCKED = {"idle_in_transaction_session_timeout": "2500"}
"""Milliseconds: a feed whose network ends in the middle of a transaction would else keep the lease locked for hours."""
LEASE_HELD = "SELECT 1 FROM leases WHERE name = $1 AND token = $2 FOR SHARE"
_COUNT = (
    "SELECT count(*), min(queued_ms), (SELECT count(*) FROM deliveries WHERE state = 'failed') "
    "FROM deliveries WHERE state = 'queued'"
)


class FencedDatabase(PostgresDatabase):
    """Every transaction is carried out under the lease of its feed, or not at all.

    fence: token of the lease; None: another feed leads. The row of the lease is locked until the commit, so that nobody
    takes it over between the look and the write.
    """

    def __init__(
        self,
        address: DatabaseAddress,
        *,
        fence: Callable[[], int | None],
        connect: type[PostgresConnection] = PostgresConnection,
    ) -> None:
        super().__init__(address, writes=NEVER_LEFT_LOCKED, connect=connect)
        self._fence = fence

    async def _apply(self, db: asyncpg.Connection[Any], ops: Sequence[Op]) -> set[int]:
        token = self._fence()
        if token is None or await db.fetchval(LEASE_HELD, LEADER, token) is None:
            raise StorageError("another feed leads: nothing is written here")
        return await super()._apply(db, ops)


class FeedStore(PostgresStore):
    """on_committed is called as by every store; what waits is another process's to send."""

    def __init__(
        self,
        address: DatabaseAddress,
        *,
        cluster: str,
        clock: Clock,
        options: StoreOptions,
        fence: Callable[[], int | None],
        database: FencedDatabase | None = None,
    ) -> None:
        database = database or FencedDatabase(address, fence=fence)
        super().__init__(address, cluster=cluster, clock=clock, options=options, database=database)
        self._counting = PostgresConnection(address, purpose="counts")
        self._status = OutboxStatus()

    async def reload(self) -> None:
        """This feed leads from now on: what the one before it wrote is read. Raises StorageError."""
        await self._load()
        await self._postgres.take_newest_ids()

    def outbox_status(self) -> OutboxStatus:
        """As it was counted last; who sends knows how many were sent."""
        return self._status

    async def taken_over(self, keys: Sequence[str]) -> None:
        """What was handed over is stored with what was put before. Raises StorageError."""
        await self._writer.change(taken_over(keys))

    async def stored_meta(self, keys: Collection[str]) -> Mapping[str, str]:
        """As another feed has written it meanwhile. Raises StorageError."""
        marks = ", ".join("?" * len(keys))
        rows = await self._database.fetch(f"SELECT key, value FROM meta WHERE key IN ({marks})", tuple(keys))  # noqa: S608
        return {row[0]: row[1] for row in rows}

    async def run(self) -> None:
        """Until cancelled: counts what waits."""
        try:
            while True:
                try:
                    queued, oldest_ms, failed = (await self._counting.fetch(_COUNT))[0]
                except StorageError as problem:
                    log.debug("what waits cannot be counted: %s", problem)
                else:
                    now_ms = self._clock.now_ms()
                    age_s = None if oldest_ms is None else max(0, now_ms - oldest_ms) / 1000
                    self._status = OutboxStatus(queued=queued, oldest_age_s=age_s, failed=failed)
                await self._clock.sleep(COUNT_EVERY_S)
        finally:
            await asyncio.shield(self._counting.close())

    async def _load(self) -> None:
        self._meta.update(await restored.meta(self._database))
        self._waiting = Waiting(restored.moved_to(self._meta, at) for at in self.destinations)

    def _offer(self, put: Put) -> None:
        self._options.on_committed(put.alert)
