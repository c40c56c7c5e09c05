"""A budget in the environment: thresholds follow from the day before, and a command still has the last word."""

from __future__ import annotations

from pathlib import Path

from altmonitor.market.candles import MINUTE_MS
from altmonitor.sim.script import Pump
from tests.e2e.lately import LATELY
from tests.e2e.stage import READER, Stage, stage


def thresholds(here: Stage) -> tuple[float, float, float]:
    settings = here.app.market.engine.settings
    return settings.pump_threshold, settings.dump_threshold, settings.vol_burst_mult


async def test_thresholds_are_raised_once_a_day_was_read_and_over_a_restart_at_once(tmp_path: Path) -> None:
    async with stage(tmp_path, *LATELY, speed=30, ALERT_BUDGET_PER_DAY="20") as here:
        assert thresholds(here) == (3.0, -3.0, 5.0)
        await here.until(lambda: thresholds(here) == (6.0, -6.0, 60.0), within_s=900)
        begin_ms = (here.clock.now_ms() // MINUTE_MS + 1) * MINUTE_MS + 10_000
        here.market.add(Pump("LINKUSDT", begin_ms, 4.5, over_s=5), Pump("AVAXUSDT", begin_ms + 5_000, 9.0, over_s=5))
        await here.said("PUMP AVAXUSDT", within_s=300)
        assert here.count("LINKUSDT") == 0
        here.telegram.inject_message(READER, "/set_pump 4", user_id=READER)
        await here.said("PUMP from 6 % → 4 %", within_s=60)
        here.telegram.inject_message(READER, "/status", user_id=READER)
        status = await here.said("budget: was about 20 a day", within_s=60)
        assert "PUMP from 4 % · changed by command\nDUMP from −6 %\n" in status.text
        last_s = here.since_start_s()
    async with stage(tmp_path, *LATELY, speed=30, start_s=last_s, ALERT_BUDGET_PER_DAY="20") as here:
        await here.until(lambda: thresholds(here) == (4.0, -6.0, 60.0), within_s=120)


async def test_a_quiet_day_lowers_nothing(tmp_path: Path) -> None:
    async with stage(tmp_path, speed=30, VOL_BURST_MULT="20", ALERT_BUDGET_PER_DAY="20") as here:
        await here.is_live()
        await here.until(lambda: here.since_start_s() > 200, within_s=250)
        here.telegram.inject_message(READER, "/budget 20", user_id=READER)
        proposal = await here.said("About 20 alerts a day", within_s=60)
        assert "volume from 20× → 3×" in proposal.text
        assert thresholds(here) == (3.0, -3.0, 20.0)
