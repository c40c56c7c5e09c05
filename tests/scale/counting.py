"""A connection that counts what it asks of the server, for tests and `make bench-scale`."""

from __future__ import annotations

from typing import Any

import asyncpg
from asyncpg.connection import LoggedQuery

from altmonitor.storage.postgres.connection import PostgresConnection


class CountingConnection(PostgresConnection):
    """round_trips: statements, BEGIN and COMMIT among them; many rows of one statement are one."""

    round_trips = 0
    _counted: asyncpg.Connection[Any] | None = None

    async def _connected(self) -> asyncpg.Connection[Any]:
        connection = await super()._connected()
        if connection is not self._counted:
            connection.add_query_logger(self._count)
            self._counted = connection
        return connection

    def _count(self, query: LoggedQuery) -> None:
        self.round_trips += 1
