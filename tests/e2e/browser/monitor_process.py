"""The monitor behind the pages, as a process: so that it can be stopped while the browser goes on."""

from __future__ import annotations

import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SPEED = 4.0
SYMBOLS = 120
TOKEN = "a-token-of-the-browser-tests"
LONG = "AVERYLONGNAMETHATNOCONTRACTHASHADYETUSDT"
"""As many characters as the API takes, twice what any contract has."""

NASTY = "<IMG/SRC=X/ONERROR=ALERT(1)>USDT"
START_S = 240.0


class MonitorProcess:
    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self._lines: queue.Queue[str] = queue.Queue()
        self.said: list[str] = []
        threading.Thread(target=self._read, daemon=True).start()
        self.url = ""

    def starts(self) -> None:
        line = self.says("READY")
        self.url = f"http://127.0.0.1:{line.split()[1]}/"

    def tells(self, command: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(command + "\n")
        self._process.stdin.flush()

    def says(self, word: str, *, within_s: float = START_S) -> str:
        """The next line that begins with it."""
        end_s = time.monotonic() + within_s
        while (left_s := end_s - time.monotonic()) > 0:
            try:
                line = self._lines.get(timeout=left_s)
            except queue.Empty:
                break
            if line.startswith(word):
                return line
        raise AssertionError(f"no {word} within {within_s} s:\n" + "\n".join(self.said[-40:]))

    def stands_still(self) -> None:
        self._process.send_signal(signal.SIGSTOP)

    def goes_on(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.said.append(line.rstrip("\n"))
            self._lines.put(line.rstrip("\n"))


@contextmanager
def monitor_process(folder: Path) -> Iterator[MonitorProcess]:
    command = [sys.executable, "-m", "tests.e2e.browser.monitor", str(folder)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.STDOUT, text=True) as process:
        running = MonitorProcess(process)
        try:
            running.starts()
            yield running
        finally:
            running.goes_on()
            process.kill()
