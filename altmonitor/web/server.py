"""The HTTP side of a running monitor: `/health`, `/metrics`, the alerts as JSON, and the chat's commands."""

from __future__ import annotations

import errno
import hmac
import ipaddress
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import msgspec
from aiohttp import web
from multidict import MultiMapping

from altmonitor.core.alert import StoredAlert
from altmonitor.core.clock import Clock
from altmonitor.core.errors import StartError, StorageError
from altmonitor.core.status import Health, Status, as_json
from altmonitor.core.types import Secret
from altmonitor.interfaces.storage import AlertQueries
from altmonitor.web.api import BadOrder, BadQuery, HttpCommands, read_alerts_query, read_stats_query
from altmonitor.web.metrics import CONTENT_TYPE, Metrics
from altmonitor.web.streams import LiveAlerts

QUERY_TIMEOUT_S = 10.0
SHUTDOWN_S = 1.0
STATS_TOP = 10

SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Server": "altmonitor",
}

_LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")

_log = logging.getLogger(__name__)

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """host, port: API_HOST, API_PORT; port 0 takes any free one. token: empty asks for none.

    alerts: None when history is off. live: None without a stream. commands: asked for per request, because they come
    later than the server; None while nobody carries them out.
    """

    host: str
    port: int
    health: Callable[[], Health]
    alerts: AlertQueries | None
    clock: Clock
    token: Secret = field(default_factory=lambda: Secret(""))
    live: LiveAlerts | None = None
    commands: Callable[[], HttpCommands | None] = lambda: None


class HealthServer:
    """Between `start` and `stop` it answers; `port` is the real one."""

    def __init__(self, served: Served) -> None:
        self._served = served
        self._metrics = Metrics(served.health)
        self._runner: web.AppRunner | None = None
        self.port = served.port

    async def start(self) -> None:
        """Raises StartError when the address cannot be taken."""
        app = web.Application(middlewares=[self._guarded], client_max_size=1024)
        app.router.add_get("/health", self._health)
        app.router.add_get("/metrics", self._render_metrics)
        app.router.add_get("/api/alerts", self._alerts)
        app.router.add_get("/api/alerts/stats", self._stats)
        app.router.add_get("/api/stream", self._stream)
        app.router.add_get("/api/commands", self._list_commands)
        app.router.add_post("/api/commands", self._carry_out)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=SHUTDOWN_S, keepalive_timeout=30)
        await runner.setup()
        host, port = self._served.host, self._served.port
        try:
            await web.TCPSite(runner, host, port).start()
        except OSError as problem:
            await runner.cleanup()
            raise StartError(_why_not(problem, host, port)) from problem
        self._runner = runner
        self.port = int(runner.addresses[0][1])
        _log.info("HTTP on %s port %d: /health /metrics /api/alerts /api/stream /api/commands", host, self.port)

    async def stop(self) -> None:
        if self._served.live is not None:
            self._served.live.end()
        if self._runner is not None:
            runner, self._runner = self._runner, None
            await runner.cleanup()

    # --- every request -------------------------------------------------------------------------------------------

    @web.middleware
    async def _guarded(self, request: web.Request, handler: _Handler) -> web.StreamResponse:
        response = await self._answer(request, handler)
        if not response.prepared:
            response.headers.update(SECURITY_HEADERS)
        return response

    async def _answer(self, request: web.Request, handler: _Handler) -> web.StreamResponse:
        if is_this_machine(self._served.host) and not is_this_machine(_host_name(request.headers.get("Host", ""))):
            # a page on the web can make its own name resolve to 127.0.0.1; the browser then still sends that name
            return _error(403, "this address answers to localhost only")
        if self._served.token and request.path != "/health" and not self._has_token(request):
            return _error(401, "needs the header Authorization: Bearer <API_TOKEN>", {"WWW-Authenticate": "Bearer"})
        try:
            if request.path == "/api/stream":
                return await handler(request)
            async with self._served.clock.timeout(QUERY_TIMEOUT_S):
                return await handler(request)
        except (BadQuery, BadOrder) as problem:
            return _error(400, str(problem))
        except StorageError as problem:
            return _error(503, str(problem))
        except TimeoutError:
            return _error(503, f"the stored alerts did not answer within {QUERY_TIMEOUT_S:.0f} s")
        except web.HTTPException as refusal:
            allow = {"Allow": refusal.headers["Allow"]} if "Allow" in refusal.headers else {}
            return _error(refusal.status, refusal.reason, allow)
        except Exception:
            _log.exception("%s %s failed", request.method, request.path)
            return _error(500, "internal error, see the log")

    def _has_token(self, request: web.Request) -> bool:
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        expected = self._served.token.reveal().encode()
        return hmac.compare_digest(given.strip().encode("utf-8", "surrogateescape"), expected) and (
            scheme.lower() == "bearer"
        )

    # --- routes --------------------------------------------------------------------------------------------------

    async def _health(self, request: web.Request) -> web.Response:
        health = self._served.health()
        return _json(as_json(health), status=503 if health.verdict is Status.DOWN else 200)

    async def _render_metrics(self, request: web.Request) -> web.Response:
        return web.Response(body=self._metrics.render(), headers={"Content-Type": CONTENT_TYPE})

    async def _alerts(self, request: web.Request) -> web.Response:
        query = read_alerts_query(_lists(request.query))
        if self._served.alerts is None:
            return _history_off()
        rows = await self._served.alerts.recent(
            limit=query.limit, symbol=query.symbol, kind=query.kind, since_s=query.since_s
        )
        return _json({"alerts": [_row(row) for row in rows]})

    async def _stats(self, request: web.Request) -> web.Response:
        hours = read_stats_query(_lists(request.query))
        if self._served.alerts is None:
            return _history_off()
        since_s = self._served.clock.now_ms() / 1000 - hours * 3600
        stats = await self._served.alerts.stats(since_s=since_s, top=STATS_TOP)
        return _json(
            {
                "hours": hours,
                "total": stats.total,
                "by_kind": dict(stats.by_kind),
                "by_symbol": [{"symbol": symbol, "count": count} for symbol, count in stats.by_symbol],
            }
        )

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        if self._served.live is None:
            return _error(404, "nothing is streamed")
        return await self._served.live.answer(request, SECURITY_HEADERS)

    async def _list_commands(self, request: web.Request) -> web.Response:
        commands = self._served.commands()
        return _no_commands() if commands is None else _json(commands.listed())

    async def _carry_out(self, request: web.Request) -> web.Response:
        """Only with a token, also from this machine: whoever may open a local port may not retune the monitor."""
        if not self._served.token:
            return _error(403, "commands over HTTP need API_TOKEN to be set")
        commands = self._served.commands()
        return _no_commands() if commands is None else _json(await commands.carried_out(request))


def is_this_machine(host: str) -> bool:
    if host.lower() in _LOOPBACK_NAMES:
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _host_name(header: str) -> str:
    """`localhost:3001` → `localhost`, `[::1]:3001` → `::1`."""
    if header.startswith("["):
        return header[1:].partition("]")[0]
    return header.partition(":")[0]


def _lists(query: MultiMapping[str]) -> dict[str, list[str]]:
    return {name: query.getall(name) for name in query}


def _row(row: StoredAlert) -> dict[str, object]:
    """The columns of the stored row, `details`, and what became of the delivery."""
    columns: dict[str, object] = msgspec.to_builtins(row.alert)
    return {**columns, "delivery": row.delivery}


def _json(body: object, *, status: int = 200) -> web.Response:
    return web.Response(body=msgspec.json.encode(body), status=status, content_type="application/json")


def _error(status: int, message: str, headers: dict[str, str] | None = None) -> web.Response:
    response = _json({"error": message}, status=status)
    response.headers.update(headers or {})
    return response


def _no_commands() -> web.Response:
    return _error(404, "no commands are taken: there is no chat to answer (a dry run)")


def _history_off() -> web.Response:
    return _error(404, "no history is kept: HISTORY_ENABLED is false")


def _why_not(problem: OSError, host: str, port: int) -> str:
    where = f"API_HOST={host} API_PORT={port}"
    match problem.errno:
        case errno.EADDRINUSE:
            return f"API_PORT={port} is in use on {host}: stop the other program or set another API_PORT"
        case errno.EACCES:
            return f"API_PORT={port} may not be opened by this user: set an API_PORT above 1023"
        case errno.EADDRNOTAVAIL:
            return f"API_HOST={host} is not an address of this machine: set another API_HOST"
        case _:
            return f"{where} cannot be opened: {problem.strerror or problem}"
