"""The only place that asks the machine what time it is.

Everything else receives a `Clock`. `SystemClock` is the real one; `ScaledClock` runs a whole program (monitor and
simulated exchange alike) faster, starting at a moment of its own choosing, so that a recorded day can be lived through
in minutes over real sockets.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Final, Protocol

from altmonitor.core.errors import ConfigError


class Clock(Protocol):
    def now_ms(self) -> int:
        """Wall time, UTC, unix milliseconds. May jump when the machine's clock is set."""

    def monotonic(self) -> float:
        """Seconds that never go backwards; only differences mean anything."""

    async def sleep(self, seconds: float) -> None:
        """Wait this many of the clock's own seconds (≥ 0)."""

    def timeout(self, seconds: float | None) -> asyncio.Timeout:
        """`async with clock.timeout(2):` raises TimeoutError after 2 of the clock's own seconds; None never does."""


_GOES_ON_ASLEEP: int | None = getattr(time, "CLOCK_BOOTTIME", getattr(time, "CLOCK_MONOTONIC", None))
"""Linux has a clock of its own for it, on macOS CLOCK_MONOTONIC is one; Windows has neither."""


class SystemClock:
    """The machine's clock. `monotonic` goes on while the machine sleeps, where the system has such a clock."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def monotonic(self) -> float:
        return time.monotonic() if _GOES_ON_ASLEEP is None else time.clock_gettime(_GOES_ON_ASLEEP)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def timeout(self, seconds: float | None) -> asyncio.Timeout:
        return asyncio.timeout(seconds)


class ScaledClock:
    """Starts at `start_ms` and runs `speed` times as fast as the machine's clock (speed > 0).

    `anchor_s`: the machine's monotonic reading at which `start_ms` was or will be; two processes that are given the
    same three numbers on one machine read the same time.
    """

    def __init__(self, *, start_ms: int, speed: float, anchor_s: float | None = None) -> None:
        if not speed > 0:
            raise ValueError(f"speed must be above 0, not {speed}")
        self.speed = speed
        self.start_ms = start_ms
        self.anchor_s = time.monotonic() if anchor_s is None else anchor_s

    def now_ms(self) -> int:
        return self.start_ms + int((time.monotonic() - self.anchor_s) * self.speed * 1000)

    def monotonic(self) -> float:
        return (time.monotonic() - self.anchor_s) * self.speed

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds / self.speed)

    def timeout(self, seconds: float | None) -> asyncio.Timeout:
        return asyncio.timeout(None if seconds is None else seconds / self.speed)


STALL_S: Final = 0.8
"""Of the machine's time: so long it may be busy with something else, and on a fast clock that is long."""


def speed_of(clock: Clock) -> float:
    """How many of the clock's seconds pass in one of the machine's."""
    return clock.speed if isinstance(clock, ScaledClock) else 1.0


def timeouts(clock: Clock, usual_s: float) -> float:
    """Seconds of this clock that an answer may take, or that two clocks read over a connection may differ by."""
    return max(usual_s, STALL_S * clock.speed) if isinstance(clock, ScaledClock) else usual_s


# ---
# The clock a sub-command lives on.
#
# ALTMONITOR_CLOCK=start_ms:speed:anchor_s is a `ScaledClock` of these three numbers: a test gives the same ones to the
# simulators in its own process, and both are in the same hour of the same fast day.


CLOCK_VARIABLE = "ALTMONITOR_CLOCK"


def clock_of(environ: Mapping[str, str]) -> SystemClock | ScaledClock:
    """The machine's clock, unless the environment names another. Raises ConfigError with one line."""
    text = environ.get(CLOCK_VARIABLE, "")
    if not text:
        return SystemClock()
    try:
        start_ms, speed, anchor_s = text.split(":")
        clock = ScaledClock(start_ms=int(start_ms), speed=float(speed), anchor_s=float(anchor_s))
        clock.now_ms()  # raises for numbers that are none
    except (ValueError, OverflowError) as problem:
        raise ConfigError([f"{CLOCK_VARIABLE}={text[:60]!r} is not start_ms:speed:anchor_s"]) from problem
    return clock
