"""A loopback web server that answers as it is told and remembers what it was asked, and a clock that is walked on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web
from aiohttp.test_utils import TestServer

T0 = 1_790_000_040_000


class WalkingClock:
    """Whoever sleeps moves the time on by as much and is not kept waiting; time-outs are real seconds."""

    def __init__(self) -> None:
        self.ms = float(T0)
        self.slept_s: list[float] = []

    def now_ms(self) -> int:
        return round(self.ms)

    def monotonic(self) -> float:
        return self.ms / 1000

    async def sleep(self, seconds: float) -> None:
        self.slept_s.append(round(seconds, 3))
        self.ms += seconds * 1000
        await asyncio.sleep(0)

    def timeout(self, seconds: float | None) -> asyncio.Timeout:
        return asyncio.timeout(seconds)

    def walk(self, seconds: float) -> None:
        self.ms += seconds * 1000


@dataclass(frozen=True, slots=True)
class Reply:
    """delay_s: real seconds before it is given."""

    body: str | bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    delay_s: float = 0.0


@dataclass
class ScriptedWeb:
    """replies: given in turn, by path; the last one again and again. asked: (path, query, headers) of every request."""

    url: str = ""
    replies: dict[str, list[Reply]] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, str], dict[str, str]]] = field(default_factory=list)

    def script(self, path: str, *replies: Reply) -> None:
        self.replies[path] = list(replies)

    def times(self, path: str) -> int:
        return sum(asked == path for asked, _, _ in self.asked)

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append((request.path, dict(request.query), dict(request.headers)))
        left = self.replies.get(request.path, [])
        reply = left.pop(0) if len(left) > 1 else left[0] if left else Reply(status=404, body="{}")
        if reply.delay_s:
            await asyncio.sleep(reply.delay_s)
        body = reply.body.encode() if isinstance(reply.body, str) else reply.body
        return web.Response(status=reply.status, body=body, headers=reply.headers)


@asynccontextmanager
async def scripted_web() -> AsyncIterator[ScriptedWeb]:
    found = ScriptedWeb()
    app = web.Application()
    app.router.add_get("/{anything:.*}", found.answer)
    async with TestServer(app) as server:
        found.url = str(server.make_url("/")).rstrip("/")
        yield found
