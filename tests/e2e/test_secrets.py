"""The bot token stays out of everything that can be read, copied or pasted into a report, whatever goes wrong."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

from altmonitor.sim.telegram.values import Faults, Outage
from tests.e2e.process import READER, TOKEN, Program, World, world

API_TOKEN = "api-side-secret-0123456789"
SECRETS = {word.encode() for word in (TOKEN, quote(TOKEN, safe=""), TOKEN.partition(":")[2], API_TOKEN)}
WITH_API_TOKEN = {"Authorization": f"Bearer {API_TOKEN}"}
PATHS = ("/health", "/metrics", "/api/alerts", "/api/alerts/stats", "/nowhere")
HANGING_S = 10_000.0


def dropped(faults: Faults) -> None:
    faults.accept_then_drop = 1


def truncated(faults: Faults) -> None:
    faults.truncate = 1


def portal_page(faults: Faults) -> None:
    faults.html_200 = 1


def refused(code: int) -> Callable[[Faults], None]:
    def set_fault(faults: Faults) -> None:
        faults.refuse_next("sendMessage", code)

    return set_fault


FAILURES = [dropped, truncated, portal_page, refused(429), refused(500), refused(502)]
OUTAGES: tuple[Outage, ...] = ("portal", "bad_gateway", "abort")


async def goes_through_failures(here: World, program: Program, *, last: int) -> None:
    """Everything Telegram can answer, ending with what refuses a token that has worked. last: status of that."""
    faults = here.telegram.faults
    await here.is_watching(program)
    await here.hears("watches")
    for number, set_fault in enumerate(FAILURES):
        set_fault(faults)
        await answers(here, f"SYMBOL{number}USDT")
    for number, outage in enumerate(OUTAGES):
        faults.outage = outage  # ends the poll that waits
        await asyncio.sleep(0.2)
        faults.outage = ""
        await answers(here, f"OUTAGE{number}USDT")
    faults.outage = "portal"
    await here.pump(here.symbols[0])
    await here.until(lambda: here.rows("SELECT error FROM deliveries WHERE state = 'queued' AND error <> ''") != [])
    await is_kept_out_of_http(program)
    faults.refuse_next("sendMessage", last)
    faults.refuse_next("getUpdates", last)
    asked = len(here.telegram.sent("getUpdates"))
    faults.outage = ""
    await here.until(lambda: len(here.telegram.sent("getUpdates")) > asked + 1)  # once refused, and once more
    assert program.is_running, "a token that has worked is asked again"
    assert await program.ends_by(signal.SIGTERM) == 143


async def answers(here: World, symbol: str) -> None:
    here.telegram.inject_message(READER, f"/history {symbol}", user_id=READER)
    await here.hears(symbol)


async def waits_in_vain(here: World, program: Program) -> None:
    """Until the first time-outs."""
    here.telegram.faults.delay_s = HANGING_S
    await here.is_watching(program)
    await program.line("did not answer in time", within_s=60)
    await is_kept_out_of_http(program)


async def is_kept_out_of_http(program: Program) -> None:
    for path in PATHS:
        for headers in ({}, WITH_API_TOKEN):
            status, body = await program.get(path, headers=headers)
            assert status in (200, 401, 404)
            assert found_in(body.encode()) == []


async def exported(here: World) -> bytes:
    """What `altmonitor history --json` prints."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "altmonitor", "history", "--json", "--env-file", os.devnull),
        env={**os.environ, **here.environment()},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    assert process.returncode == 0
    return output


def found_in(content: bytes) -> list[bytes]:
    return sorted(secret for secret in SECRETS if secret in content)


def files_with_secrets(folder: Path) -> list[Path]:
    files = [file for file in folder.rglob("*") if file.is_file()]
    assert files != []
    return [file for file in files if found_in(file.read_bytes())]


async def no_secret_is_shown(folder: Path, *, log_format: str, last: int | None) -> None:
    """last: status that refuses the token; None: nothing is answered any more."""
    settings = {"LOG_LEVEL": "DEBUG", "LOG_FORMAT": log_format, "API_TOKEN": API_TOKEN, "TG_MIN_SEND_INTERVAL": "0.05"}
    async with world(folder, market=None, telegram_speed=60, **settings) as here:
        async with here.program() as program:
            if last is None:
                await waits_in_vain(here, program)
            else:
                await goes_through_failures(here, program, last=last)
            assert files_with_secrets(folder) == []
        assert "Traceback" not in program.log
        assert len(program.lines) > 20
        assert found_in(program.log.encode()) == []
        assert [message.text for message in here.said if found_in(message.html.encode())] == []
        assert files_with_secrets(folder) == []
        assert found_in(await exported(here)) == []
    if log_format == "json":
        assert all({"time", "level", "logger", "message"} <= set(json.loads(line)) for line in program.lines)


async def test_no_secret_is_shown_through_any_failure(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("text", "json", "hanging")]
    for folder in folders:
        folder.mkdir()
    async with asyncio.TaskGroup() as together:
        together.create_task(no_secret_is_shown(folders[0], log_format="text", last=401))
        together.create_task(no_secret_is_shown(folders[1], log_format="json", last=404))
        together.create_task(no_secret_is_shown(folders[2], log_format="json", last=None))
    assert files_with_secrets(tmp_path) == []
