"""Live settings in PostgreSQL: what state.json is beside SQLite, with a version that others follow."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

from altmonitor.core.errors import StorageError
from altmonitor.interfaces.cluster import LEADER
from altmonitor.settings.state import State
from altmonitor.storage.postgres.connection import PostgresConnection
from altmonitor.storage.state_file import LoadedState
from altmonitor.storage.state_format import StateDamaged, decode, encode

log = logging.getLogger(__name__)

_SAVE = (
    "INSERT INTO state AS s (content, version, who, saved) VALUES ($1, 1, $2, clock_timestamp()) "
    "ON CONFLICT (only) DO UPDATE SET content = excluded.content, who = excluded.who, saved = excluded.saved, "
    "version = s.version + 1"
)


class PostgresState:
    """`interfaces.storage.StateStore`. fence: token of the lease under which it is saved; None: it is not asked for."""

    def __init__(self, connection: PostgresConnection, *, fence: Callable[[], int | None] | None = None) -> None:
        self._connection = connection
        self._fence = fence
        self._turn = asyncio.Lock()

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        async with self._turn:
            yield

    async def load(self) -> LoadedState:
        """Nothing changed yet where there is no row. Raises StorageError, also for what cannot be read."""
        return LoadedState(state=(await self.read())[1])

    async def read(self) -> tuple[int, State]:
        """Its version, 0 where there is none, and the state. Raises StorageError."""
        rows = await self._connection.fetch("SELECT version, content FROM state")
        if not rows:
            return 0, State()
        version, content = rows[0]
        try:
            return version, decode(content.encode())
        except StateDamaged as problem:
            raise StorageError(f"the settings in {self._connection.address} cannot be read: {problem}") from problem

    async def save(self, state: State, *, who: str) -> None:
        content = encode(state).decode()

        async def write(db: asyncpg.Connection[Any]) -> None:
            if self._fence is not None:
                held = "SELECT 1 FROM leases WHERE name = $1 AND token = $2 FOR SHARE"
                if await db.fetchval(held, LEADER, self._fence()) is None:
                    raise StorageError("another feed leads: it has to be told")
            await db.execute(_SAVE, content, who)

        await self._connection.transaction(write)
        log.info("settings saved for %r: %s", who, " ".join(content.split()))
