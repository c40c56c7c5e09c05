"""`altmonitor mcp`: the operations for AI clients, over stdio or HTTP."""

from __future__ import annotations

import asyncio
import importlib.util
import logging
import sys
from typing import Final

from altmonitor.app.standalone import standalone_operations
from altmonitor.cli.common import DONE, Session, loading
from altmonitor.core.errors import ConfigError
from altmonitor.operations.table import OPERATIONS

log = logging.getLogger(__name__)

INSTALL: Final = "altmonitor mcp needs one more package: pip install 'altmonitor[mcp]'"
EXPLAINED: Final = """\
altmonitor mcp speaks the Model Context Protocol on stdin and stdout: it is started by an AI client, not by hand.
Register it there, for example:

  claude mcp add altmonitor -- altmonitor mcp
  codex mcp add altmonitor -- altmonitor mcp

or run `altmonitor mcp --http` and give a client the address it prints. What can be asked: altmonitor ask --help"""


def serve(session: Session, *, over_http: bool, host: str, port: int, allow_writes: bool) -> int:
    """Returns the exit code. Raises: ConfigError, StartError."""
    if importlib.util.find_spec("mcp") is None:
        raise ConfigError([INSTALL])
    if not over_http and sys.stdin is not None and sys.stdin.isatty():
        print(EXPLAINED, file=sys.stderr)  # noqa: T201
        return DONE
    token = session.config.api_token.reveal()
    if over_http and allow_writes and not token:
        raise ConfigError(["--http with --allow-writes needs API_TOKEN: anybody on this machine could change settings"])
    session.log_as(session.config.log_level, style=session.config.log_format)
    for line in session.warnings:
        log.warning("%s", line)
    with loading():
        from altmonitor.mcp.server import McpDeps, build_server
        from altmonitor.mcp.transport import HttpOptions, serve_http, serve_stdio

    async def work() -> None:
        async with standalone_operations(session.config, clock=session.clock) as operations:
            server = build_server(
                McpDeps(rows=OPERATIONS, answer=operations.answer, clock=session.clock, allow_writes=allow_writes)
            )
            if over_http:
                options = HttpOptions(host=host, port=port, token=token if allow_writes else "", on_ready=_say)
                await serve_http(server, options)
            else:
                await serve_stdio(server)

    asyncio.run(work())
    return DONE


def _say(url: str) -> None:
    print(f"altmonitor mcp listens on {url}", file=sys.stderr, flush=True)  # noqa: T201
