"""`altmonitor run`: a session → an `App` between the exchange and a chat that runs until a signal."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from dataclasses import replace
from typing import Final

from altmonitor.app.app import App
from altmonitor.app.bots import BotChannel
from altmonitor.app.chat import MessagingSetup, messaging
from altmonitor.app.feed_role import FeedCluster
from altmonitor.app.market import MarketOptions
from altmonitor.cli.common import Session, run_until_signal
from altmonitor.cli.first_steps import places
from altmonitor.core.clock import ScaledClock
from altmonitor.core.event_loop import CAN_GATHER, loop_factory
from altmonitor.core.memory import give_back_large_blocks
from altmonitor.exchanges.ws.feed import FeedOptions
from altmonitor.telegram.bot import TelegramChannel, Timeouts

log = logging.getLogger(__name__)

STALL_S: Final = 0.8
"""Of the machine's time: on a fast clock a shorter silence of the exchange may be the machine's own pause."""


def run(session: Session) -> int:
    """Watch the market until a signal comes. Returns the exit code."""
    config, clock = session.config, session.clock
    give_back_large_blocks()
    session.log_as_set(beside=session.config.db_file)
    log.info("%s", places(config.db_file, config.state_file, config.database_url))

    async def watch(stop: asyncio.Event) -> None:
        if len(config.bot_tokens) > 1:
            async with BotChannel(config.bot_tokens, api_url=config.telegram_api_url, clock=clock) as bots:
                main = next(iter(bots.bots.values()))
                setup = MessagingSetup(channel=bots, destinations=config.chats, bot=main, bots=bots)
                await build_app(session, setup).run_until(stop)
            return
        timeouts = Timeouts.on(clock)
        channel = TelegramChannel(config.tg_bot_token, api_url=config.telegram_api_url, clock=clock, timeouts=timeouts)
        async with messaging(channel, config.chats) as messaging_setup:
            await build_app(session, messaging_setup).run_until(stop)

    return run_until_signal(watch, loop_factory=loop_factory(loop_gathers_s(session)))


def dry_run(session: Session) -> int:
    """The real market, and a chat in this terminal. Returns the exit code."""
    from altmonitor.cli.terminal_chat import terminal_chat  # the simulator's Bot API, which `run` does without
    from altmonitor.sim.terminal import chat_console

    session.log_as_set(beside=session.config.db_file)

    async def watch(stop: asyncio.Event) -> None:
        async with terminal_chat(session.clock, chat_console(sys.stdout)) as chat:
            await build_app(session, chat.messaging_setup).run_until(stop)

    return run_until_signal(watch, loop_factory=loop_factory(loop_gathers_s(session)))


def loop_gathers_s(session: Session) -> float:
    """What the loop gathers, the socket of the feed need not. On a fast clock everything else would have to wait for
    seconds, so there only the socket does."""
    return 0.0 if isinstance(session.clock, ScaledClock) or not CAN_GATHER else session.config.feed_gather_ms / 1000


def build_app(session: Session, messaging_setup: MessagingSetup, *, cluster: FeedCluster | None = None) -> App:
    """cluster: see `App`."""
    clock = session.clock
    gather_ms = 0 if loop_gathers_s(session) else session.config.feed_gather_ms
    options = MarketOptions(feed=FeedOptions(gather_ms=gather_ms), service=os.environ)
    if isinstance(clock, ScaledClock):
        stall_s = STALL_S * clock.speed
        feed = replace(options.feed, shortest_silence_s=stall_s)
        options = replace(options, feed=feed, answer_s=max(options.answer_s, stall_s))
    return App(session.config, clock=clock, messaging_setup=messaging_setup, options=options, cluster=cluster)
