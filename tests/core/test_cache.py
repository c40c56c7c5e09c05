"""Kept answers: fresh ones on demand, the last one for hard times, one request for many callers."""

from __future__ import annotations

import asyncio
import itertools

import pytest

from altmonitor.core.cache import Cache
from tests.fakes import ManualClock


class Source:
    """Answers 1, 2, 3 …, or fails; holds everyone until `open` is set."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self.asked = 0
        self.fails = False
        self.open = asyncio.Event()
        self.open.set()

    async def fetch(self) -> int:
        self.asked += 1
        number = next(self._numbers)
        await self.open.wait()
        if self.fails:
            raise ConnectionError(number)
        return number


async def test_fresh_is_never_a_kept_answer_and_becomes_the_kept_one() -> None:
    source, cache = Source(), Cache[str, int](clock=ManualClock(), ttl_s=60)
    assert await cache.get("a", source.fetch) == 1
    assert await cache.get("a", source.fetch) == 1
    assert await cache.get("a", source.fetch, is_fresh=True) == 2
    assert await cache.get("a", source.fetch) == 2


async def test_an_answer_that_comes_while_one_waits_is_fresh() -> None:
    source, cache = Source(), Cache[str, int](clock=ManualClock(), ttl_s=60)
    source.open.clear()
    asked = [asyncio.create_task(cache.get("a", source.fetch, is_fresh=True)) for _ in range(5)]
    await asyncio.sleep(0)
    source.open.set()
    assert await asyncio.gather(*asked) == [1, 1, 1, 1, 1]
    assert source.asked == 1


async def test_a_failure_is_shared_by_those_who_waited_and_forgotten_at_once() -> None:
    source, cache = Source(), Cache[str, int](clock=ManualClock(), ttl_s=60)
    source.open.clear()
    source.fails = True
    asked = [asyncio.create_task(cache.get("a", source.fetch)) for _ in range(3)]
    await asyncio.sleep(0)
    source.open.set()
    outcomes = await asyncio.gather(*asked, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [ConnectionError] * 3
    assert source.asked == 1
    source.fails = False
    assert await cache.get("a", source.fetch) == 2


async def test_the_last_answer_is_there_for_as_long_as_is_asked_and_a_failure_does_not_lose_it() -> None:
    clock, source = ManualClock(), Source()
    cache = Cache[str, int](clock=clock, ttl_s=60)
    assert cache.kept("a", within_s=1e9) is None
    await cache.get("a", source.fetch)
    clock.ms += 100_000
    source.fails = True
    with pytest.raises(ConnectionError):
        await cache.get("a", source.fetch)
    assert cache.kept("a", within_s=101) == 1
    assert cache.kept("a", within_s=100) is None


async def test_the_oldest_keys_make_room() -> None:
    source, cache = Source(), Cache[str, int](clock=ManualClock(), ttl_s=60, capacity=2)
    for key in ("a", "b", "c"):
        await cache.get(key, source.fetch)
    assert [cache.kept(key, within_s=60) for key in ("a", "b", "c")] == [None, 2, 3]
