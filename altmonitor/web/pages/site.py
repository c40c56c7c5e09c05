"""Addresses of the dashboard → pages, and the pieces of them that are asked for again while somebody looks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

import msgspec
from aiohttp import web

from altmonitor.core.clock import Clock
from altmonitor.core.errors import AltmonitorError
from altmonitor.operations.context import OperationContext
from altmonitor.operations.errors import OperationError
from altmonitor.web.pages import views
from altmonitor.web.pages.alerts import alerts_view, piece_of
from altmonitor.web.pages.frame import frame_values, page_style
from altmonitor.web.pages.market import live_cells
from altmonitor.web.pages.rendering import PageTemplates, answer
from altmonitor.web.pages.trial import trial
from altmonitor.web.pages.visit import View, Visit
from altmonitor.web.static_files import StaticFiles

PAGES: Final[Mapping[str, Callable[[Visit], Awaitable[View]]]] = {
    "/": views.overview,
    "/alerts": views.alerts,
    "/smart-money": views.smart_money,
    "/divergence": views.divergence,
    "/statistics": views.statistics,
    "/try": trial,
    "/settings": views.settings,
    "/status": views.health,
    "/symbol/{symbol}": views.one_symbol,
    "/why/{symbol}": views.why,
    "/sign-in": views.sign_in,
}
AT_ONCE: Final = 4
WITHIN_S: Final = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PagesDeps:
    """clock: of requests, not of the market. stream_name: first part of an event's id.

    csrf: what a page that may change settings has to send back; '' for a visitor who may only read.
    """

    context: OperationContext
    clock: Clock
    stream_name: Callable[[], str]
    csrf: Callable[[web.Request], str]
    static: StaticFiles = field(default_factory=StaticFiles)


class Pages:
    def __init__(self, deps: PagesDeps) -> None:
        self._deps = deps
        self._templates = PageTemplates()
        self._turns = asyncio.Semaphore(AT_ONCE)

    def add_to(self, router: web.UrlDispatcher) -> None:
        for path, page in PAGES.items():
            router.add_get(path, self._page(page))
        for path, piece in {
            "/pieces/state": self._state,
            "/pieces/alerts": self._alerts,
            "/pieces/market": self._market,
            "/pieces/who/{symbol}": self._who,
        }.items():
            router.add_get(path, piece)
        router.add_get("/static/{name:.+}", self._deps.static.answer)

    def _page(self, page: Callable[[Visit], Awaitable[View]]) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def answered(request: web.Request) -> web.Response:
            visit = await self._visit(request)
            try:
                async with self._turn():
                    view = await page(visit)
            except OperationError as problem:
                view = views.problem(visit, problem.detail, "", status=problem.status)
            except (AltmonitorError, TimeoutError) as problem:
                view = views.problem(visit, visit.t("failed", reason=visit.why(problem)), "", status=503)
            frame = frame_values(visit.context, visit.style, page=view.page, root=visit.root, title=view.title)
            values = {**frame, "asset": self._deps.static.address, **view.values}
            return await answer(request, await self._templates.html(view.template, values), status=view.status)

        return answered

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        """What is read from the database waits for alerts that are written to it. Raises: TimeoutError."""
        async with self._deps.clock.timeout(WITHIN_S), self._turns:
            yield

    async def _visit(self, request: web.Request) -> Visit:
        context = self._deps.context
        return Visit(
            request=request,
            context=context,
            style=await page_style(context),
            after=lambda alert_id: f"{self._deps.stream_name()}-{alert_id}",
            csrf="" if context.change_settings is None else self._deps.csrf(request),
        )

    # --- pieces --------------------------------------------------------------------------------------------------

    async def _piece(self, visit: Visit, template: str, values: Mapping[str, object]) -> web.Response:
        frame = frame_values(visit.context, visit.style, page="", root=visit.page_root, title="")
        return await answer(visit.request, await self._templates.html(template, {**frame, **values}))

    async def _state(self, request: web.Request) -> web.Response:
        return await self._piece(await self._visit(request), "state.html", {})

    async def _alerts(self, request: web.Request) -> web.Response:
        visit = await self._visit(request)
        try:
            async with self._turn():
                found = await alerts_view(visit.context, visit.query, visit.style)
        except TimeoutError as problem:
            raise web.HTTPServiceUnavailable(reason="the stored alerts did not answer in time") from problem
        return await self._piece(visit, "alert_list.html", {"alerts": found, "piece": piece_of(found, visit.page_root)})

    async def _who(self, request: web.Request) -> web.Response:
        visit = await self._visit(request)
        return await self._piece(visit, "lines.html", {"lines": await views.who_lines(visit, visit.symbol())})

    async def _market(self, request: web.Request) -> web.Response:
        """`symbols`: those on the screen, separated by commas."""
        visit = await self._visit(request)
        table = visit.context.running().at(visit.venue()).board.table()
        body = msgspec.json.encode(live_cells(table, visit.query.get("symbols", "").split(","), visit.style))
        return await answer(request, body, {"Content-Type": "application/json"})
