"""A SQLite file of a program that may be running, looked at from another: without a lock and without a write."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from altmonitor.core.causes import CauseCode
from altmonitor.core.clock import Clock, timeouts
from altmonitor.core.errors import StorageError
from altmonitor.storage.database import READ_TIMEOUT_S, connect
from altmonitor.storage.migrations import cause_code
from altmonitor.storage.rows import Fetch, Row


@asynccontextmanager
async def read_only(
    path: Path, *, clock: Clock, if_not_opened: str = "", if_not_read: str = ""
) -> AsyncIterator[Fetch]:
    """Opened so because a second writer could damage it. if_not_opened, if_not_read: what helps then, for the error.

    Raises StorageError.
    """
    try:
        db = await connect(f"file:{quote(os.path.abspath(path))}?mode=ro", uri=True)  # noqa: ASYNC240 — asks no disk
    except sqlite3.Error as problem:
        raise StorageError(_line(f"{path} cannot be opened ({problem})", if_not_opened)) from problem

    async def fetch(sql: str, values: Sequence[Any]) -> list[Row]:
        try:
            async with clock.timeout(timeouts(clock, READ_TIMEOUT_S)):
                return [tuple(row) for row in await db.execute_fetchall(sql, values)]
        except TimeoutError as problem:
            await db.interrupt()
            text = f"{path} did not answer within {READ_TIMEOUT_S:.0f} s"
            raise StorageError(text, code=CauseCode.DISK_SILENT) from problem
        except sqlite3.Error as problem:
            text = _line(f"{path} cannot be read ({problem})", if_not_read)
            raise StorageError(text, code=cause_code(problem)) from problem

    try:
        yield fetch
    finally:
        await db.close()


def _line(what: str, way_out: str) -> str:
    return f"{what}: {way_out}" if way_out else what
