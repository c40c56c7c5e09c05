"""What was scored into a file before scores lay in PostgreSQL is there after the next start, once."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from altmonitor.core.clock import SystemClock
from altmonitor.core.errors import StorageError
from altmonitor.settings.state import State
from altmonitor.storage.postgres.connection import DatabaseAddress, PostgresConnection
from altmonitor.storage.postgres.leases import PostgresLeases
from altmonitor.storage.postgres.scores import PostgresScores
from altmonitor.storage.postgres.scores_file import ScoresFile
from altmonitor.storage.postgres.sqlite_copy import SqliteCopy
from altmonitor.storage.score_file import scores_in
from altmonitor.storage.score_store import ScoreReceiver, ScoreStore
from altmonitor.storage.store import SqliteStore, StoreOptions
from tests.scale.fixtures import needs_servers, postgres
from tests.scale.servers import PostgresServer
from tests.storage.test_score_store import LOOK, MINUTE, SIGNAL, prepared

__all__ = ["postgres"]

pytestmark = needs_servers

RECEIVER = ScoreReceiver(id=0, url="http://a", events=("HIGH",), symbols=(), secret="s", created_ts=5)


@pytest.fixture
async def url(postgres: PostgresServer) -> str:
    return await prepared(postgres)


@pytest.fixture
async def link(url: str) -> AsyncIterator[PostgresConnection]:
    connection = PostgresConnection(DatabaseAddress(url), purpose="test")
    yield connection
    await connection.close()


async def filled(folder: Path) -> Path:
    """A signal of which it is known what became of it, two that are alike, and a little of everything else."""
    path = folder / "scores.db"
    old = scores_in(path, clock=SystemClock())
    await old.add_looks([LOOK, replace(LOOK, ts=2_000, price=None)])
    for one in (replace(SIGNAL, symbol="币安人生USDT"), SIGNAL, SIGNAL):
        await old.add_signal(one)
    await old.add_receiver(RECEIVER)
    await old.set_preferences({"watchlist": "SOLUSDT", "horizon": "4h"})
    await old.count_call("k", "2026-01-01")
    await old.liquidations.add("binance", [MINUTE], from_ms=0, to_ms=90_000, is_sampled=True)
    await old.meta_set("seen", "old")
    with closing(sqlite3.connect(path)) as file, file:
        file.execute("INSERT INTO outcomes (alert_id, detectors) VALUES (1, 'd')")
        file.execute("INSERT INTO outcome_returns VALUES (1, 60, 1.5, NULL, NULL, NULL, NULL, NULL, 0, 0, 0, 0, 0, 0)")
    return path


async def everything(link: PostgresConnection) -> dict[str, list[tuple[object, ...]]]:
    wanted = {
        "signals": "id, symbol",
        "outcome_returns": "alert_id, raw_pct",
        "looks": "symbol, ts, composite",
        "receivers": "id, url",
        "preferences": "name, value",
        "calls": "key, count",
        "liquidations": "symbol, usd",
    }
    return {
        table: [
            tuple(row)
            for row in await link.fetch(f"SELECT {columns} FROM public_scores.{table} ORDER BY {columns}")  # noqa: S608
        ]
        for table, columns in wanted.items()
    }


async def test_what_was_scored_before_stands_behind_what_is_there_and_nothing_is_taken_twice(
    url: str, link: PostgresConnection, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    new = ScoreStore(PostgresScores(url))
    await new.add_signal(replace(SIGNAL, symbol="BTCUSDT"))
    await new.add_looks([replace(LOOK, composite=0.5)])
    await new.set_preferences({"watchlist": "BTCUSDT"})
    await new.count_call("k", "2026-01-01")
    path = await filled(tmp_path)
    caplog.set_level("INFO")
    for _ in range(2):
        await ScoresFile(path, url).run()
        assert await everything(link) == {
            "signals": [(1, "BTCUSDT"), (2, "币安人生USDT"), (3, "SOLUSDT"), (4, "SOLUSDT")],
            "outcome_returns": [(2, 1.5)],
            "looks": [("SOLUSDT", 1_000, 0.5), ("SOLUSDT", 2_000, 0.25)],
            "receivers": [(1, "http://a")],
            "preferences": [("horizon", "4h"), ("watchlist", "BTCUSDT")],
            "calls": [("k", 2)],
            "liquidations": [("SOLUSDT", 3_000.0)],
        }
    assert await new.meta_get("seen") == "old"
    assert [one.message for one in caplog.records if "are in PostgreSQL now" in one.message] == [
        f"scores of {path} are in PostgreSQL now (signals 3, looks 2, preferences 2, liquidations 1, "
        "liquidations_heard 1, receivers 1, calls 1); the file is not needed any more"
    ]
    assert await new.delete_receiver(1)
    await ScoresFile(path, url).run()
    assert await new.receivers() == []


async def test_ended_after_any_of_its_writes_it_goes_on_and_takes_everything_once(
    url: str, link: PostgresConnection, tmp_path: Path
) -> None:
    path = await filled(tmp_path)
    token = (await PostgresLeases(link).acquire(["feed"], holder="first", for_s=600.0))["feed"]
    left = 0

    def fence() -> int | None:
        nonlocal left
        left -= 1
        return token if left >= 0 else None

    runs = 0
    for runs in range(1, 30):
        left = 1
        try:
            await ScoresFile(path, url, fence=fence).run()
        except StorageError as problem:
            assert "another feed leads" in str(problem)
            left = runs
            try:
                await ScoresFile(path, url, fence=fence).run()
            except StorageError:
                continue
        break
    assert runs > 3
    assert await everything(link) == {
        "signals": [(1, "币安人生USDT"), (2, "SOLUSDT"), (3, "SOLUSDT")],
        "outcome_returns": [(1, 1.5)],
        "looks": [("SOLUSDT", 1_000, 0.25), ("SOLUSDT", 2_000, 0.25)],
        "receivers": [(1, "http://a")],
        "preferences": [("horizon", "4h"), ("watchlist", "SOLUSDT")],
        "calls": [("k", 1)],
        "liquidations": [("SOLUSDT", 3_000.0)],
    }


async def test_what_migrate_has_copied_is_not_taken_again(postgres: PostgresServer, tmp_path: Path) -> None:
    url = postgres.new_database()
    link = PostgresConnection(DatabaseAddress(url), purpose="test")
    path = await filled(tmp_path)
    async with SqliteStore(tmp_path / "alerts.db", clock=SystemClock(), options=StoreOptions()):
        pass
    await SqliteCopy(tmp_path / "alerts.db", State(), link, cluster="").run()
    before = await everything(link)
    await ScoresFile(path, url).run()
    assert await everything(link) == before
    await link.fetch("DELETE FROM public_scores.meta")  # as a migrate of before left it
    await ScoresFile(path, url).run()
    assert await everything(link) == before | {"calls": [("k", 2)]}
    await link.close()


async def test_a_file_that_is_damaged_or_of_another_version_is_left_and_told(
    url: str, link: PostgresConnection, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await ScoresFile(tmp_path / "none.db", url).run()
    damaged = tmp_path / "damaged.db"
    damaged.write_bytes(b"no database at all" * 100)
    await ScoresFile(damaged, url).run()
    newer = await filled(tmp_path)
    with closing(sqlite3.connect(newer)) as file:
        file.execute("PRAGMA user_version = 2")
    await ScoresFile(newer, url).run()
    assert [one.message for one in caplog.records if one.levelname == "WARNING"] == [
        f"{damaged} is not taken along into PostgreSQL: file is not a database",
        f"{newer} is not taken along into PostgreSQL: it has version 2, this altmonitor knows 1",
    ]
    assert not any((await everything(link)).values())
