"""Monitor and trackers of one machine have one address, and the website counts by address."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from altmonitor.exchanges.binance.smart_money import REQUESTS_A_MINUTE
from altmonitor.sim.market import SeededMarket
from tests.e2e.process import SLOW_S
from tests.tracker.processes import town
from tests.tracker.workplace import OVERVIEW

WATCHLISTS = ("BTCUSDT,ETHUSDT,SOLUSDT", "XRPUSDT,BNBUSDT,DOGEUSDT", "ADAUSDT,LINKUSDT,AVAXUSDT,1000PEPEUSDT")
"""Each of them takes ten a minute or more when it is alone."""


@pytest.mark.timeout(180)
async def test_a_monitor_that_tracks_and_two_trackers_ask_the_website_no_more_than_one_may(tmp_path: Path) -> None:
    async with town(tmp_path, speed=6, kind=SeededMarket) as at, AsyncExitStack() as running:
        for number, symbols in enumerate(WATCHLISTS):
            await running.enter_async_context(
                at.program(
                    *(("run", "--dry-run") if number == 0 else ("track",)),
                    API_PORT="0",
                    SMART_MONEY_INTERVAL_MIN="1",
                    SMART_MONEY_WATCHLIST=symbols,
                    SMART_MONEY_DB_PATH=str(tmp_path / f"snapshots-{number}.db"),
                )
            )
        stats = at.exchange.stats

        def asked() -> set[int]:
            log = stats.rest.get(OVERVIEW)
            return {n for n, symbols in enumerate(WATCHLISTS) if log and set(symbols.split(",")) & set(log.symbols)}

        for _ in range(round(30 * SLOW_S)):
            if asked() == {0, 1, 2}:
                break
            await asyncio.sleep(0.1)
        assert asked() == {0, 1, 2}
        await at.clock.sleep(120)
        assert stats.most_requests_in(60_000, OVERVIEW) <= REQUESTS_A_MINUTE
        assert stats.requests(OVERVIEW) >= 12, "they were busy meanwhile"
        assert {status for log in stats.rest.values() for status in log.statuses} == {200}
