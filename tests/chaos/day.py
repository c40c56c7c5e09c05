"""A day of the real program, as a process of its own, between simulators that misbehave by schedule."""

from __future__ import annotations

import asyncio
import sqlite3
from bisect import bisect_right
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path
from signal import SIGTERM

from altmonitor.core.clock import ScaledClock
from altmonitor.core.types import Destination
from altmonitor.sim.control import ExchangeFaults, RestFault
from altmonitor.sim.exchange import SimExchange
from altmonitor.sim.market import SeededMarket
from altmonitor.sim.telegram.server import SimTelegram
from tests.chaos import chat
from tests.chaos.schedule import Fault, Schedule, schedule
from tests.chaos.stalls import Stalls
from tests.chaos.trouble import Trouble
from tests.e2e.process import Program, running, watched

TOKEN = "123456:" + "chaos-Token_0123456789-abcdefghijkl"
START_MS = 1_790_000_040_000  # a full minute
EARLY_S = 8.0
"""Of the machine's time: the program is started so long before the day begins, because a busy machine takes seconds to
start anything, and nobody promises to have seen what came before."""
READER, GROUP = Destination(chat_id=77), Destination(chat_id=-1001234567)
CONTRACTS = 30
FRAMES_PER_S = 6.0
LOOK_S = 0.02  # of the machine's time
SETTLED_WITHIN_S = 2_400.0
SETTLED_WITHIN_MACHINE_S = 15.0
AFTERWARDS_S = 120.0
AFTERWARDS_MACHINE_S = 2.0
STOPPED = 143
"""Exit code of a program that SIGTERM ended in order."""


@dataclass(frozen=True, slots=True)
class Request:
    """One REST request as it arrived. fault: what it met. exchange_ms: by the exchange's clock, which may be off."""

    at_ms: int
    exchange_ms: int
    path: str
    symbol: str | None
    fault: RestFault | None


@dataclass(slots=True)
class RecordingFaults(ExchangeFaults):
    """Remembers every REST request."""

    clock: ScaledClock = field(kw_only=True)
    requests: list[Request] = field(default_factory=list)

    def rest_fault(self, path: str, symbol: str | None) -> RestFault | None:
        fault = ExchangeFaults.rest_fault(self, path, symbol)
        now_ms = self.clock.now_ms()
        self.requests.append(Request(now_ms, now_ms + self.clock_skew_ms, path, symbol, fault))
        return fault


@dataclass(slots=True)
class Life:
    """One run of the program. ended_ms, end: None and '' while it runs; end says who ended it."""

    program: Program
    began_ms: int
    ended_ms: int | None = None
    end: str = ""


@dataclass(slots=True, kw_only=True)
class Day:
    """fed_ms: moments (unix ms) at which candles were being pushed to a listening program, one in `LOOK_S`."""

    plan: Schedule
    folder: Path
    clock: ScaledClock
    market: SeededMarket
    exchange: SimExchange
    faults: RecordingFaults
    telegram: SimTelegram
    trouble: Trouble
    destination: Destination
    stalls: Stalls
    lives: list[Life] = field(default_factory=list)
    fed_ms: list[int] = field(default_factory=list)
    played: list[tuple[int, int, Fault]] = field(default_factory=list)
    locked: asyncio.Lock = field(default_factory=asyncio.Lock)
    runs: AsyncExitStack = field(default_factory=AsyncExitStack)

    @property
    def database(self) -> Path:
        return self.folder / "alerts.db"

    @property
    def archive(self) -> Path:
        """What the program records of the market."""
        return self.folder / "archive"

    @property
    def program(self) -> Program:
        return self.lives[-1].program

    @property
    def symbols(self) -> list[str]:
        return watched(self.market)

    def fed_after(self, at_ms: float) -> float:
        """When data came for the first time after this moment; the moment itself when none did."""
        number = bisect_right(self.fed_ms, at_ms)
        return self.fed_ms[number] if number < len(self.fed_ms) else at_ms

    def is_fed(self, begin_ms: float, end_ms: float) -> bool:
        """Some data came in this time."""
        return begin_ms < self.fed_after(begin_ms) <= end_ms

    def environment(self) -> dict[str, str]:
        clock = self.clock
        return {
            "TG_BOT_TOKEN": TOKEN,
            "TG_CHAT_ID": str(self.destination),
            "BINANCE_REST_URL": self.exchange.rest_url,
            "BINANCE_WS_URL": self.exchange.ws_url,
            "BINANCE_WEB_URL": self.exchange.web_url,
            "TELEGRAM_API_URL": self.telegram.url,
            "DB_FILE": str(self.database),
            "STATE_FILE": str(self.folder / "state.json"),
            "RECORD": "true",
            "ARCHIVE_DIR": str(self.archive),
            "API_PORT": "0",
            "ALTMONITOR_CLOCK": f"{clock.start_ms}:{clock.speed}:{clock.anchor_s!r}",
        }

    # --- the program

    async def start(self) -> None:
        program = await self.runs.enter_async_context(running(self.environment(), is_fresh=True))
        self.lives.append(Life(program, self.clock.now_ms()))

    async def kill(self) -> None:
        self._ended("kill")
        await self.program.kill()

    async def stop(self) -> None:
        self._ended("stop")
        code = await self.program.ends_by(SIGTERM)
        if code != STOPPED:
            raise AssertionError(f"stopped with exit code {code}:\n{tail(self.program)}")

    def _ended(self, end: str) -> None:
        life = self.lives[-1]
        if not life.program.is_running:
            raise AssertionError(f"the program ended by itself:\n{tail(life.program)}")
        life.ended_ms, life.end = self.clock.now_ms(), end

    # --- the day

    async def play(self) -> None:
        """To its end: all faults are over, everything is told, the program has stopped."""
        looking = asyncio.create_task(self._look())
        try:
            await self.start()
            async with asyncio.TaskGroup() as tasks:
                for fault in self.plan.faults:
                    tasks.create_task(self._meet(fault))
                tasks.create_task(self._until(self.plan.hours * 3600))
            await self._settled()
            async with self.locked:
                await self.stop()
        finally:
            looking.cancel()
            await asyncio.wait([looking])
            await self.runs.aclose()
        if not looking.cancelled():
            looking.result()

    async def _until(self, day_s: float) -> None:
        await self.clock.sleep(max(0.0, day_s - (self.clock.now_ms() - START_MS) / 1000))

    async def _look(self) -> None:
        pushed, before_s = 0, self.clock.monotonic()
        while True:
            await asyncio.sleep(LOOK_S)
            now_ms, now_s = self.clock.now_ms(), self.clock.monotonic()
            self.stalls.late((now_s - before_s) / self.clock.speed - LOOK_S, now_ms=now_ms)
            before_s = now_s
            if self.exchange.stats.frames_pushed != pushed:
                pushed = self.exchange.stats.frames_pushed
                self.fed_ms.append(now_ms)
            if self.lives and self.lives[-1].ended_ms is None:
                if not self.program.is_running:
                    raise AssertionError(f"the program ended by itself:\n{tail(self.program)}")
                self.stalls.look_at(self.program.pid, now_ms=now_ms)

    async def _settled(self) -> None:
        """The market is seen and nothing waits for the chat any more."""
        within_s = max(SETTLED_WITHIN_S, SETTLED_WITHIN_MACHINE_S * self.clock.speed)
        end_ms = self.clock.now_ms() + within_s * 1000
        said = self.telegram.chats[self.destination.chat_id]
        is_settled = False
        while not is_settled:  # a machine that pauses in these last moments makes it blind once more
            while (waiting := self.waiting()) or any(chat.unpaired(said)):
                if self.clock.now_ms() > end_ms:
                    raise AssertionError(f"blind, or {waiting} alerts still wait:\n{tail(self.program)}")
                await self.clock.sleep(30)
            await self.clock.sleep(max(AFTERWARDS_S, AFTERWARDS_MACHINE_S * self.clock.speed))
            is_settled = not any(chat.unpaired(said))

    async def _meet(self, fault: Fault) -> None:
        await self._until(fault.at_s)
        began_ms = self.clock.now_ms()
        if fault.name in ("kill", "stop"):
            async with self.locked:
                await (self.kill() if fault.name == "kill" else self.stop())
                await self.clock.sleep(fault.for_s)
                await self.start()
        elif fault.name.startswith("disk"):
            await self.trouble.disk(fault, pid=self.program.pid)
        else:
            await self.trouble.meet(fault)
        self.played.append((began_ms, self.clock.now_ms(), fault))

    def waiting(self) -> int:
        with closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True, timeout=5)) as db:
            (count,) = db.execute("SELECT COUNT(*) FROM deliveries WHERE state = 'queued'").fetchone()
            return int(count)


@asynccontextmanager
async def day(folder: Path, *, seed: int, hours: float, speed: float) -> AsyncIterator[Day]:
    """Everything but the program is running; `Day.play` does the rest."""
    clock = ScaledClock(start_ms=START_MS - round(EARLY_S * speed * 1000), speed=speed)
    empty = SeededMarket(seed=seed, start_ms=START_MS, symbols=CONTRACTS, frames_per_s=FRAMES_PER_S)
    plan = schedule(seed, hours=hours, speed=speed, start_ms=START_MS, symbols=watched(empty))
    market = SeededMarket(
        seed=seed, start_ms=START_MS, symbols=CONTRACTS, frames_per_s=FRAMES_PER_S, script=plan.events
    )
    faults = RecordingFaults(clock=clock)
    telegram = SimTelegram(clock=clock, token=TOKEN)
    await telegram.start()
    try:
        async with SimExchange(market, clock=clock, faults=faults) as exchange:
            yield Day(
                plan=plan,
                folder=folder,
                clock=clock,
                market=market,
                exchange=exchange,
                faults=faults,
                telegram=telegram,
                trouble=Trouble(
                    clock=clock,
                    exchange=exchange,
                    telegram=telegram,
                    database=folder / "alerts.db",
                    symbols=watched(market),
                ),
                destination=GROUP if seed % 2 else READER,
                stalls=Stalls(speed=speed),
            )
    finally:
        await telegram.stop()


def tail(program: Program) -> str:
    return "\n".join(program.lines[-25:])
