"""CPU of one open-interest sweep of 600 symbols, against a bare client loop on the same server at the same pace.

Both clients run in this process; the server is a process of its own. The sweep's minute is run through at SPEED, so
that a measurement takes seconds; what is compared is CPU time, not elapsed time.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

import aiohttp
import msgspec
from aiohttp import web

from altmonitor.collect.open_interest_sweep import OpenInterestSweep
from altmonitor.core.clock import ScaledClock
from altmonitor.exchanges.binance.rest import BinanceRest, binance_budget, binance_guard
from altmonitor.market.quotes import OpenInterest

SYMBOLS = [f"SYM{number:03}USDT" for number in range(600)]
PERIOD_S = 60.0
SPEED = 20.0
CONCURRENCY = 15
START_MS = 1_790_000_040_000
ROUNDS = 3


class _Body(msgspec.Struct):
    symbol: str
    openInterest: str  # noqa: N815 - the exchange's name
    time: int


def run() -> dict[str, float]:
    """cpu_ms: of one sweep through OpenInterestSweep and BinanceRest. bare_cpu_ms: of the bare loop at the same pace.
    bare_saturated_cpu_ms: of the bare loop without any pause. The smallest of ROUNDS measurements each, in turn."""
    with _server() as url:
        rounds = [
            (
                _cpu_ms(lambda: _sweep(url)),
                _cpu_ms(lambda: _bare(url, gap_s=PERIOD_S / len(SYMBOLS) / SPEED)),
                _cpu_ms(lambda: _bare(url, gap_s=0.0)),
            )
            for _ in range(ROUNDS)
        ]
    ours, bare, saturated = (min(column) for column in zip(*rounds, strict=True))
    return {
        "symbols": float(len(SYMBOLS)),
        "cpu_ms": ours,
        "bare_cpu_ms": bare,
        "bare_saturated_cpu_ms": saturated,
        "ratio": ours / bare,
    }


def _cpu_ms(measure: Callable[[], Awaitable[float]]) -> float:
    async def run_it() -> float:
        return await measure()

    return asyncio.run(run_it())


async def _sweep(url: str) -> float:
    clock = ScaledClock(start_ms=START_MS, speed=SPEED)
    rest = BinanceRest(
        url, clock=clock, guard=binance_guard("loopback", clock=clock, budget=binance_budget(weight_limit=10**6))
    )
    await rest.start()
    samples: list[OpenInterest] = []
    everything = asyncio.Event()

    def record(sample: OpenInterest) -> None:
        samples.append(sample)
        if len(samples) == len(SYMBOLS):
            everything.set()

    sweep = OpenInterestSweep(
        rest,
        clock=clock,
        period_s=PERIOD_S,
        concurrency=CONCURRENCY,
        symbols=lambda: SYMBOLS,
        record=record,
        evaluate=lambda symbols: None,
    )
    await rest.server_time_ms()  # the connection is there before the measurement, as in life
    began = time.process_time()
    running = asyncio.create_task(sweep.run())
    await everything.wait()
    spent_ms = (time.process_time() - began) * 1000
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await rest.stop()
    return spent_ms


async def _bare(url: str, *, gap_s: float) -> float:
    """A client that does nothing but ask and decode, with the same concurrency."""
    decoder = msgspec.json.Decoder(_Body)
    seen = 0

    async def ask(session: aiohttp.ClientSession, symbol: str) -> None:
        nonlocal seen
        async with free, session.get(f"{url}/fapi/v1/openInterest", params={"symbol": symbol}) as response:
            seen += decoder.decode(await response.read()).symbol == symbol

    free = asyncio.Semaphore(CONCURRENCY)
    async with aiohttp.ClientSession() as session:
        await ask(session, SYMBOLS[0])
        seen = 0
        began = time.process_time()
        next_s = time.monotonic()
        async with asyncio.TaskGroup() as tasks:
            for symbol in SYMBOLS:
                tasks.create_task(ask(session, symbol))
                next_s += gap_s
                if gap_s:
                    await asyncio.sleep(max(0.0, next_s - time.monotonic()))
        spent_ms = (time.process_time() - began) * 1000
    assert seen == len(SYMBOLS)
    return spent_ms


@contextmanager
def _server() -> Iterator[str]:
    server = subprocess.Popen([sys.executable, "-m", "benchmarks.sweep"], stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        yield f"http://127.0.0.1:{int(server.stdout.readline())}"
    finally:
        server.terminate()
        server.wait(10)
        if server.stdout is not None:
            server.stdout.close()


async def _serve() -> None:
    weight = 0

    async def answer(request: web.Request) -> web.Response:
        nonlocal weight
        weight += 1
        body = b'{"openInterest":"10659.509","symbol":"%s","time":1790000040000}' % request.query["symbol"].encode()
        headers = {"X-MBX-USED-WEIGHT-1M": str(weight)}
        return web.Response(body=body, content_type="application/json", headers=headers)

    async def now(request: web.Request) -> web.Response:
        return web.json_response({"serverTime": START_MS})

    app = web.Application()
    app.router.add_get("/fapi/v1/openInterest", answer)
    app.router.add_get("/fapi/v1/time", now)
    runner = web.AppRunner(app, access_log=None, handle_signals=False)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve())
