"""What is known about every symbol at once: 24-hour figures and funding, read in the background."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from altmonitor.core.clock import Clock
from altmonitor.core.errors import ExchangeError
from altmonitor.interfaces.exchange import MarketRest
from altmonitor.market.plausibility import is_day, is_funding
from altmonitor.market.quotes import DayTicker, Funding
from altmonitor.positioning.funding import VenueFunding

log = logging.getLogger(__name__)

T = TypeVar("T")

EVERY_S = 60.0
HOURS_EVERY_S = 3_600.0
RETRY_S = 10.0
GOOD_FOR_S = 300.0


class _Table(Generic[T]):
    """One answer for all symbols, with its moment."""

    def __init__(self) -> None:
        self.rows: Mapping[str, T] = {}
        self.read_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotAges:
    """Seconds since each table was read; None before the first time."""

    day_s: float | None
    funding_s: float | None


class MarketSnapshots:
    """Values are handed out for five minutes after they were read; older ones are as good as none.

    on_fundings: called when funding rates were read. predicted_fundings: asks the venue what others will charge.
    """

    def __init__(
        self,
        rest: MarketRest,
        *,
        clock: Clock,
        usual_funding_hours: float,
        on_fundings: Callable[[], None] = lambda: None,
        predicted_fundings: Callable[[], Awaitable[Mapping[str, Sequence[VenueFunding]]]] | None = None,
    ) -> None:
        self._usual_funding_hours = usual_funding_hours
        self._rest = rest
        self._on_fundings = on_fundings
        self._ask_predicted = predicted_fundings
        self._clock = clock
        self._day: _Table[DayTicker] = _Table()
        self._funding: _Table[Funding] = _Table()
        self._hours: _Table[float] = _Table()
        self._predicted: _Table[Sequence[VenueFunding]] = _Table()
        self.refused: Counter[str] = Counter()
        """Rows that are not believed, by their table."""

    def days(self) -> Mapping[str, DayTicker]:
        return self._day.rows if self._is_good(self._day) else {}

    def day(self, symbol: str) -> DayTicker | None:
        """None: not read yet, or not listed there."""
        return self.days().get(symbol)

    def fundings(self) -> Mapping[str, Funding]:
        return self._funding.rows if self._is_good(self._funding) else {}

    def funding(self, symbol: str) -> Funding | None:
        """None: not read yet, or the contract has none."""
        return self.fundings().get(symbol)

    def funding_hours(self, symbol: str) -> float:
        """Length of the funding interval. An interval rarely changes, so the last one known holds at any age."""
        return self._hours.rows.get(symbol, self._usual_funding_hours)

    def predicted_fundings(self) -> Mapping[str, Sequence[VenueFunding]]:
        """Of other venues as this one tells them; empty where it does not."""
        return self._predicted.rows if self._is_good(self._predicted) else {}

    def ages(self) -> SnapshotAges:
        return SnapshotAges(day_s=self._age_s(self._day), funding_s=self._age_s(self._funding))

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._keep("24 h figures", EVERY_S, self._read_day), name="day tickers")
            tasks.create_task(self._keep("funding", EVERY_S, self._read_funding), name="funding")
            tasks.create_task(self._keep("funding intervals", HOURS_EVERY_S, self._read_hours), name="funding hours")
            if self._ask_predicted is not None:
                predicting = self._keep("predicted funding", EVERY_S, self._read_predicted)
                tasks.create_task(predicting, name="predicted funding")

    async def _keep(self, what: str, every_s: float, read: Callable[[], Awaitable[None]]) -> None:
        failures = 0
        while True:
            try:
                await read()
            except ExchangeError as problem:
                failures += 1
                if failures == 1:
                    log.warning("%s: %s; the last ones are used for %.0f s", what, problem, GOOD_FOR_S)
                await self._clock.sleep(min(every_s, RETRY_S * failures))
            else:
                if failures:
                    log.info("%s read again after %d failures", what, failures)
                failures = 0
                await self._clock.sleep(every_s)

    async def _read_day(self) -> None:
        tickers = await self._rest.day_tickers()
        self._day.rows, self._day.read_s = {row.symbol: row for row in tickers if is_day(row)}, self._clock.monotonic()
        self.refused["24 h figures"] += len(tickers) - len(self._day.rows)

    async def _read_funding(self) -> None:
        fundings = await self._rest.fundings()
        good = {row.symbol: row for row in fundings if is_funding(row)}
        self._funding.rows, self._funding.read_s = good, self._clock.monotonic()
        self.refused["funding"] += len(fundings) - len(good)
        self._on_fundings()

    async def _read_hours(self) -> None:
        self._hours.rows, self._hours.read_s = await self._rest.funding_hours(), self._clock.monotonic()

    async def _read_predicted(self) -> None:
        if self._ask_predicted is not None:
            self._predicted.rows, self._predicted.read_s = await self._ask_predicted(), self._clock.monotonic()

    def _age_s(self, table: _Table[T]) -> float | None:
        return None if table.read_s is None else self._clock.monotonic() - table.read_s

    def _is_good(self, table: _Table[T]) -> bool:
        return table.read_s is not None and self._clock.monotonic() - table.read_s <= GOOD_FOR_S
