"""Process 1 of the container: hands signals on, reaps, and starts the monitor again when it dies or stops giving signs.

The engine's own restart policy brings the container back after a reboot of the host, and can do neither of two things
a service manager can: leave in peace what no restart can help (exit code 2), and end a program that hangs. So `run` is
kept here, with the same notifications systemd gets. Standard library only. Other sub-commands simply take this process
over.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from altmonitor.core.clock import SystemClock

DONE, WRONG_CONFIGURATION = 0, 2
WATCHDOG_S = 120.0
"""The same as in systemd/altmonitor.service."""
FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 60.0
STEADY_S = 300.0
"""After so long a run the next pause is the first one again."""
REFUSED_PAUSE_S = 300.0
"""As process 1 of a container, after exit code 2: to end would only make the engine start it again and again."""
REFUSED_MARK = Path(tempfile.gettempdir()) / "altmonitor-refused"
"""There while it waits so: a deployment need not wait for what will not get well."""
LOOK_EVERY_S = 0.5
AWAKE_S = 1.0
"""A look as late as this was held up itself (a stopped machine, a paused container): the rest of that time counts for
nobody, since the program could not speak either."""
_DATAGRAM_BYTES = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What is kept running. watchdog_s: silence after READY=1 that ends it; 0 never does. refused_pause_s: after exit
    code 2; 0 ends with it instead."""

    command: Sequence[str]
    environ: Mapping[str, str]
    watchdog_s: float = WATCHDOG_S
    first_pause_s: float = FIRST_PAUSE_S
    refused_pause_s: float = 0.0


@dataclass(slots=True)
class _Signals:
    """asked: number of the signal that asked for the end, 0 while none did. child: who is told, 0 while nobody runs."""

    asked: int = 0
    child: int = 0

    @property
    def is_asked(self) -> bool:
        return self.asked != 0

    def on_signal(self, number: int, _frame: FrameType | None) -> None:
        self.asked = self.asked or number
        if self.child:
            os.kill(self.child, number)


def keep(kept: Kept) -> int:
    """Run until a signal, a clean end or wrong configuration. Returns the exit code for the container."""
    clock, signals, pause_s = SystemClock(), _Signals(), kept.first_pause_s
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signals.on_signal)
    wake, wake_writer = os.pipe()
    for end in (wake, wake_writer):
        os.set_blocking(end, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake_writer, warn_on_full_buffer=False)
    with tempfile.TemporaryDirectory(prefix="notify-") as folder, closing(_listening(Path(folder))) as notices:
        while True:
            began_s = clock.monotonic()
            code = _run_once(kept, notices, wake, signals)
            if code == WRONG_CONFIGURATION and not signals.is_asked:
                _say("no restart helps against wrong settings: mend .env, then docker compose up -d")
                if kept.refused_pause_s:
                    if _waited_refused(kept.refused_pause_s, wake, signals):
                        return 128 + signals.asked
                    continue
            if signals.is_asked or code in (DONE, WRONG_CONFIGURATION):
                return code
            if clock.monotonic() - began_s >= STEADY_S:
                pause_s = kept.first_pause_s
            _say(f"the monitor ended with {_named(code)}, starting it again in {pause_s:g} s")
            if _paused(pause_s, wake, signals):
                return 128 + signals.asked
            pause_s = min(pause_s * 2, LONGEST_PAUSE_S)


def _waited_refused(seconds: float, wake: int, signals: _Signals) -> bool:
    """True when the end was asked for meanwhile."""
    with suppress(OSError):
        REFUSED_MARK.touch()
    try:
        return _paused(seconds, wake, signals)
    finally:
        with suppress(OSError):
            REFUSED_MARK.unlink(missing_ok=True)


def _paused(seconds: float, wake: int, signals: _Signals) -> bool:
    """True when the end was asked for meanwhile."""
    clock = SystemClock()
    until_s = clock.monotonic() + seconds
    while not signals.is_asked and (left_s := until_s - clock.monotonic()) > 0:
        _wait(wake, wake, left_s)
        _reap_strangers(0)
    return signals.is_asked


def _run_once(kept: Kept, notices: socket.socket, wake: int, signals: _Signals) -> int:
    """One life of the program. Returns its exit code, 128 + n for one that signal n ended."""
    clock = SystemClock()
    environ = {**kept.environ, "NOTIFY_SOCKET": notices.getsockname()}
    if kept.watchdog_s:
        environ["WATCHDOG_USEC"] = str(int(kept.watchdog_s * 1_000_000))
    program = subprocess.Popen(kept.command, env=environ)  # noqa: S603 — our own command line
    signals.child = program.pid
    if signals.is_asked:  # it came between two lives
        program.send_signal(signals.asked)
    silent_s: float | None = None  # None: not ready yet, nothing is due
    looked_s = clock.monotonic()
    while (code := _ended(program)) is None:
        _wait(wake, notices.fileno(), LOOK_EVERY_S)
        _reap_strangers(program.pid)
        looked_before_s, looked_s = looked_s, clock.monotonic()
        if _is_well(notices):
            silent_s = 0.0
        elif silent_s is not None:
            silent_s += min(looked_s - looked_before_s, AWAKE_S)
        if kept.watchdog_s and silent_s is not None and silent_s > kept.watchdog_s:
            _say(f"no sign of life from the monitor for {silent_s:.0f} s (no data, or it hangs): ending it")
            program.kill()
            silent_s = None
    signals.child = 0
    return code


def _ended(program: subprocess.Popen[bytes]) -> int | None:
    code = program.poll()
    return code if code is None or code >= 0 else 128 - code


def _listening(folder: Path) -> socket.socket:
    notices = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
    notices.bind(str(folder / "socket"))
    notices.setblocking(False)
    return notices


def _is_well(notices: socket.socket) -> bool:
    """True when READY=1 or WATCHDOG=1 came since the last look."""
    is_well = False
    while True:
        try:
            lines = notices.recv(_DATAGRAM_BYTES).split(b"\n")
        except BlockingIOError:
            return is_well
        is_well = is_well or b"WATCHDOG=1" in lines or b"READY=1" in lines


def _wait(wake: int, notices: int, seconds: float) -> None:
    """Until a signal, a notice, or the time is over."""
    ready, _, _ = select.select([wake, notices], [], [], seconds)
    if wake in ready:
        os.read(wake, _DATAGRAM_BYTES)


def _reap_strangers(ours: int) -> None:
    """As process 1 we inherit every orphan; our own child is left to `Popen`."""
    while True:
        try:
            found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return
        if found is None or found.si_pid in (0, ours):
            return
        os.waitpid(found.si_pid, 0)


def _named(code: int) -> str:
    if code > 128:
        try:
            return signal.Signals(code - 128).name
        except ValueError:
            pass
    return f"exit code {code}"


def _say(line: str) -> None:
    print(f"keep-running: {line}", file=sys.stderr, flush=True)  # noqa: T201 — the log of a container


def main(arguments: Sequence[str]) -> int:
    command = [sys.executable, "-m", "altmonitor", *arguments]
    if list(arguments[:1]) != ["run"]:
        os.execv(command[0], command)  # noqa: S606 — our own command line
    is_container = os.getpid() == 1
    return keep(Kept(command=command, environ=os.environ, refused_pause_s=REFUSED_PAUSE_S if is_container else 0.0))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
