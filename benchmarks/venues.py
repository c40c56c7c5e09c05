"""(j) What each venue costs at its full rate, and all four at once.

Two looks. From socket to decision alone: each venue's feed and engine in this process, frames one by one as in life,
then all of them in one loop; this tells each venue's share. The whole monitor: its CPU and memory and the request
weight it uses, REST from a simulated exchange in a process of its own. Binance is pushed at 2,400 frames a second,
the others at one a second and contract, which is what they send at most: `venue_load`. About five minutes.
"""

from __future__ import annotations

import asyncio
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from altmonitor.config import load
from altmonitor.core.clock import SystemClock
from altmonitor.core.event_loop import loop_factory
from altmonitor.core.types import Venue
from altmonitor.core.venue_names import symbol_of_okx
from altmonitor.exchanges.adapter import AdapterDeps
from altmonitor.exchanges.venues import adapter_of
from altmonitor.exchanges.ws.feed import FeedOptions
from altmonitor.interfaces.exchange import Feed
from altmonitor.sim.exchange import SimExchange
from altmonitor.sim.okx import instrument_of
from altmonitor.sim.venue_sockets import listed
from benchmarks import venue_load
from benchmarks.feed import GATHER_MS, EngineSink

LINES = 11
LIFE_S = 900.0
SUBSCRIBED_WITHIN_S = 90.0
FED_S = 10.0
SETTLED_S = 90.0
"""The start is over by then, but for Hyperliquid's history, which takes about twenty minutes."""
MEASURED_S = 30.0
LOOK_EVERY_S = 5.0
VENUES: tuple[Venue, ...] = ("binance", "bybit", "okx", "hyperliquid")
WHOLE: tuple[tuple[Venue, ...], ...] = (("binance",), VENUES)


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedCost:
    """From socket to decision. core_pct: of one core; cpu_us: per frame."""

    venues: Sequence[Venue]
    contracts: int
    frames_per_s: float
    core_pct: float
    cpu_us: float


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueCost:
    """Of the whole monitor. core_pct: of one core. frames_per_s: of all of them together. weights: venue → the largest
    share of its limit in any minute, or in any window where requests are counted."""

    venues: Sequence[Venue]
    core_pct: float
    rss_mb: float
    frames_per_s: float
    symbols: int
    weights: dict[str, str]


def run_feeds() -> Iterator[FeedCost]:
    start_ms = SystemClock().now_ms()
    for venues in (*((venue,) for venue in VENUES), VENUES):
        with _sockets(start_ms) as settings, asyncio.Runner(loop_factory=loop_factory(GATHER_MS / 1000)) as runner:
            yield runner.run(_fed(venues, start_ms, settings))


async def _fed(venues: Sequence[Venue], start_ms: int, settings: dict[str, str]) -> FeedCost:
    clock = SystemClock()
    config, _ = load(settings, env_file=None)
    listed_ones = listed(venue_load.market(start_ms), clock.now_ms())
    feeds: list[Feed] = []
    contracts = 0
    for venue in venues:
        options = FeedOptions(gather_ms=0, proxy=False)
        deps = AdapterDeps(config=config, clock=clock, on_guard=lambda status: None, answer_s=10.0, feed=options)
        symbols = [instrument_symbol(symbol) for symbol in listed_ones] if venue == "okx" else listed_ones
        contracts += len(symbols)
        feed = adapter_of(venue)(deps).feed(EngineSink(symbols))
        feed.set_symbols(symbols)
        feeds.append(feed)
    running = [asyncio.create_task(feed.run()) for feed in feeds]
    try:
        with suppress(TimeoutError):  # on a busy machine: those that are subscribed
            async with asyncio.timeout(SUBSCRIBED_WITHIN_S):
                while sum(feed.status().symbols_covered for feed in feeds) < 0.95 * contracts:  # noqa: ASYNC110
                    await asyncio.sleep(0.5)
        await asyncio.sleep(2.0)
        cpu_s, wall_s, frames = time.process_time(), time.perf_counter(), sum(feed.frames for feed in feeds)
        await asyncio.sleep(FED_S)
        spent_s, took_s = time.process_time() - cpu_s, time.perf_counter() - wall_s
        seen = sum(feed.frames for feed in feeds) - frames
        contracts = sum(feed.status().symbols_covered for feed in feeds)
    finally:
        for task in running:
            task.cancel()
        await asyncio.wait(running)
    return FeedCost(
        venues=venues,
        contracts=contracts,
        frames_per_s=seen / took_s,
        core_pct=100 * spent_s / took_s,
        cpu_us=spent_s / max(seen, 1) * 1e6,
    )


def run_whole() -> Iterator[VenueCost]:
    for venues in WHOLE:
        start_ms = SystemClock().now_ms()
        with (
            _rest(start_ms) as rest,
            _sockets(start_ms) as sockets,
            tempfile.TemporaryDirectory(prefix="altmonitor-bench-") as folder,
        ):
            yield _measure(venues, rest | sockets, Path(folder))


def instrument_symbol(symbol: str) -> str:
    """OKX lists coins where others list a thousand of them."""
    return symbol_of_okx(instrument_of(symbol)) or symbol


@contextmanager
def _rest(start_ms: int) -> Iterator[dict[str, str]]:
    with _process("benchmarks.venues", start_ms) as lines:
        yield dict(next(lines).strip().split("=", 1) for _ in range(LINES))


@contextmanager
def _sockets(start_ms: int) -> Iterator[dict[str, str]]:
    with _process("benchmarks.venue_load", start_ms) as lines:
        port = int(next(lines))
        yield {f"{venue.upper()}_WS_URL": venue_load.address(venue, port) for venue in VENUES}


@contextmanager
def _process(module: str, start_ms: int) -> Iterator[Iterator[str]]:
    command = [sys.executable, "-m", module, str(start_ms), str(LIFE_S)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process.stdout
    finally:
        process.kill()
        process.wait()


def _measure(venues: Sequence[Venue], settings: dict[str, str], folder: Path) -> VenueCost:
    port = _free_port()
    own = {"VENUES": ",".join(venues), "API_PORT": str(port), "DB_FILE": str(folder / "alerts.db")}
    monitor = subprocess.Popen(
        [sys.executable, "-m", "altmonitor", "run", "--dry-run"],
        cwd=folder,
        env={**os.environ, **settings, **own},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        weights, requests = _most_used(port)
        frames, before_s, began_s = _frames(port), _cpu_s(monitor.pid), time.perf_counter()
        time.sleep(MEASURED_S)
        spent_s, took_s = _cpu_s(monitor.pid) - before_s, time.perf_counter() - began_s
        seen = _frames(port) - frames
        limits = _values(port, "altmonitor_venue_weight_limit")
        windows = _values(port, "altmonitor_venue_requests_limit")
        symbols = int(sum(_values(port, "altmonitor_venue_symbols_covered").values()))
        status = Path(f"/proc/{monitor.pid}/status").read_text("utf-8")
    finally:
        monitor.terminate()
        monitor.wait(15)
    rss_kb = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))
    return VenueCost(
        venues=venues,
        core_pct=100 * spent_s / took_s,
        rss_mb=rss_kb / 1024,
        frames_per_s=seen / took_s,
        symbols=symbols,
        weights={venue: _share(used, limits[venue]) for venue, used in weights.items() if limits.get(venue)}
        | {
            venue: _share(used, windows[venue], "requests") for venue, used in requests.items() if not limits.get(venue)
        },
    )


def _most_used(port: int) -> tuple[dict[str, float], dict[str, float]]:
    """While it starts, which is when most is asked. Nobody looks while CPU is measured: a look at the metrics costs the
    monitor several milliseconds."""
    weights: dict[str, float] = {}
    requests: dict[str, float] = {}
    end_s = time.perf_counter() + SETTLED_S
    while time.perf_counter() < end_s:
        time.sleep(LOOK_EVERY_S)
        with suppress(OSError):  # it does not listen yet
            for venue, used in _values(port, "altmonitor_venue_weight_used").items():
                weights[venue] = max(weights.get(venue, 0.0), used)
            for venue, used in _values(port, "altmonitor_venue_requests_used").items():
                requests[venue] = max(requests.get(venue, 0.0), used)
    return weights, requests


def _share(used: float, limit: float, what: str = "weight") -> str:
    return f"{what} {used:.0f} of {limit:.0f} ({100 * used / limit:.0f} %)"


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def _metrics(port: int) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=60) as answer:
        return str(answer.read().decode())


def _values(port: int, name: str) -> dict[str, float]:
    found = re.findall(rf'^{name}{{venue="(\w+)"}} (\S+)$', _metrics(port), re.MULTILINE)
    return {venue: float(value) for venue, value in found}


def _frames(port: int) -> float:
    return sum(_values(port, "altmonitor_venue_frames_total").values())


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def _serve(start_ms: int, seconds: float) -> None:
    async with SimExchange(venue_load.market(start_ms), clock=SystemClock()) as exchange:
        for name, value in exchange.environment().items():
            print(f"{name}={value}", flush=True)
        await asyncio.sleep(seconds)


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]), float(sys.argv[2])))
