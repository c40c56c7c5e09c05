"""`altmonitor api`: what is stored, over HTTP, from a process that writes nothing."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aiohttp
from msgspec.structs import replace

from altmonitor.core.clock import SystemClock
from altmonitor.core.types import Destination
from altmonitor.ops.health_probe import ProbeAnswer, ask
from altmonitor.storage.snapshots import SnapshotsDb
from altmonitor.storage.store import SqliteStore, StoreOptions
from altmonitor.tracker.series import Liveness, Series
from tests.operations.operations_kit import stored
from tests.tracker.samples import snapshot


def asked(url: str) -> tuple[int, object]:
    try:
        with urllib.request.urlopen(url, timeout=20) as answer:  # noqa: S310 — its own address
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, json.loads(refused.read())


class Events:
    """Server-sent events of an answer."""

    def __init__(self, content: aiohttp.StreamReader) -> None:
        self._content = content

    async def next(self, name: str) -> Any:
        """Data of the next event of that name."""
        async with asyncio.timeout(60):
            while (await self._content.readline()).strip() != f"event: {name}".encode():
                pass
            return json.loads((await self._content.readline()).removeprefix(b"data: "))


def written(folder: Path) -> dict[str, int]:
    return {name: (folder / name).stat().st_mtime_ns for name in ("alerts.db", "snapshots.db")}


@contextmanager
def running(folder: Path, **environ: str) -> Iterator[str]:
    env = {"PATH": os.environ["PATH"], "HOME": str(folder), "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-m", "altmonitor", "api", "--port", "0", "--env-file", str(folder / ".env")]
    with subprocess.Popen(command, cwd=folder, env=env | environ, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            for line in process.stderr:
                found = re.search(r"HTTP on \S+ port (\d+)", line)
                if found is not None:
                    yield f"http://127.0.0.1:{found[1]}"
                    break
            else:
                raise AssertionError("it ended without listening")
        finally:
            process.send_signal(signal.SIGTERM)
            process.stderr.read()
    assert process.returncode == 143


async def test_stored_alerts_and_snapshots_are_answered_and_what_only_a_monitor_knows_is_said_to_be_so(
    tmp_path: Path,
) -> None:
    (tmp_path / ".env").write_text("")
    clock = SystemClock()
    options = StoreOptions(destinations=(Destination(chat_id=1),))
    async with SqliteStore(tmp_path / "alerts.db", clock=clock, options=options) as store:
        store.put(stored(1).alert)
        await store.meta_set("written", "after it")
    db = SnapshotsDb(tmp_path / "snapshots.db", clock=clock)
    await db.open()
    await db.begin_sweep(Series.SMART_MONEY, 1, Liveness())
    await db.put_snapshot(snapshot("SOLUSDT", clock.now_ms() - 60_000, long_qty=200.0), sweep_ms=1)
    await db.close()
    before = written(tmp_path)
    with running(tmp_path, DB_FILE="alerts.db", SMART_MONEY_DB_PATH="snapshots.db") as url:
        status, health = asked(f"{url}/health")
        assert status == 200
        assert health["ok"] is True  # type: ignore[index]
        assert health["port"] == int(url.rpartition(":")[2])  # type: ignore[index]
        assert 60 <= health["newest_snapshot_age_s"] < 300  # type: ignore[index]
        _, alerts = asked(f"{url}/api/alerts")
        assert [row["symbol"] for row in alerts["alerts"]] == ["SOLUSDT"]  # type: ignore[index]
        assert [row["symbol"] for row in asked(f"{url}/api/snapshots")[1]] == ["SOLUSDT"]  # type: ignore[attr-defined]
        assert asked(f"{url}/api/settings")[0] == 200
        assert ask("127.0.0.1", int(url.rpartition(":")[2])) == ProbeAnswer("ok", ())
        assert asked(f"{url}/openapi.json")[0] == 200
        status, problem = asked(f"{url}/api/market")
        assert (status, "altmonitor run" in problem["detail"]) == (503, True)  # type: ignore[index]
    assert written(tmp_path) == before


async def test_what_a_monitor_stores_meanwhile_is_streamed_and_what_it_learns_of_it_too(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("")
    clock = SystemClock()
    options = StoreOptions(destinations=(Destination(chat_id=1),))
    now_s = clock.now_ms() / 1000

    async with SqliteStore(tmp_path / "alerts.db", clock=clock, options=options) as store:
        store.put(replace(stored(1).alert, ts=now_s - 5))
        await store.meta_set("written", "after it")
        with running(tmp_path, DB_FILE="alerts.db", SMART_MONEY_DB_PATH="snapshots.db") as url:
            async with aiohttp.ClientSession() as session, session.get(f"{url}/api/stream") as answer:
                events = Events(answer.content)
                health = await events.next("health")
                assert (health["status"], health["is_blind"], health["newest_alert_age_s"] < 60) == ("ok", None, True)
                new = replace(stored(2).alert, ts=clock.now_ms() / 1000)
                store.put(new)
                told = await events.next("alert")
                assert (told["key"], told["oi_change"]) == (new.key, None)
                await store.update_alert(replace(new, oi_change=4.5))
                told = await events.next("update")
                assert (told["key"], told["oi_change"]) == (new.key, 4.5)


async def test_what_is_tracked_no_more_is_503(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("")
    clock = SystemClock()
    db = SnapshotsDb(tmp_path / "snapshots.db", clock=clock)
    await db.open()
    await db.begin_sweep(Series.SMART_MONEY, 1, Liveness())
    await db.put_snapshot(snapshot("SOLUSDT", clock.now_ms() - 4 * 3_600_000, long_qty=200.0), sweep_ms=1)
    await db.close()
    with running(tmp_path, DB_FILE="alerts.db", SMART_MONEY_DB_PATH="snapshots.db") as url:
        status, health = asked(f"{url}/health")
    assert (status, health["status"], health["ok"]) == (503, "down", False)  # type: ignore[index]
