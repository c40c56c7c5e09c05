"""A monitor beside this process, asked over HTTP: what is sent, what comes back, and what is said when it does not."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from altmonitor.app.monitor_client import MonitorClient
from altmonitor.app.standalone import StandaloneOperations
from altmonitor.operations.errors import Blocked, Forbidden, NoMonitor, Unavailable, UnknownContract
from altmonitor.operations.table import OPERATION_OF
from tests.app.test_standalone import configured
from tests.operations.operations_kit import Bench

SETTINGS = {
    "symbols": {},
    "muted": {},
    "watchlist": [],
    "kinds": ["price"],
    "numbers": [],
    "lang": "en",
    "tz": "UTC",
    "quiet": None,
    "budget_per_day": 0,
}


@dataclass
class Monitor:
    """Answers every request alike and remembers it."""

    answer: Any = None
    status: int = 200
    seen: list[tuple[str, str, str, str]] = field(default_factory=list)
    port: int = 0

    async def handle(self, request: web.Request) -> web.Response:
        body = await request.text()
        self.seen.append((request.method, request.path_qs, body, request.headers.get("Authorization", "")))
        text = self.answer if isinstance(self.answer, str) else json.dumps(self.answer)
        return web.Response(text=text, status=self.status, content_type="application/json")


@asynccontextmanager
async def monitor() -> AsyncIterator[Monitor]:
    found = Monitor()
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", found.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    found.port = runner.addresses[0][1]
    try:
        yield found
    finally:
        await runner.cleanup()


async def test_what_only_a_monitor_knows_is_asked_there_with_the_token(tmp_path: Path) -> None:
    async with monitor() as there:
        token = "t0ken-of-the-monitor"
        config = configured(tmp_path, API_PORT=str(there.port), API_TOKEN=token)
        async with MonitorClient(config) as client:
            here = StandaloneOperations(Bench().context(is_running=False, may_write=False), client)
            why, change = OPERATION_OF["why"], OPERATION_OF["set_settings"]
            there.answer = {
                "symbol": "SOLUSDT",
                "at_ms": 1,
                "is_now": True,
                "rules": [],
                "alerts": None,
                "gap": None,
                "known_from_ms": None,
            }
            assert (await here.answer(why, why.read({"symbol": "sol/usdt", "at_s": 5}))).symbol == "SOLUSDT"
            there.answer = {"changes": [], "warning": None, "settings": SETTINGS}
            await here.answer(change, change.read({"pump_threshold": 5}))
    assert there.seen == [
        ("GET", "/api/symbols/sol%2Fusdt/why?at_s=5.0", "", f"Bearer {token}"),
        ("PUT", "/api/settings", '{"pump_threshold": 5.0}', f"Bearer {token}"),
    ]


async def test_what_is_known_here_is_not_asked_there(tmp_path: Path) -> None:
    async with monitor() as there, MonitorClient(configured(tmp_path, API_PORT=str(there.port))) as client:
        row = OPERATION_OF["get_alerts"]
        here = StandaloneOperations(Bench().context(is_running=False), client)
        assert (await here.answer(row, row.read({"limit": 1}))).alerts
    assert there.seen == []


async def test_its_problems_keep_their_kind(tmp_path: Path) -> None:
    async with monitor() as there, MonitorClient(configured(tmp_path, API_PORT=str(there.port))) as client:
        row = OPERATION_OF["why"]
        asked = row.read({"symbol": "sol"})
        for status, answer, kind, said in [
            (404, {"code": "unknown_contract", "detail": "no contract 'x'"}, UnknownContract, "no contract"),
            (503, {"code": "blocked", "detail": "refused", "until_ms": 7}, Blocked, "refused"),
            (401, {"error": "needs a token"}, Forbidden, "API_TOKEN"),
            (500, "not json", Unavailable, "HTTP 500"),
            (200, {"of": "another version"}, Unavailable, "run the same"),
            (200, "not json", Unavailable, "run the same"),
        ]:
            there.status, there.answer = status, answer
            with pytest.raises(kind, match=said) as problem:
                await client.answer(row, asked)
            assert problem.value.until_ms == (7 if kind is Blocked else None)


async def test_without_a_monitor_it_says_how_to_start_one(tmp_path: Path) -> None:
    async with monitor() as there:
        pass
    for port in (str(there.port), "0"):
        async with MonitorClient(configured(tmp_path, API_PORT=port)) as client:
            row = OPERATION_OF["get_market"]
            with pytest.raises(NoMonitor, match="start `altmonitor run`"):
                await client.answer(row, row.read({}))
