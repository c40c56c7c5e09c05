"""Background figures: handed out while fresh, none when old."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from altmonitor.collect.tickers import MarketSnapshots
from altmonitor.core.errors import ExchangeUnreachable
from altmonitor.market.quotes import DayTicker, Funding
from tests.collect.fake_rest import FakeRest
from tests.movable_clock import MovableClock

TICKER = DayTicker(symbol="SOLUSDT", last_price=1.0, change_pct=2.0, quote_usdt=3.0)
FUNDING = Funding(symbol="SOLUSDT", rate=0.0001, mark_price=1.0, next_ms=5)


async def test_figures_are_read_every_minute_and_forgotten_after_five() -> None:
    clock = MovableClock()
    rest = FakeRest(clock)
    rest.tickers, rest.rates = [TICKER], [FUNDING]
    snapshots = MarketSnapshots(rest, clock=clock, usual_funding_hours=8.0)
    assert snapshots.day("SOLUSDT") is None
    assert snapshots.ages().day_s is None
    running = asyncio.create_task(snapshots.run())
    await clock.advance(1.0)
    assert snapshots.day("SOLUSDT") == TICKER
    assert snapshots.funding("SOLUSDT") == FUNDING
    assert snapshots.day("NOUSDT") is None
    assert snapshots.funding_hours("FOURUSDT") == 4.0
    assert snapshots.funding_hours("SOLUSDT") == 8.0
    await clock.advance(600.0)
    assert len(rest.of("day_tickers")) == 11
    assert len(rest.of("fundings")) == 11
    assert len(rest.of("funding_hours")) == 1
    rest.failing = lambda what, symbol: ExchangeUnreachable("no") if what == "day_tickers" else None
    await clock.advance(250.0)
    assert snapshots.day("SOLUSDT") == TICKER
    await clock.advance(120.0)
    assert snapshots.day("SOLUSDT") is None
    assert snapshots.funding("SOLUSDT") == FUNDING
    age_s = snapshots.ages().day_s
    assert age_s is not None
    assert age_s > 300.0
    rest.failing = lambda what, symbol: None
    await clock.advance(61.0)
    assert snapshots.day("SOLUSDT") == TICKER
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
