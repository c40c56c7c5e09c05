"""`altmonitor run`: a session → an `App` between the exchange and Telegram that runs until a signal."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Final

from altmonitor.app.app import App
from altmonitor.app.chat import MessagingSetup
from altmonitor.app.market import MarketOptions
from altmonitor.cli.common import Session, run_until_signal
from altmonitor.core.clock import Clock, ScaledClock
from altmonitor.core.types import Destination
from altmonitor.exchanges.ws.feed import FeedOptions
from altmonitor.telegram.bot import TelegramChannel, Timeouts

STALL_S: Final = 0.8
"""Of the machine's time: on a fast clock a shorter silence of the exchange may be the machine's own pause."""


def run(session: Session) -> int:
    """Watch the market until a signal comes. Returns the exit code."""
    config = session.config
    session.log_as_set()

    async def watch(stop: asyncio.Event) -> None:
        channel = TelegramChannel(
            config.tg_bot_token,
            api_url=config.telegram_api_url,
            clock=session.clock,
            timeouts=timeouts(session.clock),
        )
        async with telegram_outlet(channel, config.destinations) as outlet:
            await run_app(app_of(session, outlet), stop)

    return run_until_signal(watch)


def app_of(session: Session, outlet: MessagingSetup) -> App:
    """The monitor as `run` runs it, sending to `outlet`."""
    clock = session.clock
    choices = MarketOptions(feed=FeedOptions(gather_ms=session.config.feed_gather_ms), service=os.environ)
    if isinstance(clock, ScaledClock):
        stall_s = STALL_S * clock.speed
        feed = replace(choices.feed, shortest_silence_s=stall_s)
        choices = replace(choices, feed=feed, answer_s=max(choices.answer_s, stall_s))
    return App(session.config, clock=clock, outlet=outlet, choices=choices)


@asynccontextmanager
async def telegram_outlet(
    channel: TelegramChannel, destinations: tuple[Destination, ...]
) -> AsyncIterator[MessagingSetup]:
    """A real bot (or the simulated one), ready to send and to listen."""
    await channel.start()
    try:
        yield MessagingSetup(channel=channel, destinations=destinations, bot=channel)
    finally:
        await channel.stop()


def timeouts(clock: Clock) -> Timeouts:
    """However fast the clock runs, the machine is as slow as ever."""
    usual = Timeouts()
    speed = clock.speed if isinstance(clock, ScaledClock) else 1.0
    return replace(usual, call_s=usual.call_s * speed, poll_margin_s=usual.poll_margin_s * speed)


async def run_app(app: App, stop: asyncio.Event, *, before_end: Callable[[], Awaitable[None]] | None = None) -> None:
    """Run until `stop` is set or the app fails; raises what it failed with. before_end: while all is still open."""
    running = asyncio.create_task(app.run(), name="app")
    stopping = asyncio.create_task(stop.wait(), name="stop-signal")
    try:
        await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if before_end is not None and not running.done():
            await before_end()
        app.stop()
        await running
    finally:
        stopping.cancel()
        running.cancel()
        await asyncio.wait({running, stopping})
