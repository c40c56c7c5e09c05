"""A store's database in PostgreSQL: SQLite's statements, over one connection that reads and one that writes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from types import MappingProxyType
from typing import Any

import asyncpg

from altmonitor.core.errors import StorageError
from altmonitor.storage.alert_database import (
    INSERT_ALERT,
    AlertDatabase,
    DatabaseWrite,
    Op,
    Put,
    delivery_rows,
)
from altmonitor.storage.postgres.connection import DatabaseAddress, PostgresConnection, numbered
from altmonitor.storage.rows import Row, alert_row

# As INSERT_DELIVERY, for all rows at once: an alert may have ten thousand.
_INSERT_DELIVERIES = (
    "INSERT INTO deliveries (alert_id, chat_id, topic_id, queued_ms) SELECT d.alert_id, d.chat_id, d.topic_id, "
    "d.queued_ms FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[]) "
    "AS d (alert_id, chat_id, topic_id, queued_ms) JOIN alerts ON alerts.id = d.alert_id ON CONFLICT DO NOTHING"
)

BLOCK = 65_536
"""Numbers taken at once, `alert_id_blocks` counts in these."""
FEWEST_FREE = 50_000
"""So many are at hand when the server stops answering: as many alerts as memory keeps."""


class IdBlocks(Iterator[int]):
    """Numbers for new alerts, at once and without a question. A block belongs to one process for good, so that two who
    find different alerts at the same moment do not number them alike."""

    def __init__(self) -> None:
        self._blocks: list[range] = []
        self._at = 0

    def __next__(self) -> int:
        while self._blocks and self._at >= len(self._blocks[0]):
            self._at -= len(self._blocks.pop(0))
        if not self._blocks:
            raise RuntimeError("no numbers for alerts are left")
        self._at += 1
        return self._blocks[0][self._at - 1]

    @property
    def free(self) -> int:
        return sum(map(len, self._blocks)) - self._at

    def begin_at(self, first: int) -> None:
        """From here on: later than every alert that was stored before, whoever found it."""
        self._blocks, self._at = [range(first, first + BLOCK)], 0

    def add(self, first: int) -> None:
        self._blocks.append(range(first, first + BLOCK))


class PostgresDatabase(AlertDatabase):
    """Both connections come back by themselves; the writer above keeps what waits until they do. writes: settings of
    the one that writes. connect: what they are made by."""

    def __init__(
        self,
        address: DatabaseAddress,
        *,
        writes: Mapping[str, str] = MappingProxyType({}),
        connect: type[PostgresConnection] = PostgresConnection,
    ) -> None:
        self.address = address
        self.reading = connect(address, purpose="reads")
        self.writing = connect(address, purpose="writes", settings=writes)
        self.alert_ids: IdBlocks = IdBlocks()

    def __str__(self) -> str:
        return str(self.address)

    async def open(self) -> None:
        """The schema must be there. Raises StorageError."""
        await self.take_newest_ids()

    async def take_newest_ids(self) -> None:
        """For a process that takes over from another: its alerts sort behind the other's. Raises StorageError."""
        self.alert_ids.begin_at((await self.writing.fetch("SELECT nextval('alert_id_blocks')"))[0][0])

    async def close(self) -> None:
        await self.reading.close()
        await self.writing.close()

    async def fetch(self, sql: str, values: Sequence[Any] = ()) -> list[Row]:
        return await self.reading.fetch(sql, values)

    async def transaction(self, ops: Sequence[Op]) -> set[int]:
        async def apply(db: asyncpg.Connection[Any]) -> set[int]:
            return await self._apply(db, ops)

        stored = await self.writing.transaction(apply)
        if self.alert_ids.free < FEWEST_FREE:
            with suppress(StorageError):  # the next transaction asks again
                self.alert_ids.add((await self.writing.fetch("SELECT nextval('alert_id_blocks')"))[0][0])
        return stored

    async def next_change_id(self) -> int:
        return int((await self.writing.fetch("SELECT nextval('change_ids')"))[0][0])

    async def _apply(self, db: asyncpg.Connection[Any], ops: Sequence[Op]) -> set[int]:
        puts = [op for op in ops if isinstance(op, Put)]
        stored: set[int] = set()
        if puts:
            # In the order of their keys, so that two who store the same ones never wait for each other.
            rows = [alert_row(put.alert) for put in sorted(puts, key=lambda put: put.alert.key)]
            await db.executemany(numbered(INSERT_ALERT), rows)
            deliveries = [row for put in puts for row in delivery_rows(put)]
            if deliveries:
                await db.execute(_INSERT_DELIVERIES, *map(list, zip(*(row[:4] for row in deliveries), strict=True)))
            found = await db.fetch("SELECT id FROM alerts WHERE id = ANY($1)", [put.alert.id for put in puts])
            stored = {row[0] for row in found}
        for op in ops:
            if isinstance(op, DatabaseWrite):
                for sql, values in op.statements:
                    if values:
                        await db.executemany(numbered(sql), values)
        return stored
