"""Two guards of two processes in front of one exchange that answers with anything, for hours: what must never happen.

The exchange keeps the books: it knows what it told whom, and judges every request the moment it arrives.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections import Counter, deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from altmonitor.core.errors import BadAnswer, ExchangeError, ExchangeUnreachable
from altmonitor.exchanges.binance.rest import binance_budget, binance_guard
from altmonitor.exchanges.rest.budget import Ask
from altmonitor.exchanges.rest.guard import Guard, RestAnswer
from altmonitor.interfaces.exchange import Priority
from tests.effort import examples
from tests.movable_clock import MovableClock

PING = "/fapi/v1/ping"
LIMIT = 400
HEAVIEST = 40
SLOWEST_S = 14.0  # a little less than the time-out of a request
ROUNDING_S = 0.002  # ends of blocks are kept in whole milliseconds

SEVERITY = {418: 1, 429: 1, 403: 2, 451: 3}
DEFAULT_S = {1: 300.0, 2: 5_400.0, 3: 21_600.0}
NO_ANSWER, CUT_OFF = 0, -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """status: NO_ANSWER and CUT_OFF stand for themselves. wait_s: what a refusal asks for, in the form of `form`."""

    status: int = 200
    takes_s: float = 0.0
    wait_s: int | None = None
    form: str = "seconds"


@dataclass(slots=True, kw_only=True, eq=False)
class Asked:
    guard: int
    priority: Priority
    asked_s: float
    wait_s: float
    task: asyncio.Task[RestAnswer] | None = None
    left_s: float | None = None


@dataclass(slots=True, eq=False)
class Exchange:
    """told_until_s: nobody may ask before. needs_ping: a ping must pass before anything else may come.

    blocked_s: when a block last began or ended; who waited then did not wait for budget. overtaken: (who, by whom).
    """

    clock: MovableClock
    next_replies: deque[Reply] = field(default_factory=deque)
    told_until_s: float = float("-inf")
    told_severity: int = 0
    needs_ping: bool = False
    blocked_s: float = float("-inf")
    pings_under_way: int = 0
    weight: Counter[tuple[int, int]] = field(default_factory=Counter)
    others_weight: Counter[int] = field(default_factory=Counter)
    waiting: list[Asked] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    overtaken: list[tuple[Asked, Asked]] = field(default_factory=list)
    refused_s: set[float] = field(default_factory=set)

    async def serve(self, target: str, asked: Asked) -> RestAnswer:
        is_ping = target == PING
        self._judge(target, asked)
        minute = self.clock.now_ms() // 60_000
        self.weight[asked.guard, minute] += 1 if is_ping else int(target.rpartition("=")[2])
        used = self.weight[0, minute] + self.weight[1, minute] + self.others_weight[minute]
        reply = self.next_replies.popleft() if self.next_replies else Reply()
        self.pings_under_way += is_ping
        try:
            if reply.takes_s:
                await self.clock.sleep(reply.takes_s)
        finally:
            self.pings_under_way -= is_ping
        return self._answer(reply, is_ping=is_ping, used=used)

    def _judge(self, target: str, asked: Asked) -> None:
        now_s = self.clock.monotonic()
        if now_s < self.told_until_s - ROUNDING_S:
            self.wrong.append(f"{target} came {self.told_until_s - now_s:.3f} s before the end of a block")
        if target == PING:
            if self.pings_under_way:
                self.wrong.append("a second ping came while one was under way")
            return
        if self.needs_ping:
            self.wrong.append(f"{target} came after a block before a ping had passed")
        asked.left_s = now_s
        for other in self.waiting:
            is_before = other.guard == asked.guard and other.priority < asked.priority and other.left_s is None
            if is_before and self.blocked_s < other.asked_s < now_s and other.task and not other.task.done():
                self.overtaken.append((other, asked))

    def _answer(self, reply: Reply, *, is_ping: bool, used: int) -> RestAnswer:
        if reply.status == NO_ANSWER:
            raise ExchangeUnreachable("no answer")
        if reply.status == CUT_OFF:
            raise BadAnswer("the answer was cut off")
        headers, body = {"X-MBX-USED-WEIGHT-1M": str(used)}, b"{}"
        now_ms, now_s = self.clock.now_ms(), self.clock.monotonic()
        told_s: float | None = None
        if reply.wait_s is not None and reply.form == "seconds":
            headers["Retry-After"], told_s = str(reply.wait_s), reply.wait_s
        elif reply.wait_s is not None and reply.form == "date":
            end_s = -(-now_ms // 1000) + reply.wait_s
            headers["Retry-After"] = format_datetime(datetime.fromtimestamp(end_s, UTC), usegmt=True)
            told_s = end_s - now_ms / 1000
        elif reply.wait_s is not None and reply.form == "body":
            told_s = reply.wait_s + 1
            body = b'{"code":-1003,"msg":"IP(1.2.3.4) banned until %d."}' % (now_ms + told_s * 1000)
        elif reply.wait_s is not None:
            headers["Retry-After"] = reply.form
        severity = SEVERITY.get(reply.status) or int(reply.status >= 400 and b"-1003" in body)
        if severity:
            self._refuse(severity, told_s or None, now_s)
        elif is_ping:
            self.needs_ping, self.blocked_s = False, now_s
        return RestAnswer(reply.status, headers, body)

    def _refuse(self, severity: int, told_s: float | None, now_s: float) -> None:
        """Refusals of requests that were under way when a block began are the same hit, unless they tell more."""
        self.refused_s.add(now_s)
        is_running = now_s < self.told_until_s
        if told_s is None and not (is_running and severity <= self.told_severity):
            told_s = DEFAULT_S[severity]
        if told_s is not None:
            self.told_until_s = max(self.told_until_s, now_s + told_s)
        self.told_severity = max(severity, self.told_severity if is_running else 0)
        self.needs_ping, self.blocked_s = True, now_s


REPLIES = st.builds(
    Reply,
    status=st.sampled_from([200, 200, 400, 404, 418, 429, 403, 451, 500, 503, NO_ANSWER, CUT_OFF]),
    takes_s=st.sampled_from([0.0, 0.0, 0.2, 3.0, SLOWEST_S]),
    wait_s=st.one_of(st.none(), st.integers(0, 20_000)),
    form=st.sampled_from(["seconds", "date", "body", "soon", "-5", "nan"]),
)


class TwoGuards(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.folder = tempfile.TemporaryDirectory()
        self.clock = MovableClock()
        self.exchange = Exchange(self.clock)
        self.guards: list[Guard] = []
        self.asked = self.exchange.waiting

    @initialize(offset_s=st.floats(0, 60))
    def begin(self, offset_s: float) -> None:
        self._advance(offset_s)
        self.guards = [self._new_guard(), self._new_guard()]

    @rule(
        guard=st.integers(0, 1),
        priority=st.sampled_from(Priority),
        weight=st.integers(1, HEAVIEST),
        count=st.sampled_from([1, 1, 3, 20]),
        wait_s=st.sampled_from([0.0, 1.5, 65.0]),
    )
    def somebody_asks(self, guard: int, priority: Priority, weight: int, count: int, wait_s: float) -> None:
        for _ in range(count):
            asked = Asked(guard=guard, priority=priority, asked_s=self.clock.monotonic(), wait_s=wait_s)
            self.asked.append(asked)
            asked.task = self.loop.create_task(self._ask(asked, weight))
        self._advance(0)

    @rule(replies=st.lists(REPLIES, min_size=1, max_size=4))
    def the_next_answers_are(self, replies: list[Reply]) -> None:
        self.exchange.next_replies.extend(replies)

    @rule(seconds=st.sampled_from([0.05, 0.5, 1.0, 7.0, 15.0, 31.0, 60.0, 301.0, 3_700.0, 22_000.0]))
    def time_passes(self, seconds: float) -> None:
        self._advance(seconds)

    @precondition(lambda self: self.exchange.needs_ping)
    @rule(more_s=st.sampled_from([-1.0, 0.0, 0.01, 1.0]))
    def the_block_comes_to_its_end(self, more_s: float) -> None:
        self._advance(max(0.0, self.exchange.told_until_s - self.clock.monotonic() + more_s))

    @rule(before_s=st.floats(-0.7, 0.7))
    def the_minute_comes_to_its_end(self, before_s: float) -> None:
        self._advance(max(0.0, 60.0 - self.clock.now_ms() % 60_000 / 1000 - before_s))

    @rule(weight=st.integers(1, LIMIT))
    def another_program_on_the_same_address_asks(self, weight: int) -> None:
        self.exchange.others_weight[self.clock.now_ms() // 60_000] += weight

    @precondition(lambda self: any(not asked.task.done() for asked in self.asked))
    @rule(data=st.data())
    def somebody_gives_up(self, data: st.DataObject) -> None:
        waiting = [asked for asked in self.asked if asked.task and not asked.task.done()]
        chosen = data.draw(st.sampled_from(range(len(waiting))))
        task = waiting[chosen].task
        assert task is not None
        task.cancel()
        self._advance(0)

    @rule(guard=st.integers(0, 1))
    def a_process_starts_again(self, guard: int) -> None:
        """A refusal for the location is asked about once more after a start: the machine may have moved.

        What was spent before is what another program spent: the answer to the first ping tells.
        """
        for asked in self.asked:
            if asked.guard == guard and asked.task is not None:
                asked.task.cancel()
        self._advance(0)
        if self.exchange.told_severity == SEVERITY[451]:
            self.exchange.told_until_s = self.clock.monotonic()
        for at in [at for at in self.exchange.weight if at[0] == guard]:
            self.exchange.others_weight[at[1]] += self.exchange.weight.pop(at)
        self.guards[guard] = self._new_guard()

    @invariant()
    def nothing_wrong_was_asked(self) -> None:
        assert self.exchange.wrong == []

    @invariant()
    def nobody_overtakes_who_is_more_urgent(self) -> None:
        """In the same instant is no overtaking, and a refusal in that instant stops the more urgent one."""
        assert [
            (other, by)
            for other, by in self.exchange.overtaken
            if other.left_s != by.left_s and by.left_s not in self.exchange.refused_s
        ] == []

    @invariant()
    def no_minute_takes_more_than_its_weight(self) -> None:
        """From one process; what another one asks in the same moment is only seen in the answers."""
        assert {at: used for at, used in self.exchange.weight.items() if used > LIMIT} == {}

    @invariant()
    def nobody_waits_longer_than_he_may(self) -> None:
        now_s = self.clock.monotonic()
        assert [
            asked
            for asked in self.asked
            if asked.task and not asked.task.done() and now_s > asked.asked_s + asked.wait_s + 2 * SLOWEST_S + 1
        ] == []

    @invariant()
    def a_running_block_is_shown_with_an_end_that_is_not_too_early(self) -> None:
        if not self.exchange.needs_ping or self.clock.monotonic() >= self.exchange.told_until_s:
            return
        shown = [guard.status() for guard in self.guards if guard.status().state == "blocked"]
        assert shown, "a block that nobody shows"
        assert max(status.until_ms or 0 for status in shown) >= self.clock.now_ms()

    def teardown(self) -> None:
        self.loop.run_until_complete(self._stop())
        self.loop.close()
        self.folder.cleanup()

    # --- inside

    def _new_guard(self) -> Guard:
        file = Path(self.folder.name) / "block.json"
        return binance_guard(
            "fapi.example", clock=self.clock, block_file=file, budget=binance_budget(weight_limit=LIMIT)
        )

    async def _ask(self, asked: Asked, weight: int) -> RestAnswer:
        ask = Ask(target=f"/fapi/v1/openInterest?weight={weight}", priority=asked.priority, weight=weight)

        async def send(target: str) -> RestAnswer:
            return await self.exchange.serve(target, asked)

        answer = await self.guards[asked.guard].fetch(ask, send, wait_s=asked.wait_s)
        assert answer.status not in SEVERITY
        return answer

    def _advance(self, seconds: float) -> None:
        self.loop.run_until_complete(self.clock.advance(seconds))
        for asked in [asked for asked in self.asked if asked.task and asked.task.done()]:
            self.asked.remove(asked)
            task = asked.task
            if task is not None and not task.cancelled():
                problem = task.exception()
                assert problem is None or isinstance(problem, ExchangeError), problem

    async def _stop(self) -> None:
        tasks: list[asyncio.Task[Any]] = [asked.task for asked in self.asked if asked.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


TestTwoGuards = TwoGuards.TestCase
TestTwoGuards.settings = settings(
    max_examples=examples(60),
    stateful_step_count=40,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
