"""What became of alerts, in the database: which are to be measured, and what was measured."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from altmonitor.core.alert import DETECTED_KINDS, SAMPLE_KEY, Direction, Kind
from altmonitor.core.outcome import AlertReturn
from altmonitor.core.types import Venue
from altmonitor.market.math import Quadrant
from altmonitor.storage.rows import Fetch, Write

SINCE_KEY = "outcomes_since_ms"
ROWS_AT_ONCE = 2_000
PAGE_ROWS = 500
"""Alerts are stored over the same connection, and frames are judged in the same thread: nothing may hold them long."""
NEWEST = 2**62, 0

RETURN_FIELDS = (
    *("raw_pct", "best_pct", "worst_pct", "btc_pct", "control_pct", "control_up"),
    *("control_count", "control_hours", "unknown", "unknown_reach", "unknown_btc", "unknown_control"),
)
_RETURNS = ", ".join(RETURN_FIELDS)
_REPLACED = ", ".join(f"{name} = excluded.{name}" for name in RETURN_FIELDS)
_KINDS = ", ".join(f"'{kind}'" for kind in DETECTED_KINDS)
_MEASURED = (
    f"late = 0 AND kind IN ({_KINDS}) AND key NOT LIKE '{SAMPLE_KEY}%' AND instr(details, '\"merged_into\"') = 0"
)
"""Told late, an alert has no honest entry; a condition, a position or a sample foretells nothing; what was told with
another venue's is the same event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAlert:
    """Of which nothing is recorded yet. ts_ms: of detection."""

    id: int
    ts_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DueAlert:
    """Of which something can be measured now. sent_ms: of its first message, None where it has none (yet). delay_ms:
    as it was frozen; None: not yet."""

    id: int
    key: str
    symbol: str
    kind: Kind
    direction: Direction
    venue: Venue
    event_ms: int
    delay_ms: int | None
    sent_ms: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedOutcome:
    """One alert and one horizon. settings: None where they are not known. values: as `RETURN_FIELDS`."""

    key: str
    kind: Kind
    direction: Direction
    quadrant: Quadrant | None
    detectors: str
    settings: str | None
    entry_ms: int
    entry: float | None
    horizon_min: int
    values: tuple[Any, ...]


class OutcomeReader:
    """Read-only. Every method may raise StorageError."""

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch

    async def recorded(
        self, before: tuple[int, int] = NEWEST
    ) -> tuple[Sequence[RecordedOutcome], tuple[int, int] | None]:
        """A page, the newest alert first, and the place behind it; None: that was the last."""
        rows = await self._fetch(
            "SELECT o.alert_id, r.horizon_min, key, kind, direction, quadrant, detectors, settings, "  # noqa: S608
            f"entry_ms, entry, {_RETURNS} "
            "FROM outcome_returns r JOIN outcomes o ON o.alert_id = r.alert_id JOIN alerts ON alerts.id = r.alert_id "
            "WHERE (r.alert_id, r.horizon_min) < (?, ?) ORDER BY r.alert_id DESC, r.horizon_min DESC LIMIT ?",
            (*before, PAGE_ROWS),
        )
        found = [
            RecordedOutcome(
                horizon_min=row[1],
                key=row[2],
                kind=row[3],
                direction=row[4],
                quadrant=row[5],
                detectors=row[6],
                settings=row[7],
                entry_ms=row[8],
                entry=row[9],
                values=tuple(row[10:]),
            )
            for row in rows
        ]
        return found, (rows[-1][0], rows[-1][1]) if len(rows) == PAGE_ROWS else None

    async def of_alerts(self, keys: Collection[str]) -> Mapping[str, Sequence[AlertReturn]]:
        """What is measured of each, the nearest horizon first; alerts of which nothing is are absent."""
        found: dict[str, list[AlertReturn]] = {}
        wanted = list(keys)
        for at in range(0, len(wanted), PAGE_ROWS):
            some = wanted[at : at + PAGE_ROWS]
            marks = ", ".join("?" * len(some))
            rows = await self._fetch(
                "SELECT key, horizon_min, raw_pct, best_pct, worst_pct, btc_pct, control_pct FROM outcome_returns "  # noqa: S608
                f"JOIN alerts ON alerts.id = alert_id WHERE key IN ({marks}) ORDER BY alert_id, horizon_min",
                some,
            )
            for key, horizon_min, raw, best, worst, btc, control in rows:
                found.setdefault(key, []).append(
                    AlertReturn(
                        horizon_min=horizon_min,
                        return_pct=raw,
                        best_pct=best,
                        worst_pct=worst,
                        btc_pct=btc,
                        control_pct=control,
                    )
                )
        return found

    async def since_ms(self) -> int | None:
        """When the recording began; None: it has not."""
        rows = await self._fetch("SELECT value FROM meta WHERE key = ?", (SINCE_KEY,))
        return int(rows[0][0]) if rows and rows[0][0].isdigit() else None

    async def pending(self) -> int:
        """Alerts of which something is still to come."""
        return int((await self._fetch("SELECT count(*) FROM outcomes WHERE due_ms IS NOT NULL", ()))[0][0])


class OutcomeRecords(OutcomeReader):
    """Every method may raise StorageError."""

    def __init__(self, fetch: Fetch, write: Write) -> None:
        super().__init__(fetch)
        self._write = write

    async def unrecorded(self, *, since_ms: int, after_id: int) -> Sequence[NewAlert]:
        """The next `ROWS_AT_ONCE` in the order of their ids. since_ms: event time of the oldest that counts."""
        rows = await self._fetch(
            "SELECT id, ts FROM alerts LEFT JOIN outcomes ON alert_id = id "  # noqa: S608
            f"WHERE id > ? AND event_ms >= ? AND alert_id IS NULL AND {_MEASURED} ORDER BY id LIMIT ?",
            (after_id, since_ms, ROWS_AT_ONCE),
        )
        return [NewAlert(id=alert_id, ts_ms=round(ts * 1000)) for alert_id, ts in rows]

    async def begin(self, rows: Sequence[tuple[NewAlert, str, str | None, int]]) -> None:
        """(alert, version of the detectors, of the settings, when it is due). Repeated, it changes nothing."""
        await self._write(
            (
                "INSERT INTO outcomes (alert_id, detectors, settings, due_ms) SELECT ?, ?, ?, ? "
                "WHERE EXISTS (SELECT 1 FROM alerts WHERE id = ?) ON CONFLICT DO NOTHING",
                [(one.id, detectors, settings, due_ms, one.id) for one, detectors, settings, due_ms in rows],
            )
        )

    async def due(self, now_ms: int, *, limit: int) -> Sequence[DueAlert]:
        """Those that have waited longest first."""
        rows = await self._fetch(
            "SELECT id, key, symbol, kind, direction, venue, event_ms, delay_ms, "
            "(SELECT min(sent_ms) FROM deliveries d WHERE d.alert_id = id AND state = 'sent') "
            "FROM outcomes JOIN alerts ON id = outcomes.alert_id WHERE due_ms <= ? ORDER BY due_ms LIMIT ?",
            (now_ms, limit),
        )
        return [DueAlert(**dict(zip(DueAlert.__slots__, row, strict=True))) for row in rows]

    async def entries_of(self, symbol: str, venue: Venue, *, since_ms: int, until_ms: int) -> Sequence[int]:
        """Event times of a symbol's alerts in that span."""
        rows = await self._fetch(
            f"SELECT event_ms FROM alerts WHERE symbol = ? AND venue = ? AND event_ms BETWEEN ? AND ? AND {_MEASURED}",  # noqa: S608
            (symbol, venue, since_ms, until_ms),
        )
        return [event_ms for (event_ms,) in rows]

    async def store(self, measured: Sequence[MeasuredOutcome]) -> None:
        marks = ", ".join("?" * (2 + len(RETURN_FIELDS)))
        await self._write(
            (
                "UPDATE outcomes SET delay_ms = ?, is_delay_measured = ?, entry_ms = ?, entry = ?, due_ms = ? "
                "WHERE alert_id = ?",
                [
                    (one.delay_ms, int(one.is_delay_measured), one.entry_ms, one.entry, one.due_ms, one.alert_id)
                    for one in measured
                ],
            ),
            (
                f"INSERT INTO outcome_returns (alert_id, horizon_min, {_RETURNS}) SELECT {marks} "  # noqa: S608
                "WHERE EXISTS (SELECT 1 FROM outcomes WHERE alert_id = ?) "
                f"ON CONFLICT (alert_id, horizon_min) DO UPDATE SET {_REPLACED}",
                [(one.alert_id, horizon, *values, one.alert_id) for one in measured for horizon, values in one.returns],
            ),
        )

    async def postpone(self, alert_id: int, due_ms: int) -> None:
        await self._write(("UPDATE outcomes SET due_ms = ? WHERE alert_id = ?", [(due_ms, alert_id)]))


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredOutcome:
    """returns: (horizon, values as `RETURN_FIELDS`). due_ms: of what is still to come; None: nothing."""

    alert_id: int
    delay_ms: int
    is_delay_measured: bool
    entry_ms: int
    entry: float | None
    due_ms: int | None
    returns: tuple[tuple[int, tuple[Any, ...]], ...]
