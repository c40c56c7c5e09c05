"""Commands over HTTP: listed for everybody, carried out only with a token, never for a page in a browser."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC

import aiohttp
import pytest

from altmonitor.commands.table import COMMANDS
from altmonitor.core.clock import SystemClock
from altmonitor.core.types import Secret
from altmonitor.render.format import Style
from altmonitor.web.commands import HttpCommands
from altmonitor.web.server import HttpServer, HttpServerDeps
from tests.commands.executor_kit import MAIN, Desk, healthy
from tests.web.web_kit import operations, problem

TOKEN = {"Authorization": "Bearer open sesame"}


@asynccontextmanager
async def site(desk: Desk | None, *, token: str = "open sesame") -> AsyncIterator[str]:  # noqa: S107
    commands = None
    if desk is not None:
        style = Style(lang="en", tz=UTC)
        commands = HttpCommands(desk.desk, clock=SystemClock(), main=lambda: MAIN, style=lambda where: style)
    server = HttpServer(
        HttpServerDeps(
            host="127.0.0.1",
            port=0,
            health=healthy,  # type: ignore[arg-type]
            operations=operations(),
            clock=SystemClock(),
            token=Secret(token),
            commands=lambda: commands,
        )
    )
    await server.start()
    try:
        yield f"http://127.0.0.1:{server.port}/api/commands"
    finally:
        await server.stop()


async def asked(
    method: str, url: str, *, headers: dict[str, str] | None = None, **body: object
) -> tuple[int, dict[str, object]]:
    async with aiohttp.ClientSession() as session, session.request(method, url, headers=headers, **body) as answer:  # type: ignore[arg-type]
        return answer.status, await answer.json()


async def test_the_table_is_listed() -> None:
    async with site(Desk()) as url:
        status, body = await asked("GET", url, headers=TOKEN)
    assert status == 200
    rows = body["commands"]
    assert isinstance(rows, list)
    assert rows[0] == {
        "name": "status",
        "usage": "/status",
        "meaning": "settings and live health",
        "is_reading": True,
        "arguments": {"type": "object", "properties": {}, "required": [], "additionalProperties": False},
    }
    (stats,) = (row for row in rows if row["name"] == "stats")
    assert stats["arguments"]["properties"] == {
        "hours": {"type": "integer", "minimum": 1, "maximum": 720, "default": 24},
        "venue": {"anyOf": [{"enum": ["binance", "bybit", "hyperliquid", "okx"]}, {"type": "null"}], "default": None},
    }
    assert [row["name"] for row in rows] == [row.name for row in COMMANDS]


async def test_a_command_is_carried_out_and_answered() -> None:
    desk = Desk()
    async with site(desk) as url:
        assert await asked("POST", url, headers=TOKEN, json={"text": "/set_pump 5"}) == (
            200,
            {"html": ["✅ PUMP from 3 % → <b>5 %</b>"]},
        )
    assert desk.settings.pump_threshold == 5.0
    assert desk.store.who == ["HTTP"]


@pytest.mark.parametrize("headers", [None, {"Authorization": "Bearer wrong"}])
async def test_without_the_token_nothing_is_done(headers: dict[str, str] | None) -> None:
    desk = Desk()
    async with site(desk) as url:
        status, _ = await asked("POST", url, headers=headers, json={"text": "/set_pump 5"})
    assert (status, desk.store.saved) == (401, [])


async def test_where_no_token_is_set_commands_are_refused_even_on_this_machine() -> None:
    desk = Desk()
    async with site(desk, token="") as url:
        status, body = await asked("POST", url, json={"text": "/set_pump 5"})
    assert status == 403
    assert problem(body) == (403, "forbidden", "changes over HTTP need API_TOKEN to be set")
    assert desk.store.saved == []


@pytest.mark.parametrize(
    "body",
    [
        {"data": "text=/set_pump 5"},
        {"data": b'{"text": "/set_pump 5"}', "headers": TOKEN | {"Content-Type": "text/plain"}},
        {"json": {"text": 5}},
        {"json": {"text": "/status", "chat": 7}},
        {"json": ["/status"]},
        {"json": {"text": "hello"}},
        {"json": {"text": "/" + "x" * 600}},
        {"data": b"\xff\xfe", "headers": TOKEN | {"Content-Type": "application/json"}},
    ],
)
async def test_what_is_no_order_is_refused_with_one_line(body: dict[str, object]) -> None:
    desk = Desk()
    async with site(desk) as url:
        status, answer = await asked("POST", url, **({"headers": TOKEN} | body))  # type: ignore[arg-type]
    assert status == 400
    assert problem(answer)[:2] == (400, "bad_argument")
    assert "\n" not in str(answer["detail"])
    assert desk.store.saved == []


async def test_in_a_dry_run_there_is_nobody_to_command() -> None:
    async with site(None) as url:
        assert (await asked("GET", url, headers=TOKEN))[0] == 404
        assert (await asked("POST", url, headers=TOKEN, json={"text": "/status"}))[0] == 404
