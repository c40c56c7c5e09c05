"""One process that does everything has its database for itself."""

from __future__ import annotations

import asyncio

import pytest

from altmonitor.app.storage import SoleUse
from altmonitor.core.clock import ScaledClock
from altmonitor.core.errors import DatabaseRefused, StorageError
from altmonitor.storage.leases import MemoryLeases

FAST = ScaledClock(start_ms=1_790_000_000_000, speed=50)


def use(leases: MemoryLeases) -> SoleUse:
    return SoleUse(leases, ["feed", "notify:1"], of="PostgreSQL at db:5432, database alerts", clock=FAST)


async def test_a_second_one_is_refused_with_the_name_of_the_first() -> None:
    leases = MemoryLeases(FAST)
    first, second = use(leases), use(leases)
    await first.take()
    keeping = asyncio.create_task(first.keep())
    with pytest.raises(StorageError, match=rf"in use by another altmonitor \({first._holder}\)"):
        await second.take()
    await first.release()
    keeping.cancel()
    await second.take()


async def test_after_a_kill_the_next_start_waits_for_the_lease_to_end() -> None:
    leases = MemoryLeases(FAST)
    await use(leases).take()
    await use(leases).take()
    assert {one.token for one in (await leases.holders()).values()} == {2}


async def test_it_stands_beside_no_part_of_a_cluster_and_takes_nothing_from_it() -> None:
    leases = MemoryLeases(FAST)
    await leases.acquire(["notify:1"], holder="notifier", for_s=600)
    with pytest.raises(StorageError, match=r"in use by another altmonitor .notifier."):
        await use(leases).take()
    assert (await leases.holders())["feed"].left_s <= 0


async def test_who_slept_while_another_took_over_ends() -> None:
    leases = MemoryLeases(FAST)
    first = use(leases)
    await first.take()
    await asyncio.sleep(6 / FAST.speed)
    await use(leases).take()
    with pytest.raises(DatabaseRefused, match="in use by another"):
        await first.keep()


async def test_who_slept_and_finds_it_free_goes_on() -> None:
    leases = MemoryLeases(FAST)
    first = use(leases)
    await first.take()
    await asyncio.sleep(6 / FAST.speed)
    keeping = asyncio.create_task(first.keep())
    await asyncio.sleep(3 / FAST.speed)
    assert not keeping.done()
    assert {one.left_s > 0 for one in (await leases.holders()).values()} == {True}
    keeping.cancel()
