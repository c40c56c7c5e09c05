"""How clients reach the server: lines on stdin and stdout, or streamable HTTP on a loopback address."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable
from dataclasses import dataclass
from secrets import compare_digest
from typing import Any, Final
from urllib.parse import urlsplit

import anyio
import uvicorn
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server
from mcp.server.transport_security import TransportSecuritySettings
from mcp.shared.message import SessionMessage
from mcp_types import INVALID_REQUEST, PARSE_ERROR, ErrorData, JSONRPCError
from pydantic import ValidationError
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from altmonitor.core.errors import ConfigError, StartError

log = logging.getLogger(__name__)

PATH: Final = "/mcp"
LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")
LONGEST_BODY: Final = 256 * 1024
IDLE_S: Final = 600.0
MOST_SESSIONS: Final = 64
STOP_WITHIN_S: Final = 3


async def serve_stdio(server: Server[Any]) -> None:
    """Until the client closes stdin. Nothing else may write to stdout meanwhile.

    A line that is no message is answered with an error, where the SDK would pass it over in silence.
    """
    async with stdio_server() as (read, write):
        readable_in, readable = anyio.create_memory_object_stream[SessionMessage | Exception](0)

        async def pass_on() -> None:
            async with readable_in:
                async for item in read:
                    if isinstance(item, Exception):
                        await write.send(SessionMessage(_unreadable(item)))
                    else:
                        await readable_in.send(item)

        async with anyio.create_task_group() as group:
            group.start_soon(pass_on)
            await server.run(readable, write, server.create_initialization_options())
            group.cancel_scope.cancel()


def _unreadable(problem: Exception) -> JSONRPCError:
    is_json = isinstance(problem, ValidationError) and problem.errors()[0]["type"] != "json_invalid"
    code, said = (INVALID_REQUEST, "no JSON-RPC message") if is_json else (PARSE_ERROR, "no JSON")
    return JSONRPCError(jsonrpc="2.0", id=None, error=ErrorData(code=code, message=f"the line is {said}"))


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpOptions:
    """host: a loopback address. port: 0 is any free one. token: asked for when it is not ''.

    idle_s: a session without a request for so long is ended. on_ready: called with the address once it listens.
    """

    host: str = "127.0.0.1"
    port: int = 0
    token: str = ""
    idle_s: float = IDLE_S
    on_ready: Callable[[str], None] = lambda url: None


async def serve_http(server: Server[Any], options: HttpOptions) -> None:
    """Until a signal. Raises: ConfigError for an address others could reach, StartError when it is taken."""
    if options.host not in LOOPBACK:
        raise ConfigError([f"--host {options.host}: only loopback ({', '.join(LOOPBACK)}); put a proxy before it"])
    inner = server.streamable_http_app(
        streamable_http_path=PATH,
        host=options.host,
        max_request_body_size=LONGEST_BODY,
        session_idle_timeout=options.idle_s,
        max_sessions=MOST_SESSIONS,
        transport_security=TransportSecuritySettings(enable_dns_rebinding_protection=False),  # the gate's business
    )
    app = Gate(inner, token=options.token)
    listening = _listening(options.host, options.port)
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        limit_concurrency=4 * MOST_SESSIONS,
        timeout_graceful_shutdown=STOP_WITHIN_S,
        ws="none",
    )
    host = f"[{options.host}]" if ":" in options.host else options.host
    options.on_ready(f"http://{host}:{listening.getsockname()[1]}{PATH}")
    with listening:
        await uvicorn.Server(config).serve(sockets=[listening])


def _listening(host: str, port: int) -> socket.socket:
    """Raises: StartError."""
    try:
        family, kind, number, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        found = socket.socket(family, kind, number)
        try:
            found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            found.bind(address)
            found.listen(128)
        except BaseException:
            found.close()
            raise
    except OSError as problem:
        raise StartError(f"{host}:{port} cannot be listened on ({problem.strerror}): name another --port") from problem
    return found


class Gate:
    """Refuses what does not come from this machine, and says so: a web page whose name leads here must not use it.

    The SDK checks the same and tells nobody but its log.
    """

    def __init__(self, app: ASGIApp, *, token: str) -> None:
        self._app = app
        self._token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refused = self._refusal(Headers(scope=scope)) if scope["type"] == "http" else None
        await (self._app if refused is None else refused)(scope, receive, send)

    def _refusal(self, headers: Headers) -> PlainTextResponse | None:
        host = headers.get("host", "")
        if not is_loopback_name(host):
            return PlainTextResponse(
                f"Host {host[:80]!r} is not this machine: call it as 127.0.0.1, localhost or [::1].\n", 421
            )
        origin = headers.get("origin")
        if origin is not None and not is_loopback_name(urlsplit(origin).netloc):
            return PlainTextResponse(f"Origin {origin[:80]!r} is not this machine.\n", 403)
        if self._token and not compare_digest(headers.get("authorization", "").encode(), self._expected):
            return PlainTextResponse(
                "Authorization: Bearer and the API_TOKEN of altmonitor are needed.\n",
                401,
                headers={"WWW-Authenticate": "Bearer"},
            )
        return None

    @property
    def _expected(self) -> bytes:
        return f"Bearer {self._token}".encode()


def is_loopback_name(host: str) -> bool:
    """`127.0.0.1:8000`, `localhost`, `[::1]:8000`; parsed, because `127.0.0.1.evil.example` begins alike."""
    try:
        parts = urlsplit(f"//{host}")
        parts.port  # noqa: B018 — raises for what is no port
    except ValueError:
        return False
    return parts.hostname in LOOPBACK and not parts.username and parts.netloc == host and not parts.path
