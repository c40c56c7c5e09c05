"""`Alert` ⇄ one row of `alerts`, and a `Destination` ⇄ its two columns."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from typing import Any

import msgspec

from altmonitor.core.alert import Alert, Details
from altmonitor.core.types import Destination
from altmonitor.interfaces.delivery import Queued

Row = tuple[Any, ...]
Statement = tuple[str, Sequence[Row]]
"""With the rows it is carried out for; none: it is left out."""
Fetch = Callable[[str, Sequence[Any]], Awaitable[list[Row]]]
"""A statement with `?` and its values → rows. Raises StorageError."""
Write = Callable[..., Awaitable[None]]
"""Commits the statements it is given together. Raises StorageError."""

ALERT_FIELDS = (
    "id",
    "key",
    "ts",
    "event_ms",
    "candle_ms",
    "symbol",
    "kind",
    "direction",
    "price",
    "change_pct",
    "oi_change",
    "amplitude",
    "lsr",
    "metric",
    "quadrant",
    "note",
    "late",
    "details",
    "venue",
)
ALERT_COLUMNS = ", ".join(f"alerts.{name}" for name in ALERT_FIELDS)
"""For a SELECT; `alert_of` reads what comes back."""

FINAL_FIELDS = ("direction", "price", "change_pct", "amplitude", "metric")
"""What a candle has only so far as long as it runs."""

_details_decoder = msgspec.json.Decoder(Details)


def alert_row(alert: Alert) -> tuple[Any, ...]:
    """Values in the order of `ALERT_FIELDS`."""
    values = msgspec.structs.asdict(alert)
    values["late"] = int(alert.late)
    values["details"] = details_text(alert.details)
    return tuple(values[name] for name in ALERT_FIELDS)


def alert_of(row: Row) -> Alert:
    """`row` starts with `ALERT_COLUMNS`; further columns are ignored."""
    values = dict(zip(ALERT_FIELDS, row, strict=False))
    values["late"] = bool(values["late"])
    values["details"] = _details_of(values["details"])
    return Alert(**values)


def merged(stored: Alert, learned: Alert) -> Alert:
    """The stored alert with what is known in `learned`, see `AlertUpdates.update_alert`."""
    news = msgspec.json.decode(
        msgspec.json.encode(learned.details), type=dict[str, Any]
    )  # without what is at its default
    details = {name: getattr(learned.details, name) for name in news}
    has_oi = learned.oi_change is not None
    finals = {name: getattr(learned, name) for name in FINAL_FIELDS} if learned.details.is_completed else {}
    return msgspec.structs.replace(
        stored,
        **finals,
        lsr=stored.lsr if learned.lsr is None else learned.lsr,
        oi_change=learned.oi_change if has_oi else stored.oi_change,
        quadrant=learned.quadrant if has_oi else stored.quadrant,
        details=msgspec.structs.replace(stored.details, **details),
    )


def details_text(details: Details) -> str:
    return msgspec.json.encode(details).decode()


def _details_of(text: str) -> Details:
    # The details are extras of a message: a row whose extras cannot be read is still an alert that must be told.
    try:
        return _details_decoder.decode(text)
    except msgspec.DecodeError:
        return Details()


def topic_column(destination: Destination) -> int:
    """0 stands for no topic, because NULL in a primary key would let a row be there twice."""
    return destination.topic_id or 0


def destination_of(chat_id: int, topic_column_value: int) -> Destination:
    return Destination(chat_id=chat_id, topic_id=topic_column_value or None)


# ---
# What the outbox writes, as statements with their rows for the writer.


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
    "UPDATE alerts SET lsr = COALESCE(?, lsr), "
    "quadrant = CASE WHEN CAST(? AS DOUBLE PRECISION) IS NULL THEN quadrant ELSE ? END, "
    "oi_change = COALESCE(?, oi_change), direction = CASE WHEN ? THEN ? ELSE direction END, "
    "price = CASE WHEN ? THEN ? ELSE price END, change_pct = CASE WHEN ? THEN ? ELSE change_pct END, "
    "amplitude = CASE WHEN ? THEN ? ELSE amplitude END, metric = CASE WHEN ? THEN ? ELSE metric END, "
    "details = CASE WHEN json_valid(details) THEN json_patch(details, ?) ELSE ? END WHERE key = ?"
)


def learned(alert: Alert) -> Statement:
    """See `AlertUpdates.update_alert`; in one statement, so that nobody's news are lost between reading and writing."""
    details = details_text(alert.details)
    oi, is_completed = alert.oi_change, alert.details.is_completed
    finals = [value for name in FINAL_FIELDS for value in (is_completed, getattr(alert, name))]
    return _LEARNED, [(alert.lsr, oi, alert.quadrant, oi, *finals, details, details, alert.key)]


_THERE_ALREADY = (
    "DELETE FROM deliveries WHERE chat_id = ? AND EXISTS (SELECT 1 FROM deliveries moved WHERE moved.chat_id = ? "
    "AND moved.alert_id = deliveries.alert_id AND moved.topic_id = deliveries.topic_id)"
)
_MOVE = "UPDATE deliveries SET chat_id = ? WHERE chat_id = ?"


def move(old: Destination, new: Destination) -> tuple[Statement, ...]:
    """What moves takes the place of what was put under the new id already. Nothing happens when it is done twice."""
    if new.chat_id == old.chat_id:
        return ()
    values = [(new.chat_id, old.chat_id)]
    return (_THERE_ALREADY, values), (_MOVE, values)


def remember(items: Iterable[tuple[str, str]]) -> Statement:
    return (
        "INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        list(items),
    )


def _at(destination: Destination) -> tuple[int, int]:
    return destination.chat_id, topic_column(destination)
