"""Each kind of alert arrives once, with the numbers the market really had."""

from __future__ import annotations

from pathlib import Path

import pytest

from altmonitor.sim.control import RestFault
from altmonitor.sim.script import Burst, Delisting, Dump, Listing, OiStep, Pump
from tests.e2e.stage import START_MS, SYMBOLS, stage

MINUTE_MS = 60_000
ONE, TWO, THREE, FOUR = SYMBOLS[:4]
WITHIN_MS = 4_000
"""Of the stage's time: less than a second of a machine that is shared."""


async def test_a_pump_is_told_once_within_seconds_and_completed_by_an_edit(tmp_path: Path) -> None:
    script = (Pump(ONE, START_MS + 75_000, 4.0, over_s=5), OiStep(ONE, START_MS + 74_000, 2.5))
    async with stage(tmp_path, *script, speed=5) as here:
        message = await here.said(f"PUMP {ONE}", within_s=300)
        (alert,) = [a for a in await here.alerts() if a.symbol == ONE]
        assert (alert.kind, alert.direction) == ("price", "PUMP")
        assert 3.0 <= (alert.change_pct or 0) <= 4.6
        candle = here.market.klines(ONE, alert.candle_ms or 0, alert.candle_ms or 0)[0]
        if alert.note == "1m":
            assert alert.change_pct == pytest.approx(((alert.price or 0) - candle.open) / candle.open * 100)
        assert message.date_ms - alert.event_ms < WITHIN_MS
        await here.until(lambda: "ong/short" in message.text and "OI +" in message.text, within_s=20)
        assert "n/a" not in "".join([message.text, *(edit.before_text for edit in message.edits)])
        assert here.app.chat is not None
        on_the_clock_ms = here.app.chat.dispatcher.latency_ms()[0] or 0
        assert here.app.health().latency.deliver_p50 == pytest.approx(on_the_clock_ms / 5), "seconds of the machine"
        (stored,) = [a for a in await here.alerts() if a.symbol == ONE]
        assert stored.lsr is not None
        assert stored.oi_change is not None
        assert stored.details.oi_span_s is not None
        assert f"OI {stored.oi_change:+.2f} % in {stored.details.oi_span_s:.0f} s" in message.text
        await here.clock.sleep(20)
        assert here.count(f"PUMP {ONE}") == 1
        assert here.telegram.violations == []


async def test_a_move_is_over_after_as_many_quiet_minutes_as_are_set(tmp_path: Path) -> None:
    pump = Pump(ONE, START_MS + 75_000, 4.0, over_s=5)
    async with stage(tmp_path, pump, speed=20, EPISODE_QUIET_MIN="1") as here:
        message = await here.said(f"PUMP {ONE}", within_s=300)
        await here.until(lambda: "🏁 over after" in message.text, within_s=240)
        (alert,) = [one for one in await here.alerts() if one.symbol == ONE]
        assert alert.details.ended is not None
        assert alert.details.ended.at_ms - alert.event_ms >= MINUTE_MS


async def test_the_first_message_never_waits_for_what_must_be_fetched(tmp_path: Path) -> None:
    async with stage(tmp_path, Dump(TWO, START_MS + 75_000, 4.0, over_s=5), speed=5) as here:
        await here.is_live()
        here.exchange.faults.rest["*"] = RestFault(delay_s=60)
        message = await here.said(f"DUMP {TWO}", within_s=300)
        (alert,) = [a for a in await here.alerts() if a.symbol == TWO]
        assert message.date_ms - alert.event_ms < WITHIN_MS
        assert "OI" not in message.text
        assert "n/a" not in message.text
        await here.until(lambda: len(message.edits) > 0, within_s=20)
        assert "No OI, no long/short: the exchange did not answer in time" in message.text.split("\n")


async def test_a_burst_is_told_with_its_multiple_of_the_median(tmp_path: Path) -> None:
    async with stage(tmp_path, Burst(THREE, START_MS + 190_000, 9.0), VOL_BURST_MIN_USDT="0") as here:
        message = await here.said(f"VOLUME {THREE}", within_s=400)
        assert f"VOLUME {THREE}" in message.text
        assert "× so far, " in message.text.split("\n")[0]
        assert message.date_ms < START_MS + 240_000
        await here.until(lambda: "so far" not in message.text, within_s=120)
        (alert,) = [a for a in await here.alerts() if a.kind == "vol"]
        assert f"VOLUME {THREE} {alert.metric:.1f}×" in message.text
        assert (alert.candle_ms, alert.is_running) == (START_MS + 180_000, False)
        assert alert.details.running_s is not None
        assert alert.details.running_s < 60
        before = here.market.klines(THREE, START_MS + 180_000 - 20 * MINUTE_MS, START_MS + 179_000)
        volumes = sorted(candle.quote_usdt for candle in before)
        (burst,) = here.market.klines(THREE, START_MS + 180_000, START_MS + 180_000)
        assert (len(volumes), alert.details.baseline_count) == (20, 20)
        assert alert.metric == pytest.approx(burst.quote_usdt / ((volumes[9] + volumes[10]) / 2), rel=1e-6)
        assert alert.metric == pytest.approx(9.0, rel=0.05)


async def test_an_open_interest_step_is_told_once_with_its_window(tmp_path: Path) -> None:
    async with stage(tmp_path, OiStep(FOUR, START_MS + 130_000, 9.0), OI_MIN_USD="0") as here:
        await here.said(f"OI SURGE {FOUR}", within_s=400)
        await here.clock.sleep(400)
        (alert,) = [a for a in await here.alerts() if a.kind == "oi"]
        assert (alert.symbol, alert.direction) == (FOUR, "UP")
        assert alert.oi_change == pytest.approx(9.0, abs=1.0)
        assert here.count(f"OI SURGE {FOUR}") == 1
        assert here.exchange.stats.most_requests_in(1_000, "/fapi/v1/openInterest") <= 20


async def test_a_new_listing_alerts_without_a_reconnect_and_a_delisting_leaves(tmp_path: Path) -> None:
    script = (
        Listing("FRESHUSDT", START_MS + 100_000),
        Pump("FRESHUSDT", START_MS + 150_000, 6.0, over_s=10),
        Delisting(ONE, START_MS + 120_000),
    )
    async with stage(tmp_path, *script) as here:
        await here.is_live()
        await here.said("PUMP FRESHUSDT", within_s=300)
        assert here.exchange.stats.ws_ever == 1
        assert here.app.market.engine.book(ONE) is None
        assert here.app.market.feed.status().symbols_expected == len(SYMBOLS)


async def test_bursts_are_known_from_the_first_closed_candle_after_a_start(tmp_path: Path) -> None:
    burst = Burst(ONE, START_MS + 630_000, 8.0)
    async with stage(tmp_path, burst, start_s=600, VOL_BURST_MIN_USDT="0") as here:
        await here.said(f"VOLUME {ONE}", within_s=120)
        (alert,) = [a for a in await here.alerts() if a.kind == "vol"]
        assert alert.candle_ms == START_MS + 600_000
