"""Open interest of every symbol where the venue tells all of it in one answer."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Final

from altmonitor.core.causes import Cause
from altmonitor.core.clock import Clock
from altmonitor.core.errors import BadAnswer, BudgetExhausted, ExchangeBlocked, ExchangeError
from altmonitor.core.status import SweepStatus
from altmonitor.interfaces.exchange import OpenInterestTable
from altmonitor.market.quotes import OpenInterest

log = logging.getLogger(__name__)

SAMPLE_EVERY_S: Final = 10.0
"""Changes are measured over minutes. An alert that wants a fresher figure asks for one itself."""
RETRY_S: Final = 1.0
"""Before it is asked again after a failure; twice as long after each further one."""
LONGEST_PAUSE_S: Final = 60.0
LISTING_EVERY_S: Final = 60.0
"""A row that comes and goes is no reason to read the list again and again."""


class OpenInterestTableSweep:
    """Has `status` and `run` like `OpenInterestSweep`. record: gets each row of a symbol that is watched. evaluate:
    gets the symbols that were recorded. on_listing: a contract came or left, at most once a minute. All synchronous.
    symbols: those that are watched now."""

    def __init__(
        self,
        table: OpenInterestTable,
        *,
        clock: Clock,
        symbols: Callable[[], Sequence[str]],
        record: Callable[[OpenInterest], None],
        evaluate: Callable[[Sequence[str]], None],
        on_listing: Callable[[], None] = lambda: None,
    ) -> None:
        self._table = table
        self._clock = clock
        self._symbols = symbols
        self._record = record
        self._evaluate = evaluate
        self._on_listing = on_listing
        self._named: frozenset[str] = frozenset()
        self._listing_s: float | None = None
        self._sampled_s: float | None = None
        self._coverage = 0.0
        self._failures: dict[str, int] = {}
        self._trouble: Cause | None = None
        self._failed_in_row = 0
        self._ended = 0

    def status(self) -> SweepStatus:
        age_s = None if self._sampled_s is None else self._clock.monotonic() - self._sampled_s
        return SweepStatus(
            sweep_age_s=age_s,
            coverage=self._coverage,
            period_s=SAMPLE_EVERY_S,
            failures=dict(self._failures),
            trouble=self._trouble,
            ended=self._ended,
        )

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._clock.sleep(await self._ask())

    async def _ask(self) -> float:
        """Returns the seconds to wait."""
        if not self._symbols():
            return RETRY_S
        now_s = self._clock.monotonic()
        try:
            rows = await self._table.open_interests()
        except ExchangeError as problem:
            return self._on_failure(problem)
        if self._failed_in_row:
            log.info("open interest is told again after %d failures", self._failed_in_row)
            self._failed_in_row, self._failures, self._trouble = 0, {}, None
        self._sample(rows, now_s)
        return max(0.0, now_s + SAMPLE_EVERY_S - self._clock.monotonic())

    def _sample(self, rows: Sequence[OpenInterest], now_s: float) -> None:
        watched = frozenset(self._symbols())
        sampled = [row for row in rows if row.symbol in watched]
        for row in sampled:
            self._record(row)
        self._evaluate([row.symbol for row in sampled])
        self._coverage = len(sampled) / max(1, len(watched))
        self._sampled_s = now_s
        self._ended += 1
        self._look_for_listings(frozenset(row.symbol for row in rows), watched, now_s)

    def _look_for_listings(self, named: frozenset[str], watched: frozenset[str], now_s: float) -> None:
        """The table names a contract seconds after it is traded, long before the list is due to be read again."""
        came, gone = named - self._named, (self._named - named) & watched
        is_first, self._named = not self._named, named
        is_soon = self._listing_s is not None and now_s - self._listing_s < LISTING_EVERY_S
        if (came or gone) and not is_first and not is_soon:
            self._listing_s = now_s
            self._on_listing()

    def _on_failure(self, problem: ExchangeError) -> float:
        self._failed_in_row += 1
        self._trouble = problem.cause
        match problem:
            case ExchangeBlocked():
                cause = "blocked"
            case BudgetExhausted():
                cause = "budget"
            case BadAnswer():
                cause = "bad_answer"
            case _:
                cause = "unreachable"
        self._failures[cause] = self._failures.get(cause, 0) + 1
        if self._failed_in_row == 1:
            log.warning("open interest: %s", problem)
        return min(LONGEST_PAUSE_S, RETRY_S * float(2 ** min(self._failed_in_row, 6)))
