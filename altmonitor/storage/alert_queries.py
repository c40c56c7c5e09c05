"""Questions to the stored alerts, for the running program and for programs beside it."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Unpack

from altmonitor.core.alert import OWNER, SAMPLE_KEY, Alert, AlertPlace, AlertStats, Kind, StoredAlert, StoredSize
from altmonitor.core.clock import Clock, SystemClock
from altmonitor.core.errors import StorageError
from altmonitor.core.types import Destination, Venue
from altmonitor.interfaces.delivery import SentDigest
from altmonitor.interfaces.storage import AlertFilter
from altmonitor.market.candles import MINUTE_MS
from altmonitor.storage import migrations as migrate
from altmonitor.storage.outcome_records import OutcomeReader
from altmonitor.storage.read_only import read_only
from altmonitor.storage.rows import ALERT_COLUMNS, Fetch, alert_of, destination_of, topic_column
from altmonitor.storage.run_log import RUNS_KEY, MonitorRun, runs_of

DELAYS_ASKED = 1_000
LONGEST_DELAY_MS = 600_000
_KEYS_AT_ONCE = 500  # SQLite limits the parameters of a statement

_LEAST_FINISHED = "CASE state WHEN 'queued' THEN 0 WHEN 'failed' THEN 1 WHEN 'expired' THEN 2 ELSE 3 END"
"""Waiting beats lost beats outdated beats told."""

# Of `event_key`: what stands before an `@` behind which no `:` comes.
_IS_OWNED = f"(instr(alerts.key, '{OWNER}') > 0 AND instr(substr(alerts.key, instr(alerts.key, '{OWNER}')), ':') = 0)"
_EVENT = f"CASE WHEN {_IS_OWNED} THEN substr(alerts.key, 1, instr(alerts.key, '{OWNER}') - 1) ELSE alerts.key END"
_SAME_EVENT = f"(other.key = {_EVENT} OR (other.key > {_EVENT} || '{OWNER}' AND other.key < {_EVENT} || 'A'))"
"""Two ranges of the index over `key`; `A` comes after `@`."""

NO_SAMPLE = f"key NOT LIKE '{SAMPLE_KEY}%'"

GROWN_WITHIN_MS = 120_000
"""What is added to a digest by edits is sent within so long of its message."""


class AlertReader:
    """Read-only. Every method may raise StorageError."""

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch
        self.outcomes = OutcomeReader(fetch)

    async def alerts_since(self, event_ms: int) -> Sequence[Alert]:
        """Alerts with event_ms ≥ the argument, oldest → newest."""
        rows = await self._fetch(
            f"SELECT {ALERT_COLUMNS} FROM alerts WHERE event_ms >= ? AND {NO_SAMPLE} "  # noqa: S608
            "ORDER BY event_ms, id",
            (event_ms,),
        )
        return [alert_of(row) for row in rows]

    async def runs(self) -> Sequence[MonitorRun]:
        """Of the monitor of Binance, oldest first; empty where they were not kept yet."""
        rows = await self._fetch("SELECT value FROM meta WHERE key = ?", (RUNS_KEY,))
        return runs_of(rows[0][0] if rows else None)

    async def alerts_of(self, keys: Collection[str]) -> Mapping[str, Alert]:
        """Stored alerts by key; unknown keys are absent."""
        found: dict[str, Alert] = {}
        wanted = list(keys)
        for at in range(0, len(wanted), _KEYS_AT_ONCE):
            some = wanted[at : at + _KEYS_AT_ONCE]
            marks = ", ".join("?" * len(some))
            rows = await self._fetch(f"SELECT {ALERT_COLUMNS} FROM alerts WHERE key IN ({marks})", some)  # noqa: S608
            found.update({alert.key: alert for alert in map(alert_of, rows)})
        return found

    async def recent(self, *, limit: int, **wanted: Unpack[AlertFilter]) -> Sequence[StoredAlert]:
        """See `interfaces.storage.AlertQueries`."""
        destinations, since_s = wanted.get("destinations"), wanted.get("since_s")
        told, places = _told(destinations)
        bounds: list[tuple[str, Any]] = []
        if (symbol := wanted.get("symbol")) is not None:
            bounds.append(("alerts.symbol = ?", symbol))
        if (kind := wanted.get("kind")) is not None:
            bounds.append(("alerts.kind = ?", kind))
        if (venue := wanted.get("venue")) is not None:
            bounds.append(("alerts.venue = ?", venue))
        if since_s is not None:
            bounds.append(("alerts.ts >= ?", since_s))
        if (minute_ms := wanted.get("minute_ms")) is not None:  # as `Alert.minute_ms`
            bounds.append(
                (f"coalesce(alerts.candle_ms, alerts.event_ms - alerts.late) / {MINUTE_MS} = ?", minute_ms // MINUTE_MS)
            )
        if (between := wanted.get("event_between_ms")) is not None:
            bounds += [("alerts.event_ms >= ?", between[0]), ("alerts.event_ms < ?", between[1])]
        if (before := wanted.get("before")) is not None:
            bounds.append(("(alerts.ts, alerts.id) < (?, ?)", before))
        values = [part for _, value in bounds for part in (value if isinstance(value, AlertPlace) else (value,))]
        where = " AND ".join((f"alerts.{NO_SAMPLE}", *(text for text, _ in bounds)))
        state = (
            "SELECT state FROM deliveries JOIN alerts other ON other.id = alert_id "  # noqa: S608
            f"WHERE {_SAME_EVENT} AND {told} ORDER BY {_LEAST_FINISHED} LIMIT 1"
        )
        # The first of an event's rows stands for all of them: of those told here, or of all if no place is asked for.
        earlier = (
            f"SELECT 1 FROM alerts other WHERE {_SAME_EVENT} AND other.id < alerts.id "  # noqa: S608
            f"AND {'TRUE' if since_s is None else 'other.ts >= ?'} AND {_has(told, 'other', destinations)}"
        )
        rows = await self._fetch(
            f"SELECT {ALERT_COLUMNS}, ({state}) AS shown FROM alerts "  # noqa: S608
            f"WHERE {where} AND {_has(told, 'alerts', destinations)} AND NOT EXISTS ({earlier}) "
            "ORDER BY alerts.ts DESC, alerts.id DESC LIMIT ?",
            (*places, *values, *places, *([] if since_s is None else [since_s]), *places, max(0, limit)),
        )
        return [StoredAlert(alert=alert_of(row), delivery=row[-1]) for row in rows]

    async def stats(
        self,
        *,
        since_s: float,
        top: int,
        destinations: Collection[Destination] | None = None,
        venue: Venue | None = None,
    ) -> AlertStats:
        """See `interfaces.storage.AlertQueries`."""
        told, places = _told(destinations)
        there = "TRUE" if venue is None else "venue = ?"
        rows = await self._fetch(
            f"SELECT kind, symbol, venue, count(DISTINCT {_EVENT}) FROM alerts WHERE ts >= ? AND {there} "  # noqa: S608
            f"AND {NO_SAMPLE} AND {_has(told, 'alerts', destinations)} GROUP BY kind, symbol, venue",
            (since_s, *(() if venue is None else (venue,)), *places),
        )
        by_kind, by_venue, by_symbol = Counter[Kind](), Counter[Venue](), Counter[str]()
        for kind, symbol, at, count in rows:
            by_kind[kind] += count
            by_venue[at] += count
            by_symbol[symbol] += count
        return AlertStats(
            total=by_kind.total(),
            by_kind=dict(sorted(by_kind.items())),
            by_venue=dict(by_venue.most_common()),
            by_symbol=sorted(by_symbol.items(), key=lambda item: (-item[1], item[0]))[: max(0, top)],
        )

    async def symbols(self) -> frozenset[str]:
        """Of all stored alerts."""
        return frozenset(symbol for (symbol,) in await self._fetch("SELECT DISTINCT symbol FROM alerts", ()))

    async def delivery_delays_ms(self) -> Sequence[int]:
        """From the event to the first message that told it, of the latest alerts; those told late are left out."""
        rows = await self._fetch(
            "SELECT min(sent_ms) - event_ms FROM alerts JOIN deliveries ON alert_id = alerts.id "  # noqa: S608
            f"WHERE late = 0 AND state = 'sent' AND {NO_SAMPLE} GROUP BY alerts.id ORDER BY alerts.id DESC LIMIT ?",
            (DELAYS_ASKED,),
        )
        return [delay_ms for (delay_ms,) in rows if 0 <= delay_ms <= LONGEST_DELAY_MS]

    async def message_id_of(self, destination: Destination, alert_key: str) -> int | None:
        rows = await self._fetch(
            "SELECT message_id FROM deliveries JOIN alerts ON alerts.id = alert_id "
            "WHERE key = ? AND chat_id = ? AND topic_id = ? AND state = 'sent'",
            (alert_key, destination.chat_id, topic_column(destination)),
        )
        return rows[0][0] if rows else None

    async def own_message_of(self, destination: Destination, alert_key: str) -> tuple[int, bool] | None:
        """None also when the message tells other alerts too (a digest grows for a minute at most), and when it was told
        as late: that form says so, and the one of an own message does not."""
        rows = await self._fetch(
            "SELECT d.message_id, d.uncertain FROM deliveries d JOIN alerts ON alerts.id = d.alert_id "
            "WHERE key = ? AND d.chat_id = ? AND d.topic_id = ? AND d.state = 'sent' AND alerts.late = 0 "
            "AND d.sent_ms - alerts.ts * 1000 <= 600000 AND NOT EXISTS ("
            "SELECT 1 FROM deliveries o WHERE o.chat_id = d.chat_id AND o.message_id = d.message_id "
            "AND o.alert_id <> d.alert_id AND o.sent_ms BETWEEN d.sent_ms - 120000 AND d.sent_ms + 120000)",
            (alert_key, destination.chat_id, topic_column(destination)),
        )
        return (rows[0][0], bool(rows[0][1])) if rows else None

    async def digest_of(self, destination: Destination, alert_key: str) -> SentDigest | None:
        """Message ids are used again in a chat that was deleted and made anew: hence the times beside them."""
        here = (destination.chat_id, topic_column(destination))
        found = await self._fetch(
            "SELECT d.message_id, d.sent_ms FROM deliveries d JOIN alerts ON alerts.id = d.alert_id "
            "WHERE key = ? AND d.chat_id = ? AND d.topic_id = ? AND d.state = 'sent'",
            (alert_key, *here),
        )
        if not found:
            return None
        message_id, sent_ms = found[0]
        rows = await self._fetch(
            "SELECT key, uncertain FROM deliveries d JOIN alerts ON alerts.id = d.alert_id WHERE d.chat_id = ? "
            "AND d.topic_id = ? AND d.message_id = ? AND sent_ms BETWEEN ? AND ? ORDER BY event_ms, alerts.id",
            (*here, message_id, sent_ms - GROWN_WITHIN_MS, sent_ms + GROWN_WITHIN_MS),
        )
        if len(rows) < 2:
            return None
        return SentDigest(
            message_id=message_id,
            keys=tuple(key for key, _ in rows),
            sent_ms=sent_ms,
            maybe_repeated=any(uncertain for _, uncertain in rows),
        )

    async def completed_since(self, destination: Destination, sent_ms: int) -> Sequence[str]:
        rows = await self._fetch(
            f"SELECT {ALERT_COLUMNS} FROM deliveries d JOIN alerts ON alerts.id = d.alert_id WHERE d.chat_id = ? "  # noqa: S608
            "AND d.topic_id = ? AND d.state = 'sent' AND d.sent_ms >= ? AND alerts.details LIKE '%is_completed%' "
            "ORDER BY alerts.id",
            (destination.chat_id, topic_column(destination), sent_ms),
        )
        return [alert.key for alert in map(alert_of, rows) if was_running(alert)]

    async def alert_of_id(self, alert_id: int) -> Alert | None:
        rows = await self._fetch(f"SELECT {ALERT_COLUMNS} FROM alerts WHERE id = ?", (alert_id,))  # noqa: S608
        return alert_of(rows[0]) if rows else None

    async def sent_since(self, chat_id: int, since_ms: int) -> Sequence[int]:
        rows = await self._fetch(
            "SELECT DISTINCT sent_ms, topic_id, message_id FROM deliveries "
            "WHERE chat_id = ? AND sent_ms >= ? AND state = 'sent' ORDER BY sent_ms",
            (chat_id, since_ms),
        )
        return [sent_ms for sent_ms, _, _ in rows]


def was_running(alert: Alert) -> bool:
    return alert.details.running_s is not None and alert.details.is_completed


def _told(destinations: Collection[Destination] | None) -> tuple[str, list[Any]]:
    """A condition on a row of `deliveries`, and its values."""
    if destinations is None:
        return "TRUE", []
    marks = ", ".join("(CAST(? AS BIGINT), CAST(? AS BIGINT))" for _ in destinations)
    places = [value for at in destinations for value in (at.chat_id, topic_column(at))]
    return f"(chat_id, topic_id) IN (VALUES {marks})" if places else "FALSE", places


def _has(told: str, alerts: str, destinations: Collection[Destination] | None) -> str:
    """That the row of the table named so was put for one of them."""
    if destinations is None:
        return "TRUE"
    return f"EXISTS (SELECT 1 FROM deliveries WHERE alert_id = {alerts}.id AND {told})"  # noqa: S608


# ---
# What each destination was told, for taking it over at the start. Failed and outdated deliveries count as told.


# One pass over the kept days. `later`: the largest of what came after it, of the same row for the same destination.
_SIZES = f"""
    SELECT chat_id, topic_id, symbol, kind, direction, note, size, event_ms, venue FROM (
        SELECT d.chat_id, d.topic_id, symbol, kind, direction, note, abs(coalesce(metric, 0)) AS size, event_ms, id,
            venue,
            max(abs(coalesce(metric, 0))) OVER (
                PARTITION BY d.chat_id, d.topic_id, venue, symbol, kind, direction, note
                ORDER BY event_ms DESC, id DESC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
            ) AS later
        FROM alerts JOIN deliveries d ON d.alert_id = alerts.id WHERE event_ms >= ? AND {NO_SAMPLE}
    ) AS sizes WHERE later IS NULL OR size > later OR event_ms >= ? ORDER BY event_ms, id
"""  # noqa: S608


class StoredAlertReader:
    """Read-only. Every method may raise StorageError."""

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch

    async def stored_since(self, event_ms: int) -> Sequence[tuple[Alert, tuple[Destination, ...]]]:
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

    async def stored_sizes(self, *, since_ms: int, recent_ms: int) -> Sequence[StoredSize]:
        rows = await self._fetch(_SIZES, (since_ms, recent_ms))
        return [StoredSize(destination_of(row[0], row[1]), *row[2:]) for row in rows]

    async def stored_first_ms(self) -> Mapping[Destination, int]:
        rows = await self._fetch(
            "SELECT chat_id, topic_id, min(event_ms) FROM deliveries JOIN alerts ON alerts.id = alert_id "  # noqa: S608
            f"WHERE {NO_SAMPLE} GROUP BY chat_id, topic_id",
            (),
        )
        return {destination_of(chat_id, topic): event_ms for chat_id, topic, event_ms in rows}


# ---
# Looking at the stored alerts from another process, without a lock and without a write.


@asynccontextmanager
async def alert_reader(path: Path | str, *, clock: Clock | None = None) -> AsyncIterator[AlertReader]:
    """The database of a monitor that may be running. path: as `Config.alerts_at`.

    Raises:
        StorageError: there is no such file, it cannot be read, or it is not (yet) of this version.
    """
    if isinstance(path, str):
        from altmonitor.storage.postgres.reader import postgres_fetch

        async with postgres_fetch(path) as fetch_there:
            yield AlertReader(fetch_there)
        return
    way_out = "no alert was stored yet (run `altmonitor run`), or DB_FILE names another file"
    async with read_only(path, clock=clock or SystemClock(), if_not_opened=way_out) as fetch:
        version = (await fetch("PRAGMA user_version", ()))[0][0]
        if version != migrate.latest_version():
            raise StorageError(
                f"{path} has version {version}, this altmonitor reads {migrate.latest_version()}: "
                "start the monitor once with this version, or install a newer one"
            )
        yield AlertReader(fetch)


class AlertFile:
    """Satisfies `interfaces.storage.AlertQueries`: a monitor's database, opened read-only for each question."""

    def __init__(self, path: Path | str, *, clock: Clock) -> None:
        self._path = path
        self._clock = clock

    async def recent(self, *, limit: int, **wanted: Unpack[AlertFilter]) -> Sequence[StoredAlert]:
        async with alert_reader(self._path, clock=self._clock) as alerts:
            return await alerts.recent(limit=limit, **wanted)

    async def stats(
        self,
        *,
        since_s: float,
        top: int,
        destinations: Collection[Destination] | None = None,
        venue: Venue | None = None,
    ) -> AlertStats:
        async with alert_reader(self._path, clock=self._clock) as alerts:
            return await alerts.stats(since_s=since_s, top=top, destinations=destinations, venue=venue)
