"""Commands over HTTP: listed for everybody, carried out only with a token, never for a page in a browser."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import aiohttp
import pytest

from altmonitor.core.clock import SystemClock
from altmonitor.core.types import Secret
from altmonitor.web.api import Commands, ListedCommand
from altmonitor.web.server import HealthServer, Served
from tests.commands.executor_kit import healthy

TOKEN = {"Authorization": "Bearer open sesame"}


class Desk:
    def __init__(self) -> None:
        self.carried_out: list[str] = []

    def listed(self) -> Sequence[ListedCommand]:
        return [ListedCommand(name="status", usage="/status", meaning="how it is", is_reading=True)]

    async def run(self, text: str) -> Sequence[str] | None:
        if not text.startswith("/"):
            return None
        self.carried_out.append(text)
        return [f"<b>{text}</b>"]


@asynccontextmanager
async def site(desk: Commands | None, *, token: str = "open sesame") -> AsyncIterator[str]:  # noqa: S107
    server = HealthServer(
        Served(
            host="127.0.0.1",
            port=0,
            health=healthy,  # type: ignore[arg-type]
            alerts=None,
            clock=SystemClock(),
            token=Secret(token),
            commands=lambda: desk,
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
        assert await asked("GET", url, headers=TOKEN) == (
            200,
            {"commands": [{"name": "status", "usage": "/status", "meaning": "how it is", "is_reading": True}]},
        )


async def test_a_command_is_carried_out_and_answered() -> None:
    desk = Desk()
    async with site(desk) as url:
        assert await asked("POST", url, headers=TOKEN, json={"text": "/set_pump 5"}) == (
            200,
            {"html": ["<b>/set_pump 5</b>"]},
        )
    assert desk.carried_out == ["/set_pump 5"]


@pytest.mark.parametrize("headers", [None, {"Authorization": "Bearer wrong"}])
async def test_without_the_token_nothing_is_done(headers: dict[str, str] | None) -> None:
    desk = Desk()
    async with site(desk) as url:
        status, _ = await asked("POST", url, headers=headers, json={"text": "/set_pump 5"})
    assert (status, desk.carried_out) == (401, [])


async def test_where_no_token_is_set_commands_are_refused_even_on_this_machine() -> None:
    desk = Desk()
    async with site(desk, token="") as url:
        status, body = await asked("POST", url, json={"text": "/set_pump 5"})
    assert (status, body) == (403, {"error": "commands over HTTP need API_TOKEN to be set"})
    assert desk.carried_out == []


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
    assert "\n" not in str(answer["error"])
    assert desk.carried_out == []


async def test_in_a_dry_run_there_is_nobody_to_command() -> None:
    async with site(None) as url:
        assert (await asked("GET", url, headers=TOKEN))[0] == 404
        assert (await asked("POST", url, headers=TOKEN, json={"text": "/status"}))[0] == 404
