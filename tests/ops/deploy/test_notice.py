"""The message after a deployment, from a process of its own to the simulated Bot API."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from altmonitor.core.clock import SystemClock
from altmonitor.sim.telegram.server import SimTelegram

TOKEN = "123456:" + "notice-Token_0123456789-abcdefghijk"


@pytest.fixture
async def telegram() -> AsyncIterator[SimTelegram]:
    telegram = SimTelegram(clock=SystemClock(), token=TOKEN)
    await telegram.start()
    yield telegram
    await telegram.stop()


async def noticed(text: str, *arguments: str, **environ: str) -> tuple[int | None, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "altmonitor.ops.deploy.notice", *arguments),
        env={"PATH": os.environ["PATH"], **environ},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate(text.encode())
    return process.returncode, output.decode()


async def test_it_arrives_with_the_settings_of_the_container(telegram: SimTelegram) -> None:
    code, output = await noticed("✅ well", TG_BOT_TOKEN=TOKEN, TG_CHAT_ID="77", TELEGRAM_API_URL=telegram.url)

    assert (code, output) == (0, "")
    assert [message.text for message in telegram.chats[77]] == ["✅ well"]


async def test_it_arrives_with_the_settings_of_a_file(telegram: SimTelegram, tmp_path: Path) -> None:
    env_file = tmp_path / "my env"
    env_file.write_text(f"TG_BOT_TOKEN={TOKEN}\nTG_CHAT_ID=77  # me\nTELEGRAM_API_URL={telegram.url}\n")

    assert await noticed("✅ well", "--env-file", str(env_file)) == (0, "")
    assert [message.text for message in telegram.chats[77]] == ["✅ well"]


async def test_a_refusal_is_told_without_the_token(telegram: SimTelegram) -> None:
    wrong = "999999:" + "x" * 35
    code, output = await noticed("hi", TG_BOT_TOKEN=wrong, TG_CHAT_ID="77", TELEGRAM_API_URL=telegram.url)

    assert (code, output) == (1, "Telegram refused it with status 401\n")


async def test_no_way_to_telegram_is_told_without_the_token() -> None:
    code, output = await noticed("hi", TG_BOT_TOKEN=TOKEN, TG_CHAT_ID="77", TELEGRAM_API_URL="http://127.0.0.1:9")

    assert code == 1
    assert "Telegram cannot be reached" in output
    assert TOKEN not in output


async def test_without_a_bot_nothing_is_sent() -> None:
    assert await noticed("hi") == (1, "TG_BOT_TOKEN or TG_CHAT_ID is not set\n")
