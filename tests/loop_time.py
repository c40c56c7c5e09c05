"""The running event loop's own time, moved by the test: for what sets its timers on the loop, not on a `Clock`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

TURNS = 10
"""Of the loop between two steps: what lies in a socket of this machine is read in the first, and answered."""


class LoopTime:
    """Stands still while nobody moves it, however busy the machine is."""

    def __init__(self, now_s: float) -> None:
        self._now_s = now_s

    def __call__(self) -> float:
        return self._now_s

    async def advance(self, seconds: float, *, by_s: float = 0.001) -> None:
        end_s = self._now_s + seconds
        while self._now_s < end_s:
            self._now_s = min(self._now_s + by_s, end_s)
            for _ in range(TURNS):
                await asyncio.sleep(0)

    async def until(self, is_true: Callable[[], bool], *, within_s: float, by_s: float = 0.001) -> float:
        """How much of it passed. Raises AssertionError when that is not enough."""
        begin_s = self._now_s
        while not is_true():
            assert self._now_s - begin_s < within_s, f"not within {within_s} s"
            await self.advance(by_s, by_s=by_s)
        return self._now_s - begin_s


@contextmanager
def moved_loop_time() -> Iterator[LoopTime]:
    loop = asyncio.get_running_loop()
    moved = LoopTime(loop.time())
    loop.time = moved  # type: ignore[method-assign]
    try:
        yield moved
    finally:
        del loop.time
