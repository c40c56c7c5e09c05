"""Back-fill: closed minutes, oldest first, cheap, patient."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

from altmonitor.collect.backfill import Backfill
from altmonitor.core.errors import BadAnswer, BudgetExhausted, ExchangeBlocked, ExchangeUnreachable, UnknownSymbol
from altmonitor.exchanges.binance.rest import BinanceRest, binance_guard
from altmonitor.interfaces.exchange import Priority
from altmonitor.market.candles import Candle
from altmonitor.sim.control import RestFault
from altmonitor.sim.exchange import SimExchange
from altmonitor.sim.market import SeededMarket
from tests.collect.fake_rest import FakeRest
from tests.movable_clock import T0, MovableClock, at_work
from tests.patient_clock import PatientClock

MINUTE = 60_000
NOW_MS = T0 + 10_000  # ten seconds into a minute


class Desk:
    def __init__(self, *symbols: str) -> None:
        self.clock = MovableClock(NOW_MS)
        self.rest = FakeRest(self.clock)
        self.symbols = symbols
        self.applied: list[tuple[str, Sequence[Candle]]] = []
        self.ended: list[tuple[str, int, int]] = []
        self.backfill = Backfill(
            self.rest,
            clock=self.clock,
            symbols=lambda: self.symbols,
            apply=lambda symbol, candles: self.applied.append((symbol, candles)),
            ended=lambda *span: self.ended.append(span),
        )

    def minutes(self, number: int = -1) -> list[int]:
        """Open times of what was applied, in minutes before T0."""
        return [(candle.open_ms - T0) // MINUTE for candle in self.applied[number][1]]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Desk]:
        async with at_work(self.backfill.run(), on=self.clock):
            yield self


async def test_the_minutes_of_a_hole_are_fetched_oldest_first_and_all_closed() -> None:
    async with Desk().running() as desk:
        desk.backfill.request("SOLUSDT", T0 - 3 * MINUTE + 20_000, T0 - 1)
        assert desk.backfill.status().pending == 1
        await desk.clock.advance(1.0)
        assert desk.applied[0][0] == "SOLUSDT"
        assert desk.minutes() == [-3, -2, -1]
        assert all(candle.is_closed for candle in desk.applied[0][1])
        assert [asked.priority for asked in desk.rest.asked] == [Priority.BACKFILL]
        status = desk.backfill.status()
        assert (status.pending, status.done, status.failed, status.candles) == (0, 1, 0, 3)
        await desk.backfill.settled()


async def test_a_minute_that_has_just_ended_is_waited_for() -> None:
    desk = Desk()
    desk.clock.jump(-9.8)  # 0.2 s into the minute
    async with desk.running():
        desk.backfill.request("SOLUSDT", T0 - MINUTE, T0 - 1)
        await desk.clock.advance(1.7)
        assert desk.rest.asked == []
        await desk.clock.advance(0.3)
        assert desk.minutes() == [-1]


async def test_a_minute_that_is_over_for_the_exchange_alone_is_fetched_when_it_is_over_for_us() -> None:
    async with Desk().running() as desk:
        desk.backfill.request("SOLUSDT", T0 - MINUTE, T0)
        await desk.clock.advance(51.9)
        assert desk.rest.asked == []
        await desk.clock.advance(0.2)
        assert desk.minutes() == [-1, 0]
        assert desk.ended == [("SOLUSDT", T0 - MINUTE, T0 + MINUTE)]


async def test_a_long_hole_is_asked_for_in_parts_below_100_rows_and_applied_once() -> None:
    async with Desk().running() as desk:
        desk.backfill.request("SOLUSDT", T0 - 250 * MINUTE, T0 - 1)
        await desk.clock.advance(2.0)
        assert len(desk.rest.asked) == 3
        assert desk.minutes() == list(range(-250, 0))
        assert len(desk.applied) == 1


async def test_a_hole_of_weeks_is_filled_for_its_last_day() -> None:
    async with Desk().running() as desk:
        desk.backfill.request("SOLUSDT", T0 - 26_000 * MINUTE, T0 - 1)
        await desk.clock.advance(10.0)
        assert desk.minutes() == list(range(-1_440, 0))
        assert len(desk.rest.asked) == 15


async def test_needs_of_one_symbol_are_merged() -> None:
    desk = Desk()
    desk.backfill.request("SOLUSDT", T0 - 5 * MINUTE, T0 - 4 * MINUTE)
    desk.backfill.request("SOLUSDT", T0 - 9 * MINUTE, T0 - 8 * MINUTE)
    async with desk.running():
        await desk.clock.advance(1.0)
    assert desk.minutes() == [-9, -8, -7, -6, -5, -4]
    assert len(desk.rest.asked) == 1


async def test_600_symbols_warm_up_at_a_steady_pace_in_the_order_given() -> None:
    symbols = [f"A{number:03}USDT" for number in range(600)]
    async with Desk(*symbols).running() as desk:
        desk.backfill.request_all(20)
        await desk.clock.advance(20.0)
        assert 280 <= len(desk.rest.asked) <= 301
        await desk.clock.advance(25.0)
        assert desk.backfill.status().done == 600
        assert desk.minutes(0) == list(range(-20, 0))
        assert [symbol for symbol, _ in desk.applied[:3]] == ["A000USDT", "A001USDT", "A002USDT"]


async def test_the_need_told_last_is_filled_first() -> None:
    symbols = [f"A{number:03}USDT" for number in range(100)]
    async with Desk(*symbols).running() as desk:
        desk.backfill.request_all(20)
        await desk.clock.advance(1.0)
        desk.backfill.request("URGENTUSDT", T0 - 2 * MINUTE, T0 - 1)
        await desk.clock.advance(0.5)
        assert "URGENTUSDT" in [symbol for symbol, _ in desk.applied]


async def test_a_block_is_sat_out_and_the_need_is_filled_after_it() -> None:
    async with Desk().running() as desk:
        blocked = ExchangeBlocked("418", until_ms=NOW_MS + 600_000)
        desk.rest.failing = lambda what, symbol: blocked if desk.clock.now_ms() < blocked.until_ms else None
        desk.backfill.request("SOLUSDT", T0 - 3 * MINUTE, T0 - 1)
        await desk.clock.advance(590.0)
        assert len(desk.rest.asked) == 1
        assert desk.backfill.status().pending == 1
        await desk.clock.advance(20.0)
        assert desk.minutes() == [-3, -2, -1]


async def test_an_exchange_without_an_answer_is_asked_for_an_hour_ever_less_often() -> None:
    async with Desk().running() as desk:
        desk.rest.failing = lambda what, symbol: ExchangeUnreachable("503")
        desk.backfill.request("SOLUSDT", T0 - 3 * MINUTE, T0 - 1)
        await desk.clock.advance(80.0)
        assert [round(asked.at_s) for asked in desk.rest.asked] == [0, 5, 15, 35, 75]
        await desk.clock.advance(3_500.0)
        assert desk.backfill.status().pending == 1
        assert desk.ended == []
        await desk.clock.advance(200.0)
        status = desk.backfill.status()
        assert (status.pending, status.done, status.failed) == (0, 0, 1)
        assert desk.ended == [("SOLUSDT", T0 - 3 * MINUTE, T0)]
        await desk.backfill.settled()


async def test_trouble_of_minutes_costs_no_hole() -> None:
    symbols = [f"A{number:03}USDT" for number in range(200)]
    async with Desk(*symbols).running() as desk:
        over_ms = NOW_MS + 300_000
        desk.rest.failing = lambda what, symbol: BadAnswer("html") if desk.clock.now_ms() < over_ms else None
        desk.backfill.request_all(5)
        await desk.clock.advance(380.0)
        status = desk.backfill.status()
        assert (status.pending, status.done, status.failed) == (0, 200, 0)


async def test_an_exhausted_budget_is_tried_again_later() -> None:
    async with Desk().running() as desk:
        problems = [BudgetExhausted("none"), BudgetExhausted("none")]
        desk.rest.failing = lambda what, symbol: problems.pop() if problems else None
        desk.backfill.request("SOLUSDT", T0 - 3 * MINUTE, T0 - 1)
        await desk.clock.advance(60.0)
        assert desk.minutes() == [-3, -2, -1]


async def test_symbols_that_cannot_be_had_do_not_hold_up_the_others() -> None:
    bad = [f"BAD{number}USDT" for number in range(8)]
    async with Desk(*bad, "GOODUSDT").running() as desk:
        desk.rest.failing = lambda what, symbol: BadAnswer("html") if symbol in bad else None
        desk.backfill.request_all(5)
        await desk.clock.advance(10.0)
        assert [symbol for symbol, _ in desk.applied] == ["GOODUSDT"]
        assert desk.backfill.status().pending == 8


async def test_a_symbol_the_exchange_does_not_know_is_given_up_at_once() -> None:
    async with Desk().running() as desk:
        desk.rest.failing = lambda what, symbol: UnknownSymbol("-1121")
        desk.backfill.request("GONEUSDT", T0 - 3 * MINUTE, T0 - 1)
        await desk.clock.advance(1.0)
        assert desk.backfill.status().failed == 1
        assert desk.ended == [("GONEUSDT", T0 - 3 * MINUTE, T0)]


async def test_a_stopped_back_fill_keeps_what_was_under_way() -> None:
    desk = Desk()
    desk.rest.takes_s = 5.0
    async with desk.running():
        desk.backfill.request("SOLUSDT", T0 - 3 * MINUTE, T0 - 1)
        await desk.clock.advance(1.0)
    async with desk.running():
        await desk.clock.advance(6.0)
    assert desk.minutes() == [-3, -2, -1]


async def test_over_real_sockets_the_candles_are_the_markets_own() -> None:
    clock = PatientClock(start_ms=NOW_MS, speed=20.0)
    market = SeededMarket(seed=7, start_ms=NOW_MS, symbols=30, frames_per_s=10)
    applied: dict[str, Sequence[Candle]] = {}
    async with SimExchange(market, clock=clock) as exchange:
        rest = BinanceRest(exchange.rest_url, clock=clock, guard=binance_guard("sim", clock=clock))
        await rest.start()
        await rest.server_time_ms()
        exchange.faults.rest["/fapi/v1/klines"] = RestFault(status=502, times=2)
        backfill = Backfill(rest, clock=clock, symbols=lambda: ["BTCUSDT", "ETHUSDT"], apply=applied.__setitem__)
        task = asyncio.create_task(backfill.run())
        backfill.request_all(150)
        async with asyncio.timeout(60):
            await backfill.settled()
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await rest.stop()
    for symbol in ("BTCUSDT", "ETHUSDT"):
        assert [candle.open_ms for candle in applied[symbol]] == [T0 + n * MINUTE for n in range(-150, 0)]
        expected = market.klines(symbol, T0 - 150 * MINUTE, T0 - MINUTE)
        assert [candle.close for candle in applied[symbol]] == [candle.close for candle in expected]


async def test_a_block_ends_when_the_guard_says_so_although_our_clock_was_set_back_an_hour() -> None:
    async with Desk().running() as desk:
        desk.rest.blocked_until_ms = desk.clock.now_ms() + 60_000
        desk.backfill.request("SOLUSDT", T0 - 3 * MINUTE, T0 - 1)
        await desk.clock.advance(10)
        desk.clock.jump(-3_600)
        desk.rest.blocked_until_ms -= 3_600_000  # the guard counts seconds, not the machine's clock
        desk.rest.ahead_ms = 3_600_000
        await desk.clock.advance(70)
        assert desk.minutes() == [-3, -2, -1]


async def test_a_clock_150_s_ahead_neither_slows_the_warm_up_nor_moves_its_minutes() -> None:
    symbols = [f"S{number}USDT" for number in range(560)]
    desk = Desk(*symbols)
    desk.clock.jump(150)
    desk.rest.ahead_ms = -150_000
    async with desk.running():
        desk.backfill.request_all(99)
        assert desk.backfill.status().pending == 560
        await desk.clock.advance(60)
        assert desk.backfill.status().pending == 0
        assert {symbol for symbol, _ in desk.applied} == set(symbols)
        assert desk.minutes() == list(range(-99, 0))


async def test_a_clock_150_s_behind_leaves_no_minute_out() -> None:
    desk = Desk("SOLUSDT")
    desk.clock.jump(-150)
    desk.rest.ahead_ms = 150_000
    async with desk.running():
        desk.backfill.request_all(99)
        await desk.clock.advance(5)
        assert desk.minutes() == list(range(-99, 0))
