"""Asking the monitor on this machine, against real sockets."""

from __future__ import annotations

import asyncio
import json
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from altmonitor.ops.health_probe import address

OK = {"status": "ok", "reasons": []}
STARTING = {"status": "degraded", "reasons": ["starting: no data yet, 3 s after the start"]}
DEGRADED = {"status": "degraded", "reasons": ["delivery_trouble: Telegram does not answer"]}
DOWN = {"status": "down", "reasons": ["feed_blind: no data for 70 s"]}


@asynccontextmanager
async def serving(body: str, status: int) -> AsyncIterator[int]:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(text=body, status=status, content_type="application/json")

    app = web.Application()
    app.router.add_get("/health", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield int(runner.addresses[0][1])
    finally:
        await runner.cleanup()


async def probed(port: int, *arguments: str) -> tuple[int | None, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "altmonitor.ops.health_probe", *arguments),
        env={"API_PORT": str(port), "API_HOST": "0.0.0.0"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    return process.returncode, output.decode().strip()


@pytest.mark.parametrize(
    ("body", "status", "code", "code_strictly", "line"),
    [
        (OK, 200, 0, 0, "ok"),
        (STARTING, 200, 1, 1, "degraded: starting: no data yet, 3 s after the start"),
        (DEGRADED, 200, 0, 1, "degraded: delivery_trouble: Telegram does not answer"),
        (DOWN, 503, 1, 1, "down: feed_blind: no data for 70 s"),
    ],
)
async def test_what_the_monitor_says_becomes_an_exit_code_and_a_line(
    body: dict[str, object], status: int, code: int, code_strictly: int, line: str
) -> None:
    async with serving(json.dumps(body), status) as port:
        assert await probed(port) == (code, line)
        assert await probed(port, "--ok") == (code_strictly, line)


async def test_for_programs_it_prints_json_with_the_codes_where_the_monitor_tells_them() -> None:
    codes = [{"code": "feed_blind", "values": {"seconds": 70}, "cause": None, "venue": None}]
    for body, told in ((DOWN | {"reason_codes": codes}, codes), (DOWN, [])):
        async with serving(json.dumps(body), 503) as port:
            code, line = await probed(port, "--json", "--ok")
        assert (code, json.loads(line)) == (1, DOWN | {"reason_codes": told})


@pytest.mark.parametrize("body", ["<html>", "[]", '{"status": "ok"}', ""])
async def test_another_program_on_the_port_is_not_taken_for_the_monitor(body: str) -> None:
    async with serving(body, 200) as port:
        assert await probed(port, "--ok") == (
            1,
            f"unreachable: what answers on 127.0.0.1 port {port} is not altmonitor",
        )


async def test_nobody_there_is_told_with_the_port() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, not listening: refused for sure
        port = taken.getsockname()[1]

        assert await probed(port) == (
            1,
            f"unreachable: nothing answers on 127.0.0.1 port {port}: Connection refused",
        )


@pytest.mark.parametrize(
    ("environ", "asked"),
    [
        ({}, ("127.0.0.1", 3001)),
        ({"API_HOST": "0.0.0.0", "API_PORT": "3002"}, ("127.0.0.1", 3002)),
        ({"API_HOST": "::"}, ("::1", 3001)),
        ({"API_HOST": "10.0.0.5", "API_PORT": " 80 "}, ("10.0.0.5", 80)),
    ],
)
def test_where_it_asks(environ: dict[str, str], asked: tuple[str, int]) -> None:
    assert address(environ) == asked


def test_any_free_port_cannot_be_asked() -> None:
    with pytest.raises(ValueError, match="API_PORT is 0"):
        address({"API_PORT": "0"})
