"""`altmonitor api`: pages and HTTP interface over what is stored, in a process of their own beside a monitor."""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from typing import Final

import click

from altmonitor.app.standalone import asking_context
from altmonitor.app.wallets import wallet_side
from altmonitor.cli.common import DONE, Session, run_until_signal
from altmonitor.config import token_problems
from altmonitor.core.clock import SystemClock
from altmonitor.core.errors import ConfigError
from altmonitor.core.supervisor import Supervisor
from altmonitor.web.api_keys import add_key, read_table
from altmonitor.web.server import HttpServer, HttpServerDeps
from altmonitor.web.stored_alerts import StoredAlerts
from altmonitor.web.stored_health import stored_health
from altmonitor.web.streams import EventStream

log = logging.getLogger(__name__)

STOP_WITHIN_S: Final = 3.0


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

    keys = read_table(config.api_keys_file)

    async def work(stop: asyncio.Event) -> None:
        async with (
            wallet_side(config, clock=session.clock) as wallets,
            asking_context(config, clock=session.clock, wallets=wallets) as context,
        ):
            live = EventStream(session.clock, context.alerts)
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
                    keys=keys,
                    live=live,
                )
            )
            await server.start()
            loops = Supervisor(clock=session.clock)
            try:
                stored = StoredAlerts(
                    live,
                    history=context.alerts,
                    health=partial(stored_health, context, port=server.port),
                    clock=session.clock,
                )
                await stored.start()
                loops.start("stored alerts", stored.run)
                loops.start("event stream", live.run)
                for name, loop in wallets.loops().items():
                    loops.start(name, loop)
                await stop.wait()
            finally:
                await loops.stop(within_s=STOP_WITHIN_S)
                await server.stop()

    return run_until_signal(work)


def new_key(session: Session, *, plan: str, name: str) -> int:
    """Prints a key that was added to API_KEYS_FILE. Returns the exit code. Raises: ConfigError."""
    path = session.config.api_keys_file
    key = add_key(path, plan=plan, name=name)
    click.echo(key)
    click.echo(f"Shown once. Its SHA-256 stands in {path} under {name!r}; servers read it when they start.", err=True)
    return DONE
