"""Which notifier has which chats, on a clock that is moved."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Collection

from altmonitor.app.chat_leases import ChatLeases, owner_of
from altmonitor.interfaces.cluster import SHARDS
from altmonitor.storage.leases import MemoryLeases
from tests.movable_clock import MovableClock


class Notifiers:
    def __init__(self) -> None:
        self.clock = MovableClock()
        self.leases = MemoryLeases(self.clock)
        self.running: dict[str, asyncio.Task[None]] = {}
        self.of: dict[str, ChatLeases] = {}
        self.let_go: list[tuple[str, frozenset[int]]] = []

    async def join(self, name: str) -> None:
        async def let_go(shards: Collection[int]) -> None:
            self.let_go.append((name, frozenset(shards)))

        one = ChatLeases(self.leases, name=name, clock=self.clock, on_gained=lambda: None, on_lost=let_go)
        self.of[name] = one
        self.running[name] = asyncio.create_task(one.run())
        await self.clock.advance(2)

    async def die(self, name: str, *, then_s: float) -> None:
        self.running[name].cancel()
        await self.clock.advance(then_s)

    @property
    def shares(self) -> dict[str, frozenset[int]]:
        return {name: frozenset(one.tokens) for name, one in self.of.items() if not self.running[name].cancelled()}

    def end(self) -> None:
        for task in self.running.values():
            task.cancel()


async def test_chats_are_shared_out_moved_when_a_notifier_joins_and_taken_over_within_five_seconds_when_one_dies() -> (
    None
):
    here = Notifiers()
    await here.join("a")
    assert here.shares == {"a": frozenset(range(SHARDS))}
    await here.join("b")
    assert here.shares["a"] | here.shares["b"] == set(range(SHARDS))
    assert not here.shares["a"] & here.shares["b"]
    assert min(map(len, here.shares.values())) >= SHARDS // 4
    assert here.let_go == [("a", here.shares["b"])]
    await here.die("a", then_s=4.5)
    assert here.shares == {"b": frozenset(range(SHARDS))}
    here.end()


async def test_an_orderly_end_hands_everything_over_at_once() -> None:
    here = Notifiers()
    await here.join("a")
    await here.join("b")
    here.running["a"].cancel()
    await here.of["a"].leave()
    await here.clock.advance(1)
    assert here.shares == {"b": frozenset(range(SHARDS))}
    here.end()


async def test_who_was_held_up_for_longer_than_its_leases_has_what_it_gets_anew_and_other_tokens() -> None:
    here = Notifiers()
    await here.join("a")
    before = dict(here.of["a"].tokens)
    here.clock.stop(10)
    await here.clock.advance(2)
    assert here.of["a"].tokens == {shard: token + 1 for shard, token in before.items()}
    assert here.let_go == [("a", frozenset(range(SHARDS)))]
    here.end()


def test_one_more_notifier_moves_only_its_own_share() -> None:
    three, four = ["a", "b", "c"], ["a", "b", "c", "d"]
    before, after = [{shard: owner_of(shard, of) for shard in range(SHARDS)} for of in (three, four)]
    assert all(after[shard] in (before[shard], "d") for shard in range(SHARDS))
    assert min(Counter(after.values()).values()) >= 8
