"""(h) The whole monitor as it runs for somebody: 600 contracts at 2,400 frames a second, 30 alerts a minute with their
enrichment and charts, the sweep, the tables, the status page.

The simulated exchange and Bot API are processes of their own, and so is each monitor. Two versions run at the same
time, each with an exchange and a Bot API of its own that say the very same: what else the machine does strikes both
alike, and their ratio is what counts.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from altmonitor.core.clock import SystemClock
from altmonitor.sim.exchange import SimExchange
from altmonitor.sim.market import SeededMarket
from altmonitor.sim.script import Burst, Event, OiStep, Pump
from altmonitor.sim.telegram.server import SimTelegram

SYMBOLS_LISTED = 760  # about 600 of them are trading USDT perpetuals
FRAMES_PER_S = 2_400.0
ALERT_EVERY_S = 2.0
SETTLED_S = 75.0  # the start, one sweep, every baseline
MEASURED_S = 120.0
"""Two minutes: so many sweeps, refreshed tables and closes of every candle."""
CHECKOUT = Path(__file__).parents[1]
TOKEN = "123456:" + "bench-Token_0123456789-abcdefghijklm"
READER = 77


@dataclass(frozen=True, slots=True)
class Whole:
    """cpu_s: of this checkout's monitor while it was measured. core_pct: the same as a share of one core. alerts: that
    it told in that time. ratio: to that of the other version, None without one."""

    cpu_s: float
    core_pct: float
    alerts: int
    ratio: float | None


def run(against: str | None = None, *, is_recording: bool = False) -> Whole:
    """against: commit of the other version; None: this one again. is_recording: this one records what it sees."""
    own: list[dict[str, str]] = [{"RECORD": "true"} if is_recording else {}, {}]
    with tempfile.TemporaryDirectory(prefix="altmonitor-bench-") as folder, ExitStack() as stack:
        checkouts = [CHECKOUT]
        if against is None:
            checkouts.append(CHECKOUT)
        elif take_out(against, Path(folder) / "against"):
            checkouts.append(Path(folder) / "against")
        start_ms = SystemClock().now_ms()
        monitors = [
            stack.enter_context(_monitor(checkout, Path(folder) / str(number), settings | own[number]))
            for number, checkout in enumerate(checkouts)
            for settings in [stack.enter_context(_surroundings(start_ms))]
        ]
        time.sleep(SETTLED_S)
        told, before_s = _alerts(Path(folder) / "0"), [_cpu_s(pid) for pid in monitors]
        time.sleep(MEASURED_S)
        spent = [_cpu_s(pid) - before for pid, before in zip(monitors, before_s, strict=True)]
        alerts = _alerts(Path(folder) / "0") - told
    ratio = None if len(spent) == 1 else spent[0] / spent[1]
    return Whole(cpu_s=spent[0], core_pct=100 * spent[0] / MEASURED_S, alerts=alerts, ratio=ratio)


def run_recording() -> Whole:
    """With RECORD=true, beside the same without: what is collected each minute; a file is written every ten."""
    return run(is_recording=True)


def take_out(commit: str, folder: Path) -> bool:
    """The package as it was, run with what is installed now; False: this clone does not know the commit."""
    packed = folder.with_suffix(".tar")
    command = ["git", "-C", str(CHECKOUT), "archive", "--output", str(packed), commit, "altmonitor"]
    if subprocess.run(command, stderr=subprocess.DEVNULL, check=False).returncode != 0:
        return False
    with tarfile.open(packed) as archive:
        archive.extractall(folder, filter="data")
    return True


@contextmanager
def _surroundings(start_ms: int) -> Iterator[dict[str, str]]:
    """Of one monitor alone: two of one address would use up each other's request weight."""
    command = [sys.executable, "-m", "benchmarks.whole", str(start_ms)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield dict(process.stdout.readline().strip().split("=", 1) for _ in range(4))
    finally:
        process.kill()
        process.wait()


@contextmanager
def _monitor(checkout: Path, folder: Path, settings: Mapping[str, str]) -> Iterator[int]:
    folder.mkdir()
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    environ = kept | {name: value for name, value in settings.items() if name.startswith(("BINANCE_", "RECORD"))}
    environ |= {
        "PYTHONPATH": str(checkout),
        "TG_BOT_TOKEN": TOKEN,
        "TG_CHAT_ID": str(READER),
        "TELEGRAM_API_URL": settings["TELEGRAM"],
        "DB_FILE": str(folder / "alerts.db"),
        "STATE_FILE": str(folder / "state.json"),
        "SMART_MONEY_DB_PATH": str(folder / "snapshots.db"),
        "ARCHIVE_DIR": str(folder / "archive"),
        "API_PORT": "0",
    }
    with (folder / "log.txt").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "altmonitor", "run", "--env-file", os.devnull],
            cwd=folder,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
        try:
            yield process.pid
        finally:
            process.terminate()
            process.wait(20)


def _cpu_s(pid: int) -> float:
    """User and system time of a process with all its threads."""
    fields = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _alerts(folder: Path) -> int:
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(folder / "alerts.db")) as db:
        return int(db.execute("SELECT COUNT(*) FROM alerts").fetchone()[0])


# ---
# The process beside it.


async def _serve(start_ms: int) -> None:
    clock = SystemClock()
    market = SeededMarket(seed=1, start_ms=start_ms, symbols=SYMBOLS_LISTED, frames_per_s=FRAMES_PER_S)
    traded = [c.symbol for c in market.contracts() if c.symbol.endswith("USDT") and c.status_at(start_ms) == "TRADING"]
    market.add(*_events(traded, start_ms))
    telegram = SimTelegram(clock=clock, token=TOKEN)
    async with SimExchange(market, clock=clock) as exchange:
        await telegram.start()
        lines = {
            "BINANCE_REST_URL": exchange.rest_url,
            "BINANCE_WS_URL": exchange.ws_url,
            "BINANCE_WEB_URL": exchange.web_url,
            "TELEGRAM": telegram.url,
        }
        print("\n".join(f"{name}={value}" for name, value in lines.items()), flush=True)
        await asyncio.Event().wait()


def _events(traded: list[str], start_ms: int) -> Iterator[Event]:
    """An alert every two seconds: mostly prices, some volume and open interest, each of another contract."""
    for number in range(int((SETTLED_S + 2 * MEASURED_S) / ALERT_EVERY_S)):
        symbol, at_ms = traded[number * 7 % len(traded)], start_ms + int(number * ALERT_EVERY_S * 1000)
        match number % 6:
            case 4:
                yield Burst(symbol, at_ms, 12.0)
            case 5:
                yield OiStep(symbol, at_ms, 9.0)
            case _:
                yield Pump(symbol, at_ms, 4.0, over_s=1.0)


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1])))
