"""The wizard at a terminal between the simulated Telegram and the simulated exchange, in real time."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from altmonitor.core.clock import SystemClock
from altmonitor.core.errors import SecondPoller
from altmonitor.core.types import Secret
from altmonitor.ops.wizard import env_file
from altmonitor.settings.presets import PRESETS
from altmonitor.sim.exchange import SimExchange
from altmonitor.sim.market import SeededMarket
from altmonitor.sim.telegram.server import SimTelegram
from altmonitor.telegram.bot import TelegramChannel
from altmonitor.telegram.poller import KINDS
from tests.ops.screen import Screen, altmonitor_in_terminal

TOKEN = "123456:" + "wizard-Token_0123456789-abcdefghijk"
OTHER_TOKEN = "123456:" + "other-Token-9876543210_zyxwvutsrqpo"
OWNER, STRANGER = 77, 666
CALM, NORMAL = (f"{PRESETS[name]['pump_threshold']:g}" for name in ("calm", "normal"))
"""Their pump thresholds, as they are written."""
GROUP, CHANNEL = -1001234567890, -1009876543210


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    folder: Path
    telegram: SimTelegram
    exchange: SimExchange

    @property
    def env(self) -> Path:
        return self.folder / ".env"

    def settings(self) -> dict[str, str]:
        """What stands in the file now."""
        return env_file.values(self.env.read_text())

    def environ(self) -> dict[str, str]:
        return {
            "TELEGRAM_API_URL": self.telegram.url,
            "BINANCE_REST_URL": self.exchange.rest_url,
            "BINANCE_WS_URL": self.exchange.ws_url,
            "BINANCE_WEB_URL": self.exchange.web_url,
            "API_PORT": "0",
            "PYTHONPATH": os.getcwd(),
        }

    @asynccontextmanager
    async def wizard(self, *, size: tuple[int, int] = (50, 130), **environ: str) -> AsyncIterator[Screen]:
        given = self.environ() | environ
        async with altmonitor_in_terminal("setup", environ=given, folder=self.folder, size=size) as screen:
            yield screen

    def said(self, chat_id: int) -> list[str]:
        return [message.text for message in self.telegram.chats[chat_id]]


@asynccontextmanager
async def stage(folder: Path) -> AsyncIterator[Stage]:
    clock = SystemClock()
    market = SeededMarket(seed=3, start_ms=clock.now_ms(), symbols=24, frames_per_s=60)
    telegram = SimTelegram(clock=clock, token=TOKEN, bot_username="MyAltBot")
    await telegram.start()
    try:
        async with SimExchange(market, clock=clock) as exchange:
            yield Stage(folder=folder, telegram=telegram, exchange=exchange)
    finally:
        await telegram.stop()


async def gives_token(screen: Screen, token: str = TOKEN, *, language: str = "1") -> None:
    """Through the first two steps, in English."""
    await screen.answers("Number [", language)
    await screen.answers("Paste the token", token)


async def code_shown(screen: Screen, here: Stage) -> str:
    """The code, once the wizard waits for it."""
    await screen.answers("Number [1]", "1")
    await screen.sees("waiting for the code")
    # Polls of this length are asked for only while waiting: what was there before has been looked at.
    await here.telegram.wait_for(
        lambda: int(str(here.telegram.sent("getUpdates")[-1].params.get("timeout", 0))) > 10, timeout_s=20
    )
    found = re.findall(r"shall get the alerts:    (\w{6})", screen.all)
    return str(found[-1])


async def to_the_test_alert(screen: Screen, here: Stage) -> None:
    """Token, private chat, the usual preset."""
    await gives_token(screen)
    here.telegram.inject_message(OWNER, await code_shown(screen, here), user_id=OWNER, user_name="ann")
    await screen.answers("Is that right?", "y")
    await screen.answers("How sensitive", "2")
    await screen.sees("Do you see it?")


async def through_the_rest(screen: Screen, here: Stage, *, question: str = "") -> None:
    """From the chat (or its last question) to the written file."""
    if question:
        await screen.answers(question, "y")
    else:
        here.telegram.inject_message(OWNER, await code_shown(screen, here), user_id=OWNER, user_name="ann")
        await screen.answers("Is that right?", "y")
    await from_the_thresholds(screen)


async def from_the_thresholds(screen: Screen) -> None:
    """To the written file."""
    await screen.answers("How sensitive", "2")
    await screen.answers("Do you see it?", "y")
    await screen.sees("Written")


async def keeps_polling(telegram: SimTelegram) -> None:
    """Another program with the same token."""
    channel = TelegramChannel(Secret(TOKEN), api_url=telegram.url, clock=SystemClock())
    await channel.start()
    try:
        while True:
            try:
                await channel.updates(offset=None, timeout_s=20, kinds=KINDS)
            except SecondPoller:
                await asyncio.sleep(0.2)
    finally:
        await channel.stop()


def left_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())
