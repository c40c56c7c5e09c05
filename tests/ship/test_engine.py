"""The image and the compose file on a real Docker engine, against the simulated exchange and Bot API."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sqlite3
import subprocess
import time
from contextlib import closing
from pathlib import Path

import pytest

from altmonitor.core.clock import SystemClock
from tests.e2e.process import TOKEN
from tests.ship.engine import IMAGE, ROOT, Composed, composed, gateway, why_no_engine
from tests.ship.surroundings import surroundings
from tests.storage.test_migrations import old_database

ENGINE_DIR = os.environ.get("ALTMONITOR_SHIP_ENGINE_DIR", "")
"""Folder with `start`, `pid` and `exec/` of an engine that may be killed."""
KILL_MONITOR = """
import os
for pid in filter(str.isdigit, os.listdir("/proc")):
    if pid != "1" and b"altmonitor\\0run" in open(f"/proc/{pid}/cmdline", "rb").read():
        os.kill(int(pid), 9)
"""

pytestmark = [pytest.mark.timeout(300), pytest.mark.skipif(bool(why_no_engine()), reason=why_no_engine() or "-")]


@pytest.fixture(scope="module", autouse=True)
def _image() -> None:
    built = subprocess.run(["docker", "build", "-t", IMAGE, "."], cwd=ROOT, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stdout[-2000:] + built.stderr[-2000:]


def test_the_engine_finds_nothing_wrong_in_the_dockerfile() -> None:
    checked = subprocess.run(["docker", "build", "--check", "."], cwd=ROOT, capture_output=True, text=True, check=False)

    assert (checked.returncode, "no warnings found" in checked.stdout + checked.stderr) == (0, True)


def test_the_image_is_of_a_plain_user_with_a_check_labels_and_no_pip() -> None:
    told = subprocess.run(["docker", "inspect", IMAGE], capture_output=True, text=True, check=True)
    config = json.loads(told.stdout)[0]["Config"]

    assert config["User"] == "10001:10001"
    assert config["Healthcheck"]["Test"] == ["CMD", "python", "-m", "altmonitor.ops.health_probe"]
    assert config["Volumes"] == {"/data": {}}
    assert config["Labels"]["org.opencontainers.image.licenses"] == "MIT"
    ran = ["docker", "run", "--rm", "--entrypoint", "ls", IMAGE, "/opt/altmonitor/bin"]
    assert "pip" not in subprocess.run(ran, capture_output=True, text=True, check=True).stdout.split()


def test_no_module_that_the_probe_or_a_start_needs_is_compiled_anew_each_time() -> None:
    loaded = "import sys, altmonitor.ops.health_probe, altmonitor.cli.roles, altmonitor.app.feed_role"
    compiled = "{m.__cached__ for m in sys.modules.values() if getattr(m, '__cached__', None)}"
    code = f"{loaded}; print(*{compiled}, sep='\\n')"
    ran = ["docker", "run", "--rm", "--entrypoint", "sh", IMAGE, "-c", f'python -c "{code}" | xargs ls']
    done = subprocess.run(ran, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.split()) > 100


def test_the_compose_file_starts_one_service_with_every_lock_closed(tmp_path: Path) -> None:
    with composed(tmp_path, settings=None):
        told = subprocess.run(
            ["docker", "compose", "config", "--format", "json"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        )
    whole = json.loads(told.stdout)

    assert list(whole["services"]) == ["altmonitor"]
    service = whole["services"]["altmonitor"]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["read_only"] is True
    assert service["restart"] == "unless-stopped"
    assert service["logging"]["options"] == {"max-size": "10m", "max-file": "3"}
    assert int(service["mem_limit"]) == 512 * 1024 * 1024
    assert "ports" not in service


async def test_without_settings_it_says_what_to_do_and_does_not_try_again_and_again(tmp_path: Path) -> None:
    with composed(tmp_path, settings=None) as here:
        assert (await here.compose("up", "-d", "--no-build")).code == 0
        async with asyncio.timeout(60):
            while "no restart helps" not in (await here.compose("logs")).output:  # noqa: ASYNC110 — an engine can only be asked
                await asyncio.sleep(0.2)
        await asyncio.sleep(10)
        state = await here.state()
        logs = (await here.compose("logs", "--no-log-prefix")).output
        began_s = time.monotonic()
        await here.compose("stop")
        assert time.monotonic() - began_s < 5

    assert (state["State"]["Status"], state["RestartCount"]) == ("running", 0)
    assert logs.count("not set.") == 1
    assert "TG_BOT_TOKEN and TG_CHAT_ID not set." in logs
    assert "write to @BotFather in Telegram" in logs
    assert "mend .env, then docker compose up -d" in logs


async def test_it_gets_healthy_as_a_plain_user_on_a_read_only_disk_and_stops_in_order(tmp_path: Path) -> None:
    async with surroundings(tmp_path, host=gateway()) as around:
        with composed(tmp_path, settings=around.settings) as here:
            up = await here.compose("up", "-d", "--no-build", "--wait")
            assert up.code == 0, up.output
            assert (await here.inside("id", "-u")).output == "10001"
            assert "Read-only file system" in (await here.inside("touch", "/opt/altmonitor/x")).output
            status = (await here.inside("cat", "/proc/1/status")).output
            assert "CapEff:\t0000000000000000" in status
            assert "NoNewPrivs:\t1" in status
            logs = (await here.compose("logs")).output
            assert TOKEN not in logs
            began_s = time.monotonic()
            await here.compose("stop")
            assert time.monotonic() - began_s < 5
            assert (await here.state())["State"]["ExitCode"] == 143


COUNT_ROWS = """
import sqlite3
database = sqlite3.connect("file:/data/snapshots.db?mode=ro", uri=True)
print(database.execute("SELECT count(*) FROM ob_smart_money_snapshots").fetchone()[0])
"""


async def test_the_tracker_is_a_profile_of_its_own_that_writes_beside_the_monitor(tmp_path: Path) -> None:
    async with surroundings(tmp_path, host=gateway()) as around:
        settings = f"{around.settings}SMART_MONEY_WATCHLIST={around.world.symbols[0]}\n"
        with composed(tmp_path, settings=settings) as here:
            up = await here.compose("--profile", "tracker", "up", "-d", "--no-build")
            assert up.code == 0, up.output
            await here.is_well()
            async with asyncio.timeout(90):
                while (rows := await here.inside("python", "-c", COUNT_ROWS)).output in ("", "0") or rows.code:  # noqa: ASYNC110 — of another machine
                    await asyncio.sleep(1)
            logs = (await here.compose("logs", "tracker")).output
            assert TOKEN not in logs
            assert (await here.compose("--profile", "tracker", "stop")).code == 0


async def test_killed_inside_it_is_back_and_every_alert_is_told_once(tmp_path: Path) -> None:
    async with surroundings(tmp_path, host=gateway()) as around:
        with composed(tmp_path, settings=around.settings) as here:
            await here.compose("up", "-d", "--no-build", "--wait")
            world, (first, second) = around.world, around.world.symbols[:2]
            await world.pump(first)
            await world.hears(first.removesuffix("USDT"), within_s=30)

            await here.inside("python", "-c", KILL_MONITOR)
            await here.is_well()
            await world.pump(second)
            await world.hears(second.removesuffix("USDT"), within_s=90)

            assert "ended with SIGKILL, starting it again" in (await here.compose("logs")).output
            assert (await here.state())["RestartCount"] == 0
            told = json.loads((await here.inside("altmonitor", "history", "--json")).output)
            assert "sent" in json.dumps(told)
            assert len({(row["symbol"], row["direction"]) for row in told}) == len(told)


@pytest.mark.skipif(not ENGINE_DIR, reason="ALTMONITOR_SHIP_ENGINE_DIR names no engine that may be killed")
async def test_after_a_power_cut_of_the_engine_it_comes_back(tmp_path: Path) -> None:
    async with surroundings(tmp_path, host=gateway()) as around:
        with composed(tmp_path, settings=around.settings) as here:
            await here.compose("up", "-d", "--no-build", "--wait")

            await cut_power(here)

            await here.is_well(within_s=90)
            assert (await here.state())["State"]["Status"] == "running"


async def cut_power(here: Composed) -> None:
    """Engine, containerd and our container at once; then only the engine is started."""
    engine = Path(ENGINE_DIR)
    pids = [int((engine / "pid").read_text()), int((engine / "exec/containerd/containerd.pid").read_text())]
    for pid in [*pids, (await here.state())["State"]["Pid"]]:
        os.kill(pid, signal.SIGKILL)
    (engine / "pid").unlink()
    started = await asyncio.create_subprocess_exec(str(engine / "start"))
    assert await asyncio.wait_for(started.wait(), 90) == 0


async def test_the_data_of_the_older_tool_is_taken_over(tmp_path: Path) -> None:
    old_database(tmp_path / "old.db")
    with closing(sqlite3.connect(tmp_path / "old.db")) as db:
        db.executemany(
            "INSERT INTO alerts (ts, symbol, direction, price, change_pct) VALUES (?, 'BTCUSDT', 'DUMP', 100.0, -3.5)",
            [(SystemClock().now_ms() / 1000 - hours * 3600,) for hours in range(1, 41)],
        )
        db.commit()
    state = {"pump_threshold": 5.0, "dump_threshold": -4.0, "cooldown_sec": 240, "muted": ["DOGEUSDT"]}
    async with surroundings(tmp_path, host=gateway()) as around:
        with composed(tmp_path, settings=around.settings) as here:
            for name, content in (
                ("alerts.db", (tmp_path / "old.db").read_bytes()),
                ("state.json", json.dumps(state).encode()),
            ):
                copy = (
                    "run",
                    "--rm",
                    "-T",
                    "--no-deps",
                    "--entrypoint",
                    "sh",
                    "altmonitor",
                    "-c",
                    f"cat >/data/{name}",
                )
                assert (await here.compose(*copy, stdin=content)).code == 0
            up = await here.compose("up", "-d", "--no-build", "--wait")
            assert up.code == 0, up.output
            told = json.loads((await here.inside("altmonitor", "history", "-n", "1000", "--json")).output)
            kept = json.loads((await here.inside("cat", "/data/state.json")).output)
            logs = (await here.compose("logs")).output

    assert sum(row["symbol"] == "BTCUSDT" for row in told) == 40
    assert "PUMP +5 %" in logs
    assert kept["pump_threshold"] == 5.0
    assert "DOGEUSDT" in kept["muted"]
