"""Questions that gather while another one is on its way. No server needed."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from altmonitor.core.errors import StorageError
from altmonitor.storage.postgres.batching import Batched


class Carrier:
    """Doubles numbers once `go` is set. Refuses what is negative, and everything while `is_away`."""

    def __init__(self) -> None:
        self.carried: list[list[int]] = []
        self.go = asyncio.Event()
        self.is_away = False

    async def __call__(self, numbers: Sequence[int]) -> list[int]:
        self.carried.append(list(numbers))
        await self.go.wait()
        if self.is_away:
            raise StorageError("away")
        if min(numbers) < 0:
            raise ValueError(f"{min(numbers)} is negative")
        return [2 * number for number in numbers]


async def ask(batched: Batched[int, int], *numbers: int) -> list[asyncio.Task[int]]:
    tasks = [asyncio.create_task(batched.ask(number)) for number in numbers]
    await asyncio.sleep(0)
    return tasks


async def test_what_is_asked_meanwhile_leaves_together_and_each_hears_its_own_answer() -> None:
    carrier = Carrier()
    batched: Batched[int, int] = Batched(carrier, most=3)
    tasks = await ask(batched, 1) + await ask(batched, 2, 3, 4, 5)
    carrier.go.set()
    assert await asyncio.gather(*tasks) == [2, 4, 6, 8, 10]
    assert carrier.carried == [[1], [2, 3, 4], [5]]


async def test_a_server_that_is_away_is_told_to_all_and_asked_anew_by_the_next() -> None:
    carrier = Carrier()
    carrier.is_away = True
    batched: Batched[int, int] = Batched(carrier, most=9)
    tasks = await ask(batched, 1, 2, 3)
    carrier.go.set()
    heard = await asyncio.gather(*tasks, return_exceptions=True)
    assert [str(problem) for problem in heard] == ["away"] * 3
    carrier.is_away = False
    assert await batched.ask(4) == 8


async def test_one_that_is_refused_fails_alone() -> None:
    carrier = Carrier()
    batched: Batched[int, int] = Batched(carrier, most=9)
    tasks = await ask(batched, 1) + await ask(batched, 2, -3, 4)
    carrier.go.set()
    heard = await asyncio.gather(*tasks, return_exceptions=True)
    assert [str(one) for one in heard] == ["2", "4", "-3 is negative", "8"]
    assert carrier.carried == [[1], [2, -3, 4], [2], [-3], [4]]


async def test_who_gives_up_takes_the_answers_of_nobody_else_with_it() -> None:
    carrier = Carrier()
    batched: Batched[int, int] = Batched(carrier, most=9)
    first, second, third = await ask(batched, 1) + await ask(batched, 2, 3)
    first.cancel()
    await asyncio.sleep(0)
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second
    carrier.go.set()
    assert await third == 6
    assert await batched.ask(4) == 8
