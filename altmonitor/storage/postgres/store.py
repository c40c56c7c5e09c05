"""The store over PostgreSQL, for one process or for several that share the work."""

from __future__ import annotations

from altmonitor.core.clock import Clock
from altmonitor.storage.database_store import DatabaseStore, StoreOptions
from altmonitor.storage.postgres import schema
from altmonitor.storage.postgres.connection import DatabaseAddress
from altmonitor.storage.postgres.database import PostgresDatabase


class PostgresStore(DatabaseStore):
    """cluster: which installation this process belongs to, see `schema.prepare`."""

    def __init__(
        self,
        address: DatabaseAddress,
        *,
        cluster: str,
        clock: Clock,
        options: StoreOptions,
        database: PostgresDatabase | None = None,
    ) -> None:
        self._postgres = database or PostgresDatabase(address)
        super().__init__(self._postgres, clock=clock, options=options)
        self._cluster = cluster

    async def _prepare(self) -> None:
        await schema.prepare(self._postgres.writing, cluster=self._cluster)

    async def _replace_damaged(self) -> None:
        raise NotImplementedError  # a server says so only by refusing, which the writer waits out
