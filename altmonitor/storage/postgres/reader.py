"""Looking at what is stored in PostgreSQL from a program beside the monitor, without a write."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from altmonitor.core.errors import DatabaseRefused
from altmonitor.settings.state import State
from altmonitor.storage.postgres import schema
from altmonitor.storage.postgres.connection import DatabaseAddress, PostgresConnection
from altmonitor.storage.postgres.state import PostgresState
from altmonitor.storage.rows import Fetch


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


async def described(url: str) -> str:
    """One line for a person who looks whether a monitor could work with it. Raises StorageError: it could not."""
    connection = PostgresConnection(DatabaseAddress(url), purpose="looks")
    try:
        if (await connection.fetch("SHOW transaction_read_only"))[0][0] == "on":
            raise DatabaseRefused(f"{connection.address} is read-only (a standby, or set so): name the primary")
        if await schema.is_empty(connection):
            return f"{connection.address} is empty; the first start fills it"
        await schema.check(connection)
        (alerts, queued), *_ = await connection.fetch(
            "SELECT (SELECT count(*) FROM alerts), (SELECT count(*) FROM deliveries WHERE state = 'queued')"
        )
        await PostgresState(connection).look()
        return f"{connection.address} answers, {alerts:,} alerts, {queued:,} waiting to be sent"
    finally:
        await connection.close()


async def postgres_state(url: str) -> State:
    """Raises StorageError."""
    async with checked_connection(url) as connection:
        return await PostgresState(connection).look()
