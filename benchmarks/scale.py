"""`make bench-scale`: what chats cost, from 100 to 10,000, over a real PostgreSQL, beside the arithmetic of tokens.

In a crash each contract falls 5 % in one frame. `decide`: CPU of the engine and of sharing out, per chat that was told.
`store_and_deliver`: alerts committed by a feed with a delivery for every chat, and told by one notifier through twelve
bots with Telegram's limits, by the clock; every chat hears of the crash in one digest. CPU is that of this process,
feed and notifier together, and of the server; round trips are counted by the connections.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from altmonitor.app.bots import bot_of
from altmonitor.core.alert import Alert
from altmonitor.core.clock import SystemClock
from altmonitor.core.types import Destination
from altmonitor.delivery.deps import DeliveryDeps
from altmonitor.delivery.destination_style import DestinationStyles
from altmonitor.delivery.dispatcher import Dispatcher
from altmonitor.delivery.pacing import OVERALL_LIMIT
from altmonitor.delivery.turns import BotTurns
from altmonitor.engine.shared_audiences import FollowersSink, SharedAudiences
from altmonitor.interfaces.cluster import LEADER, SHARDS, shard_lease
from altmonitor.interfaces.delivery import Keyboard
from altmonitor.settings.audience import Audience
from altmonitor.settings.settings import Settings
from tests.fakes import ListSink, Market

if TYPE_CHECKING:
    from tests.scale.servers import PostgresServer

CHATS = (100, 1_000, 10_000)
SETTINGS = 200
BOTS = 12
SYMBOLS = 530
STORED_SYMBOLS = 12
"""Contracts of the crash that is stored and delivered: each is a row for every chat."""
DELIVERED_WITHIN_S = 240.0
ANSWERS_AFTER_S = 0.05
CLOCK = SystemClock()


def audiences(chats: int) -> list[Audience]:
    """SETTINGS different ones, or as many as there are chats."""
    kinds = [Settings(pump_threshold=3.0 + at / 1000, dump_threshold=-3.0 - at / 1000) for at in range(SETTINGS)]
    return [Audience(destination=Destination(chat_id=1 + at), settings=kinds[at % SETTINGS]) for at in range(chats)]


def decide(chats: int, *, is_shared: bool, symbols: int = SYMBOLS) -> tuple[float, int]:
    """CPU seconds of the crash, and how many (alert, chat) pairs were told."""
    of, shared, told = audiences(chats), SharedAudiences(), ListSink()
    names = [f"C{at}USDT" for at in range(symbols)]
    market = Market(*names, audiences=shared.apply(of)[0] if is_shared else of)
    sink = FollowersSink(told, shared)
    for name in names:
        market.push(100.0, symbol=name, at_s=1.0)
    began_s = time.process_time()
    for name in names:
        market.push(95.0, symbol=name, at_s=2.0)
    for alert, to in market.sink.told:
        sink.put(alert, to=to)
    return time.process_time() - began_s, sum(len(to) for to in told.to.values())


class Bots:
    """`Channel` of all bots: takes what Telegram would, and counts what it would refuse."""

    def __init__(self) -> None:
        self.heard: dict[int, float] = {}
        self.messages = 0
        self.refused = 0
        self._news = asyncio.Event()
        self._said: dict[int, deque[float]] = {bot: deque(maxlen=30) for bot in range(BOTS)}

    async def all_heard(self, chats: int) -> None:
        while len(self.heard) < chats:
            self._news.clear()
            await self._news.wait()

    async def send(
        self,
        destination: Destination,
        html: str,
        *,
        reply_to: int | None = None,
        silent: bool = False,
        buttons: Keyboard = (),
    ) -> int:
        now_s, said = CLOCK.monotonic(), self._said[bot_of(destination.chat_id, range(BOTS), {})]
        if len(said) == 30 and now_s - said[0] < 1.0:
            self.refused += 1
        said.append(now_s)
        self.messages += 1
        await asyncio.sleep(ANSWERS_AFTER_S)
        self.heard.setdefault(destination.chat_id, now_s)
        self._news.set()
        return len(self.heard)

    async def edit(self, destination: Destination, message_id: int, html: str, *, buttons: Keyboard = ()) -> None:
        await self.send(destination, html)

    async def set_buttons(self, destination: Destination, message_id: int, buttons: Keyboard) -> None: ...

    async def send_photo(
        self,
        destination: Destination,
        png: bytes,
        *,
        caption_html: str = "",
        reply_to: int | None = None,
        silent: bool = False,
    ) -> int:
        return await self.send(destination, caption_html)


@dataclass(kw_only=True)
class Delivered:
    """Seconds until all rows were committed and until every chat had heard; CPU of this process and of the server,
    round trips of the feed and of the notifier: from the first alert until then."""

    bots: Bots = field(default_factory=Bots)
    stored_s: float = 0.0
    heard_s: float = 0.0
    cpu_s: float = 0.0
    server_cpu_s: float = 0.0
    feed_trips: int = 0
    notifier_trips: int = 0
    start_trips: int = 0


async def store_and_deliver(server: PostgresServer, chats: int) -> Delivered:
    from altmonitor.storage.database_store import StoreOptions
    from altmonitor.storage.postgres.connection import DatabaseAddress, PostgresConnection
    from altmonitor.storage.postgres.feed_store import FeedStore, FencedDatabase
    from altmonitor.storage.postgres.leases import PostgresLeases
    from altmonitor.storage.postgres.outbox import ClaimedOutbox
    from tests.scale.counting import CountingConnection

    address = DatabaseAddress(server.new_database())
    of, committed = audiences(chats), asyncio.Event()
    stored: list[Alert] = []

    def on_committed(alert: Alert) -> None:
        stored.append(alert)
        if len(stored) == STORED_SYMBOLS:
            committed.set()

    token: dict[str, int] = {}
    database = FencedDatabase(address, fence=lambda: token.get(LEADER), connect=CountingConnection)
    store = FeedStore(
        address,
        cluster="bench",
        clock=CLOCK,
        options=StoreOptions(on_committed=on_committed),
        fence=lambda: token.get(LEADER),
        database=database,
    )
    holding, reading = PostgresConnection(address, purpose="leases"), CountingConnection(address, purpose="outbox")

    def feed_trips() -> int:
        return sum(
            one.round_trips for one in (database.reading, database.writing) if isinstance(one, CountingConnection)
        )

    done = Delivered()
    async with store:
        leases = PostgresLeases(holding)
        token |= await leases.acquire([LEADER], holder="bench", for_s=3_600)
        shards = await leases.acquire([shard_lease(shard) for shard in range(SHARDS)], holder="bench", for_s=3_600)
        bots, outbox = done.bots, ClaimedOutbox(reading, clock=CLOCK)
        outbox.tokens = lambda: {int(name.partition(":")[2]): held for name, held in shards.items()}
        turns = [BotTurns() for _ in range(BOTS)]
        styles = DestinationStyles(of)
        destinations = [audience.destination for audience in of]
        dispatcher = Dispatcher(
            DeliveryDeps(
                outbox=outbox,
                channel=bots,
                renderer=styles.of(destinations[0]).renderer,
                clock=CLOCK,
                destination_styles=styles.of,
                turns_of=lambda chat_id: turns[bot_of(chat_id, range(BOTS), {})],
            ),
            destinations,
        )
        tasks = [asyncio.create_task(dispatcher.run()), asyncio.create_task(outbox.run())]
        await asyncio.sleep(1 + chats / 5_000)
        done.start_trips = reading.round_trips
        before = (time.process_time(), server.cpu_s(), feed_trips(), reading.round_trips)
        began_s, now_ms = CLOCK.monotonic(), CLOCK.now_ms()
        for at in range(STORED_SYMBOLS):
            key = f"price:C{at}USDT:DUMP:1m:{now_ms}"
            alert = Alert(
                key=key, ts=now_ms / 1000, event_ms=now_ms, candle_ms=now_ms, symbol=f"C{at}USDT", kind="price",
                direction="DUMP", price=95.0, change_pct=-5.0, metric=-5.0, note="1m",
            )  # fmt: skip
            store.put(alert, to=destinations)
        await committed.wait()
        done.stored_s = CLOCK.monotonic() - began_s
        with suppress(TimeoutError):
            async with CLOCK.timeout(DELIVERED_WITHIN_S):
                await bots.all_heard(chats)
        done.heard_s = max(bots.heard.values(), default=began_s) - began_s
        after = (time.process_time(), server.cpu_s(), feed_trips(), reading.round_trips)
        done.cpu_s, done.server_cpu_s = after[0] - before[0], after[1] - before[1]
        done.feed_trips, done.notifier_trips = after[2] - before[2], after[3] - before[3]
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
    await holding.close()
    await reading.close()
    return done


def main(wanted: Sequence[str]) -> None:
    """wanted: numbers of chats; all without any."""
    counts = [int(word) for word in wanted] or list(CHATS)
    print(f"{SYMBOLS} contracts fall 5 % at once; {SETTINGS} different settings")
    print("chats | told, chat × alert | CPU s | µs per told | each judged alone, µs per told")
    for chats in counts:
        spent_s, told = decide(chats, is_shared=True)
        alone = "–"
        if chats <= 1_000:
            alone_s, alone_told = decide(chats, is_shared=False, symbols=53)
            alone = f"{alone_s / alone_told * 1e6:.1f}"
        print(f"{chats} | {told} | {spent_s:.2f} | {spent_s / told * 1e6:.2f} | {alone}", flush=True)
    from tests.scale.servers import PostgresServer, no_postgres

    if why := no_postgres():
        print(f"not stored: {why}")
        return
    server = PostgresServer()
    server.start()
    try:
        print(f"{STORED_SYMBOLS} contracts, a delivery for every chat; {BOTS} bots at {OVERALL_LIMIT} a second")
        print(
            "chats | rows | committed after | every chat heard after | the tokens alone need, of 1 bot | messages | "
            "refused | CPU | of PostgreSQL | per alert and chat, µs | round trips: at the start, per alert, per chat"
        )
        for chats in counts:
            done = asyncio.run(store_and_deliver(server, chats))
            rows, needs_s = chats * STORED_SYMBOLS, chats / BOTS / OVERALL_LIMIT
            print(
                f"{chats} | {rows} | {done.stored_s:.1f} s | {done.heard_s:.1f} s ({len(done.bots.heard)} chats) | "
                f"{needs_s:.1f} s, {chats / OVERALL_LIMIT:.0f} s | {done.bots.messages} | {done.bots.refused} | "
                f"{done.cpu_s:.2f} s | {done.server_cpu_s:.2f} s | "
                f"{done.cpu_s / rows * 1e6:.0f} + {done.server_cpu_s / rows * 1e6:.0f} | "
                f"{done.start_trips}, {done.feed_trips / STORED_SYMBOLS:.2f}, {done.notifier_trips / chats:.3f}",
                flush=True,
            )
    finally:
        server.remove()


if __name__ == "__main__":
    main(sys.argv[1:])
