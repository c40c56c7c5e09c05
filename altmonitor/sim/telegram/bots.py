"""Several simulated bots at one address, as at api.telegram.org."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aiohttp import web

from altmonitor.core.clock import Clock
from altmonitor.sim.telegram.server import SimTelegram, refused
from altmonitor.sim.telegram.values import PHOTO_BYTES_MAX, ApiRefusal


class SimBots:
    """Each has chats, limits and bad days of its own; what a chat heard from which of them can be told apart.

    tokens: of all of them. revoked: those that are refused from now on; may be changed at any time.
    """

    def __init__(self, *, clock: Clock, tokens: Sequence[str]) -> None:
        self.bots: Mapping[str, SimTelegram] = {
            token: SimTelegram(clock=clock, token=token, bot_username=f"Altmonitor{number}Bot")
            for number, token in enumerate(tokens, start=1)
        }
        self.revoked: set[str] = set()
        self._runner: web.AppRunner | None = None
        self.url = ""

    async def start(self) -> None:
        app = web.Application(client_max_size=2 * PHOTO_BYTES_MAX)
        app.router.add_route("*", "/bot{token}/{method}", self._handle)
        self._runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.2)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
        self._runner = None

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        token = request.match_info["token"]
        if token not in self.bots or token in self.revoked:
            return refused(ApiRefusal(401, "Unauthorized"))
        return await self.bots[token].handle(request)
