"""A digest of an earlier run is completed at the close, in however many messages it left, wherever that run ended."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec
import pytest

from altmonitor.core.alert import Details
from altmonitor.core.types import Destination
from altmonitor.delivery.presses import PressMemory
from altmonitor.delivery.split_digests import KEPT_MS, SplitDigests
from tests.delivery.chat_fakes import FakeChannel
from tests.delivery.dispatcher_kit import Bench, CountingStore, make, running
from tests.delivery.test_growing_digest import GROUP, STORM, SizeRenderer, TornRenderer
from tests.movable_clock import MovableClock
from tests.storage.samples import NOW_MS


async def told_and_completed_by_the_next_run(renderer: SizeRenderer, *, messages: int) -> Bench:
    """A storm of bursts whose candles run; the program ends, and the next run sees them close."""
    bench = make(GROUP, renderer=renderer)
    async with running(bench):
        bench.put(*STORM, kind="vol", direction="UP", metric=5.0, details=Details(running_s=23.0))
        await bench.said(messages, within_s=20)
        await bench.until(lambda: bench.store.outbox_status().queued == 0)
    await bench.clock.advance(20)
    bench.begin_again()
    async with running(bench):
        for symbol in STORM:
            await bench.learn(await bench.key(symbol), metric=9.0, details=Details(is_completed=True))
        for _ in range(60):
            await bench.clock.advance(1)
    return bench


async def test_a_digest_of_an_earlier_run_is_completed_at_the_close() -> None:
    bench = await told_and_completed_by_the_next_run(SizeRenderer(), messages=1)
    first, *later = bench.channel.said
    assert later
    assert all(said.is_edit and said.message_id == first.message_id for said in later)
    assert later[-1].html == first.html.replace("=5.0", "=9.0")


async def test_a_digest_of_an_earlier_run_in_several_messages_is_completed_in_each_of_them() -> None:
    bench = await told_and_completed_by_the_next_run(TornRenderer(), messages=2)
    first, second, *later = bench.channel.said
    assert all(said.is_edit for said in later)
    assert {said.message_id: said.html for said in later} == {
        first.message_id: first.html.replace("=5.0", "=9.0"),
        second.message_id: second.html.replace("=5.0", "=9.0"),
    }


@dataclass
class Kill:
    """A process that stops for ever at one of its steps: before or after something is written or said."""

    at_step: int
    steps: int = 0
    is_dead: bool = False
    last: str = ""

    async def step(self, name: str) -> None:
        if self.is_dead or self.steps == self.at_step:
            self.is_dead, self.last = True, self.last or name
            await asyncio.Event().wait()
        self.steps += 1


class KilledStore(CountingStore):
    kill: Kill

    async def begin_attempt(self, *args: Any) -> None:
        await self.kill.step("before an attempt is written")
        await super().begin_attempt(*args)
        await self.kill.step("an attempt is written")

    async def mark_sent(self, *args: Any, **how: Any) -> None:
        await self.kill.step("before a message id is written")
        await super().mark_sent(*args, **how)
        await self.kill.step("a message id is written")

    async def meta_set(self, *args: Any) -> None:
        await self.kill.step("before a digest is remembered")
        await super().meta_set(*args)
        await self.kill.step("a digest is remembered")


@dataclass
class KilledChannel(FakeChannel):
    kill: Kill = field(default_factory=lambda: Kill(-1))

    async def send(self, *args: Any, **how: Any) -> int:
        await self.kill.step("before a message leaves")
        message_id = await super().send(*args, **how)
        await self.kill.step("a message is there")
        return message_id

    async def edit(self, *args: Any, **how: Any) -> None:
        await self.kill.step("before an edit leaves")
        await super().edit(*args, **how)
        await self.kill.step("an edit is there")


async def killed_at(step: int, *, closes_s: int) -> tuple[Bench, Kill]:
    """A storm of 60 bursts in two messages, killed at this step and started again at once; their candles are complete
    after so many seconds, whoever lives then."""
    bench = make(GROUP, renderer=TornRenderer())
    kill = Kill(step)
    store = KilledStore(clock=bench.clock, destinations=(GROUP,))
    store.kill = kill
    channel = KilledChannel(bench.clock, kill=kill)
    bench.store, bench.channel = store, channel
    bench.deps = replace(bench.deps, outbox=store, channel=channel, presses=PressMemory(store))
    bench.begin_again()
    bench.put(*STORM, kind="vol", direction="UP", metric=5.0, details=Details(running_s=23.0))
    keys = [await bench.key(symbol) for symbol in STORM]
    second, is_over = 0, False
    while not is_over:
        async with running(bench):
            while not kill.is_dead and second < 150:
                if second == closes_s:
                    for key in keys:
                        await bench.learn(key, metric=9.0, details=Details(is_completed=True))
                await bench.clock.advance(1)
                second += 1
        is_over = second >= 150
        kill.is_dead, kill.at_step = False, -1
        bench.begin_again()
    return bench, kill


def shown(bench: Bench) -> dict[int, str]:
    return {said.message_id: said.html for said in bench.channel.said}


async def test_wherever_a_run_is_killed_the_next_one_completes_every_message_it_knows_of() -> None:
    wrong: list[str] = []
    reached: set[str] = set()
    for closes_s in (4, 30):
        whole, unharmed = await killed_at(-1, closes_s=closes_s)
        assert len(shown(whole)) == 2
        for step in range(unharmed.steps):
            bench, kill = await killed_at(step, closes_s=closes_s)
            reached.add(kill.last)
            texts = shown(bench)
            known: set[int | None] = set()
            for symbol in STORM:
                message_id = await bench.store.message_id_of(GROUP, await bench.key(symbol))
                known.add(message_id)
                if f"{symbol}=9.0" not in texts.get(message_id or 0, ""):
                    wrong.append(f"closed after {closes_s} s, step {step} ({kill.last}): {symbol} in {message_id}")
            if len(texts.keys() - known) > 1:
                wrong.append(f"closed after {closes_s} s, step {step} ({kill.last}): {texts.keys() - known} unknown")
    assert wrong == []
    assert len(reached) == 10, "every kind of step was one to be killed at"


async def test_a_digest_in_several_messages_is_forgotten_when_its_candles_are_long_closed(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock = MovableClock(NOW_MS)
    store = CountingStore(clock=clock, destinations=(GROUP,))
    other = Destination(chat_id=GROUP.chat_id, topic_id=7)
    digests = SplitDigests(store, clock)
    old, new = (("a", "b"), ("c",)), (("d",), ("e", "f"))
    await digests.remember(GROUP, old)
    await clock.advance(KEPT_MS / 1000 + 1)
    await digests.remember(GROUP, new)
    after_restart = SplitDigests(store, clock)
    found = await after_restart.find(GROUP, ("f", "e"))
    assert found is not None
    assert (found.parts, found.number, found.written_ms) == (new, 1, clock.now_ms())
    assert await after_restart.find(GROUP, ("e",)) is None, "another set of alerts is another message"
    assert await after_restart.find(GROUP, ("a", "b")) is None
    assert await after_restart.find(other, ("d",)) is None
    await store.meta_set(f"digests:{GROUP}", msgspec.json.encode([{"another": "version"}]).decode())
    assert await after_restart.find(GROUP, ("d",)) is None
    assert [message.partition(":")[0] for message in caplog.messages] == [
        f"the digests of chat {GROUP} that were split cannot be read"
    ]
