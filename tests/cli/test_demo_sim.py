"""`altmonitor sim`: only the other side, for a monitor that is started by hand."""

from __future__ import annotations

import re
from pathlib import Path

import aiohttp

from altmonitor import config as configuration
from tests.ops.screen import altmonitor_in_terminal


async def test_sim_prints_settings_that_hold_and_says_that_one_may_type_there(tmp_path: Path) -> None:
    words = ("sim", "--symbols", "40")
    async with altmonitor_in_terminal(*words, environ={}, folder=tmp_path, size=(40, 200)) as screen:
        await screen.sees("Below is what arrives in the chat. Type /status or /help and Enter to write to the bot.")
        given = dict(line.split("=", 1) for line in screen.all.splitlines() if re.match(r"[A-Z_]+=", line))
        config, warnings = configuration.load(given, env_file=None)
        assert (warnings, [str(one) for one in config.destinations]) == ([], ["1"])
        assert config.binance_archive_url == given["BINANCE_ARCHIVE_URL"]
        screen.types("/status")
        url = f"{given['TELEGRAM_API_URL']}/bot{given['TG_BOT_TOKEN']}/getUpdates"
        async with aiohttp.ClientSession() as client, client.get(url, params={"timeout": 20}) as answer:
            (update,) = (await answer.json())["result"]
        assert update["message"]["text"] == "/status"
        assert await screen.interrupted() == 0
