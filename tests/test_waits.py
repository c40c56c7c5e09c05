"""Whatever names a wait lets through after it: a pace that says no and names zero seconds is asked again for ever."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterator

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from altmonitor.core.errors import ExchangeBlocked
from altmonitor.delivery.pacing import ChatPace, OverallPace
from altmonitor.exchanges.binance.rest import binance_guard
from altmonitor.exchanges.rest.budget import Ask, LimitPool, RequestBudget, RequestQueue
from altmonitor.exchanges.rest.guard import RestAnswer
from altmonitor.exchanges.ws.shard import HandshakeBudget
from altmonitor.interfaces.exchange import Priority
from tests.movable_clock import MovableClock


def of_a_limit_pool(now_s: float) -> Callable[[float], float]:
    pool = LimitPool(limit=2, window_s=300.0)
    pool.sent_s += [now_s, now_s]
    return pool.wait_s


def of_a_chat(now_s: float) -> Callable[[float], float]:
    pace = ChatPace(is_group=True, min_interval_s=None)
    for _ in range(20):
        pace.record(now_s)
    return lambda at_s: pace.free_at_s(at_s) - at_s


def of_all_chats(now_s: float) -> Callable[[float], float]:
    pace = OverallPace()
    for _ in range(25):
        pace.record(now_s)
    return lambda at_s: pace.free_at_s(at_s) - at_s


PACES = [of_a_limit_pool, of_a_chat, of_all_chats]
NAPS = 3
"""A sum may be rounded down: then the last bit is waited for once more."""


@given(st.floats(0.0, 1e9, allow_nan=False))
@example(1000.1)  # 1000.1 + 300 − 1300.1 is 0.0, and 1300.1 − 1000.1 is less than 300
def test_the_waits_a_pace_names_come_to_an_end(now_s: float) -> None:
    endless = []
    for pace in PACES:
        wait_s, at_s, naps = pace(now_s), now_s, 0
        while wait_s(at_s) > 0 and naps <= NAPS:
            at_s, naps = at_s + wait_s(at_s), naps + 1
        if naps > NAPS:
            endless.append(f"{pace.__name__} at {at_s!r} waits {wait_s(at_s)!r}")
    assert endless == []


@pytest.mark.parametrize("start_s", [1000.1, 1000.7, 1234.567891, 86_400.3])
async def test_the_251st_handshake_is_let_in_five_minutes_after_the_first(start_s: float) -> None:
    clock = MovableClock()
    await clock.advance(start_s - clock.monotonic())
    budget = HandshakeBudget(clock, limit=250, window_s=300.0)
    for _ in range(250):
        await budget.take()
    late = asyncio.create_task(budget.take())
    await clock.advance(299.9)
    assert not late.done()
    await clock.advance(0.2)  # fails when somebody waits no time at all, again and again
    assert late.done()


@pytest.mark.parametrize("start_s", [1000.1, 1000.7, 1234.567891])
async def test_a_request_waits_for_its_pool_and_then_leaves(start_s: float) -> None:
    clock = MovableClock()
    await clock.advance(start_s - clock.monotonic())
    budget = RequestBudget(pools={"small": LimitPool(limit=10, window_s=300.0)})
    queue = RequestQueue(budget, clock=clock, exchange_ms=clock.now_ms, check=lambda: None)
    ask = Ask(target="/x", priority=Priority.SWEEP, weight=0, pool="small")
    for _ in range(8):
        await queue.reserve(ask, deadline_s=math.inf)
    late = asyncio.create_task(queue.reserve(ask, deadline_s=math.inf))
    await clock.advance(299.9)
    assert not late.done()
    await clock.advance(0.2)
    assert late.done()


async def test_who_was_woken_without_reason_waits_again_instead_of_spinning() -> None:
    clock = MovableClock()
    budget = RequestBudget(pools={"small": LimitPool(limit=10, window_s=300.0)})
    looks = 0

    def check() -> None:
        nonlocal looks
        looks += 1
        assert looks < 10, "looks again and again without waiting"

    queue = RequestQueue(budget, clock=clock, exchange_ms=clock.now_ms, check=check)
    ask = Ask(target="/x", priority=Priority.SWEEP, weight=0, pool="small")
    for _ in range(8):
        await queue.reserve(ask, deadline_s=math.inf)
    late = asyncio.create_task(queue.reserve(ask, deadline_s=math.inf))
    await clock.settle()
    queue.wake_all()  # a block came and was lifted again before the one who waits could look
    await clock.settle()
    assert not late.done()
    await clock.advance(301)
    assert late.done()


async def test_a_block_with_a_breath_left_sends_nobody_back_at_once() -> None:
    clock = MovableClock()
    guard = binance_guard("fapi.example", clock=clock)
    answers: Iterator[RestAnswer] = iter(
        [RestAnswer(429, {"Retry-After": "60"}, b"{}"), *[RestAnswer(200, {}, b"{}")] * 2]
    )
    ask = Ask(target="/fapi/v1/klines", priority=Priority.BACKFILL)

    async def send(target: str) -> RestAnswer:
        return next(answers)

    with pytest.raises(ExchangeBlocked):
        await guard.fetch(ask, send, wait_s=1)
    await clock.advance(59.9996)
    with pytest.raises(ExchangeBlocked) as refused:
        await guard.fetch(ask, send, wait_s=1)
    assert refused.value.until_ms >= clock.now_ms() + 1_000
    await clock.advance(1.0)
    assert (await guard.fetch(ask, send, wait_s=1)).status == 200
