"""`altmonitor run --role …`: one process of a cluster, see docs/scale.md."""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Final

from altmonitor.app.bots import BotChannel
from altmonitor.cli.common import Session, run_until_signal
from altmonitor.core.clock import SystemClock
from altmonitor.core.errors import ConfigError, LeadershipLost, StorageError
from altmonitor.core.event_loop import loop_factory
from altmonitor.core.supervisor import beside, unless
from altmonitor.interfaces.cluster import HandOver

if TYPE_CHECKING:
    from altmonitor.app.app import App
    from altmonitor.app.leftovers import Leftovers
    from altmonitor.app.notify import ChatNotifier

log = logging.getLogger(__name__)

ROLES: Final = ("feed", "notify", "web")
AGAIN_AFTER_S = 1.0


def run_role(session: Session, role: str) -> int:
    """Until a signal comes. Returns the exit code. Raises: ConfigError for what this role needs and has not."""
    problems = what_is_missing(session, role)
    if problems:
        raise ConfigError(problems)
    if role == "web":
        from altmonitor.cli.api import serve

        return serve(session, host=None, port=None)
    session.log_as_set(beside=session.config.db_file)
    name = f"{socket.gethostname()}#{os.getpid()}-{secrets.token_hex(2)}"
    log.info("this is %s, role %s", name, role)
    from altmonitor.cli.run import loop_gathers_s

    if role == "feed":
        return run_until_signal(
            lambda stop: _feed(session, name, stop), loop_factory=loop_factory(loop_gathers_s(session))
        )
    return run_until_signal(lambda stop: _notify(session, name, stop))


def what_is_missing(session: Session, role: str) -> list[str]:
    """One line each."""
    config = session.config
    problems = []
    if not config.database_url:
        problems.append(
            f"run --role {role} needs DATABASE_URL=postgresql://…: it is what the processes of a cluster share"
        )
    else:
        try:
            import asyncpg  # noqa: F401
        except ImportError:
            problems.append(
                "DATABASE_URL is set, and the package for it is not installed: pip install 'altmonitor[postgres]'"
            )
    if config.nats_url:
        try:
            import nats  # noqa: F401
        except ImportError:
            problems.append("NATS_URL is set, and the package for it is not installed: pip install 'altmonitor[nats]'")
    if role != "web":
        if not config.history_enabled:
            problems.append(f"run --role {role} needs HISTORY_ENABLED=true: what is to be sent is kept there")
        if not config.bot_tokens or not config.destinations:
            problems.append(f"run --role {role} needs TG_BOT_TOKEN and TG_CHAT_ID, the same on every machine")
    return problems


@asynccontextmanager
async def _bots(session: Session) -> AsyncIterator[BotChannel]:
    config = session.config
    async with BotChannel(config.bot_tokens, api_url=config.telegram_api_url, clock=session.clock) as bots:
        yield bots


async def _feed(session: Session, name: str, stop: asyncio.Event) -> None:
    """A feed that leads no more begins again, as the one that stands by. What it found and could not store outlives
    its monitor."""
    from altmonitor.app.leftovers import Leftovers
    from altmonitor.storage.postgres.connection import DatabaseAddress, PostgresConnection
    from altmonitor.storage.postgres.hand_over import PostgresHandOver

    connection = PostgresConnection(DatabaseAddress(session.config.database_url), purpose="hand-over")
    hand_over = PostgresHandOver(connection)
    leftovers = Leftovers(hand_over, clock=session.clock)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(connection.close)
        stack.push_async_callback(leftovers.leave)
        await stack.enter_async_context(beside(leftovers.run(), name="hand-over"))
        while not stop.is_set():
            try:
                async with _opened_feed(session, name, hand_over, leftovers) as app:
                    await app.run_until(stop)
            except LeadershipLost as problem:
                log.warning("%s; starting again to stand by", problem)
            except StorageError as problem:
                if not leftovers.waiting:
                    raise
                log.warning("%s; %d alerts wait to be handed over, so it is tried again", problem, leftovers.waiting)
                await unless(stop, session.clock.sleep(AGAIN_AFTER_S), name="pause")


@asynccontextmanager
async def _opened_feed(session: Session, name: str, hand_over: HandOver, leftovers: Leftovers) -> AsyncIterator[App]:
    from altmonitor.app.chat import MessagingSetup
    from altmonitor.app.feed_role import FeedCluster
    from altmonitor.cli.run import build_app
    from altmonitor.delivery.signals import SignalSender
    from altmonitor.storage.postgres import schema
    from altmonitor.storage.postgres.connection import DatabaseAddress, PostgresConnection
    from altmonitor.storage.postgres.feed_store import FeedStore
    from altmonitor.storage.postgres.leases import PostgresLeases
    from altmonitor.storage.postgres.posts import PostgresPosts
    from altmonitor.storage.postgres.state import PostgresState

    config, clock = session.config, session.clock
    address = DatabaseAddress(config.database_url)
    async with AsyncExitStack() as stack:
        leases, posts, state = (PostgresConnection(address, purpose=what) for what in ("leases", "posts", "settings"))
        for connection in (leases, posts, state):
            stack.push_async_callback(connection.close)
        bots = await stack.enter_async_context(_bots(session))
        main = next(iter(bots.bots.values()))
        prepare = partial(schema.prepare_or_wait, state, cluster=config.cluster_id, clock=SystemClock())
        cluster = FeedCluster(
            name=name,
            leases=PostgresLeases(leases),
            posts=PostgresPosts(posts),
            open_store=lambda options, fence: FeedStore(
                address, cluster=config.cluster_id, clock=clock, options=options, fence=fence
            ),
            open_state=lambda fence: PostgresState(state, fence=fence, prepare=prepare),
            hand_over=hand_over,
            leftovers=leftovers,
            signals=SignalSender(config.nats_url, cluster=config.cluster, clock=clock) if config.nats_url else None,
        )
        setup = MessagingSetup(channel=bots, destinations=config.chats, bot=main, bots=bots)
        yield build_app(session, setup, cluster=cluster)


async def _notify(session: Session, name: str, stop: asyncio.Event) -> None:
    from altmonitor.app.notify import run_until
    from altmonitor.web.role_server import RoleServer

    config = session.config
    async with _opened_notifier(session, name) as notifier:
        server = RoleServer(
            notifier.status,
            host=config.api_host,
            port=config.api_port,
            tokens=(config.api_token, config.api_read_token),
        )
        await server.start()
        try:
            await run_until(notifier, stop)
        finally:
            await server.stop()


@asynccontextmanager
async def _opened_notifier(session: Session, name: str) -> AsyncIterator[ChatNotifier]:
    from altmonitor.app.notify import ChatNotifier, NotifierDeps
    from altmonitor.storage.postgres import schema
    from altmonitor.storage.postgres.connection import DatabaseAddress, PostgresConnection
    from altmonitor.storage.postgres.leases import PostgresLeases
    from altmonitor.storage.postgres.outbox import ClaimedOutbox
    from altmonitor.storage.postgres.posts import PostgresPosts
    from altmonitor.storage.postgres.state import PostgresState

    config, clock = session.config, session.clock
    address = DatabaseAddress(config.database_url)
    async with AsyncExitStack() as stack:
        outbox, leases, posts, own = (
            PostgresConnection(address, purpose=what) for what in ("outbox", "leases", "posts", "settings")
        )
        for connection in (outbox, leases, posts, own):
            stack.push_async_callback(connection.close)
        await schema.prepare_or_wait(own, cluster=config.cluster_id, clock=SystemClock())
        bots = await stack.enter_async_context(_bots(session))
        yield ChatNotifier(
            NotifierDeps(
                config=config,
                clock=clock,
                name=name,
                leases=PostgresLeases(leases),
                outbox=ClaimedOutbox(outbox, clock=clock),
                posts=PostgresPosts(posts),
                own_posts=PostgresPosts(own),
                bots=bots,
                read_state=PostgresState(own).read,
                nats_url=config.nats_url,
            )
        )
