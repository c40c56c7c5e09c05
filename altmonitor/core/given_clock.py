"""The clock a sub-command lives on.

ALTMONITOR_CLOCK=start_ms:speed:anchor_s is a `ScaledClock` of these three numbers: a test gives the same ones to the
simulators in its own process, and both are in the same hour of the same fast day.
"""

from __future__ import annotations

from collections.abc import Mapping

from altmonitor.core.clock import ScaledClock, SystemClock
from altmonitor.core.errors import ConfigError

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
