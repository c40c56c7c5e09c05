"""The pages over a market that stands still, asked for over a real socket."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from html import unescape

import aiohttp

from altmonitor.core.clock import SystemClock
from altmonitor.core.errors import NoSnapshotsYet
from altmonitor.operations.context import OperationContext
from altmonitor.storage.snapshot_queries import SnapshotQueries
from altmonitor.web.server import HttpServer, HttpServerDeps
from tests.commands.executor_kit import healthy
from tests.operations.operations_kit import Bench

PAGES = (
    "",
    "alerts",
    "smart-money",
    "divergence",
    "statistics",
    "try",
    "settings",
    "status",
    "symbol/SOLUSDT",
    "why/SOLUSDT",
)


@dataclass(frozen=True, kw_only=True)
class Answer:
    status: int
    html: str
    headers: Mapping[str, str]

    @property
    def text(self) -> str:
        """What a reader without a script sees, blanks joined."""
        shown = re.sub(r"<(script|style).*?</\1>|<[^>]+>", " ", self.html, flags=re.S)
        return " ".join(unescape(shown).split())

    def rows(self) -> list[list[str]]:
        """Cells of the bodies of all tables."""
        bodies = re.findall(r"<tbody>(.*?)</tbody>", self.html, flags=re.S)
        found = []
        for row in re.findall(r"<tr.*?</tr>", "".join(bodies), flags=re.S):
            cells = re.findall(r"<t[hd].*?</t[hd]>", row, flags=re.S)
            found.append([" ".join(unescape(re.sub(r"<[^>]+>", "", cell)).split()) for cell in cells])
        return found

    def heads(self) -> list[str]:
        head = re.findall(r"<thead>(.*?)</thead>", self.html, flags=re.S)[0]
        cells = re.findall(r"<th[^>]*>(.*?)</th>", head, flags=re.S)
        return [re.sub(r"<span aria-hidden.*?</span>|<[^>]+>", "", cell).strip() for cell in cells]


class Browser:
    def __init__(self, port: int, session: aiohttp.ClientSession) -> None:
        self.port = port
        self._session = session

    async def get(self, path: str, **headers: str) -> Answer:
        url = f"http://127.0.0.1:{self.port}/{path}"
        async with self._session.get(url, headers=headers) as answer:
            return Answer(status=answer.status, html=await answer.text(), headers=answer.headers)


@asynccontextmanager
async def nothing_tracked() -> AsyncIterator[SnapshotQueries]:
    raise NoSnapshotsYet("nothing was tracked yet: run `altmonitor track`")
    yield


def standing() -> OperationContext:
    """Of the bench, without a tracker."""
    return replace(Bench().context(), snapshots=nothing_tracked)


@contextmanager
def served(context: OperationContext, **changes: object) -> Iterator[str]:
    """The address of its pages, from a thread of their own: for a browser that is driven from this one."""
    ready, over = threading.Event(), asyncio.Event()
    told: list[str] = []
    loop = asyncio.new_event_loop()

    async def serve() -> None:
        async with pages(context, **changes) as site:
            told.append(f"http://127.0.0.1:{site.port}/")
            ready.set()
            await over.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),), daemon=True)
    thread.start()
    assert ready.wait(20)
    try:
        yield told[0]
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join(10)
        loop.close()


@asynccontextmanager
async def pages(context: OperationContext | None = None, **changes: object) -> AsyncIterator[Browser]:
    """changes: of the context."""
    context = replace(context or standing(), **changes)  # type: ignore[arg-type]
    deps = HttpServerDeps(host="127.0.0.1", port=0, health=healthy, operations=context, clock=SystemClock())
    server = HttpServer(deps)
    await server.start()
    try:
        async with aiohttp.ClientSession() as session:
            yield Browser(server.port, session)
    finally:
        await server.stop()
