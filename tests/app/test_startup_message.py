"""The start message waits for the baselines, but not for an exchange that does not give them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from altmonitor.app.startup_message import StartupDeps, StartupMessage
from altmonitor.collect.backfill import Backfill
from altmonitor.core.errors import ExchangeUnreachable
from altmonitor.render.notices import Restored, Started
from altmonitor.replay.estimate import Estimator
from altmonitor.settings.settings import Settings
from tests.collect.fake_rest import FakeRest
from tests.fakes import KnownContext
from tests.movable_clock import T0, MovableClock

SYMBOLS = [f"COIN{number}USDT" for number in range(30)]


class House:
    def __init__(self, settings: Settings | None = None, *, wait_s: float = 60.0) -> None:
        self.clock = MovableClock(T0 + 10_000)
        self.rest = FakeRest(self.clock)
        self.told: list[Started] = []
        self.settings = settings or Settings()
        self.is_blind = False
        self.sees = True
        self.backfill = Backfill(
            self.rest,
            clock=self.clock,
            symbols=lambda: SYMBOLS,
            apply=lambda symbol, candles: self.opening.take(symbol, candles),
        )
        self.opening = StartupMessage(
            StartupDeps(
                clock=self.clock,
                backfill=self.backfill,
                estimator=Estimator(clock=self.clock, context=KnownContext()),
                settings=lambda: self.settings,
                is_blind=lambda: self.is_blind,
                notify=self.told.append,
                wait_s=wait_s,
            )
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        if self.sees:
            self.opening.seen()
        tasks = [asyncio.create_task(self.backfill.run()), asyncio.create_task(self.opening.run())]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)


async def test_it_waits_a_minute_for_the_first_market_data_and_says_when_there_is_none() -> None:
    for seen_after_s in (30, None):
        house = House()
        house.is_blind, house.sees = True, False
        async with house.running():
            house.opening.follow(30)
            await house.clock.advance(30)
            assert house.told == []
            if seen_after_s is not None:
                house.is_blind = False
                house.opening.seen()
                await house.clock.advance(1)
                assert len(house.told) == 1
            await house.clock.advance(31)
        (started,) = house.told
        assert started.is_blind is (seen_after_s is None)


async def test_on_a_clock_that_runs_fast_it_waits_for_a_machine_that_does_not() -> None:
    house = House(wait_s=4_800.0)
    house.is_blind, house.sees = True, False
    async with house.running():
        house.opening.follow(30)
        await house.clock.advance(4_000)
        assert house.told == []
        house.is_blind = False
        house.opening.seen()
        await house.clock.advance(1)
    assert [started.is_blind for started in house.told] == [False]


async def test_it_is_told_once_when_the_baselines_are_loaded() -> None:
    house = House()
    house.opening.restored = Restored(queued=2, cooldowns=3)
    async with house.running():
        await house.clock.advance(20)
        assert house.told == []
        house.opening.follow(30)
        await house.clock.advance(1)
        assert house.told == []
        await house.clock.advance(4)
        house.opening.follow(31)
        await house.clock.advance(100)
        await house.opening.run()
    (started,) = house.told
    assert started.restored == Restored(queued=2, cooldowns=3, candles=2_970)
    assert (started.symbols, started.history_s) == (30, 5_940.0)
    assert started.alerts_per_day is not None
    assert started.at_ms < T0 + 35_000
    assert len(house.rest.of("klines")) == 30


async def test_a_longer_lookback_loads_as_much_as_it_needs() -> None:
    house = House(Settings(vol_burst_lookback=120))
    async with house.running():
        house.opening.follow(30)
        await house.clock.advance(30)
    assert house.told[0].restored.candles == 30 * 121
    assert len(house.rest.of("klines")) == 60


async def test_an_exchange_that_does_not_answer_holds_it_up_for_a_minute_at_most() -> None:
    house = House()
    house.rest.failing = lambda what, symbol: ExchangeUnreachable("no answer")
    async with house.running():
        house.opening.follow(30)
        await house.clock.advance(59.5)
        assert house.told == []
        await house.clock.advance(1)
        (started,) = house.told
        assert (started.alerts_per_day, started.history_s, started.restored.candles) == (None, None, 0)
        house.rest.failing = lambda what, symbol: None
        await house.clock.advance(120)
        assert len(house.told) == 1


async def test_without_symbols_there_is_nothing_to_tell() -> None:
    house = House()
    async with house.running():
        house.opening.follow(0)
        await house.clock.advance(3_600)
        assert house.told == []
        house.opening.follow(30)
        await house.clock.advance(20)
        assert len(house.told) == 1
