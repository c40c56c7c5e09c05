"""Reading stored snapshots: the queries, and the file opened read-only beside whoever writes it."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from altmonitor.core.clock import Clock, SystemClock
from altmonitor.core.errors import NoSnapshotsYet, StorageError
from altmonitor.positioning.history import Snapshot
from altmonitor.positioning.open_interest import OiVelocity
from altmonitor.positioning.ratios import TopTraders
from altmonitor.storage.database import READ_TIMEOUT_S, connect
from altmonitor.storage.snapshot_rows import (
    OI_COLUMNS,
    OI_TABLE,
    SMART_MONEY_COLUMNS,
    SMART_MONEY_TABLE,
    TOP_TRADER_COLUMNS,
    TOP_TRADER_TABLE,
    Row,
    snapshot_of,
    top_traders_of,
    velocity_of,
)

Fetch = Callable[[str, Sequence[Any]], Awaitable[list[Row]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredCount:
    """rows, symbols and the newest moment (unix ms, None without rows) of one table."""

    table: str
    rows: int
    symbols: int
    newest_ms: int | None


class SnapshotQueries:
    """fetch: runs one SELECT. columns: of the file's smart-money table; `price` may be missing, or the whole table."""

    def __init__(self, fetch: Fetch, *, columns: frozenset[str], tables: frozenset[str]) -> None:
        self._fetch = fetch
        self._tables = tables
        shown = (name if name in columns else f"NULL AS {name}" for name in SMART_MONEY_COLUMNS)
        self._select = f"SELECT {', '.join(shown)} FROM {SMART_MONEY_TABLE}"  # noqa: S608

    async def snapshots(self, symbol: str, *, since_ms: int) -> Sequence[Snapshot]:
        """Oldest → newest."""
        if SMART_MONEY_TABLE not in self._tables:
            return []
        rows = await self._fetch(f"{self._select} WHERE symbol = ? AND ts >= ? ORDER BY ts", (symbol, since_ms))
        return [snapshot_of(row) for row in rows]

    async def newest_snapshots(self, *, since_ms: int) -> Sequence[Snapshot]:
        """The newest of each symbol that has one since then."""
        if SMART_MONEY_TABLE not in self._tables:
            return []
        newest = f"SELECT symbol, MAX(ts) FROM {SMART_MONEY_TABLE} WHERE ts >= ? GROUP BY symbol"  # noqa: S608
        rows = await self._fetch(f"{self._select} WHERE (symbol, ts) IN ({newest}) ORDER BY symbol", (since_ms,))
        return [snapshot_of(row) for row in rows]

    async def open_interest(self, symbol: str, *, since_ms: int) -> Sequence[OiVelocity]:
        """Oldest → newest."""
        if OI_TABLE not in self._tables:
            return []
        sql = f"SELECT {', '.join(OI_COLUMNS)} FROM {OI_TABLE} WHERE symbol = ? AND ts >= ? ORDER BY ts"  # noqa: S608
        found = [velocity_of(row) for row in await self._fetch(sql, (symbol, since_ms))]
        return [velocity for velocity in found if velocity is not None]

    async def newest_top_traders(self, symbol: str, *, period: str, since_ms: int) -> TopTraders | None:
        if TOP_TRADER_TABLE not in self._tables:
            return None
        sql = (
            f"SELECT {', '.join(TOP_TRADER_COLUMNS)} FROM {TOP_TRADER_TABLE} "  # noqa: S608
            "WHERE symbol = ? AND period = ? AND ts >= ? ORDER BY ts DESC LIMIT 1"
        )
        rows = await self._fetch(sql, (symbol, period, since_ms))
        return top_traders_of(rows[0]) if rows else None

    async def was_told(self, symbol: str, fingerprint: str, *, since_ms: int) -> bool:
        """By the tracker itself, in a chat of its own."""
        if "tracker_told" not in self._tables:
            return False
        sql = "SELECT 1 FROM tracker_told WHERE symbol = ? AND fingerprint = ? AND told_ms >= ?"
        return bool(await self._fetch(sql, (symbol, fingerprint, since_ms)))

    async def counts(self) -> Sequence[StoredCount]:
        """One per table that exists."""
        found = []
        for table in (SMART_MONEY_TABLE, TOP_TRADER_TABLE, OI_TABLE):
            if table in self._tables:
                sql = f"SELECT COUNT(*), COUNT(DISTINCT symbol), MAX(ts) FROM {table}"  # noqa: S608
                ((rows, symbols, newest_ms),) = await self._fetch(sql, ())
                found.append(StoredCount(table=table, rows=rows, symbols=symbols, newest_ms=newest_ms))
        return found


async def queries_over(fetch: Fetch) -> SnapshotQueries:
    tables = frozenset(name for (name,) in await fetch("SELECT name FROM sqlite_schema WHERE type = 'table'", ()))
    columns = frozenset(row[1] for row in await fetch(f"PRAGMA table_info({SMART_MONEY_TABLE})", ()))
    return SnapshotQueries(fetch, columns=columns, tables=tables)


@asynccontextmanager
async def snapshot_reader(path: Path, *, clock: Clock | None = None) -> AsyncIterator[SnapshotQueries]:
    """The file of a tracker that may be running, or of the older tool, opened read-only.

    Raises:
        NoSnapshotsYet: there is no such file, or no snapshot table in it.
        StorageError: it cannot be read.
    """
    ticking = clock or SystemClock()
    if not path.exists():  # noqa: ASYNC240 — asked once
        raise NoSnapshotsYet(f"{path} does not exist yet: run `altmonitor track`, or set SMART_MONEY_DB_PATH")
    try:
        db = await connect(f"file:{quote(os.path.abspath(path))}?mode=ro", uri=True)  # noqa: ASYNC240 — asks no disk
    except sqlite3.OperationalError as problem:
        raise StorageError(
            f"{path} cannot be opened ({problem}): make it readable, or set SMART_MONEY_DB_PATH elsewhere"
        ) from problem

    async def fetch(sql: str, values: Sequence[Any]) -> list[Row]:
        try:
            async with ticking.timeout(READ_TIMEOUT_S):
                return [tuple(row) for row in await db.execute_fetchall(sql, values)]
        except TimeoutError as problem:
            await db.interrupt()
            raise StorageError(f"{path} did not answer within {READ_TIMEOUT_S:.0f} s") from problem
        except sqlite3.Error as problem:
            raise StorageError(
                f"{path} cannot be read ({problem}): name another file in SMART_MONEY_DB_PATH"
            ) from problem

    try:
        queries = await queries_over(fetch)
        if not await queries.counts():
            raise NoSnapshotsYet(f"{path} holds no snapshots: run `altmonitor track`, or set SMART_MONEY_DB_PATH")
        yield queries
    finally:
        await db.close()
