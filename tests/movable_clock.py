"""A clock that tests move: sleepers and time-outs fire in order while it is advanced, in no real time."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import math
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any

T0 = 1_790_000_040_000  # a full minute
SETTLING_TURNS = 25
"""Turns of the event loop after each timer: enough for chains of awaits that do no I/O."""
THREADS_BEFORE = threading.active_count()
"""Those of the process that runs the tests, and of no test."""
NO_TIME_PASSES_TURNS = 1_000
"""So many wake-ups at one instant are a loop that sleeps zero seconds for ever; on this clock it would never end."""


class MovableClock:
    """`monotonic` starts at 1,000 s. `jump` sets the wall clock alone."""

    def __init__(self, start_ms: int = T0) -> None:
        self._wall_ms = start_ms - 1_000_000
        self._now_s = 1_000.0
        self._timers: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()

    def now_ms(self) -> int:
        return round(self._wall_ms + self._now_s * 1000)

    def monotonic(self) -> float:
        return self._now_s

    def jump(self, seconds: float) -> None:
        self._wall_ms += round(seconds * 1000)

    def stop(self, seconds: float) -> None:
        """The program is held up: time passes, and what is due then is late."""
        self._now_s += seconds

    async def sleep(self, seconds: float) -> None:
        woken = asyncio.Event()
        self._at(seconds, woken.set)
        await woken.wait()

    def timeout(self, seconds: float | None) -> asyncio.Timeout:
        timeout = asyncio.timeout(None)

        def expire() -> None:
            with suppress(RuntimeError):  # it has ended before
                timeout.reschedule(asyncio.get_running_loop().time())

        if seconds is not None:
            self._at(seconds, expire)
        return timeout

    async def advance(self, seconds: float) -> None:
        until_s = self._now_s + seconds
        turns = 0
        await self.settle()
        while self._timers and self._timers[0][0] <= until_s:
            turns = turns + 1 if self._timers[0][0] <= self._now_s else 0
            assert turns < NO_TIME_PASSES_TURNS, "somebody waits no time at all, again and again"
            self._now_s = max(self._now_s, self._timers[0][0])
            while self._timers and self._timers[0][0] <= self._now_s:
                heapq.heappop(self._timers)[2]()
            await self.settle()
        self._now_s = until_s

    async def advance_to_next(self, most_s: float) -> None:
        """To the next timer, or by `most_s` when none is due before."""
        await self.settle()
        next_s = self._timers[0][0] if self._timers else math.inf
        await self.advance(min(max(next_s - self._now_s, 0.0), most_s))

    async def settle(self) -> None:
        loop = asyncio.get_running_loop()
        for _ in range(SETTLING_TURNS):
            await asyncio.sleep(0)
            if _nothing_is_left_to_do(loop):
                return

    def _at(self, seconds: float, call: Callable[[], None]) -> None:
        heapq.heappush(self._timers, (self._now_s + seconds, next(self._numbers), call))


def _nothing_is_left_to_do(loop: asyncio.AbstractEventLoop) -> bool:
    """Whether all who run wait for the clock: nobody's turn is next, and no socket or thread could make it so."""
    ready, selector = getattr(loop, "_ready", None), getattr(loop, "_selector", None)
    if ready is None or selector is None or ready:
        return False
    return len(selector.get_map()) <= 1 and threading.active_count() <= THREADS_BEFORE  # the loop's own pipe is one


@asynccontextmanager
async def at_work(work: Coroutine[Any, Any, object], *, on: MovableClock) -> AsyncIterator[None]:
    """It has begun and goes on while the clock is moved; cancelled at the end. What it raises is raised then."""
    task = asyncio.create_task(work)
    await on.settle()
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
