"""The store on disk: restarts, locked, full, damaged and foreign files."""

import asyncio
import errno
import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from altmonitor.core.causes import Cause, CauseCode
from altmonitor.core.clock import Clock, ScaledClock
from altmonitor.core.errors import NewerSchemaError, NoFileLocks, StorageError
from altmonitor.core.types import Destination
from altmonitor.storage.alert_queries import alert_reader
from altmonitor.storage.store import SqliteStore, StoreOptions
from altmonitor.storage.writer import refuse_without_locks
from tests.fakes import cause
from tests.patient_clock import PatientClock
from tests.storage.samples import GROUP, NOW_MS, PRIVATE, pump

SPEED = 10


@dataclass
class Kept:
    store: SqliteStore
    clock: ScaledClock
    troubles: list[Cause | None] = field(default_factory=list)
    set_aside: list[Path] = field(default_factory=list)

    async def until(self, is_so: Callable[[], bool]) -> None:
        async with asyncio.timeout(60):
            while not is_so():
                await self.clock.sleep(0.1)

    async def waiting(self, destination: Destination = PRIVATE) -> list[str]:
        return [row.alert.symbol for row in await self.store.queued(destination, limit=1000)]


@asynccontextmanager
async def kept(
    path: Path, *destinations: Destination, history: bool = True, most: int = 50_000, speed: float = SPEED
) -> AsyncIterator[Kept]:
    clock = PatientClock(start_ms=NOW_MS, speed=speed)
    troubles: list[Cause | None] = []
    set_aside: list[Path] = []
    options = StoreOptions(
        destinations=destinations or (PRIVATE,),
        keeps_history=history,
        on_trouble=troubles.append,
        on_set_aside=set_aside.append,
        most_in_memory=most,
    )
    async with SqliteStore(path, clock=clock, options=options) as store:
        yield Kept(store, clock, troubles, set_aside)


def rows(path: Path, sql: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as db:
        return db.execute(sql).fetchall()


async def test_a_restart_offers_again_what_was_not_sent_and_remembers_the_rest(tmp_path: Path) -> None:
    path = tmp_path / "alerts.db"
    async with kept(path) as before:
        for symbol in ("AUSDT", "BUSDT", "CUSDT"):
            before.store.put(pump(symbol))
        await before.store.meta_set("telegram_offset", "42")
        await before.store.begin_attempt(PRIVATE, [1, 2])
        await before.store.mark_sent(PRIVATE, [1], message_id=500, sent_ms=NOW_MS)
    async with kept(path) as after:
        found = await after.store.queued(PRIVATE, limit=10)
        assert [(row.alert.symbol, row.attempts, row.maybe_repeated) for row in found] == [
            ("BUSDT", 1, True),
            ("CUSDT", 0, False),
        ]
        assert await after.store.meta_get("telegram_offset") == "42"
        assert await after.store.message_id_of(PRIVATE, pump("AUSDT").key) == 500
        after.store.put(pump("AUSDT"))
        after.store.put(pump("DUSDT"))
        await after.until(lambda: after.store.outbox_status().queued == 3)
        assert await after.waiting() == ["BUSDT", "CUSDT", "DUSDT"]
    assert rows(path, "SELECT id, symbol FROM alerts ORDER BY id") == [
        (1, "AUSDT"),
        (2, "BUSDT"),
        (3, "CUSDT"),
        (5, "DUSDT"),
    ]


async def test_a_known_refusal_before_the_restart_makes_no_possible_repeat_after_it(tmp_path: Path) -> None:
    path = tmp_path / "alerts.db"
    async with kept(path) as before:
        before.store.put(pump("AUSDT"))
        await before.store.meta_set("written after", "the alert")
        await before.store.begin_attempt(PRIVATE, [1])
        await before.store.record_error(PRIVATE, [1], error=cause("Telegram asks to wait"))
    assert rows(path, "SELECT attempts, state, error FROM deliveries") == [(1, "queued", "Telegram asks to wait")]
    async with kept(path) as after:
        (row,) = await after.store.queued(PRIVATE, limit=10)
        assert (row.attempts, row.maybe_repeated) == (1, False)


async def test_a_moved_group_is_remembered_over_a_restart(tmp_path: Path) -> None:
    path, supergroup = tmp_path / "alerts.db", Destination(chat_id=-100555)
    async with kept(path, GROUP) as before:
        before.store.put(pump("AUSDT"))
        await before.store.move(GROUP, supergroup)
    async with kept(path, GROUP) as after:
        assert after.store.destinations == (supergroup,)
        assert await after.waiting(supergroup) == ["AUSDT"]


async def test_a_group_that_moved_while_no_alerts_were_wanted_there_is_remembered_too(tmp_path: Path) -> None:
    path, supergroup = tmp_path / "alerts.db", Destination(chat_id=-100555)
    async with kept(path, GROUP) as before:
        before.store.put(pump("AUSDT"))
        before.store.set_destinations([])
        await before.store.move(
            Destination(chat_id=GROUP.chat_id, topic_id=5), Destination(chat_id=-100555, topic_id=5)
        )
    async with kept(path, GROUP) as after:
        assert after.store.destinations == (supergroup,)
        assert await after.waiting(supergroup) == ["AUSDT"]


async def test_a_topic_whose_move_alone_is_remembered_is_found(tmp_path: Path) -> None:
    path, topic = tmp_path / "alerts.db", Destination(chat_id=GROUP.chat_id, topic_id=5)
    async with kept(path, topic) as before:
        await before.store.meta_set("moved:-1001/5", "-100555/5")
    async with kept(path, topic) as after:
        assert after.store.destinations == (Destination(chat_id=-100555, topic_id=5),)


async def test_rows_of_a_chat_that_is_not_configured_now_stay_for_later(tmp_path: Path) -> None:
    path = tmp_path / "alerts.db"
    async with kept(path, PRIVATE) as before:
        before.store.put(pump("AUSDT"))
    async with kept(path, GROUP) as other:
        assert other.store.outbox_status().queued == 0
    async with kept(path, PRIVATE) as again:
        assert await again.waiting() == ["AUSDT"]


async def test_ids_are_not_given_twice_even_when_nothing_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "alerts.db"
    for number in (1, 2):
        async with kept(path, history=False) as now:
            now.store.put(pump(f"C{number}USDT"))
            await now.store.meta_set("written after", "the alert")
            await now.store.mark_sent(PRIVATE, [number], message_id=9, sent_ms=NOW_MS)
            assert await now.waiting() == []
    assert rows(path, "SELECT count(*) FROM alerts") == [(0,)]
    assert rows(path, "SELECT count(*) FROM deliveries") == [(0,)]


async def test_alerts_put_in_one_breath_are_committed_together_and_in_order(tmp_path: Path) -> None:
    path = tmp_path / "alerts.db"
    async with kept(path, PRIVATE, GROUP) as now:
        for number in range(600):
            now.store.put(pump(f"C{number}USDT"))
        await now.until(lambda: now.store.outbox_status().queued == 1200)
        assert await now.waiting() == [f"C{number}USDT" for number in range(600)]
    assert rows(path, "SELECT count(*), count(DISTINCT alert_id) FROM deliveries") == [(1200, 600)]


async def test_a_locked_file_stops_neither_the_loop_nor_delivery_and_everything_is_written_later(
    tmp_path: Path,
) -> None:
    path = tmp_path / "alerts.db"
    async with kept(path, speed=1) as now:
        with closing(sqlite3.connect(path, isolation_level=None)) as viewer:
            viewer.execute("BEGIN IMMEDIATE")
            lag = asyncio.create_task(longest_lag_s(now.clock))
            now.store.put(pump("AUSDT"))
            await now.until(lambda: now.store.outbox_status().queued == 1)
            now.store.put(pump("BUSDT"))
            assert await now.waiting() == ["AUSDT", "BUSDT"]
            async with now.clock.timeout(1):
                await now.store.begin_attempt(PRIVATE, [1])
                await now.store.mark_sent(PRIVATE, [1], message_id=500, sent_ms=NOW_MS)
                await now.store.mark_failed(PRIVATE, [2], error=cause("blocked"))
            assert now.troubles == [cause(f"{path} cannot be written: database is locked", CauseCode.LOCKED)]
            lag.cancel()
            assert await lag < 0.5
            assert rows(path, "SELECT count(*) FROM alerts") == [(0,)]
            viewer.execute("ROLLBACK")
        await now.until(lambda: now.troubles[-1] is None)
        wanted = [("AUSDT", "sent", 500, 1, None), ("BUSDT", "failed", None, 0, "blocked")]
        sql = "SELECT symbol, state, message_id, attempts, error FROM alerts JOIN deliveries ON alert_id = id"
        await now.until(lambda: rows(path, sql) == wanted)  # what became of them may be a second write
        assert len(now.troubles) == 2
        now.store.put(pump("CUSDT"))
        await now.until(lambda: now.store.outbox_status().queued == 1)
        assert rows(path, "SELECT count(*) FROM alerts") == [(3,)]


async def longest_lag_s(clock: Clock) -> float:
    """How late the loop came back at worst, until cancelled; without what the machine was busy with."""
    worst_s = 0.0
    try:
        while True:
            began_s = clock.monotonic()
            await asyncio.sleep(0.005)
            worst_s = max(worst_s, clock.monotonic() - began_s - 0.005)
    except asyncio.CancelledError:
        return worst_s


async def test_beyond_the_bound_alerts_are_dropped_counted_and_reported_but_nothing_raises(tmp_path: Path) -> None:
    path = tmp_path / "alerts.db"
    async with kept(path, most=3) as now:
        with closing(sqlite3.connect(path, isolation_level=None)) as viewer:
            viewer.execute("BEGIN IMMEDIATE")
            for number in range(5):
                now.store.put(pump(f"C{number}USDT"))
            assert now.store.dropped == 2
            assert now.troubles == [
                cause("3 alerts wait for the disk; new ones are dropped", CauseCode.DROPPED, count=3)
            ]
            viewer.execute("ROLLBACK")
        await now.until(lambda: now.store.outbox_status().queued == 3)
        assert await now.waiting() == ["C0USDT", "C1USDT", "C2USDT"]


async def test_a_value_sqlite_refuses_holds_up_nobody_and_is_still_delivered(tmp_path: Path) -> None:
    path = tmp_path / "alerts.db"
    async with kept(path) as now:
        now.store.put(pump("AUSDT"))
        now.store.put(pump("NANUSDT", key="nan", ts=float("nan")))
        now.store.put(pump("HUGEUSDT", key="huge", candle_ms=2**70))
        now.store.put(pump("BUSDT"))
        await now.until(lambda: now.store.outbox_status().queued == 4)
        assert sorted(await now.waiting()) == ["AUSDT", "BUSDT", "HUGEUSDT", "NANUSDT"]
        assert rows(path, "SELECT symbol FROM alerts ORDER BY id") == [("AUSDT",), ("BUSDT",)]
        with pytest.raises(StorageError, match="the database refused the change"):
            await now.store.mark_sent(PRIVATE, [1], message_id=2**70, sent_ms=NOW_MS)
        await now.store.meta_set("still", "working")
        assert now.troubles == []


async def test_a_file_damaged_while_running_is_set_aside_and_what_waits_goes_into_a_fresh_one(tmp_path: Path) -> None:
    path = tmp_path / "alerts.db"
    async with kept(path) as now:
        now.store.put(pump("AUSDT"))
        now.store.put(pump("BUSDT"))
        await now.store.meta_set("telegram_offset", "42")
        await now.store.mark_sent(PRIVATE, [1], message_id=500, sent_ms=NOW_MS)
        with closing(sqlite3.connect(path, isolation_level=None)) as vandal:
            vandal.execute("PRAGMA writable_schema = ON")
            vandal.execute("UPDATE sqlite_schema SET sql = 'CREATE TABLE alerts (' WHERE name = 'alerts'")
            vandal.execute("PRAGMA schema_version = 999")
        now.store.put(pump("CUSDT"))
        await now.until(lambda: now.store.outbox_status().queued == 2)
        await now.until(lambda: now.store._writer.ops_waiting == 0)
        (set_aside,) = now.set_aside
        assert set_aside.name.startswith("alerts.db.corrupt-17900000")
        assert set_aside.exists()
        assert await now.waiting() == ["BUSDT", "CUSDT"]
    assert rows(path, "SELECT id, symbol, state FROM alerts JOIN deliveries ON alert_id = id ORDER BY id") == [
        (2, "BUSDT", "queued"),
        (3, "CUSDT", "queued"),
    ]
    assert rows(path, "SELECT value FROM meta WHERE key = 'telegram_offset'") == [("42",)]


async def test_a_damaged_file_is_reported_at_the_start_and_does_not_stop_it(tmp_path: Path) -> None:
    path = tmp_path / "alerts.db"
    path.write_bytes(b"not a database at all")
    async with kept(path) as now:
        assert [name.read_bytes() for name in now.set_aside] == [b"not a database at all"]
        now.store.put(pump("AUSDT"))
        await now.until(lambda: now.store.outbox_status().queued == 1)


async def test_two_programs_never_share_a_database(tmp_path: Path) -> None:
    path = tmp_path / "alerts.db"
    async with kept(path):
        with pytest.raises(
            StorageError, match=r"alerts\.db is in use by another altmonitor \(process \d+\): stop that"
        ):
            async with kept(path):
                pass
    async with kept(path) as after:
        assert await after.waiting() == []


async def test_a_start_that_fails_leaves_nothing_locked_or_running(tmp_path: Path) -> None:
    path = tmp_path / "alerts.db"
    async with kept(path):
        pass
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA user_version = 9")
    for _ in range(2):
        with pytest.raises(NewerSchemaError):
            async with kept(path):
                pass
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match=r"file cannot be made|set DB_FILE elsewhere"):
        async with kept(tmp_path / "file" / "alerts.db"):
            pass


async def test_putting_before_the_start_or_after_the_end_never_raises(tmp_path: Path) -> None:
    async with kept(tmp_path / "alerts.db") as now:
        pass
    now.store.put(pump("AUSDT"))
    with pytest.raises(StorageError, match="closed"):
        await now.store.recent(limit=1)
    await now.store.close()


async def test_another_program_reads_the_history_while_the_monitor_writes(tmp_path: Path) -> None:
    path = tmp_path / "alerts.db"
    async with kept(path) as now:
        now.store.put(pump("币安人生USDT"))
        await now.store.meta_set("written after", "the alert")
        async with alert_reader(path, clock=now.clock) as reader:
            (told,) = await reader.recent(limit=5)
            assert (told.alert.symbol, told.delivery) == ("币安人生USDT", "queued")
            assert (await reader.stats(since_s=0, top=5)).total == 1


async def test_reading_a_file_that_is_missing_or_of_another_version_says_what_to_do(tmp_path: Path) -> None:
    clock = ScaledClock(start_ms=NOW_MS, speed=1)
    with pytest.raises(StorageError, match=r"none\.db cannot be opened .*DB_FILE names another file"):
        async with alert_reader(tmp_path / "none.db", clock=clock):
            pass
    assert not (tmp_path / "none.db").exists()
    with closing(sqlite3.connect(tmp_path / "old.db")) as db:
        db.execute("CREATE TABLE alerts (id INTEGER)")
    with pytest.raises(StorageError, match=r"old\.db has version 0, this altmonitor reads 4"):
        async with alert_reader(tmp_path / "old.db", clock=clock):
            pass


def run_child(name: str, path: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tests.storage.children", name, str(path)], capture_output=True, text=True, timeout=60
    )


def test_a_full_disk_keeps_alerts_in_memory_tells_once_and_writes_them_when_there_is_room(tmp_path: Path) -> None:
    done = run_child("full_disk", tmp_path / "alerts.db")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["offered_while_full"] == 200
    assert len(told["troubles"]) == 2
    assert told["troubles"][0].startswith(f"{tmp_path / 'alerts.db'} cannot be written: ")
    assert told["troubles"][1] == ""
    assert rows(tmp_path / "alerts.db", "SELECT state, count(*) FROM deliveries GROUP BY state") == [
        ("queued", 199),
        ("sent", 1),
    ]
    assert rows(tmp_path / "alerts.db", "PRAGMA integrity_check") == [("ok",)]


def test_a_program_that_crashes_without_closing_the_store_ends(tmp_path: Path) -> None:
    done = run_child("crash", tmp_path / "alerts.db")
    assert done.returncode == 1
    assert "RuntimeError: crashed on purpose" in done.stderr
    assert rows(tmp_path / "alerts.db", "SELECT count(*) FROM alerts") == [(1,)]


def modes(folder: Path) -> dict[str, int]:
    return {file.name: file.stat().st_mode & 0o777 for file in folder.iterdir()}


async def test_every_file_is_for_this_user_alone_from_its_making_on(tmp_path: Path) -> None:
    path = tmp_path / "alerts.db"
    before = os.umask(0)
    try:
        async with kept(path) as now:
            now.store.put(pump("AUSDT"))
            await now.store.meta_set("a", "b")
            while_open = modes(tmp_path)
    finally:
        os.umask(before)
    assert while_open == dict.fromkeys(("alerts.db", "alerts.db-wal", "alerts.db-shm", "alerts.db.lock"), 0o600)


async def test_files_of_before_are_closed_to_others_at_the_start(tmp_path: Path) -> None:
    path = tmp_path / "alerts.db"
    async with kept(path):
        pass
    (tmp_path / "alerts.db.before-v2-17").touch()
    for name in modes(tmp_path):
        (tmp_path / name).chmod(0o644)
    async with kept(path):
        assert modes(tmp_path) == dict.fromkeys(
            ("alerts.db", "alerts.db-wal", "alerts.db-shm", "alerts.db.lock", "alerts.db.before-v2-17"), 0o600
        )


async def test_a_lock_that_is_a_link_is_refused_and_what_it_leads_to_is_left_alone(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious", "utf-8")
    victim.chmod(0o644)
    for make in (os.symlink, os.link):
        lock = tmp_path / "alerts.db.lock"
        make(victim, lock)
        with pytest.raises(StorageError, match=r"alerts\.db\.lock cannot be written .*take away what lies there"):
            async with kept(tmp_path / "alerts.db"):
                pass
        lock.unlink()
    assert (victim.read_text("utf-8"), victim.stat().st_mode & 0o777) == ("precious", 0o644)
    (tmp_path / "alerts.db").symlink_to(tmp_path / "elsewhere.db")
    with pytest.raises(StorageError, match="it is a link that leads nowhere"):
        async with kept(tmp_path / "alerts.db"):
            pass
    assert not (tmp_path / "elsewhere.db").exists()


def test_a_share_that_keeps_no_locks_is_named_with_the_way_out(tmp_path: Path) -> None:
    def refuse() -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    with pytest.raises(NoFileLocks) as caught:
        refuse_without_locks(tmp_path / "alerts.db", "DB_FILE", try_lock=refuse)
    assert str(caught.value) == (
        f"{tmp_path}/alerts.db lies where files cannot be locked (No locks available), as on some network shares, and "
        "a database needs that: set DB_FILE to a folder of a disk of this machine"
    )
    refuse_without_locks(tmp_path / "alerts.db", "DB_FILE", try_lock=lambda: None)
