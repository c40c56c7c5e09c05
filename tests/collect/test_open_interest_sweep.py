"""The open-interest sweep: even, steady, modest when the exchange is short of patience."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from itertools import pairwise

from altmonitor.collect.open_interest_sweep import OpenInterestSweep
from altmonitor.core.errors import BadAnswer, BudgetExhausted, ExchangeBlocked, ExchangeUnreachable
from altmonitor.core.status import GuardStatus
from altmonitor.exchanges.binance.rest import BinanceRest, binance_guard
from altmonitor.interfaces.exchange import Priority
from altmonitor.market.contracts import is_watched
from altmonitor.market.quotes import OpenInterest
from altmonitor.sim.control import RestFault, busiest
from altmonitor.sim.exchange import SimExchange
from altmonitor.sim.market import SeededMarket
from tests.collect.fake_rest import FakeRest
from tests.movable_clock import T0, MovableClock
from tests.patient_clock import PatientClock


class Desk:
    """A sweep over named symbols, and everything that came out of it."""

    def __init__(self, count: int, *, period_s: float = 60.0, concurrency: int = 15, catch_up_s: float = 0.0) -> None:
        self.clock = MovableClock()
        self.rest = FakeRest(self.clock)
        self.symbols: Sequence[str] = [f"A{number:03}USDT" for number in range(count)]
        self.rest.open_interests = dict.fromkeys(self.symbols, 1_000.0)
        self.samples: list[OpenInterest] = []
        self.batches: list[tuple[float, Sequence[str]]] = []
        self.sweep = OpenInterestSweep(
            self.rest,
            clock=self.clock,
            period_s=period_s,
            concurrency=concurrency,
            symbols=lambda: self.symbols,
            record=self.samples.append,
            evaluate=lambda symbols: self.batches.append((self.clock.monotonic() - 1_000.0, list(symbols))),
            catch_up_s=catch_up_s,
        )

    def asked_at(self, symbol: str) -> list[float]:
        return [asked.at_s for asked in self.rest.asked if asked.symbol == symbol]

    def busiest_second(self) -> int:
        return busiest((round(asked.at_s * 1000) for asked in self.rest.asked), 1_000)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Desk]:
        task = asyncio.create_task(self.sweep.run())
        try:
            yield self
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def test_530_symbols_are_asked_once_a_minute_and_evenly() -> None:
    async with Desk(530).running() as desk:
        await desk.clock.advance(59.95)
        assert Counter(asked.symbol for asked in desk.rest.asked) == Counter(dict.fromkeys(desk.symbols, 1))
        assert desk.busiest_second() <= 10
        assert {asked.priority for asked in desk.rest.asked} == {Priority.SWEEP}
        await desk.clock.advance(180.0)
        for symbol in desk.symbols:
            times_s = desk.asked_at(symbol)
            assert len(times_s) == 4
            assert all(59.5 < later - earlier < 60.5 for earlier, later in pairwise(times_s))


async def test_two_symbols_leave_together_where_they_follow_each_other_closely() -> None:
    async with Desk(600).running() as desk:
        await desk.clock.advance(59.95)
        moments = Counter(round(asked.at_s - desk.rest.asked[0].at_s, 3) for asked in desk.rest.asked)
        assert moments == Counter({round(0.2 * number, 3): 2 for number in range(300)})
    async with Desk(60).running() as desk:
        await desk.clock.advance(59.95)
        assert {later.at_s - earlier.at_s for earlier, later in pairwise(desk.rest.asked)} == {1.0}


async def test_each_answer_is_recorded_under_its_own_time() -> None:
    async with Desk(10).running() as desk:
        await desk.clock.advance(12.3)
        assert [(sample.symbol, sample.time_ms) for sample in desk.samples] == [
            ("A000USDT", T0 + 50),
            ("A001USDT", T0 + 6_050),
            ("A002USDT", T0 + 12_050),
        ]


async def test_symbols_are_evaluated_about_once_a_second_and_once_a_sweep() -> None:
    async with Desk(600).running() as desk:
        await desk.clock.advance(61.5)
        first_sweep = [symbol for _, batch in desk.batches for symbol in batch][:600]
        assert sorted(first_sweep) == sorted(desk.symbols)
        assert all(len(batch) <= 11 for _, batch in desk.batches)
        times_s = [at_s for at_s, _ in desk.batches]
        assert all(0.9 < later - earlier < 1.1 for earlier, later in pairwise(times_s))


async def test_the_status_tells_coverage_and_age_of_the_last_sweep() -> None:
    async with Desk(100).running() as desk:
        assert desk.sweep.status().sweep_age_s is None
        desk.rest.failing = lambda what, symbol: {
            "A003USDT": ExchangeUnreachable("no"),
            "A004USDT": BadAnswer("odd"),
            "A005USDT": BadAnswer("odd"),
        }.get(symbol)
        await desk.clock.advance(75.0)
        status = desk.sweep.status()
        assert status.coverage == 0.97
        assert status.failures == {"unreachable": 1, "bad_answer": 2}
        assert status.sweep_age_s is not None
        assert 14.0 < status.sweep_age_s < 15.5
        assert status.period_s == 60.0


async def test_740_symbols_every_15_seconds_stretch_to_20_a_second_and_say_so() -> None:
    async with Desk(740, period_s=15.0).running() as desk:
        await desk.clock.advance(120.0)
        assert desk.busiest_second() <= 20
        assert 37.0 <= desk.sweep.status().period_s < 40.0
        times_s = desk.asked_at("A000USDT")
        assert 37.0 <= times_s[1] - times_s[0] < 40.0


async def test_no_more_requests_are_under_way_than_allowed() -> None:
    async with Desk(300, concurrency=5).running() as desk:
        desk.rest.takes_s = 10.0
        await desk.clock.advance(100.0)
        asked = [asked.at_s for asked in desk.rest.asked]
        assert busiest((round(at_s * 1000) for at_s in asked), 10_000) <= 5
        assert 45 <= len(asked) <= 51
        desk.rest.takes_s = 0.05
        await desk.clock.advance(30.0)
        assert desk.busiest_second() <= 12  # what was missed is not caught up in a burst


async def test_a_listed_symbol_is_asked_next_and_a_delisted_one_no_more() -> None:
    async with Desk(60).running() as desk:
        await desk.clock.advance(10.5)
        desk.rest.open_interests["NEWUSDT"] = 5.0
        desk.symbols = [symbol for symbol in desk.symbols if symbol != "A030USDT"] + ["NEWUSDT"]
        await desk.clock.advance(2.5)
        assert len(desk.asked_at("NEWUSDT")) == 1
        await desk.clock.advance(120.0)
        assert desk.asked_at("A030USDT") == []
        assert len(desk.asked_at("NEWUSDT")) == 3
        assert 58.0 < desk.asked_at("A029USDT")[1] - desk.asked_at("A029USDT")[0] < 62.0


async def test_the_list_of_symbols_is_looked_through_only_when_it_is_another_one() -> None:
    looked_through = Counter[int]()

    class Listed(list[str]):
        def __iter__(self) -> Iterator[str]:
            looked_through[len(self)] += 1
            return super().__iter__()

    async with Desk(60).running() as desk:
        desk.symbols = Listed(desk.symbols)
        await desk.clock.advance(90.0)
        desk.symbols = Listed([*desk.symbols, "NEWUSDT"])
        await desk.clock.advance(90.0)
        assert len(desk.rest.asked) >= 179
        assert looked_through[60] <= 4
        assert looked_through[61] <= 4


async def test_a_symbol_the_exchange_does_not_know_is_left_alone_for_ten_minutes() -> None:
    async with Desk(60).running() as desk:
        del desk.rest.open_interests["A007USDT"]
        await desk.clock.advance(300.0)
        assert len(desk.asked_at("A007USDT")) == 1
        assert desk.sweep.status().coverage == 1.0
        desk.rest.open_interests["A007USDT"] = 1.0
        await desk.clock.advance(400.0)
        assert len(desk.asked_at("A007USDT")) >= 2


async def test_nothing_is_asked_during_a_block_and_the_order_goes_on_after_it() -> None:
    async with Desk(600).running() as desk:
        await desk.clock.advance(30.0)
        desk.rest.blocked_until_ms = desk.clock.now_ms() + 600_000
        desk.rest.failing = lambda what, symbol: None
        before = len(desk.rest.asked)
        last = desk.rest.asked[-1].symbol
        await desk.clock.advance(599.0)
        assert len(desk.rest.asked) == before
        status = desk.sweep.status()
        assert 0.45 < status.coverage < 0.55
        assert status.failures == {"blocked": 600 - round(status.coverage * 600)}
        await desk.clock.advance(3.0)
        resumed = desk.rest.asked[before].symbol
        assert int(resumed[1:4]) - int(last[1:4]) in (2, 3)  # the one that met the block is not asked twice
        assert desk.busiest_second() <= 20
        await desk.clock.advance(62.0)
        assert desk.sweep.status().coverage == 1.0
        assert desk.sweep.status().failures == {}


async def test_a_block_that_ends_early_is_noticed() -> None:
    async with Desk(60).running() as desk:
        await desk.clock.advance(5.0)
        desk.rest.failing = lambda what, symbol: ExchangeBlocked("418", until_ms=desk.clock.now_ms() + 3_600_000)
        await desk.clock.advance(2.0)
        desk.rest.failing, desk.rest.blocked_until_ms = (lambda what, symbol: None), 0
        before = len(desk.rest.asked)
        await desk.clock.advance(6.0)
        assert len(desk.rest.asked) > before


async def test_a_minute_near_the_weight_limit_slows_the_sweep_and_calm_minutes_speed_it_up() -> None:
    async with Desk(120).running() as desk:
        desk.rest.guard = GuardStatus(state="open", weight_used=1_600, weight_limit=2_400)
        await desk.clock.advance(60.5)
        assert desk.sweep.status().period_s == 90.0
        await desk.clock.advance(60.0)
        assert desk.sweep.status().period_s == 135.0
        desk.rest.guard = GuardStatus(state="open", weight_used=1_400, weight_limit=2_400)
        await desk.clock.advance(120.0)
        assert desk.sweep.status().period_s in (135.0, 202.5)  # the minute in which it changed may count as busy
        desk.rest.guard = GuardStatus(state="open", weight_used=600, weight_limit=2_400)
        await desk.clock.advance(240.0)
        assert desk.sweep.status().period_s == 60.0


async def test_an_exhausted_budget_slows_the_sweep_but_never_stops_it() -> None:
    async with Desk(60).running() as desk:
        desk.rest.failing = lambda what, symbol: BudgetExhausted("none")
        await desk.clock.advance(600.0)
        assert desk.sweep.status().period_s == 480.0
        before = len(desk.rest.asked)
        await desk.clock.advance(60.0)
        assert len(desk.rest.asked) - before >= 7


async def test_without_symbols_it_waits_for_some() -> None:
    async with Desk(0).running() as desk:
        await desk.clock.advance(5.0)
        desk.symbols = ["A000USDT"]
        desk.rest.open_interests["A000USDT"] = 1.0
        await desk.clock.advance(2.0)
        assert [sample.symbol for sample in desk.samples] == ["A000USDT"]


async def test_a_sweep_that_is_started_again_goes_on() -> None:
    desk = Desk(60)
    async with desk.running():
        await desk.clock.advance(10.5)
    async with desk.running():
        await desk.clock.advance(10.5)
    assert [asked.symbol for asked in desk.rest.asked][:22] == [f"A{number:03}USDT" for number in range(22)]


async def test_over_real_sockets_every_symbol_is_sampled_and_a_ban_is_sat_out() -> None:
    clock = PatientClock(start_ms=T0, speed=50.0)
    market = SeededMarket(seed=7, start_ms=T0, symbols=120, frames_per_s=10)
    samples: list[OpenInterest] = []
    evaluated: list[str] = []
    async with SimExchange(market, clock=clock) as exchange:
        rest = BinanceRest(exchange.rest_url, clock=clock, guard=binance_guard("sim", clock=clock))
        await rest.start()
        symbols = [found.symbol for found in await rest.contracts() if is_watched(found, tradfi=False)]
        sweep = OpenInterestSweep(
            rest,
            clock=clock,
            period_s=30.0,
            concurrency=15,
            symbols=lambda: symbols,
            record=samples.append,
            evaluate=evaluated.extend,
        )
        task = asyncio.create_task(sweep.run())
        async with clock.timeout(600.0):  # half a minute on a machine that does nothing else
            while sweep.status().coverage < 1.0 or set(evaluated) != set(symbols):
                await clock.sleep(1.0)
        assert {sample.symbol for sample in samples} == set(symbols)
        assert exchange.stats.most_requests_in(1_000, "/fapi/v1/openInterest") <= 20
        exchange.faults.rest["/fapi/v1/openInterest"] = RestFault(status=418, retry_after="150", times=1)
        await clock.sleep(3.0)
        banned = exchange.stats.requests()
        await clock.sleep(140.0)
        assert exchange.stats.requests() == banned
        await clock.sleep(15.0)
        assert exchange.stats.requests("/fapi/v1/ping") == 2  # before all else, and at the end of the ban
        assert exchange.stats.requests() > banned + 10
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await rest.stop()


async def test_on_a_clock_too_fast_for_the_event_loop_a_sweep_still_takes_its_minute() -> None:
    for catch_up_s, least, most in ((0.0, 60, 130), (5.0, 580, 600)):
        async with Desk(600, catch_up_s=catch_up_s).running() as desk:
            for _ in range(60):  # the loop turns once a second
                desk.clock.stop(0.97)
                await desk.clock.advance(0.03)
            assert least <= len(desk.rest.asked) <= most
