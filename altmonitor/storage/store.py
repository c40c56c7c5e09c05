"""Alerts, their deliveries and a few remembered values in one SQLite file."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from pathlib import Path

from altmonitor.core.clock import Clock
from altmonitor.core.errors import StorageError
from altmonitor.interfaces.delivery import Queued
from altmonitor.storage import migrations as migrate
from altmonitor.storage import rows as statements
from altmonitor.storage.alert_database import Put
from altmonitor.storage.database import Database
from altmonitor.storage.database_store import DatabaseStore, StoreOptions
from altmonitor.storage.writer import FileLock

__all__ = ["SqliteStore", "StoreOptions"]

log = logging.getLogger(__name__)


class SqliteStore(DatabaseStore):
    """Over one file, which no other program writes. One that turns out to be damaged is set aside."""

    def __init__(self, path: Path, *, clock: Clock, options: StoreOptions) -> None:
        super().__init__(Database(path, options.disk_clock or clock), clock=clock, options=options)
        self._path = path
        self._lock: FileLock | None = None

    async def open(self) -> None:
        """Raises StorageError with one clear line; NewerSchemaError leaves the file untouched."""
        self._lock = await asyncio.to_thread(self._locked)
        try:
            await super().open()
        except sqlite3.Error as problem:
            code = migrate.cause_code(problem)
            raise StorageError(f"{self._path} cannot be used as database: {problem}", code=code) from problem

    async def _abandon(self) -> None:
        await super()._abandon()
        lock, self._lock = self._lock, None
        if lock is not None:
            lock.release()

    def _locked(self) -> FileLock:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as problem:
            raise StorageError(
                f"{self._path.parent} cannot be made ({problem.strerror}): make it writable, or set DB_FILE elsewhere"
            ) from problem
        return FileLock(self._path)

    async def _prepare(self) -> None:
        prepared = await asyncio.to_thread(migrate.prepare, self._path, now_s=self._clock.now_ms() // 1000)
        if prepared.copy is not None:
            log.info("the database was migrated; a copy from before is %s", prepared.copy)
        if prepared.set_aside is not None:
            log.error("the database was damaged and is now %s; a fresh one was started", prepared.set_aside)
            self._options.on_set_aside(prepared.set_aside)

    async def _replace_damaged(self) -> None:
        """What still waits is written again into a fresh file; what was told before is in the file set aside."""
        await self._database.close()
        now_s = self._clock.now_ms() // 1000
        if self._path.exists():  # else this was begun before and could not be finished
            moved = await asyncio.to_thread(migrate.set_aside, self._path, now_s)
            self._options.on_set_aside(moved)
        await asyncio.to_thread(migrate.prepare, self._path, now_s=now_s)
        await self._database.open()
        self._writer.requeue(self._waiting_puts(), [statements.remember(self._meta.items())])

    def _waiting_puts(self) -> list[Put]:
        """Everything that waits, as it was when it was new, by id."""
        rows: dict[int, list[Queued]] = {}
        for destination in self.destinations:
            for row in self._waiting.rows(destination):
                rows.setdefault(row.alert.id or 0, []).append(row)
        return [
            Put(alert=of[0].alert, destinations=tuple(row.destination for row in of), queued_ms=of[0].queued_ms)
            for _, of in sorted(rows.items())
        ]
