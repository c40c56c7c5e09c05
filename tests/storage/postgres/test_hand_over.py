"""A feed that lost the lead with alerts it could not store, over a real server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from altmonitor.core.clock import SystemClock
from altmonitor.interfaces.cluster import LEADER, FoundAlert
from altmonitor.storage.database_store import StoreOptions
from altmonitor.storage.postgres.connection import DatabaseAddress, PostgresConnection
from altmonitor.storage.postgres.feed_store import FeedStore
from altmonitor.storage.postgres.hand_over import PostgresHandOver
from altmonitor.storage.postgres.leases import PostgresLeases
from tests.scale.fixtures import needs_servers, postgres
from tests.scale.servers import PostgresServer
from tests.storage.samples import GROUP, NOW_MS, PRIVATE, pump

__all__ = ["postgres"]

pytestmark = needs_servers
BOTH = (PRIVATE, GROUP)


class Feed:
    """left: what its store could not write."""

    def __init__(self, url: str) -> None:
        self.token: int | None = None
        self.left: list[FoundAlert] = []
        self.store = FeedStore(
            DatabaseAddress(url),
            cluster="",
            clock=SystemClock(),
            options=StoreOptions(destinations=BOTH, on_unwritten=self.left.extend),
            fence=lambda: self.token,
        )


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[tuple[PostgresLeases, PostgresHandOver]]:
    async with AsyncExitStack() as stack:
        connections = [PostgresConnection(DatabaseAddress(url), purpose=purpose) for purpose in ("leases", "hand-over")]
        for connection in connections:
            stack.push_async_callback(connection.close)
        yield PostgresLeases(connections[0]), PostgresHandOver(connections[1])


async def test_what_a_feed_could_not_store_is_stored_by_the_next_one_once_for_each_chat(
    postgres: PostgresServer,
) -> None:
    url = postgres.new_database()
    first, second = Feed(url), Feed(url)
    stored, missed, told = pump("AUSDT"), pump("BUSDT", at_ms=NOW_MS + 1), pump("CUSDT", at_ms=NOW_MS + 2)
    async with second.store, connected(url) as (leases, hand_over):
        async with first.store:
            first.token = (await leases.acquire([LEADER], holder="first", for_s=0.2))[LEADER]
            first.store.put(stored, to=BOTH)
            await first.store._writer.drained()
            await leases.release({LEADER: first.token})
            second.token = (await leases.acquire([LEADER], holder="second", for_s=60.0))[LEADER]
            for alert in (missed, told):
                first.store.put(alert, to=BOTH)
        assert [one.alert.key for one in first.left] == [missed.key, told.key]
        assert {one.destinations for one in first.left} == {BOTH}

        await hand_over.put(first.left)
        await hand_over.put([*first.left, FoundAlert(stored, BOTH)])  # a repetition, and what was stored after all
        waiting = await hand_over.waiting()
        assert [one.alert.key for one in waiting] == [missed.key, told.key]

        second.store.put(told, to=BOTH)  # it found that itself
        await second.store._writer.drained()
        for alert, destinations in waiting:
            second.store.put(alert, to=destinations)
        await second.store.taken_over([one.alert.key for one in waiting])
        assert await hand_over.waiting() == []
        rows = await second.store.stored_since(NOW_MS)
        assert [(alert.key, set(destinations)) for alert, destinations in rows] == [
            (one.key, set(BOTH)) for one in (stored, missed, told)
        ]


async def test_until_when_everything_is_stored_another_feed_reads_as_it_was_written_last(
    postgres: PostgresServer,
) -> None:
    url = postgres.new_database()
    first, second = Feed(url), Feed(url)
    async with first.store, second.store, connected(url) as (leases, _):
        first.token = (await leases.acquire([LEADER], holder="first", for_s=60.0))[LEADER]
        await first.store.meta_set("seen_until_ms", "17")
        assert await second.store.stored_meta(["seen_until_ms", "other"]) == {"seen_until_ms": "17"}
