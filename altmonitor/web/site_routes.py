"""What people and programs ask for beside `/health`: operations, their description, and the pages. Imported late."""

from __future__ import annotations

from aiohttp import web

from altmonitor.web.openapi import OpenApi
from altmonitor.web.operations import OperationRoutes
from altmonitor.web.pages.site import Pages, PagesDeps


class SiteRoutes:
    def __init__(self, deps: PagesDeps) -> None:
        self._openapi = OpenApi()
        self._operations = OperationRoutes(deps.context, clock=deps.clock)
        self._pages = Pages(deps)

    def add_to(self, router: web.UrlDispatcher) -> None:
        router.add_get("/openapi.json", self._openapi.answer)
        self._operations.add_to(router)
        self._pages.add_to(router)
