"""The record of changes: the same in memory and on disk, over restarts, and while the disk refuses."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest

from altmonitor.core.errors import StorageError
from altmonitor.core.types import Destination
from altmonitor.interfaces.storage import ChangeLog
from altmonitor.settings.audience import Overrides
from altmonitor.settings.changes import ChangeMade, RecordedChange, undoable
from altmonitor.settings.conditions import Condition, PriceCrosses
from altmonitor.settings.state import DestinationOverrides
from altmonitor.storage import migrations as migrate
from altmonitor.storage.change_log import ChangeRecords, MemoryChanges
from altmonitor.storage.store import SqliteStore, StoreOptions
from tests.patient_clock import PatientClock
from tests.storage.samples import GROUP, NOW_MS, PRIVATE, TOPIC
from tests.storage.test_store_contract import kind, postgres
from tests.storage.test_store_contract import opened as any_store

__all__ = ["kind", "postgres"]

CONDITION = Condition(
    id=3,
    destination=PRIVATE,
    owner_id=7,
    owner_name="ann",
    text="btc > 70k",
    created_s=NOW_MS // 1000,
    symbol="BTCUSDT",
    predicate=PriceCrosses(side="above", level=70_000.0),
)


def made(
    number: int,
    destination: Destination = PRIVATE,
    *,
    undoes: int | None = None,
    conditions: tuple[Condition, ...] = (),
) -> ChangeMade:
    return ChangeMade(
        at_ms=NOW_MS + number,
        who="ann",
        user_id=7,
        destination=destination,
        command=f"/cooldown {number}",
        before=DestinationOverrides(overrides=Overrides(numbers={"cooldown_sec": number - 1})),
        after=DestinationOverrides(overrides=Overrides(numbers={"cooldown_sec": number}), conditions=conditions),
        undoes=undoes,
    )


@asynccontextmanager
async def opened(path: Path, *, speed: float = 10) -> AsyncIterator[SqliteStore]:
    clock = PatientClock(start_ms=NOW_MS, speed=speed)
    async with SqliteStore(path, clock=clock, options=StoreOptions(destinations=(PRIVATE,))) as store:
        yield store


@pytest.fixture
async def changes(kind: str, tmp_path: Path) -> AsyncIterator[ChangeLog]:
    async with any_store(kind, tmp_path, PRIVATE) as store:
        yield store.changes


async def commands(changes: ChangeLog, *destinations: Destination, limit: int = 50) -> list[str]:
    return [row.made.command for row in await changes.recent(destinations or None, limit=limit)]


# --- the same in memory and on disk ------------------------------------------------------------------------------


async def test_a_change_is_found_again_as_it_was_made(changes: ChangeLog) -> None:
    change = made(1, conditions=(CONDITION,))
    number = await changes.record(change)
    (row,) = await changes.recent(None, limit=10)
    assert (row.id, row.made, row.undone_by) == (number, change, None)


async def test_changes_are_told_newest_first_and_by_place(changes: ChangeLog) -> None:
    for number, destination in enumerate((PRIVATE, GROUP, TOPIC, PRIVATE), start=1):
        await changes.record(made(number, destination))
    assert await commands(changes) == ["/cooldown 4", "/cooldown 3", "/cooldown 2", "/cooldown 1"]
    assert await commands(changes, limit=2) == ["/cooldown 4", "/cooldown 3"]
    assert await commands(changes, GROUP) == ["/cooldown 2"]
    assert await commands(changes, TOPIC, PRIVATE, limit=2) == ["/cooldown 4", "/cooldown 3"]


async def last_standing(changes: ChangeLog) -> RecordedChange | None:
    return next(iter(undoable(await changes.recent({PRIVATE}, limit=50))), None)


async def test_the_last_change_that_was_not_undone_is_offered_for_undoing(changes: ChangeLog) -> None:
    assert await last_standing(changes) is None
    first = await changes.record(made(1))
    second = await changes.record(made(2))
    await changes.record(made(3, GROUP))
    found = await last_standing(changes)
    assert found is not None
    assert found.id == second
    undo = await changes.record(made(4, undoes=second))
    found = await last_standing(changes)
    assert found is not None
    assert found.id == first
    rows = {row.id: row for row in await changes.recent(None, limit=10)}
    assert (rows[second].undone_by, rows[undo].made.undoes) == (undo, second)
    await changes.record(made(5, undoes=first))
    assert await last_standing(changes) is None


async def test_a_group_that_moved_takes_its_changes_along(changes: ChangeLog) -> None:
    new = Destination(chat_id=-100_999)
    await changes.record(made(1, GROUP))
    await changes.record(made(2, TOPIC))
    await changes.moved(GROUP, new)
    assert await commands(changes, GROUP, TOPIC) == []
    assert await commands(changes, new) == ["/cooldown 1"]
    assert await commands(changes, Destination(chat_id=new.chat_id, topic_id=5)) == ["/cooldown 2"]


# --- on disk -----------------------------------------------------------------------------------------------------


async def test_changes_survive_a_restart_and_can_be_undone_after_it(tmp_path: Path) -> None:
    path = tmp_path / "alerts.db"
    async with opened(path) as store:
        for number in (1, 2, 3):
            await store.changes.record(made(number))
        await store.changes.record(made(4, undoes=3))
    async with opened(path) as store:
        found = await last_standing(store.changes)
        assert found is not None
        assert (found.id, found.made) == (2, made(2))
        assert await store.changes.record(made(5, undoes=2)) == 5
        found = await last_standing(store.changes)
        assert found is not None
        assert found.id == 1
        rows = await store.changes.recent(None, limit=50)
        assert [(row.id, row.undone_by) for row in rows] == [(5, None), (4, None), (3, 4), (2, 5), (1, None)]


async def test_a_number_is_never_used_twice_even_after_the_last_change_was_pruned(tmp_path: Path) -> None:
    path = tmp_path / "alerts.db"
    async with opened(path) as store:
        await store.changes.record(made(1))
        await store.prune(before_s=NOW_MS / 1000 + 60)
        assert await store.changes.recent(None, limit=10) == []
    async with opened(path) as store:
        assert await store.changes.recent(None, limit=10) == []
        assert await store.changes.record(made(2)) == 2


async def test_pruning_leaves_what_is_younger(tmp_path: Path) -> None:
    async with opened(tmp_path / "alerts.db") as store:
        await store.changes.record(made(1))
        await store.changes.record(made(60_000))
        await store.prune(before_s=NOW_MS / 1000 + 30)
        assert await commands(store.changes) == ["/cooldown 60000"]


async def test_while_another_program_holds_the_file_changes_are_remembered_and_written_later(tmp_path: Path) -> None:
    path = tmp_path / "alerts.db"
    async with opened(path, speed=2) as store:  # SQLite itself waits a real second for a lock
        await store.changes.record(made(1))
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            async with asyncio.timeout(60):
                await store.changes.record(made(2))  # answered although the disk refuses
                await store.changes.record(made(3, undoes=2))
            found = await last_standing(store.changes)
            assert found is not None
            assert found.id == 1
            assert await commands(store.changes) == ["/cooldown 3", "/cooldown 2", "/cooldown 1"]
            other.execute("ROLLBACK")
    async with opened(path) as store:
        rows = await store.changes.recent(None, limit=10)
        assert [(row.id, row.undone_by) for row in rows] == [(3, None), (2, 3), (1, None)]


async def test_a_record_that_cannot_be_read_is_said_by_its_number(tmp_path: Path) -> None:
    path = tmp_path / "alerts.db"
    async with opened(path) as store:
        await store.changes.record(made(1))
    with closing(sqlite3.connect(path)) as db:
        db.execute("UPDATE changes SET before = '{\"pump_threshold\": 0}'")
        db.commit()
    async with opened(path) as store:
        with pytest.raises(StorageError, match="change 1 cannot be read"):
            await last_standing(store.changes)


async def test_a_change_the_database_refuses_is_not_remembered_either() -> None:
    async def fetch(sql: str, values: object) -> list[Sequence[Any]]:
        return []

    async def next_id() -> int:
        return 1

    async def write(*statements: object) -> None:
        raise StorageError("the database refused the change")

    records = ChangeRecords(fetch, write, next_id)
    with pytest.raises(StorageError):
        await records.record(made(1))
    assert await records.recent(None, limit=10) == []


async def test_memory_is_bounded() -> None:
    changes = MemoryChanges()
    for number in range(1, 1201):
        await changes.record(made(number))
    found = await changes.recent(None, limit=5000)
    assert (len(found), found[0].id, found[-1].id) == (1000, 1200, 201)


# --- from the version before -------------------------------------------------------------------------------------


def test_a_database_without_the_table_gets_it_and_keeps_its_rows_and_a_copy(tmp_path: Path) -> None:
    path = tmp_path / "alerts.db"
    with closing(sqlite3.connect(path)) as db:
        db.executescript((migrate.SCHEMA_DIRECTORY / "0001_alerts.sql").read_text("utf-8"))
        db.execute("PRAGMA user_version = 1")
        db.execute("INSERT INTO meta VALUES ('a', 'b')")
        db.commit()
    prepared = migrate.prepare(path, now_s=1_790_000_000)
    assert prepared.copy == tmp_path / "alerts.db.before-v4-1790000000"
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA user_version").fetchall() == [(4,)]
        assert db.execute("SELECT * FROM meta").fetchall() == [("a", "b")]
        assert db.execute("SELECT count(*) FROM changes").fetchall() == [(0,)]
    with closing(sqlite3.connect(prepared.copy)) as db:
        assert db.execute("PRAGMA user_version").fetchall() == [(1,)]
