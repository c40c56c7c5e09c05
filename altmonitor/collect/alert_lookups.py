"""What is asked of a venue about its alerts after they were stored, and about every contract behind everything else."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Collection, Mapping

from altmonitor.collect.enrichment import EnrichmentDeps, OpenInterestEnricher, RatioEnricher
from altmonitor.core.alert import Alert
from altmonitor.core.clock import Clock
from altmonitor.core.errors import BudgetExhausted, ExchangeBlocked, ExchangeError
from altmonitor.core.status import EnrichmentStatus
from altmonitor.interfaces.exchange import MarketRest, Priority
from altmonitor.market.open_interest import OpenInterestRing
from altmonitor.market.quotes import LongShortRatio, OpenInterest

log = logging.getLogger(__name__)


class AlertLookups:
    """A fresh open interest and the long/short ratio of what alerts are about. period: of the ratio, as the exchange
    spells it. ring: holds what the sweep sampled. record: gets each fresh sample, and puts it into the ring."""

    def __init__(
        self,
        deps: EnrichmentDeps,
        *,
        rest: MarketRest,
        ring: OpenInterestRing,
        period: str,
        record: Callable[[OpenInterest], None],
    ) -> None:
        self._clock = deps.clock
        self.open_interest = OpenInterestEnricher(deps, rest=rest, ring=ring, record=record)
        self.ratios = RatioEnricher(deps, rest=rest, period=period)

    def put(self, alert: Alert) -> None:
        self.open_interest.put(alert)
        self.ratios.put(alert)

    def status(self) -> Mapping[str, EnrichmentStatus]:
        return {"open_interest": self.open_interest.status(), "long_short": self.ratios.status()}

    def rounds(self, *, listed: Callable[[], Collection[str]], day_usdt: Callable[[str], float | None]) -> RatioRounds:
        return RatioRounds(
            listed=listed,
            day_usdt=day_usdt,
            ask=lambda symbol: self.ratios.look_up(symbol, priority=Priority.TRACKING),
            clock=self._clock,
        )


# --- the ratios of the market table -----------------------------------------------------------------------------------

FIRST_S = 60.0
"""A start has better things to ask."""
EVERY_S = 3.0
PAUSE_S = 60.0
NOTHING_S = 3_600.0
"""Where a whole round had no answer the exchange has no ratios."""


class RatioRounds:
    """Long/short ratios of every contract in turn, slowly, behind everything else.

    At Binance the questions weigh nothing but stand in the pool of 1,000 in five minutes that alerts, `/who` and the
    tracker use too: one in three seconds is a tenth of it, and a round over 560 contracts takes half an hour. An alert
    asks for its own contract at once.

    listed: contracts that are watched. day_usdt: their quote volume of 24 h; the largest are asked first. ask: the
    ratio of one, kept by whoever answers; None: the exchange has none."""

    def __init__(
        self,
        *,
        listed: Callable[[], Collection[str]],
        day_usdt: Callable[[str], float | None],
        ask: Callable[[str], Awaitable[LongShortRatio | None]],
        clock: Clock,
    ) -> None:
        self._listed = listed
        self._day_usdt = day_usdt
        self._ask = ask
        self._clock = clock

    async def run(self) -> None:
        """Until cancelled."""
        await self._clock.sleep(FIRST_S)
        while True:
            symbols = sorted(self._listed(), key=lambda symbol: (-(self._day_usdt(symbol) or 0.0), symbol))
            answers = 0
            for symbol in symbols:
                answers += await self._answered(symbol)
                await self._clock.sleep(EVERY_S)
            if not answers:
                await self._clock.sleep(NOTHING_S if symbols else PAUSE_S)

    async def _answered(self, symbol: str) -> bool:
        try:
            return await self._ask(symbol) is not None
        except ExchangeBlocked as problem:
            await self._clock.sleep(max(PAUSE_S, (problem.until_ms - self._clock.now_ms()) / 1000))
            return True  # it is no answer, and says nothing of whether there are ratios
        except BudgetExhausted:
            await self._clock.sleep(PAUSE_S)
            return True
        except ExchangeError as problem:
            log.debug("long/short ratio of %s: %s", symbol, problem)
            return True
