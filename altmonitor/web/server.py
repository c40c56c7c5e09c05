"""The HTTP side of a running monitor: `/health`, `/metrics`, the alerts as JSON, and the chat's commands."""

from __future__ import annotations

import asyncio
import errno
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec
from aiohttp import web

from altmonitor.config import is_loopback
from altmonitor.core.clock import Clock
from altmonitor.core.errors import StartError, StorageError
from altmonitor.core.health import Health, Status, as_json, role_json
from altmonitor.core.status import HttpStatus, RoleStatus
from altmonitor.core.types import Secret
from altmonitor.operations.api_usage import KEY_IN_USE
from altmonitor.operations.context import OperationContext
from altmonitor.operations.errors import OperationError
from altmonitor.web.access import LONGEST_WAIT_S, WrongTokens, is_called_locally, is_same_site
from altmonitor.web.api_keys import OPEN_PATHS, RATE_LIMIT, ApiKeys, KeyTable
from altmonitor.web.commands import HttpCommands
from altmonitor.web.connections import Connection, Connections, Limits
from altmonitor.web.late_routes import LateRoutes
from altmonitor.web.refusals import (
    PROBLEM,
    RETRY_AFTER_S,
    SECURITY_HEADERS,
    HttpRefusal,
    RefusalLog,
    error_response,
    with_error_object,
)
from altmonitor.web.requests import Handler, problem_of
from altmonitor.web.sessions import CSRF_HEADER, Right, Visitors
from altmonitor.web.sign_in import SignInRoutes, is_open_to_all, to_sign_in, wants_page
from altmonitor.web.stored_health import stored_health
from altmonitor.web.streams import EventStream

if TYPE_CHECKING:
    from altmonitor.web.metrics import Metrics

SHUTDOWN_S = 1.0

_PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, HEAD, PUT, POST, PATCH, DELETE",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, If-None-Match, Last-Event-ID, X-API-Key",
    "Access-Control-Max-Age": "600",
}
_DETAILS = {
    404: "there is nothing at this address",
    405: "this address is not asked with this method",
}
_REFUSED_AS = {400: HttpRefusal.MALFORMED, 408: HttpRefusal.SLOW_BODY, 413: HttpRefusal.TOO_LARGE}

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpServerDeps:
    """host, port: API_HOST, API_PORT; port 0 takes any free one. token, read_token: API_TOKEN, API_READ_TOKEN; without
    both nobody is asked for one. cors_origin: of the one other site whose pages may read here; '' for none.

    keys: of the Smart Money API; empty: nobody is asked for one.

    health: None where no monitor runs in this process. operations: what the rows of `operations.table` may reach. live:
    None without a stream. commands: asked for per request, because they come later than the server; None while nobody
    carries them out. role: of this process in a cluster; None: it is in none.
    """

    host: str
    port: int
    health: Callable[[], Health] | None
    operations: OperationContext
    clock: Clock
    token: Secret = field(default_factory=lambda: Secret(""))
    read_token: Secret = field(default_factory=lambda: Secret(""))
    cors_origin: str = ""
    live: EventStream | None = None
    keys: KeyTable = field(default_factory=KeyTable)
    limits: Limits = field(default_factory=Limits)
    commands: Callable[[], HttpCommands | None] = lambda: None
    role: Callable[[], RoleStatus] | None = None


class HttpServer:
    """Between `start` and `stop` it answers; `port` is the real one."""

    def __init__(self, deps: HttpServerDeps) -> None:
        self._deps = deps
        self._refusals = RefusalLog(deps.clock)
        self._connections = Connections(deps.limits, clock=deps.clock, refusals=self._refusals)
        self._wrong_tokens = WrongTokens(deps.clock)
        self._keys = ApiKeys(deps.keys, store=deps.operations.scores, clock=deps.clock)
        self._visitors = Visitors(token=deps.token, read_token=deps.read_token, clock=deps.clock)
        self._sign_in = SignInRoutes(self._visitors, read_token=deps.read_token, refuse=self._refuse_slowly)
        self._site = LateRoutes(self._load_site)
        self._one_at_a_time = asyncio.Lock()
        self._metrics: Metrics | None = None
        self._runner: web.AppRunner | None = None
        self.port = deps.port

    async def start(self) -> None:
        """Raises StartError when the address cannot be taken."""
        app = web.Application(middlewares=[self._guarded], client_max_size=self._deps.limits.body_bytes)
        app.on_response_prepare.append(_add_security_headers)
        app.on_response_prepare.append(self._add_cors)
        app.router.add_get("/health", self._health)
        app.router.add_get("/metrics", self._render_metrics)
        self._sign_in.add_to(app.router)
        app.router.add_get("/api/stream", self._stream)
        app.router.add_get("/api/commands", self._list_commands)
        app.router.add_post("/api/commands", self._carry_out)
        app.router.register_resource(self._site)
        runner = web.AppRunner(app, shutdown_timeout=SHUTDOWN_S)
        await runner.setup()
        server = runner.server
        assert server is not None  # noqa: S101 — that is what `setup` makes
        host, port = self._deps.host, self._deps.port
        try:
            self.port = await self._connections.start(server, host=host, port=port)
        except OSError as problem:
            await runner.cleanup()
            raise StartError(_why_not(problem, host, port)) from problem
        self._runner = runner
        _log.info("HTTP on %s port %d: /health /metrics /api/market /api/alerts /api/stream …", host, self.port)

    async def stop(self) -> None:
        if self._deps.live is not None:
            self._deps.live.end()
        await self._connections.stop()
        if self._runner is not None:
            runner, self._runner = self._runner, None
            await runner.cleanup()

    def status(self) -> HttpStatus:
        return HttpStatus(
            connections=self._connections.count,
            streams=0 if self._deps.live is None else self._deps.live.listeners,
            refused={str(cause): count for cause, count in self._refusals.total.items()},
        )

    # --- every request -------------------------------------------------------------------------------------------

    @web.middleware
    async def _guarded(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        KEY_IN_USE.set(None)  # a connection carries many requests
        answer = await self._answered(request, handler)
        if RATE_LIMIT in request:
            answer = self._keys.delayed(request, answer)
            if not answer.prepared:
                answer.headers.update(request[RATE_LIMIT])
        is_refused = isinstance(answer, web.Response) and answer.content_type == PROBLEM
        return with_error_object(answer) if is_refused and self._is_keyed(request.path) else answer  # type: ignore[arg-type]

    async def _answered(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        connection = request.protocol
        assert isinstance(connection, Connection)  # noqa: S101 — for the type checker
        refusal = await self._refusal(request, connection)
        if refusal is not None:
            return refusal
        connection.begin()
        try:
            await self._read_body(request)
            await self._turn()
            return await handler(request)
        except OperationError as problem:
            return problem_of(problem)
        except StorageError as problem:
            return _come_back(str(problem))
        except web.HTTPException as refused:
            return self._refused(refused, connection)
        except (ConnectionError, asyncio.CancelledError):
            raise
        except Exception as problem:
            self._refusals.record_internal_error(f"{request.method} {request.path}", problem)
            return error_response(500, "internal error, see the log")

    def _is_keyed(self, path: str) -> bool:
        if not self._site.is_loaded:  # by no request for such an address, then
            return False
        from altmonitor.web.operations import is_keyed

        return is_keyed(path)

    async def _turn(self) -> None:
        """One request in each turn of the loop: many that come together delay a market frame by the longest of them,
        not by their sum."""
        async with self._one_at_a_time:
            await asyncio.sleep(0)

    async def _refusal(self, request: web.Request, connection: Connection) -> web.Response | None:
        """None: it may be answered."""
        if connection.is_reserved and request.path != "/health":
            self._refusals.record(HttpRefusal.NO_FREE_CONNECTION, connection.address)
            return _come_back("too many connections")
        if is_loopback(self._deps.host) and not is_called_locally(request.headers.getall("Host", [])):
            self._refusals.record(HttpRefusal.FOREIGN_NAME, connection.address)
            return error_response(403, "this address answers to localhost only")
        origin = request.headers.get("Origin")
        if request.method == "OPTIONS" and self._is_befriended(origin):
            return web.Response(status=204, headers=_PREFLIGHT)
        right = self._visitors.right_of(request)
        if self._keys and self._is_keyed(request.path) and (self._visitors.is_open or right is Right.NONE):
            return None if request.path in OPEN_PATHS else await self._keys.refusal(request)
        if right is Right.NONE and not is_open_to_all(request.path):
            return to_sign_in(request) if wants_page(request) else await self._refuse_slowly(request)
        if request.method in ("GET", "HEAD"):
            return None
        hosts = [request.headers.get(name, "") for name in ("Host", "X-Forwarded-Host")]
        if not self._is_befriended(origin) and not any(is_same_site(origin, host) for host in hosts):
            self._refusals.record(HttpRefusal.FOREIGN_NAME, connection.address)
            return error_response(403, "pages of other sites may not write here")
        is_elsewhere = request.match_info.http_exception is not None  # there is nothing to write to
        is_signing = request.path in ("/sign-in", "/sign-out")
        return None if is_elsewhere or is_signing else self._refusal_to_write(request, right)

    def _is_befriended(self, origin: str | None) -> bool:
        return bool(self._deps.cors_origin) and origin == self._deps.cors_origin

    def _refusal_to_write(self, request: web.Request, right: Right) -> web.Response | None:
        if not self._visitors.may_anybody_write:
            return error_response(403, "changes over HTTP need API_TOKEN to be set")
        if right is not Right.WRITE:
            return error_response(403, "this token may only read")
        if not self._visitors.is_meant(request):
            return error_response(403, f"a change from a page carries the header {CSRF_HEADER}", code="csrf")
        return None

    async def _refuse_slowly(self, request: web.Request) -> web.Response:
        connection = request.protocol
        assert isinstance(connection, Connection)  # noqa: S101 — for the type checker
        connection.begin_refusal()
        self._refusals.record(HttpRefusal.WRONG_TOKEN, connection.address)
        pause_s = self._wrong_tokens.pause_s(connection.address)
        left = asyncio.Event()
        connection.when_lost = left.set
        if connection.transport is None:  # gone before its turn came
            left.set()
        with suppress(TimeoutError):  # whoever leaves meanwhile leaves nothing behind that waits
            async with self._deps.clock.timeout(min(pause_s, LONGEST_WAIT_S)):
                await left.wait()
        connection.when_lost = None
        if pause_s > LONGEST_WAIT_S:
            return error_response(429, "too many wrong tokens", {"Retry-After": "60"})
        return error_response(401, "needs the header Authorization: Bearer <API_TOKEN>", {"WWW-Authenticate": "Bearer"})

    async def _read_body(self, request: web.Request) -> None:
        """So that no handler waits for it. Raises HTTPException."""
        if not request.body_exists:
            return
        limits = self._deps.limits
        try:
            async with self._deps.clock.timeout(limits.body_s):
                await request.read()
        except TimeoutError as problem:
            raise web.HTTPRequestTimeout(reason=f"the body did not come within {limits.body_s:.0f} s") from problem
        except web.RequestPayloadError as problem:
            raise web.HTTPBadRequest(reason="the body is damaged") from problem

    def _refused(self, refused: web.HTTPException, connection: Connection) -> web.Response:
        """One line of JSON; where the body was not read to its end, the connection ends with it."""
        kind = _REFUSED_AS.get(refused.status)
        if kind is not None:
            self._refusals.record(kind, connection.address)
        names = ("Allow", "Retry-After")
        kept = {name: refused.headers[name] for name in names if name in refused.headers}
        detail = _DETAILS.get(refused.status, refused.reason)
        response = error_response(refused.status, detail, kept)
        if kind is not None:
            response.force_close()
        return response

    async def _add_cors(self, request: web.Request, response: web.StreamResponse) -> None:
        if self._deps.cors_origin:
            response.headers["Vary"] = ", ".join(filter(None, (response.headers.get("Vary"), "Origin")))
            if self._is_befriended(request.headers.get("Origin")):
                response.headers["Access-Control-Allow-Origin"] = self._deps.cors_origin

    def _load_site(self) -> web.UrlDispatcher:
        """What is asked for beside `/health`: operations, their description, and the pages."""
        from altmonitor.web.openapi import OpenApi
        from altmonitor.web.operations import OperationRoutes
        from altmonitor.web.pages.site import Pages, PagesDeps

        deps, router = self._deps, web.UrlDispatcher()
        router.add_get("/openapi.json", OpenApi().answer)
        OperationRoutes(deps.operations, clock=deps.clock).add_to(router)
        pages = Pages(
            PagesDeps(
                context=deps.operations,
                clock=deps.clock,
                stream_name=lambda: "" if deps.live is None else deps.live.name,
                csrf=self._visitors.csrf_of,
            )
        )
        pages.add_to(router)
        return router

    # --- routes --------------------------------------------------------------------------------------------------

    async def _health(self, request: web.Request) -> web.Response:
        if self._deps.health is None:
            stored = await stored_health(self._deps.operations, port=self.port)
            return _json(stored, status=200 if stored.ok else 503)
        health = self._deps.health()
        cluster = {} if self._deps.role is None else {"cluster": role_json(self._deps.role())}
        return _json(as_json(health) | cluster, status=503 if health.verdict is Status.DOWN else 200)

    async def _render_metrics(self, request: web.Request) -> web.Response:
        if self._metrics is None:
            self._metrics = await asyncio.to_thread(self._load_metrics)
        return web.Response(body=self._metrics.render(), headers={"Content-Type": self._metrics.CONTENT_TYPE})

    def _load_metrics(self) -> Metrics:
        from altmonitor.web.metrics import Metrics

        return Metrics(self._deps.health, http=self.status, role=self._deps.role)

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        live = self._deps.live
        if live is None:
            return error_response(404, "nothing is streamed")
        if live.listeners >= self._connections.streams_max:
            self._refusals.record(HttpRefusal.NO_FREE_STREAM)
            return _come_back(f"{live.listeners} listeners already")
        return await live.answer(request, write_s=self._deps.limits.write_s)

    async def _list_commands(self, request: web.Request) -> web.Response:
        commands = self._deps.commands()
        return _no_commands() if commands is None else _json(commands.listed())

    async def _carry_out(self, request: web.Request) -> web.Response:
        commands = self._deps.commands()
        return _no_commands() if commands is None else _json(await commands.carried_out(request))


async def _add_security_headers(request: web.Request, response: web.StreamResponse) -> None:
    """What an answer says for itself stays: a page its own policy, a tagged answer how long it may be kept."""
    for name, value in SECURITY_HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers["Server"] = SECURITY_HEADERS["Server"]


def _json(body: object, *, status: int = 200) -> web.Response:
    return web.Response(body=msgspec.json.encode(body), status=status, content_type="application/json")


def _come_back(message: str) -> web.Response:
    return error_response(503, message, {"Retry-After": str(RETRY_AFTER_S)})


def _no_commands() -> web.Response:
    return error_response(404, "no commands are taken: there is no chat to answer (a dry run)")


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
