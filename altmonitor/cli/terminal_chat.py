"""A chat in this terminal: for the demo, the simulator, and `altmonitor run --dry-run`."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from rich.console import Console

from altmonitor.app.chat import MessagingSetup, messaging
from altmonitor.core import log as logs
from altmonitor.core.clock import Clock
from altmonitor.core.supervisor import beside
from altmonitor.core.types import Destination, Secret
from altmonitor.sim.telegram.server import SimTelegram
from altmonitor.sim.terminal import TerminalInbox
from altmonitor.telegram.bot import TelegramChannel, Timeouts

READER = Destination(chat_id=1)
"""The one chat of the simulated Telegram in a terminal."""
TERMINAL_TOKEN = Secret("100000:" + "terminal" * 5)


@dataclass(frozen=True, slots=True, kw_only=True)
class TerminalChat:
    messaging_setup: MessagingSetup
    telegram: SimTelegram
    inbox: TerminalInbox

    def take_log(self, clock: Clock) -> None:
        """From now on warnings stand in frames like the messages, where one reads."""
        logs.configure(level="WARNING", style="words", out=_LogFrames(self.inbox, clock))


class _LogFrames:
    """Every write is a record of the log."""

    def __init__(self, inbox: TerminalInbox, clock: Clock) -> None:
        self._inbox = inbox
        self._clock = clock

    def write(self, text: str) -> int:
        if text.strip():
            self._inbox.note("log", text.strip(), at_ms=self._clock.now_ms())
        return len(text)


@asynccontextmanager
async def terminal_chat(clock: Clock, console: Console, *, port: int = 0) -> AsyncIterator[TerminalChat]:
    """The real delivery path, with a Bot API on loopback at its end; typed lines are sent."""
    telegram = SimTelegram(clock=clock, token=TERMINAL_TOKEN.reveal())
    await telegram.start(port=port)
    inbox = TerminalInbox(telegram, console, destination=READER)
    try:
        channel = TelegramChannel(TERMINAL_TOKEN, api_url=telegram.url, clock=clock, timeouts=Timeouts.on(clock))
        async with (
            beside(inbox.run(sys.stdin), name="terminal-inbox"),
            messaging(channel, (READER,)) as messaging_setup,
        ):
            yield TerminalChat(messaging_setup=messaging_setup, telegram=telegram, inbox=inbox)
    finally:
        await telegram.stop()
