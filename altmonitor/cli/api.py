"""`altmonitor api`: pages and HTTP interface over what is stored, in a process of their own beside a monitor."""

from __future__ import annotations

import asyncio
import logging

from altmonitor.app.standalone import asking_context
from altmonitor.cli.common import Session, run_until_signal
from altmonitor.config import token_problems
from altmonitor.core.clock import SystemClock
from altmonitor.core.errors import ConfigError
from altmonitor.web.server import HttpServer, HttpServerDeps

log = logging.getLogger(__name__)


def serve(session: Session, *, host: str | None, port: int | None) -> int:
    """host, port: instead of API_HOST and API_PORT. Returns the exit code. Raises: ConfigError, StartError."""
    config = session.config
    listens_at = config.api_host if host is None else host
    problems = token_problems(listens_at, config.api_token, config.api_read_token)
    if problems:
        raise ConfigError(problems)
    session.log_as(config.log_level, style=config.log_format)
    for line in session.warnings:
        log.warning("%s", line)

    async def work(stop: asyncio.Event) -> None:
        async with asking_context(config, clock=session.clock) as context:
            server = HttpServer(
                HttpServerDeps(
                    host=listens_at,
                    port=config.api_port if port is None else port,
                    health=None,
                    operations=context,
                    clock=SystemClock(),
                    token=config.api_token,
                    read_token=config.api_read_token,
                    cors_origin=config.api_cors_origin,
                )
            )
            await server.start()
            try:
                await stop.wait()
            finally:
                await server.stop()

    return run_until_signal(work)
