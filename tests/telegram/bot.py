"""A simulated Telegram with our channel connected to it over a real socket."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from altmonitor.core.clock import Clock, ScaledClock
from altmonitor.core.types import Secret
from altmonitor.sim.telegram.server import SimTelegram
from altmonitor.telegram.bot import TelegramChannel, Timeouts
from tests.patient_clock import PatientClock

TOKEN = "123456:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw"
T0 = 1_790_000_040_000
GROUP = -1001234567890


def fast_clock(speed: float = 20.0) -> ScaledClock:
    return PatientClock(start_ms=T0, speed=speed)


@asynccontextmanager
async def connected(
    clock: Clock | None = None, *, token: str = TOKEN, timeouts: Timeouts | None = None
) -> AsyncIterator[tuple[SimTelegram, TelegramChannel]]:
    clock = clock or fast_clock()
    sim = SimTelegram(clock=clock, token=TOKEN)
    await sim.start()
    channel = TelegramChannel(Secret(token), api_url=sim.url, clock=clock, timeouts=timeouts)
    await channel.start()
    try:
        yield sim, channel
    finally:
        await channel.stop()
        await sim.stop()
