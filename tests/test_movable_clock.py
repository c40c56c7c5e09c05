"""The clock that tests move: order, time-outs, and a loop that waits no time at all."""

from __future__ import annotations

import asyncio

import pytest

from tests.movable_clock import MovableClock


async def test_sleepers_wake_in_order_at_their_own_moments() -> None:
    clock, woken = MovableClock(), []

    async def sleeper(seconds: float) -> None:
        await clock.sleep(seconds)
        woken.append((seconds, clock.monotonic()))

    sleepers = [asyncio.create_task(sleeper(seconds)) for seconds in (30.0, 10.0, 20.0)]
    await clock.advance(25.0)
    assert woken == [(10.0, 1010.0), (20.0, 1020.0)]
    assert clock.monotonic() == 1025.0
    await clock.advance(5.0)
    assert woken[-1] == (30.0, 1030.0)
    await asyncio.gather(*sleepers)


async def test_whoever_is_woken_gets_as_far_as_he_can_before_time_goes_on() -> None:
    clock, did = MovableClock(), []

    async def steps_by_turns(name: str, handed_on: asyncio.Queue[str], to: asyncio.Queue[str]) -> None:
        for _ in range(5):
            did.append((clock.monotonic(), name))
            await to.put(name)
            await handed_on.get()

    async def woken() -> None:
        await clock.sleep(10.0)
        here, there = asyncio.Queue[str](), asyncio.Queue[str]()
        await asyncio.gather(steps_by_turns("here", here, there), steps_by_turns("there", there, here))

    others = [asyncio.create_task(clock.sleep(seconds)) for seconds in (10.5, 11.0)]
    task = asyncio.create_task(woken())
    await clock.advance(20.0)
    assert [at_s for at_s, _ in did] == [1010.0] * 10
    await asyncio.gather(task, *others)


async def test_it_can_be_moved_to_the_next_timer_and_no_farther_than_asked() -> None:
    clock = MovableClock()
    sleeper = asyncio.create_task(clock.sleep(3600.0))
    await clock.advance_to_next(7200.0)
    assert (clock.monotonic(), sleeper.done()) == (4600.0, True)
    await clock.advance_to_next(7200.0)
    assert clock.monotonic() == 11_800.0


async def test_a_time_out_ends_what_it_holds_at_its_moment() -> None:
    clock, ended_s = MovableClock(), []

    async def waits() -> None:
        try:
            async with clock.timeout(2.0):
                await asyncio.Event().wait()
        except TimeoutError:
            ended_s.append(clock.monotonic())

    task = asyncio.create_task(waits())
    await clock.advance(10.0)
    await task
    assert ended_s == [1002.0]


async def test_a_loop_that_waits_no_time_at_all_is_found_instead_of_followed_for_ever() -> None:
    clock = MovableClock()

    async def spins() -> None:
        while True:
            await clock.sleep(0.0)

    task = asyncio.create_task(spins())
    with pytest.raises(AssertionError, match="no time at all"):
        await clock.advance(1.0)
    task.cancel()
