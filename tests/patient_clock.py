"""A fast clock that stands still while the machine lets none of our threads run.

At twenty times the speed of life a tenth of a second without a processor is two seconds: limits of the program are
missed on a machine that does other things as well, and nobody is at fault. The same holds for a machine that stops as a
whole for seconds, as a virtual one does. What the program computes itself does count, and what it waits for.
"""

from __future__ import annotations

import asyncio
import os
import threading
import weakref
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TypeVar

from altmonitor.core.clock import ScaledClock, SystemClock

T = TypeVar("T")

LOOK_S = 0.02
"""Of the machine's time, between two looks at who waited: a look costs a twentieth of a millisecond."""

BEAT_S = 0.05
"""Of the machine's time, between two signs that this process runs at all."""

STOPPED_S = 0.25
"""A sign that is so late came late because nothing of the process ran."""


class Pulse:
    """How long the whole process stood still: a thread with nothing else to do woke up late, and nobody computed."""

    def __init__(self, machine: SystemClock) -> None:
        self._machine = machine
        self._lock = threading.Lock()
        self._stopped_s = 0.0
        self._beat()
        threading.Thread(target=_beats, args=(weakref.ref(self),), daemon=True).start()

    def stopped_s(self) -> float:
        with self._lock:
            self._look()
            return self._stopped_s

    def beat(self) -> None:
        with self._lock:
            self._look()
            self._beat()

    def _look(self) -> None:
        computed_s = sum(os.times()[:2]) - self._computed_s
        late_s = self._machine.monotonic() - self._beat_s - BEAT_S - computed_s
        if late_s > STOPPED_S:
            self._stopped_s += late_s
            self._beat()

    def _beat(self) -> None:
        self._beat_s, self._computed_s = self._machine.monotonic(), sum(os.times()[:2])


def _beats(find: Callable[[], Pulse | None]) -> None:
    """Until nobody needs it any more."""
    pause = threading.Event()
    while (pulse := find()) is not None:
        pulse.beat()
        del pulse
        pause.wait(BEAT_S)


class PatientClock(ScaledClock):
    """Its seconds are those of a `ScaledClock` without the ones in which a thread of this process was ready to run and
    had no processor (where the system tells), and without those in which the whole process stood still."""

    def __init__(self, *, start_ms: int, speed: float) -> None:
        super().__init__(start_ms=start_ms, speed=speed)
        self._machine = SystemClock()
        self._begin_s = self._looked_s = self._machine.monotonic()
        self._waited_s = waits_s(os.getpid())
        self._pulse = Pulse(self._machine)
        self._stopped_s = self._lost_s = self._passed_s = 0.0

    def now_ms(self) -> int:
        return self.start_ms + int(self._passed() * self.speed * 1000)

    def monotonic(self) -> float:
        return self._passed() * self.speed

    async def sleep(self, seconds: float) -> None:
        end_s = self.monotonic() + seconds
        await asyncio.sleep(seconds / self.speed)
        while (left_s := end_s - self.monotonic()) > 0:  # noqa: ASYNC110 — the event is a moment of this clock
            await asyncio.sleep(left_s / self.speed)

    def timeout(self, seconds: float | None) -> asyncio.Timeout:
        timeout = asyncio.timeout(None)
        if seconds is None:
            return timeout
        loop, end_s = asyncio.get_running_loop(), self.monotonic() + seconds

        def expire_or_wait() -> None:
            left_s = end_s - self.monotonic()
            if left_s > 0:
                loop.call_later(left_s / self.speed, expire_or_wait)
                return
            with suppress(RuntimeError):  # it has ended before
                timeout.reschedule(loop.time())

        loop.call_later(seconds / self.speed, expire_or_wait)
        return timeout

    def _passed(self) -> float:
        """Seconds of the machine's time; never less than before."""
        now_s = self._machine.monotonic()
        if now_s - self._looked_s >= LOOK_S:
            waited_s = waits_s(os.getpid())
            longest_s = max((s - self._waited_s.get(thread, s) for thread, s in waited_s.items()), default=0.0)
            stopped_s = self._pulse.stopped_s()
            self._lost_s += min(max(longest_s, stopped_s - self._stopped_s), now_s - self._looked_s)
            self._looked_s, self._waited_s, self._stopped_s = now_s, waited_s, stopped_s
        self._passed_s = max(self._passed_s, now_s - self._begin_s - self._lost_s)
        return self._passed_s


async def patiently(wanted: Awaitable[T], *, of_pid: int, within_s: float) -> T:
    """What another process brings within so many seconds, those left out in which it was ready to run and had no
    processor (a start of two seconds takes a minute beside twenty others), or in which the machine stood still as a
    whole. Raises TimeoutError."""
    clock, before_s = SystemClock(), waits_s(of_pid)
    pulse, begin_s = Pulse(clock), clock.monotonic()
    task = asyncio.ensure_future(wanted)
    try:
        while not task.done():
            await asyncio.wait([task], timeout=min(1.0, within_s))
            lost_s = max((s - before_s.get(thread, 0.0) for thread, s in waits_s(of_pid).items()), default=0.0)
            if not task.done() and clock.monotonic() - begin_s - lost_s - pulse.stopped_s() > within_s:
                raise TimeoutError(f"not within {within_s:g} s, {lost_s:.0f} s without a processor left out")
        return task.result()
    finally:
        task.cancel()


def waits_s(pid: int) -> dict[str, float]:
    """Per thread of a process: seconds it was ready and had no processor. Empty where the system does not tell.

    Source: https://docs.kernel.org/scheduler/sched-stats.html (/proc/<pid>/schedstat)
    """
    found: dict[str, float] = {}
    folder = f"/proc/{pid}/task"
    with suppress(OSError):  # a thread or the process ended meanwhile
        for thread in os.listdir(folder):
            file = os.open(f"{folder}/{thread}/schedstat", os.O_RDONLY)  # without a path and a reader of text: a third
            try:
                found[thread] = int(os.read(file, 100).split()[1]) / 1e9
            finally:
                os.close(file)
    return found
