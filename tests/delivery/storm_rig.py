"""A market-wide crash told to one chat by everything that is real in delivery, and what its reader saw when."""

from __future__ import annotations

import asyncio
import random
import re
import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from zoneinfo import ZoneInfo

from altmonitor.core.alert import Alert, Details
from altmonitor.core.clock import ScaledClock
from altmonitor.core.types import Destination, Secret
from altmonitor.delivery.deps import DeliveryDeps
from altmonitor.delivery.destination_style import MessageRenderer
from altmonitor.delivery.dispatcher import Dispatcher
from altmonitor.render.digest import DigestContext
from altmonitor.sim.contracts import make_contracts
from altmonitor.sim.telegram.server import SimTelegram
from altmonitor.sim.telegram.values import SimMessage
from altmonitor.storage.store import SqliteStore, StoreOptions
from altmonitor.telegram.bot import TelegramChannel, Timeouts
from tests.patient_clock import PatientClock

START_MS = 1_790_000_040_000
GROUP = Destination(chat_id=-1001)
TOKEN = "123456:" + "A" * 35
SPEED = 10.0
"""What the machine spends counts ten times as much as in life."""
ANSWER_AFTER_S = 0.15


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One alert and the message its delivery row points at. shown_ms: when that message first named it, or None."""

    symbol: str
    decided_ms: int
    message_id: int | None
    shown_ms: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """told: every alert of the database. first_message_ms: since the storm began."""

    sent: Sequence[Told]
    messages: Sequence[SimMessage]
    first_message_ms: int
    edits: int
    violations: int

    @property
    def delays_s(self) -> list[float]:
        """Decision → on the screen, of those that are."""
        return [(row.shown_ms - row.decided_ms) / 1000 for row in self.sent if row.shown_ms is not None]

    @property
    def unseen(self) -> list[str]:
        return [row.symbol for row in self.sent if row.shown_ms is None]

    def figures(self) -> dict[str, float]:
        return {
            "first_message_s": self.first_message_ms / 1000,
            "last_symbol_s": max(self.delays_s),
            "median_symbol_s": median(self.delays_s),
            "messages": float(len(self.messages)),
            "edits": float(self.edits),
            "violations": float(self.violations),
            "unseen": float(len(self.unseen)),
        }


@dataclass
class Screen:
    """What a reader of the chat sees: (unix ms, message id, words) of every new text."""

    clock: ScaledClock
    texts: list[tuple[int, int, frozenset[str]]] = field(default_factory=list)

    def show(self, message: SimMessage) -> None:
        words = frozenset(re.split(r"[\s,]+", message.text))
        self.texts.append((self.clock.now_ms(), message.message_id, words))

    def first_ms(self, symbol: str, message_id: int | None) -> int | None:
        return next((at_ms for at_ms, shown, words in self.texts if shown == message_id and symbol in words), None)


def crash(count: int, *, seed: int = 1) -> list[Alert]:
    """Alerts of as many different symbols in random order, without their moment: most fall, few rise against it."""
    numbers = random.Random(seed)
    contracts = make_contracts(seed=seed, count=2 * count, start_ms=START_MS)
    symbols = sorted({contract.symbol for contract in contracts if contract.symbol.endswith("USDT")})
    return [_alert(symbol, numbers) for symbol in numbers.sample(symbols, count)]


def _alert(symbol: str, numbers: random.Random) -> Alert:
    share = numbers.random()
    size = 3.0 + numbers.expovariate(1 / 0.8)
    known = {"ts": 0.0, "event_ms": 0, "candle_ms": START_MS, "symbol": symbol, "price": 1.5}
    if share < 0.75:
        return Alert(**known, key=f"price:{symbol}", kind="price", direction="DUMP", metric=-size, change_pct=-size)
    if share < 0.78:
        return Alert(**known, key=f"price:{symbol}", kind="price", direction="PUMP", metric=size, change_pct=size)
    if share < 0.9:
        return Alert(**known, key=f"oi:{symbol}", kind="oi", direction="DOWN", metric=-size, oi_change=-size, note="5m")
    details = Details(quote_usdt=1e6, median_usdt=1e5, taker_buy_share=0.2)
    return Alert(
        **known, key=f"vol:{symbol}", kind="vol", direction="DOWN", metric=2 * size, change_pct=-size, details=details
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Rig:
    clock: ScaledClock
    sim: SimTelegram
    store: SqliteStore
    dispatcher: Dispatcher
    screen: Screen

    async def put(self, alerts: Sequence[Alert], *, over_s: float) -> None:
        """Evenly over so many seconds; each is decided in the moment it is put."""
        began_s = self.clock.monotonic()
        for number, alert in enumerate(alerts):
            wait_s = began_s + over_s * number / len(alerts) - self.clock.monotonic()
            if wait_s > 0:
                await self.clock.sleep(wait_s)
            self.store.put(decided(alert, self.clock.now_ms()))

    async def until_told(self, count: int, *, within_s: float) -> None:
        async with self.clock.timeout(within_s):
            while self.store.outbox_status().sent < count:
                await self.clock.sleep(0.1)


def decided(alert: Alert, at_ms: int) -> Alert:
    values = {name: getattr(alert, name) for name in alert.__struct_fields__}
    return Alert(**values | {"ts": at_ms / 1000, "event_ms": at_ms})


@asynccontextmanager
async def rig(path: Path, *, speed: float = SPEED) -> AsyncIterator[Rig]:
    clock = PatientClock(start_ms=START_MS, speed=speed)
    sim = SimTelegram(clock=clock, token=TOKEN)
    sim.faults.delay_s = ANSWER_AFTER_S
    screen = Screen(clock)
    sim.on_message = screen.show
    await sim.start()
    timeouts = Timeouts(call_s=30 * speed)
    channel = TelegramChannel(Secret(TOKEN), api_url=sim.url, clock=clock, timeouts=timeouts)
    await channel.start()
    market = DigestContext(symbols_watched=561, symbols_down=412, median_pct=-5.1, btc_pct=-4.2)
    renderer = MessageRenderer("en", ZoneInfo("UTC"), market=lambda: market)
    async with SqliteStore(path, clock=clock, options=StoreOptions(destinations=(GROUP,))) as store:
        dispatcher = Dispatcher(
            DeliveryDeps(outbox=store, channel=channel, renderer=renderer, clock=clock), store.destinations
        )
        running = asyncio.create_task(dispatcher.run())
        try:
            yield Rig(clock=clock, sim=sim, store=store, dispatcher=dispatcher, screen=screen)
        finally:
            running.cancel()
            await asyncio.wait({running})
            await channel.stop()
            await sim.stop()


async def live_through(path: Path, *, count: int, over_s: float, speed: float = SPEED) -> Seen:
    """Put a crash of `count` alerts over so many seconds, wait until everything is told, look at everything."""
    async with rig(path, speed=speed) as here:
        began_ms = here.clock.now_ms()
        await here.put(crash(count), over_s=over_s)
        await here.until_told(count, within_s=120)
    messages = here.sim.chats[GROUP.chat_id]
    return Seen(
        sent=_rows(path, here.screen),
        messages=messages,
        first_message_ms=here.screen.texts[0][0] - began_ms,
        edits=sum(len(message.edits) for message in messages),
        violations=len(here.sim.violations),
    )


def _rows(path: Path, screen: Screen) -> list[Told]:
    with closing(sqlite3.connect(path)) as db:
        rows = db.execute(
            "SELECT symbol, ts, message_id FROM alerts JOIN deliveries ON alert_id = id WHERE state = 'sent'"
        ).fetchall()
    return [
        Told(
            symbol=symbol,
            decided_ms=round(ts * 1000),
            message_id=message_id,
            shown_ms=screen.first_ms(symbol, message_id),
        )
        for symbol, ts, message_id in rows
    ]
