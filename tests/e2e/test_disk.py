"""The disk refuses while the program runs: alerts are told all the same, the operator once, and nothing old is lost."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path

import pytest

from altmonitor.sim.script import Pump
from tests.e2e.stage import SYMBOLS, Stage, stage

BEFORE, MEANWHILE, AFTER = SYMBOLS[:3]
REFUSED, FINE = "Alerts cannot be stored", "Alerts are stored again"
SPEED = 8.0
"""The disk lives in real time: SQLite waits a second for a lock, and delivery three before it goes on without."""


def jump(here: Stage, symbol: str) -> None:
    """In the middle of a minute, so that the candle's open is the price before."""
    into_s = here.since_start_s() % 60
    in_s = 1 if 5 < into_s < 40 else 65 - into_s
    here.market.add(Pump(symbol, here.at(here.since_start_s() + in_s), 5.0, over_s=4))


async def live_with(
    here: Stage, *, refuse: Callable[[], Awaitable[None]], allow: Callable[[], Awaitable[None]]
) -> None:
    """One alert before, one while the disk refuses, one after it."""
    await here.is_live()
    jump(here, BEFORE)
    await here.said(f"PUMP {BEFORE}", within_s=120)
    await here.until(lambda: here.app.store.outbox_status().queued == 0, within_s=60)
    await refuse()
    jump(here, MEANWHILE)
    await here.said(f"PUMP {MEANWHILE}", within_s=150)
    await here.said(REFUSED, within_s=60)
    assert here.count(FINE) == 0
    assert here.app.health().feed.is_blind is False
    await allow()
    await here.said(FINE, within_s=240)
    jump(here, AFTER)
    await here.said(f"PUMP {AFTER}", within_s=150)
    await here.until(lambda: here.app.store.outbox_status().queued == 0, within_s=60)
    assert [here.count(text) for text in (REFUSED, FINE)] == [1, 1]
    assert [here.count(f"PUMP {symbol}") for symbol in (BEFORE, MEANWHILE, AFTER)] == [1, 1, 1]
    assert here.count("BLIND") == 0


def assert_everything_is_stored(path: Path) -> None:
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        rows = database.execute(
            "SELECT symbol, state FROM alerts JOIN deliveries ON alert_id = id WHERE kind = 'price' ORDER BY id"
        ).fetchall()
    assert rows == [(BEFORE, "sent"), (MEANWHILE, "sent"), (AFTER, "sent")]


@asynccontextmanager
async def playing(folder: Path) -> AsyncIterator[Stage]:
    async with stage(folder, speed=SPEED, symbols=20, frames_per_s=15, stall_s=2.0) as here:
        yield here


async def test_a_database_that_another_program_locks(tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "alerts.db", isolation_level=None, timeout=5, check_same_thread=False)

    async def lock() -> None:
        await asyncio.to_thread(other.execute, "BEGIN EXCLUSIVE")  # it may have to wait for a commit of ours

    async def unlock() -> None:
        other.execute("ROLLBACK")

    with closing(other):
        async with playing(tmp_path) as here:
            await live_with(here, refuse=lock, allow=unlock)
    assert_everything_is_stored(tmp_path / "alerts.db")


async def test_a_disk_without_room(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk:
        filler = disk / "filler"

        async def fill() -> None:
            with pytest.raises(OSError, match="No space left"):
                write_without_end(filler)

        async def free() -> None:
            filler.unlink()

        async with playing(disk) as here:
            await live_with(here, refuse=fill, allow=free)
        assert_everything_is_stored(disk / "alerts.db")


async def test_a_disk_that_has_become_read_only(tmp_path: Path) -> None:
    """A disk in use cannot be made read-only from here; SQLite is told to answer as it does then."""
    async with playing(tmp_path) as here:

        async def protect() -> None:
            await here.app.store._database.fetch("PRAGMA query_only = ON")

        async def permit() -> None:
            await here.app.store._database.fetch("PRAGMA query_only = OFF")

        await live_with(here, refuse=protect, allow=permit)
    assert_everything_is_stored(tmp_path / "alerts.db")


def write_without_end(path: Path) -> None:
    with path.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """A file system of its own with 2 MB; skips where we may not mount one."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
    try:
        mounted = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except FileNotFoundError:
        pytest.skip("there is no mount command here: no small disk to fill")
    if mounted.returncode != 0:
        pytest.skip(f"a small disk cannot be mounted here: {mounted.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], timeout=10, check=True)
