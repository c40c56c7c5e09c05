"""What every kind of lease promises. The movable clock stands for memory; PostgreSQL's runs by itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from altmonitor.core.clock import SystemClock
from altmonitor.interfaces.leases import Leases
from altmonitor.storage.leases import MemoryLeases
from tests.scale.fixtures import IS_ASKED_FOR, postgres
from tests.scale.servers import PostgresServer

__all__ = ["postgres"]

SHORT_S = 0.2


@pytest.fixture(params=["memory", *(["postgres"] if IS_ASKED_FOR else [])])
async def leases(request: pytest.FixtureRequest) -> AsyncIterator[Leases]:
    if request.param == "memory":
        yield MemoryLeases(SystemClock())
        return
    from altmonitor.storage.postgres import schema
    from altmonitor.storage.postgres.connection import DatabaseAddress, PostgresConnection
    from altmonitor.storage.postgres.leases import PostgresLeases

    server: PostgresServer = request.getfixturevalue("postgres")
    connection = PostgresConnection(DatabaseAddress(server.new_database()), purpose="test")
    try:
        await schema.prepare(connection, cluster="")
        yield PostgresLeases(connection)
    finally:
        await connection.close()


async def test_what_is_free_is_had_and_what_another_holds_is_not(leases: Leases) -> None:
    assert await leases.acquire(["feed"], holder="a", for_s=60) == {"feed": 1}
    assert await leases.acquire(["feed"], holder="b", for_s=60) == {}
    assert await leases.acquire(["feed", "chat:1"], holder="b", for_s=60) == {"chat:1": 1}
    assert await leases.acquire([], holder="b", for_s=60) == {}


async def test_asking_again_for_what_one_has_changes_no_token(leases: Leases) -> None:
    await leases.acquire(["feed"], holder="a", for_s=60)
    assert await leases.acquire(["feed"], holder="a", for_s=60) == {"feed": 1}


async def test_a_lease_that_ran_out_goes_to_the_next_with_a_larger_token(leases: Leases) -> None:
    first = await leases.acquire(["feed"], holder="a", for_s=SHORT_S)
    assert await leases.renew(first, for_s=SHORT_S) == {"feed"}
    await asyncio.sleep(SHORT_S * 1.5)
    assert await leases.acquire(["feed"], holder="b", for_s=60) == {"feed": 2}
    assert await leases.renew(first, for_s=60) == frozenset()
    assert await leases.acquire(["feed"], holder="a", for_s=60) == {}


async def test_who_slept_over_its_end_must_take_it_anew_also_when_nobody_else_did(leases: Leases) -> None:
    first = await leases.acquire(["feed"], holder="a", for_s=SHORT_S)
    await asyncio.sleep(SHORT_S * 1.5)
    assert await leases.renew(first, for_s=60) == frozenset()
    assert await leases.acquire(["feed"], holder="a", for_s=60) == {"feed": 2}


async def test_what_is_released_is_free_at_once_and_the_token_still_grows(leases: Leases) -> None:
    held = await leases.acquire(["chat:1", "chat:2"], holder="a", for_s=60)
    await leases.release({"chat:1": held["chat:1"]})
    assert await leases.acquire(["chat:1", "chat:2"], holder="b", for_s=60) == {"chat:1": 2}
    await leases.release(held)  # of which one is another's by now
    assert (await leases.holders())["chat:1"].left_s > 50


async def test_it_is_seen_who_holds_what_and_for_how_long(leases: Leases) -> None:
    await leases.acquire(["feed"], holder="a", for_s=60)
    await leases.acquire(["chat:1"], holder="b", for_s=60)
    found = await leases.holders("chat:")
    assert set(found) == {"chat:1"}
    assert (found["chat:1"].holder, found["chat:1"].token) == ("b", 1)
    assert 50 < found["chat:1"].left_s <= 60
    assert set(await leases.holders()) == {"feed", "chat:1"}


async def test_of_many_who_want_many_at_once_each_lease_has_one_holder(leases: Leases) -> None:
    names = [f"chat:{number}" for number in range(200)]

    async def take(holder: str) -> Any:
        return await leases.acquire(names if holder < "c" else names[::-1], holder=holder, for_s=60)

    taken = await asyncio.gather(*map(take, "abcd"))
    assert sorted(name for some in taken for name in some) == sorted(names)


async def test_what_ended_long_ago_is_forgotten_where_its_name_begins_so(leases: Leases) -> None:
    await leases.acquire(["sees:a", "sees:b", "feed"], holder="a", for_s=SHORT_S)
    await leases.acquire(["notifier:c"], holder="c", for_s=60)
    await asyncio.sleep(SHORT_S * 1.5)
    await leases.prune(["sees:", "notifier:"], ended_s=60)
    assert len(await leases.holders()) == 4, "a minute has not passed"
    await leases.acquire(["sees:b"], holder="a", for_s=60)
    await leases.prune(["sees:", "notifier:"], ended_s=SHORT_S / 10)
    assert set(await leases.holders()) == {"sees:b", "feed", "notifier:c"}
    assert await leases.acquire(["feed"], holder="b", for_s=60) == {"feed": 2}, "its token goes on"
