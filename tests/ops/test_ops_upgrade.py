"""A data directory of the older tool: its database, its state.json, its .env, taken over without loss."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from altmonitor import config as configuration
from altmonitor.core.env_file import read_env_text
from altmonitor.core.types import Destination
from altmonitor.ops.doctor.local_checks import look_at_database
from altmonitor.ops.doctor.report import CheckVerdict
from altmonitor.ops.wizard import env_file
from tests.ops.screen import Screen, altmonitor_in_terminal
from tests.ops.stage import CALM, OWNER, TOKEN, Stage, left_in, stage

OLD_ENV = f"""\
# Telegram
TG_BOT_TOKEN={TOKEN}
TG_CHAT_ID={OWNER}

# thresholds
PUMP_THRESHOLD=5
DUMP_THRESHOLD=-4.5
OI_SURGE_PCT_1M=3.0
OI_SURGE_PCT_5M=6.0
VOL_BURST_MULT=5.0
VOL_BURST_LOOKBACK=20
VOL_BURST_MIN_USDT=50000
COOLDOWN_SEC=240
OI_POLL_SEC=60
OI_CONCURRENCY=15
SYMBOLS_REFRESH_SEC=3600
TG_MIN_SEND_INTERVAL=3.2
ALLOWED_CHAT_IDS=
LSR_PERIOD=5m
HISTORY_ENABLED=true
STATE_FILE=state.json
DB_FILE=alerts.db
"""
OLD_STATE = {
    "pump_threshold": 7.0,
    "dump_threshold": -4.5,
    "cooldown_sec": 300,
    "oi_surge_1m": 3.0,
    "oi_surge_5m": 6.0,
    "vol_burst_mult": 8.0,
    "watchlist": [],
    "muted": ["DOGEUSDT", "币安人生USDT"],
}
OLD_SCHEMA = """
CREATE TABLE alerts (
    id INTEGER PRIMARY KEY AUTOINCREMENT, ts REAL NOT NULL, symbol TEXT NOT NULL, kind TEXT NOT NULL DEFAULT 'price',
    direction TEXT, price REAL, change_pct REAL, oi_change REAL, amplitude REAL, lsr REAL, metric REAL, quadrant TEXT,
    note TEXT
);
CREATE INDEX idx_alerts_ts ON alerts(ts);
"""
ROWS = 300


def old_row(number: int) -> tuple[Any, ...]:
    kind = ("price", "oi", "vol")[number % 3]
    direction = {"price": ("PUMP", "DUMP")[number % 2], "oi": ("UP", "DOWN")[number % 2], "vol": "UP"}[kind]
    symbol = ("SOLUSDT", "币安人生USDT", "1000PEPEUSDT")[number % 3]
    change = 3.25 if number % 2 == 0 else -3.25
    return (1_700_000_000.125 + number, symbol, kind, direction, 61.5, change, None, 3.5, 1.25, change, "up_up", "1m")


def older_tools_folder(folder: Path) -> None:
    (folder / ".env").write_text(OLD_ENV)
    (folder / ".env").chmod(0o644)
    (folder / "state.json").write_text(json.dumps(OLD_STATE, ensure_ascii=False))
    with closing(sqlite3.connect(folder / "alerts.db")) as db:
        db.executescript(OLD_SCHEMA)
        db.executemany(
            "INSERT INTO alerts (ts, symbol, kind, direction, price, change_pct, oi_change, amplitude, lsr, metric, "
            "quadrant, note) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [old_row(number) for number in range(ROWS)],
        )
        db.commit()


def rows(path: Path, sql: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
        return db.execute(sql).fetchall()


def copies_of(path: Path) -> list[Path]:
    return sorted(path.parent.glob(f"{path.name}.before-v*"))


async def run_once(here: Stage, said: str) -> Screen:
    """The monitor in this folder until the chat holds these words, then stopped by Ctrl-C."""
    async with altmonitor_in_terminal("run", environ=here.environ(), folder=here.folder) as screen:
        await screen.sees("HTTP on 127.0.0.1")
        await here.telegram.wait_for(lambda: any(said in text for text in here.said(OWNER)), timeout_s=60)
        screen.types("\x03", enter=False)
        assert await screen.ended() == 130
        return screen


def test_the_older_settings_mean_the_same(tmp_path: Path) -> None:
    older_tools_folder(tmp_path)
    config, warnings = configuration.load({}, env_file=tmp_path / ".env")
    assert warnings == []
    assert config.tg_bot_token.reveal() == TOKEN
    assert config.tg_chat_id == Destination(chat_id=OWNER)
    assert (config.pump_threshold, config.dump_threshold, config.cooldown_sec) == (5.0, -4.5, 240)
    assert (config.state_file, config.db_file) == (Path("state.json"), Path("alerts.db"))


def test_the_doctor_says_what_will_happen_and_changes_nothing(tmp_path: Path) -> None:
    older_tools_folder(tmp_path)
    before = (tmp_path / "alerts.db").read_bytes()
    seen = look_at_database(tmp_path / "alerts.db")
    assert seen.verdict is CheckVerdict.OK
    assert "is of the older tool, sound, 300 alerts; the first start takes them over" in seen.text
    assert (tmp_path / "alerts.db").read_bytes() == before


async def test_the_first_start_takes_everything_over_and_keeps_a_copy(tmp_path: Path) -> None:
    older_tools_folder(tmp_path)
    async with stage(tmp_path) as here:
        screen = await run_once(here, "watches")
        assert "pump_threshold = 7 from state.json" in screen.all
        await run_once(here, "watches")
    database = tmp_path / "alerts.db"
    kept = rows(
        database,
        "SELECT ts, symbol, kind, direction, price, change_pct, oi_change, amplitude, lsr, metric, quadrant, note "
        "FROM alerts WHERE key LIKE 'legacy:%' ORDER BY id",
    )
    assert kept == [old_row(number) for number in range(ROWS)]
    assert rows(database, "SELECT count(*) FROM deliveries WHERE alert_id <= 300") == [(0,)]
    (copy,) = copies_of(database)
    assert rows(copy, "SELECT count(*) FROM alerts") == [(ROWS,)]
    assert not [name for name in left_in(tmp_path) if "corrupt" in name]
    assert (tmp_path / ".env").read_text() == OLD_ENV


async def test_what_was_muted_and_set_in_the_chat_is_still_so(tmp_path: Path) -> None:
    older_tools_folder(tmp_path)
    async with (
        stage(tmp_path) as here,
        altmonitor_in_terminal("run", environ=here.environ(), folder=here.folder) as screen,
    ):
        await screen.sees("HTTP on 127.0.0.1")
        here.telegram.inject_message(OWNER, "/status", user_id=OWNER)
        await here.telegram.wait_for(
            lambda: any("DOGEUSDT" in text and "币安人生USDT" in text for text in here.said(OWNER)), timeout_s=60
        )
        here.telegram.inject_message(OWNER, "/cooldown 400", user_id=OWNER)
        await here.telegram.wait_for(
            lambda: any("→" in text and "400 s" in text for text in here.said(OWNER)), timeout_s=60
        )
    state = json.loads((tmp_path / "state.json").read_text())
    assert (state["pump_threshold"], state["vol_burst_mult"], state["cooldown_sec"]) == (7.0, 8.0, 400)
    assert state["muted"] == {"DOGEUSDT": None, "币安人生USDT": None}


async def test_the_history_of_the_older_tool_can_be_asked_for(tmp_path: Path) -> None:
    older_tools_folder(tmp_path)
    async with stage(tmp_path) as here:
        await run_once(here, "watches")
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "altmonitor", "history", "-n", "1000", "--json"),
            cwd=tmp_path,
            stdout=asyncio.subprocess.PIPE,
        )
        out, _ = await process.communicate()
    assert process.returncode == 0
    told = [row for row in json.loads(out) if row["key"].startswith("legacy:")]
    assert len(told) == ROWS
    assert told[0]["symbol"] == old_row(ROWS - 1)[1]


async def test_the_wizard_keeps_what_it_finds_and_makes_the_file_private(tmp_path: Path) -> None:
    older_tools_folder(tmp_path)
    async with stage(tmp_path) as here, here.wizard() as screen:
        await screen.answers("Number [1]", "1")
        await screen.answers("There is a bot token already: 1234...hijk", "")
        await screen.answers("Alerts go to: private chat “Reader” (77)", "")
        await screen.sees("PUMP_THRESHOLD=5, DUMP_THRESHOLD=-4.5")
        await screen.answers("Number [1]", "2")
        await screen.sees("thresholds changed in the chat (pump_threshold, dump_threshold,")
        await screen.answers("Do you see it?", "y")
        await screen.sees("Written: .env")
        await screen.sees("the file as it was: ")
        await screen.answers("Number [1]", "6")
        assert await screen.ended() == 0
    assert (tmp_path / ".env.bak").read_text() == OLD_ENV
    after = env_file.values((tmp_path / ".env").read_text())
    assert (after["PUMP_THRESHOLD"], after["OI_POLL_SEC"], after["TG_CHAT_ID"]) == (CALM, "60", "77")
    assert [(tmp_path / name).stat().st_mode & 0o777 for name in (".env", ".env.bak")] == [0o600, 0o600]


@pytest.mark.parametrize("line", ["TG_CHAT_ID='77'", 'export TG_CHAT_ID="77"', "TG_CHAT_ID = 77", "TG_CHAT_ID=77 # me"])
def test_the_wizard_and_the_monitor_read_one_value(tmp_path: Path, line: str) -> None:
    (tmp_path / ".env").write_text(f"{line}\n")
    config, _ = configuration.load({}, env_file=tmp_path / ".env")
    assert config.tg_chat_id == Destination(chat_id=77)
    assert env_file.values(read_env_text(tmp_path / ".env")) == {"TG_CHAT_ID": "77"}
