"""Routes that nobody asked for yet cost a start nothing: what they need is imported with the first request for them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

from aiohttp import web
from yarl import URL


class LateRoutes(web.AbstractResource):
    """Stands for every address that the application itself does not know. load: imports what they need and gives them,
    in a thread of its own, so that the loop goes on meanwhile."""

    def __init__(self, load: Callable[[], web.UrlDispatcher]) -> None:
        super().__init__()
        self._load = load
        self._loading = asyncio.Lock()
        self._router: web.UrlDispatcher | None = None

    async def resolve(self, request: web.Request) -> tuple[web.UrlMappingMatchInfo | None, set[str]]:
        router = self._router or await self._loaded()
        found = await router.resolve(request)
        refused = found.http_exception
        if refused is None:
            return found, set()
        return None, set(refused.allowed_methods) if isinstance(refused, web.HTTPMethodNotAllowed) else set()

    async def _loaded(self) -> web.UrlDispatcher:
        async with self._loading:
            if self._router is None:
                self._router = await asyncio.to_thread(self._load)
        return self._router

    @property
    def canonical(self) -> str:
        return "/"

    @property
    def is_loaded(self) -> bool:
        return self._router is not None

    def url_for(self, **kwargs: str) -> URL:
        raise RuntimeError("these are many addresses")

    def add_prefix(self, prefix: str) -> None:
        raise RuntimeError("the routes stand at the root")

    def get_info(self) -> Any:
        return {"path": self.canonical}

    def raw_match(self, path: str) -> bool:
        return False

    def __len__(self) -> int:
        return 0 if self._router is None else len(self._router.routes())

    def __iter__(self) -> Iterator[web.AbstractRoute]:
        return iter(()) if self._router is None else iter(self._router.routes())
