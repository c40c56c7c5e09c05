"""From SQLite to PostgreSQL: every row, verified, resumed after a kill, and never a database that is half of it."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from altmonitor.core.clock import SystemClock
from altmonitor.core.errors import DatabaseRefused, StorageError
from altmonitor.settings.audience import Overrides
from altmonitor.settings.state import State
from altmonitor.storage.outcome_records import RETURN_FIELDS, MeasuredOutcome, NewAlert
from altmonitor.storage.postgres import schema
from altmonitor.storage.postgres.connection import DatabaseAddress, PostgresConnection
from altmonitor.storage.postgres.scores import PostgresScores
from altmonitor.storage.postgres.sqlite_copy import SqliteCopy
from altmonitor.storage.postgres.state import PostgresState
from altmonitor.storage.postgres.store import PostgresStore
from altmonitor.storage.score_file import scores_in
from altmonitor.storage.score_store import ScoreReceiver, ScoreStore
from altmonitor.storage.state_file import StateFile
from altmonitor.storage.store import SqliteStore, StoreOptions
from tests.fakes import cause
from tests.scale.fixtures import needs_servers, postgres
from tests.scale.servers import PostgresServer
from tests.storage.samples import GROUP, NOW_MS, PRIVATE, pump
from tests.storage.test_change_log import made
from tests.storage.test_score_store import LOOK, MINUTE, SIGNAL

__all__ = ["postgres"]

pytestmark = needs_servers

MANY = 30_000
STATE = State(main=Overrides(numbers={"pump_threshold": 5.0}))


@pytest.fixture
async def link(postgres: PostgresServer) -> AsyncIterator[PostgresConnection]:
    connection = PostgresConnection(DatabaseAddress(postgres.new_database()), purpose="test")
    yield connection
    await connection.close()


async def filled(path: Path) -> Path:
    """Every table has rows."""
    options = StoreOptions(destinations=(PRIVATE, GROUP))
    async with SqliteStore(path, clock=SystemClock(), options=options) as store:
        for symbol in ("SOLUSDT", "币安人生USDT", "OLDUSDT"):
            store.put(pump(symbol, price=0.1 + 0.2))
        store.put(pump("NULUSDT", note="a\x00b", price=None))
        await store._writer.drained()
        first, second, third, _ = [row.alert.id or 0 for row in await store.queued(PRIVATE, limit=9)]
        await store.mark_sent(PRIVATE, [first], message_id=7, sent_ms=NOW_MS)
        await store.mark_failed(GROUP, [second], error=cause("gone"))
        await store.changes.record(made(1))
        await store.changes.record(made(2, undoes=1))
        await store.meta_set("telegram_offset", "42")
        await store.outcomes.begin([(NewAlert(id=first, ts_ms=NOW_MS), "d1", None, NOW_MS)])
        values = tuple(0.1 if name.endswith("_pct") else 0 for name in RETURN_FIELDS)
        measured = MeasuredOutcome(
            alert_id=first,
            delay_ms=5,
            is_delay_measured=True,
            entry_ms=NOW_MS,
            entry=1.5,
            due_ms=None,
            returns=((15, values),),
        )
        await store.outcomes.store([measured])
        await store.prune(before_s=0)
        assert third == 3
    return path


def fill_many(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db, db:
        rows = [(f"k{number}", NOW_MS / 1000 + number, NOW_MS + number) for number in range(MANY)]
        db.executemany(
            "INSERT INTO alerts (key, ts, event_ms, symbol, kind, direction) "
            "VALUES (?, ?, ?, 'SOLUSDT', 'price', 'PUMP')",
            rows,
        )


async def test_all_of_it_is_there_afterwards_and_the_monitor_goes_on_with_it(
    link: PostgresConnection, tmp_path: Path
) -> None:
    path = await filled(tmp_path / "alerts.db")
    tables = await SqliteCopy(path, STATE, link, cluster="").run()
    assert {table.name: table.rows for table in tables} == {
        "alerts": 4,
        "changes": 2,
        "deliveries": 8,
        "meta": 1,
        "outcome_returns": 1,
        "outcomes": 1,
    }
    options = StoreOptions(destinations=(PRIVATE, GROUP))
    async with (
        PostgresStore(link.address, cluster="", clock=SystemClock(), options=options) as new,
        SqliteStore(path, clock=SystemClock(), options=options) as old,
    ):
        told = await new.recent(limit=9)
        assert [row for row in told if row.alert.symbol != "NULUSDT"] == [
            row for row in await old.recent(limit=9) if row.alert.symbol != "NULUSDT"
        ]
        waiting = [row.alert.symbol for row in await new.queued(PRIVATE, limit=9)]
        assert waiting == ["币安人生USDT", "OLDUSDT", "NULUSDT"]
        assert await new.changes.recent(None, limit=9) == await old.changes.recent(None, limit=9)
        assert await new.changes.record(made(3)) == 3
        assert await new.meta_get("telegram_offset") == "42"
        assert await new.outcomes.recorded() == await old.outcomes.recorded()
        new.put(pump("NEWUSDT"))
        await new._writer.drained()
        (newest,) = await new.recent(limit=9, symbol="NEWUSDT")
        assert (newest.alert.id or 0) > 4
    assert (await PostgresState(link).read()) == (1, STATE)


async def test_scores_are_copied_with_their_numbers_and_go_on_behind_them(
    link: PostgresConnection, tmp_path: Path
) -> None:
    path = await filled(tmp_path / "alerts.db")
    old = scores_in(tmp_path / "scores.db", clock=SystemClock())
    await old.add_looks([LOOK, replace(LOOK, ts=2_000, price=None)])
    for one in (SIGNAL, replace(SIGNAL, symbol="币安人生USDT"), SIGNAL):
        await old.add_signal(one)
    receiver = ScoreReceiver(id=0, url="http://a", events=("HIGH",), symbols=(), secret="s", created_ts=5)
    assert await old.add_receiver(receiver) == 1
    await old.set_preferences({"watchlist": "SOLUSDT"})
    await old.count_call("k", "2026-01-01")
    await old.liquidations.add("binance", [MINUTE], from_ms=0, to_ms=90_000, is_sampled=True)
    tables = await SqliteCopy(path, STATE, link, cluster="").run()
    rows = {table.name: table.rows for table in tables if "." in table.name and table.rows}
    assert rows == {
        "public_scores.looks": 2,
        "public_scores.signals": 3,
        "public_scores.receivers": 1,
        "public_scores.preferences": 1,
        "public_scores.calls": 1,
        "public_scores.liquidations": 1,
        "public_scores.liquidations_heard": 1,
    }
    new = ScoreStore(PostgresScores(link.address.url))
    assert await new.looks("SOLUSDT", since_ts=0, until_ts=9_000, limit=9) == await old.looks(
        "SOLUSDT", since_ts=0, until_ts=9_000, limit=9
    )
    assert await new.signals(since_ts=0, limit=9) == await old.signals(since_ts=0, limit=9)
    assert await new.receivers() == await old.receivers()
    await new.add_signal(SIGNAL)
    assert [one.id for one in await new.signals(since_ts=0, limit=1)] == [4]
    assert await new.add_receiver(receiver) == 2


async def test_killed_at_any_moment_it_goes_on_and_no_monitor_starts_in_between(
    link: PostgresConnection, tmp_path: Path
) -> None:
    path = await filled(tmp_path / "alerts.db")
    fill_many(path)
    environ = {**os.environ, "DB_FILE": str(path), "STATE_FILE": str(tmp_path / "state.json"), "TG_BOT_TOKEN": ""}
    await StateFile(tmp_path / "state.json", SystemClock()).save(STATE, who="ann")
    command = (sys.executable, "-m", "altmonitor", "migrate", "--to", link.address.url, "--env-file", os.devnull)
    copied = [0]
    for rows in (1, 12_000):
        process = await asyncio.create_subprocess_exec(*command, env=environ, stderr=asyncio.subprocess.DEVNULL)
        async with asyncio.timeout(120):
            while copied[-1] < rows:
                await asyncio.sleep(0.005)
                with suppress(StorageError):  # nothing is there yet
                    copied.append((await link.fetch("SELECT count(*) FROM alerts"))[0][0])
        process.send_signal(signal.SIGKILL)
        assert await process.wait() == -signal.SIGKILL
        with pytest.raises(DatabaseRefused, match=r"migration that is not done: run `altmonitor migrate` again"):
            await schema.prepare(link, cluster="")
    process = await asyncio.create_subprocess_exec(
        *command, env=environ, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    said, complained = await process.communicate()
    assert process.returncode == 0, complained
    assert f"alerts: {MANY + 4:,} rows, sha256".encode() in said
    assert b"Set DATABASE_URL" in said
    await schema.prepare(link, cluster="altmonitor")
    assert (await PostgresState(link).read()) == (1, STATE)
    assert await link.fetch("SELECT count(*), count(DISTINCT key) FROM alerts") == [(MANY + 4, MANY + 4)]


async def test_what_changed_in_the_file_between_two_runs_is_what_is_there_in_the_end(
    link: PostgresConnection, tmp_path: Path
) -> None:
    path = await filled(tmp_path / "alerts.db")
    await schema.begin_migration(link, cluster="")
    await link.fetch("INSERT INTO meta (key, value) VALUES ('telegram_offset', '1')")  # of a run that was killed
    await SqliteCopy(path, State(), link, cluster="").run()
    assert await link.fetch("SELECT key, value FROM meta") == [("telegram_offset", "42")]


async def test_where_something_is_stored_already_nothing_is_copied(link: PostgresConnection, tmp_path: Path) -> None:
    path = await filled(tmp_path / "alerts.db")
    await SqliteCopy(path, STATE, link, cluster="").run()
    with pytest.raises(DatabaseRefused, match=r"is in use already \(4 rows in alerts\): name an empty database"):
        await SqliteCopy(path, STATE, link, cluster="").run()


async def test_nothing_is_copied_from_a_file_that_is_not_there_or_in_use_or_of_another_version(
    link: PostgresConnection, tmp_path: Path
) -> None:
    with pytest.raises(StorageError, match="is not there: set DB_FILE"):
        await SqliteCopy(tmp_path / "none.db", STATE, link, cluster="").run()
    assert not (tmp_path / "none.db").exists()
    path = await filled(tmp_path / "alerts.db")
    async with SqliteStore(path, clock=SystemClock(), options=StoreOptions()):
        with pytest.raises(StorageError, match="in use by another altmonitor"):
            await SqliteCopy(path, STATE, link, cluster="").run()
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA user_version = 2")
    with pytest.raises(StorageError, match=r"has version 2.*start the monitor once"):
        await SqliteCopy(path, STATE, link, cluster="").run()
    assert await link.fetch("SELECT count(*) FROM pg_class WHERE relname = 'alerts'") == [(0,)]
