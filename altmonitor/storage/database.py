"""The one connection to the database file.

aiosqlite runs it in a thread of its own. `close` ends that thread; it is also marked as a daemon, so that a program
that crashes without reaching `close` is not kept alive by it.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import count
from pathlib import Path
from threading import Thread
from typing import Any

import aiosqlite

from altmonitor.core.causes import CauseCode
from altmonitor.core.clock import Clock, timeouts
from altmonitor.core.errors import StorageError
from altmonitor.storage.alert_database import (
    INSERT_ALERT,
    INSERT_DELIVERY,
    AlertDatabase,
    DatabaseWrite,
    Op,
    Put,
    delivery_rows,
)
from altmonitor.storage.migrations import cause_code
from altmonitor.storage.rows import Row, alert_row

BUSY_TIMEOUT_MS = 1000
"""Short: while the thread waits for another program's lock, nothing else can be read either."""
READ_TIMEOUT_S = 3.0
CLOSE_TIMEOUT_S = 1.5


class Database(AlertDatabase):
    """A file. `transaction` also raises sqlite3.Error as it comes; the writer decides what it means."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._clock = clock
        self._connection: aiosqlite.Connection | None = None
        self._change_ids: Iterator[int] = count(1)
        self._turn = asyncio.Lock()  # a reader between BEGIN and COMMIT would see what is not committed

    async def open(self) -> None:
        self._connection = await connect(str(self._path))
        for pragma in (
            "journal_mode = WAL",
            "synchronous = FULL",  # an alert that is sent must still be known after a power cut
            f"busy_timeout = {BUSY_TIMEOUT_MS}",
            "foreign_keys = ON",
        ):
            await self._open_connection.execute_fetchall(f"PRAGMA {pragma}")
        self.alert_ids = count(await self._first_free("alerts"))
        self._change_ids = count(await self._first_free("changes"))

    def __str__(self) -> str:
        return str(self._path)

    async def next_change_id(self) -> int:
        return next(self._change_ids)

    async def close(self) -> None:
        """Bounded: a disk that does not answer must not keep the program from ending."""
        connection, self._connection = self._connection, None
        if connection is None:
            return
        with suppress(TimeoutError, sqlite3.Error):
            async with self._clock.timeout(CLOSE_TIMEOUT_S):
                await connection.execute_fetchall("PRAGMA optimize")
                await connection.execute_fetchall("PRAGMA wal_checkpoint(TRUNCATE)")
        with suppress(TimeoutError, sqlite3.Error):
            async with self._clock.timeout(CLOSE_TIMEOUT_S):
                await connection.close()

    async def fetch(self, sql: str, values: Sequence[Any] = ()) -> list[Row]:
        """Raises StorageError when there is no answer within `READ_TIMEOUT_S`."""
        try:
            async with self._clock.timeout(timeouts(self._clock, READ_TIMEOUT_S)), self._turn:
                return await self._fetch_in_turn(sql, values)
        except TimeoutError as problem:
            raise StorageError(
                f"{self._path} did not answer within {READ_TIMEOUT_S:.0f} s", code=CauseCode.DISK_SILENT
            ) from problem
        except sqlite3.Error as problem:
            raise StorageError(f"{self._path} cannot be read: {problem}", code=cause_code(problem)) from problem

    async def transaction(self, ops: Sequence[Op]) -> set[int]:
        async with self._turn:
            db = self._open_connection
            await db.execute_fetchall("BEGIN IMMEDIATE")
            try:
                stored = await _apply(db, ops)
                await db.execute_fetchall("COMMIT")
            except BaseException:
                # A failed COMMIT can leave the transaction open or have closed it already.
                with suppress(sqlite3.Error):
                    await db.execute_fetchall("ROLLBACK")
                raise
            return stored

    async def _first_free(self, table: str) -> int:
        """Above every id that was ever given, also to rows deleted since."""
        rows = await self.fetch("SELECT seq FROM sqlite_sequence WHERE name = ?", (table,))
        return int(rows[0][0]) + 1 if rows else 1

    async def _fetch_in_turn(self, sql: str, values: Sequence[Any]) -> list[Row]:
        db = self._open_connection
        try:
            return [tuple(row) for row in await db.execute_fetchall(sql, values)]
        except asyncio.CancelledError:
            # Cancelling the await leaves the query running in the thread, where everyone else would wait for it.
            await db.interrupt()
            raise

    @property
    def _open_connection(self) -> aiosqlite.Connection:
        if self._connection is None:
            raise StorageError(f"{self._path} is closed")
        return self._connection


async def connect(database: str, *, uri: bool = False) -> aiosqlite.Connection:
    connecting = aiosqlite.connect(database, isolation_level=None, uri=uri)
    thread = getattr(connecting, "_thread", None)
    if isinstance(thread, Thread):
        thread.daemon = True
    try:
        return await connecting
    except sqlite3.Error:
        if isinstance(thread, Thread):  # it answers to the loop once more as it ends: that must not be closed before
            await asyncio.to_thread(thread.join, CLOSE_TIMEOUT_S)
        raise


async def _apply(db: aiosqlite.Connection, ops: Iterable[Op]) -> set[int]:
    puts = [op for op in ops if isinstance(op, Put)]
    stored: set[int] = set()
    if puts:
        await db.executemany(INSERT_ALERT, [alert_row(put.alert) for put in puts])
        await db.executemany(INSERT_DELIVERY, [row for put in puts for row in delivery_rows(put)])
        stored = await _stored_ids(db, puts)
    for op in ops:
        if isinstance(op, DatabaseWrite):
            for sql, rows in op.statements:
                await db.executemany(sql, rows)
    return stored


async def _stored_ids(db: aiosqlite.Connection, puts: Sequence[Put]) -> set[int]:
    ids = [put.alert.id for put in puts if put.alert.id is not None]
    found = await db.execute_fetchall("SELECT id FROM alerts WHERE id BETWEEN ? AND ?", (min(ids), max(ids)))
    return {alert_id for (alert_id,) in found}
