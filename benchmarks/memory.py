"""(e) Resident memory of `altmonitor run` with 600 symbols, against the simulated exchange in another process."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

SYMBOLS_LISTED = 760  # about 630 of them are trading USDT perpetuals
LAST_SETTING = "TG_CHAT_ID"  # that `altmonitor sim` prints, one to a line
SETTLED_S = 75.0  # one sweep, every baseline, the library's caches


def run() -> dict[str, float]:
    """rss_mb: of the monitor after 75 s. symbols: that it watched."""
    with tempfile.TemporaryDirectory(prefix="altmonitor-bench-") as folder, simulated_exchange(SYMBOLS_LISTED) as env:
        return _watch(env, Path(folder))


@contextmanager
def simulated_exchange(symbols: int) -> Iterator[dict[str, str]]:
    """In a process of its own, with a Bot API; what leads a monitor to them."""
    sim = subprocess.Popen(
        [sys.executable, "-m", "altmonitor", "sim", "--symbols", str(symbols)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        yield _settings(sim)
    finally:
        sim.kill()
        sim.wait()


def _settings(sim: subprocess.Popen[str]) -> dict[str, str]:
    assert sim.stdout is not None
    found: dict[str, str] = {}
    for line in sim.stdout:
        name, _, value = line.strip().partition("=")
        found[name] = value
        if name == LAST_SETTING:
            break
    return found


def _watch(settings: Mapping[str, str], folder: Path) -> dict[str, float]:
    log = folder / "log.txt"
    environ = {**os.environ, **settings, "API_PORT": "0"}
    with log.open("w") as errors:
        monitor = subprocess.Popen(
            [sys.executable, "-m", "altmonitor", "run"],
            cwd=folder,
            env=environ,
            stdin=subprocess.DEVNULL,
            stderr=errors,
        )
        try:
            time.sleep(SETTLED_S)
            status = Path(f"/proc/{monitor.pid}/status").read_text("utf-8")
        finally:
            monitor.terminate()
            monitor.wait(10)
    rss_kb = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))
    text = log.read_text("utf-8")
    watched = re.search(r"watching (\d+) symbols", text)
    if watched is None:
        raise RuntimeError(f"it watched nothing:\n{text}")
    return {"rss_mb": rss_kb / 1024, "symbols": float(watched[1])}
