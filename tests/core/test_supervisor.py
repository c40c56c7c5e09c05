from __future__ import annotations

import asyncio

import pytest

from altmonitor.core.clock import ScaledClock
from altmonitor.core.errors import TokenRefused
from altmonitor.core.supervisor import Supervisor, beside, unless
from tests.movable_clock import MovableClock
from tests.patient_clock import PatientClock


@pytest.fixture
def clock() -> ScaledClock:
    return PatientClock(start_ms=0, speed=200)


async def test_a_loop_that_fails_is_started_again_and_counted(clock: ScaledClock) -> None:
    supervisor = Supervisor(clock=clock)
    begun: list[float] = []
    third = asyncio.Event()

    async def shaky() -> None:
        begun.append(clock.monotonic())
        if len(begun) == 3:
            third.set()
            await asyncio.Event().wait()
        raise RuntimeError("boom")

    supervisor.start("shaky", shaky)
    await asyncio.wait_for(third.wait(), 60)
    state = supervisor.loops["shaky"]
    assert (state.restarts, state.failures_in_row, state.last_error) == (2, 2, "RuntimeError: boom")
    assert begun[1] - begun[0] >= 0.5
    assert begun[2] - begun[1] >= 1.0
    await supervisor.stop(within_s=5)


async def test_a_fatal_error_ends_the_program(clock: ScaledClock) -> None:
    supervisor = Supervisor(clock=clock, fatal=(TokenRefused,))

    async def bot() -> None:
        raise TokenRefused("the bot token is wrong")

    supervisor.start("bot", bot)
    await asyncio.wait_for(supervisor.wait(), 60)
    assert isinstance(supervisor.fatal_error, TokenRefused)
    await supervisor.stop(within_s=5)


async def test_stop_ends_every_loop_and_leaves_one_that_will_not(
    clock: ScaledClock, caplog: pytest.LogCaptureFixture
) -> None:
    supervisor = Supervisor(clock=clock)
    release = asyncio.Event()
    ended: list[str] = []

    async def obedient() -> None:
        try:
            await release.wait()
        finally:
            ended.append("obedient")

    async def stubborn() -> None:
        while not release.is_set():
            try:
                await release.wait()
            except asyncio.CancelledError:
                continue

    supervisor.start("obedient", obedient)
    supervisor.start("stubborn", stubborn)
    await asyncio.sleep(0)
    await asyncio.wait_for(supervisor.stop(within_s=0.2), 60)
    assert ended == ["obedient"]
    assert caplog.messages == ["stubborn did not stop within 0.2 s"]
    release.set()
    await asyncio.sleep(0.01)


async def test_a_loop_that_returns_is_finished(clock: ScaledClock) -> None:
    supervisor = Supervisor(clock=clock)
    runs: list[int] = []

    async def once() -> None:
        runs.append(1)

    supervisor.start("once", once)
    await asyncio.sleep(0.05)
    await supervisor.stop(within_s=1)
    assert runs == [1]


async def test_a_loop_that_runs_well_again_has_no_failures_in_a_row() -> None:
    clock = PatientClock(start_ms=0, speed=2000)
    supervisor = Supervisor(clock=clock)
    runs: list[int] = []
    fourth = asyncio.Event()

    async def recovers() -> None:
        runs.append(1)
        if len(runs) <= 3:
            raise RuntimeError("not yet")
        fourth.set()
        await asyncio.Event().wait()

    supervisor.start("recovers", recovers)
    await asyncio.wait_for(fourth.wait(), 60)
    state = supervisor.loops["recovers"]
    assert state.failures_in_row == 3
    await clock.sleep(60)
    assert (supervisor.failures_in_row(state), state.restarts) == (0, 3)
    await supervisor.stop(within_s=5)


async def test_a_loop_that_has_failed_for_two_days_is_still_started_again() -> None:
    clock = MovableClock()
    supervisor = Supervisor(clock=clock)

    async def broken() -> None:
        raise RuntimeError("boom")

    supervisor.start("broken", broken)
    await clock.advance(2 * 86_400)
    assert supervisor.loops["broken"].restarts > 2 * 86_400 / 60
    before = supervisor.loops["broken"].restarts
    await clock.advance(60)
    assert supervisor.loops["broken"].restarts > before
    await supervisor.stop(within_s=5)


async def test_what_runs_beside_a_block_ends_with_it_however_the_block_ends() -> None:
    ended: list[str] = []

    async def work(name: str) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(name)

    async with beside(work("one"), name="one"):
        await asyncio.sleep(0)
        assert ended == []
    assert ended == ["one"]

    async def fails_inside() -> None:
        async with beside(work("two"), name="two"):
            await asyncio.sleep(0)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fails_inside()
    assert ended == ["one", "two"]


async def test_what_runs_beside_a_block_keeps_its_failure_for_whoever_asks() -> None:
    async def fails() -> None:
        raise ZeroDivisionError

    async with beside(fails(), name="fails") as task:
        await asyncio.sleep(0)
    with pytest.raises(ZeroDivisionError):
        task.result()


async def test_work_ends_with_its_result_or_is_ended_by_the_stop() -> None:
    stop = asyncio.Event()

    async def work() -> int:
        await asyncio.sleep(0)
        return 7

    ended: list[str] = []

    async def endless() -> int:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("ended")
        return 7

    assert await unless(stop, work(), name="work") == 7
    asyncio.get_running_loop().call_soon(stop.set)
    assert await unless(stop, endless(), name="endless") is None
    assert ended == ["ended"]


async def test_work_that_fails_fails_whoever_waits_for_it() -> None:
    async def fail() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await unless(asyncio.Event(), fail(), name="work")
