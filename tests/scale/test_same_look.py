"""What a chat sees of `run --role feed` and `run --role notify` is what it sees of one process that does everything."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from altmonitor import config as configuration
from altmonitor.app.app import App
from altmonitor.app.chat import messaging
from altmonitor.app.leftovers import Leftovers
from altmonitor.cli import roles
from altmonitor.cli.common import Session
from altmonitor.cli.run import build_app
from altmonitor.core.alert import Alert, Details, OutcomeLine
from altmonitor.core.clock import SystemClock
from altmonitor.core.supervisor import beside
from altmonitor.core.types import Destination
from altmonitor.sim.exchange import SimExchange
from altmonitor.sim.market import SeededMarket
from altmonitor.sim.telegram.server import SimTelegram
from altmonitor.sim.telegram.values import SimMessage
from altmonitor.storage.postgres.connection import DatabaseAddress, PostgresConnection
from altmonitor.storage.postgres.hand_over import PostgresHandOver
from altmonitor.storage.postgres.reader import postgres_state
from altmonitor.telegram.bot import TelegramChannel
from tests.e2e.process import TOKEN, watched
from tests.scale.fixtures import needs_servers, postgres
from tests.scale.servers import PostgresServer

__all__ = ["postgres"]

pytestmark = [needs_servers, pytest.mark.timeout(240)]

CLOCK = SystemClock()
CHAT, GROUP, SUPERGROUP = Destination(chat_id=77), Destination(chat_id=-4001), Destination(chat_id=-1004001)
WITHIN_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Monitor:
    """However many processes it would be. app: of the feed, or of the one that does everything."""

    app: App
    telegram: SimTelegram

    def said(self, chat_id: int = CHAT.chat_id) -> Sequence[SimMessage]:
        return self.telegram.chats[chat_id]

    def put(self, alerts: Sequence[Alert], *, to: Destination = CHAT) -> None:
        for alert in alerts:
            self.app.store.put(alert, to=[to])

    async def until(self, is_so: Callable[[], bool], what: str) -> None:
        end_s = CLOCK.monotonic() + WITHIN_S
        while not is_so():
            said = "\n---\n".join(message.text for message in self.said())
            assert CLOCK.monotonic() < end_s, f"{what} not within {WITHIN_S} s; the chat holds:\n{said}"
            await asyncio.sleep(0.02)


@asynccontextmanager
async def surroundings(folder: Path, **environ: str) -> AsyncIterator[tuple[Session, SimTelegram, SeededMarket]]:
    market = SeededMarket(seed=3, start_ms=CLOCK.now_ms(), symbols=48, frames_per_s=60)
    telegram = SimTelegram(clock=CLOCK, token=TOKEN)
    folder.mkdir()  # noqa: ASYNC240 — before anything runs
    await telegram.start()
    try:
        async with SimExchange(market, clock=CLOCK) as exchange:
            given = {
                "TG_BOT_TOKEN": TOKEN,
                "TG_CHAT_ID": f"{CHAT},{GROUP}",
                **exchange.environment(),
                "TELEGRAM_API_URL": telegram.url,
                "DB_FILE": str(folder / "alerts.db"),
                "STATE_FILE": str(folder / "state.json"),
                "SMART_MONEY_DB_PATH": str(folder / "snapshots.db"),
                "API_PORT": "0",
                "GROUP_ADMINS_ONLY": "false",
                "PUMP_THRESHOLD": "90",
                "DUMP_THRESHOLD": "-90",
                "OI_SURGE_PCT_1M": "0",
                "OI_SURGE_PCT_5M": "0",
                "VOL_BURST_MULT": "0",
            } | environ
            config, _ = configuration.load(given, env_file=None)
            yield Session(config=config, clock=CLOCK, warnings=()), telegram, market
    finally:
        await telegram.stop()


@asynccontextmanager
async def running(app: App, telegram: SimTelegram) -> AsyncIterator[Monitor]:
    async with beside(app.run(), name="app") as task:
        here = Monitor(app=app, telegram=telegram)
        await here.until(lambda: task.done() or any("watches" in m.text for m in here.said()), "start message")
        await here.until(lambda: app.market.engine.breadth().median_pct is not None, "a market to speak of")
        yield here
        app.stop()
        await task


@asynccontextmanager
async def one_process(folder: Path) -> AsyncIterator[tuple[Monitor, SeededMarket]]:
    async with surroundings(folder) as (session, telegram, market):
        channel = TelegramChannel(session.config.tg_bot_token, api_url=telegram.url, clock=CLOCK)
        async with messaging(channel, session.config.chats) as setup, running(build_app(session, setup), telegram) as m:
            yield m, market


@asynccontextmanager
async def feed_and_notifier(folder: Path, database: str) -> AsyncIterator[tuple[Monitor, SeededMarket]]:
    async with surroundings(folder, DATABASE_URL=database) as (session, telegram, market), AsyncExitStack() as stack:
        connection = PostgresConnection(DatabaseAddress(database), purpose="test")
        stack.push_async_callback(connection.close)
        hand_over = PostgresHandOver(connection)
        leftovers = Leftovers(hand_over, clock=CLOCK)
        app = await stack.enter_async_context(roles._opened_feed(session, "feed#1", hand_over, leftovers))
        notifier = await stack.enter_async_context(roles._opened_notifier(session, "notify#1"))
        speaking = await stack.enter_async_context(beside(notifier.run(), name="notifier"))
        yield await stack.enter_async_context(running(app, telegram)), market
        notifier.stop()
        await speaking


def alert(symbol: str, at: int, *, change: float = 4.25) -> Alert:
    now_ms = CLOCK.now_ms()
    return Alert(
        key=f"price:{symbol}:PUMP:1m:{at}",
        ts=now_ms / 1000,
        event_ms=now_ms,
        candle_ms=now_ms // 60_000 * 60_000,
        symbol=symbol,
        kind="price",
        direction="PUMP",
        price=12.5,
        change_pct=change,
        amplitude=5.0,
        lsr=1.75,
        oi_change=2.5,
        quadrant="up_up",
        metric=change,
        note="1m",
        details=Details(
            threshold=3.0,
            window_s=41.0,
            oi_usd=7.0e6,
            funding_rate=0.0001,
            funding_hours=8.0,
            day_change_pct=-3.0,
            outcomes=OutcomeLine(moments=20, went_on=12, median_pct=0.5, minutes=15, is_chance=True),
        ),
    )


def look(message: SimMessage) -> tuple[object, ...]:
    """All that a person sees, without the numbers of the moment."""
    buttons = re.findall(r"'text': '([^']*)'", str(message.reply_markup))
    html = re.sub(r"[+−]?\d+(?:\.\d+)?", "#", message.html)
    return html, message.photo is not None, message.reply_to is not None, message.silent, tuple(buttons)


async def seen(here: Monitor, symbols: Sequence[str]) -> list[tuple[object, ...]]:
    """An alert with the chart that follows it, then a storm that leaves as a digest."""
    already = len(here.said())
    here.put([alert(symbols[0], 1)])
    await here.until(lambda: any(m.photo for m in here.said()), "the chart")
    here.put([alert(symbol, 2, change=4.0 + n / 8) for n, symbol in enumerate(symbols[1:15])])
    await here.until(lambda: symbols[14] in here.said()[-1].text, "the digest")
    return [look(message) for message in here.said()[already:]]


async def test_an_alert_its_chart_and_a_digest_with_the_line_of_the_market_look_the_same(
    tmp_path: Path, postgres: PostgresServer
) -> None:
    async with one_process(tmp_path / "one") as (here, market):
        alone = await seen(here, watched(market))
    async with feed_and_notifier(tmp_path / "two", postgres.new_database()) as (here, market):
        apart = await seen(here, watched(market))
    told, chart, digest = alone
    assert told[-1], "an alert has buttons"
    assert chart[1:3] == (True, True), "its chart is a reply"
    assert "Market: # of # down" in str(digest[0]), "a digest has the line of the market"
    assert apart == alone


async def test_a_group_that_becomes_a_supergroup_keeps_its_settings_when_the_notifier_hears_of_it(
    tmp_path: Path, postgres: PostgresServer
) -> None:
    database = postgres.new_database()
    async with feed_and_notifier(tmp_path / "two", database) as (here, market):
        here.telegram.inject_message(GROUP.chat_id, "/set_pump 40", user_id=CHAT.chat_id)
        await here.until(lambda: any("40" in m.text for m in here.said(GROUP.chat_id)), "the answer")
        here.telegram.migrate(GROUP.chat_id, SUPERGROUP.chat_id)
        first, second = watched(market)[:2]
        here.put([alert(first, 1)], to=GROUP)
        await here.until(lambda: any(first in m.text for m in here.said(SUPERGROUP.chat_id)), "the alert")
        end_s = CLOCK.monotonic() + WITHIN_S
        while SUPERGROUP not in (chats := (await postgres_state(database)).chats):
            assert CLOCK.monotonic() < end_s, "the feed has not moved the settings"
            await asyncio.sleep(0.1)
        assert chats[SUPERGROUP].numbers == {"pump_threshold": 40.0}
        assert GROUP not in chats
        here.put([alert(second, 1)], to=GROUP)
        await here.until(lambda: any(second in m.text for m in here.said(SUPERGROUP.chat_id)), "the next alert")
