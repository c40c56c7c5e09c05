"""A dispatcher on a clock that tests move, between a store in memory and a chat service with Telegram's limits."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import msgspec

from altmonitor.core.alert import Alert
from altmonitor.core.errors import StorageError
from altmonitor.core.types import Destination
from altmonitor.delivery.deps import DeliveryDeps, DeliveryEvents, Resumption
from altmonitor.delivery.digest_decision import DestinationStyle
from altmonitor.delivery.dispatcher import Dispatcher
from altmonitor.delivery.presses import PressMemory
from altmonitor.interfaces.delivery import Queued, Renderer
from altmonitor.storage.memory import MemoryStore
from tests.delivery.chat_fakes import FakeChannel, PlainRenderer
from tests.movable_clock import MovableClock
from tests.storage.samples import NOW_MS, pump


class CountingStore(MemoryStore):
    """looks: how often somebody asked what waits. lookups: what is known about alerts. refusals: so many of the next
    attempts cannot be written."""

    looks = 0
    lookups = 0
    refusals = 0

    async def queued(self, destination: Destination, *, limit: int) -> Sequence[Queued]:
        self.looks += 1
        return await super().queued(destination, limit=limit)

    async def alerts_of(self, keys: Collection[str]) -> Mapping[str, Alert]:
        self.lookups += 1
        return await super().alerts_of(keys)

    async def begin_attempt(self, destination: Destination, alert_ids: Sequence[int]) -> None:
        if self.refusals:
            self.refusals -= 1
            raise StorageError("disk full")
        await super().begin_attempt(destination, alert_ids)


@dataclass
class Bench:
    """A dispatcher at work; `happened` is what it reported, `told` which alerts left in a message of their own."""

    clock: MovableClock
    store: CountingStore
    channel: FakeChannel
    deps: DeliveryDeps
    dispatcher: Dispatcher
    happened: list[object] = field(default_factory=list)
    sent: list[tuple[Destination, str, int]] = field(default_factory=list)
    stop_took_s: float = 0.0

    @property
    def resumptions(self) -> list[tuple[Destination, Resumption]]:
        found = []
        for one in self.happened:
            match one:
                case Destination() as where, Resumption() as resumption:
                    found.append((where, resumption))
        return found

    def put(self, *symbols: str, age_s: float = 0.0, **fields: Any) -> None:
        for symbol in symbols:
            self.store.put(pump(symbol, at_ms=self.clock.now_ms() - int(age_s * 1000), **fields))

    def begin_again(self) -> None:
        """A new process over the same store."""
        self.dispatcher = Dispatcher(self.deps, self.store.destinations)

    async def learn(self, key: str, **fields: Any) -> None:
        """Something is known about this alert now that was not known when it was stored."""
        alert = (await self.store.alerts_of([key]))[key]
        await self.store.update_alert(msgspec.structs.replace(alert, **fields))
        self.dispatcher.refresh(key)

    def edits(self) -> list[str]:
        return [said.html for said in self.channel.said if said.is_edit]

    async def key(self, symbol: str) -> str:
        (sent,) = await self.store.recent(limit=1, symbol=symbol)
        return sent.alert.key

    async def until(self, is_so: Callable[[], bool], *, within_s: float = 60.0) -> None:
        until_s = self.clock.monotonic() + within_s
        await self.clock.settle()
        while not is_so():
            assert self.clock.monotonic() < until_s, f"not so within {within_s} s; said: {self.channel.said}"
            await self.clock.advance_to_next(until_s - self.clock.monotonic())

    async def said(self, count: int, *, within_s: float = 60.0) -> list[str]:
        await self.until(lambda: len(self.channel.said) >= count, within_s=within_s)
        return [said.html for said in self.channel.said]


def make(
    *destinations: Destination,
    min_interval_s: float | None = None,
    per_part: int = 150,
    renderer: Renderer | None = None,
    destination_styles: Callable[[Destination], DestinationStyle] | None = None,
) -> Bench:
    clock = MovableClock(NOW_MS)
    store = CountingStore(clock=clock, destinations=destinations)
    channel = FakeChannel(clock)
    happened: list[object] = []
    sent: list[tuple[Destination, str, int]] = []
    events = DeliveryEvents(
        closed=lambda at, reason: happened.append((at, f"closed: {reason}")),
        resumed=lambda at, resumption: happened.append((at, resumption)),
        refused=lambda at, count, reason: happened.append((at, count, str(reason))),
        moved=lambda old, new: happened.append((old, new)),
        fatal=lambda problem: happened.append(str(problem)),
        topic_lost=lambda at, reason: happened.append((at, f"lost: {reason}")),
        topic_found=lambda at, count: happened.append((at, f"found: {count}")),
        sent=lambda at, alert, message_id: sent.append((at, alert.symbol, message_id)),
    )
    deps = DeliveryDeps(
        outbox=store,
        channel=channel,
        renderer=renderer or PlainRenderer(per_part),
        clock=clock,
        min_interval_s=min_interval_s,
        events=events,
        destination_styles=destination_styles,
        presses=PressMemory(store),
    )
    return Bench(clock, store, channel, deps, Dispatcher(deps, destinations), happened, sent)


@asynccontextmanager
async def running(bench: Bench) -> AsyncIterator[Bench]:
    task = asyncio.create_task(bench.dispatcher.run())
    try:
        yield bench
    finally:
        task.cancel()
        stopping_s = bench.clock.monotonic()
        while not task.done():
            await bench.clock.advance(0.1)
        bench.stop_took_s = bench.clock.monotonic() - stopping_s
    assert bench.channel.violations == []
