"""What must be fetched for an alert, within two seconds and off its path: the message is edited, or left as it is."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from altmonitor.core.alert import Alert
from altmonitor.core.cache import Cache
from altmonitor.core.clock import Clock
from altmonitor.core.errors import ExchangeBlocked, ExchangeError, StorageError
from altmonitor.interfaces.exchange import AlertUpdates, LongShortRatio, MarketRest, OpenInterest, Priority
from altmonitor.market.math import quadrant

log = logging.getLogger(__name__)

V = TypeVar("V")

USEFUL_FOR_S = 2.0
WORKERS = 6
LONGEST_QUEUE = 1_024
RATIO_TTL_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrichStatus:
    """done: alerts that learned something. given_up: the others, by cause; the alerts themselves went out."""

    waiting: int
    done: int
    given_up: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class _Waiting:
    alert: Alert
    put_s: float


class Enricher:
    """updates: where the fuller alert is stored. refreshed(key): called after that. record_oi: the engine's ring.
    oi_change_1m(symbol, event_ms): percent, None when there is no honest value."""

    def __init__(
        self,
        rest: MarketRest,
        *,
        clock: Clock,
        lsr_period: str,
        updates: AlertUpdates,
        refreshed: Callable[[str], None],
        record_oi: Callable[[OpenInterest], None],
        oi_change_1m: Callable[[str, int], float | None],
    ) -> None:
        self._rest = rest
        self._clock = clock
        self._lsr_period = lsr_period
        self._updates = updates
        self._refreshed = refreshed
        self._record_oi = record_oi
        self._oi_change_1m = oi_change_1m
        self._ratios: Cache[str, LongShortRatio | None] = Cache(clock=clock, ttl_s=RATIO_TTL_S)
        self._waiting: deque[_Waiting] = deque()
        self._work = asyncio.Event()
        self._done = 0
        self._given_up: Counter[str] = Counter()
        self._is_failing = False

    def put(self, alert: Alert) -> None:
        """Only price alerts of now have something to learn; the others are left alone. When the queue is full the
        oldest leaves: it would be too late anyway."""
        if alert.kind != "price" or alert.late:
            return
        if len(self._waiting) >= LONGEST_QUEUE:
            self._waiting.popleft()
            self._given_up["too_many"] += 1
        self._waiting.append(_Waiting(alert, self._clock.monotonic()))
        self._work.set()

    def status(self) -> EnrichStatus:
        return EnrichStatus(waiting=len(self._waiting), done=self._done, given_up=dict(self._given_up))

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for number in range(WORKERS):
                tasks.create_task(self._take_turns(), name=f"enrichment {number}")

    async def _take_turns(self) -> None:
        while True:
            while not self._waiting:
                self._work.clear()
                await self._work.wait()
            waiting = self._waiting.pop()  # newest first: it has most of its two seconds left
            if self._remaining_s(waiting) <= 0:
                self._drop_older(waiting)
                continue
            try:
                await self._enrich(waiting)
            except Exception:  # enrichment is decoration: whatever is wrong with it, the next alert gets its turn
                self._given_up["error"] += 1
                log.exception("enrichment of %s", waiting.alert.key)

    def _drop_older(self, waiting: _Waiting) -> None:
        """Newest first: what is behind an alert that is too late is too late as well."""
        self._given_up["too_late"] += 1 + len(self._waiting)
        self._waiting.clear()

    async def _enrich(self, waiting: _Waiting) -> None:
        alert = waiting.alert
        async with asyncio.TaskGroup() as both:
            ratio_asked = both.create_task(self._within(waiting, lambda: self._ratio(alert.symbol)))
            sample_asked = both.create_task(self._within(waiting, lambda: self._open_interest(alert.symbol)))
        richer = self._with_ratio(alert, ratio_asked.result())
        richer = self._with_open_interest(richer, sample_asked.result())
        if richer == alert:
            return
        try:
            await self._updates.update_alert(richer)
        except StorageError as problem:
            self._given_up["storage"] += 1
            if not self._is_failing:
                log.warning("what was learned about alerts cannot be stored: %s", problem)
            self._is_failing = True
            return
        self._is_failing = False
        self._done += 1
        self._refreshed(alert.key)

    async def _within(self, waiting: _Waiting, fetch: Callable[[], Awaitable[V | None]]) -> V | None:
        """None when it is not to be had in time; counted by cause."""
        try:
            async with self._clock.timeout(max(0.0, self._remaining_s(waiting))):
                return await fetch()
        except TimeoutError:
            self._given_up["time_out"] += 1
        except ExchangeBlocked:
            self._given_up["blocked"] += 1
        except ExchangeError:
            self._given_up["no_answer"] += 1
        return None

    async def _ratio(self, symbol: str) -> LongShortRatio | None:
        async def fetch() -> LongShortRatio | None:
            return await self._rest.long_short_ratio(symbol, period=self._lsr_period, priority=Priority.ENRICH)

        return await self._ratios.get(symbol, fetch)

    async def _open_interest(self, symbol: str) -> OpenInterest:
        return await self._rest.open_interest(symbol, priority=Priority.ENRICH)

    def _with_ratio(self, alert: Alert, ratio: LongShortRatio | None) -> Alert:
        if ratio is None:
            return alert
        age_s = max(0.0, (alert.event_ms - ratio.time_ms) / 1000)
        details = msgspec.structs.replace(alert.details, lsr_age_s=age_s)
        return msgspec.structs.replace(alert, lsr=ratio.ratio, details=details)

    def _with_open_interest(self, alert: Alert, sample: OpenInterest | None) -> Alert:
        if sample is None:
            return alert
        self._record_oi(sample)
        change = self._oi_change_1m(alert.symbol, alert.event_ms)
        details = msgspec.structs.replace(
            alert.details,
            oi_contracts=sample.contracts,
            oi_usd=alert.details.oi_usd if alert.price is None else sample.contracts * alert.price,
            oi_age_s=max(0.0, (alert.event_ms - sample.time_ms) / 1000),
        )
        richer = msgspec.structs.replace(alert, details=details)
        if change is None:
            return richer
        named = alert.quadrant if alert.change_pct is None else quadrant(alert.change_pct, change)
        return msgspec.structs.replace(richer, oi_change=change, quadrant=named)

    def _remaining_s(self, waiting: _Waiting) -> float:
        return waiting.put_s + USEFUL_FOR_S - self._clock.monotonic()
