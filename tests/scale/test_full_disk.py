"""A disk of PostgreSQL that is full, for real: a small one under its tables, and one under its log of changes."""

from __future__ import annotations

import asyncio
import os
import subprocess
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

import pytest

from altmonitor.core.causes import Cause, CauseCode
from altmonitor.core.clock import SystemClock
from altmonitor.sim.script import Pump
from altmonitor.storage.database_store import StoreOptions
from altmonitor.storage.postgres.connection import DatabaseAddress
from altmonitor.storage.postgres.store import PostgresStore
from tests.e2e.stage import START_MS, SYMBOLS, stage
from tests.scale.fixtures import needs_servers
from tests.scale.servers import PostgresServer, no_postgres, running
from tests.storage.samples import PRIVATE, pump

pytestmark = needs_servers


class SmallDisk:
    """Mounted while a test runs."""

    def __init__(self, folder: Path) -> None:
        folder.chmod(0o755)  # the server's user goes through it
        self.folder = folder
        self._filler = folder / "filler"

    def fill(self) -> None:
        """To the last byte."""
        with self._filler.open("ab", buffering=0) as file, suppress(OSError):
            while True:
                file.write(bytes(4_096))

    def free(self) -> None:
        self._filler.unlink()


@contextmanager
def small_disk(*, mib: int) -> Iterator[SmallDisk]:
    """Skips where none can be mounted, with the reason."""
    folder = Path(tempfile.mkdtemp(prefix="altmonitor-disk-"))
    command = ["mount", "-t", "tmpfs", "-o", f"size={mib}m", "tmpfs", str(folder)]
    try:
        why = subprocess.run(command, capture_output=True, text=True, check=False).stderr.strip()
    except OSError as problem:
        why = str(problem)
    if not folder.is_mount():
        folder.rmdir()
        pytest.skip(f"no small disk can be made here: {why}")
    try:
        yield SmallDisk(folder)
    finally:
        subprocess.run(["umount", "-l", folder], check=True)
        folder.rmdir()


@contextmanager
def server_with_small_tablespace() -> Iterator[tuple[PostgresServer, SmallDisk, str]]:
    """The address is that of an empty database on the small disk."""
    if why := no_postgres():
        pytest.skip(f"not here: {why}")
    with small_disk(mib=32) as disk, running(PostgresServer()) as server:
        place = disk.folder / "space"
        place.mkdir()
        if server.user is not None:
            os.chown(place, server.user.pw_uid, server.user.pw_gid)
        server.sql(f"CREATE TABLESPACE small LOCATION '{place}'")
        server.sql("CREATE DATABASE crowded TABLESPACE small")
        yield server, disk, server.url("crowded")


@contextmanager
def server_with_small_log() -> Iterator[tuple[PostgresServer, SmallDisk]]:
    """Its log of changes lies on the small disk, with room for two more files of it."""
    if why := no_postgres():
        pytest.skip(f"not here: {why}")
    with small_disk(mib=48) as disk:
        server = PostgresServer()
        log, moved = server.folder / "data" / "pg_wal", disk.folder / "pg_wal"
        subprocess.run(["cp", "-a", log, moved], check=True)
        log.rename(log.with_name("pg_wal_before"))
        log.symlink_to(moved)
        with running(server):
            yield server, disk


async def test_alerts_arrive_while_its_disk_is_full_the_chat_is_told_why_and_nothing_is_missing_afterwards(
    tmp_path: Path,
) -> None:
    pumps = [Pump(symbol, START_MS + 130_000 + 90_000 * at, 4.0, over_s=5) for at, symbol in enumerate(SYMBOLS[:3])]
    with server_with_small_tablespace() as (server, disk, url):
        async with stage(tmp_path, *pumps, DATABASE_URL=url) as here:
            await here.is_live()
            disk.fill()
            try:
                await here.said(f"PUMP {SYMBOLS[0]}", within_s=300)
                told = await here.said("Alerts cannot be stored", within_s=300)
                assert "the disk is full" in told.text
                await here.said(f"PUMP {SYMBOLS[1]}", within_s=300)
            finally:
                disk.free()
            await here.said(f"PUMP {SYMBOLS[2]}", within_s=300)
            await here.until(lambda: here.app.store._writer.puts_waiting == 0, within_s=300)
            assert [here.count(f"PUMP {symbol}") for symbol in SYMBOLS[:3]] == [1, 1, 1]
        assert server.sql("SELECT count(*) FROM deliveries WHERE state = 'queued'", "crowded") == "0"
        stored = server.sql("SELECT symbol, count(*) FROM alerts WHERE kind = 'price' GROUP BY symbol", "crowded")
        assert {f"{symbol}|1" for symbol in SYMBOLS[:3]} <= set(stored.split("\n"))


async def test_two_thousand_alerts_wait_in_memory_until_there_is_room_and_are_stored_once() -> None:
    with server_with_small_tablespace() as (server, disk, url):
        async with _store(url) as (store, troubles):
            await _put(store, 1)
            await store._writer.drained()
            disk.fill()
            await _put(store, 2_000)
            await _until(lambda: store.outbox_status().queued == 2_001 and bool(troubles))
            assert [None if cause is None else cause.code for cause in troubles] == [CauseCode.DISK_FULL]
            assert "has no space left" in str(troubles[0])
            disk.free()
            await _until(lambda: store._writer.puts_waiting == 0)
            assert troubles[1:] == [None]
        assert server.sql("SELECT count(*), count(DISTINCT key) FROM alerts", "crowded") == "2001|2001"
        assert server.sql("SELECT count(*) FROM deliveries", "crowded") == "2001"


async def test_a_server_that_ended_for_want_of_room_gets_everything_once_when_it_is_back() -> None:
    """Without room for its log of changes PostgreSQL ends all its connections, and perhaps itself."""
    with server_with_small_log() as (server, disk):
        url = server.new_database()
        async with _store(url) as (store, troubles):
            await _put(store, 1)
            await store._writer.drained()
            disk.fill()
            with suppress(subprocess.CalledProcessError):
                for _ in range(2):
                    server.sql("SELECT pg_switch_wal()")
            await _put(store, 200)
            await _until(lambda: store.outbox_status().queued == 201 and bool(troubles))
            disk.free()
            if not server.is_running:
                server.start()
            await _until(lambda: store._writer.puts_waiting == 0)
            assert troubles[-1] is None
        assert server.sql("SELECT count(*), count(DISTINCT key) FROM alerts", "test1") == "201|201"
        assert "No space left on device" in (server.folder / "log").read_text("utf-8", "replace")


@asynccontextmanager
async def _store(url: str) -> AsyncIterator[tuple[PostgresStore, list[Cause | None]]]:
    """With what it told about the disk, oldest first."""
    troubles: list[Cause | None] = []
    options = StoreOptions(destinations=(PRIVATE,), on_trouble=troubles.append)
    async with PostgresStore(DatabaseAddress(url), cluster="", clock=SystemClock(), options=options) as store:
        yield store, troubles


async def _put(store: PostgresStore, count: int) -> None:
    before = store.outbox_status().queued
    for number in range(before, before + count):
        store.put(pump(f"C{number}USDT"))


async def _until(is_so: Callable[[], bool], *, within_s: float = 60.0) -> None:
    clock = SystemClock()
    end_s = clock.monotonic() + within_s
    while not is_so():
        assert clock.monotonic() < end_s, f"not within {within_s} s"
        await asyncio.sleep(0.05)
