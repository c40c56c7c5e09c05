"""Listeners that stop reading cost nothing but their own stream. The full measure stands in `make bench` (http)."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace

from altmonitor.core.clock import SystemClock
from altmonitor.web.connections import Limits
from altmonitor.web.server import HttpServer, HttpServerDeps
from altmonitor.web.streams import EventStream
from tests.commands.executor_kit import healthy
from tests.operations.operations_kit import Bench
from tests.web.test_streams import a_market

LISTENERS, SILENT = 40, 30
WRITE_S = 1.0


async def test_whoever_does_not_read_is_cut_off_and_everybody_else_goes_on() -> None:
    bench, clock = Bench(), SystemClock()
    for number in range(300):
        bench.known.add(f"COIN{number}USDT", start=100.0, now=101.0)
    live = EventStream(clock)
    live.sources = sources = a_market(bench)
    deps = HttpServerDeps(
        host="127.0.0.1",
        port=0,
        health=healthy,  # type: ignore[arg-type]
        operations=bench.context(),
        clock=clock,
        live=live,
    )
    server = HttpServer(replace(deps, limits=replace(Limits(), write_s=WRITE_S)))
    await server.start()
    got = [0] * LISTENERS
    writers: list[asyncio.StreamWriter] = []

    async def follow(number: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port, limit=4_096)
        writers.append(writer)
        writer.write(b"GET /api/stream?market=0 HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await reader.read(64)
        if number < SILENT:
            return
        with suppress(ConnectionError):
            while data := await reader.read(65_536):
                got[number] += len(data)

    tasks = [asyncio.create_task(follow(number)) for number in range(LISTENERS)]
    try:
        async with asyncio.timeout(60):
            price = 101.0
            while live.listeners < LISTENERS:  # noqa: ASYNC110 — they are other tasks
                await asyncio.sleep(0.01)
            while live.listeners > LISTENERS - SILENT:
                price += 0.01
                for number in range(300):
                    bench.known.add(f"COIN{number}USDT", start=100.0, now=price)
                bench.clock.ms += 1_000
                await live.tick(sources)
                await asyncio.sleep(0.05)
        before = list(got)
        bench.known.add("COIN0USDT", start=100.0, now=200.0)
        bench.clock.ms += 1_000
        await live.tick(sources)
        await asyncio.sleep(0.5)
        assert live.listeners == LISTENERS - SILENT
        assert all(now > then for now, then in zip(got[SILENT:], before[SILENT:], strict=True))
    finally:
        for task in tasks:
            task.cancel()
        for writer in writers:
            writer.close()
        await server.stop()
