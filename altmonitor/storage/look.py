"""Looking at the stored alerts from another process, without a lock and without a write."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from altmonitor.core.clock import Clock, SystemClock
from altmonitor.core.errors import StorageError
from altmonitor.storage import migrations as migrate
from altmonitor.storage.database import READ_TIMEOUT_S, connect
from altmonitor.storage.queries import AlertReader
from altmonitor.storage.rows import Row


@asynccontextmanager
async def alert_reader(path: Path, *, clock: Clock | None = None) -> AsyncIterator[AlertReader]:
    """The database of a monitor that may be running: opened read-only, because a second writer could damage it.

    Raises:
        StorageError: there is no such file, it cannot be read, or it is not (yet) of this version.
    """
    ticking = clock or SystemClock()
    try:
        db = await connect(f"file:{quote(os.path.abspath(path))}?mode=ro", uri=True)  # noqa: ASYNC240 — asks no disk
    except sqlite3.OperationalError as problem:
        raise StorageError(
            f"{path} cannot be opened ({problem}): no alert was stored yet, or DB_FILE names another file"
        ) from problem

    async def fetch(sql: str, values: Sequence[Any] = ()) -> list[Row]:
        try:
            async with ticking.timeout(READ_TIMEOUT_S):
                return [tuple(row) for row in await db.execute_fetchall(sql, values)]
        except TimeoutError as problem:
            await db.interrupt()
            raise StorageError(f"{path} did not answer within {READ_TIMEOUT_S:.0f} s") from problem
        except sqlite3.Error as problem:
            raise StorageError(f"{path} cannot be read: {problem}") from problem

    try:
        version = (await fetch("PRAGMA user_version"))[0][0]
        if version != migrate.latest_version():
            raise StorageError(
                f"{path} has version {version}, this altmonitor reads {migrate.latest_version()}: "
                "start the monitor once with this version, or install a newer one"
            )
        yield AlertReader(fetch)
    finally:
        await db.close()
