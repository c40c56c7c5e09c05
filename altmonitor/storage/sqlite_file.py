"""One connection to a SQLite file: a statement at a time, and each writing a transaction of its own."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import aiosqlite

from altmonitor.core.errors import StorageError
from altmonitor.storage.database import connect
from altmonitor.storage.migrations import cause_code
from altmonitor.storage.rows import Row, Statement

BUSY_TIMEOUT_MS: Final = 5_000
CLOSE_TIMEOUT_S: Final = 1.5


class SqliteFile:
    """`open` before the first call, `close` after the last. name: of its tasks.

    Commits are not synced one by one: a killed process loses nothing, a power cut at most the last moments.
    """

    def __init__(self, path: Path, *, name: str) -> None:
        self._path = path
        self._name = name
        self._connection: aiosqlite.Connection | None = None
        self._turn = asyncio.Lock()
        self._writes: set[asyncio.Task[None]] = set()

    async def open(self, *, script: str = "") -> None:
        """script: statements that may be repeated. Raises sqlite3.Error; `close` is needed then, too."""
        self._connection = await connect(str(self._path))
        for pragma in ("journal_mode = WAL", "synchronous = NORMAL", f"busy_timeout = {BUSY_TIMEOUT_MS}"):
            await self._connection.execute_fetchall(f"PRAGMA {pragma}")
        if script:
            await self._connection.executescript(script)

    async def close(self, *, is_last: bool = True) -> None:
        """Leaves one file without a write-ahead log; is_last: False where others have it open. Bounded; may be called
        twice."""
        if self._writes:  # of who was cancelled meanwhile
            await asyncio.wait(self._writes, timeout=CLOSE_TIMEOUT_S)
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(TimeoutError, sqlite3.Error):
                async with asyncio.timeout(CLOSE_TIMEOUT_S):
                    if is_last:
                        await connection.execute_fetchall("PRAGMA wal_checkpoint(TRUNCATE)")
            with suppress(TimeoutError, sqlite3.Error):
                async with asyncio.timeout(CLOSE_TIMEOUT_S):
                    await connection.close()

    async def fetch(self, sql: str, values: Sequence[Any]) -> list[Row]:
        """Raises StorageError."""
        db = self._opened()
        try:
            async with self._turn:
                return [tuple(row) for row in await db.execute_fetchall(sql, values)]
        except sqlite3.Error as problem:
            raise StorageError(f"{self._path} cannot be read: {problem}", code=cause_code(problem)) from problem

    async def write(self, *statements: Statement) -> None:
        """All of them or none. Shielded: who is cancelled leaves no transaction open. Raises StorageError."""
        writing = asyncio.create_task(self._transaction(statements), name=f"{self._name}-write")
        self._writes.add(writing)
        writing.add_done_callback(self._written)
        await asyncio.shield(writing)

    def _written(self, writing: asyncio.Task[None]) -> None:
        self._writes.discard(writing)
        if not writing.cancelled():
            writing.exception()  # looked at here too: nobody waits any more for who was cancelled

    async def _transaction(self, statements: Sequence[Statement]) -> None:
        db = self._opened()
        async with self._turn:
            try:
                await db.execute_fetchall("BEGIN IMMEDIATE")
                for sql, rows in statements:
                    if rows:
                        await db.executemany(sql, rows)
                await db.execute_fetchall("COMMIT")
            except (sqlite3.Error, OverflowError) as problem:
                with suppress(sqlite3.Error):
                    await db.execute_fetchall("ROLLBACK")
                raise StorageError(f"{self._path} cannot be written: {problem}", code=cause_code(problem)) from problem

    def _opened(self) -> aiosqlite.Connection:
        if self._connection is None:
            raise StorageError(f"{self._path} is closed")
        return self._connection
