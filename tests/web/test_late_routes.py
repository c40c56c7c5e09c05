"""Routes that are made with the first request for one of them."""

from __future__ import annotations

import asyncio

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from altmonitor.web.late_routes import LateRoutes


class Counted:
    """One route; loads: how often it was made."""

    def __init__(self) -> None:
        self.loads = 0

    def load(self) -> web.UrlDispatcher:
        self.loads += 1
        router = web.UrlDispatcher()
        router.add_get("/api/symbols/{symbol}/why", self._why)
        return router

    async def _why(self, request: web.Request) -> web.Response:
        return web.Response(text=request.match_info["symbol"])


async def _health(request: web.Request) -> web.Response:
    return web.Response(text="ok")


async def test_they_are_made_once_and_only_when_an_address_is_asked_for_that_nobody_else_knows() -> None:
    counted, app = Counted(), web.Application()
    late = LateRoutes(counted.load)
    app.router.register_resource(late)
    app.router.add_get("/health", _health)
    async with TestClient(TestServer(app)) as client:
        assert await (await client.get("/health")).text() == "ok"
        assert (counted.loads, late.is_loaded) == (0, False)
        answers = await asyncio.gather(*(client.get(f"/api/symbols/{name}/why") for name in ("SOL", "BTC")))
        assert [await answer.text() for answer in answers] == ["SOL", "BTC"]
        assert (counted.loads, late.is_loaded) == (1, True)
        assert (await client.get("/api/nothing")).status == 404
        wrong = await client.post("/api/symbols/SOL/why")
        assert (wrong.status, wrong.headers["Allow"]) == (405, "GET,HEAD")
        assert await (await client.get("/health")).text() == "ok"
        assert counted.loads == 1
