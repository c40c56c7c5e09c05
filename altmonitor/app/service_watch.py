"""What systemd is told: ready, one line of status, alive while the monitor does its work, stopping.

A ping from a bare timer would only say that the process exists; here it says that data comes, that the event loop
answers in time and that the database's writer runs.
Source: https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from altmonitor.core.clock import Clock
from altmonitor.core.health import DOWN_BLIND_S

log = logging.getLogger(__name__)

DATA_AGE_MAX_S: Final = DOWN_BLIND_S
"""The same limit as `/health` has for "down"."""
LOOP_LAG_MAX_S: Final = 5.0
LOOK_EVERY_S: Final = 1.0
STATUS_EVERY_S: Final = 30.0
STATUS_CHARS_MAX: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Signs:
    """Signs of life at one moment. data_age_s: since the last data frame, None before the first.

    is_storing: the database is open and its writer runs. A disk that refuses is no reason for a restart: alerts go on
    from memory, and a fresh process could not even start. status: one line for a person.
    """

    data_age_s: float | None
    is_storing: bool
    status: str

    @property
    def is_ready(self) -> bool:
        return self.data_age_s is not None and self.is_storing


class Notifier:
    """One datagram per message. `watchdog_s`: how long systemd waits for a ping, None when it waits for none."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        """environ: what the service manager handed over; without NOTIFY_SOCKET nothing is ever sent."""
        self._address = _address(environ.get("NOTIFY_SOCKET", ""))
        self.watchdog_s = _watchdog_s(environ) if self._address is not None else None
        self._has_complained = False

    @property
    def is_heard(self) -> bool:
        return self._address is not None

    def send(self, *assignments: str) -> None:
        """Never waits and never raises: whoever cannot be told will see it by the silence."""
        if self._address is None:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as out:
                out.setblocking(False)
                out.sendto("\n".join(assignments).encode(), self._address)
        except OSError as problem:
            if not self._has_complained:
                self._has_complained = True
                log.warning("the service manager cannot be told anything: %s", problem)


class ServiceWatch:
    """Run `run` as one of the program's loops; `stopping` when the end begins."""

    def __init__(self, environ: Mapping[str, str], *, clock: Clock, signs: Callable[[], Signs]) -> None:
        self._notifier = Notifier(environ)
        self._clock = clock
        self._signs = signs
        self._is_ready = False
        self._trouble = ""
        self._next_status_s = clock.monotonic()

    async def run(self) -> None:
        """Until cancelled; returns at once when nobody listens.

        Every look that finds all well is a ping: so the manager's time runs from the moment when something went wrong,
        and ends with the first look after it went right again.
        """
        if not self._notifier.is_heard:
            return
        watchdog_s = self._notifier.watchdog_s
        look_every_s = LOOK_EVERY_S if watchdog_s is None else min(LOOK_EVERY_S, watchdog_s / 4)
        lag_s = 0.0
        while True:
            self._look(lag_s)
            began_s = self._clock.monotonic()
            await self._clock.sleep(look_every_s)
            lag_s = self._clock.monotonic() - began_s - look_every_s

    def stopping(self) -> None:
        self._notifier.send("STOPPING=1", "STATUS=stopping")

    def _look(self, lag_s: float) -> None:
        """lag_s: by how much this look is late; a lag that is over is no reason for a restart.

        systemd counts from READY=1 on, so nothing is due before it.
        """
        signs = self._signs()
        if signs.is_ready and not self._is_ready:
            self._is_ready = True
            self._notifier.send("READY=1", _status(signs.status))
        trouble = _trouble(signs, lag_s) if self._is_ready else ""
        if trouble and not self._trouble:
            log.error("the service manager is not told any more that all is well: %s", trouble)
        elif self._trouble and not trouble:
            log.info("the service manager is told again that all is well (was: %s)", self._trouble)
        now_s, is_news = self._clock.monotonic(), bool(trouble) != bool(self._trouble)
        self._trouble = trouble
        said = ["WATCHDOG=1"] if self._is_ready and not trouble and self._notifier.watchdog_s is not None else []
        if is_news or now_s >= self._next_status_s:
            self._next_status_s = now_s + STATUS_EVERY_S
            said.append(_status(trouble or signs.status))
        if said:
            self._notifier.send(*said)


def _trouble(signs: Signs, lag_s: float) -> str:
    """Why a restart is wanted; empty when it is not."""
    if signs.data_age_s is None or signs.data_age_s > DATA_AGE_MAX_S:
        return "no data" if signs.data_age_s is None else f"no data for {signs.data_age_s:.0f} s"
    if lag_s > LOOP_LAG_MAX_S:
        return f"the event loop was held up for {lag_s:.1f} s"
    return "" if signs.is_storing else "the database's writer does not run"


def _status(text: str) -> str:
    return f"STATUS={' '.join(text.split())[:STATUS_CHARS_MAX]}"


def _address(name: str) -> str | None:
    """As the socket library wants it; None for nothing and for what is no local socket."""
    if name.startswith("@"):
        return "\0" + name[1:]
    if name and not name.startswith("/"):
        log.warning("NOTIFY_SOCKET=%s is no local socket: the service manager is told nothing", name)
        return None
    return name or None


def _watchdog_s(environ: Mapping[str, str]) -> float | None:
    """None when no pings are wanted, or wanted of another process."""
    microseconds, pid = environ.get("WATCHDOG_USEC", ""), environ.get("WATCHDOG_PID", "")
    if pid and pid != str(os.getpid()):
        return None
    is_number = microseconds.isascii() and microseconds.isdigit() and len(microseconds) < 19
    return int(microseconds) / 1_000_000 if is_number and int(microseconds) > 0 else None
