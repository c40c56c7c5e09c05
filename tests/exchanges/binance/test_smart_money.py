"""The website's overview behind its guard: how often it is asked, what is kept, what a block means."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from altmonitor.core.clock import Clock
from altmonitor.core.errors import BadAnswer, BudgetExhausted, ExchangeBlocked, ExchangeUnreachable, RegionBlocked
from altmonitor.core.status import GuardStatus
from altmonitor.exchanges.binance.smart_money import PATH, SmartMoneyWeb, web_guard
from altmonitor.interfaces.exchange import Priority
from altmonitor.positioning.smart_money import Overview
from tests.exchanges.binance.test_smart_money_bodies import body
from tests.exchanges.scripted_web import T0, Reply, ScriptedWeb, WalkingClock, scripted_web
from tests.sim.exchange_kit import HandClock, until

GOOD = Reply(body())
NOTHING = Reply(b"")


@dataclass
class Place:
    web: ScriptedWeb
    source: SmartMoneyWeb
    news: list[GuardStatus]

    @property
    def times(self) -> int:
        return self.web.times(PATH)

    def answers(self, *replies: Reply) -> None:
        self.web.script(PATH, *replies)

    async def ask(
        self, symbol: str = "BTCUSDT", *, is_fresh: bool = False, priority: Priority = Priority.TRACKING
    ) -> Overview | None:
        return await self.source.overview(symbol, priority=priority, is_fresh=is_fresh)


@asynccontextmanager
async def destination(clock: Clock, *, within_s: float = 60.0) -> AsyncIterator[Place]:
    news: list[GuardStatus] = []
    async with scripted_web() as web:
        guard = web_guard(web.url, clock=clock, on_change=news.append)
        source = SmartMoneyWeb(web.url, clock=clock, guard=guard, trust_env=False, within_s=within_s)
        await source.start()
        try:
            yield Place(web, source, news)
        finally:
            await source.stop()


async def test_an_overview_is_asked_for_as_the_sites_own_page_does() -> None:
    async with destination(WalkingClock()) as at:
        at.answers(Reply(body(symbol="币安人生USDT")))
        found = await at.ask("币安人生USDT")
        assert found is not None
        assert (found.symbol, found.captured_ms, found.long.traders) == ("币安人生USDT", T0, 100)
        path, query, headers = at.web.asked[0]
        assert (path, query) == (PATH, {"symbol": "币安人生USDT"})
        assert headers["clienttype"] == "web"
        assert headers["User-Agent"].startswith("Mozilla/5.0")


async def test_an_answer_is_kept_for_ten_minutes() -> None:
    clock = WalkingClock()
    async with destination(clock) as at:
        at.answers(GOOD)
        first = await at.ask()
        clock.walk(599)
        assert await at.ask() is first
        assert at.times == 1
        clock.walk(1)
        assert await at.ask() != first
        assert at.times == 2


async def test_fresh_means_asked_again_and_two_captures_differ_though_the_daily_stamp_does_not() -> None:
    clock = WalkingClock()
    async with destination(clock) as at:
        at.answers(GOOD)
        first = await at.ask(is_fresh=True)
        clock.walk(12)
        second = await at.ask(is_fresh=True)
        assert first is not None
        assert second is not None
        assert (first.captured_ms, second.captured_ms) == (T0, T0 + 12_000)
        assert first.signal_day_ms == second.signal_day_ms
        assert await at.ask() is second
        assert at.times == 2


async def test_an_empty_answer_is_asked_once_more_after_400_ms() -> None:
    clock = WalkingClock()
    async with destination(clock) as at:
        at.answers(NOTHING, GOOD)
        assert await at.ask() is not None
        assert at.times == 2
        assert clock.slept_s == [0.4]


@pytest.mark.parametrize("nothing", [NOTHING, Reply(b'{"code":"000000","data":null}'), Reply(body(code="000002"))])
async def test_a_symbol_without_data_is_asked_twice_and_then_left_alone_for_two_minutes(nothing: Reply) -> None:
    clock = WalkingClock()
    async with destination(clock) as at:
        at.answers(nothing)
        assert await at.ask() is None
        assert at.times == 2
        clock.walk(119)
        assert await at.ask(is_fresh=True) is None
        assert at.times == 2
        clock.walk(1)
        assert await at.ask() is None
        assert at.times == 4


async def test_a_symbol_that_turns_empty_gives_its_last_answer_to_alerts_and_nothing_to_the_tracker() -> None:
    clock = WalkingClock()
    async with destination(clock) as at:
        at.answers(GOOD, NOTHING)
        first = await at.ask()
        clock.walk(600)
        assert await at.ask(is_fresh=True) is None
        assert await at.ask() is first
        clock.walk(3_000)
        assert await at.ask() is None


@pytest.mark.parametrize("status", [500, 502, 503, 408])
async def test_trouble_on_their_side_is_asked_once_more_and_then_unreachable(status: int) -> None:
    async with destination(WalkingClock()) as at:
        at.answers(Reply(status=status))
        with pytest.raises(ExchangeUnreachable, match=f"HTTP {status}"):
            await at.ask()
        assert at.times == 2
        at.answers(Reply(status=status), GOOD)
        assert await at.ask() is not None


async def test_a_host_that_accepts_and_never_answers_is_unreachable() -> None:
    clock = WalkingClock()
    async with destination(clock, within_s=0.05) as at:
        at.answers(Reply(body(), delay_s=0.5))
        with pytest.raises(ExchangeUnreachable, match="no answer"):
            await at.ask()
        assert clock.slept_s == [0.4]  # once more, whether or not the host has heard of it so soon


@pytest.mark.parametrize("page", [Reply("<html>sign in</html>"), Reply(status=404), Reply(status=202), Reply(b"[]")])
async def test_an_answer_that_is_none_is_a_bad_answer_asked_once(page: Reply) -> None:
    async with destination(WalkingClock()) as at:
        at.answers(page)
        with pytest.raises(BadAnswer):
            await at.ask()
        assert at.times == 1


@pytest.mark.parametrize(
    ("status", "blocked_s"),
    [(429, 300), (418, 300), (403, 5_400)],
)
async def test_a_refusal_is_met_once_and_blocks_everybody_without_a_request(status: int, blocked_s: int) -> None:
    clock = WalkingClock()
    async with destination(clock) as at:
        at.answers(Reply(status=status))
        with pytest.raises(ExchangeBlocked) as problem:
            await at.ask()
        assert problem.value.until_ms == T0 + blocked_s * 1000
        assert at.times == 1
        answers = await asyncio.gather(*(at.ask(f"C{n}USDT") for n in range(100)), return_exceptions=True)
        assert all(isinstance(answer, ExchangeBlocked) for answer in answers)
        assert at.times == 1
        assert [status.state for status in at.news] == ["blocked"]


async def test_after_a_block_one_question_goes_first() -> None:
    clock = WalkingClock()
    async with destination(clock) as at:
        at.answers(Reply(status=429, headers={"Retry-After": "13860"}), GOOD)
        with pytest.raises(ExchangeBlocked):
            await at.ask("SOLUSDT")
        clock.walk(13_859)
        with pytest.raises(ExchangeBlocked):
            await at.ask("SOLUSDT")
        assert at.times == 1
        clock.walk(1)
        assert await at.ask() is not None
        assert [query["symbol"] for _, query, _ in at.web.asked] == ["SOLUSDT", "BTCUSDT", "BTCUSDT"]


async def test_a_place_that_is_not_served_has_its_own_error() -> None:
    async with destination(WalkingClock()) as at:
        at.answers(Reply(status=451))
        with pytest.raises(RegionBlocked):
            await at.ask()


async def test_while_blocked_an_alert_gets_the_last_known_for_an_hour_and_the_tracker_gets_nothing() -> None:
    clock = WalkingClock()
    async with destination(clock) as at:
        at.answers(GOOD, Reply(status=403))
        first = await at.ask()
        clock.walk(700)
        with pytest.raises(ExchangeBlocked):
            await at.ask(is_fresh=True)
        assert await at.ask(priority=Priority.ENRICH) is first
        clock.walk(2_900)
        with pytest.raises(ExchangeBlocked):
            await at.ask(priority=Priority.ENRICH)
        assert at.times == 2


async def test_fifty_callers_of_one_symbol_make_one_request() -> None:
    async with destination(WalkingClock()) as at:
        at.answers(Reply(body(), delay_s=0.05))
        answers = await asyncio.gather(*(at.ask() for _ in range(50)))
        assert len({id(answer) for answer in answers}) == 1
        assert at.times == 1


async def test_requests_leave_400_ms_apart_and_those_behind_a_refusal_do_not_leave() -> None:
    clock = HandClock()
    async with destination(clock) as at:
        at.answers(GOOD)
        await at.ask()
        at.answers(Reply(status=429))
        others = [asyncio.create_task(at.ask(symbol)) for symbol in ("AUSDT", "BUSDT", "CUSDT")]
        await asyncio.sleep(0.05)
        clock.move(399)
        await asyncio.sleep(0.05)
        assert at.times == 1
        clock.move(1)
        await until(lambda: others[0].done())
        clock.move(10_000)
        answers = await asyncio.gather(*others, return_exceptions=True)
        assert [type(answer) for answer in answers] == [ExchangeBlocked] * 3
        assert at.times == 2


async def test_a_storm_of_alerts_asks_nine_times_a_minute_and_no_more() -> None:
    clock = WalkingClock()
    async with destination(clock) as at:
        at.answers(Reply(status=404))
        answers = await asyncio.gather(
            *(at.ask(f"C{n}USDT", priority=Priority.ENRICH) for n in range(40)), return_exceptions=True
        )
        assert at.times == 9
        assert sum(isinstance(answer, BudgetExhausted) for answer in answers) == 31
        clock.walk(60)
        with pytest.raises(BadAnswer):
            await at.ask("NEXTUSDT", priority=Priority.ENRICH)


async def test_a_caller_that_gives_up_leaves_the_question_to_the_next() -> None:
    async with destination(WalkingClock()) as at:
        at.answers(Reply(body(), delay_s=0.2), GOOD)
        hasty = asyncio.create_task(at.ask())
        await until(lambda: at.times == 1)
        patient = asyncio.create_task(at.ask())
        hasty.cancel()
        assert await patient is not None
        assert at.times == 2
