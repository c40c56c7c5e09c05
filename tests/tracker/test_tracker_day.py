"""Hours of tracking 200 symbols over real sockets, a day in `make chaos`: the exchange counts that budgets are kept."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from altmonitor.sim.control import busiest
from altmonitor.tracker.plan import Part
from altmonitor.tracker.series import Series
from altmonitor.tracker.tracker import Tracked
from tests.tracker.workplace import OVERVIEW, T0, StillMarket, destination

HOURS = int(os.environ.get("ALTMONITOR_TRACKER_HOURS", "10"))
SPEED = 900.0
SYMBOLS = 200
MINUTE_MS = 60_000


@pytest.mark.timeout(120 + 8 * HOURS)
async def test_hours_of_200_symbols_stay_inside_every_budget_and_counts_each_answer_once(tmp_path: Path) -> None:
    tracked = Tracked(parts={series: Part(pool_max=SYMBOLS) for series in Series}, interval_s=4 * 3_600.0)
    async with destination(tmp_path, tracked, speed=SPEED, symbols=300, kind=StillMarket) as at:
        running = asyncio.create_task(at.tracker.run())
        while at.clock.now_ms() < T0 + HOURS * 60 * MINUTE_MS:
            assert not running.done()
            await at.clock.sleep(600.0)
        running.cancel()
        await asyncio.wait([running])
        answers = {series: await at.store.answers(series) for series in Series}
        stats = at.exchange.stats
        statuses = {status for log in stats.rest.values() for status in log.statuses}
        assert statuses == {200}, "an exchange that refuses nobody was asked within its limits"
        # At this speed a minute is 67 ms: how requests of one minute arrive is the machine's affair.
        assert stats.most_requests_in(10 * MINUTE_MS, OVERVIEW) <= 80
        statistics = [
            ms for path, log in stats.rest.items() if path.startswith("/futures/data/") for ms in log.times_ms
        ]
        assert busiest(statistics, 5 * MINUTE_MS) <= 900
        assert stats.most_requests_in(MINUTE_MS, "/fapi/v1/premiumIndex") <= 2
        assert stats.requests("/fapi/v1/exchangeInfo") <= 3 * (HOURS // 6 + 1)
        assert at.news == []
        for series in Series:
            assert len(answers[series]) == SYMBOLS
        empty = sum(1 for answer in answers[Series.SMART_MONEY].values() if answer.outcome == "no data")
        asked = stats.requests(OVERVIEW)
        with closing(sqlite3.connect(at.config.smart_money_db_path)) as db:
            (captures,) = db.execute("SELECT COUNT(*) FROM ob_smart_money_snapshots").fetchone()
            (symbols,) = db.execute("SELECT COUNT(DISTINCT symbol) FROM ob_smart_money_snapshots").fetchone()
            (priced,) = db.execute("SELECT COUNT(price) FROM ob_smart_money_snapshots").fetchone()
        assert symbols == SYMBOLS - empty
        assert captures >= 2 * symbols
        assert priced == captures
        # each empty symbol is asked twice, each other once, and each answer is one row; one was under way at the end
        sweeps = captures / symbols
        assert asked == pytest.approx(captures + 2 * empty * sweeps, abs=2 * empty + 2)
