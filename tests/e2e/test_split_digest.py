"""kill −9 while a storm of bursts is told in messages of many alerts, and while their candles close."""

from __future__ import annotations

from pathlib import Path

import pytest

from altmonitor.core.clock import SystemClock
from altmonitor.sim.market import SeededMarket
from altmonitor.sim.script import Burst
from tests.e2e.process import World, watched, world

MINUTE_MS = 60_000
NBSP = "\u00a0"
STARTS_WITHIN_MS = 25_000
"""So long before the minute of the storm the program is started."""

pytestmark = pytest.mark.timeout(300)


async def test_digests_in_several_messages_are_completed_after_kills_at_each_of_their_steps(tmp_path: Path) -> None:
    clock = SystemClock()
    market = SeededMarket(seed=11, start_ms=clock.now_ms(), symbols=420, frames_per_s=600)
    storm_ms = (clock.now_ms() + STARTS_WITHIN_MS) // MINUTE_MS * MINUTE_MS + MINUTE_MS
    market.add(*(Burst(symbol, storm_ms + 5_000, 30.0) for symbol in watched(market)))
    settings = {
        "PUMP_THRESHOLD": "100",
        "DUMP_THRESHOLD": "-100",
        "OI_SURGE_PCT_1M": "0",
        "OI_SURGE_PCT_5M": "0",
        "VOL_BURST_MIN_USDT": "0",
        "CHART": "false",
    }
    async with world(tmp_path, market=market, **settings) as here:
        async with here.program() as program:
            await here.is_watching(program)
            here.telegram.faults.delay_s = 4.0  # meanwhile more comes than one message can name
            await here.until(lambda: _torn(here) is not None, within_s=120)
            await program.kill()
        first_part = _torn(here)
        here.telegram.faults.delay_s = 0.0
        async with here.program() as program:
            await here.until(lambda: _told(here) == len(here.symbols), within_s=40)
            await program.kill()
        assert clock.now_ms() < storm_ms + MINUTE_MS, "too slow a machine: the candles are closed already"
        async with here.program() as program:
            await here.until(lambda: len(_completed(here)) > 0, within_s=60)
            await program.kill()
        edits = _edits(here)
        async with here.program() as program:
            await here.until(lambda: _edits(here) > edits or _is_complete(here), within_s=60)
            await program.kill()
        async with here.program() as program:
            await here.is_watching(program)
            await here.until(lambda: _is_complete(here), within_s=60)
        (completed,) = [message for message in here.said if message.message_id == first_part]
        assert completed.text.split("\n")[0] == completed.edits[0].before_text.split("\n")[0]
        assert "≥" not in completed.text
        assert here.telegram.violations == []


def _torn(here: World) -> int | None:
    """The first message of a digest that needs two, once the program knows that the chat has it."""
    begun = [message.message_id for message in here.said if "(1/2)" in message.text]
    known = {message_id for (message_id,) in here.rows("SELECT DISTINCT message_id FROM deliveries")}
    return next((message_id for message_id in begun if message_id in known), None)


def _told(here: World) -> int:
    return len(here.rows("SELECT 1 FROM deliveries WHERE state = 'sent'"))


def _completed(here: World) -> dict[str, tuple[float, int]]:
    """symbol → final multiple, and the message that told it."""
    found = here.rows(
        "SELECT symbol, metric, message_id FROM alerts JOIN deliveries ON alert_id = id "
        "WHERE kind = 'vol' AND state = 'sent' AND details LIKE '%is_completed%'"
    )
    return {symbol: (metric, message_id) for symbol, metric, message_id in found}


def _behind(here: World) -> list[str]:
    """Symbols whose message does not say what their candle had in the end."""
    texts = {message.message_id: message.text.replace(NBSP, " ") for message in here.said}
    return [
        symbol
        for symbol, (metric, message_id) in _completed(here).items()
        if f"{symbol} {metric:.1f}×" not in texts.get(message_id, "")
    ]


def _is_complete(here: World) -> bool:
    return len(_completed(here)) == len(here.symbols) and _behind(here) == []


def _edits(here: World) -> int:
    return sum(len(message.edits) for message in here.said)
