"""The start message of the whole program."""

from __future__ import annotations

from pathlib import Path

from altmonitor.sim.control import RestFault
from tests.e2e.stage import SYMBOLS, stage


async def test_the_start_message_tells_what_was_loaded_and_how_many_alerts_a_day_to_expect(tmp_path: Path) -> None:
    async with stage(tmp_path) as here:
        message = await here.said("watches", within_s=60)
        assert "judging by the last 99 min" in message.text
        assert f"candles {99 * len(SYMBOLS):,}" in message.text
        asked = here.exchange.stats.requests("/fapi/v1/klines")
        assert asked == len(SYMBOLS), "one each; a day of history is read when somebody wants a budget"
        assert here.count("watches") == 1


async def test_an_exchange_without_history_delays_the_start_message_by_a_minute_and_the_alerts_not_at_all(
    tmp_path: Path,
) -> None:
    async with stage(tmp_path) as here:
        here.exchange.faults.rest["/fapi/v1/klines"] = RestFault(status=500)
        await here.until(lambda: not here.app.market.feed.status().is_blind, within_s=60)
        assert here.count("watches") == 0
        message = await here.said("watches", within_s=90)
        assert "a day" not in message.text
        assert "Nothing to restore" in message.text
        assert message.date_ms - here.at(0) < 75_000
