"""`Alert` ⇄ one row of `alerts`, and a `Destination` ⇄ its two columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from altmonitor.core.alert import Alert, Details
from altmonitor.core.types import Destination

Row = Sequence[Any]

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
)
ALERT_COLUMNS = ", ".join(f"alerts.{name}" for name in ALERT_FIELDS)
"""For a SELECT; `alert_of` reads what comes back."""

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
    return msgspec.structs.replace(
        stored,
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
