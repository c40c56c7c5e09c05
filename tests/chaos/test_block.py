"""The exchange refuses every request for ten minutes: nothing is asked, and what the socket shows is told at once."""

from __future__ import annotations

from pathlib import Path
from statistics import median

import pytest

from altmonitor.sim.control import RestFault
from altmonitor.sim.script import Pump
from tests.e2e.stage import SYMBOLS, Stage, stage

SPEED = 8
BLOCK_S = 600
IN_FLIGHT_S = 3
PUMPED = SYMBOLS[:9]
HICCUP_S = 0.3 * SPEED
"""A machine that does other things as well pauses now and then; the clock runs on meanwhile."""

pytestmark = pytest.mark.timeout(600)


async def test_during_a_418_nothing_is_asked_and_price_alerts_leave_within_a_second(tmp_path: Path) -> None:
    async with stage(tmp_path, speed=SPEED) as here:
        await here.is_live()
        await here.until(lambda: here.app.health().sweep.sweep_age_s is not None, within_s=200)
        refused_ms = await block(here)
        minute_ms = refused_ms // 60_000 * 60_000 + 60_000
        here.market.add(*(Pump(PUMPED[n], minute_ms + n * 60_000 + 10_000, 4.5, over_s=4) for n in range(9)))

        await here.until(lambda: here.clock.now_ms() >= refused_ms + (BLOCK_S - 2) * 1000, within_s=BLOCK_S + 60)
        asked = [at_ms for at_ms, _ in requests(here) if at_ms > refused_ms + IN_FLIGHT_S * 1000]
        assert asked == []
        event_ms = {alert.symbol: alert.event_ms for alert in await here.alerts()}
        delays_s = [delay_s(here, symbol, event_ms[symbol]) for symbol in PUMPED]
        print(f"\nfrom the exchange's stamp to the chat, s: {', '.join(f'{delay:.2f}' for delay in sorted(delays_s))}")
        assert median(delays_s) < 1.0
        assert max(delays_s) < 1.0 + HICCUP_S
        assert here.count("refuses our requests") == 1

        await here.said("The exchange answers again", within_s=60)
        after = [path for at_ms, path in requests(here) if at_ms > refused_ms + IN_FLIGHT_S * 1000]
        assert after[0] == "/fapi/v1/ping"
        await here.until(lambda: here.app.health().sweep.coverage == 1.0, within_s=200)
        assert here.telegram.violations == []


async def block(here: Stage) -> int:
    """Refuses the next request; returns when that was, unix ms."""
    refusal = RestFault(status=418, retry_after=str(BLOCK_S), times=1)
    here.exchange.faults.rest["*"] = refusal
    await here.until(lambda: refusal.times == 0, within_s=30)
    return here.clock.now_ms()


def requests(here: Stage) -> list[tuple[int, str]]:
    """(arrived, unix ms; path) in the order of their arrival, which two of the same time still have. Not the website's:
    that is another host, which refused nothing."""
    return [(at_ms, path) for at_ms, path in here.exchange.stats.arrived if not path.startswith("/bapi/")]


def delay_s(here: Stage, symbol: str, event_ms: int) -> float:
    """From the exchange's stamp on the frame that showed the move to the message in the chat."""
    (message,) = [message for message in here.messages if f"PUMP {symbol}" in message.text]
    return (message.date_ms - event_ms) / 1000
