"""How much may still be asked: request weight per exchange minute, and the pools the weight header does not see.

Pure; the time is handed in. Weight is reserved before a request leaves; the exchange's own count corrects it.
"""

from __future__ import annotations

import asyncio
import itertools
from bisect import insort
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from altmonitor.core.clock import Clock
from altmonitor.core.errors import BudgetExhausted
from altmonitor.interfaces.exchange import Priority

MINUTE_MS = 60_000
VENUE_POOL = "venue"
"""Of all requests to a venue that counts them."""
EDGE_MS = 500
"""Our minute begins this much after the exchange's: half a second of skew never spends a minute's weight twice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One GET. target: path and encoded query. weight: what the exchange charges. pool: name of an extra limit."""

    target: str
    priority: Priority
    weight: int = 1
    pool: str | None = None


@dataclass(frozen=True, slots=True)
class Shares:
    """Of a limit, 0…1: what may be used of it, and what by those who go first (ENRICH), so that they need not wait for
    the others' use to pass."""

    usual: float
    first: float

    def of(self, ask: Ask) -> float:
        return self.first if ask.priority is Priority.ENRICH else self.usual


WEIGHT_SHARES = Shares(0.70, 0.90)
POOL_SHARES = Shares(0.80, 0.90)


@dataclass(kw_only=True)
class LimitPool:
    """At most `limit` of something in any `window_s` seconds.

    What is asked ("has the oldest left the window?") and what is waited for are one expression: with two, rounding can
    make the one say no while the other says zero seconds, for ever.
    """

    limit: int
    window_s: float
    sent_s: deque[float] = field(default_factory=deque)

    def wait_s(self, now_s: float, share: float = 1.0, count: int = 1) -> float:
        """0 when there is room for so many now, else a wait after which there is. share: of the limit, 0…1."""
        self.held(now_s)
        return wait_for_room_s(self.sent_s, now_s, self.window_s, int(self.limit * share), count)

    def take(self, now_s: float, count: int = 1) -> None:
        """So many of them leave now, whether or not there is room."""
        self.sent_s.extend([now_s] * count)

    def held(self, now_s: float) -> int:
        """How many the window holds."""
        while self.sent_s and self.sent_s[0] + self.window_s <= now_s:
            self.sent_s.popleft()
        return len(self.sent_s)


def wait_for_room_s(sent_s: Sequence[float], now_s: float, window_s: float, limit: int, count: int = 1) -> float:
    """0 when `count` more fit beside what was sent in the window; more than the limit wait until it is empty. sent_s:
    ascending, all of them in it."""
    leaving = first_to_leave(len(sent_s), limit, count)
    return 0.0 if leaving <= 0 else sent_s[leaving - 1] + window_s - now_s


def first_to_leave(held: int, limit: int, count: int = 1) -> int:
    """How many of those in the window, the oldest first, must have left it before `count` more fit; 0 or less: none."""
    return min(held + count - limit, held)


@dataclass(frozen=True, slots=True)
class Ticket:
    """A reservation. minute: the budget's minute in which the request left."""

    weight: int
    minute: int


class RequestBudget:
    """Used weight is the larger of what we reserved this minute and what the exchange counted plus what is under way
    (other programs on the same address are seen only in the exchange's count).

    weight_limit: per minute; 0 where requests have no weight. weight_header: in which answers tell the weight used.
    weights: of a venue that tells no weight used, so that all who ask it from here must count together.
    """

    def __init__(
        self,
        *,
        weight_limit: int = 0,
        weight_header: str = "",
        weights: LimitPool | None = None,
        pools: Mapping[str, LimitPool] | None = None,
        weight_shares: Shares = WEIGHT_SHARES,
        pool_shares: Shares = POOL_SHARES,
    ) -> None:
        self.weight_limit = weight_limit if weights is None else weights.limit
        self.weight_header = weight_header
        self._weights = weights
        self._weight_shares = weight_shares
        self._pool_shares = pool_shares
        self._pools = dict(pools or {})
        self._minute = -1
        self._reserved = 0
        self._at_edge = 0
        self._counted = 0
        self._under_way = 0

    def used(self, exchange_ms: int) -> int:
        """Of the exchange's minute that runs."""
        self._roll(exchange_ms)
        return max(self._reserved, self._counted + self._under_way)

    def weight_used(self, exchange_ms: int, now_s: float) -> int:
        """For people to see: of all who count together, else of this minute."""
        return self.used(exchange_ms) if self._weights is None else self._weights.held(now_s)

    def requests(self, pool: str, now_s: float) -> tuple[int, int, float]:
        """Sent in the window, how many it may hold, and its seconds; zeros without such a pool."""
        found = self._pools.get(pool)
        if found is None:
            return 0, 0, 0.0
        return found.held(now_s), found.limit, found.window_s

    def wait_s(self, ask: Ask, *, exchange_ms: int, now_s: float) -> float:
        """Seconds until there may be room for this ask; 0 when there is room now."""
        wait_s, share = 0.0, self._weight_shares.of(ask)
        if ask.weight and self._weights is not None:
            wait_s = self._weights.wait_s(now_s, share, ask.weight)
        elif ask.weight and self.used(exchange_ms) >= self.weight_limit * share:
            wait_s = ((self._minute + 1) * MINUTE_MS + EDGE_MS - exchange_ms) / 1000
        pool = self._pools.get(ask.pool) if ask.pool else None
        if pool is not None:
            wait_s = max(wait_s, pool.wait_s(now_s, self._pool_shares.of(ask)))
        return wait_s

    def reserve(self, ask: Ask, *, exchange_ms: int, now_s: float) -> Ticket:
        self._roll(exchange_ms)
        self._reserved += ask.weight
        if (exchange_ms + EDGE_MS) % MINUTE_MS < 2 * EDGE_MS:
            self._at_edge += ask.weight  # the exchange may count it in the minute that begins
        self._under_way += ask.weight
        if ask.weight and self._weights is not None:
            self._weights.take(now_s, ask.weight)
        if ask.pool and ask.pool in self._pools:
            self._pools[ask.pool].take(now_s)
        return Ticket(ask.weight, self._minute)

    def settle(self, ticket: Ticket, *, exchange_ms: int, used_header: str | None) -> None:
        """The request ended. used_header: the weight header of its answer, None without an answer.

        A count told for a request of an earlier minute is not this minute's; what is not a number is ignored.
        """
        self._roll(exchange_ms)
        self._under_way -= ticket.weight
        if used_header and used_header.isascii() and used_header.isdigit() and ticket.minute == self._minute:
            self._counted = max(self._counted, int(used_header[:9]))

    def _roll(self, exchange_ms: int) -> None:
        minute = (exchange_ms - EDGE_MS) // MINUTE_MS
        if minute > self._minute or minute < self._minute - 1:  # a correction by a moment reopens no minute
            self._reserved = self._at_edge if minute == self._minute + 1 else 0
            self._at_edge = self._counted = 0
            self._minute = minute


# ---
# Who may send next: one queue in front of the budget, higher priorities first.


SHORT_MEMORY_S = 90.0
"""A budget used up once a minute is one state, not one piece of news a minute."""


@dataclass(order=True, slots=True)
class _Waiter:
    priority: Priority
    number: int
    ask: Ask = field(compare=False)
    woken: asyncio.Event = field(compare=False, default_factory=asyncio.Event)
    ticket: Ticket | None = field(compare=False, default=None)


class RequestQueue:
    """check: raises when nothing may be sent at all; called after every wait, before a reservation is handed out."""

    def __init__(
        self, budget: RequestBudget, *, clock: Clock, exchange_ms: Callable[[], int], check: Callable[[], None]
    ) -> None:
        self._budget = budget
        self._clock = clock
        self._exchange_ms = exchange_ms
        self._check = check
        self._waiters: list[_Waiter] = []
        self._numbers = itertools.count()
        self._short_s: float | None = None

    @property
    def is_short(self) -> bool:
        """Somebody waits for budget, or had to within the last minute and a half."""
        return bool(self._waiters) or (
            self._short_s is not None and self._clock.monotonic() - self._short_s < SHORT_MEMORY_S
        )

    def used(self) -> int:
        return self._budget.weight_used(self._exchange_ms(), self._clock.monotonic())

    async def reserve(self, ask: Ask, *, deadline_s: float) -> Ticket:
        """Raises: BudgetExhausted when there is no room before the deadline (told at once), and what `check` raises."""
        self._grant()
        if self._room_s(ask) <= 0:
            return self.take(ask)
        self._short_s = self._clock.monotonic()
        waiter = _Waiter(ask.priority, next(self._numbers), ask)
        insort(self._waiters, waiter)
        try:
            return await self._wait(waiter, deadline_s)
        except BaseException:
            if waiter.ticket is not None:  # granted in the very moment it was cancelled or blocked
                self.settle(waiter.ticket, used_header=None)
            raise
        finally:
            if waiter in self._waiters:
                self._waiters.remove(waiter)

    def take(self, ask: Ask) -> Ticket:
        """A reservation whether or not there is room."""
        return self._budget.reserve(ask, exchange_ms=self._exchange_ms(), now_s=self._clock.monotonic())

    def settle(self, ticket: Ticket, *, used_header: str | None) -> None:
        self._budget.settle(ticket, exchange_ms=self._exchange_ms(), used_header=used_header)

    def wake_all(self) -> None:
        """Everybody looks at `check` again."""
        for waiter in self._waiters:
            waiter.woken.set()

    async def _wait(self, waiter: _Waiter, deadline_s: float) -> Ticket:
        while waiter.ticket is None:
            room_s = self._room_s(waiter.ask)
            if self._clock.monotonic() + room_s > deadline_s:
                raise BudgetExhausted(f"no request budget for the next {room_s:.0f} s")
            try:
                async with self._clock.timeout(max(room_s, 0.001)):
                    await waiter.woken.wait()
            except TimeoutError:
                self._short_s = self._clock.monotonic()
            waiter.woken.clear()  # woken once, not for good: without room it waits again instead of spinning
            self._check()
            self._grant()
        return waiter.ticket

    def _grant(self) -> None:
        """Room goes to who waits, by priority, then by arrival; a newcomer does not overtake."""
        for waiter in list(self._waiters):
            if self._room_s(waiter.ask) <= 0:
                waiter.ticket = self.take(waiter.ask)
                waiter.woken.set()
                self._waiters.remove(waiter)

    def _room_s(self, ask: Ask) -> float:
        return self._budget.wait_s(ask, exchange_ms=self._exchange_ms(), now_s=self._clock.monotonic())
