"""The gate: no request while blocked, one probe after it, priorities when the budget is short, news once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from altmonitor.core.causes import CauseCode
from altmonitor.core.errors import BudgetExhausted, ExchangeBlocked, ExchangeUnreachable, RegionBlocked
from altmonitor.core.status import GuardStatus
from altmonitor.exchanges.binance.rest import FUTURES_DATA, binance_guard
from altmonitor.exchanges.rest.budget import Ask
from altmonitor.exchanges.rest.guard import RestAnswer
from altmonitor.interfaces.exchange import Priority
from tests.fakes import cause
from tests.movable_clock import T0, MovableClock

PING = "/fapi/v1/ping"
OI = "/fapi/v1/openInterest?symbol=SOLUSDT"


class Host:
    """What stands behind the gate: answers as told, remembers when it was asked for what."""

    def __init__(self, clock: MovableClock) -> None:
        self._clock = clock
        self.asked: list[tuple[float, str]] = []
        self.status = 200
        self.headers: dict[str, str] = {}
        self.body = b"{}"
        self.takes_s = 0.0
        self.is_dead = False

    async def send(self, target: str) -> RestAnswer:
        self.asked.append((self._clock.monotonic() - 1_000.0, target))
        answer = RestAnswer(self.status, dict(self.headers), self.body)
        if self.takes_s:
            await self._clock.sleep(self.takes_s)
        if self.is_dead:
            raise ExchangeUnreachable("no answer")
        return answer

    def of(self, target: str) -> list[float]:
        return [at_s for at_s, asked in self.asked if asked == target]


class Gate:
    def __init__(self, *, block_file: Path | None = None, clock: MovableClock | None = None) -> None:
        self.clock = clock or MovableClock()
        self.host = Host(self.clock)
        self.news: list[GuardStatus] = []
        self.guard = binance_guard(
            "fapi.example", clock=self.clock, block_file=block_file, on_change=self.news.append, budget=None
        )

    def ask(
        self, priority: Priority = Priority.SWEEP, *, wait_s: float = 65.0, target: str = OI, weight: int = 1
    ) -> Awaitable[RestAnswer]:
        return self.guard.fetch(Ask(target=target, priority=priority, weight=weight), self.host.send, wait_s=wait_s)

    async def refused(self, status: int, **headers: str) -> ExchangeBlocked:
        self.host.status, self.host.headers = status, {name.replace("_", "-"): text for name, text in headers.items()}
        with pytest.raises(ExchangeBlocked) as problem:
            await self.ask()
        self.host.status, self.host.headers = 200, {}
        return problem.value


async def counted(gate: Gate, used: str) -> None:
    """Ten seconds into a minute, the exchange tells how much weight was used in it."""
    await gate.clock.advance(10.0)
    gate.host.headers = {"X-MBX-USED-WEIGHT-1M": used}
    await gate.ask()
    gate.host.headers = {}
    gate.host.asked.clear()


@asynccontextmanager
async def running(*awaitables: Awaitable[object]) -> AsyncIterator[list[asyncio.Task[object]]]:
    async def run(awaitable: Awaitable[object]) -> object:
        return await awaitable

    tasks = [asyncio.create_task(run(awaitable)) for awaitable in awaitables]
    try:
        yield tasks
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_four_hour_ban_is_obeyed_in_full_and_ended_by_one_ping() -> None:
    gate = Gate()
    problem = await gate.refused(418, Retry_After="14400")
    assert problem.until_ms == T0 + 14_400_000
    gate.host.asked.clear()
    for _ in range(14_399):
        await gate.clock.advance(1.0)
        with pytest.raises(ExchangeBlocked):
            await gate.ask()
    assert gate.host.asked == []
    await gate.clock.advance(1.0)
    await gate.ask()
    assert gate.host.asked == [(14_400.0, PING), (14_400.0, OI)]
    assert gate.guard.status().state == "open"


async def test_a_hundred_callers_at_the_end_of_a_block_share_one_ping() -> None:
    gate = Gate()
    await gate.refused(429)
    await gate.clock.advance(300.0)
    gate.host.asked.clear()
    gate.host.takes_s = 0.2
    async with running(*(gate.ask(priority=Priority.ENRICH) for _ in range(100))) as tasks:
        await gate.clock.advance(0.1)
        assert gate.host.asked == [(300.0, PING)]
        assert gate.guard.status().state == "probing"
        await gate.clock.advance(1.0)
        assert all(isinstance(task.result(), RestAnswer) for task in tasks)
    assert len(gate.host.of(PING)) == 1
    assert len(gate.host.of(OI)) == 100


async def test_a_refused_ping_blocks_again_and_longer_and_nobody_else_asks() -> None:
    gate = Gate()
    await gate.refused(429)
    await gate.clock.advance(301.0)
    gate.host.asked.clear()
    gate.host.status = 429
    for _ in range(5):
        with pytest.raises(ExchangeBlocked) as problem:
            await gate.ask()
        assert problem.value.until_ms == T0 + 301_000 + 900_000
    assert gate.host.asked == [(301.0, PING)]


async def test_a_ping_without_an_answer_is_tried_again_after_a_pause() -> None:
    gate = Gate()
    await gate.refused(429)
    await gate.clock.advance(301.0)
    gate.host.asked.clear()
    gate.host.is_dead = True
    with pytest.raises(ExchangeUnreachable):
        await gate.ask()
    with pytest.raises(ExchangeBlocked):
        await gate.ask()
    gate.host.is_dead = False
    await gate.clock.advance(15.0)
    await gate.ask()
    assert gate.host.asked == [(301.0, PING), (316.0, PING), (316.0, OI)]


async def test_a_cancelled_prober_leaves_the_probe_to_the_next_caller() -> None:
    gate = Gate()
    await gate.refused(429)
    await gate.clock.advance(301.0)
    gate.host.takes_s = 5.0
    async with running(gate.ask()):
        await gate.clock.advance(1.0)
        assert gate.guard.status().state == "probing"
    gate.host.takes_s = 0.0
    await gate.ask()
    assert gate.guard.status().state == "open"


async def test_a_refusal_that_arrives_while_the_ping_is_under_way_is_not_forgotten() -> None:
    gate = Gate()
    slow = Host(gate.clock)
    slow.takes_s, slow.status, slow.headers = 400.0, 418, {"Retry-After": "7200"}
    async with running(gate.guard.fetch(Ask(target=OI, priority=Priority.SWEEP), slow.send, wait_s=1)):
        await gate.clock.advance(98.0)
        await gate.refused(429)  # ends at 398 s
        await gate.clock.advance(301.0)
        gate.host.takes_s = 5.0  # asked at 399 s, answered at 404 s: after the refusal of 400 s
        async with running(gate.ask()) as tasks:
            await gate.clock.advance(10.0)
            assert isinstance(tasks[0].exception(), ExchangeBlocked)
    assert gate.guard.status().state == "blocked"
    assert gate.guard.status().until_ms == T0 + 400_000 + 7_200_000


async def test_a_region_block_says_so() -> None:
    gate = Gate()
    problem = await gate.refused(451)
    assert isinstance(problem, RegionBlocked)
    assert "location" in str(problem)
    with pytest.raises(RegionBlocked):
        await gate.ask()
    assert len(gate.host.asked) == 1


async def test_a_wall_clock_set_forward_does_not_end_a_ban() -> None:
    gate = Gate()
    await gate.refused(418, Retry_After="3600")
    gate.clock.jump(86_400)
    with pytest.raises(ExchangeBlocked):
        await gate.ask()
    gate.clock.jump(-2 * 86_400)
    await gate.clock.advance(3_600.0)
    await gate.ask()
    assert gate.guard.status().state == "open"


async def test_the_block_is_news_once_and_its_end_too() -> None:
    gate = Gate()
    gate.host.takes_s = 0.5
    gate.host.status = 429
    async with running(*(gate.ask() for _ in range(8))):
        await gate.clock.advance(1.0)
    assert [status.state for status in gate.news] == ["blocked"]
    assert gate.news[0].until_ms == T0 + 500 + 300_000
    assert gate.news[0].reason == cause("HTTP 429: too many requests", CauseCode.TOO_MANY)
    gate.host.status, gate.host.takes_s = 200, 0.0
    await gate.clock.advance(400.0)
    await gate.ask()
    assert [status.state for status in gate.news] == ["blocked", "open"]


async def test_a_restart_obeys_a_running_ban(tmp_path: Path) -> None:
    path = tmp_path / "block.json"
    before = Gate(block_file=path)
    await before.refused(418, Retry_After="3600")
    after = Gate(block_file=path, clock=before.clock)
    await after.clock.advance(3_599.0)
    with pytest.raises(ExchangeBlocked, match="418"):
        await after.ask()
    assert after.host.asked == []
    assert [status.state for status in after.news] == ["blocked"]
    await after.clock.advance(1.1)
    await after.ask()
    assert [asked for _, asked in after.host.asked] == [PING, OI]


async def test_a_restart_after_a_region_block_asks_once_whether_it_still_holds(tmp_path: Path) -> None:
    before = Gate(block_file=tmp_path / "block.json")
    await before.refused(451)
    after = Gate(block_file=tmp_path / "block.json", clock=before.clock)
    after.host.status = 451
    for _ in range(3):
        with pytest.raises(RegionBlocked):
            await after.ask()
    assert [asked for _, asked in after.host.asked] == [PING]


async def test_the_row_of_soft_hits_goes_on_after_a_restart(tmp_path: Path) -> None:
    clock = MovableClock()
    lengths = []
    for _ in range(4):
        gate = Gate(block_file=tmp_path / "block.json", clock=clock)
        gate.host.status = 429
        with pytest.raises(ExchangeBlocked) as problem:
            await gate.ask()
        lengths.append((problem.value.until_ms - clock.now_ms()) // 60_000)
        await clock.advance(lengths[-1] * 60.0 + 1)
    assert lengths == [5, 15, 45, 60]


async def test_a_second_process_learns_of_a_ban_and_of_its_end(tmp_path: Path) -> None:
    clock = MovableClock()
    first = Gate(block_file=tmp_path / "block.json", clock=clock)
    second = Gate(block_file=tmp_path / "block.json", clock=clock)
    await second.ask()
    await first.refused(418, Retry_After="600")
    second.host.asked.clear()
    with pytest.raises(ExchangeBlocked):
        await second.ask()
    assert second.host.asked == []
    await clock.advance(600.5)
    first.host.takes_s = 2.0
    async with running(first.ask()):
        await clock.advance(1.0)
        with pytest.raises(ExchangeBlocked):  # the other one is probing
            await second.ask()
        assert second.host.asked == []
        await clock.advance(5.0)
    await second.ask()
    assert [asked for _, asked in second.host.asked] == [OI]
    assert [status.state for status in second.news] == ["blocked", "open"]


async def test_a_full_budget_waits_for_the_next_minute() -> None:
    gate = Gate()
    await counted(gate, "1680")
    async with running(gate.ask(), gate.ask()):
        await gate.clock.advance(50.4)
        assert gate.host.asked == []
        assert gate.guard.status().state == "waiting"
        await gate.clock.advance(0.2)
        assert gate.host.of(OI) == [60.5, 60.5]
    assert [status.state for status in gate.news] == ["waiting"]


async def test_who_waits_is_served_by_priority_then_by_arrival() -> None:
    gate = Gate()
    await counted(gate, "2390")
    served = ("/tracking", "/sweep-1", "/sweep-2", "/backfill", "/enrich")
    order = (Priority.TRACKING, Priority.SWEEP, Priority.SWEEP, Priority.BACKFILL, Priority.ENRICH)
    waiting = [
        gate.ask(level, target=name, weight=1_000, wait_s=300.0) for name, level in zip(served, order, strict=True)
    ]
    async with running(*waiting):  # a minute has room for two of these
        await gate.clock.advance(55.0)
        assert {asked for _, asked in gate.host.asked} == {"/enrich", "/backfill"}
        await gate.clock.advance(60.0)
        assert {asked for _, asked in gate.host.asked[2:]} == {"/sweep-1", "/sweep-2"}
        await gate.clock.advance(60.0)
        assert [asked for _, asked in gate.host.asked[4:]] == ["/tracking"]


async def test_a_newcomer_does_not_overtake_those_who_wait() -> None:
    gate = Gate()
    await counted(gate, "1700")
    async with running(gate.ask(target="/first", weight=1_700, wait_s=300.0)):
        await gate.clock.advance(1.0)
        gate.guard.exchange_clock.sync(T0 + 70_000)  # the next minute is here before anybody's timer knows
        with pytest.raises(BudgetExhausted):
            await gate.ask(target="/newcomer", wait_s=0.1)
        await gate.clock.settle()
        assert [asked for _, asked in gate.host.asked] == ["/first"]


async def test_enrichment_goes_on_where_the_sweep_waits() -> None:
    gate = Gate()
    await counted(gate, "1700")
    async with running(gate.ask(Priority.SWEEP)):
        await gate.clock.advance(1.0)
        await gate.ask(Priority.ENRICH, target="/enrich")
        assert [asked for _, asked in gate.host.asked] == ["/enrich"]


async def test_a_caller_without_patience_is_told_at_once_and_nothing_is_sent() -> None:
    gate = Gate()
    await counted(gate, "2300")
    with pytest.raises(BudgetExhausted):
        await gate.ask(Priority.ENRICH, wait_s=2.0)
    assert gate.host.asked == []


async def test_a_block_wakes_those_who_wait_for_budget() -> None:
    gate = Gate()
    await counted(gate, "1700")
    async with running(gate.ask()) as tasks:
        await gate.clock.advance(1.0)
        gate.host.status = 418
        with pytest.raises(ExchangeBlocked):
            await gate.ask(Priority.ENRICH)
        await gate.clock.settle()
        assert isinstance(tasks[0].exception(), ExchangeBlocked)
    await gate.clock.advance(120.0)
    assert len(gate.host.asked) == 1


async def test_a_cancelled_waiter_takes_nothing_from_the_budget() -> None:
    gate = Gate()
    await counted(gate, "1700")
    async with running(*(gate.ask(weight=100) for _ in range(5))):
        await gate.clock.advance(1.0)
    await gate.clock.advance(60.0)
    await gate.ask()
    assert gate.guard.status().weight_used == 1


async def test_a_short_budget_is_one_piece_of_news_not_one_a_minute() -> None:
    gate = Gate()
    for _ in range(10):
        await counted(gate, "1700")
        async with running(gate.ask()):
            await gate.clock.advance(50.0)
    assert [status.state for status in gate.news] == ["waiting"]
    await gate.clock.advance(200.0)
    await gate.ask()
    assert [status.state for status in gate.news] == ["waiting", "open"]


async def test_the_weight_limit_is_the_one_the_exchange_names() -> None:
    gate = Gate()
    gate.guard.set_weight_limit(1_000)
    await counted(gate, "700")
    with pytest.raises(BudgetExhausted):
        await gate.ask(wait_s=1.0)
    assert gate.guard.status().weight_limit == 1_000


async def test_overlapping_users_of_futures_data_stay_under_900_in_five_minutes() -> None:
    gate = Gate()

    async def keep_asking(priority: Priority) -> None:
        while True:
            ask = Ask(target="/futures/data/x", priority=priority, weight=0, pool=FUTURES_DATA)
            await gate.guard.fetch(ask, gate.host.send, wait_s=400.0)
            await gate.clock.sleep(0.25)

    async with running(keep_asking(Priority.TRACKING), keep_asking(Priority.ENRICH)):
        await gate.clock.advance(700.0)
    sent = gate.host.of("/futures/data/x")
    assert len(sent) > 1_600
    assert max(sum(1 for at_s in sent if began_s <= at_s < began_s + 300.0) for began_s in sent[::50]) <= 900


async def test_dates_in_answers_are_measured_against_the_exchanges_clock() -> None:
    gate = Gate()
    gate.guard.exchange_clock.sync(T0 + 3_600_000)  # the exchange is an hour ahead of this machine
    gate.host.body = b'{"code":-1003,"msg":"banned until %d"}' % (T0 + 3_600_000 + 120_000)
    problem = await gate.refused(418)
    assert problem.until_ms == T0 + 120_000
