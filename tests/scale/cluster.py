"""Real processes of a cluster between the simulated exchange, the simulated Telegram, and a real PostgreSQL."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from altmonitor.core.clock import ScaledClock, SystemClock
from altmonitor.sim.exchange import SimExchange
from altmonitor.sim.market import SeededMarket
from altmonitor.sim.telegram.server import SimTelegram
from altmonitor.sim.telegram.values import SimMessage
from tests.e2e.process import SLOW_S, TOKEN, Program, watched
from tests.scale.servers import PostgresServer

_KEPT = ("PATH", "HOME", "LANG", "TMPDIR", "VIRTUAL_ENV", "PYTHONPATH")


@dataclass(kw_only=True)
class Cluster:
    """database: address that processes get, perhaps of a proxy. programs: by the name they were started under."""

    folder: Path
    postgres: PostgresServer
    database: str
    market: SeededMarket
    exchange: SimExchange
    telegram: SimTelegram
    chats: Sequence[int]
    environ: dict[str, str] = field(default_factory=dict)
    programs: dict[str, Program] = field(default_factory=dict)
    _ended: list[Program] = field(default_factory=list)

    async def start(self, name: str, **environ: str) -> Program:
        """name: a role and a number, `feed-1`."""
        role = name.partition("-")[0]
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        given = {
            "TG_BOT_TOKEN": TOKEN,
            "TG_CHAT_ID": ",".join(map(str, self.chats)),
            "BINANCE_REST_URL": self.exchange.rest_url,
            "BINANCE_WS_URL": self.exchange.ws_url,
            "BINANCE_WEB_URL": self.exchange.web_url,
            "TELEGRAM_API_URL": self.telegram.url,
            "DATABASE_URL": self.database,
            "DB_FILE": str(folder / "alerts.db"),
            "STATE_FILE": str(folder / "state.json"),
            "SMART_MONEY_DB_PATH": str(folder / "snapshots.db"),
            "ARCHIVE_DIR": str(folder / "archive"),
            "API_PORT": "0",
            "CHART": "false",
            **self.environ,
            **environ,
        }
        kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "altmonitor", "run", "--role", role, "--env-file", os.devnull),
            env={**kept, **given},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=2**24,
        )
        self.programs[name] = Program(process)
        return self.programs[name]

    async def kill(self, name: str) -> None:
        program = self.programs.pop(name)
        await program.kill()
        self._ended.append(program)

    async def end_all(self) -> None:
        for name in list(self.programs):
            with suppress(ProcessLookupError):
                await self.kill(name)

    def said(self, chat: int | None = None) -> Sequence[SimMessage]:
        return self.telegram.chats[self.chats[0] if chat is None else chat]

    @property
    def symbols(self) -> list[str]:
        return watched(self.market)

    @property
    def leader(self) -> str | None:
        """Name of the running feed that said last that it leads."""
        found = None
        for name, program in self.programs.items():
            if name.startswith("feed") and "this feed leads now" in program.log and program.is_running:
                found = name
        return found

    async def until(self, is_true: Callable[[], bool], *, within_s: float = SLOW_S, what: str = "") -> float:
        """How long it took. Raises AssertionError with what the first chat holds and the ends of all logs."""
        clock = SystemClock()
        began_s = clock.monotonic()
        while not is_true():
            if clock.monotonic() - began_s > within_s:
                said = "\n---\n".join(message.text for message in self.said()[-5:])
                logs = "\n".join(f"== {name}\n" + "\n".join(p.lines[-15:]) for name, p in self.programs.items())
                raise AssertionError(f"{what} not within {within_s} s; the chat holds:\n{said}\nthe logs:\n{logs}")
            await asyncio.sleep(0.01)
        return clock.monotonic() - began_s

    async def is_watching(self, name: str) -> None:
        """All streams of this feed are subscribed."""
        await self.programs[name].match(re.compile(r"all streams are subscribed"), within_s=180)

    def sql(self, text: str) -> list[list[str]]:
        """Asked of the server itself, past any proxy."""
        name = self.database.rpartition("/")[2]
        return [line.split("|") for line in self.postgres.sql(text, name).splitlines()]


@asynccontextmanager
async def cluster(
    folder: Path,
    postgres: PostgresServer,
    *,
    market: SeededMarket | None = None,
    chats: Sequence[int] = (77,),
    telegram_speed: float = 1,
    **environ: str,
) -> AsyncIterator[Cluster]:
    clock = SystemClock()
    market = market or SeededMarket(seed=3, start_ms=clock.now_ms(), symbols=24, frames_per_s=60)
    telegram = SimTelegram(clock=ScaledClock(start_ms=clock.now_ms(), speed=telegram_speed), token=TOKEN)
    async with AsyncExitStack() as stack:
        await telegram.start()
        stack.push_async_callback(telegram.stop)
        exchange = await stack.enter_async_context(SimExchange(market, clock=clock))
        here = Cluster(
            folder=folder,
            postgres=postgres,
            database=postgres.new_database(),
            market=market,
            exchange=exchange,
            telegram=telegram,
            chats=chats,
            environ=environ,
        )
        stack.push_async_callback(here.end_all)
        yield here
