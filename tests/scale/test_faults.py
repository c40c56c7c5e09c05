"""Whatever happens to one part of a cluster, in a storm and at any moment: afterwards the account of every chat and
every alert balances.

ALTMONITOR_SCALE_SEEDS=1-50 for more than the usual three; `make chaos-scale` does that. 1-0 for none.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from altmonitor.core.clock import SystemClock
from altmonitor.core.supervisor import beside
from altmonitor.sim.market import SeededMarket
from altmonitor.sim.script import Pump
from tests.e2e.kill_kit import MARK
from tests.e2e.process import watched
from tests.scale.cluster import Cluster, cluster
from tests.scale.fixtures import needs_servers
from tests.scale.proxy import Wire
from tests.scale.servers import NatsServer, PostgresServer

FIRST, _, LAST = os.environ.get("ALTMONITOR_SCALE_SEEDS", "1-3").partition("-")
SEEDS = range(int(FIRST), int(LAST or FIRST) + 1)
CHATS = (77, 78, -1001)
ROLES = ("feed-1", "feed-2", "notify-1", "notify-2")
FAULTS_EACH = 4
STORM_S = 24.0
FIRST_AFTER_MS, SPACING_MS = 1_000, 250
BEGINS_WITHIN_S, SETTLES_WITHIN_S = 180.0, 180.0
SILENT_S = 5.0
LOOKED_BACK_S = 3.0
"""After the end of a minute."""
LATE_LOOKS = 12
THRESHOLD = 1.03

SLOW = """
    CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN PERFORM pg_sleep({pause_s}); RETURN NULL; END $$;
    CREATE TRIGGER slow AFTER INSERT ON alerts FOR EACH STATEMENT EXECUTE FUNCTION slow();
"""

pytestmark = [needs_servers, pytest.mark.timeout(900)]


class StormyMarket(SeededMarket):
    """moves: from `begin` on every contract rises once by 4 %, one after the other."""

    def __init__(self, *, seed: int, start_ms: int) -> None:
        super().__init__(seed=seed, start_ms=start_ms, symbols=160, frames_per_s=100)
        self._order = watched(self)
        random.Random(seed).shuffle(self._order)
        self.moves: list[Pump] = []

    def begin(self, at_ms: int) -> None:
        self.moves = [Pump(symbol, at_ms + at * SPACING_MS, 4.0, 0.3) for at, symbol in enumerate(self._order)]
        self.add(*self.moves)


@dataclass
class Storm:
    here: Cluster
    nats: NatsServer
    wires: dict[str, Wire]
    chance: random.Random
    done: list[str] = field(default_factory=list)
    logs: list[str] = field(default_factory=list)

    async def start(self, name: str) -> None:
        url = f"{self.here.database.rpartition('@')[0]}@127.0.0.1:{self.wires[name].port}/"
        await self.here.start(name, DATABASE_URL=url + self.here.database.rpartition("/")[2], NATS_URL=self.nats.url)

    async def keep_up(self) -> None:
        """Until cancelled: what ended by itself is started again, as a service manager does."""
        while True:
            await asyncio.sleep(0.5)
            for name, program in list(self.here.programs.items()):
                if not program.is_running:
                    self.logs += [f"== {name}, ended by itself", *program.lines]
                    del self.here.programs[name]
                    await asyncio.sleep(1.0)
                    await self.start(name)

    async def one(self) -> None:
        fault = self.chance.choice(self.faults())
        self.done.append(f"{fault.__name__.strip('_')}")
        await fault()

    def faults(self) -> list[Callable[[], Awaitable[None]]]:
        return [
            *(self._kill_leader, self._kill_a_feed, self._kill_a_notifier, self._restart_postgres),
            *(self._kill_postgres, self._freeze_postgres, self._cut_a_wire, self._hold_a_wire),
            *(self._restart_nats, self._no_connections, self._telegram_away, self._slow_disk),
        ]

    async def _kill(self, name: str) -> None:
        self.done[-1] += f" {name}"
        self.logs += [f"== {name}, killed", *self.here.programs[name].lines]
        await self.here.kill(name)
        await asyncio.sleep(self.chance.uniform(0.0, 6.0))
        await self.start(name)

    async def _kill_leader(self) -> None:
        await self._kill(self.here.leader or "feed-1")

    async def _kill_a_feed(self) -> None:
        await self._kill(self.chance.choice(ROLES[:2]))

    async def _kill_a_notifier(self) -> None:
        await self._kill(self.chance.choice(ROLES[2:]))

    async def _restart_postgres(self) -> None:
        await asyncio.to_thread(self.here.postgres.stop)
        await asyncio.sleep(self.chance.uniform(0.0, 5.0))
        await asyncio.to_thread(self.here.postgres.start)

    async def _kill_postgres(self) -> None:
        await asyncio.to_thread(self.here.postgres.kill)
        await asyncio.to_thread(self.here.postgres.start)

    async def _freeze_postgres(self) -> None:
        """A disk that hangs."""
        await asyncio.to_thread(self.here.postgres.sql, "CHECKPOINT")
        self.here.postgres.freeze()
        await asyncio.sleep(self.chance.uniform(1.0, 6.0))
        self.here.postgres.thaw()

    async def _slow_disk(self) -> None:
        """Every alert takes its time to be stored, and what is stored with it waits."""
        pause_s, name = self.chance.uniform(0.05, 0.4), self.here.database.rpartition("/")[2]
        await asyncio.to_thread(self.here.postgres.sql, SLOW.format(pause_s=f"{pause_s:.3f}"), name)
        await asyncio.sleep(self.chance.uniform(2.0, 8.0))
        await asyncio.to_thread(self.here.postgres.sql, "DROP FUNCTION slow CASCADE", name)

    async def _cut_a_wire(self) -> None:
        name = self.chance.choice(ROLES)
        self.done[-1] += f" {name}"
        self.wires[name].cut()
        await asyncio.sleep(self.chance.uniform(0.5, 8.0))
        self.wires[name].mend()

    async def _hold_a_wire(self) -> None:
        name = self.chance.choice(ROLES)
        self.done[-1] += f" {name}"
        self.wires[name].hold()
        await asyncio.sleep(self.chance.uniform(0.5, 8.0))
        self.wires[name].mend()

    async def _restart_nats(self) -> None:
        await asyncio.to_thread(self.nats.kill)
        await asyncio.sleep(self.chance.uniform(0.0, 4.0))
        await asyncio.to_thread(self.nats.start)

    async def _no_connections(self) -> None:
        """Whoever loses its connection gets none for a while."""
        name = self.here.database.rpartition("/")[2]
        await asyncio.to_thread(self.here.postgres.sql, f"ALTER DATABASE {name} CONNECTION LIMIT 0")
        await asyncio.to_thread(self.here.postgres.sql, "ALTER ROLE alt NOSUPERUSER")
        await asyncio.to_thread(
            self.here.postgres.sql,
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = 'alt'",
        )
        await asyncio.sleep(self.chance.uniform(0.5, 5.0))
        await asyncio.to_thread(self.here.postgres.sql, f"ALTER DATABASE {name} CONNECTION LIMIT -1")

    async def _telegram_away(self) -> None:
        """What waits piles up."""
        self.here.telegram.faults.delay_s = 60.0
        await asyncio.sleep(self.chance.uniform(1.0, 5.0))
        self.here.telegram.faults.delay_s = 0.0


@pytest.mark.parametrize("seed", SEEDS)
async def test_the_account_of_every_chat_and_alert_balances_after_whatever_happened(seed: int, tmp_path: Path) -> None:
    chance = random.Random(seed)
    servers = PostgresServer(), NatsServer()
    try:
        for server in servers:
            await asyncio.to_thread(server.start)
        await weathered(chance, seed, tmp_path, *servers)
    finally:
        for server in servers:
            await asyncio.to_thread(server.remove)


async def weathered(chance: random.Random, seed: int, folder: Path, postgres: PostgresServer, nats: NatsServer) -> None:
    market = StormyMarket(seed=seed, start_ms=SystemClock().now_ms())
    settings = {"TG_MIN_SEND_INTERVAL": "0.05", "OI_SURGE_PCT_1M": "0", "OI_SURGE_PCT_5M": "0", "VOL_BURST_MULT": "0"}
    async with AsyncExitStack() as stack:
        here = await stack.enter_async_context(
            cluster(folder, postgres, market=market, chats=CHATS, telegram_speed=30, COOLDOWN_SEC="600", **settings)
        )
        postgres.sql("CREATE ROLE alt LOGIN SUPERUSER")
        postgres.sql(f"ALTER DATABASE {here.database.rpartition('/')[2]} OWNER TO alt")
        here.database = here.database.replace("//postgres@", "//alt@")
        wires = {name: stack.enter_context(Wire(postgres.port)) for name in ROLES}
        storm = Storm(here, nats, wires, chance)
        for name in ROLES:
            await storm.start(name)
        await here.until(lambda: here.leader is not None, within_s=BEGINS_WITHIN_S, what="a leader")
        for name in ROLES[:2]:
            await here.is_watching(name)
        market.begin(SystemClock().now_ms() + FIRST_AFTER_MS)
        async with beside(storm.keep_up(), name="service manager"):
            for _ in range(FAULTS_EACH):
                await asyncio.sleep(chance.uniform(1.0, STORM_S / FAULTS_EACH))
                await storm.one()
            await asyncio.sleep(max(0.0, (market.moves[-1].at_ms - SystemClock().now_ms()) / 1000))
            # What no feed saw is found in the closed minutes, and so would be what was told already.
            await settled(here)
            await asyncio.sleep(60.0 + LOOKED_BACK_S - SystemClock().now_ms() % 60_000 / 1000)
            for _ in range(LATE_LOOKS):
                await settled(here)
                if not unseen(here, market):
                    break
        print(f"\nseed {seed}: {', '.join(storm.done)}; {account(here)}")
        wrong = [*balance(here, storm), *unseen(here, market)]
        if wrong:
            print(
                *wrong,
                *history(here),
                *storm.logs,
                *(f"== {name}\n{program.log}" for name, program in here.programs.items()),
                sep="\n",
            )
        assert wrong == []


async def settled(here: Cluster) -> None:
    """The market has fallen silent and nothing waits."""
    clock = SystemClock()
    silent_s, before = clock.monotonic(), -1
    began_s = clock.monotonic()
    while clock.monotonic() - silent_s < SILENT_S:
        assert clock.monotonic() - began_s < SETTLES_WITHIN_S, f"never settled: {account(here)}"
        await asyncio.sleep(0.5)
        counts = "SELECT (SELECT count(*) FROM alerts), count(*) FROM deliveries WHERE state = 'queued'"
        alerts, queued = map(int, (await asyncio.to_thread(here.sql, counts))[0])
        if alerts != before or queued:
            silent_s, before = clock.monotonic(), alerts


def history(here: Cluster) -> list[str]:
    """Every alert, when it was found, and when its messages left."""
    rows = here.sql(
        "SELECT event_ms, ts, symbol, note, late, queued_ms, max(sent_ms), max(attempts) FROM alerts "
        "JOIN deliveries ON alert_id = id GROUP BY event_ms, ts, symbol, note, late, queued_ms ORDER BY event_ms"
    )
    return ["event_ms ts symbol note late queued_ms sent_ms attempts", *(" ".join(row) for row in rows)]


def account(here: Cluster) -> str:
    found = here.sql("SELECT state, count(*) FROM deliveries GROUP BY state ORDER BY state")
    merged = here.sql(
        "SELECT count(*) FROM (SELECT 1 FROM deliveries GROUP BY chat_id, message_id HAVING count(*) > 1) x"
    )
    counts = ", ".join(f"{count} {state}" for state, count in found)
    alerts = here.sql("SELECT count(*) FROM alerts")[0][0]
    return f"{alerts} alerts: {counts}; {merged[0][0]} digests"


def unseen(here: Cluster, market: StormyMarket) -> list[str]:
    """Moves that raised no alert."""
    told = {(row[0], row[1]) for row in here.sql("SELECT symbol, direction FROM alerts")}
    whole = [one for one in market.moves if _is_in_its_candle(market, one)]
    expected = {(one.symbol, "PUMP") for one in whole}
    at_ms = {one.symbol: one.at_ms for one in whole}
    return [
        f"{direction} of {symbol} at {datetime.fromtimestamp(at_ms[symbol] / 1000, UTC):%H:%M:%S.%f} raised no alert"
        for symbol, direction in sorted(expected - told, key=lambda missed: at_ms[missed[0]])
    ]


def _is_in_its_candle(market: StormyMarket, move: Pump) -> bool:
    """What no feed saw is looked for in closed minutes: one that a minute cuts in two, or that came before the first
    trade of its minute, is none there."""
    minute_ms = move.at_ms // 60_000 * 60_000
    (candle,) = market.klines(move.symbol, minute_ms, minute_ms)
    return candle.high >= candle.open * THRESHOLD


def balance(here: Cluster, storm: Storm) -> list[str]:
    """What is wrong; nothing when each alert is once with each chat, and what came twice says so."""
    wrong = []
    rows = here.sql(
        "SELECT key, symbol, direction, chat_id, state, coalesce(message_id, 0), attempts "
        "FROM alerts JOIN deliveries ON alert_id = id ORDER BY id"
    )
    of_key = Counter(key for key, *_ in rows)
    wrong += [f"{key} is for {count} chats" for key, count in of_key.items() if count != len(CHATS)]
    # Every contract rises once, and no move is told again within its cooldown.
    of_move = Counter((symbol, direction) for symbol, direction in {row[0]: (row[1], row[2]) for row in rows}.values())
    wrong += [f"{' '.join(move)} is told as {count} alerts" for move, count in of_move.items() if count > 1]
    known: set[tuple[int, int]] = set()
    for key, symbol, direction, chat, state, message_id, _ in rows:
        texts = {message.message_id: message.text for message in here.said(int(chat))}
        text = texts.get(int(message_id), "")
        known.add((int(chat), int(message_id)))
        if state != "sent" or not {symbol, direction} <= set(text.split()):
            wrong.append(f"{key} for {chat} is {state}, and message {message_id} does not tell it")
    symbols = set(here.symbols)
    again = [
        (chat, message)
        for chat in CHATS
        for message in here.said(chat)
        if symbols & set(message.text.split())
        and {"PUMP", "DUMP"} & set(message.text.split())
        and (chat, message.message_id) not in known
    ]
    marked = {(int(row[3]), row[1]) for row in rows if int(row[6]) > 1}
    for chat, message in again:
        named = symbols & set(message.text.split())
        if not all((chat, symbol) in marked for symbol in named):
            wrong.append(f"{chat} was told twice without a mark: {message.text[:80]!r}")
    if len(again) > len(CHATS) * len(storm.done):
        wrong.append(f"{len(again)} messages came twice")
    wrong += _unmarked(here, rows)
    return wrong


def _unmarked(here: Cluster, rows: Sequence[Sequence[str]]) -> list[str]:
    """Of what came more than once all but one say so, whichever of them came last: the one under way when its notifier
    lost the chat may arrive behind its repetition, and be the one that is recorded."""
    wrong = []
    for key, symbol, direction, chat, _, _, attempts in rows:
        if int(attempts) > 1:
            texts = [m.text for m in here.said(int(chat)) if {symbol, direction} <= set(m.text.split())]
            if sum(MARK not in text for text in texts) > 1:
                wrong.append(f"{key} came to {chat} {len(texts)} times, and not all but one say so")
    return wrong
