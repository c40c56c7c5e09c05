"""`/health` and `/metrics` of a process that has nothing else to show: a notifier."""

from __future__ import annotations

import hmac
import logging
from collections.abc import Callable

import msgspec
from aiohttp import web

from altmonitor.core.errors import StartError
from altmonitor.core.health import role_json
from altmonitor.core.status import RoleStatus
from altmonitor.core.types import Secret
from altmonitor.web.metrics import Metrics

log = logging.getLogger(__name__)

MOST_BYTES = 1_024


class RoleServer:
    """tokens: one of them opens `/metrics`, as `Authorization: Bearer`; without any it is open. `/health` always is."""

    def __init__(self, status: Callable[[], RoleStatus], *, host: str, port: int, tokens: tuple[Secret, ...]) -> None:
        self._status = status
        self._host = host
        self._tokens = [token.reveal() for token in tokens if token]
        self._metrics = Metrics(None, http=None, role=status)
        self._runner: web.AppRunner | None = None
        self.port = port

    async def start(self) -> None:
        """Raises StartError when the address cannot be taken."""
        app = web.Application(client_max_size=MOST_BYTES)
        app.router.add_get("/health", self._health)
        app.router.add_get("/metrics", self._render)
        self._runner = web.AppRunner(app, shutdown_timeout=1.0, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._host, self.port)
        try:
            await site.start()
        except OSError as problem:
            await self._runner.cleanup()
            raise StartError(
                f"API_HOST={self._host} API_PORT={self.port} cannot be opened ({problem.strerror or problem}): "
                "stop the other program or set another API_PORT"
            ) from problem
        self.port = self._runner.addresses[0][1]
        log.info("HTTP on %s port %d: /health /metrics", self._host, self.port)

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def _health(self, request: web.Request) -> web.Response:
        status = self._status()
        body = msgspec.json.encode(role_json(status))
        return web.Response(body=body, status=503 if status.is_down else 200, content_type="application/json")

    async def _render(self, request: web.Request) -> web.Response:
        given = request.headers.get("Authorization", "").removeprefix("Bearer ").encode()
        if self._tokens and not any(hmac.compare_digest(given, token.encode()) for token in self._tokens):
            return web.Response(status=401, headers={"WWW-Authenticate": "Bearer"})
        return web.Response(body=self._metrics.render(), headers={"Content-Type": Metrics.CONTENT_TYPE})
