"""The owner hears of trouble with the broker once when it lasts and once when it is over, whichever feed leads."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from altmonitor.app.broker_watch import BrokerWatch
from altmonitor.core.causes import Cause, CauseCode
from altmonitor.delivery.signals import SignalStatus
from altmonitor.storage.memory import MemoryStore
from tests.movable_clock import MovableClock

FULL = Cause(CauseCode.BROKER_FULL, "NATS at host:4222 has no room left")
AWAY = Cause(CauseCode.BROKER_AWAY, "NATS at host:4222 does not answer")
CONNECTING, WELL = SignalStatus(), SignalStatus(is_working=True)


class Owner:
    def __init__(self, clock: MovableClock, memory: MemoryStore) -> None:
        self.status = CONNECTING
        self.heard: list[object] = []
        self.watch = BrokerWatch(
            lambda: self.status,
            memory,
            clock=clock,
            on_trouble=lambda cause, names: self.heard.append((cause.code, *names)),
            on_fine=self.heard.append,
        )


@asynccontextmanager
async def leading(clock: MovableClock, memory: MemoryStore) -> AsyncIterator[Owner]:
    owner = Owner(clock, memory)
    running = asyncio.create_task(owner.watch.run())
    await clock.advance(0.1)
    try:
        yield owner
    finally:
        running.cancel()


async def test_trouble_that_lasts_is_told_once_and_its_end_once_also_by_another_feed() -> None:
    clock = MovableClock()
    memory = MemoryStore(clock=clock)
    async with leading(clock, memory) as first:
        first.status = WELL
        await clock.advance(60)
        began_ms = clock.now_ms()
        first.status = SignalStatus(trouble=AWAY)
        await clock.advance(4)
        assert first.heard == []
        first.status = SignalStatus(trouble=FULL)  # the same trouble, seen more closely
        await clock.advance(600)
        assert first.heard == [(CauseCode.BROKER_FULL,)]
    async with leading(clock, memory) as second:
        await clock.advance(30)  # not connected yet: that is no good news
        second.status = SignalStatus(trouble=FULL)
        await clock.advance(30)
        assert second.heard == []
        second.status = WELL
        await clock.advance(600)
        assert [type(one) for one in second.heard] == [int]
        assert 0 <= int(str(second.heard[0])) - began_ms <= 2_000
    async with leading(clock, memory) as third:
        third.status = WELL
        await clock.advance(60)
        assert third.heard == []


async def test_a_restart_of_the_broker_and_one_that_flutters_are_no_news() -> None:
    clock = MovableClock()
    async with leading(clock, MemoryStore(clock=clock)) as owner:
        for _ in range(20):
            owner.status = SignalStatus(trouble=AWAY)
            await clock.advance(3)
            owner.status = WELL
            await clock.advance(3)
        assert owner.heard == []


async def test_what_only_notifiers_notice_is_told_with_their_names_and_one_that_died_is_forgotten() -> None:
    clock = MovableClock()
    async with leading(clock, MemoryStore(clock=clock)) as owner:
        owner.status = WELL
        for _ in range(4):
            owner.watch.heard("notify-2", AWAY)
            owner.watch.heard("notify-1", AWAY)
            await clock.advance(5)
        assert owner.heard == [(CauseCode.BROKER_AWAY, "notify-1", "notify-2")]
        owner.watch.heard("notify-1", None)
        await clock.advance(30)
        assert len(owner.heard) == 1, "notify-2 has not said that it is well"
        await clock.advance(60)
        assert len(owner.heard) == 2
