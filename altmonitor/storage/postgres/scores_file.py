"""The scores of an installation that came to PostgreSQL before scores did: its scores.db is taken along, once."""

from __future__ import annotations

import asyncio
import logging
import secrets
import sqlite3
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any, Final

import asyncpg

from altmonitor.storage.postgres.connection import numbered
from altmonitor.storage.postgres.scores import PostgresScores
from altmonitor.storage.postgres.sqlite_copy import MIGRATED_SCORES, ROWS_AT_ONCE, storable
from altmonitor.storage.rows import Row
from altmonitor.storage.score_store import VERSION, ScoreSignal

log = logging.getLogger(__name__)

IDENTITY: Final = "identity"
"""Under this the file itself says which one it is: it may be copied, and two machines may each have one."""
_DONE: Final = "done"
_SIGNALS_AT_ONCE: Final = 200
"""Each is a round trip under the lease of the feed, which is not renewed meanwhile."""
_ADDED = ("looks", "preferences", "liquidations", "liquidations_heard", "fundings", "meta")
"""Tables of which a row that PostgreSQL has already is the newer one."""
_FOLLOWING = ("outcomes", "outcome_returns")
"""What became of signals; the first column is the number of the signal."""
_SIGNAL_COLUMNS = ScoreSignal.__slots__[:-1]


class ScoresFile:
    """fence: of one of several feeds, the token of the lease it may write under.

    Signals get numbers behind those that are there, and what became of them follows. Killed, it goes on where it was:
    what may not be done twice is written together with how far it has come.
    """

    def __init__(self, path: Path, url: str, *, fence: Callable[[], int | None] | None = None) -> None:
        self._path = path
        self._url = url
        self._fence = fence
        self._taken: dict[str, int] = {}

    async def run(self) -> None:
        """Returns when nothing is left to take; a file that cannot be read is told in the log and left. Raises
        StorageError where PostgreSQL cannot be written."""
        if not await asyncio.to_thread(self._path.is_file):
            return
        scores = PostgresScores(self._url, fence=self._fence)
        try:
            with closing(await asyncio.to_thread(self._opened)) as file:
                await self._take(file, scores)
        except (sqlite3.Error, OSError) as problem:
            log.warning("%s is not taken along into PostgreSQL: %s", self._path, problem)
        finally:
            await scores.close()

    def _opened(self) -> sqlite3.Connection:
        file = sqlite3.connect(self._path, check_same_thread=False, isolation_level=None)
        try:
            _refuse_other_versions(file)
            file.execute("INSERT OR IGNORE INTO meta (key, value) VALUES (?, ?)", (IDENTITY, secrets.token_hex(16)))
        except BaseException:
            file.close()
            raise
        return file

    async def _take(self, file: sqlite3.Connection, scores: PostgresScores) -> None:
        (identity,) = file.execute("SELECT value FROM meta WHERE key = ?", (IDENTITY,)).fetchone()
        mark = f"taken:{identity}"
        found = await scores.fetch("SELECT key, value FROM meta WHERE key IN (?, ?)", (mark, MIGRATED_SCORES))
        known: dict[str, str] = {row[0]: row[1] for row in found}
        if MIGRATED_SCORES in known or known.get(mark) == _DONE:
            return
        log.info("%s is taken along into PostgreSQL", self._path)
        if mark not in known:
            ((highest,),) = await scores.fetch("SELECT coalesce(max(id), 0) FROM signals", ())
            known[mark] = f"0 {highest}"
        after, highest = map(int, known[mark].split())
        await self._take_signals(file, scores, mark=mark, after=after, highest=highest)
        tables = {name for (name,) in file.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
        for table in _ADDED:
            if table in tables:
                await self._add(file, scores, table)
        await self._finish(file, scores, mark=mark)
        taken = ", ".join(f"{name} {count:,}" for name, count in self._taken.items() if count) or "it was empty"
        log.info("scores of %s are in PostgreSQL now (%s); the file is not needed any more", self._path, taken)

    async def _take_signals(
        self, file: sqlite3.Connection, scores: PostgresScores, *, mark: str, after: int, highest: int
    ) -> None:
        columns = ", ".join(_SIGNAL_COLUMNS)
        query = f"SELECT id, {columns} FROM signals WHERE id > {after} ORDER BY id"  # noqa: S608
        async for rows in _pages(file, query, at_once=_SIGNALS_AT_ONCE):
            between = f"WHERE alert_id BETWEEN {rows[0][0]} AND {rows[-1][0]}"
            followed = {table: file.execute(f"SELECT * FROM {table} {between}").fetchall() for table in _FOLLOWING}  # noqa: S608
            await scores.transaction(partial(self._put_signals, rows, followed, mark=mark, highest=highest))

    async def _put_signals(
        self,
        rows: list[Row],
        followed: Mapping[str, list[Row]],
        db: asyncpg.Connection[Any],
        *,
        mark: str,
        highest: int,
    ) -> None:
        """highest: number of a signal that was there before. What is alike under its own number up to there was copied
        by a `migrate` that left no word of it."""
        columns = ", ".join(_SIGNAL_COLUMNS)
        numbers: dict[int, int] = {}
        for number, *values in rows:
            same = f"SELECT 1 FROM signals WHERE id = ? AND ({columns}) IS NOT DISTINCT FROM ({_marks(values)})"  # noqa: S608
            if number <= highest and await db.fetchval(numbered(same), number, *values):
                continue
            sql = f"INSERT INTO signals ({columns}) VALUES ({_marks(values)}) RETURNING id"  # noqa: S608
            numbers[number] = await db.fetchval(numbered(sql), *values)
        for table, found in followed.items():
            moved = [(numbers[row[0]], *storable(row)[1:]) for row in found if row[0] in numbers]
            if moved:
                sql = f"INSERT INTO {table} VALUES ({_marks(moved[0])}) ON CONFLICT DO NOTHING"  # noqa: S608
                await db.executemany(numbered(sql), moved)
        await _set(db, mark, f"{rows[-1][0]} {highest}")
        self._count("signals", len(numbers))

    async def _add(self, file: sqlite3.Connection, scores: PostgresScores, table: str) -> None:
        async for rows in _pages(file, f"SELECT * FROM {table}"):  # noqa: S608
            names = [info[1] for info in file.execute(f"PRAGMA table_info({table})")]
            kept = [tuple(row) for row in rows if table != "meta" or row[0] != IDENTITY]
            sql = f"INSERT INTO {table} ({', '.join(names)}) VALUES ({_marks(names)}) ON CONFLICT DO NOTHING"  # noqa: S608
            await scores.write((sql, kept))
            if table != "meta":
                self._count(table, len(kept))

    async def _finish(self, file: sqlite3.Connection, scores: PostgresScores, *, mark: str) -> None:
        """What may not be done twice."""
        receivers = file.execute(
            "SELECT url, events, symbols, secret, created_ts FROM receivers ORDER BY id"
        ).fetchall()
        calls = file.execute("SELECT key, day, count FROM calls").fetchall()

        async def put(db: asyncpg.Connection[Any]) -> None:
            await db.executemany(
                "INSERT INTO receivers (url, events, symbols, secret, created_ts) SELECT $1, $2, $3, $4, $5 "
                "WHERE NOT EXISTS (SELECT 1 FROM receivers WHERE url = $1 AND secret = $4 AND created_ts = $5)",
                receivers,
            )
            await db.executemany(
                "INSERT INTO calls (key, day, count) VALUES ($1, $2, $3) "
                "ON CONFLICT (key, day) DO UPDATE SET count = calls.count + excluded.count",
                calls,
            )
            await _set(db, mark, _DONE)

        await scores.transaction(put)
        self._count("receivers", len(receivers))
        self._count("calls", len(calls))

    def _count(self, table: str, rows: int) -> None:
        self._taken[table] = self._taken.get(table, 0) + rows


def _refuse_other_versions(file: sqlite3.Connection) -> None:
    (version,) = file.execute("PRAGMA user_version").fetchone()
    if version != VERSION:
        raise sqlite3.DatabaseError(f"it has version {version}, this altmonitor knows {VERSION}")


async def _pages(file: sqlite3.Connection, query: str, *, at_once: int = ROWS_AT_ONCE) -> AsyncIterator[list[Row]]:
    with closing(file.execute(query)) as cursor:
        while rows := await asyncio.to_thread(cursor.fetchmany, at_once):
            yield [storable(row) for row in rows]


async def _set(db: asyncpg.Connection[Any], key: str, value: str) -> None:
    await db.execute(
        "INSERT INTO meta (key, value) VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        key,
        value,
    )


def _marks(values: Row | list[Any]) -> str:
    return ", ".join("?" * len(values))
