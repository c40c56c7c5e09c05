"""Who is positioned: what chats and programs ask, answered by the exchange, its website and a tracker's file."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from altmonitor.collect.positioning_lookup import LookedUp, LookupDeps, look_up
from altmonitor.config import Config
from altmonitor.core.clock import Clock
from altmonitor.core.errors import BudgetExhausted, ExchangeUnreachable, NoSnapshotsYet, StorageError
from altmonitor.core.log import FailureLog
from altmonitor.core.status import GuardStatus
from altmonitor.core.types import Venue
from altmonitor.exchanges.binance.client import BinanceClient
from altmonitor.interfaces.exchange import Priority
from altmonitor.interfaces.positioning import Cohorts, SmartMoney
from altmonitor.interfaces.queries import (
    EVERYTHING,
    DivergenceFacts,
    MissingPart,
    PositionScope,
    StatisticsChange,
    WhoFacts,
)
from altmonitor.market.quotes import DayTicker
from altmonitor.positioning.divergence import divergence
from altmonitor.positioning.history import (
    MAX_AGE_MIN,
    SLACK_MS,
    ExtremeScan,
    NotEnoughSnapshots,
    PositionChange,
    ProfitTrend,
    Snapshot,
    change,
    profit_trend,
    scan_extreme,
)
from altmonitor.positioning.smart_money import Overview
from altmonitor.positioning.statistics_history import BAR_SLACK_MS, stored_oi_change, stored_ratio_change
from altmonitor.positioning.units import DEFAULT_PERIOD
from altmonitor.storage.snapshot_queries import snapshot_reader

log = logging.getLogger(__name__)


def positioning_deps(config: Config, *, clock: Clock) -> BinanceClient:
    """Remembers refusals beside DB_FILE, as the monitor and the tracker do."""
    return BinanceClient(
        rest_url=config.binance_rest_url,
        web_url=config.binance_web_url,
        folder=config.db_file.parent,
        clock=clock,
    )


COHORT_ANSWER_WITHIN_S = 6.0
"""Whoever asked in a chat waits for it, and others behind."""

BUCKETS = 3
"""Of each cohort: the newest may be there for one and not yet for the other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionQueryDeps:
    """day: of the last minutes, None when older. tracked: the file a tracker writes. answer_within_s: see above.

    priority: of what is asked of the exchange. period: of the top traders' stored buckets. venue: the one that all of
    it is about. elsewhere: ratios of others that tell of crowd and top traders.
    """

    clock: Clock
    live: LookupDeps
    cohorts: Cohorts
    day: Callable[[str], DayTicker | None]
    tracked: Path
    answer_within_s: float = COHORT_ANSWER_WITHIN_S
    priority: Priority = Priority.ENRICH
    period: str = DEFAULT_PERIOD
    venue: Venue = "binance"
    elsewhere: Mapping[Venue, Cohorts] = field(default_factory=dict)


class LivePositionQueries:
    """Satisfies `interfaces.queries.PositionQueries`."""

    def __init__(self, sources: PositionQueryDeps) -> None:
        self._from = sources
        self._reading = FailureLog(log, "what was tracked cannot be read: %s", of=StorageError)
        patient = _Patient(sources.live.smart_money, clock=sources.clock, within_s=sources.answer_within_s)
        self._live = replace(sources.live, smart_money=patient)

    async def who(self, symbol: str, scope: PositionScope = EVERYTHING) -> WhoFacts:
        """An overview that cannot be had now is taken from the tracked rows; its age is shown."""
        found = await look_up(symbol, self._live, scope=scope, priority=self._from.priority, clock=self._from.clock)
        day = self._from.day(symbol)
        return WhoFacts(
            picture=replace(found.picture, overview=found.picture.overview or await self._stored(symbol, found)),
            day_change_pct=None if day is None else day.change_pct,
            day_quote_usdt=None if day is None else day.quote_usdt,
            missing=tuple(
                MissingPart(part=part, cause=absent.cause, until_ms=absent.until_ms, reason=absent.reason)
                for part, absent in found.absent.items()
            ),
        )

    @property
    def divergence_venues(self) -> Collection[Venue]:
        return {self._from.venue, *self._from.elsewhere}

    async def divergence(self, symbol: str, *, period: str, venue: Venue | None = None) -> DivergenceFacts:
        source = self._from.elsewhere.get(venue, self._from.cohorts) if venue is not None else self._from.cohorts
        histories = await source.cohorts(symbol, period=period, limit=BUCKETS, priority=self._from.priority)
        return DivergenceFacts(symbol=symbol, period=period, found=divergence(histories))

    async def change(self, symbol: str, *, minutes: int) -> PositionChange | NotEnoughSnapshots:
        rows = await self._rows(symbol, minutes)
        return change(symbol, rows, minutes=minutes, now_ms=self._from.clock.now_ms())

    async def statistics_change(self, symbol: str, *, minutes: int) -> StatisticsChange:
        now_ms = self._from.clock.now_ms()
        since_ms = now_ms - minutes * 60_000 - BAR_SLACK_MS
        with suppress(NoSnapshotsYet):
            async with snapshot_reader(self._from.tracked) as tracked:
                held = await tracked.open_interest(symbol, since_ms=since_ms)
                ratios = await tracked.top_traders(symbol, period=self._from.period, since_ms=since_ms)
            return StatisticsChange(
                open_interest=stored_oi_change(held, minutes=minutes, now_ms=now_ms),
                top_traders=stored_ratio_change(ratios, minutes=minutes, now_ms=now_ms),
            )
        return StatisticsChange()

    async def trend(self, symbol: str, *, minutes: int) -> ProfitTrend | NotEnoughSnapshots:
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
        rows: Sequence[Snapshot] = ()
        with self._reading:  # why the exchange did not tell is what is shown
            rows = await self._rows(symbol, MAX_AGE_MIN)
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
            if self.guard_status().state == "waiting":
                raise BudgetExhausted("our own share of its requests is used up for a minute") from None
            raise ExchangeUnreachable(f"no answer within {self._within_s:.0f} s") from None

    def guard_status(self) -> GuardStatus:
        return self._smart_money.guard_status()
