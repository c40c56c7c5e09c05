"""The machine sleeps through a move, and its clock is set, while the exchange goes on."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from altmonitor.sim.script import Pump
from tests.e2e.stage import START_MS, SYMBOLS, Stage, stage

ASLEEP_S = 300
FELL_ASLEEP_S = 200


async def fall_asleep(here: Stage, seconds: float) -> None:
    """The wall clock and the exchange go on, the monotonic clock stands still and no frame comes."""
    here.exchange.faults.mute = True
    here.clock.start_ms += round(seconds * 1000)
    await asyncio.sleep(0.3)  # of the machine's time: the exchange is done with those minutes
    here.exchange.faults.mute = False


def set_clock(here: Stage, seconds: float) -> None:
    """Ours alone."""
    here.exchange.faults.clock_skew_ms -= round(seconds * 1000)
    here.clock.start_ms += round(seconds * 1000)


@pytest.mark.parametrize("are_sockets_dead", [False, True], ids=["sockets survive", "sockets are dead"])
async def test_a_move_inside_a_sleep_is_told_late_and_the_span_begins_where_it_began(
    tmp_path: Path, *, are_sockets_dead: bool
) -> None:
    moved_ms = START_MS + (FELL_ASLEEP_S + 105) * 1000
    async with stage(tmp_path, Pump(SYMBOLS[0], moved_ms, 8.0, over_s=5)) as here:
        await here.is_live()
        await here.until(lambda: here.since_start_s() >= FELL_ASLEEP_S, within_s=FELL_ASLEEP_S + 30)
        said = len(here.messages)
        if are_sockets_dead:
            here.exchange.faults.drop_all()
        await fall_asleep(here, ASLEEP_S)
        await here.until(lambda: any(SYMBOLS[0] in message.text for message in here.messages[said:]), within_s=120)
        (alert,) = [alert for alert in await here.alerts() if alert.symbol == SYMBOLS[0] and alert.change_pct > 0]
        assert alert.late
        assert moved_ms // 60_000 * 60_000 == alert.candle_ms
        back = await here.said("Data is back", within_s=30)
        assert "after 5 min" in back.text, back.text
        engine = here.app.market.engine
        await here.until(lambda: engine.unseen_since_ms is None, within_s=90)  # the minute it woke in ends first
        assert here.app.health().status == "ok"


@pytest.mark.parametrize("hours", [1, -1])
async def test_a_clock_that_is_set_by_an_hour_hides_no_move_and_no_minute(tmp_path: Path, hours: int) -> None:
    moved_ms = START_MS + 320_000
    async with stage(tmp_path, Pump(SYMBOLS[0], moved_ms, 8.0, over_s=5)) as here:
        await here.is_live()
        await here.until(lambda: here.since_start_s() >= 200, within_s=230)
        set_clock(here, hours * 3_600)
        await here.said(SYMBOLS[0], within_s=200)
        told = [alert for alert in await here.alerts() if alert.symbol == SYMBOLS[0]]  # perhaps doubled by now
        (alert,) = [alert for alert in told if alert.details.told_before_pct is None]
        assert not any(each.late for each in told)
        assert all(each.details.told_before_pct == alert.change_pct for each in told if each is not alert)
        assert here.count("BLIND") == here.count("Data is back") == 0
        await here.said("clock", within_s=60)


async def test_a_clock_150_s_ahead_is_said_and_slows_nothing(tmp_path: Path) -> None:
    async with stage(tmp_path, Pump(SYMBOLS[0], START_MS - 150_000 + 250_000, 8.0, over_s=5)) as here:
        here.exchange.faults.clock_skew_ms = -150_000
        await here.is_live()
        assert here.since_start_s() < 60
        await here.said(SYMBOLS[0], within_s=300)
        assert here.app.market.engine.detect_latency_ms()[0] == pytest.approx(0, abs=5_000)
