"""Where scores lie in PostgreSQL: in a schema of their own beside the alerts, so that the same statements find them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, TypeVar

import asyncpg

from altmonitor.core.errors import StorageError
from altmonitor.interfaces.cluster import LEADER
from altmonitor.storage.postgres.connection import DatabaseAddress, PostgresConnection, numbered
from altmonitor.storage.postgres.feed_store import LEASE_HELD, NEVER_LEFT_LOCKED
from altmonitor.storage.postgres.schema import INTO_SCORES
from altmonitor.storage.rows import Row, Statement

Found = TypeVar("Found")


class PostgresScores:
    """`ScoreEngine`. fence: of one of several feeds, token of the lease it may write under; it keeps its connection,
    and `close` is needed. None: each call has a connection of its own, which costs some ten milliseconds."""

    def __init__(self, url: str, *, fence: Callable[[], int | None] | None = None) -> None:
        self._address = DatabaseAddress(url)
        self._fence = fence
        self._kept: Final = None if fence is None else self._connection()

    def _connection(self) -> PostgresConnection:
        return PostgresConnection(self._address, purpose="scores", settings=NEVER_LEFT_LOCKED)

    async def fetch(self, sql: str, values: Sequence[Any]) -> list[Row]:
        async def ask(db: asyncpg.Connection[Any]) -> list[Row]:
            return [tuple(row) for row in await db.fetch(numbered(sql), *values)]

        return await self._carried_out(ask, is_writing=not sql.startswith("SELECT"))

    async def write(self, *statements: Statement) -> None:
        async def put(db: asyncpg.Connection[Any]) -> None:
            for sql, rows in statements:
                if rows:
                    await db.executemany(numbered(sql), rows)

        if any(rows for _, rows in statements):
            await self._carried_out(put, is_writing=True)

    async def transaction(self, work: Callable[[asyncpg.Connection[Any]], Awaitable[Found]]) -> Found:
        """All that it writes or none; tables of scores are found by their names. Raises StorageError."""
        return await self._carried_out(work, is_writing=True)

    async def close(self) -> None:
        if self._kept is not None:
            await self._kept.close()

    async def _carried_out(
        self, work: Callable[[asyncpg.Connection[Any]], Awaitable[Found]], *, is_writing: bool
    ) -> Found:
        async def fenced(db: asyncpg.Connection[Any]) -> Found:
            await db.execute(INTO_SCORES)
            if is_writing and self._fence is not None:
                token = self._fence()
                if token is None or await db.fetchval(LEASE_HELD, LEADER, token) is None:
                    raise StorageError("another feed leads: no scores are written here")
            return await work(db)

        connection = self._kept or self._connection()
        try:
            return await connection.transaction(fenced)
        except ValueError as problem:
            raise StorageError(f"{self._address} refuses a score: {problem}") from problem
        finally:
            if connection is not self._kept:
                await connection.close()
