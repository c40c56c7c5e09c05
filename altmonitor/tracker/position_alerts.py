"""Alerts about who is positioned: a side of a tracked symbol that grew or shrank, a gap to the crowd that opened.

Only for symbols on the tracker's watchlist, and only for what happens from now on.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import msgspec

from altmonitor.core.alert import DETECTED_KINDS, Alert, Details, Positions
from altmonitor.core.clock import Clock
from altmonitor.core.errors import ExchangeError, StorageError
from altmonitor.core.log import FailureLog
from altmonitor.core.types import Destination
from altmonitor.interfaces.alerts import AlertSink
from altmonitor.interfaces.exchange import Priority
from altmonitor.interfaces.positioning import Cohorts
from altmonitor.interfaces.storage import MetaStore
from altmonitor.positioning.divergence import Divergence, Signal, divergence, next_side, signal_of
from altmonitor.positioning.history import (
    SLACK_MS,
    THRESHOLD_PCT,
    WINDOW_MIN,
    NotEnoughSnapshots,
    PositionAlert,
    PositionChange,
    Snapshot,
    change,
    position_alerts,
)
from altmonitor.settings.audience import Audience
from altmonitor.tracker.series import PositionMoved, SnapshotStore

log = logging.getLogger(__name__)

LOOK_EVERY_S: Final = 60.0
SETTLED_MS: Final = 90_000
"""A tracker that has a chat of its own tells a new row itself; until then nobody else does."""

GAPS_EVERY_S: Final = 300.0
GAP_SPACING_S: Final = 1.0
BUCKETS: Final = 3
_TOLD_KEY, _GAPS_KEY = "positions_told", "gaps_told"


class TrackedRows(Protocol):
    """What a tracker stored; nothing where there is no tracker. Both raise StorageError."""

    async def snapshots(self, symbol: str, *, since_ms: int) -> Sequence[Snapshot]:
        """Oldest → newest."""

    async def was_told(self, symbol: str, fingerprint: str, *, since_ms: int) -> bool: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionAlertDeps:
    """symbols: the watchlist. window_min, threshold_pct: see `position_alerts`. period: of the ratios."""

    clock: Clock
    sink: AlertSink
    memory: MetaStore
    rows: TrackedRows
    cohorts: Cohorts
    audiences: Callable[[], Sequence[Audience]]
    symbols: tuple[str, ...]
    window_min: float
    threshold_pct: float
    period: str


class PositionAlerts:
    def __init__(self, links: PositionAlertDeps) -> None:
        self._links = links
        self._clock = links.clock
        self._looked_ms = dict.fromkeys(links.symbols, links.clock.now_ms())
        self._told_ms: dict[str, int] = {}
        self._gaps: dict[str, Signal] = {}

    async def run(self) -> None:
        """Until cancelled."""
        await self._remember()
        async with asyncio.TaskGroup() as both:
            both.create_task(self._follow_rows(), name="tracked positions")
            both.create_task(self._follow_gaps(), name="gaps to the crowd")

    # --- sizes of sides

    async def _follow_rows(self) -> None:
        failures = FailureLog(log, "tracked positions cannot be read: %s", of=StorageError)
        while True:
            with failures:
                for symbol in self._links.symbols:
                    await self._look(symbol)
            await self._clock.sleep(LOOK_EVERY_S)

    async def _look(self, symbol: str) -> None:
        links, now_ms = self._links, self._clock.now_ms()
        window_ms = round(links.window_min * 60_000)
        rows = await links.rows.snapshots(symbol, since_ms=now_ms - window_ms - SLACK_MS - SETTLED_MS)
        settled = [row for row in rows if row.time_ms <= now_ms - SETTLED_MS]
        if not settled or settled[-1].time_ms <= self._looked_ms[symbol]:
            return
        newest_ms = settled[-1].time_ms
        found = change(symbol, settled, minutes=links.window_min, now_ms=newest_ms)
        if not isinstance(found, NotEnoughSnapshots):
            for alert in position_alerts(found, threshold_pct=links.threshold_pct):
                if not await self._was_told(alert, newest_ms - window_ms):
                    await self._tell_position(alert, found)
        self._looked_ms[symbol] = newest_ms

    async def _was_told(self, alert: PositionAlert, since_ms: int) -> bool:
        if self._told_ms.get(_name(alert), since_ms - 1) >= since_ms:
            return True
        return await self._links.rows.was_told(alert.symbol, alert.fingerprint, since_ms=since_ms)

    async def _tell_position(self, alert: PositionAlert, found: PositionChange) -> None:
        oldest_ms = found.to_ms - round(self._links.window_min * 60_000)
        self._told_ms = {name: at_ms for name, at_ms in self._told_ms.items() if at_ms >= oldest_ms}
        self._told_ms[_name(alert)] = found.to_ms
        side = found.long if alert.side == "long" else found.short
        self._put(
            Alert(
                key=f"position:{alert.symbol}:{alert.fingerprint}:{found.to_ms}",
                ts=self._clock.now_ms() / 1000,
                event_ms=found.to_ms,
                symbol=alert.symbol,
                kind="position",
                direction="DOWN" if alert.step == "cut" else "UP",
                price=found.mark_price,
                metric=alert.change_pct,
                note=alert.side,
                details=Details(
                    threshold=self._links.threshold_pct,
                    positions=Positions(
                        from_coins=alert.from_coins,
                        to_coins=alert.to_coins,
                        minutes=found.span_minutes,
                        entry=side.to_avg_entry,
                    ),
                ),
            )
        )
        await self._links.memory.meta_set(_TOLD_KEY, msgspec.json.encode(self._told_ms).decode())

    # --- gaps to the crowd

    async def _follow_gaps(self) -> None:
        failures = FailureLog(log, "a gap that was told cannot be remembered: %s", of=StorageError)
        while True:
            for symbol in self._links.symbols:
                try:
                    with failures:
                        await self._ask(symbol)
                except ExchangeError as problem:
                    log.debug("the gap of %s is not known now: %s", symbol, problem)
                await self._clock.sleep(GAP_SPACING_S)
            await self._clock.sleep(GAPS_EVERY_S)

    async def _ask(self, symbol: str) -> None:
        links = self._links
        histories = await links.cohorts.cohorts(symbol, period=links.period, limit=BUCKETS, priority=Priority.TRACKING)
        found = divergence(histories)
        if found is None:
            return
        before = self._gaps.get(symbol)
        if before is None:  # how it stands when it is first seen is no crossing
            now, is_raised = signal_of(found.long_pct_gap), False
        else:
            now, is_raised = next_side(before, found.long_pct_gap)
        if is_raised:
            self._tell_gap(symbol, found)
        if now != before:
            self._gaps[symbol] = now
            await links.memory.meta_set(_GAPS_KEY, msgspec.json.encode(self._gaps).decode())

    def _tell_gap(self, symbol: str, found: Divergence) -> None:
        self._put(
            Alert(
                key=f"divergence:{symbol}:{found.signal}:{found.time_ms}",
                ts=self._clock.now_ms() / 1000,
                event_ms=found.time_ms,
                symbol=symbol,
                kind="divergence",
                direction="UP" if found.long_pct_gap > 0 else "DOWN",
                metric=found.long_pct_gap,
                note=self._links.period,
                details=Details(
                    positions=Positions(crowd_long_pct=found.retail_long_pct, top_long_pct=found.smart_money_long_pct)
                ),
            )
        )

    # --- both

    def _put(self, alert: Alert) -> None:
        to = heard_by(self._links.audiences(), alert.symbol, now_s=self._clock.now_ms() / 1000)
        if to:
            self._links.sink.put(alert, to=to)

    async def _remember(self) -> None:
        """What cannot be read any more is told anew, if it happens anew."""
        try:
            told, gaps = await self._links.memory.meta_get(_TOLD_KEY), await self._links.memory.meta_get(_GAPS_KEY)
            self._told_ms = msgspec.json.decode(told, type=dict[str, int]) if told else {}
            self._gaps = msgspec.json.decode(gaps, type=dict[str, Signal]) if gaps else {}
        except (StorageError, msgspec.MsgspecError) as problem:
            log.warning("what was told about positions is forgotten: %s", problem)


def heard_by(audiences: Sequence[Audience], symbol: str, *, now_s: float) -> list[Destination]:
    """Those who take every kind of alert, watch this symbol and did not mute it."""
    return [
        audience.destination
        for audience in audiences
        if audience.kinds == frozenset(DETECTED_KINDS)
        and audience.settings.is_watched(symbol)
        and not audience.settings.is_muted(symbol, now_s)
    ]


def _name(alert: PositionAlert) -> str:
    return f"{alert.symbol} {alert.fingerprint}"


# ---
# Positions of watched symbols that changed enough to be told, found in the stored rows.


class PositionWatch:
    """window_min: minutes a change is measured over, and a told one is not repeated in. threshold_pct: > 0."""

    def __init__(
        self, store: SnapshotStore, *, window_min: float = WINDOW_MIN, threshold_pct: float = THRESHOLD_PCT
    ) -> None:
        self._store = store
        self._window_min = window_min
        self._threshold_pct = threshold_pct

    async def evaluate(self, newest: Snapshot) -> list[PositionMoved]:
        """After a new row: what is to be told and was not yet. Raises: StorageError."""
        symbol, now_ms = newest.overview.symbol, newest.time_ms
        since_ms = now_ms - round(self._window_min * 60_000) - SLACK_MS
        rows = await self._store.snapshots(symbol, since_ms=since_ms)
        found = change(symbol, rows, minutes=self._window_min, now_ms=now_ms)
        if isinstance(found, NotEnoughSnapshots):
            return []
        return [
            PositionMoved(alert=alert, change=found)
            for alert in position_alerts(found, threshold_pct=self._threshold_pct)
            if not await self._store.was_told(symbol, alert.fingerprint, since_ms=self._since_ms(now_ms))
        ]

    def _since_ms(self, now_ms: int) -> int:
        return now_ms - round(self._window_min * 60_000)
