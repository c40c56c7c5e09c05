"""What time it is at the exchange, whatever happens to this machine's clocks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from altmonitor.core.errors import ExchangeUnreachable
from altmonitor.exchanges.exchange_clock import ClockSync, ExchangeClock
from tests.movable_clock import MovableClock

HOUR_MS = 3_600_000


class World:
    """The exchange's clock, and a machine that can sleep, be set, and be taken up again from a snapshot."""

    def __init__(self, *, ours_ahead_s: float = 0.0) -> None:
        self.machine = MovableClock()
        self.true_ms = float(self.machine.now_ms())
        self._looked_s = self.machine.monotonic()
        self.machine.jump(ours_ahead_s)
        self.clock = ExchangeClock(self.machine)
        self.asked_s: list[float] = []
        self.skews_ms: list[float] = []
        self.newest_ms: int | None = None
        self.is_unreachable = False
        self.clock_sync = ClockSync(
            self.clock,
            clock=self.machine,
            ask=self.ask,
            newest_event_ms=lambda: self.newest_ms,
            on_skew=self.skews_ms.append,
        )

    def exchange_ms(self) -> float:
        now_s = self.machine.monotonic()
        self.true_ms += (now_s - self._looked_s) * 1000
        self._looked_s = now_s
        return self.true_ms

    async def ask(self) -> int:
        self.asked_s.append(self.machine.monotonic() - 1_000.0)
        if self.is_unreachable:
            raise ExchangeUnreachable("no answer")
        self.clock.sync(self.exchange_ms())
        return round(self.exchange_ms())

    def sleep(self, seconds: float) -> None:
        self.exchange_ms()
        self.true_ms += seconds * 1000
        self.machine.jump(seconds)

    def be_a_snapshot(self, seconds: float) -> None:
        """Both clocks of the machine stood still."""
        self.exchange_ms()
        self.true_ms += seconds * 1000

    def error_ms(self) -> float:
        return self.clock.now_ms() - self.exchange_ms()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.clock_sync.run())
        await self.machine.settle()
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def test_time_that_passed_while_the_machine_slept_is_known_a_second_after_it_woke() -> None:
    world = World()
    async with world.running():
        await world.machine.advance(100)
        world.sleep(300)
        assert not world.clock.is_sure
        before_s = world.clock.now_s()
        await world.machine.advance(1.5)
        assert world.clock.is_sure
        assert world.clock.missed_s == pytest.approx(300, abs=0.01)
        assert world.clock.now_s() - before_s == pytest.approx(301.5, abs=0.01)
        assert world.error_ms() == pytest.approx(0, abs=2)


@pytest.mark.parametrize("hours", [1, -1])
async def test_a_clock_that_was_set_is_no_sleep(hours: int) -> None:
    world = World()
    async with world.running():
        await world.machine.advance(100)
        world.machine.jump(hours * 3_600)
        assert world.error_ms() == pytest.approx(0, abs=2)
        await world.machine.advance(1.5)
        assert world.clock.missed_s == 0
        assert world.error_ms() == pytest.approx(0, abs=2)
        assert world.skews_ms[-1] == pytest.approx(hours * HOUR_MS, abs=2)


async def test_a_snapshot_that_is_taken_up_again_learns_the_time_from_the_first_data() -> None:
    world = World()
    async with world.running():
        await world.machine.advance(100)
        world.be_a_snapshot(3_600)
        assert world.clock.is_sure, "nothing on this machine can tell"
        world.newest_ms = round(world.exchange_ms())
        await world.machine.advance(1.5)
        assert world.clock.missed_s == pytest.approx(3_600, abs=0.01)
        assert world.error_ms() == pytest.approx(0, abs=2)


@pytest.mark.parametrize("ahead_s", [150.0, -150.0, 3_600.0])
async def test_a_clock_that_is_off_from_the_start_has_missed_nothing(ahead_s: float) -> None:
    world = World(ours_ahead_s=ahead_s)
    async with world.running():
        await world.machine.advance(0.5)
        assert world.clock.missed_s == 0
        assert world.clock.skew_ms == pytest.approx(ahead_s * 1000, abs=2)
        assert world.error_ms() == pytest.approx(0, abs=2)


async def test_the_time_is_asked_every_ten_minutes_and_never_more_than_every_ten_seconds() -> None:
    world = World()
    async with world.running():
        await world.machine.advance(1_801)
        assert [round(asked_s) for asked_s in world.asked_s] == [0, 600, 1_200, 1_800]
        world.newest_ms = round(world.exchange_ms()) + 10**12  # data from the far future convinces nobody
        await world.machine.advance(59)
        assert len(world.asked_s) <= 4 + 6
        world.newest_ms = None
        world.clock_sync.ask_soon()
        await world.machine.advance(11)
        asked = len(world.asked_s)
        await world.machine.advance(580)
        assert len(world.asked_s) == asked


async def test_an_exchange_that_does_not_tell_is_asked_again() -> None:
    world = World()
    world.is_unreachable = True
    async with world.running():
        await world.machine.advance(25)
        assert [round(asked_s) for asked_s in world.asked_s] == [0, 10, 20]
        assert world.skews_ms == []
        world.is_unreachable = False
        await world.machine.advance(10)
        assert world.clock.synced_s is not None


async def test_after_a_slow_answer_the_time_is_asked_again_until_one_is_quick() -> None:
    world = World()
    takes_s = 5.0

    async def ask() -> int:
        before_s, before_ms = world.machine.monotonic(), world.machine.now_ms()
        await world.ask()
        world.clock.answered(round(world.exchange_ms()), before_s=before_s - takes_s, before_ms=before_ms)
        return 0

    world.clock_sync = ClockSync(
        world.clock, clock=world.machine, ask=ask, newest_event_ms=lambda: None, on_skew=world.skews_ms.append
    )
    async with world.running():
        await world.machine.advance(25)
        assert [round(asked_s) for asked_s in world.asked_s] == [0, 10, 20]
        assert world.clock.uncertainty_ms is None
        takes_s = 0.1
        await world.machine.advance(11)
        assert world.clock.uncertainty_ms == pytest.approx(50)
        await world.machine.advance(300)
        assert len(world.asked_s) == 4


def test_a_slow_answer_moves_the_clock_forward_only() -> None:
    world = World()
    world.clock.sync(world.exchange_ms())
    world.clock.sync_at_least(world.exchange_ms() - 5_000)
    assert world.error_ms() == pytest.approx(0, abs=2)
    world.sleep(60)
    world.clock.sync_at_least(world.exchange_ms() - 3_000)
    assert world.error_ms() == pytest.approx(-3_000, abs=2)
    assert world.clock.missed_s == pytest.approx(57, abs=0.01)
