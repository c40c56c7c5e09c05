"""Answers to /who and /div: the exchange, its website, and what a tracker stored."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from altmonitor.collect.positioning_lookup import LookedUp, Sources, look_up
from altmonitor.commands.position_facts import DivergenceFacts, MissingPart, WhoFacts
from altmonitor.core.clock import Clock
from altmonitor.core.errors import ExchangeUnreachable, NoSnapshotsYet, StorageError
from altmonitor.core.status import GuardStatus
from altmonitor.interfaces.exchange import DayTicker, Priority
from altmonitor.interfaces.positioning_ports import Cohorts, SmartMoney
from altmonitor.positioning.divergence import divergence
from altmonitor.positioning.history import SLACK_MS, Change, NotEnoughHistory, Snapshot, change
from altmonitor.positioning.periods import DEFAULT_PERIOD
from altmonitor.positioning.scan import MAX_AGE_MIN, ExtremeScan, scan_extreme
from altmonitor.positioning.smart_money import Overview
from altmonitor.positioning.trend import ProfitTrend, profit_trend
from altmonitor.storage.snapshot_queries import snapshot_reader

ANSWER_WITHIN_S = 6.0
"""Whoever asked in a chat waits for it, and others behind."""

BUCKETS = 3
"""Of each cohort: the newest may be there for one and not yet for the other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskSources:
    """day: of the last minutes, None when older. tracked: the file a tracker writes. answer_within_s: see above."""

    clock: Clock
    live: Sources
    cohorts: Cohorts
    day: Callable[[str], DayTicker | None]
    tracked: Path
    answer_within_s: float = ANSWER_WITHIN_S


class PositionDesk:
    """Satisfies `control.position_facts.PositionQueries`."""

    def __init__(self, sources: DeskSources) -> None:
        self._from = sources
        patient = _Patient(sources.live.smart_money, clock=sources.clock, within_s=sources.answer_within_s)
        self._live = replace(sources.live, smart_money=patient)

    async def who(self, symbol: str) -> WhoFacts:
        """An overview that cannot be had now is taken from the tracked rows; its age is shown."""
        found = await look_up(
            symbol, self._live, period=DEFAULT_PERIOD, priority=Priority.ENRICH, clock=self._from.clock
        )
        day = self._from.day(symbol)
        return WhoFacts(
            picture=replace(found.picture, overview=found.picture.overview or await self._stored(symbol, found)),
            day_change_pct=None if day is None else day.change_pct,
            day_quote_usdt=None if day is None else day.quote_usdt,
            missing=tuple(
                MissingPart(part=part, cause=absent.cause, until_ms=absent.until_ms)
                for part, absent in found.absent.items()
            ),
        )

    async def divergence(self, symbol: str, *, period: str) -> DivergenceFacts:
        histories = await self._from.cohorts.cohorts(symbol, period=period, limit=BUCKETS, priority=Priority.ENRICH)
        return DivergenceFacts(symbol=symbol, period=period, found=divergence(histories))

    async def change(self, symbol: str, *, minutes: int) -> Change | NotEnoughHistory:
        rows = await self._rows(symbol, minutes)
        return change(symbol, rows, minutes=minutes, now_ms=self._from.clock.now_ms())

    async def trend(self, symbol: str, *, minutes: int) -> ProfitTrend | NotEnoughHistory:
        rows = await self._rows(symbol, minutes)
        return profit_trend(symbol, rows, minutes=minutes, now_ms=self._from.clock.now_ms())

    async def scan(self, *, limit: int) -> ExtremeScan:
        now_ms = self._from.clock.now_ms()
        rows: Sequence[Snapshot] = ()
        with suppress(NoSnapshotsYet):
            async with snapshot_reader(self._from.tracked) as tracked:
                rows = await tracked.newest_snapshots(since_ms=now_ms - round(MAX_AGE_MIN * 60_000))
        return scan_extreme(rows, now_ms=now_ms, limit=limit)

    async def _stored(self, symbol: str, found: LookedUp) -> Overview | None:
        absent = found.absent.get("smartMoney")
        if absent is None or absent.cause == "no data":
            return None
        try:
            rows = await self._rows(symbol, MAX_AGE_MIN)
        except StorageError:  # why the exchange did not tell is what is shown
            return None
        return rows[-1].overview if rows else None

    async def _rows(self, symbol: str, minutes: float) -> Sequence[Snapshot]:
        since_ms = self._from.clock.now_ms() - round(minutes * 60_000) - SLACK_MS
        with suppress(NoSnapshotsYet):
            async with snapshot_reader(self._from.tracked) as tracked:
                return await tracked.snapshots(symbol, since_ms=since_ms)
        return ()


class _Patient:
    """`SmartMoney` for somebody who waits."""

    def __init__(self, smart_money: SmartMoney, *, clock: Clock, within_s: float) -> None:
        self._smart_money = smart_money
        self._clock = clock
        self._within_s = within_s

    async def overview(self, symbol: str, *, priority: Priority, is_fresh: bool = False) -> Overview | None:
        try:
            async with self._clock.timeout(self._within_s):
                return await self._smart_money.overview(symbol, priority=priority, is_fresh=is_fresh)
        except TimeoutError:
            raise ExchangeUnreachable(f"no answer within {self._within_s:.0f} s") from None

    def guard_status(self) -> GuardStatus:
        return self._smart_money.guard_status()
