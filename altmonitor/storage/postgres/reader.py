"""Looking at what is stored in PostgreSQL from a program beside the monitor, without a write."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from altmonitor.settings.state import State
from altmonitor.storage.alert_queries import Fetch
from altmonitor.storage.postgres import schema
from altmonitor.storage.postgres.connection import DatabaseAddress, PostgresConnection
from altmonitor.storage.postgres.state import PostgresState


@asynccontextmanager
async def checked_connection(url: str) -> AsyncIterator[PostgresConnection]:
    """Raises StorageError: no answer, nothing of ours, or not of this version."""
    connection = PostgresConnection(DatabaseAddress(url), purpose="looks")
    try:
        await schema.check(connection)
        yield connection
    finally:
        await connection.close()


@asynccontextmanager
async def postgres_fetch(url: str) -> AsyncIterator[Fetch]:
    """For an `AlertReader`. Raises StorageError."""
    async with checked_connection(url) as connection:
        yield connection.fetch


async def postgres_state(url: str) -> State:
    """Raises StorageError."""
    async with checked_connection(url) as connection:
        return await PostgresState(connection).look()
