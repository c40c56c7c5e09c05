"""What each destination was told, for taking it over at the start. Failed and outdated deliveries count as told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from altmonitor.core.alert import Alert
from altmonitor.core.types import Destination
from altmonitor.interfaces.exchange import ToldSize
from altmonitor.storage.queries import NO_SAMPLE, Fetch
from altmonitor.storage.rows import ALERT_COLUMNS, alert_of, destination_of

# One pass over the kept days. `later`: the largest of what came after it, of the same row for the same destination.
_SIZES = f"""
    SELECT chat_id, topic_id, symbol, kind, direction, note, size, event_ms FROM (
        SELECT d.chat_id, d.topic_id, symbol, kind, direction, note, abs(coalesce(metric, 0)) AS size, event_ms, id,
            max(abs(coalesce(metric, 0))) OVER (
                PARTITION BY d.chat_id, d.topic_id, symbol, kind, direction, note
                ORDER BY event_ms DESC, id DESC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
            ) AS later
        FROM alerts JOIN deliveries d ON d.alert_id = alerts.id WHERE event_ms >= ? AND {NO_SAMPLE}
    ) WHERE later IS NULL OR size > later OR event_ms >= ? ORDER BY event_ms, id
"""  # noqa: S608


class ToldReader:
    """Read-only. Every method may raise StorageError."""

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch

    async def told_since(self, event_ms: int) -> Sequence[tuple[Alert, tuple[Destination, ...]]]:
        rows = await self._fetch(
            f"SELECT {ALERT_COLUMNS}, chat_id, topic_id FROM alerts "  # noqa: S608
            f"LEFT JOIN deliveries ON alert_id = alerts.id WHERE event_ms >= ? AND {NO_SAMPLE} "
            "ORDER BY event_ms, alerts.id",
            (event_ms,),
        )
        found: dict[int, tuple[Alert, list[Destination]]] = {}
        for row in rows:
            chat_id, topic = row[-2:]
            known = found.get(row[0])
            if known is None:
                known = found[row[0]] = alert_of(row), []
            if chat_id is not None:
                known[1].append(destination_of(chat_id, topic))
        return [(alert, tuple(destinations)) for alert, destinations in found.values()]

    async def told_sizes(self, *, since_ms: int, recent_ms: int) -> Sequence[ToldSize]:
        rows = await self._fetch(_SIZES, (since_ms, recent_ms))
        return [ToldSize(destination_of(row[0], row[1]), *row[2:]) for row in rows]

    async def told_first_ms(self) -> Mapping[Destination, int]:
        rows = await self._fetch(
            "SELECT chat_id, topic_id, min(event_ms) FROM deliveries JOIN alerts ON alerts.id = alert_id "  # noqa: S608
            f"WHERE {NO_SAMPLE} GROUP BY chat_id, topic_id",
            (),
        )
        return {destination_of(chat_id, topic): event_ms for chat_id, topic, event_ms in rows}
