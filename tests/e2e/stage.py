"""The whole monitor between the simulated exchange and the simulated Telegram, over real sockets, on one fast clock."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from altmonitor import config as configuration
from altmonitor.app.app import App
from altmonitor.app.chat import messaging
from altmonitor.app.market import MarketOptions
from altmonitor.core.alert import Alert
from altmonitor.core.errors import StorageError
from altmonitor.core.types import Destination, Secret
from altmonitor.exchanges.ws.feed import FeedOptions
from altmonitor.sim.exchange import SimExchange
from altmonitor.sim.market import SeededMarket
from altmonitor.sim.script import Event
from altmonitor.sim.telegram.server import SimTelegram
from altmonitor.sim.telegram.values import SimMessage
from altmonitor.telegram.bot import TelegramChannel, Timeouts
from tests.e2e.remembered_market import RememberedMarket
from tests.patient_clock import PatientClock

TOKEN = "123456:" + "e2e-Token-0123456789-abcdefghijk_lmn"
READER = 77
GROUP = -1001234567
START_MS = 1_790_000_040_000  # a full minute

PATIENCE_S = 30.0
"""Of the machine's time: on a fast clock a busy machine is soon minutes late."""

LOOK_EVERY_S = 0.02
"""Of the machine's time: what is looked at is often the health of the whole program, half a millisecond's work."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    app: App
    clock: PatientClock
    market: SeededMarket
    exchange: SimExchange
    telegram: SimTelegram
    destination: Destination

    @property
    def messages(self) -> Sequence[SimMessage]:
        return self.telegram.chats[self.destination.chat_id]

    def since_start_s(self) -> float:
        return (self.clock.now_ms() - START_MS) / 1000

    def at(self, seconds: float) -> int:
        """Unix ms of a moment after the start."""
        return START_MS + round(seconds * 1000)

    async def until(self, is_true: Callable[[], bool], *, within_s: float) -> None:
        """Waits in the stage's time, and at least `PATIENCE_S` of the machine's: how fast something must be is said by
        the times of messages, not by this. Raises AssertionError with what was in the chat when it takes longer."""
        end_s = self.clock.monotonic() + max(within_s, PATIENCE_S * self.clock.speed)
        while not is_true():
            if self.clock.monotonic() > end_s:
                said = "\n---\n".join(message.text for message in self.messages)
                raise AssertionError(f"not within {within_s} s; the chat holds:\n{said}\n{self.app.health()}")
            await asyncio.sleep(LOOK_EVERY_S)

    async def said(self, text: str, *, within_s: float) -> SimMessage:
        """The first message that holds the text."""
        await self.until(lambda: any(text in message.text for message in self.messages), within_s=within_s)
        return next(message for message in self.messages if text in message.text)

    def count(self, text: str) -> int:
        return sum(text in message.text for message in self.messages)

    async def alerts(self) -> Sequence[Alert]:
        """As they are stored, once the disk answers: a busy machine's may take longer than a question waits."""
        for _ in range(20):
            with suppress(StorageError):
                return await self.app.store.alerts_since(0)
        return await self.app.store.alerts_since(0)

    async def is_live(self) -> None:
        """Data flows and every baseline is filled."""
        await self.until(lambda: not self.app.market.feed.status().is_blind, within_s=120)
        await self.app.market.backfill.settled()


@asynccontextmanager
async def stage(
    folder: Path,
    *script: Event,
    speed: float = 20,
    symbols: int = 40,
    destination: Destination | None = None,
    frames_per_s: float = 30,
    start_s: float = 0,
    stall_s: float = 0.5,
    **environ: str,
) -> AsyncIterator[Stage]:
    """`start_s`: where the clock begins; the market's world begins at START_MS. stall_s: of the machine's time; no
    shorter silence of the feed is taken for blindness."""
    where = destination or Destination(chat_id=READER)
    clock = PatientClock(start_ms=START_MS + round(start_s * 1000), speed=speed)
    market = RememberedMarket(seed=3, start_ms=START_MS, symbols=symbols, frames_per_s=frames_per_s, script=script)
    telegram = SimTelegram(clock=clock, token=TOKEN)
    await telegram.start()
    try:
        async with SimExchange(market, clock=clock) as exchange:
            app_environ = {
                "TG_BOT_TOKEN": TOKEN,
                "TG_CHAT_ID": str(where),
                **exchange.environment(),
                "TELEGRAM_API_URL": telegram.url,
                "DB_FILE": str(folder / "alerts.db"),
                "STATE_FILE": str(folder / "state.json"),
                "SMART_MONEY_DB_PATH": str(folder / "snapshots.db"),
                "API_PORT": "0",
            } | environ
            config, _ = configuration.load(app_environ, env_file=None)
            timeouts = Timeouts(call_s=30 * speed, poll_margin_s=10 * speed)
            channel = TelegramChannel(Secret(TOKEN), api_url=telegram.url, clock=clock, timeouts=timeouts)
            async with messaging(channel, config.chats) as messaging_setup:
                feed = FeedOptions(gather_ms=config.feed_gather_ms, shortest_silence_s=stall_s * speed)
                options = MarketOptions(feed=feed)
                app = App(config, clock=clock, messaging_setup=messaging_setup, options=options)
                running = asyncio.create_task(app.run())
                try:
                    yield Stage(
                        app=app,
                        clock=clock,
                        market=market,
                        exchange=exchange,
                        telegram=telegram,
                        destination=where,
                    )
                finally:
                    app.stop()
                    await running
    finally:
        await telegram.stop()


def usdt_perpetuals(market: SeededMarket) -> list[str]:
    return [
        contract.symbol
        for contract in market.contracts()
        if contract.status_at(START_MS) == "TRADING"
        and (contract.contract_type, contract.quote_asset) == ("PERPETUAL", "USDT")
    ]


SYMBOLS = usdt_perpetuals(SeededMarket(seed=3, start_ms=START_MS, symbols=40))
