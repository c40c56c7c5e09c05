"""What an alert learns after it was stored: asked for off its path, within two seconds; then its message is edited.

`OpenInterestEnricher` and `RatioEnricher` ask the exchange, `WhaleEnricher` its website. Each has a queue of its own,
so none waits for another; what they learn at about the same time becomes one edit by the chat's pace.
"""

from __future__ import annotations

import asyncio
import logging
from abc import ABC, abstractmethod
from bisect import insort
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from altmonitor.core.alert import Alert, Details, Direction, Missing, against_the_crowd
from altmonitor.core.cache import Cache
from altmonitor.core.clock import Clock
from altmonitor.core.errors import BudgetExhausted, ExchangeBlocked, ExchangeError, StorageError
from altmonitor.core.status import EnrichmentStatus
from altmonitor.detectors.kinds import KINDS
from altmonitor.interfaces.alerts import AlertUpdates
from altmonitor.interfaces.exchange import MarketRest, Priority
from altmonitor.market.open_interest import OpenInterestRing
from altmonitor.market.quotes import LongShortRatio, OpenInterest

log = logging.getLogger(__name__)

V = TypeVar("V")

USEFUL_FOR_S = 2.0
LONGEST_QUEUE = 1_024


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrichmentDeps:
    """updates: where the fuller alert is stored. refreshed(key): called after that. useful_for_s: what an alert has not
    learned after so long it does not learn any more."""

    clock: Clock
    updates: AlertUpdates
    refreshed: Callable[[str], None]
    useful_for_s: float = USEFUL_FOR_S


class Unanswered(Exception):
    """cause: a `Missing`, or one of a subclass's own."""

    def __init__(self, cause: str) -> None:
        self.cause = cause
        super().__init__(cause)


@dataclass(frozen=True, slots=True)
class WaitingAlert:
    alert: Alert
    put_s: float


class WaitingAlerts:
    """Alerts in the order in which a digest names them: moves against the crowd, then the largest."""

    def __init__(self) -> None:
        self._rows: dict[Direction, list[WaitingAlert]] = {}  # each by size, the largest last

    def __len__(self) -> int:
        return sum(map(len, self._rows.values()))

    def add(self, waiting: WaitingAlert) -> None:
        insort(self._rows.setdefault(waiting.alert.direction, []), waiting, key=_size)

    def pop_first(self) -> WaitingAlert:
        """Raises IndexError when it is empty."""
        few = against_the_crowd(len(self._rows.get("PUMP", ())), len(self._rows.get("DUMP", ())))
        rows = self._rows.get(few, []) if few is not None else []
        return (rows or max(self._rows.values(), key=lambda some: _size(some[-1]) if some else -1.0)).pop()

    def pop_smallest(self) -> WaitingAlert:
        return min(filter(None, self._rows.values()), key=lambda some: _size(some[0])).pop(0)


def _size(waiting: WaitingAlert) -> float:
    metric = waiting.alert.metric
    return 0.0 if metric is None or metric != metric else abs(metric)


class AlertEnricher(ABC):
    """A queue of alerts about which something is asked, `at_once` at a time. What is asked and for which alerts is the
    subclass's affair."""

    at_once: int

    def __init__(self, deps: EnrichmentDeps) -> None:
        self._deps = deps
        self._clock = deps.clock
        self._waiting = WaitingAlerts()
        self._work = asyncio.Event()
        self._under_way = 0
        self._done = 0
        self._given_up: Counter[str] = Counter()
        self._is_failing = False

    def put(self, alert: Alert) -> None:
        """When the queue is full the smallest leaves."""
        if not self.wants(alert):
            return
        self._waiting.add(WaitingAlert(alert, self._clock.monotonic()))
        if len(self._waiting) > LONGEST_QUEUE:
            self._waiting.pop_smallest()
            self._given_up["too_many"] += 1
        self._work.set()

    def status(self) -> EnrichmentStatus:
        return EnrichmentStatus(
            waiting=len(self._waiting) + self._under_way, done=self._done, given_up=dict(self._given_up)
        )

    async def run(self) -> None:
        """Until cancelled."""
        self._under_way = 0
        async with asyncio.TaskGroup() as tasks:
            while True:
                if not self._waiting:
                    await self._wait_for_work()
                    if (pause_s := self.gather_s()) > 0:
                        await self._clock.sleep(pause_s)
                elif self._under_way >= self.at_once:
                    await self._wait_for_work()
                else:
                    self._under_way += 1
                    waiting = self._waiting.pop_first()
                    tasks.create_task(self._serve(waiting), name=f"enrichment of {waiting.alert.symbol}")

    async def _wait_for_work(self) -> None:
        self._work.clear()
        await self._work.wait()

    async def _serve(self, waiting: WaitingAlert) -> None:
        try:
            learned = await self._learned(waiting)
            if learned is not None:
                await self._store(learned)
        except Exception:  # enrichment is decoration: whatever is wrong with it, the next alert gets its turn
            self._given_up["error"] += 1
            log.exception("enrichment of %s", waiting.alert.key)
        finally:
            self._under_way -= 1
            self._work.set()

    async def _learned(self, waiting: WaitingAlert) -> Alert | None:
        if self.remaining_s(waiting) <= 0:
            return self._unanswered(waiting, "too_many")
        try:
            learned = await self.ask(waiting)
        except Unanswered as problem:
            return self._unanswered(waiting, problem.cause)
        self._done += 1
        return learned

    def _unanswered(self, waiting: WaitingAlert, cause: str) -> Alert | None:
        self._given_up[cause] += 1
        return self.without(waiting.alert, cause)

    async def _store(self, learned: Alert) -> None:
        try:
            await self._deps.updates.update_alert(learned)
        except StorageError as problem:
            self._given_up["storage"] += 1
            if not self._is_failing:
                log.warning("what was learned about alerts cannot be stored: %s", problem)
            self._is_failing = True
        else:
            self._is_failing = False
            self._deps.refreshed(learned.key)

    # --- for subclasses

    @abstractmethod
    def wants(self, alert: Alert) -> bool:
        """False: there is nothing to learn for it."""

    @abstractmethod
    async def ask(self, waiting: WaitingAlert) -> Alert | None:
        """The alert with what was learned and nothing that others learn; None: nothing. Raises: Unanswered."""

    def without(self, alert: Alert, cause: str) -> Alert | None:
        """The alert with why it did not learn it; None: that is not said."""
        return None

    def gather_s(self) -> float:
        """How long what comes is gathered before the first question, so that the most important ones are asked."""
        return 0.0

    def remaining_s(self, waiting: WaitingAlert) -> float:
        return waiting.put_s + self._deps.useful_for_s - self._clock.monotonic()

    async def within(self, waiting: WaitingAlert, answer: Awaitable[V]) -> V:
        """Raises: Unanswered when it is not to be had in time."""
        try:
            async with self._clock.timeout(max(0.0, self.remaining_s(waiting))):
                return await answer
        except (TimeoutError, ExchangeError) as problem:
            raise Unanswered(_cause(problem)) from problem


def _cause(problem: Exception) -> Missing:
    if isinstance(problem, ExchangeBlocked):
        return "blocked"
    return "budget" if isinstance(problem, BudgetExhausted) else "no_answer"


def learned_about(alert: Alert, **details: float | str | bool | None) -> Alert:
    """The alert with these details and nothing else that `AlertUpdates.update_alert` would store."""
    nothing = msgspec.structs.replace(alert, lsr=None, oi_change=None, quadrant=None)
    return msgspec.structs.replace(nothing, details=Details(**details))  # type: ignore[arg-type]


# ---
# Open interest of price alerts.


ASK_AGAIN_S = 0.5
GATHER_S = 0.75
BUSY_SHARE = 0.65
"""Of the request weight of the minute: from there on it may not be enough for a storm."""


class OpenInterestEnricher(AlertEnricher):
    """Of each price alert of now: a fresh sample against the newest one from before its move.

    ring: holds what the sweep sampled. record: gets each fresh sample, and puts it into the ring.
    """

    at_once = 16

    def __init__(
        self,
        deps: EnrichmentDeps,
        *,
        rest: MarketRest,
        ring: OpenInterestRing,
        record: Callable[[OpenInterest], None],
    ) -> None:
        super().__init__(deps)
        self._rest = rest
        self._ring = ring
        self._record = record
        self._asked: Cache[str, OpenInterest] = Cache(clock=deps.clock, ttl_s=0.0)  # one question for all who wait

    def wants(self, alert: Alert) -> bool:
        return _is_enriched(alert)

    def gather_s(self) -> float:
        guard = self._rest.guard_status()
        return GATHER_S if guard.weight_used >= BUSY_SHARE * guard.weight_limit else 0.0

    async def ask(self, waiting: WaitingAlert) -> Alert | None:
        alert = waiting.alert
        sample = await self.within(waiting, self._sample(alert.symbol))
        while sample.time_ms <= alert.began_ms:  # the exchange counts every few seconds, not when it is asked
            if self.remaining_s(waiting) <= ASK_AGAIN_S:
                raise Unanswered("stale")
            await self._clock.sleep(ASK_AGAIN_S)
            sample = await self.within(waiting, self._sample(alert.symbol))
        if self._ring.is_held_back(alert.symbol):  # what is not believed is none, and the sweep may have a better one
            raise Unanswered("no_answer")
        change = self._ring.change_over_move(alert.symbol, began_ms=alert.began_ms)
        if change is None:
            raise Unanswered("no_sample")
        learned = learned_about(
            alert,
            oi_contracts=sample.contracts,
            oi_usd=None if alert.price is None else sample.contracts * alert.price,
            oi_age_s=max(0.0, (alert.event_ms - sample.time_ms) / 1000),
        )
        return learned.with_oi_change(change)

    def without(self, alert: Alert, cause: str) -> Alert | None:
        """What the sweep had sampled in time stays."""
        return learned_about(alert, oi_missing=cause) if alert.oi_change is None else None

    async def _sample(self, symbol: str) -> OpenInterest:
        async def fetch() -> OpenInterest:
            sample = await self._rest.open_interest(symbol, priority=Priority.ENRICH)
            self._record(sample)
            return sample

        return await self._asked.get(symbol, fetch)


def _is_enriched(alert: Alert) -> bool:
    """What was found afterwards is left alone: these are numbers of now."""
    return KINDS[alert.kind].is_enriched and not alert.late


# ---
# The long/short ratio of price alerts.


RATIO_TTL_S = 60.0


class RatioEnricher(AlertEnricher):
    """period: of the ratio, as the exchange spells it."""

    at_once = 6

    def __init__(self, deps: EnrichmentDeps, *, rest: MarketRest, period: str) -> None:
        super().__init__(deps)
        self._rest = rest
        self._period = period
        self._ratios: Cache[str, LongShortRatio | None] = Cache(clock=deps.clock, ttl_s=RATIO_TTL_S)
        self._newest: dict[str, LongShortRatio] = {}

    def wants(self, alert: Alert) -> bool:
        return _is_enriched(alert)

    async def ask(self, waiting: WaitingAlert) -> Alert | None:
        alert = waiting.alert
        ratio = await self.within(waiting, self.look_up(alert.symbol, priority=Priority.ENRICH))
        if ratio is None:  # the exchange has none for this symbol, and never will
            return None
        age_s = max(0.0, (alert.event_ms - ratio.time_ms) / 1000)
        return msgspec.structs.replace(learned_about(alert, lsr_age_s=age_s), lsr=ratio.ratio)

    def without(self, alert: Alert, cause: str) -> Alert | None:
        return learned_about(alert, lsr_missing=cause)

    def newest(self, symbol: str) -> tuple[float, int] | None:
        """(accounts long / short, unix ms of its bucket) as it was learned last, of whatever age; None: never asked."""
        found = self._newest.get(symbol)
        return None if found is None else (found.ratio, found.time_ms)

    async def look_up(self, symbol: str, *, priority: Priority) -> LongShortRatio | None:
        """At most a minute old. None: the exchange has none for this symbol. Raises: ExchangeError."""

        async def fetch() -> LongShortRatio | None:
            return await self._rest.long_short_ratio(symbol, period=self._period, priority=priority)

        found = await self._ratios.get(symbol, fetch)
        if found is not None:
            self._newest[symbol] = found
        return found
