"""The HTTP side of the whole program: alerts are streamed at once, and a command does there what it does in a chat."""

from __future__ import annotations

import asyncio
import json
import os
import re
from contextlib import suppress
from pathlib import Path

import aiohttp
import pytest

from altmonitor.ops.health_probe import ProbeAnswer, ask
from altmonitor.sim.script import Pump
from tests.e2e.process import world
from tests.e2e.stage import START_MS, SYMBOLS, stage

SECRET = "a-secret-of-the-test"
TOKEN = {"Authorization": f"Bearer {SECRET}"}
ONE = SYMBOLS[0]


async def test_an_alert_is_streamed_as_it_is_stored(tmp_path: Path) -> None:
    async with stage(tmp_path, Pump(ONE, START_MS + 130_000, 6.0, over_s=5), speed=10, API_TOKEN=SECRET) as here:
        await here.is_live()
        url = f"http://127.0.0.1:{here.app.server_port}/api/stream"
        async with aiohttp.ClientSession(headers=TOKEN) as session, session.get(url) as stream, asyncio.timeout(40):
            while (await stream.content.readline()).decode().strip() != "event: alert":
                pass
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


class Flood:
    """Keeps `count` connections to the port open and opens another wherever one is closed. They never ask anything."""

    def __init__(self, port: int, count: int) -> None:
        self._port = port
        self.opened = 0
        self._tasks = [asyncio.create_task(self._keep_one(number)) for number in range(count)]

    async def _keep_one(self, number: int) -> None:
        while True:
            with suppress(OSError):
                reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
                self.opened += 1
                try:
                    if number % 3 == 0:
                        writer.write(b"GET /health HTTP/1.1\r\nX-Slow: ")
                    with suppress(OSError):
                        await reader.read()
                finally:
                    writer.transport.abort()
            await asyncio.sleep(0.02)

    async def end(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.wait(self._tasks)


def _descriptors(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="counts descriptors in /proc")
async def test_a_flood_of_connections_blinds_nobody_and_says_little(tmp_path: Path) -> None:
    """The program may open 256 files, and 200 connections are kept pressing on its port."""
    limited = ("sh", "-c", 'ulimit -n 256; exec "$@"', "sh")
    async with world(tmp_path) as here, here.program(prefix=limited) as program:
        await here.is_watching(program)
        before = _descriptors(program.pid)
        port = int((await program.match(re.compile(r"HTTP on \S+ port (\d+)")))[1])
        flood = Flood(port, 200)
        try:
            await here.until(lambda: flood.opened > 600)
            await here.pump(here.symbols[0])
            await here.hears(here.symbols[0])
            most = 0
            for _ in range(10):
                assert await asyncio.to_thread(ask, "127.0.0.1", port) == ProbeAnswer("ok", ())
                await asyncio.sleep(0.1)
                most = max(most, _descriptors(program.pid))
            assert flood.opened > 1_000
        finally:
            await flood.end()
        assert most < 220
        await here.until(
            lambda: _descriptors(program.pid) <= before + 20
        )  # what is left is the market's and the chat's
        assert "Traceback" not in program.log
        assert "Too many open files" not in program.log
        assert len([line for line in program.lines if "HTTP refused or cut off" in line]) in (1, 2)
        assert len(program.log) < 10_000
        assert not [message.text for message in here.said if "BLIND" in message.text]
