"""Who may send next: one queue in front of the budget, higher priorities first."""

from __future__ import annotations

import asyncio
import itertools
from bisect import insort
from collections.abc import Callable
from dataclasses import dataclass, field

from altmonitor.core.clock import Clock
from altmonitor.core.errors import BudgetExhausted
from altmonitor.exchanges.rest.budget import Ask, Budget, Ticket
from altmonitor.interfaces.exchange import Priority

SHORT_MEMORY_S = 90.0
"""A budget used up once a minute is one state, not one piece of news a minute."""


@dataclass(order=True, slots=True)
class _Waiter:
    priority: Priority
    number: int
    ask: Ask = field(compare=False)
    woken: asyncio.Event = field(compare=False, default_factory=asyncio.Event)
    ticket: Ticket | None = field(compare=False, default=None)


class Admission:
    """check: raises when nothing may be sent at all; called after every wait, before a reservation is handed out."""

    def __init__(
        self, budget: Budget, *, clock: Clock, exchange_ms: Callable[[], int], check: Callable[[], None]
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
        return self._budget.used(self._exchange_ms())

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
