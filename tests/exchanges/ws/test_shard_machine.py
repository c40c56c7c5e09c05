"""Connections that end in any way, for days: how often the feed knocks, whatever the order of events."""

from __future__ import annotations

import asyncio
import random
from bisect import bisect_left
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from altmonitor.core.errors import ExchangeUnreachable, HandshakeRefused
from altmonitor.exchanges.ws.shard import HandshakeBudget, ReconnectBackoff
from tests.effort import examples
from tests.movable_clock import MovableClock

CEILINGS_S = [1, 2, 4, 8, 16, 32, 60]
FLOORS_S = [300, 600, 1_200, 2_400, 3_600]


class Scripted(random.Random):
    """Jitter as told: 0 is the lower end, 1 the upper."""

    share = 1.0

    def uniform(self, a: float, b: float) -> float:
        return a + (b - a) * self.share


class BackoffOverDays(RuleBasedStateMachine):
    """failures, refusals: since a connection last carried 30 s of data. floor_s: of a refusal not yet waited for."""

    def __init__(self) -> None:
        super().__init__()
        self.jitter = Scripted()
        self.backoff = ReconnectBackoff(self.jitter)
        self.failures = 0
        self.refusals = 0
        self.floor_s = 0.0

    @rule(
        data_flowed_s=st.one_of(st.floats(0, 29.999), st.sampled_from([30.0, 82_800.0])),
        times=st.sampled_from([1, 1, 5, 1_500]),
    )
    def connections_end(self, data_flowed_s: float, times: int) -> None:
        for _ in range(times):
            self.backoff.on_end(data_flowed_s=data_flowed_s)
        if data_flowed_s >= 30:
            self.failures, self.refusals = 1, 0
        else:
            self.failures += times

    @rule(times=st.sampled_from([1, 3, 1_500]), status=st.sampled_from([None, 200, 404, 500, 503]))
    def nobody_answers(self, times: int, status: int | None) -> None:
        for _ in range(times):
            problem = ExchangeUnreachable("down") if status is None else HandshakeRefused("no", status=status)
            assert self.backoff.on_open_failed(problem) == 0
        self.failures += times

    @rule(status=st.sampled_from([403, 418, 429, 451]), retry_after_s=st.one_of(st.none(), st.floats(0, 1e9)))
    def the_exchange_refuses(self, status: int, retry_after_s: float | None) -> None:
        told_s = self.backoff.on_open_failed(HandshakeRefused("no", status=status, retry_after_s=retry_after_s))
        expected_s = max(FLOORS_S[min(self.refusals, 4)], min(retry_after_s or 0, 2_592_000))
        assert told_s == expected_s
        self.floor_s = expected_s
        self.failures += 1
        self.refusals += 1

    @rule(share=st.sampled_from([0.0, 0.5, 1.0]))
    def the_next_attempt_is_planned(self, share: float) -> None:
        self.jitter.share = share
        delay_s = self.backoff.next_delay_s()
        ceiling_s = CEILINGS_S[min(self.failures - 1, 6)] if self.failures else 0
        assert delay_s == self.floor_s + ceiling_s * share
        self.floor_s = 0.0


class DoorOverDays(RuleBasedStateMachine):
    """Several lanes share one budget of handshakes."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.clock = MovableClock()
        self.budget = HandshakeBudget(self.clock, limit=250, window_s=300.0)
        self.closed_until_s = 0.0
        self.knocks_s: list[float] = []
        self.early: list[float] = []
        self.waiting: list[tuple[float, asyncio.Task[None]]] = []

    @rule(shards=st.sampled_from([1, 7, 120, 251]))
    def lanes_want_to_connect(self, shards: int) -> None:
        for _ in range(shards):
            self.waiting.append((self.clock.monotonic(), self.loop.create_task(self._knock())))
        self._advance(0)

    @rule(seconds=st.sampled_from([0.1, 1.0, 45.0, 150.0, 299.9, 300.0, 3_600.0]))
    def time_passes(self, seconds: float) -> None:
        self._advance(seconds)

    @rule(seconds=st.sampled_from([0.0, 5.0, 300.0, 4_000.0]))
    def the_exchange_refuses(self, seconds: float) -> None:
        self.budget.close_for(seconds)
        self.closed_until_s = max(self.closed_until_s, self.clock.monotonic() + seconds)

    @precondition(lambda self: self.waiting)
    @rule(data=st.data())
    def a_lane_gives_up(self, data: st.DataObject) -> None:
        at = data.draw(st.integers(0, len(self.waiting) - 1))
        self.waiting[at][1].cancel()
        self._advance(0)

    @invariant()
    def nobody_knocks_while_refused(self) -> None:
        assert self.early == []

    @invariant()
    def no_five_minutes_see_more_than_250(self) -> None:
        for at, knock_s in enumerate(self.knocks_s):
            assert bisect_left(self.knocks_s, knock_s + 300) - at <= 250

    @invariant()
    def nobody_waits_without_a_reason(self) -> None:
        now_s = self.clock.monotonic()
        lately = len(self.knocks_s) - bisect_left(self.knocks_s, now_s - 300.01)
        if self.waiting and now_s > self.closed_until_s:
            assert lately >= 250

    def teardown(self) -> None:
        for _, task in self.waiting:
            task.cancel()
        tasks: list[Any] = [task for _, task in self.waiting]
        self.loop.run_until_complete(self._all(tasks))
        self.loop.close()

    async def _all(self, tasks: list[Any]) -> None:
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _knock(self) -> None:
        await self.budget.take()
        now_s = self.clock.monotonic()
        self.knocks_s.append(now_s)
        if now_s < self.closed_until_s:
            self.early.append(now_s)

    def _advance(self, seconds: float) -> None:
        self.loop.run_until_complete(self.clock.advance(seconds))
        self.waiting = [(since_s, task) for since_s, task in self.waiting if not task.done()]


TestBackoffOverDays = BackoffOverDays.TestCase
TestBackoffOverDays.settings = settings(max_examples=examples(100), stateful_step_count=40)
TestDoorOverDays = DoorOverDays.TestCase
TestDoorOverDays.settings = settings(max_examples=examples(40), stateful_step_count=25)
