"""The store of a feed that leads, over a server that goes away while much waits for it."""

from __future__ import annotations

import asyncio

from altmonitor.core.causes import Cause, CauseCode
from altmonitor.core.clock import SystemClock
from altmonitor.interfaces.cluster import LEADER
from altmonitor.storage.database_store import StoreOptions
from altmonitor.storage.postgres import feed_store
from altmonitor.storage.postgres.connection import DatabaseAddress, PostgresConnection
from altmonitor.storage.postgres.feed_store import FeedStore
from altmonitor.storage.postgres.leases import PostgresLeases
from tests.scale.fixtures import needs_servers, postgres
from tests.scale.servers import PostgresServer, running
from tests.storage.samples import GROUP, PRIVATE, pump
from tests.storage.test_score_store import prepared

__all__ = ["postgres"]

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


async def test_what_waits_and_what_failed_are_counted_without_reading_what_was_sent(postgres: PostgresServer) -> None:
    url = await prepared(postgres)
    name = url.rpartition("/")[2]
    postgres.sql(
        "INSERT INTO alerts (id, key, ts, event_ms, symbol, kind, direction) "
        "SELECT n, n::text, n, n, 'SOLUSDT', 'price', 'PUMP' FROM generate_series(1, 20000) n; "
        "INSERT INTO deliveries (alert_id, chat_id, topic_id, queued_ms, state) "
        "SELECT n, 1, 0, n, CASE n WHEN 7 THEN 'failed' WHEN 9 THEN 'queued' ELSE 'sent' END "
        "FROM generate_series(1, 20000) n",
        name,
    )
    postgres.sql("VACUUM ANALYZE deliveries", name)
    link = PostgresConnection(DatabaseAddress(url), purpose="test")
    plan = "\n".join(row[0] for row in await link.fetch(f"EXPLAIN {feed_store._COUNT}"))
    assert await link.fetch(feed_store._COUNT) == [(1, 9, 1)]
    await link.close()
    assert "deliveries_failed" in plan
    assert "deliveries_queued" in plan
    assert "Seq Scan" not in plan
