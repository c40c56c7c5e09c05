"""Looking at the stored alerts from another process, without a lock and without a write."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiosqlite

from altmonitor.errors import StorageError
from altmonitor.storage.queries import AlertReader

BUSY_TIMEOUT_S = 5.0


@asynccontextmanager
async def alert_reader(path: Path) -> AsyncIterator[AlertReader]:
    """Raises StorageError with one clear line when there is no database, or it cannot be read."""
    if not path.exists():
        raise StorageError(f"{path} does not exist: nothing was stored yet, or DB_FILE points elsewhere")
    try:
        connection = await aiosqlite.connect(f"file:{quote(str(path))}?mode=ro", uri=True, timeout=BUSY_TIMEOUT_S)
    except sqlite3.Error as problem:
        raise StorageError(f"{path} cannot be read: {problem}") from problem

    async def fetch(sql: str, values: Sequence[Any] = ()) -> list[Any]:
        try:
            return list(await connection.execute_fetchall(sql, values))
        except sqlite3.Error as problem:
            raise StorageError(f"{path} cannot be read: {problem}") from problem

    try:
        yield AlertReader(fetch)
    finally:
        await connection.close()
