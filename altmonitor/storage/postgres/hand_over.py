"""What a feed could not store, on its way to the one that leads."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import asyncpg
import msgspec

from altmonitor.interfaces.cluster import FoundAlert
from altmonitor.storage.postgres.connection import PostgresConnection, numbered
from altmonitor.storage.rows import Statement

ROWS_AT_ONCE = 2_000

_PUT = (
    "INSERT INTO handed_over (key, event_ms, body) SELECT ?, ?, ? "
    "WHERE NOT EXISTS (SELECT 1 FROM alerts WHERE key = ?) ON CONFLICT (key) DO NOTHING"
)
_decoder = msgspec.msgpack.Decoder(FoundAlert)


def taken_over(keys: Collection[str]) -> Statement:
    """To be carried out behind, or together with, what stores them."""
    return "DELETE FROM handed_over WHERE key = ?", [(key,) for key in keys]


class PostgresHandOver:
    """`interfaces.cluster.HandOver`. connection: opened with the first question."""

    def __init__(self, connection: PostgresConnection) -> None:
        self._connection = connection

    async def put(self, found: Sequence[FoundAlert]) -> None:
        async def insert(connection: asyncpg.Connection[Any]) -> None:
            rows = [
                (one.alert.key, one.alert.event_ms, msgspec.msgpack.encode(one), one.alert.key)
                for one in sorted(found, key=lambda one: one.alert.key)
            ]
            await connection.executemany(numbered(_PUT), rows)

        await self._connection.transaction(insert)

    async def waiting(self) -> Sequence[FoundAlert]:
        rows = await self._connection.fetch(
            "SELECT body FROM handed_over ORDER BY event_ms, key LIMIT ?", (ROWS_AT_ONCE,)
        )
        return [_decoder.decode(body) for (body,) in rows]
