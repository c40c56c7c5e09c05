"""What the PostgreSQL store does beyond the contract that tests/storage/test_store_contract.py tries on all of them."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import cast

import pytest

from altmonitor.storage.outcome_records import RETURN_FIELDS, MeasuredOutcome, NewAlert, OutcomeRecords
from altmonitor.storage.postgres.store import PostgresStore
from tests.scale.fixtures import needs_servers, postgres
from tests.scale.servers import PostgresServer
from tests.storage import test_store_contract as contract
from tests.storage.samples import NOW_MS, PRIVATE, pump

__all__ = ["postgres"]

pytestmark = needs_servers


@pytest.fixture
async def store(postgres: PostgresServer, tmp_path: Path) -> AsyncIterator[PostgresStore]:
    contract.use(postgres)
    async with contract.built("postgres", tmp_path, PRIVATE) as made:
        yield cast(PostgresStore, made)


async def outcome_of(outcomes: OutcomeRecords) -> list[tuple[int, float | None]]:
    rows, _ = await outcomes.recorded()
    return [(row.horizon_min, row.values[0]) for row in rows]


async def test_outcomes_are_recorded_measured_and_measured_again(store: PostgresStore) -> None:
    outcomes = store.outcomes
    (alert_id,) = await contract.put(store, "SOLUSDT")
    assert await outcomes.unrecorded(since_ms=0, after_id=0) == [NewAlert(id=alert_id, ts_ms=NOW_MS)]
    await outcomes.begin([(NewAlert(id=alert_id, ts_ms=NOW_MS), "d1", None, NOW_MS + 60_000)])
    await outcomes.begin([(NewAlert(id=alert_id, ts_ms=NOW_MS), "d2", None, NOW_MS)])
    assert await outcomes.pending() == 1
    assert await outcomes.due(NOW_MS, limit=5) == []
    (due,) = await outcomes.due(NOW_MS + 60_000, limit=5)
    assert (due.key, due.venue, due.sent_ms) == (pump("SOLUSDT").key, "binance", None)
    for raw_pct in (1.5, 2.5):
        values = tuple(raw_pct if name.endswith("_pct") else 0 for name in RETURN_FIELDS)
        measured = MeasuredOutcome(
            alert_id=alert_id,
            delay_ms=5,
            is_delay_measured=True,
            entry_ms=NOW_MS,
            entry=100.0,
            due_ms=None,
            returns=((15, values),),
        )
        await outcomes.store([measured])
    assert await outcome_of(outcomes) == [(15, 2.5)]
    assert await outcomes.entries_of("SOLUSDT", "binance", since_ms=NOW_MS, until_ms=NOW_MS) == [NOW_MS]
    await outcomes.postpone(alert_id, NOW_MS)
    assert await outcomes.pending() == 1


async def test_delays_and_symbols_are_read_as_from_a_file(store: PostgresStore) -> None:
    (alert_id,) = await contract.put(store, "SOLUSDT")
    await store.mark_sent(PRIVATE, [alert_id], message_id=1, sent_ms=NOW_MS + 250)
    assert await store._reader.delivery_delays_ms() == [250]
    assert await store._reader.symbols() == {"SOLUSDT"}


async def test_two_processes_that_find_the_same_and_different_alerts_store_each_once(
    store: PostgresStore, tmp_path: Path
) -> None:
    async with contract.built("postgres", tmp_path, PRIVATE) as second:
        both, only_first, only_second = pump("BOTHUSDT"), pump("AUSDT"), pump("BUSDT")
        store.put(both)
        store.put(only_first)
        second.put(only_second)
        second.put(both)
        await asyncio.gather(store._writer.drained(), second._writer.drained())
        rows = await store.recent(limit=9)
        assert sorted(row.alert.symbol for row in rows) == ["AUSDT", "BOTHUSDT", "BUSDT"]
        assert len({row.alert.id for row in rows}) == 3
        ledger = await store._database.fetch("SELECT count(*) FROM deliveries")
        assert ledger == [(3,)]


async def test_while_the_server_is_away_alerts_go_on_being_delivered_and_are_stored_when_it_is_back(
    store: PostgresStore, postgres: PostgresServer
) -> None:
    (first,) = await contract.put(store, "AUSDT")
    postgres.kill()
    store.put(pump("BUSDT"))
    async with asyncio.timeout(10):
        await store.wait_for_work()
        while await contract.waiting(store) != ["AUSDT", "BUSDT"]:
            await store.wait_for_work()
    rows = await store.queued(PRIVATE, limit=9)
    ids = [row.alert.id or 0 for row in rows]
    await store.begin_attempt(PRIVATE, ids)
    await store.mark_sent(PRIVATE, ids, message_id=7, sent_ms=NOW_MS)
    postgres.start()
    async with asyncio.timeout(15):
        await store._writer.drained()
    assert {row.alert.symbol: row.delivery for row in await store.recent(limit=9)} == {"AUSDT": "sent", "BUSDT": "sent"}
    assert first in ids


async def test_a_value_that_can_never_be_stored_holds_up_nobody(store: PostgresStore) -> None:
    store.put(pump("BADUSDT", note="a\x00b"))
    await contract.put(store, "GOODUSDT")
    assert await contract.waiting(store) == ["BADUSDT", "GOODUSDT"]
    await store._writer.drained()
    assert [row.alert.symbol for row in await store.recent(limit=9)] == ["GOODUSDT"]


async def test_a_server_that_hangs_holds_up_no_delivery_and_gets_everything_when_it_answers_again(
    store: PostgresStore, postgres: PostgresServer
) -> None:
    await contract.put(store, "AUSDT")
    hanging = postgres.sql("SELECT pid FROM pg_stat_activity WHERE application_name = 'altmonitor writes'").split()
    for pid in hanging:
        os.kill(int(pid), signal.SIGSTOP)
    try:
        store.put(pump("BUSDT"))
        async with asyncio.timeout(8):  # the writer's patience is 3 s
            while await contract.waiting(store) != ["AUSDT", "BUSDT"]:
                await store.wait_for_work()
    finally:
        for pid in hanging:
            os.kill(int(pid), signal.SIGCONT)
    async with asyncio.timeout(20):
        await store._writer.drained()
    assert {row.alert.symbol for row in await store.recent(limit=9)} == {"AUSDT", "BUSDT"}
