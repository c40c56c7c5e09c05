"""The one connection to the database file.

aiosqlite runs it in a thread of its own. `close` ends that thread; it is also marked as a daemon, so that a program
that crashes without reaching `close` is not kept alive by it.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Thread
from typing import Any

import aiosqlite

from altmonitor.core.alert import Alert
from altmonitor.core.clock import Clock
from altmonitor.core.errors import StorageError
from altmonitor.core.types import Destination
from altmonitor.interfaces.delivery import Queued
from altmonitor.storage.rows import ALERT_COLUMNS, ALERT_FIELDS, Row, alert_of, alert_row, destination_of, topic_column

BUSY_TIMEOUT_MS = 1000
"""Short: while the thread waits for another program's lock, nothing else can be read either."""
READ_TIMEOUT_S = 3.0
CLOSE_TIMEOUT_S = 1.5

_INSERT_ALERT = (
    f"INSERT INTO alerts ({', '.join(ALERT_FIELDS)}) VALUES ({', '.join('?' * len(ALERT_FIELDS))}) "  # noqa: S608
    "ON CONFLICT (key) DO NOTHING"
)
# Only where the alert itself is in the table under this id: a key that was there before gets no second delivery. A
# commit whose answer got lost may be repeated.
_INSERT_DELIVERY = (
    "INSERT INTO deliveries (alert_id, chat_id, topic_id, queued_ms) SELECT ?, ?, ?, ? "
    "WHERE EXISTS (SELECT 1 FROM alerts WHERE id = ?) ON CONFLICT DO NOTHING"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Put:
    """A new alert, with its id, and the chats that shall be told."""

    alert: Alert
    destinations: tuple[Destination, ...]
    queued_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseWrite:
    """Statements with their rows (executemany each). done: resolved once they are committed."""

    statements: tuple[tuple[str, Sequence[Row]], ...]
    done: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


Op = Put | DatabaseWrite


class Database:
    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._clock = clock
        self._connection: aiosqlite.Connection | None = None
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
            async with self._clock.timeout(READ_TIMEOUT_S), self._turn:
                return await self._fetch_in_turn(sql, values)
        except TimeoutError as problem:
            raise StorageError(f"{self._path} did not answer within {READ_TIMEOUT_S:.0f} s") from problem
        except sqlite3.Error as problem:
            raise StorageError(f"{self._path} cannot be read: {problem}") from problem

    async def transaction(self, ops: Sequence[Op]) -> set[int]:
        """All of them or none. Returns the ids of those puts that are in the table now.

        Raises:
            sqlite3.Error, ValueError, OverflowError: as they come; the writer decides what they mean.
        """
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
        await db.executemany(_INSERT_ALERT, [alert_row(put.alert) for put in puts])
        await db.executemany(_INSERT_DELIVERY, [row for put in puts for row in _delivery_rows(put)])
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


def _delivery_rows(put: Put) -> Iterable[Row]:
    for destination in put.destinations:
        yield (put.alert.id, destination.chat_id, topic_column(destination), put.queued_ms, put.alert.id)


# ---
# What a start reads back from the file.


_MOVED = "moved:"


def moved_key(old: Destination) -> str:
    return f"{_MOVED}{old}"


def moved_to(meta: Mapping[str, str], destination: Destination) -> Destination:
    """The chat under the id it has now; all its topics moved with it, also where only one of them is remembered."""
    now = meta.get(moved_key(Destination(chat_id=destination.chat_id))) or meta.get(moved_key(destination))
    return destination if now is None else replace(destination, chat_id=Destination.parse(now).chat_id)


async def meta(database: Database) -> dict[str, str]:
    rows = await database.fetch("SELECT key, value FROM meta")
    return {row[0]: row[1] for row in rows}


async def next_alert_id(database: Database) -> int:
    """Above every id that was ever given, also to rows deleted since."""
    rows = await database.fetch("SELECT seq FROM sqlite_sequence WHERE name = 'alerts'")
    return int(rows[0][0]) + 1 if rows else 1


async def queued(database: Database, destinations: Collection[Destination]) -> list[Queued]:
    """Oldest → newest. Rows of other chats stay in the file and are offered again when those are configured again."""
    rows = await database.fetch(
        f"SELECT {ALERT_COLUMNS}, chat_id, topic_id, attempts, queued_ms, uncertain "  # noqa: S608
        "FROM deliveries JOIN alerts ON alerts.id = alert_id WHERE state = 'queued' ORDER BY alert_id"
    )
    found = []
    for row in rows:
        chat_id, topic, attempts, queued_ms, uncertain = row[-5:]
        found.append(
            Queued(
                alert=alert_of(row),
                destination=destination_of(chat_id, topic),
                attempts=attempts,
                queued_ms=queued_ms,
                maybe_repeated=bool(uncertain),
            )
        )
    return [row for row in found if row.destination in destinations]
