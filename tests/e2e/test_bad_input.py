"""Whatever is wrong at the start has its own clear line, and nothing stored is lost."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from altmonitor.sim.control import ANY_PATH, RestFault
from tests.e2e.process import READER, Program, World, running, world
from tests.e2e.stage import stage

WITHOUT_ROOTS_RIGHTS = (
    "setpriv",
    "--bounding-set=-dac_override,-dac_read_search",
    "--inh-caps=-dac_override,-dac_read_search",
)
OLDER_TOOLS_TABLE = """
    CREATE TABLE alerts (id INTEGER PRIMARY KEY AUTOINCREMENT, ts REAL NOT NULL, symbol TEXT NOT NULL, kind TEXT,
        direction TEXT, price REAL, change_pct REAL, oi_change REAL, amplitude REAL, lsr REAL, metric REAL,
        quadrant TEXT, note TEXT)
"""


def messages(program: Program, level: str) -> list[str]:
    """What was logged at this level, without time and place."""
    return [line.split(": ", 1)[1] for line in program.lines if re.match(rf"\S+Z {level} +\S+: ", line)]


def database(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as db:
        for statement in statements:
            db.execute(statement)
        db.commit()


def only(folder: Path, pattern: str) -> Path:
    (found,) = folder.glob(pattern)
    return found


def as_an_ordinary_user() -> Sequence[str]:
    """What starts a program that may not write where it has no right to; root may write everywhere."""
    if os.geteuid() != 0:
        return ()
    if shutil.which("setpriv") is None:
        pytest.skip("root may write everywhere, and there is no setpriv to give that right away")
    if subprocess.run([*WITHOUT_ROOTS_RIGHTS, "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("root may write everywhere, and that right cannot be given away here")
    return WITHOUT_ROOTS_RIGHTS


async def refusal(here: World, *, prefix: Sequence[str] = (), **environ: str | None) -> tuple[int, list[str]]:
    """Exit code of a start that fails, and what it said about it."""
    async with here.program(prefix=prefix, **environ) as program:
        code = await program.ended()
    assert "Traceback" not in program.log
    return code, messages(program, "CRITICAL")


# --- the environment ---------------------------------------------------------------------------------------------


async def test_every_bad_value_has_its_line() -> None:
    environ = {
        "TG_BOT_TOKEN": "123456:too-short",
        "TG_CHAT_ID": "@my_channel",
        "PUMP_THRESHOLD": "3,5 %",
        "OI_POLL_SEC": "5",
        "ALERT_TZ": "Mars/Olympus",
        "API_PORT": "70000",
        "BINANCE_WS_URL": "https://fstream.binance.com",
    }
    async with running(environ) as program:
        assert await program.ended() == 2
    assert program.lines == [
        "TG_BOT_TOKEN=*** is not allowed: the token @BotFather gave you, 123456:ABC…",
        "TG_CHAT_ID='@my_channel' is not allowed: chat ids such as 123456789 or -1001234567890, with /topic for a "
        "forum topic, separated by commas",
        "PUMP_THRESHOLD='3,5 %' is not allowed: 0.1 to 100",
        "OI_POLL_SEC='5' is not allowed: a whole number, 15 to 3600",
        "ALERT_TZ='Mars/Olympus' is not allowed: a zone such as UTC, Asia/Shanghai or UTC+5:30",
        "API_PORT='70000' is not allowed: a whole number, 0 to 65535",
        "BINANCE_WS_URL='https://fstream.binance.com' is not allowed: a ws(s) address",
    ]


async def test_what_a_library_would_fail_on_has_its_line_too(tmp_path: Path) -> None:
    environ = {
        "HTTPS_PROXY": '"http://me:sesame@127.0.0.1:7890"',
        "HTTP_PROXY": "http://127.0.0.1:port",
        "all_proxy": "socks5://127.0.0.1:7891",
        "NO_PROXY": "localhost,10.0.0.0/99",
        "SSL_CERT_FILE": str(tmp_path / "gone.pem"),
        "SSLKEYLOGFILE": str(tmp_path / "gone" / "keys.log"),
        "BINANCE_REST_URL": "https://..example",
        "API_HOST": "a..b",
    }
    async with world(tmp_path) as here, here.program(is_fresh=True, **environ) as program:
        assert await program.ended() == 2
    assert [line.partition("=")[0] for line in program.lines] == [
        "API_HOST",
        "BINANCE_REST_URL",
        "SSL_CERT_FILE",
        "SSLKEYLOGFILE",
        "HTTPS_PROXY",
        "HTTP_PROXY",
        "all_proxy",
        "NO_PROXY",
    ]
    assert "sesame" not in program.log


async def test_variables_as_desktops_and_vpn_tools_set_them_hold_up_nothing(tmp_path: Path) -> None:
    environ = {
        "https_proxy": "127.0.0.1:7890",
        "http_proxy": "http://127.0.0.1:7890/",
        "all_proxy": "socks5://127.0.0.1:7891",
        "no_proxy": "localhost,127.0.0.0/8,10.0.0.0/8,192.168.*,::1,fe80::/10,*.local,<local>,[::1]:8081",
    }
    async with world(tmp_path) as here, here.program(is_fresh=True, **environ) as program:
        await here.is_watching(program)
        assert await program.ends_by(signal.SIGTERM) == 143
    assert "Traceback" not in program.log


@pytest.mark.parametrize(
    ("environ", "first_line"),
    [
        ({}, "TG_BOT_TOKEN and TG_CHAT_ID not set."),
        ({"TG_CHAT_ID": "77"}, "TG_BOT_TOKEN not set."),
        ({"TG_BOT_TOKEN": "123456:" + "A" * 35}, "TG_CHAT_ID not set."),
    ],
)
async def test_without_a_bot_it_says_how_to_get_one(environ: dict[str, str], first_line: str) -> None:
    async with running(environ) as program:
        assert await program.ended() == 2
    assert program.lines[0] == first_line
    assert "@BotFather" in program.log
    assert "TG_CHAT_ID=123456789" in program.log
    assert "altmonitor run --dry-run" in program.log


async def test_a_misspelt_variable_is_named_with_the_nearest_and_the_start_goes_on(tmp_path: Path) -> None:
    async with world(tmp_path) as here, here.program(OI_POLL_SECS="30", TG_CHATID="5", API_PORT="0") as program:
        await here.is_watching(program)
        assert messages(program, "WARNING") == [
            "OI_POLL_SECS is not a setting of altmonitor: did you mean OI_POLL_SEC?",
            "TG_CHATID is not a setting of altmonitor: did you mean TG_CHAT_ID?",
        ]


async def test_a_wrong_token_ends_it_with_the_way_out(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        assert await refusal(here, TG_BOT_TOKEN="123456:" + "B" * 35) == (
            2,
            ["Telegram refuses the bot token: get a valid one from @BotFather and set TG_BOT_TOKEN"],
        )


async def test_a_port_in_use_is_named_with_its_variable(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        async with world(tmp_path) as here:
            assert await refusal(here, API_PORT=str(port)) == (
                1,
                [f"API_PORT={port} is in use on 127.0.0.1: stop the other program or set another API_PORT"],
            )


# --- files -------------------------------------------------------------------------------------------------------


async def test_a_directory_without_write_access_is_named_for_the_database(tmp_path: Path) -> None:
    prefix = as_an_ordinary_user()
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o500)
    async with world(tmp_path) as here:
        assert await refusal(here, prefix=prefix, DB_FILE=str(closed / "alerts.db")) == (
            1,
            [
                f"{closed}/alerts.db.lock cannot be written (Permission denied): make its directory writable, "
                "or set DB_FILE elsewhere"
            ],
        )
        assert await refusal(here, prefix=prefix, DB_FILE=str(closed / "data" / "alerts.db")) == (
            1,
            [
                f"{closed}/data cannot be made (Permission denied): make it writable, or set DB_FILE elsewhere",
            ],
        )
    assert list(closed.iterdir()) == []


async def test_a_place_where_settings_cannot_be_saved_is_told_before_they_are_changed(tmp_path: Path) -> None:
    prefix = as_an_ordinary_user()
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o500)
    state = closed / "state.json"
    async with world(tmp_path) as here, here.program(prefix=prefix, STATE_FILE=str(state)) as program:
        await here.is_watching(program)
        assert messages(program, "WARNING") == [
            f"changes made in the chat cannot be saved: {state} cannot be written (Permission denied): check the "
            "rights of the file and its directory, or set STATE_FILE"
        ]
        here.telegram.inject_message(READER, "/set_pump 5", user_id=READER)
        await here.hears("Permission denied")
        here.telegram.inject_message(READER, "/status", user_id=READER)
        assert "PUMP from 3 %" in (await here.hears("Settings")).text


async def test_a_damaged_database_is_kept_aside_and_told(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        here.database.write_bytes(b"no database at all" * 500)
        async with here.program() as program:
            message = await here.hears("alert database was damaged")
            await here.is_watching(program)
        kept = only(tmp_path, "alerts.db.corrupt-*")
        assert kept.read_bytes() == b"no database at all" * 500
        assert kept.name in message.text
        assert [kept.name in line for line in messages(program, "ERROR")] == [True]
        assert here.rows("SELECT count(*) FROM alerts") == [(0,)]


@pytest.mark.parametrize(
    ("statements", "line"),
    [
        (
            ["CREATE TABLE alerts (id INTEGER)", "PRAGMA user_version = 99"],
            "{path} was written by a newer altmonitor (version 99, this one knows 4): install the newer one, "
            "or set DB_FILE to another file; nothing was changed",
        ),
        (
            ["CREATE TABLE users (name TEXT)"],
            "{path} is the database of another program (tables users): set DB_FILE to another file",
        ),
    ],
)
async def test_a_database_that_is_not_ours_to_change_is_left_as_it_is(
    tmp_path: Path, statements: list[str], line: str
) -> None:
    async with world(tmp_path) as here:
        database(here.database, *statements)
        before = here.database.read_bytes()
        assert await refusal(here) == (1, [line.format(path=here.database)])
        assert here.database.read_bytes() == before


async def test_the_older_tools_database_comes_along_with_every_row(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        database(
            here.database,
            OLDER_TOOLS_TABLE,
            "INSERT INTO alerts (ts, symbol, kind, direction, price, change_pct, lsr) "
            "VALUES (1700000000.5, 'SOLUSDT', 'price', 'PUMP', 61.5, 3.25, 1.5)",
            "INSERT INTO alerts (ts, symbol, kind, direction, oi_change, metric, note) "
            "VALUES (1700000060, '币安人生USDT', 'oi', 'DOWN', -6.5, -6.5, '5m')",
            "INSERT INTO alerts (ts, symbol) VALUES (1700000120, 'XUSDT')",
        )
        async with here.program() as program:
            await here.is_watching(program)
            told = msgspec.json.decode((await program.get("/api/alerts"))[1])["alerts"]
        assert [(row["ts"], row["symbol"], row["kind"], row["direction"], row["price"]) for row in told] == [
            (1700000120.0, "XUSDT", "price", "PUMP", None),
            (1700000060.0, "币安人生USDT", "oi", "DOWN", None),
            (1700000000.5, "SOLUSDT", "price", "PUMP", 61.5),
        ]
        copy = only(tmp_path, "alerts.db.before-v*")
        with closing(sqlite3.connect(copy)) as db:
            assert db.execute("SELECT count(*) FROM alerts").fetchall() == [(3,)]
        assert f"the database was migrated; a copy from before is {copy}" in messages(program, "INFO")
        assert here.rows("SELECT count(*) FROM deliveries") == [(0,)]


async def test_damaged_settings_are_kept_aside_and_told(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        here.state.write_text('{"version": 1, "pump_threshold": 5.0, "dump_thr', encoding="utf-8")
        async with here.program(PUMP_THRESHOLD="7.5") as program:
            message = await here.hears("saved settings were damaged")
            assert "PUMP +7.5 %" in (await here.hears("watches")).text
        kept = only(tmp_path, "state.json.corrupt-*")
        assert kept.read_text(encoding="utf-8") == '{"version": 1, "pump_threshold": 5.0, "dump_thr'
        assert kept.name in message.text
        assert messages(program, "WARNING") == [
            f"{here.state} is damaged (Input data was truncated): kept as {kept.name}, "
            "the environment's values are used"
        ]


async def test_settings_of_a_newer_version_are_left_as_they_are(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        here.state.write_text('{"version": 3, "pump_threshold": 5.0}', encoding="utf-8")
        assert await refusal(here) == (
            1,
            [f"{here.state} has version 3, this altmonitor knows 2: update altmonitor, or move the file away"],
        )
        assert here.state.read_text(encoding="utf-8") == '{"version": 3, "pump_threshold": 5.0}'


async def test_a_second_one_on_the_same_database_is_refused_and_the_first_goes_on(tmp_path: Path) -> None:
    async with world(tmp_path) as here, here.program() as first:
        await here.is_watching(first)
        assert await refusal(here) == (
            1,
            [
                f"{here.database} is in use by another altmonitor (process {first.pid}): stop that one, "
                "or set another DB_FILE"
            ],
        )
        await here.pump(here.symbols[0])
        await here.hears(f"PUMP {here.symbols[0]}")


# --- the other side is away --------------------------------------------------------------------------------------


async def health(program: Program) -> tuple[str, list[str]]:
    body = msgspec.json.decode((await program.get("/health"))[1])
    return body["status"], body["reasons"]


async def test_without_an_exchange_it_goes_on_and_sees_as_soon_as_there_is_one(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        port = int(here.exchange.rest_url.rpartition(":")[2])
        await here.exchange.stop()
        async with here.program() as program:
            line = await program.line("the contract list cannot be read, nothing is watched until it can be")
            assert "(check the network, HTTPS_PROXY and BINANCE_REST_URL)" in line
            status, reasons = await health(program)
            assert status == "degraded"
            assert [reason.partition(":")[0] for reason in reasons] == ["starting"]
            await here.exchange.start(port=port)
            await here.is_watching(program)
            await here.pump(here.symbols[0])
            await here.hears(f"PUMP {here.symbols[0]}")
            assert await health(program) == ("ok", [])
        assert "Traceback" not in program.log


async def test_the_chat_hears_of_it_when_no_contract_list_could_be_read_for_half_a_minute(tmp_path: Path) -> None:
    async with stage(tmp_path, speed=20) as here:
        here.exchange.faults.rest[ANY_PATH] = RestFault(status=503)
        message = await here.said("BLIND: no market data yet", within_s=60)
        assert "The contract list could not be read: nothing is watched until it can be." in message.text
        here.exchange.faults.rest.clear()
        await here.said("watches 27 symbols", within_s=180)
        assert here.count("BLIND") == 1


async def test_without_telegram_it_watches_and_tells_later(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        await here.telegram.refuse_connections()
        symbol = here.symbols[0]
        async with here.program() as program:
            await here.is_watching(program)
            await here.until(lambda: any("no connection to Telegram" in line for line in messages(program, "WARNING")))
            await here.pump(symbol)
            await here.until(lambda: here.rows("SELECT state FROM deliveries") == [("queued",)])
            assert here.said == []
            await here.telegram.accept_connections()
            message = await here.hears(f"PUMP {symbol}")
            assert "may have reached you already" not in message.text
            await here.until(lambda: here.rows("SELECT state FROM deliveries") == [("sent",)])
        assert [symbol in message.text for message in here.said].count(True) == 1
