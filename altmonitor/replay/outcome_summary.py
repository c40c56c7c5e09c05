"""What the recorded outcomes say together, kept at hand for the line on the next alert and for whoever asks."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec
import numpy as np

from altmonitor.core.alert import DETECTED_KINDS, Alert, OutcomeLine, event_key
from altmonitor.core.clock import Clock
from altmonitor.core.errors import StorageError
from altmonitor.core.outcome import HORIZONS_MIN, LINE_HORIZON_MIN, OutcomeRow, OutcomeSummary, line_key
from altmonitor.core.types import Destination
from altmonitor.interfaces.alerts import AlertSink
from altmonitor.replay.columns import Floats
from altmonitor.replay.outcome_statistics import OutcomeAlerts, latest_moments_pct, outcome_table
from altmonitor.replay.outcome_versions import SettingsVersions
from altmonitor.replay.outcomes import SIGNS, Outcomes, Small, Unknown
from altmonitor.storage.outcome_records import NEWEST, RETURN_FIELDS, OutcomeReader, RecordedOutcome

log = logging.getLogger(__name__)

LINE_MOMENTS: Final = 20
REFRESH_EVERY_S: Final = 900.0
MOST_ROWS: Final = 50_000
"""Ten thousand alerts at five horizons: enough to tell an effect from chance, and little work to read again."""
_REASONS: Final = ("unknown", "unknown_reach", "unknown_btc", "unknown_control")


def summary_of(
    recorded: Sequence[RecordedOutcome],
    *,
    detectors: str,
    settings: str | None,
    fee_pct: float,
    since_ms: int | None,
    pending: int,
) -> OutcomeSummary:
    """detectors, settings: versions in force now; None: not known, nothing is forward then."""
    of_now = [one for one in recorded if one.detectors == detectors]
    found = _alerts(of_now)
    rows = tuple(outcome_table(found, fee_pct=fee_pct))
    of_settings = [] if settings is None else [one for one in of_now if one.settings == settings]
    return OutcomeSummary(
        since_ms=since_ms,
        alerts=len(found.kinds),
        pending=pending,
        earlier=len({event_key(one.key) for one in recorded if one.detectors != detectors}),
        fee_pct=fee_pct,
        rows=rows,
        forward=tuple(row for row in outcome_table(_alerts(of_settings), fee_pct=fee_pct) if row.direction is None),
        lines=_lines(found, rows),
    )


def _alerts(recorded: Sequence[RecordedOutcome]) -> OutcomeAlerts:
    """One row for each event of the market, however many chats were told it."""
    events: dict[str, int] = {}
    first: list[RecordedOutcome] = []
    for one in recorded:
        if events.setdefault(event_key(one.key), len(first)) == len(first):
            first.append(one)
    floats = np.full((len(first), len(HORIZONS_MIN), len(RETURN_FIELDS)), np.nan)
    numbers = {horizon: number for number, horizon in enumerate(HORIZONS_MIN)}
    for one in recorded:
        if one.horizon_min in numbers:
            row = [np.nan if value is None else value for value in one.values]
            floats[events[event_key(one.key)], numbers[one.horizon_min]] = row
    tables = dict(zip(RETURN_FIELDS, np.moveaxis(floats, 2, 0), strict=True))
    outcomes = Outcomes(
        sign=np.array([SIGNS[one.direction] for one in first], dtype=np.int8),
        entry_ms=np.array([one.entry_ms for one in first], dtype=np.int64),
        entry=np.array([np.nan if one.entry is None else one.entry for one in first], dtype=np.float64),
        raw_pct=tables["raw_pct"],
        best_pct=tables["best_pct"],
        worst_pct=tables["worst_pct"],
        btc_pct=tables["btc_pct"],
        control_pct=tables["control_pct"],
        control_up=tables["control_up"],
        control_count=np.nan_to_num(tables["control_count"]).astype(np.int64),
        control_hours=np.nan_to_num(tables["control_hours"]).astype(np.int64),
        **{name: _reasons(tables[name]) for name in _REASONS},
    )
    return OutcomeAlerts(
        kinds=[one.kind for one in first],
        directions=[one.direction for one in first],
        quadrants=[one.quadrant for one in first],
        outcomes=outcomes,
    )


def _reasons(values: Floats) -> Small:
    """What is not recorded yet lies ahead."""
    return np.nan_to_num(values, nan=float(Unknown.NOT_YET)).astype(np.int8)


def _lines(found: OutcomeAlerts, rows: Sequence[OutcomeRow]) -> dict[str, OutcomeLine]:
    number = HORIZONS_MIN.index(LINE_HORIZON_MIN)
    more = {row.kind for row in rows if row.horizon_min == LINE_HORIZON_MIN and row.verdict == "more_than_chance"}
    lines: dict[str, OutcomeLine] = {}
    for kind, direction in sorted(set(zip(found.kinds, found.directions, strict=True))):
        latest = latest_moments_pct(found, kind, direction, number, LINE_MOMENTS)
        if len(latest) == LINE_MOMENTS and kind in DETECTED_KINDS:
            lines[line_key(kind, direction)] = OutcomeLine(
                moments=LINE_MOMENTS,
                went_on=int((latest > 0).sum()),
                median_pct=float(np.median(latest)),
                minutes=LINE_HORIZON_MIN,
                is_chance=kind not in more,
            )
    return lines


async def read_summary(
    reader: OutcomeReader, *, detectors: Callable[[], str], settings: str | None, fee_pct: float
) -> OutcomeSummary:
    """Of the newest ones, page after page, and reckoned in a thread. detectors: their version, asked for in that
    thread and only where something is recorded. Raises: StorageError."""
    recorded: list[RecordedOutcome] = []
    place: tuple[int, int] | None = NEWEST
    while place is not None and len(recorded) < MOST_ROWS:
        page, place = await reader.recorded(place)
        recorded += page
        await asyncio.sleep(0)  # frames go first
    recorded.reverse()
    pending, since_ms = await reader.pending(), await reader.since_ms()

    def work() -> OutcomeSummary:
        return summary_of(
            recorded,
            detectors=detectors() if recorded else "",
            settings=settings,
            fee_pct=fee_pct,
            since_ms=since_ms,
            pending=pending,
        )

    return await asyncio.to_thread(work)


# ---
# In the running monitor.


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeBoardDeps:
    reader: OutcomeReader
    clock: Clock
    detectors: Callable[[], str]
    versions: SettingsVersions
    fee_pct: float


class OutcomeBoard:
    """summary: None until it was read once."""

    def __init__(self, deps: OutcomeBoardDeps) -> None:
        self._at = deps
        self._is_old = True
        self.summary: OutcomeSummary | None = None

    def on_measured(self, keys: Collection[str] = ()) -> None:
        self._is_old = True

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self._at.versions.save()
                if self._is_old:
                    self._is_old = False
                    self.summary = await self.read()
            except StorageError as problem:
                self._is_old = True
                log.warning("what became of alerts cannot be read now: %s", problem)
            await self._at.clock.sleep(REFRESH_EVERY_S)

    async def read(self) -> OutcomeSummary:
        """As it is stored now. Raises: StorageError."""
        return await read_summary(
            self._at.reader,
            detectors=self._at.detectors,
            settings=self._at.versions.now,
            fee_pct=self._at.fee_pct,
        )

    async def current(self) -> OutcomeSummary:
        """A quarter of an hour old at most. Raises: StorageError."""
        if self.summary is None:
            self.summary = await self.read()
        return self.summary

    def line_of(self, alert: Alert) -> OutcomeLine | None:
        if self.summary is None or alert.late:
            return None
        return self.summary.lines.get(line_key(alert.kind, alert.direction))


class WithOutcomes:
    """An `AlertSink` whose alerts carry the line about earlier ones like them."""

    def __init__(self, sink: AlertSink, line_of: Callable[[Alert], OutcomeLine | None]) -> None:
        self._sink = sink
        self._line_of = line_of

    def put(self, alert: Alert, *, to: Sequence[Destination]) -> None:
        line = self._line_of(alert)
        if line is not None:
            details = msgspec.structs.replace(alert.details, outcomes=line)
            alert = msgspec.structs.replace(alert, details=details)
        self._sink.put(alert, to=to)
