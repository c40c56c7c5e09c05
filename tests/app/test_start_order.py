"""What a monitor can do without for a moment begins when every stream is subscribed."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

from altmonitor.app.start_order import SEEING_WITHIN_S, StartOrder
from altmonitor.core.status import FeedStatus
from altmonitor.core.supervisor import Supervisor
from tests.movable_clock import MovableClock


class Started:
    """covered: of the three symbols of the feed. begun: names of loops in the order in which they ran."""

    def __init__(self, clock: MovableClock) -> None:
        self.covered = 0
        self.begun: list[str] = []
        self.supervisor = Supervisor(clock=clock, fatal=())
        self.order = StartOrder(self.supervisor, feed=self._feed, clock=clock)

    def _feed(self) -> FeedStatus:
        return cast(FeedStatus, cast(Any, SimpleNamespace(symbols_expected=3, symbols_covered=self.covered)))

    def start(self, *names: str) -> None:
        self.order.start({name: self._loop(name) for name in names})

    def _loop(self, name: str) -> Any:
        async def run() -> None:
            self.begun.append(name)
            await asyncio.Event().wait()

        return run


async def _settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_the_back_fill_of_each_venue_waits_until_every_stream_is_subscribed() -> None:
    clock = MovableClock()
    started = Started(clock)
    started.start("back-fill", "feed", "bybit:back-fill")
    looking = asyncio.create_task(started.order.look_for_streams())
    await clock.advance(1)
    await _settle()
    assert started.begun == ["feed"]
    started.covered = 3
    await clock.advance(1)
    await looking
    await _settle()
    assert started.begun == ["feed", "back-fill", "bybit:back-fill"]
    await started.supervisor.stop(within_s=1)


async def test_it_begins_anyway_when_a_stream_stays_away() -> None:
    clock = MovableClock()
    started = Started(clock)
    started.start("back-fill")
    looking = asyncio.create_task(started.order.look_for_streams())
    await clock.advance(SEEING_WITHIN_S + 1)
    await looking
    await _settle()
    assert started.begun == ["back-fill"]
    await started.supervisor.stop(within_s=1)


async def test_a_loop_that_runs_already_goes_on_and_is_not_begun_again() -> None:
    clock = MovableClock()
    started = Started(clock)
    started.start("feed")
    await _settle()
    started.start("feed", "contracts")
    await _settle()
    assert started.begun == ["feed", "contracts"]
    await started.supervisor.stop(within_s=1)
