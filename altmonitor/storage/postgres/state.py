"""Live settings in PostgreSQL, what state.json is beside SQLite: every process of a cluster sees the same."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from hashlib import md5
from typing import Any

import asyncpg

from altmonitor.core.errors import NewerSchemaError, StorageError
from altmonitor.interfaces.cluster import LEADER
from altmonitor.settings.state import State
from altmonitor.storage.overrides_format import StateDamaged
from altmonitor.storage.postgres.connection import PostgresConnection, numbered
from altmonitor.storage.rows import remember
from altmonitor.storage.state_file import LoadedState
from altmonitor.storage.state_format import decode, encode

log = logging.getLogger(__name__)

# Only over the version that this process knows: whoever has missed a change must not put it back unseen.
_SAVE = """
    INSERT INTO state AS s (content, version, who, saved) VALUES (?, CAST(? AS BIGINT) + 1, ?, clock_timestamp())
    ON CONFLICT (singleton) DO UPDATE
    SET content = excluded.content, version = excluded.version, who = excluded.who, saved = excluded.saved
    WHERE s.version = excluded.version - 1 OR (s.version = excluded.version AND s.content = excluded.content)
    RETURNING version
"""


_CHANGED = "SELECT version, CASE WHEN md5(content) = ? THEN NULL ELSE content END FROM state"
_HELD = "SELECT 1 FROM leases WHERE name = $1 AND token = $2 FOR SHARE"


class PostgresState:
    """One of a process. fence: token of the lease under which it is saved; None: it is not asked for. prepare:
    makes the schema, called before a program that writes reads them first."""

    def __init__(
        self,
        connection: PostgresConnection,
        *,
        fence: Callable[[], int | None] | None = None,
        prepare: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self._connection = connection
        self._fence = fence
        self._prepare = prepare
        self._turn = asyncio.Lock()
        self._version = 0
        self._known: tuple[str, State] | None = None  # md5 of what was read last, and that

    def __str__(self) -> str:
        return f"the settings in {self._connection.address}"

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        async with self._turn:
            yield

    async def read(self) -> tuple[int, State]:
        """Their version, 0 while nothing was changed, and themselves. It is what `save` builds on from now on.

        While they are the same it is the same object: those of ten thousand chats travel once, however often asked for.

        Raises: StorageError, also for what is damaged or of a newer altmonitor.
        """
        known = "" if self._known is None else self._known[0]
        rows = await self._connection.fetch(_CHANGED, (known,))
        if not rows:
            self._version = 0
            return 0, State()
        version, content = rows[0]
        if content is None and self._known is not None:
            self._version = version
            return version, self._known[1]
        try:
            state = decode(content.encode())
        except (StateDamaged, NewerSchemaError) as problem:
            raise StorageError(f"{self} {problem}") from problem
        self._version, self._known = version, (md5(content.encode(), usedforsecurity=False).hexdigest(), state)
        return version, state

    async def load(self) -> LoadedState:
        """What is damaged is put aside into `meta` and told. Raises: NewerSchemaError, StorageError."""
        if self._prepare is not None:
            await self._prepare()
        try:
            return LoadedState(state=(await self.read())[1])
        except StorageError as problem:
            if isinstance(problem.__cause__, NewerSchemaError):
                raise NewerSchemaError(f"{problem}: update altmonitor on every machine") from problem
            if not isinstance(problem.__cause__, StateDamaged):
                raise
            return await self._put_aside(str(problem))

    async def look(self) -> State:
        """For a program beside the monitor. Raises: StorageError."""
        return (await self.read())[1]

    async def save(self, state: State, *, who: str) -> None:
        """Raises StorageError: nothing changed."""
        content = encode(state).decode()

        async def write(db: asyncpg.Connection[Any]) -> int | None:
            if self._fence is not None and await db.fetchval(_HELD, LEADER, self._fence()) is None:
                raise StorageError("another feed leads: it has to be told")
            version: int | None = await db.fetchval(numbered(_SAVE), content, self._version, who)
            return version

        try:
            version = await self._connection.transaction(write)
        except ValueError as problem:
            raise StorageError(f"{self} cannot be written: {problem}") from problem
        if version is None:
            raise StorageError(f"{self} were changed by another process at the same moment: say it once more")
        self._version = version
        log.info("settings saved for %r: %s", who, " ".join(content.split()))

    async def _put_aside(self, damage: str) -> LoadedState:
        async def move(db: asyncpg.Connection[Any]) -> str:
            version, content = await db.fetchrow("DELETE FROM state RETURNING version, content")
            sql, rows = remember([(f"state:corrupt:{version}", content)])
            await db.executemany(numbered(sql), rows)
            return f"state:corrupt:{version}"

        kept_as = await self._connection.transaction(move)
        line = f"{damage}: kept in the table meta as {kept_as}, the environment's values are used"
        return LoadedState(state=State(), problem=line, aside=kept_as)
