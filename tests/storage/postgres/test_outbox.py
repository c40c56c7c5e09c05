"""The outbox of one notifier of several, over a real server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import msgspec
import pytest

from altmonitor.core.alert import Details
from altmonitor.core.clock import SystemClock
from altmonitor.core.errors import ClaimLost
from altmonitor.core.types import Destination
from altmonitor.interfaces.cluster import SHARDS, shard_lease, shard_of
from altmonitor.storage.database_store import StoreOptions
from altmonitor.storage.postgres.connection import DatabaseAddress
from altmonitor.storage.postgres.leases import PostgresLeases
from altmonitor.storage.postgres.outbox import ROWS_AT_ONCE, ClaimedOutbox
from altmonitor.storage.postgres.store import PostgresStore
from tests.movable_clock import MovableClock
from tests.scale.counting import CountingConnection
from tests.scale.fixtures import needs_servers, postgres
from tests.scale.servers import PostgresServer
from tests.storage.samples import NOW_MS, pump

__all__ = ["postgres"]

pytestmark = needs_servers


@dataclass
class Cluster:
    """A store that writes, and what a notifier needs who has every chat."""

    store: PostgresStore
    connection: CountingConnection
    clock: MovableClock
    tokens: dict[int, int]

    def outbox(self) -> ClaimedOutbox:
        outbox = ClaimedOutbox(self.connection, clock=self.clock)
        outbox.tokens = lambda: self.tokens
        return outbox

    async def put(self, symbol: str, *to: Destination) -> None:
        self.store.put(pump(symbol), to=to)
        async with asyncio.timeout(60):
            while not await self.store.alerts_of([pump(symbol).key]):
                await self.store.wait_for_work()


@pytest.fixture
async def cluster(postgres: PostgresServer) -> AsyncIterator[Cluster]:
    address = DatabaseAddress(postgres.new_database())
    connection = CountingConnection(address, purpose="outbox")
    async with PostgresStore(address, cluster="", clock=SystemClock(), options=StoreOptions()) as store:
        leases = PostgresLeases(connection)
        held = await leases.acquire([shard_lease(shard) for shard in range(SHARDS)], holder="notify", for_s=3_600)
        tokens = {int(name.partition(":")[2]): token for name, token in held.items()}
        yield Cluster(store, connection, MovableClock(NOW_MS), tokens)
    await connection.close()


async def waiting(outbox: ClaimedOutbox, chats: list[Destination]) -> int:
    return sum([len(await outbox.queued(at, limit=9)) for at in chats])


async def test_an_alert_for_more_chats_than_are_read_at_once_reaches_all_of_them(cluster: Cluster) -> None:
    chats = [Destination(chat_id=1 + at) for at in range(2 * ROWS_AT_ONCE + 10)]
    await cluster.put("SOLUSDT", *chats)
    await cluster.put("XRPUSDT", *chats[:10])
    outbox, looks = cluster.outbox(), 0
    while await outbox.look() == ROWS_AT_ONCE:
        looks += 1
    assert (looks, await waiting(outbox, chats)) == (2, len(chats) + 10)
    alerts = {id(row.alert) for at in chats for row in await outbox.queued(at, limit=1)}
    assert len(alerts) == 1  # read once, not once a chat


async def test_what_many_chats_claim_and_end_in_one_moment_is_a_handful_of_round_trips(cluster: Cluster) -> None:
    chats = [Destination(chat_id=1 + at) for at in range(300)]
    await cluster.put("SOLUSDT", *chats)
    await cluster.put("XRPUSDT", *chats)
    outbox = cluster.outbox()
    await outbox.look()
    ids = {at: [row.alert.id or 0 for row in await outbox.queued(at, limit=9)] for at in chats}
    before = cluster.connection.round_trips
    await asyncio.gather(*(outbox.begin_attempt(at, ids[at]) for at in chats))
    await asyncio.gather(*(outbox.mark_sent(at, ids[at], message_id=7, sent_ms=NOW_MS) for at in chats))
    assert cluster.connection.round_trips - before <= 8
    found = await cluster.connection.fetch(
        "SELECT state, attempts, uncertain, message_id, count(*) FROM deliveries GROUP BY 1, 2, 3, 4"
    )
    assert found == [("sent", 1, 0, 7, 600)]


async def test_a_message_is_claimed_whole_or_not_and_the_others_beside_it_all_the_same(cluster: Cluster) -> None:
    chats = [Destination(chat_id=1 + at) for at in range(3)]
    await cluster.put("SOLUSDT", *chats)
    await cluster.put("XRPUSDT", *chats)
    mine, other = cluster.outbox(), cluster.outbox()
    await mine.look()
    await other.look()
    ids = [row.alert.id or 0 for row in await mine.queued(chats[0], limit=9)]
    await other.begin_attempt(chats[1], ids[:1])
    await other.mark_sent(chats[1], ids[:1], message_id=3, sent_ms=NOW_MS)
    heard = await asyncio.gather(*(mine.begin_attempt(at, ids) for at in chats), return_exceptions=True)
    assert [type(one) for one in heard] == [type(None), ClaimLost, type(None)]
    rows = await cluster.connection.fetch("SELECT chat_id, state, attempts FROM deliveries ORDER BY chat_id, state")
    assert rows == [(1, "queued", 1), (1, "queued", 1), (2, "queued", 0), (2, "sent", 1)] + [(3, "queued", 1)] * 2
    assert [row.alert.id for row in await mine.queued(chats[1], limit=9)] == ids[1:]


async def test_who_has_lost_the_lease_of_a_chat_claims_nothing_there(cluster: Cluster) -> None:
    chats = [Destination(chat_id=1), Destination(chat_id=2)]
    await cluster.put("SOLUSDT", *chats)
    outbox = cluster.outbox()
    await outbox.look()
    ids = [row.alert.id or 0 for row in await outbox.queued(chats[0], limit=9)]
    cluster.tokens[shard_of(2)] -= 1  # the database has another one
    heard = await asyncio.gather(*(outbox.begin_attempt(at, ids) for at in chats), return_exceptions=True)
    assert [type(one) for one in heard] == [type(None), ClaimLost]


async def test_a_row_that_was_committed_behind_a_later_one_is_found_by_counting(cluster: Cluster) -> None:
    chats = [Destination(chat_id=1), Destination(chat_id=2)]
    await cluster.put("SOLUSDT", *chats)
    await cluster.put("XRPUSDT", *chats)
    await cluster.connection.fetch("DELETE FROM deliveries WHERE alert_id = (SELECT min(id) FROM alerts) RETURNING 1")
    outbox = cluster.outbox()
    await outbox.look()
    assert await waiting(outbox, chats) == 2
    await cluster.connection.fetch(
        "INSERT INTO deliveries (alert_id, chat_id, topic_id, queued_ms) SELECT min(id), 2, 0, 5 "
        "FROM alerts RETURNING 1"
    )
    assert (await outbox.look(), await waiting(outbox, chats)) == (0, 2)
    await cluster.clock.advance(5)
    assert (await outbox.look(), await waiting(outbox, chats)) == (0, 3)


async def test_chats_that_come_to_this_notifier_bring_what_waits_there_already(cluster: Cluster) -> None:
    chats = [Destination(chat_id=1), Destination(chat_id=2)]
    await cluster.put("SOLUSDT", *chats)
    all_tokens = dict(cluster.tokens)
    del cluster.tokens[shard_of(2)]
    outbox = cluster.outbox()
    await outbox.look()
    assert await waiting(outbox, chats) == 1
    cluster.tokens |= all_tokens
    await outbox.look()
    assert await waiting(outbox, chats) == 2


async def test_what_many_chats_ask_when_they_begin_is_asked_once(cluster: Cluster) -> None:
    chats = [Destination(chat_id=1 + at) for at in range(200)]
    await cluster.put("SOLUSDT", *chats)
    outbox = cluster.outbox()
    await outbox.look()
    (row,) = await outbox.queued(chats[3], limit=9)
    await outbox.mark_sent(chats[3], [row.alert.id or 0], message_id=7, sent_ms=NOW_MS)
    completed = Details(running_s=23.0, is_completed=True)
    await cluster.store.update_alert(msgspec.structs.replace(row.alert, details=completed))
    await outbox.meta_set("wait:5", f"{NOW_MS} 30.000")
    before = cluster.connection.round_trips
    sent = await asyncio.gather(*(outbox.sent_since(at.chat_id, NOW_MS - 1) for at in chats))
    waits = await asyncio.gather(*(outbox.meta_get(f"wait:{at.chat_id}") for at in chats))
    assert cluster.connection.round_trips - before <= 8
    assert [(at, list(found)) for at, found in enumerate(sent) if found] == [(3, [NOW_MS])]
    assert [(at, found) for at, found in enumerate(waits) if found] == [(4, f"{NOW_MS} 30.000")]
