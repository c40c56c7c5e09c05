"""Open interest of every symbol, once per period, evenly spread; the exchange has no stream for it."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import inf

from altmonitor.core.causes import Cause
from altmonitor.core.clock import Clock
from altmonitor.core.errors import (
    BadAnswer,
    BudgetExhausted,
    ExchangeBlocked,
    ExchangeError,
    ExchangeUnreachable,
    UnknownSymbol,
)
from altmonitor.core.status import SweepStatus
from altmonitor.interfaces.exchange import MarketRest, Priority
from altmonitor.market.quotes import OpenInterest

log = logging.getLogger(__name__)

SHORTEST_GAP_S = 0.052
"""At most 20 requests in any second, whatever the timers do."""

AHEAD_S = 0.15
"""A symbol may be asked so much before its moment comes, together with those before it: being woken for each costs more
than asking."""

EVALUATE_EVERY_S = 1.0
ASK_AGAIN_S = 600.0
"""A symbol the exchange does not know: perhaps listed a moment ago, perhaps gone."""

BUSY_SHARE = 0.65  # of the request weight, in one minute: the sweep slows down before the guard makes it wait
CALM_SHARE = 0.50
STRETCH_STEP = 1.5
LONGEST_STRETCH = 8.0
LONGEST_NAP_S = 5.0

CAUSES: tuple[tuple[type[ExchangeError], str], ...] = (
    (ExchangeBlocked, "blocked"),
    (BudgetExhausted, "budget"),
    (UnknownSymbol, "unknown"),
    (BadAnswer, "bad_answer"),
    (ExchangeUnreachable, "unreachable"),
)


@dataclass(slots=True, kw_only=True)
class _Round:
    """One pass over all symbols. Closed when all its answers are in, which is a moment after the next one began."""

    expected: int
    asked: int = 0
    ended: int = 0
    sampled: int = 0
    is_given_up: bool = False
    failures: Counter[str] = field(default_factory=Counter)
    trouble: Cause | None = None


class OpenInterestSweep:
    """record: gets each answer as it comes. evaluate: gets the symbols sampled since it was last called, about once a
    second, each symbol once per round. Both synchronous. symbols: the universe now; asked before every request, so it
    hands out the same object until it changes. catch_up_s: places missed by less are asked in a burst; only for a clock
    so fast that the event loop cannot turn once per place."""

    def __init__(
        self,
        rest: MarketRest,
        *,
        clock: Clock,
        period_s: float,
        concurrency: int,
        symbols: Callable[[], Sequence[str]],
        record: Callable[[OpenInterest], None],
        evaluate: Callable[[Sequence[str]], None],
        catch_up_s: float = 0.0,
    ) -> None:
        self._rest = rest
        self._clock = clock
        self._period_s = period_s
        self._concurrency = concurrency
        self._catch_up_s = catch_up_s
        self._next_s = 0.0
        self._symbols = symbols
        self._record = record
        self._evaluate = evaluate
        self._ring: list[str] = []
        self._cursor = 0
        self._followed: Sequence[str] | None = None  # what the ring was made of; None: make it anew
        self._unknown: dict[str, float] = {}
        self._unknown_until_s = inf
        self._round = _Round(expected=0)
        self._sampled: list[str] = []
        self._stretch = 1.0
        self._is_exhausted = False
        self._blocked_until_ms = 0
        self._ended_s: float | None = None
        self._ended = 0
        self._last = _Round(expected=0)

    def status(self) -> SweepStatus:
        return SweepStatus(
            sweep_age_s=None if self._ended_s is None else self._clock.monotonic() - self._ended_s,
            coverage=min(1.0, self._last.sampled / self._last.expected) if self._last.expected else 0.0,
            period_s=max(self._period_s * self._stretch, len(self._ring) * self._gap_s()),
            failures=dict(self._last.failures),
            trouble=self._last.trouble,
            ended=self._ended,
        )

    async def run(self) -> None:
        """Until cancelled. Each symbol keeps its place in the order, so its samples are one period apart."""
        self._turn_ring()
        self._next_s = self._clock.monotonic()
        turn = asyncio.Lock()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._look_every_second(), name="sweep evaluation")
            for number in range(self._concurrency):
                tasks.create_task(self._take_turns(turn), name=f"sweep {number}")

    async def _take_turns(self, turn: asyncio.Lock) -> None:
        """One of those who ask. Whoever holds `turn` waits for the next moment, the others ask or wait for it."""
        while True:
            async with turn:
                symbol = await self._next_turn()
            await self._ask(symbol, self._round)

    async def _next_turn(self) -> str:
        """The symbol whose moment has come."""
        while True:
            wait_s = self._next_s - self._clock.monotonic()
            if wait_s > self._ahead_s():
                await self._clock.sleep(wait_s)
            await self._sit_out_block()
            symbol = self._next_symbol()
            if symbol is not None:
                break
            self._next_s = self._clock.monotonic() + 1.0
        # a place that was missed by more than one gap is not caught up: the order slips, without a burst
        earliest_s = self._clock.monotonic() + SHORTEST_GAP_S - self._catch_up_s
        self._next_s = max(self._next_s + self._gap_s(), earliest_s)
        self._round.asked += 1
        return symbol

    async def _ask(self, symbol: str, in_round: _Round) -> None:
        try:
            sample = await self._rest.open_interest(symbol, priority=Priority.SWEEP)
        except ExchangeError as problem:
            self._count(symbol, problem, in_round)
        else:
            in_round.sampled += 1
            self._record(sample)
            self._sampled.append(symbol)
        finally:
            in_round.ended += 1
            if in_round is not self._round and not in_round.is_given_up and in_round.ended == in_round.asked:
                self._close(in_round)

    def _count(self, symbol: str, problem: ExchangeError, in_round: _Round) -> None:
        cause = next((name for kind, name in CAUSES if isinstance(problem, kind)), "other")
        in_round.failures[cause] += 1
        in_round.trouble = problem.cause
        if isinstance(problem, ExchangeBlocked):
            self._blocked_until_ms = max(self._blocked_until_ms, problem.until_ms)
        elif isinstance(problem, UnknownSymbol):
            self._unknown[symbol] = self._clock.monotonic() + ASK_AGAIN_S
            self._followed = None
        elif isinstance(problem, BudgetExhausted):
            self._is_exhausted = True

    def _next_symbol(self) -> str | None:
        """Starts a new round at the end of the ring, which is also where newcomers and leavers are looked at."""
        self._follow(self._symbols())
        if not self._ring:
            return None
        if self._cursor >= len(self._ring):
            self._cursor = 0
            self._begin_round()
        if not self._round.expected:
            self._round.expected = len(self._ring)
        symbol = self._ring[self._cursor]
        self._cursor += 1
        return symbol

    def _follow(self, symbols: Sequence[str]) -> None:
        now_s = self._clock.monotonic()
        if symbols is self._followed and now_s < self._unknown_until_s:
            return
        present = set(symbols)
        self._unknown = {name: until for name, until in self._unknown.items() if name in present and now_s < until}
        self._followed, self._unknown_until_s = symbols, min(self._unknown.values(), default=inf)
        present.difference_update(self._unknown)
        if len(present) == len(self._ring) and present.issuperset(self._ring):
            return
        known = set(self._ring)
        kept_before = [name for name in self._ring[: self._cursor] if name in present]
        kept_after = [name for name in self._ring[self._cursor :] if name in present]
        new = list(dict.fromkeys(name for name in symbols if name in present and name not in known))
        self._ring = kept_before + new + kept_after  # newcomers are next: their first sample is worth most
        self._cursor = len(kept_before)
        self._round.expected = len(self._ring)

    def _turn_ring(self) -> None:
        """A new round from where the old one was broken off: the order stays, and the next coverage is of all."""
        self._ring = self._ring[self._cursor :] + self._ring[: self._cursor]
        self._cursor = 0
        self._round = _Round(expected=len(self._ring))

    def _begin_round(self) -> None:
        finished, self._round = self._round, _Round(expected=len(self._ring))
        if finished.ended == finished.asked:
            self._close(finished)

    def _close(self, finished: _Round) -> None:
        before, self._last = self._last, finished
        self._ended_s = self._clock.monotonic()
        self._ended += 1
        if finished.failures != before.failures:
            failures = ", ".join(f"{cause} {count}" for cause, count in sorted(finished.failures.items())) or "none"
            log.info("open interest: %d of %d symbols, failures: %s", finished.sampled, finished.expected, failures)

    async def _sit_out_block(self) -> None:
        """No request while the exchange refuses us; what was left of the round is counted as blocked."""
        if self._clock.now_ms() >= self._blocked_until_ms:
            return
        given_up = self._round
        self._turn_ring()
        given_up.is_given_up = True
        given_up.failures["blocked"] += max(0, given_up.expected - given_up.asked)
        self._last = given_up
        log.warning(
            "open interest: paused by the exchange's block, %d symbols not sampled", given_up.failures["blocked"]
        )
        while (remaining_ms := self._blocked_until_ms - self._clock.now_ms()) > 0:
            guard = self._rest.guard_status()
            if guard.state == "open":  # another process found the block ended
                break
            if guard.until_ms is not None:
                self._blocked_until_ms = guard.until_ms
            await self._clock.sleep(min(LONGEST_NAP_S, remaining_ms / 1000))
        self._blocked_until_ms = 0

    async def _look_every_second(self) -> None:
        """Hands on what was sampled, and sees how near the request weight comes to its limit."""
        until_s, peak = self._clock.monotonic() + 60.0, 0.0
        while True:
            await self._clock.sleep(EVALUATE_EVERY_S)
            if self._sampled:
                sampled, self._sampled = self._sampled, []
                self._evaluate(sampled)
            guard = self._rest.guard_status()
            peak = max(peak, guard.weight_used / max(guard.weight_limit, 1))
            if self._clock.monotonic() >= until_s:
                self._adjust_period(1.0 if self._is_exhausted else peak)
                self._is_exhausted = False
                until_s, peak = self._clock.monotonic() + 60.0, 0.0

    def _adjust_period(self, peak: float) -> None:
        """Slower after a minute in which the weight came near its limit, by whomever; faster after a calm one.

        peak: largest share of the limit that was used; 1 when a request found no room at all.
        """
        if peak >= BUSY_SHARE and self._stretch < LONGEST_STRETCH:
            self._stretch = min(LONGEST_STRETCH, self._stretch * STRETCH_STEP)
            log.warning("open interest: request budget short, one sweep takes %.0f s now", self.status().period_s)
        elif peak < CALM_SHARE and self._stretch > 1.0:
            self._stretch = max(1.0, self._stretch / STRETCH_STEP)
            log.info("open interest: one sweep takes %.0f s again", self.status().period_s)

    def _ahead_s(self) -> float:
        """Less when symbols follow each other fast, so that the second with most requests has no more than 20."""
        return min(AHEAD_S, max(0.0, self._gap_s() / SHORTEST_GAP_S - 1.0))

    def _gap_s(self) -> float:
        return max(SHORTEST_GAP_S, self._period_s * self._stretch / max(len(self._ring), 1))
