"""(j) What a start costs until every stream is subscribed, and what a refused setting costs.

CPU seconds of the process with all its threads: a slow machine waits longer, it does not compute more.
"""

from __future__ import annotations

import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.memory import simulated_exchange

ROUNDS = 5
SYMBOLS_LISTED = 760
WITHIN_S = 60.0


@dataclass(frozen=True, slots=True)
class Start:
    """refused_s: of a run whose setting is wrong. subscribed_s: of a run until every stream is. The smallest of
    ROUNDS each."""

    refused_s: float
    subscribed_s: float


def run() -> Start:
    with tempfile.TemporaryDirectory(prefix="altmonitor-bench-") as folder, simulated_exchange(SYMBOLS_LISTED) as env:
        refused = [_refused(Path(folder)) for _ in range(ROUNDS)]
        subscribed = [_subscribed(Path(folder) / str(number), env) for number in range(ROUNDS)]
    return Start(refused_s=min(refused), subscribed_s=min(subscribed))


def _command() -> list[str]:
    return [sys.executable, "-m", "altmonitor", "run", "--env-file", os.devnull]


def _refused(folder: Path) -> float:
    environ = {**os.environ, "PUMP_THRESHOLD": "three", "TG_BOT_TOKEN": "1:x", "TG_CHAT_ID": "1"}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(_command(), cwd=folder, env=environ, capture_output=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != 2:
        raise RuntimeError(f"it was not refused:\n{done.stderr.decode()}")
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _subscribed(folder: Path, env: dict[str, str]) -> float:
    """Read where the exchange's side says that the last stream is there: `/health` counts what is covered."""
    folder.mkdir()
    log = folder / "log.txt"
    with log.open("w") as errors:
        environ = {**os.environ, **env, "API_PORT": "0", "LOG_LEVEL": "INFO"}
        process = subprocess.Popen(_command(), cwd=folder, env=environ, stdin=subprocess.DEVNULL, stderr=errors)
        try:
            end_s = time.monotonic() + WITHIN_S
            while time.monotonic() < end_s:
                if re.search(r"all streams are subscribed", log.read_text("utf-8")):
                    return _cpu_s(process.pid)
                time.sleep(0.02)
        finally:
            process.kill()
            process.wait()
    raise RuntimeError(f"not every stream was subscribed:\n{log.read_text('utf-8')}")


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
