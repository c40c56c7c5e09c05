"""Long-lived tasks: named, restarted with back-off when they fail, counted, stopped in order."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeVar

from altmonitor.core.backoff import backoff_s
from altmonitor.core.clock import Clock

log = logging.getLogger(__name__)
T = TypeVar("T")

FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 60.0
HEALTHY_AFTER_S = 60.0
"""A loop that ran this long before it failed starts again at the first pause."""


@asynccontextmanager
async def beside(work: Coroutine[object, object, T], *, name: str) -> AsyncIterator[asyncio.Task[T]]:
    """`work` runs while the block does; at the block's end it is cancelled and waited for. Whoever wants its result or
    its failure asks the task."""
    task = asyncio.create_task(work, name=name)
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.wait({task})


async def unless(stop: asyncio.Event, work: Coroutine[object, object, T], *, name: str) -> T | None:
    """The result of `work`; None when `stop` was set before: then `work` was cancelled and has ended."""
    async with beside(work, name=name) as working, beside(stop.wait(), name="stop-signal") as stopping:
        await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
        return working.result() if working.done() else None


@dataclass(slots=True)
class LoopState:
    """restarts: since the start. failures_in_row: without a healthy stretch between them.

    `Supervisor.failures_in_row` also knows of a healthy stretch that goes on.
    """

    name: str
    restarts: int = 0
    failures_in_row: int = 0
    last_error: str = ""
    began_s: float | None = None  # monotonic, of the run that goes on now; None while it pauses or after its end


class Supervisor:
    """Runs loops until `stop`. A loop that raises is started again; `fatal` errors end the program instead."""

    def __init__(self, *, clock: Clock, fatal: tuple[type[BaseException], ...] = ()) -> None:
        self._clock = clock
        self._fatal = fatal
        self._tasks: list[asyncio.Task[None]] = []
        self._ended = asyncio.Event()
        self.fatal_error: BaseException | None = None
        self.loops: dict[str, LoopState] = {}

    def start(self, name: str, loop: Callable[[], Awaitable[None]]) -> None:
        """Start a loop under a name. A loop that returns is finished and stays so."""
        state = self.loops[name] = LoopState(name)
        self._tasks.append(asyncio.create_task(self._watch(state, loop), name=name))

    async def _watch(self, state: LoopState, loop: Callable[[], Awaitable[None]]) -> None:
        while True:
            began_s = state.began_s = self._clock.monotonic()
            try:
                await loop()
            except self._fatal as problem:
                self.end(problem)
                return
            except Exception as problem:
                self._count(state, problem, ran_s=self._clock.monotonic() - began_s)
            else:
                state.began_s = None
                return
            state.began_s = None
            pause_s = backoff_s(state.failures_in_row, first_s=FIRST_PAUSE_S, longest_s=LONGEST_PAUSE_S)
            await self._clock.sleep(pause_s)

    @staticmethod
    def _count(state: LoopState, problem: Exception, *, ran_s: float) -> None:
        state.failures_in_row = 1 if ran_s >= HEALTHY_AFTER_S else state.failures_in_row + 1
        state.restarts += 1
        state.last_error = f"{type(problem).__name__}: {problem}"
        # The first failure in a row is told in full, its repetitions in one line.
        log.error(
            "%s failed (%d in a row), starting it again: %s",
            state.name,
            state.failures_in_row,
            state.last_error,
            exc_info=problem if state.failures_in_row == 1 else None,
        )

    def failures_in_row(self, state: LoopState) -> int:
        """0 once the loop has run well for `HEALTHY_AFTER_S`, however often it failed before."""
        is_well = state.began_s is not None and self._clock.monotonic() - state.began_s >= HEALTHY_AFTER_S
        return 0 if is_well else state.failures_in_row

    def end(self, problem: BaseException | None = None) -> None:
        """Let `wait` return; with a problem, the program failed."""
        if problem is not None and self.fatal_error is None:
            self.fatal_error = problem
        self._ended.set()

    async def wait(self) -> None:
        await self._ended.wait()

    async def stop(self, *, within_s: float) -> None:
        """Cancel every loop, newest first, and wait for them; what has not ended in time is named and left."""
        for task in reversed(self._tasks):
            task.cancel()
        if self._tasks:
            _, pending = await asyncio.wait(self._tasks, timeout=within_s)
            for task in pending:
                log.error("%s did not stop within %.1f s", task.get_name(), within_s)
        self._tasks.clear()
