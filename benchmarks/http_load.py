"""HTTP beside a busy engine: the market's table, listeners that stop reading, and connections that say nothing."""

from __future__ import annotations

import asyncio
import gc
import math
import multiprocessing
import resource
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import msgspec

from altmonitor.core.clock import SystemClock
from altmonitor.market.open_interest import OpenInterestRing
from altmonitor.market.quotes import DayTicker, Funding
from altmonitor.operations.board import BoardDeps, MarketBoard
from altmonitor.web.server import HttpServer, HttpServerDeps
from altmonitor.web.streams import EventStream, StreamSources
from tests.commands.executor_kit import healthy
from tests.fakes import Market
from tests.operations.operations_kit import Bench

SYMBOLS = 700
FRAMES_PER_S = 3_000
LISTENERS, SILENT = 200, 150
IDLE = 5_000
WARM_MINUTES = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class TableCost:
    build_ms: float
    encode_ms: float
    kilobytes: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadFound:
    """late_*_ms: p99 of how much later than planned a frame was decided. cleared_s: until only readers were left."""

    seconds: float
    late_without_ms: float
    late_with_ms: float
    listeners_after: int
    cleared_s: float
    grown_mb: float


def _names() -> list[str]:
    return [f"COIN{number}USDT" for number in range(SYMBOLS)]


def _market() -> Market:
    market = Market(*_names())
    for minute in range(WARM_MINUTES):
        for number, name in enumerate(_names()):
            at_s = 60.0 * minute + 59.9
            market.push(100.0 + number % 7 * 0.01, at_s=at_s, quote=1_000.0 + minute, closed=True, symbol=name)
    return market


def _board(market: Market) -> MarketBoard:
    """Every column of every contract has a value, but for the change over an hour."""
    clock, names, engine = SystemClock(), _names(), market.engine
    now_ms, ring = clock.now_ms(), OpenInterestRing(period_s=60.0)
    for number, name in enumerate(names):
        for minutes in range(10, -1, -1):
            ring.record(name, time_ms=now_ms - minutes * 60_000 - number * 7, contracts=1_000.0 + number + minutes / 7)
    days = {name: DayTicker(symbol=name, last_price=100.0, change_pct=1.234, quote_usdt=2.5e9) for name in names}
    fundings = {name: Funding(symbol=name, rate=0.000123, mark_price=100.0, next_ms=now_ms) for name in names}
    return MarketBoard(
        BoardDeps(
            clock=clock,
            listed=lambda: names,
            book=engine.book,
            days=lambda: days,
            fundings=lambda: fundings,
            funding_hours=lambda symbol: 8.0,
            funding_age_s=lambda: 10.0,
            oi_ring=ring,
            sweeps=lambda: 1,
            lookback=lambda: 20,
            ratio=lambda symbol: (1.85, now_ms - 60_000),
        )
    )


def table_cost(rounds: int = 30) -> TableCost:
    """CPU of one answer that nobody asked for in the last second."""
    board = _board(_market())
    built, encoded, size = [], [], 0
    for _ in range(rounds):
        board._table = None
        began = time.process_time()
        table = board.table()
        middle = time.process_time()
        size = len(msgspec.json.encode(table))
        built.append(middle - began)
        encoded.append(time.process_time() - middle)
    return TableCost(
        build_ms=sorted(built)[rounds // 2] * 1e3, encode_ms=sorted(encoded)[rounds // 2] * 1e3, kilobytes=size / 1024
    )


def _clients(port: int, count: int, silent: int, path: str, ready: object) -> None:
    """In a process of its own: the first `silent` of them read their first bytes and nothing more."""

    async def one(number: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=65_536)
        writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        await reader.read(100)
        if number < silent:
            writer.transport.pause_reading()  # type: ignore[attr-defined]
            await asyncio.sleep(3_600)
        while await reader.read(65_536):
            pass

    async def all_of_them() -> None:
        tasks = [asyncio.create_task(one(number)) for number in range(count)]
        await asyncio.sleep(2)
        ready.set()  # type: ignore[attr-defined]
        await asyncio.gather(*tasks, return_exceptions=True)

    asyncio.run(all_of_them())


@asynccontextmanager
async def _clients_beside(port: int, count: int, silent: int, path: str) -> AsyncIterator[None]:
    context = multiprocessing.get_context("spawn")
    ready = context.Event()
    process = context.Process(target=_clients, args=(port, count, silent, path, ready), daemon=True)
    process.start()
    try:
        await asyncio.to_thread(ready.wait, 60)
        yield
    finally:
        process.kill()
        await asyncio.to_thread(process.join)


async def _decide_frames(market: Market, seconds: float) -> float:
    """p99 of how much later than planned the frames of one packet were decided, ms."""
    names, late_ms = _names(), []
    step_s, each = 0.02, round(FRAMES_PER_S * 0.02)
    end_s = next_s = time.perf_counter()
    end_s += seconds
    number = 0
    while next_s < end_s:
        await asyncio.sleep(max(0.0, next_s - time.perf_counter()))
        for _ in range(each):
            at_s = 60.0 * WARM_MINUTES + (number % 50_000) / 1_000
            price = 100.0 + math.sin(number / 997) * 0.2
            market.push(price, at_s=at_s, quote=10.0 + number % 100, symbol=names[number % SYMBOLS])
            number += 1
        late_ms.append((time.perf_counter() - next_s) * 1e3)
        next_s += step_s
    return sorted(late_ms)[int(len(late_ms) * 0.99)]


async def load(seconds: float, *, write_s: float = 20.0) -> LoadFound:
    """Detection without clients, then beside 200 listeners of which 150 stop reading."""
    market, clock = _market(), SystemClock()
    board, live = _board(market), EventStream(clock)

    async def nothing(keys: object) -> dict[str, object]:
        return {}

    live.sources = StreamSources(health=healthy, alerts_of=nothing, table=board.table, prepare=board.prepare)  # type: ignore[arg-type]
    deps = HttpServerDeps(
        host="127.0.0.1",
        port=0,
        health=healthy,
        operations=Bench().context(),
        clock=clock,
        live=live,  # type: ignore[arg-type]
    )
    server = HttpServer(deps)
    await server.start()
    ticking = asyncio.create_task(live.run())
    try:
        gc.collect()
        without_ms = await _decide_frames(market, seconds)
        before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        async with _clients_beside(server.port, LISTENERS, SILENT, "/api/stream?market=0"):
            began_s, cleared = time.perf_counter(), asyncio.create_task(_until_cleared(live))
            with_ms = await _decide_frames(market, max(seconds, write_s + 15.0))
            left = live.listeners
            cleared.cancel()
            cleared_s = cleared.result() - began_s if cleared.done() and not cleared.cancelled() else math.inf
        after_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    finally:
        ticking.cancel()
        await asyncio.wait({ticking})
        await server.stop()
    return LoadFound(
        seconds=seconds,
        late_without_ms=without_ms,
        late_with_ms=with_ms,
        listeners_after=left,
        cleared_s=cleared_s,
        grown_mb=(after_kb - before_kb) / 1024,
    )


async def _until_cleared(live: EventStream) -> float:
    while live.listeners > LISTENERS - SILENT:  # noqa: ASYNC110 — it is looked at from outside
        await asyncio.sleep(0.2)
    return time.perf_counter()


async def idle(count: int = IDLE) -> tuple[int, float]:
    """(connections that were made, seconds until /health was answered beside them)."""
    server = HttpServer(
        HttpServerDeps(
            host="127.0.0.1",
            port=0,
            health=healthy,
            operations=Bench().context(),
            clock=SystemClock(),  # type: ignore[arg-type]
        )
    )
    await server.start()
    made: list[socket.socket] = []
    try:
        for number in range(count):
            try:
                made.append(await asyncio.to_thread(socket.create_connection, ("127.0.0.1", server.port), 5))
            except OSError:
                break
            if number % 200 == 0:
                await asyncio.sleep(0.01)
        began_s = time.perf_counter()
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        answered = (await asyncio.wait_for(reader.read(15), 10)).startswith(b"HTTP/1.1 200")
        writer.close()
        return len(made), time.perf_counter() - began_s if answered else math.inf
    finally:
        for one in made:
            one.close()
        await server.stop()
