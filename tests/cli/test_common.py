from __future__ import annotations

import asyncio
import os
import subprocess
import sys

import click
from click.testing import CliRunner

from altmonitor.cli.common import Number
from altmonitor.cli.main import cli
from tests import forked


def options_of(command: click.Command, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], click.Parameter]]:
    found = [(path, parameter) for parameter in command.params]
    for name, child in getattr(command, "commands", {}).items():
        found += options_of(child, (*path, name))
    return found


def test_no_number_of_the_command_line_is_a_plain_float() -> None:
    kinds = [(path, one.name) for path, one in options_of(cli) if isinstance(one.type, click.types.FloatParamType)]
    plain = [
        (path, one.name)
        for path, one in options_of(cli)
        if isinstance(one.type, click.types.FloatParamType) and not isinstance(one.type, Number)
    ]
    assert len(kinds) >= 5
    assert plain == []


def test_what_is_no_number_is_answered_with_the_usage_and_exit_code_2() -> None:
    lines = (
        *("who change BTC --minutes {}", "who trend BTC --minutes {}", "who scan --max-age {}", "demo --speed {}"),
        *("who chart BTC --hours {}", "demo --seconds {}", "who scan --limit {}", "demo --symbols {}", "stats {}"),
        *("history -n {}", "sim --port {}", "demo --seed {}"),
    )
    found = []
    for line in lines:
        for text in ("nan", "NaN", "inf", "-inf", "Infinity", "1e400", "", "9" * 5000):
            done = CliRunner().invoke(cli, [text if word == "{}" else word for word in line.split()])
            if done.exit_code != 2 or "Usage: " not in done.output or "Error: " not in done.output:
                found.append((line, text[:10], done.exit_code))
    assert found == []


PROGRAM_ON_WINDOWS = """
import asyncio, os, signal
from altmonitor.cli.common import end_by_signals, run_until_signal

class Loop(asyncio.SelectorEventLoop):
    def add_signal_handler(self, sig, callback, *args):
        raise NotImplementedError

async def work(stop):
    os.kill(os.getpid(), signal.SIGINT)
    async with asyncio.timeout(60):
        await stop.wait()
    print("stopped in order")

end_by_signals()
raise SystemExit(run_until_signal(work, loop_factory=Loop))
"""


def test_a_loop_that_cannot_watch_signals_ends_by_them_all_the_same() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM_ON_WINDOWS], capture_output=True, check=False, timeout=60)
    assert (done.returncode, done.stdout.strip()) == (130, b"stopped in order")


SLOW_TO_STOP = """
import asyncio, os, signal
from altmonitor.cli.common import run_until_signal

async def work(stop):
    os.kill(os.getpid(), signal.SIGTERM)
    await stop.wait()
    print("stopping", flush=True)
    await asyncio.sleep({takes_s})
    print("stopped in order", flush=True)

raise SystemExit(run_until_signal(work, leave_within_s={within_s}))
"""


def test_a_program_that_takes_too_long_to_stop_is_ended() -> None:
    found = []
    for takes_s, within_s in ((60, 0.2), (0.2, 60)):
        code = SLOW_TO_STOP.format(takes_s=takes_s, within_s=within_s)
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False, timeout=50)
        found.append((done.returncode, done.stdout.decode().splitlines()))
    assert found == [(143, ["stopping"]), (143, ["stopping", "stopped in order"])]


async def test_a_secret_on_the_command_line_is_not_repeated() -> None:
    token = "123456789:AAHkQ0123456789abcdefghijklmnopqrst"
    lines = (
        (token,),
        ("run", f"--{token}"),
        ("run", "--env-file", f"{token}/"),
        ("history", "--kind", token),
        ("stats", token),
        ("who", token),
        ("who", "change", token, "--minutes", token),
        ("positioning", token),
        ("positioning", "BTC", "--period", token),
        ("positioning", "BTC", "--limit", token, "--json"),
        ("demo", "--tape", f"{token}.csv"),
        ("demo", "--from", token, "--tape", "x"),
        ("panel", token),
        ("track", "--series", token),
    )
    environ = {
        **os.environ,
        "DB_FILE": "no/such.db",
        "SMART_MONEY_DB_PATH": "no/such.db",
        "HTTPS_PROXY": "http://[::1]:9",
    }
    environ |= dict.fromkeys(("BINANCE_REST_URL", "BINANCE_WEB_URL", "TELEGRAM_API_URL"), "http://127.0.0.1:9")
    found = []
    for line in lines:
        process = await forked.altmonitor(*line, environ=environ)
        async with asyncio.timeout(60):
            out, err = await process.communicate()
        said = (out + err).decode()
        if token[10:] in said or process.returncode not in (1, 2) or "Traceback" in said:
            found.append((line, process.returncode, said))
    assert found == []
