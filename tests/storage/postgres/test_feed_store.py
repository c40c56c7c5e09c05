"""The store of a feed that leads, over a server that goes away while much waits for it."""

from __future__ import annotations

import asyncio

from altmonitor.core.causes import Cause, CauseCode
from altmonitor.core.clock import SystemClock
from altmonitor.interfaces.cluster import LEADER
from altmonitor.storage.database_store import StoreOptions
from altmonitor.storage.postgres.connection import DatabaseAddress, PostgresConnection
from altmonitor.storage.postgres.feed_store import FeedStore
from altmonitor.storage.postgres.leases import PostgresLeases
from tests.scale.fixtures import needs_servers
from tests.scale.servers import PostgresServer, running
from tests.storage.samples import GROUP, PRIVATE, pump

pytestmark = needs_servers
MOST, TOO_MANY = 2_000, 100


async def test_a_server_that_restarts_and_dies_while_a_full_queue_is_written_has_all_of_it_once() -> None:
    """Beyond the bound alerts are dropped, counted and told; nothing else is lost and nothing doubled."""
    troubles: list[Cause | None] = []
    with running(PostgresServer()) as server:
        url = server.new_database()
        address = DatabaseAddress(url)
        token: int | None = None
        store = FeedStore(
            address,
            cluster="",
            clock=SystemClock(),
            options=StoreOptions(destinations=(PRIVATE, GROUP), on_trouble=troubles.append, most_in_memory=MOST),
            fence=lambda: token,
        )
        leases = PostgresConnection(address, purpose="leases")
        async with store:
            token = (await PostgresLeases(leases).acquire([LEADER], holder="feed", for_s=600.0))[LEADER]
            await leases.close()
            store.put(pump("FIRSTUSDT"))
            await store._writer.drained()
            server.stop()
            for number in range(MOST + TOO_MANY):
                store.put(pump(f"N{number}USDT"))
            assert (store._writer.puts_waiting, store.dropped) == (MOST, TOO_MANY)
            for _ in range(2):  # dies in the middle of it
                server.start()
                await asyncio.sleep(0.3)
                server.kill()
            server.start()
            async with asyncio.timeout(120):
                await store._writer.drained()
        name = url.rpartition("/")[2]
        assert server.sql("SELECT count(*), count(DISTINCT key) FROM alerts", name) == f"{MOST + 1}|{MOST + 1}"
        assert server.sql("SELECT count(*) FROM deliveries WHERE state = 'queued'", name) == str(2 * (MOST + 1))
        assert server.sql("SELECT count(*) FROM alerts WHERE symbol = 'N2000USDT'", name) == "0"
    codes = [cause.code for cause in troubles if cause is not None]
    assert CauseCode.DROPPED in codes
