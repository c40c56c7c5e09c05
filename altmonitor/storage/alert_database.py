"""What a store asks of its database, whichever that is, and the statements that all of them understand."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from altmonitor.core.alert import Alert
from altmonitor.core.types import Destination
from altmonitor.interfaces.delivery import Queued
from altmonitor.storage.rows import ALERT_COLUMNS, ALERT_FIELDS, Row, alert_of, destination_of, topic_column

INSERT_ALERT = (
    f"INSERT INTO alerts ({', '.join(ALERT_FIELDS)}) VALUES ({', '.join('?' * len(ALERT_FIELDS))}) "  # noqa: S608
    "ON CONFLICT (key) DO NOTHING"
)
# Only where the alert itself is in the table under this id: a key that was there before gets no second delivery. A
# commit whose answer got lost may be repeated.
INSERT_DELIVERY = (
    "INSERT INTO deliveries (alert_id, chat_id, topic_id, queued_ms) SELECT ?, ?, ?, ? "
    "WHERE EXISTS (SELECT 1 FROM alerts WHERE id = ?) ON CONFLICT DO NOTHING"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Put:
    """A new alert, with its id, and the chats that shall be told."""

    alert: Alert
    destinations: tuple[Destination, ...]
    queued_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseWrite:
    """Statements with their rows (executemany each). done: resolved once they are committed."""

    statements: tuple[tuple[str, Sequence[Row]], ...]
    done: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


Op = Put | DatabaseWrite


class AlertDatabase(ABC):
    """Statements are SQLite's, as far as PostgreSQL understands them too; `?` stands for a value. `str()` names it for
    a person. alert_ids: numbers that no alert has had, for new ones; to be had at once, whatever the database does."""

    alert_ids: Iterator[int]

    @abstractmethod
    async def open(self) -> None: ...

    @abstractmethod
    async def close(self) -> None:
        """Bounded. Calling it again does nothing."""

    @abstractmethod
    async def fetch(self, sql: str, values: Sequence[Any] = ()) -> list[Row]:
        """Raises StorageError, also when there is no answer in time."""

    @abstractmethod
    async def transaction(self, ops: Sequence[Op]) -> set[int]:
        """All of them or none. Returns the ids of those puts that are in the table now.

        Raises:
            StorageError: it may be tried again.
            ValueError, OverflowError: one of them can never be stored.
        """

    @abstractmethod
    async def next_change_id(self) -> int:
        """A number that no change has had. Raises StorageError."""


def delivery_rows(put: Put) -> Iterable[Row]:
    for destination in put.destinations:
        yield (put.alert.id, destination.chat_id, topic_column(destination), put.queued_ms, put.alert.id)


# ---
# What a start reads back from the file.


MOVED = "moved:"


def moved_key(old: Destination) -> str:
    return f"{MOVED}{old}"


def moved_to(meta: Mapping[str, str], destination: Destination) -> Destination:
    """The chat under the id it has now; all its topics moved with it, also where only one of them is remembered."""
    now = meta.get(moved_key(Destination(chat_id=destination.chat_id))) or meta.get(moved_key(destination))
    return destination if now is None else replace(destination, chat_id=Destination.parse(now).chat_id)


async def meta(database: AlertDatabase) -> dict[str, str]:
    rows = await database.fetch("SELECT key, value FROM meta")
    return {row[0]: row[1] for row in rows}


async def queued(database: AlertDatabase, destinations: Collection[Destination]) -> list[Queued]:
    """Oldest → newest. Rows of other chats stay in the file and are offered again when those are configured again."""
    rows = await database.fetch(
        f"SELECT {ALERT_COLUMNS}, chat_id, topic_id, attempts, queued_ms, uncertain "  # noqa: S608
        "FROM deliveries JOIN alerts ON alerts.id = alert_id WHERE state = 'queued' ORDER BY alert_id"
    )
    found = []
    for row in rows:
        chat_id, topic, attempts, queued_ms, uncertain = row[-5:]
        found.append(
            Queued(
                alert=alert_of(row),
                destination=destination_of(chat_id, topic),
                attempts=attempts,
                queued_ms=queued_ms,
                maybe_repeated=bool(uncertain),
            )
        )
    return [row for row in found if row.destination in destinations]
