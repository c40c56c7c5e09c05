"""What SQLite and state.json hold → an empty PostgreSQL database, verified row by row.

Until the last transaction the database is marked as half done, and no monitor starts on it. A run that was killed is
taken up again where it ended; the files are only read.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import asyncpg

from altmonitor.core.errors import DatabaseRefused, StorageError
from altmonitor.settings.state import State
from altmonitor.storage import migrations
from altmonitor.storage.postgres import schema
from altmonitor.storage.postgres.connection import PostgresConnection, numbered
from altmonitor.storage.postgres.database import BLOCK
from altmonitor.storage.rows import Row
from altmonitor.storage.score_file import scores_path
from altmonitor.storage.score_store import VERSION as SCORES_VERSION
from altmonitor.storage.state_format import encode
from altmonitor.storage.writer import FileLock

ROWS_AT_ONCE = 2_000
NUMBERED_SCORES = frozenset({"signals", "receivers"})
"""Tables of scores whose rows are numbered there; numbers go on behind those that were given."""
MIGRATED_SCORES = "migrated"
"""Beside the scores this says that those of the file were copied with everything else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CopiedTable:
    """name: as it stands there; tables of scores with their schema. checksum: sha256 over every value of every row, the
    same on both sides."""

    name: str
    rows: int
    checksum: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _SourceTable:
    """file: where it lies now. schema: where it shall lie; None: the usual one."""

    file: sqlite3.Connection
    name: str
    columns: tuple[str, ...]
    key: tuple[str, ...]
    schema: str | None = None

    @property
    def place(self) -> str:
        """In PostgreSQL."""
        return self.name if self.schema is None else f'"{self.schema}".{self.name}'

    def page(self, after: Row | None, *, name: str) -> tuple[str, list[Any]]:
        """The rows behind that key, in its order: a statement for either side, and its values."""
        key = ", ".join(self.key)
        where = "" if after is None else f"WHERE ({key}) > ({', '.join('?' * len(self.key))}) "
        return (
            f"SELECT {', '.join(self.columns)} FROM {name} {where}ORDER BY {key} LIMIT {ROWS_AT_ONCE}",  # noqa: S608
            list(after or ()),
        )

    def key_of(self, row: Row) -> Row:
        return tuple(row[self.columns.index(name)] for name in self.key)


class SqliteCopy:
    """on_progress: rows copied and verified so far, and how many there are to do."""

    def __init__(
        self,
        path: Path,
        state: State,
        connection: PostgresConnection,
        *,
        cluster: str,
        on_progress: Callable[[int, int], None] = lambda done, total: None,
    ) -> None:
        self._path = path
        self._scores = scores_path(path)
        self._state = state
        self._connection = connection
        self._cluster = cluster
        self._on_progress = on_progress
        self._done = self._total = 0

    async def run(self) -> Sequence[CopiedTable]:
        """Raises StorageError with one line; then the database stays marked, and the next run goes on."""
        if not self._path.is_file():
            raise StorageError(f"{self._path} is not there: set DB_FILE to the database that is to be copied")
        lock = FileLock(self._path)
        try:
            with ExitStack() as files:
                source = files.enter_context(closing(self._opened(self._path, version=migrations.latest_version())))
                tables = _tables(source)
                if self._scores.is_file():
                    scores = files.enter_context(closing(self._opened(self._scores, version=SCORES_VERSION)))
                    ((schema_of_scores,),) = await self._connection.fetch("SELECT current_schema() || '_scores'")
                    tables += _tables(scores, schema=schema_of_scores)
                return await self._copied(source, tables)
        except sqlite3.Error as problem:
            raise StorageError(f"{self._path} cannot be read: {problem}") from problem
        except ValueError as problem:
            raise StorageError(f"{self._connection.address} refuses a row of {self._path}: {problem}") from problem
        finally:
            lock.release()

    def _opened(self, path: Path, *, version: int) -> sqlite3.Connection:
        source = sqlite3.connect(f"file:{quote(os.path.abspath(path))}?mode=ro", uri=True)
        found = source.execute("PRAGMA user_version").fetchone()[0]
        if found != version:
            source.close()
            raise StorageError(
                f"{path} has version {found}, this altmonitor copies {version}: start the "
                "monitor once with this version, or install a newer one"
            )
        return source

    async def _copied(self, source: sqlite3.Connection, tables: Sequence[_SourceTable]) -> Sequence[CopiedTable]:
        counts = [_count(table) for table in tables]
        self._total = 3 * sum(counts)
        await schema.begin_migration(self._connection, cluster=self._cluster)
        for is_second in (False, True):
            self._done = 0
            for table in tables:
                await self._copy(table)
            found = [await self._verified(table) for table in tables]
            different = [one.name for one, is_same in found if not is_same]
            if not different:
                await self._finish(source, tables)
                self._on_progress(self._total, self._total)
                return [one for one, _ in found]
            if is_second:
                break
            await self._clear(tables)  # the file has changed since an earlier run began
        raise StorageError(f"{self._connection.address} holds something else than was copied: {', '.join(different)}")

    async def _copy(self, table: _SourceTable) -> None:
        key = ", ".join(f"{name} DESC" for name in table.key)
        last = await self._connection.fetch(
            f"SELECT {', '.join(table.key)} FROM {table.place} ORDER BY {key} LIMIT 1"  # noqa: S608
        )
        after: Row | None = last[0] if last else None
        while rows := [storable(row) for row in table.file.execute(*table.page(after, name=table.name))]:

            async def put(db: asyncpg.Connection[Any], rows: Sequence[Row] = rows) -> None:
                await db.copy_records_to_table(
                    table.name, schema_name=table.schema, records=rows, columns=table.columns
                )

            await self._connection.transaction(put)
            after = table.key_of(rows[-1])
            self._advance(len(rows))

    async def _verified(self, table: _SourceTable) -> tuple[CopiedTable, bool]:
        async def there() -> AsyncIterator[list[Row]]:
            after: Row | None = None
            while rows := await self._connection.fetch(*table.page(after, name=table.place)):
                yield rows
                after = table.key_of(rows[-1])

        async def here() -> AsyncIterator[list[Row]]:
            after: Row | None = None
            while rows := [storable(row) for row in table.file.execute(*table.page(after, name=table.name))]:
                yield rows
                after = table.key_of(rows[-1])

        ours, theirs = await self._sum(here()), await self._sum(there())
        return CopiedTable(name=table.place.replace('"', ""), rows=ours[0], checksum=ours[1]), ours == theirs

    async def _sum(self, pages: AsyncIterator[list[Row]]) -> tuple[int, str]:
        digest, count = hashlib.sha256(), 0
        async for rows in pages:
            for row in rows:
                digest.update(repr(tuple(row)).encode())
            count += len(rows)
            self._advance(len(rows))
        return count, digest.hexdigest()

    async def _clear(self, tables: Iterable[_SourceTable]) -> None:
        async def truncate(db: asyncpg.Connection[Any]) -> None:
            await db.execute(f"TRUNCATE {', '.join(table.place for table in tables)}")

        await self._connection.transaction(truncate)

    async def _finish(self, source: sqlite3.Connection, tables: Sequence[_SourceTable]) -> None:
        """Numbers go on behind those that were ever given; from here on a monitor may start."""
        used = dict(source.execute("SELECT name, seq FROM sqlite_sequence"))

        async def finish(db: asyncpg.Connection[Any]) -> None:
            first = (used.get("alerts", 0) // BLOCK + 1) * BLOCK + 1 if used.get("alerts") else 1
            await db.execute("SELECT setval('alert_id_blocks', $1, false)", first)
            await db.execute("SELECT setval('change_ids', $1, false)", used.get("changes", 0) + 1)
            for table in tables:
                if table.schema is not None and table.name in NUMBERED_SCORES:
                    last = await db.fetchval(f"SELECT coalesce(max(id), 0) FROM {table.place}")  # noqa: S608
                    sql = "SELECT setval(pg_get_serial_sequence(?, 'id'), ?, false)"
                    await db.execute(numbered(sql), table.place, last + 1)
                if table.schema is not None and table.name == "meta":
                    sql = f"INSERT INTO {table.place} (key, value) VALUES (?, '1') ON CONFLICT DO NOTHING"  # noqa: S608
                    await db.execute(numbered(sql), MIGRATED_SCORES)
            if self._state != State():
                sql = "INSERT INTO state (content, version, who, saved) VALUES (?, 1, 'migrate', clock_timestamp())"
                await db.execute(numbered(sql), encode(self._state).decode())
            await schema.end_migration(db)

        await self._connection.transaction(finish)

    def _advance(self, rows: int) -> None:
        self._done += rows
        self._on_progress(min(self._done, self._total - 1), self._total)


def _count(table: _SourceTable) -> int:
    return int(table.file.execute(f"SELECT count(*) FROM {table.name}").fetchone()[0])  # noqa: S608


def _tables(source: sqlite3.Connection, *, schema: str | None = None) -> list[_SourceTable]:
    """Those that others refer to before those that do. schema: as in `_SourceTable`."""
    names = [
        row[0]
        for row in source.execute(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name"
        )
    ]
    needs = {name: {row[2] for row in source.execute(f"PRAGMA foreign_key_list({name})")} for name in names}
    ordered: list[_SourceTable] = []
    while names:
        name = next(one for one in names if not needs[one] & (set(names) - {one}))
        names.remove(name)
        info = source.execute(f"PRAGMA table_info({name})").fetchall()
        key = sorted((row[5], row[1]) for row in info if row[5])
        if not key and schema is not None and name == "deliveries":
            continue  # signals have none; the table is there for statements that ask for it
        if not key:
            raise DatabaseRefused(f"the table {name} has no primary key and cannot be copied")
        ordered.append(
            _SourceTable(
                file=source,
                name=name,
                columns=tuple(row[1] for row in info),
                key=tuple(part for _, part in key),
                schema=schema,
            )
        )
    return ordered


def storable(row: Row) -> Row:
    """PostgreSQL's texts hold no zero byte."""
    return tuple(value.replace("\x00", "") if isinstance(value, str) else value for value in row)
