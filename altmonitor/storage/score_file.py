"""Where scores lie: in a SQLite file of their own beside DB_FILE, or in PostgreSQL."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from altmonitor.config import Config
from altmonitor.core.clock import Clock, speed_of
from altmonitor.core.errors import NewerSchemaError, StorageError
from altmonitor.core.files import close_database_to_others, make_private
from altmonitor.storage.rows import Row, Statement
from altmonitor.storage.score_store import SCORE_SCHEMA, VERSION, ScoreStore
from altmonitor.storage.sqlite_file import SqliteFile

ANSWER_WITHIN_S: Final = 5.0
"""Of the machine's time: its disk is no faster on a clock that runs fast."""


class ScoreFile:
    """`ScoreEngine` of a SQLite file. It is opened with each call, which costs a few milliseconds: there is nothing to
    be closed, and whoever never asks makes no file."""

    def __init__(self, path: Path, *, clock: Clock) -> None:
        self._path = path
        self._clock = clock
        self._is_ready = False

    async def fetch(self, sql: str, values: Sequence[Any]) -> list[Row]:
        async with self._opened() as file:
            return [*await file.fetch(sql, values)]

    async def write(self, *statements: Statement) -> None:
        if any(rows for _, rows in statements):
            async with self._opened() as file:
                await file.write(*statements)

    async def close(self) -> None:
        """Nothing is open."""

    @asynccontextmanager
    async def _opened(self) -> AsyncIterator[SqliteFile]:
        file = SqliteFile(self._path, name="scores")
        try:
            async with self._clock.timeout(ANSWER_WITHIN_S * speed_of(self._clock)):
                await self._prepare()
                await file.open()
                yield file
        except TimeoutError as problem:
            raise StorageError(f"{self._path} did not answer within {ANSWER_WITHIN_S:.0f} s") from problem
        except (sqlite3.Error, OSError) as problem:
            raise StorageError(f"{self._path}: {problem}") from problem
        finally:
            await file.close(is_last=False)

    async def _prepare(self) -> None:
        """With the first call, and when the file was removed."""
        is_there = await asyncio.to_thread(self._path.exists)
        if self._is_ready and is_there:
            return
        if not is_there:
            await asyncio.to_thread(make_private, self._path)
        file = SqliteFile(self._path, name="scores")
        try:
            await file.open()
            version = (await file.fetch("PRAGMA user_version", ()))[0][0]
            if version > VERSION:
                raise NewerSchemaError(f"{self._path} was written by a newer altmonitor (version {version})")
        finally:
            await file.close(is_last=False)
        try:
            await file.open(script=f"{SCORE_SCHEMA}PRAGMA user_version = {VERSION};")
        finally:
            await file.close(is_last=False)
        await asyncio.to_thread(close_database_to_others, self._path)
        self._is_ready = True


def scores_path(db_file: Path) -> Path:
    return db_file.with_name("scores.db")


def scores_in(path: Path, *, clock: Clock) -> ScoreStore:
    return ScoreStore(ScoreFile(path, clock=clock))


def score_store(config: Config, *, clock: Clock, fence: Callable[[], int | None] | None = None) -> ScoreStore:
    """fence: of one of several feeds, the token of the lease it may write under. `close` is needed with it."""
    if config.database_url:
        from altmonitor.storage.postgres.scores import PostgresScores

        return ScoreStore(PostgresScores(config.database_url, fence=fence))
    return scores_in(scores_path(config.db_file), clock=clock)
