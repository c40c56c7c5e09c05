"""The store over PostgreSQL, for one process or for several that share the work."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from altmonitor.core.clock import Clock
from altmonitor.storage.database_store import DatabaseStore, StoreOptions
from altmonitor.storage.postgres import schema
from altmonitor.storage.postgres.connection import DatabaseAddress
from altmonitor.storage.postgres.database import PostgresDatabase

Step = Callable[[], Awaitable[None]]


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
        self._machine_clock = options.disk_clock or clock
        self._is_prepared = False
        self._first: list[Step] = []
        self._last: list[Step] = []

    def on_open(self, step: Step) -> None:
        """Done when the schema is there and before anything is read; what it raises keeps the store closed."""
        self._first.append(step)

    def on_close(self, step: Step) -> None:
        """Done when everything is written, in this order; also when the store could not be opened."""
        self._last.append(step)

    async def prepare(self) -> None:
        """The schema, once. Raises: DatabaseRefused."""
        if not self._is_prepared:
            await schema.prepare_or_wait(self._postgres.writing, cluster=self._cluster, clock=self._machine_clock)
            self._is_prepared = True

    async def _prepare(self) -> None:
        await self.prepare()
        for step in self._first:
            await step()

    async def _abandon(self) -> None:
        for step in self._last:
            await step()
        await super()._abandon()

    async def _replace_damaged(self) -> None:
        raise NotImplementedError  # a server says so only by refusing, which the writer waits out
