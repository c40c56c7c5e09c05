"""The HTTP side of the whole program: alerts are streamed at once, and a command does there what it does in a chat."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import aiohttp

from altmonitor.sim.script import Pump
from tests.e2e.stage import START_MS, SYMBOLS, stage

SECRET = "a-secret-of-the-test"
TOKEN = {"Authorization": f"Bearer {SECRET}"}
ONE = SYMBOLS[0]


async def test_an_alert_is_streamed_as_it_is_stored(tmp_path: Path) -> None:
    async with stage(tmp_path, Pump(ONE, START_MS + 130_000, 6.0, over_s=5), speed=10, API_TOKEN=SECRET) as here:
        await here.is_live()
        url = f"http://127.0.0.1:{here.app.server_port}/api/stream"
        async with aiohttp.ClientSession(headers=TOKEN) as session, session.get(url) as stream, asyncio.timeout(40):
            while not (line := (await stream.content.readline()).decode()).startswith("data: "):
                pass
        alert = json.loads(line.removeprefix("data: "))
        stored = {row.id: row for row in await here.alerts()}
        assert (alert["symbol"], alert["kind"], alert["direction"]) == (ONE, "price", "PUMP")
        assert stored[alert["id"]].key == alert["key"]


async def test_a_command_over_http_is_the_command_of_the_chat(tmp_path: Path) -> None:
    async with stage(tmp_path, speed=10, API_TOKEN=SECRET) as here:
        await here.is_live()
        url = f"http://127.0.0.1:{here.app.server_port}/api/commands"
        async with aiohttp.ClientSession(headers=TOKEN) as session:
            async with session.post(url, json={"text": "/set_pump 7"}) as answer:
                assert "<b>7 %</b>" in (await answer.json())["html"][0]
            async with session.get(url) as answer:
                names = {command["name"] for command in (await answer.json())["commands"]}
        assert here.app.market.engine.settings.pump_threshold == 7.0
        assert {"set_pump", "why", "budget", "undo"} <= names
        assert json.loads((tmp_path / "state.json").read_text())["pump_threshold"] == 7.0
