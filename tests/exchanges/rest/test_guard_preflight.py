"""The first request of a process is a ping; what becomes of it decides whether any other leaves."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from altmonitor.core.errors import ExchangeBlocked, ExchangeUnreachable, RegionBlocked
from altmonitor.exchanges.binance.rest import BinanceRest, binance_guard
from altmonitor.exchanges.rest.guard import Preflight, RestAnswer
from altmonitor.sim.control import RestFault
from altmonitor.sim.exchange import SimExchange
from altmonitor.sim.market import SeededMarket
from tests.movable_clock import T0, MovableClock

PING = "/fapi/v1/ping"
OK, HANGS = 200, -1
NO_ANSWER = 0


class Door:
    """A host that answers pings in turn with these statuses, the last one for ever; asked: seconds since the start."""

    def __init__(self, *statuses: int) -> None:
        self.clock = MovableClock()
        self.preflight = Preflight(binance_guard("fapi.example", clock=self.clock), clock=self.clock)
        self.asked: list[float] = []
        self._statuses = list(statuses)

    async def send(self, target: str) -> RestAnswer:
        assert target == PING
        self.asked.append(round(self.clock.monotonic() - 1_000.0, 3))
        status = self._statuses.pop(0) if len(self._statuses) > 1 else self._statuses[0]
        if status == HANGS:
            await self.clock.sleep(1e9)
        if status == NO_ANSWER:
            raise ExchangeUnreachable("connection refused")
        return RestAnswer(status, {}, b"{}")

    async def callers(self, count: int, *, within_s: float = 60.0) -> Sequence[BaseException | None]:
        tasks = [asyncio.create_task(self.preflight.wait(self.send)) for _ in range(count)]
        await self.clock.advance(within_s)
        return await asyncio.gather(*tasks, return_exceptions=True)


async def test_ten_callers_share_one_ping_and_later_ones_need_none() -> None:
    door = Door(OK)
    assert await door.callers(10) == [None] * 10
    assert await door.callers(10) == [None] * 10
    assert door.asked == [0.0]


@pytest.mark.parametrize("status", [418, 429, 403, 451])
async def test_a_refused_ping_blocks_its_caller_and_is_not_repeated(status: int) -> None:
    door = Door(status)
    problems = await door.callers(3)
    assert isinstance(problems[0], RegionBlocked if status == 451 else ExchangeBlocked)
    assert problems[1:] == [None, None]  # the guard refuses what they ask next
    assert door.asked == [0.0]


@pytest.mark.parametrize("failure", [NO_ANSWER, 503])
async def test_without_an_answer_it_is_tried_three_times_and_then_no_longer(failure: int) -> None:
    door = Door(failure)
    assert await door.callers(5) == [None] * 5
    assert await door.callers(5) == [None] * 5
    assert door.asked == [0.0, 0.6, 1.8]


async def test_an_answer_to_a_repeated_ping_is_as_good() -> None:
    door = Door(NO_ANSWER, OK)
    assert await door.callers(5) == [None] * 5
    assert door.asked == [0.0, 0.6]


async def test_a_ping_that_hangs_is_given_up_after_five_seconds() -> None:
    door = Door(HANGS)
    assert await door.callers(5) == [None] * 5
    assert door.asked == [0.0, 5.6, 11.8]


async def test_a_cancelled_caller_hands_the_ping_on() -> None:
    door = Door(HANGS, OK)
    first, second = (asyncio.create_task(door.preflight.wait(door.send)) for _ in range(2))
    await door.clock.advance(2)
    first.cancel()
    await door.clock.advance(1)
    assert (first.cancelled(), second.result()) == (True, None)
    assert door.asked == [0.0, 2.0]


async def test_the_ping_tells_what_was_spent_in_this_minute_before_the_start() -> None:
    clock = MovableClock()
    guard = binance_guard("fapi.example", clock=clock)

    async def send(target: str) -> RestAnswer:
        return RestAnswer(200, {"X-MBX-USED-WEIGHT-1M": "2345"}, b"{}")

    await clock.advance(10)
    await Preflight(guard, clock=clock).wait(send)
    assert guard.status().weight_used == 2_345


@pytest.mark.parametrize("status", [418, 429, 403, 451])
async def test_a_refused_address_asks_for_no_data(status: int) -> None:
    clock = MovableClock()
    async with SimExchange(SeededMarket(seed=7, start_ms=T0, symbols=20, frames_per_s=1), clock=clock) as exchange:
        exchange.faults.rest[PING] = RestFault(status=status)
        rest = BinanceRest(exchange.rest_url, clock=clock, guard=binance_guard("sim", clock=clock))
        await rest.start()
        questions = [rest.contracts(), rest.server_time_ms(), rest.day_tickers(), rest.fundings()]
        problems = await asyncio.gather(*questions, return_exceptions=True)
        await rest.stop()
        assert [isinstance(problem, ExchangeBlocked) for problem in problems] == [True] * 4
        assert {path: log.count for path, log in exchange.stats.rest.items()} == {PING: 1}
