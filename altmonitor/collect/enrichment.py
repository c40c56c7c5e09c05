"""What an alert learns after it was stored: asked for off its path and within two seconds, then its message is edited.

`MarketEnricher` asks the exchange for open interest and the long/short ratio, `WhaleEnricher` its website for what the
largest followed traders hold. An alert that learns nothing in time stays as it is.
"""

from __future__ import annotations

import asyncio
import logging
from abc import ABC, abstractmethod
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from altmonitor.core.alert import Alert, Details
from altmonitor.core.cache import Cache
from altmonitor.core.clock import Clock
from altmonitor.core.errors import ExchangeBlocked, ExchangeError, StorageError
from altmonitor.detectors.kinds import KINDS
from altmonitor.interfaces.alerts import AlertUpdates
from altmonitor.interfaces.exchange import MarketRest, Priority
from altmonitor.interfaces.positioning import SmartMoney
from altmonitor.market.math import quadrant
from altmonitor.market.quotes import LongShortRatio, OpenInterest
from altmonitor.positioning.smart_money import Overview, whale_line

log = logging.getLogger(__name__)

V = TypeVar("V")

USEFUL_FOR_S = 2.0
LONGEST_QUEUE = 1_024


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrichmentDeps:
    """updates: where the fuller alert is stored. refreshed(key): called after that. useful_for_s: an alert is left as
    it is after so long."""

    clock: Clock
    updates: AlertUpdates
    refreshed: Callable[[str], None]
    useful_for_s: float = USEFUL_FOR_S


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrichmentStatus:
    """waiting: alerts in the queue or being asked about. done: alerts that learned something. given_up: questions
    without an answer, by cause; the alerts themselves went out."""

    waiting: int
    done: int
    given_up: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class WaitingAlert:
    alert: Alert
    put_s: float


class AlertEnricher(ABC):
    """A queue of alerts about which something is asked, `at_once` at a time, newest first: it has most of its time
    left. What is asked and for which alerts is the subclass's affair."""

    at_once: int

    def __init__(self, deps: EnrichmentDeps) -> None:
        self._deps = deps
        self._clock = deps.clock
        self._waiting: deque[WaitingAlert] = deque()
        self._work = asyncio.Event()
        self._under_way = 0
        self._done = 0
        self._given_up: Counter[str] = Counter()
        self._is_failing = False

    def put(self, alert: Alert) -> None:
        """When the queue is full the oldest leaves: it would be too late anyway."""
        if not self.wants(alert):
            return
        if len(self._waiting) >= LONGEST_QUEUE:
            self._waiting.popleft()
            self._given_up["too_many"] += 1
        self._waiting.append(WaitingAlert(alert, self._clock.monotonic()))
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
                while not self._waiting or self._under_way >= self.at_once:
                    self._work.clear()
                    await self._work.wait()
                waiting = self._waiting.pop()
                if self.remaining_s(waiting) <= 0:  # what is behind it is too late as well
                    self._given_up["too_late"] += 1 + len(self._waiting)
                    self._waiting.clear()
                    continue
                self._under_way += 1
                tasks.create_task(self._serve(waiting), name=f"enrichment of {waiting.alert.symbol}")

    async def _serve(self, waiting: WaitingAlert) -> None:
        try:
            learned = await self.ask(waiting)
            if learned is not None:
                await self._store(learned)
        except Exception:  # enrichment is decoration: whatever is wrong with it, the next alert gets its turn
            self._given_up["error"] += 1
            log.exception("enrichment of %s", waiting.alert.key)
        finally:
            self._under_way -= 1
            self._work.set()

    async def _store(self, learned: Alert) -> None:
        try:
            await self._deps.updates.update_alert(learned)
        except StorageError as problem:
            self._given_up["storage"] += 1
            if not self._is_failing:
                log.warning("what was learned about alerts cannot be stored: %s", problem)
            self._is_failing = True
            return
        self._is_failing = False
        self._done += 1
        self._deps.refreshed(learned.key)

    # --- for subclasses

    @abstractmethod
    def wants(self, alert: Alert) -> bool:
        """False: there is nothing to learn for it."""

    @abstractmethod
    async def ask(self, waiting: WaitingAlert) -> Alert | None:
        """The alert with what was learned, as `AlertUpdates.update_alert` takes it; None: nothing."""

    def remaining_s(self, waiting: WaitingAlert) -> float:
        return waiting.put_s + self._deps.useful_for_s - self._clock.monotonic()

    async def within(self, waiting: WaitingAlert, fetch: Callable[[], Awaitable[V]]) -> V | None:
        """None when it is not to be had in time; counted by cause."""
        try:
            async with self._clock.timeout(max(0.0, self.remaining_s(waiting))):
                return await fetch()
        except TimeoutError:
            self._given_up["time_out"] += 1
        except ExchangeBlocked:
            self._given_up["blocked"] += 1
        except ExchangeError:
            self._given_up["no_answer"] += 1
        return None


# ---
# Open interest and the long/short ratio of price alerts.


RATIO_TTL_S = 60.0


class MarketEnricher(AlertEnricher):
    """record_oi: the engine's ring. oi_change_1m(symbol, event_ms): percent, None when there is no honest value."""

    at_once = 6

    def __init__(
        self,
        deps: EnrichmentDeps,
        *,
        rest: MarketRest,
        lsr_period: str,
        record_oi: Callable[[OpenInterest], None],
        oi_change_1m: Callable[[str, int], float | None],
    ) -> None:
        super().__init__(deps)
        self._rest = rest
        self._lsr_period = lsr_period
        self._record_oi = record_oi
        self._oi_change_1m = oi_change_1m
        self._ratios: Cache[str, LongShortRatio | None] = Cache(clock=deps.clock, ttl_s=RATIO_TTL_S)

    def wants(self, alert: Alert) -> bool:
        return KINDS[alert.kind].is_enriched and not alert.late

    async def ask(self, waiting: WaitingAlert) -> Alert | None:
        alert = waiting.alert
        async with asyncio.TaskGroup() as both:
            ratio_asked = both.create_task(self.within(waiting, lambda: self._ratio(alert.symbol)))
            sample_asked = both.create_task(self.within(waiting, lambda: self._open_interest(alert.symbol)))
        richer = self._with_ratio(alert, ratio_asked.result())
        richer = self._with_open_interest(richer, sample_asked.result())
        return None if richer == alert else richer

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
        return msgspec.structs.replace(richer, oi_change=change, quadrant=quadrant(alert.change_pct, change))


# ---
# What the largest followed traders hold, beside alerts of every kind.


class WhaleEnricher(AlertEnricher):
    """An answer that comes too late for its alert is there for the next one of the symbol.

    oi_usd(symbol, price): open interest now, USD; None when it is not known. has_line, has_link: what alerts show.
    """

    at_once = 64
    """The gate lets about ten questions a minute through; more would only wait for nothing."""

    def __init__(
        self,
        deps: EnrichmentDeps,
        *,
        smart_money: SmartMoney,
        oi_usd: Callable[[str, float | None], float | None],
        has_line: bool = True,
        has_link: bool = True,
    ) -> None:
        super().__init__(deps)
        self._smart_money = smart_money
        self._oi_usd = oi_usd
        self._has_line = has_line
        self._has_link = has_link
        self._asked: dict[str, asyncio.Task[Overview | ExchangeError | None]] = {}

    def put(self, alert: Alert) -> None:
        """As many as are asked about at once; those beyond them would only wait for nothing."""
        if self.wants(alert) and self._under_way + len(self._waiting) >= self.at_once:
            self._given_up["too_many"] += 1
        else:
            super().put(alert)

    def wants(self, alert: Alert) -> bool:
        """What was found afterwards is left alone: positions are those of now."""
        return not alert.late and (self._has_line or self._has_link)

    async def run(self) -> None:
        """Until cancelled."""
        try:
            await super().run()
        finally:
            asked = list(self._asked.values())
            for question in asked:
                question.cancel()
            await asyncio.gather(*asked, return_exceptions=True)

    async def ask(self, waiting: WaitingAlert) -> Alert | None:
        alert = waiting.alert
        found = await self.within(waiting, lambda: self._overview(alert.symbol))
        if found is None:
            return None
        whales = whale_line(found, oi_usd=self._oi_usd(alert.symbol, alert.price), at_ms=alert.event_ms)
        learned = Details(whales=whales if self._has_line else None, has_followed=self._has_link)
        if learned == Details():
            return None
        return msgspec.structs.replace(alert, details=learned, oi_change=None, lsr=None)

    async def _overview(self, symbol: str) -> Overview | None:
        """None: nobody is followed there. Raises: ExchangeError."""
        asked = self._asked.get(symbol)
        if asked is None:
            asked = self._asked[symbol] = asyncio.create_task(self._question(symbol), name=f"overview of {symbol}")
        await asyncio.wait([asked])
        found = asked.result()
        if isinstance(found, ExchangeError):
            raise found
        if found is None:
            self._given_up["nobody_followed"] += 1
        return found

    async def _question(self, symbol: str) -> Overview | ExchangeError | None:
        """The failure is handed back: it outlives the alert that asked, and would end the others."""
        try:
            return await self._smart_money.overview(symbol, priority=Priority.ENRICH)
        except ExchangeError as problem:
            return problem
        except Exception:
            log.exception("overview of %s", symbol)
            return ExchangeError("the lookup failed")
        finally:
            self._asked.pop(symbol, None)
