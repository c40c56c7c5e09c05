"""(j) What each venue costs at its full rate, and all four at once: CPU and memory of the monitor, request weight.

The simulated exchange is a process of its own. Binance is pushed at 2,400 frames a second, the others at one a second
and contract, which is what they send at most.
"""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from altmonitor.core.clock import SystemClock
from altmonitor.sim.exchange import SimExchange
from altmonitor.sim.market import SeededMarket

SYMBOLS_LISTED = 760
FRAMES_PER_S = 2_400.0
SETTLED_S = 75.0
MEASURED_S = 60.0
LINES = 10
SETS = ("binance", "bybit", "okx", "hyperliquid", "binance,bybit,okx,hyperliquid")


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueCost:
    """core_pct: of one core. frames_per_s: of all of them together. weights: venue → the largest share of its limit in
    any minute, or in any window where requests are counted."""

    venues: str
    core_pct: float
    rss_mb: float
    frames_per_s: float
    symbols: int
    weights: dict[str, str]


def run(sets: tuple[str, ...] = SETS) -> Iterator[VenueCost]:
    for venues in sets:
        with _exchange() as settings, tempfile.TemporaryDirectory(prefix="altmonitor-bench-") as folder:
            yield _measure(venues, settings, Path(folder))


@contextmanager
def _exchange() -> Iterator[dict[str, str]]:
    process = subprocess.Popen([sys.executable, "-m", "benchmarks.venues"], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield dict(process.stdout.readline().strip().split("=", 1) for _ in range(LINES))
    finally:
        process.kill()
        process.wait()


def _measure(venues: str, settings: dict[str, str], folder: Path) -> VenueCost:
    port = _free_port()
    environ = {**os.environ, **settings, "VENUES": venues, "API_PORT": str(port), "DB_FILE": str(folder / "alerts.db")}
    monitor = subprocess.Popen(
        [sys.executable, "-m", "altmonitor", "run", "--dry-run"],
        cwd=folder,
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        time.sleep(SETTLED_S)
        before_s, frames = _cpu_s(monitor.pid), _frames(port)
        weights: dict[str, float] = {}
        requests: dict[str, float] = {}
        for _ in range(int(MEASURED_S)):
            time.sleep(1.0)
            for venue, used in _values(port, "altmonitor_venue_weight_used").items():
                weights[venue] = max(weights.get(venue, 0.0), used)
            for venue, used in _values(port, "altmonitor_venue_requests_used").items():
                requests[venue] = max(requests.get(venue, 0.0), used)
        spent_s, seen = _cpu_s(monitor.pid) - before_s, _frames(port) - frames
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
        core_pct=100 * spent_s / MEASURED_S,
        rss_mb=rss_kb / 1024,
        frames_per_s=seen / MEASURED_S,
        symbols=symbols,
        weights={venue: _share(used, limits[venue]) for venue, used in weights.items() if limits.get(venue)}
        | {
            venue: _share(used, windows[venue], "requests") for venue, used in requests.items() if not limits.get(venue)
        },
    )


def _share(used: float, limit: float, what: str = "weight") -> str:
    return f"{what} {used:.0f} of {limit:.0f} ({100 * used / limit:.0f} %)"


def _free_port() -> int:
    import socket

    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def _metrics(port: int) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        return str(answer.read().decode())


def _values(port: int, name: str) -> dict[str, float]:
    found = re.findall(rf'^{name}{{venue="(\w+)"}} (\S+)$', _metrics(port), re.MULTILINE)
    return {venue: float(value) for venue, value in found}


def _frames(port: int) -> float:
    return sum(_values(port, "altmonitor_venue_frames_total").values())


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def _serve() -> None:
    clock = SystemClock()
    market = SeededMarket(seed=5, start_ms=clock.now_ms(), symbols=SYMBOLS_LISTED, frames_per_s=FRAMES_PER_S)
    async with SimExchange(market, clock=clock) as exchange:
        for venue in exchange.venues.values():
            venue.pace_ms = 1_000
        for name, value in exchange.environment().items():
            print(f"{name}={value}", flush=True)
        await asyncio.sleep(3_600)


if __name__ == "__main__":
    asyncio.run(_serve())
