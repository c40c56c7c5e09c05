"""What a start reads back from the file."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from altmonitor.core.types import Destination
from altmonitor.interfaces.delivery import Queued
from altmonitor.storage.database import Database
from altmonitor.storage.rows import ALERT_COLUMNS, alert_of, destination_of

_MOVED = "moved:"


def moved_key(old: Destination) -> str:
    return f"{_MOVED}{old}"


def moved_to(meta: Mapping[str, str], destination: Destination) -> Destination:
    """The chat under the id it has now; all its topics moved with it, also where only one of them is remembered."""
    now = meta.get(moved_key(Destination(chat_id=destination.chat_id))) or meta.get(moved_key(destination))
    return destination if now is None else replace(destination, chat_id=Destination.parse(now).chat_id)


async def meta(database: Database) -> dict[str, str]:
    rows = await database.fetch("SELECT key, value FROM meta")
    return {row[0]: row[1] for row in rows}


async def next_alert_id(database: Database) -> int:
    """Above every id that was ever given, also to rows deleted since."""
    rows = await database.fetch("SELECT seq FROM sqlite_sequence WHERE name = 'alerts'")
    return int(rows[0][0]) + 1 if rows else 1


async def queued(database: Database, destinations: Collection[Destination]) -> list[Queued]:
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
