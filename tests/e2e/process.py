"""The real program as a process of its own, in real time, between the simulated exchange and the simulated Telegram."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sqlite3
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from altmonitor.core.clock import ScaledClock, SystemClock
from altmonitor.sim.exchange import SimExchange
from altmonitor.sim.market import SeededMarket
from altmonitor.sim.script import Pump
from altmonitor.sim.telegram.server import SimTelegram
from altmonitor.sim.telegram.values import SimMessage
from tests.forked import Forked, altmonitor
from tests.patient_clock import patiently

TOKEN = "123456:" + "process-Token_0123456789-abcdefghij"
READER = 77
SLOW_S = 60.0
"""How long a test waits for what takes a second or two on a machine that does nothing else."""

_PORT = re.compile(r"HTTP on \S+ port (\d+)")
_KEPT = ("PATH", "HOME", "LANG", "TMPDIR", "VIRTUAL_ENV", "PYTHONPATH")


class Program:
    """One run. lines: what it wrote to stderr (the log) and stdout, in the order it arrived."""

    def __init__(self, process: asyncio.subprocess.Process | Forked) -> None:
        self._process = process
        self._news = asyncio.Event()
        self.lines: list[str] = []
        streams = [stream for stream in (process.stdout, process.stderr) if stream is not None]
        self._reading = [asyncio.create_task(self._read(stream)) for stream in streams]

    @property
    def log(self) -> str:
        return "\n".join(self.lines)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_running(self) -> bool:
        return self._process.returncode is None

    async def line(self, text: str, *, within_s: float = SLOW_S) -> str:
        """The first line that contains this."""
        return (await self.match(re.compile(f".*{re.escape(text)}.*"), within_s=within_s))[0]

    async def match(self, pattern: re.Pattern[str], *, within_s: float = SLOW_S) -> re.Match[str]:
        try:
            async with asyncio.timeout(within_s):
                while True:
                    for line in self.lines:
                        if found := pattern.search(line):
                            return found
                    if all(task.done() for task in self._reading):
                        break
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            pass
        raise AssertionError(f"no line with {pattern.pattern!r} within {within_s} s:\n{self.log}")

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    async def kill(self) -> None:
        """kill −9."""
        self._process.kill()
        await self.ended(within_s=SLOW_S)

    async def ended(self, *, within_s: float = SLOW_S) -> int:
        """The exit code, once it has ended and everything it said is in `lines`; within so many seconds, those left out
        in which the machine let it not run."""
        try:
            code = await patiently(self._process.wait(), of_pid=self.pid, within_s=within_s)
            await patiently(asyncio.gather(*self._reading), of_pid=self.pid, within_s=within_s)
        except TimeoutError:
            raise AssertionError(f"still running after {within_s} s:\n{self.log}") from None
        return code

    async def ends_by(self, number: signal.Signals, *, within_s: float = SLOW_S, pid: int | None = None) -> int:
        """The exit code. pid: who gets the signal, if not what was started."""
        os.kill(self.pid if pid is None else pid, number)
        return await self.ended(within_s=within_s)

    async def get(self, path: str, *, headers: Mapping[str, str] | None = None) -> tuple[int, str]:
        """Status and body of its HTTP side."""
        url = f"http://127.0.0.1:{(await self.match(_PORT))[1]}{path}"
        async with aiohttp.ClientSession() as http, http.get(url, headers=headers) as answer:
            return answer.status, await answer.text()

    async def _read(self, stream: asyncio.StreamReader) -> None:
        while line := await stream.readline():
            self.lines.append(line.decode().rstrip("\n"))
            self._news.set()
        self._news.set()


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What the program sees. folder: where its files are. environ: given to every run, on top of `environment`."""

    folder: Path
    market: SeededMarket
    exchange: SimExchange
    telegram: SimTelegram
    environ: dict[str, str] = field(default_factory=dict)
    runs: list[Program] = field(default_factory=list)

    @property
    def database(self) -> Path:
        return self.folder / "alerts.db"

    @property
    def state(self) -> Path:
        return self.folder / "state.json"

    @property
    def said(self) -> Sequence[SimMessage]:
        return self.telegram.chats[READER]

    @property
    def symbols(self) -> list[str]:
        """Those the program watches."""
        return watched(self.market)

    def environment(self) -> dict[str, str]:
        return {
            "TG_BOT_TOKEN": TOKEN,
            "TG_CHAT_ID": str(READER),
            "BINANCE_REST_URL": self.exchange.rest_url,
            "BINANCE_WS_URL": self.exchange.ws_url,
            "BINANCE_WEB_URL": self.exchange.web_url,
            "TELEGRAM_API_URL": self.telegram.url,
            "DB_FILE": str(self.database),
            "STATE_FILE": str(self.state),
            "SMART_MONEY_DB_PATH": str(self.folder / "snapshots.db"),
            "API_PORT": "0",
        } | self.environ

    @asynccontextmanager
    async def program(
        self, *, prefix: Sequence[str] = (), is_fresh: bool = False, **environ: str | None
    ) -> AsyncIterator[Program]:
        """One run; killed at the end if it still runs. prefix, is_fresh: as of `running`. environ: None takes away."""
        given = {name: value for name, value in {**self.environment(), **environ}.items() if value is not None}
        async with running(given, prefix=prefix, is_fresh=is_fresh) as run:
            self.runs.append(run)
            yield run

    async def until(self, is_true: Callable[[], bool], *, within_s: float = SLOW_S) -> None:
        """Raises AssertionError with what the chat holds and what the last run said."""
        try:
            async with asyncio.timeout(within_s):
                while not is_true():  # noqa: ASYNC110 — files and two servers: nothing tells of all of them
                    await asyncio.sleep(0.01)
        except TimeoutError:
            said = "\n---\n".join(message.text for message in self.said)
            log = self.runs[-1].log if self.runs else ""
            raise AssertionError(f"not within {within_s} s; the chat holds:\n{said}\nthe log:\n{log}") from None

    async def hears(self, text: str, *, within_s: float = SLOW_S) -> SimMessage:
        """The first message that contains this."""
        await self.until(lambda: any(text in message.text for message in self.said), within_s=within_s)
        return next(message for message in self.said if text in message.text)

    async def is_watching(self, program: Program) -> None:
        """Every symbol is subscribed."""
        await program.line("watching ")
        streams = {f"{symbol.lower()}@kline_1m" for symbol in self.symbols}
        await self.until(
            lambda: streams <= set().union(*(c.subscriptions for c in self.exchange.stats.open_connections))
        )

    async def pump(self, symbol: str, *, pct: float = 4.0) -> None:
        """Let it rise now, in the middle of a minute."""
        now_ms = SystemClock().now_ms()
        await asyncio.sleep(max(0.0, (now_ms + 6_000) // 60_000 * 60_000 + 1_500 - now_ms) / 1000)
        self.market.add(Pump(symbol, SystemClock().now_ms() + 300, pct, over_s=0.5))

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Asked of the database as it stands, without changing it."""
        return rows(self.database, sql)


@asynccontextmanager
async def world(
    folder: Path, *, market: SeededMarket | None = None, telegram_speed: float = 1, **environ: str
) -> AsyncIterator[World]:
    """telegram_speed: so many times a second Telegram lets a message into a chat, and so much faster its clock runs."""
    clock = SystemClock()
    market = market or SeededMarket(seed=3, start_ms=clock.now_ms(), symbols=24, frames_per_s=60)
    telegram = SimTelegram(clock=ScaledClock(start_ms=clock.now_ms(), speed=telegram_speed), token=TOKEN)
    await telegram.start()
    try:
        async with SimExchange(market, clock=clock) as exchange:
            yield World(folder=folder, market=market, exchange=exchange, telegram=telegram, environ=environ)
    finally:
        await telegram.stop()


@asynccontextmanager
async def running(
    environ: dict[str, str], *, prefix: Sequence[str] = (), is_fresh: bool = False
) -> AsyncIterator[Program]:
    """`altmonitor run` with this environment and no file of settings; killed at the end if it still runs.

    prefix: a command that starts it. is_fresh, and with a prefix: by an interpreter that has nothing loaded yet.
    """
    given = {name: os.environ[name] for name in _KEPT if name in os.environ} | environ
    words = ("run", "--env-file", os.devnull)
    process: asyncio.subprocess.Process | Forked
    if prefix or is_fresh:
        process = await asyncio.create_subprocess_exec(
            *(*prefix, sys.executable, "-m", "altmonitor", *words),
            env=given,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=2**24,
        )
    else:
        process = await altmonitor(*words, environ=given)
    program = Program(process)
    try:
        yield program
    finally:
        if program.is_running:
            await program.kill()


def watched(market: SeededMarket) -> list[str]:
    return [
        contract.symbol
        for contract in market.contracts()
        if contract.status_at(market.start_ms) == "TRADING"
        and (contract.contract_type, contract.quote_asset) == ("PERPETUAL", "USDT")
    ]


def rows(path: Path, sql: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5)) as db:
        return db.execute(sql).fetchall()
