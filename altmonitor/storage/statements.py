"""What the outbox writes, as statements with their rows for the writer."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from altmonitor.core.alert import Alert
from altmonitor.core.types import Destination
from altmonitor.interfaces.delivery import Queued
from altmonitor.storage.rows import details_text, topic_column

Statement = tuple[str, Sequence[tuple[Any, ...]]]

_UNLESS_WAITING = "NOT EXISTS (SELECT 1 FROM deliveries WHERE alert_id = alerts.id AND state = 'queued')"
_END = (
    "UPDATE deliveries SET state = ?, message_id = ?, sent_ms = ?, error = ?, uncertain = ? "
    "WHERE alert_id = ? AND chat_id = ? AND topic_id = ?"
)
_ATTEMPTS = (
    "UPDATE deliveries SET attempts = ?, uncertain = ?, error = COALESCE(?, error) "
    "WHERE alert_id = ? AND chat_id = ? AND topic_id = ?"
)


def attempts(rows: Iterable[Queued], *, error: str | None = None) -> Statement:
    """Absolute values, so that a commit whose answer got lost can be repeated."""
    return _ATTEMPTS, [
        (row.attempts, int(row.maybe_repeated), error, row.alert.id, *_at(row.destination)) for row in rows
    ]


def sent(
    destination: Destination, alert_ids: Sequence[int], *, message_id: int, sent_ms: int, doubted: Collection[int]
) -> Statement:
    """doubted: those whose message says that it may be a repetition."""
    return _END, [
        ("sent", message_id, sent_ms, None, int(alert_id in doubted), alert_id, *_at(destination))
        for alert_id in alert_ids
    ]


def not_sent(destination: Destination, alert_ids: Sequence[int], *, state: str, error: str) -> Statement:
    """state: `failed` or `expired`."""
    return _END, [(state, None, None, error, 0, alert_id, *_at(destination)) for alert_id in alert_ids]


def forget(alert_ids: Sequence[int]) -> Statement:
    """Deletes those that wait nowhere any more."""
    return f"DELETE FROM alerts WHERE id = ? AND {_UNLESS_WAITING}", [(alert_id,) for alert_id in alert_ids]  # noqa: S608


def forget_before(ts_s: float) -> Statement:
    """Deletes those detected before, unless they still wait. What came from the older tool's database stays."""
    return f"DELETE FROM alerts WHERE ts < ? AND key NOT LIKE 'legacy:%' AND {_UNLESS_WAITING}", [(ts_s,)]  # noqa: S608


# What the extras held before stays, unless it could not be read at all.
_LEARNED = (
    "UPDATE alerts SET lsr = COALESCE(?, lsr), quadrant = CASE WHEN ? IS NULL THEN quadrant ELSE ? END, "
    "oi_change = COALESCE(?, oi_change), "
    "details = CASE WHEN json_valid(details) THEN json_patch(details, ?) ELSE ? END WHERE key = ?"
)


def learned(alert: Alert) -> Statement:
    """See `AlertUpdates.update_alert`; in one statement, so that nobody's news are lost between reading and writing."""
    details = details_text(alert.details)
    oi = alert.oi_change
    return _LEARNED, [(alert.lsr, oi, alert.quadrant, oi, details, details, alert.key)]


def move(old: Destination, new: Destination) -> Statement:
    return "UPDATE OR REPLACE deliveries SET chat_id = ? WHERE chat_id = ?", [(new.chat_id, old.chat_id)]


def remember(items: Iterable[tuple[str, str]]) -> Statement:
    return (
        "INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        list(items),
    )


def _at(destination: Destination) -> tuple[int, int]:
    return destination.chat_id, topic_column(destination)
