"""Outcomes in the running monitor: the recorder asks the venue's own book and exchange, the board answers."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from altmonitor.app.market import MarketSide
from altmonitor.app.outcomes import OutcomeSide
from altmonitor.core.clock import SystemClock
from altmonitor.market.candles import MINUTE_MS, Candle, ClosedCandle
from altmonitor.settings.audience import Audience
from altmonitor.settings.settings import Settings
from altmonitor.storage.store import SqliteStore, StoreOptions
from tests.movable_clock import MovableClock
from tests.storage.samples import PRIVATE, pump


def book_of(symbol: str, end_ms: int) -> Sequence[ClosedCandle]:
    """99 minutes that stand still; of BTC alone."""
    if symbol != "BTCUSDT":
        return ()
    opens = range(end_ms - end_ms % MINUTE_MS - 99 * MINUTE_MS, end_ms - end_ms % MINUTE_MS, MINUTE_MS)
    return [ClosedCandle.of(Candle(open_ms=at, open=1.0, high=1.1, low=0.9, close=1.0, quote_usdt=1.0)) for at in opens]


async def test_an_alert_is_measured_from_the_book_and_shown(tmp_path: Path) -> None:
    clock, told = MovableClock(), set[str]()
    engine = SimpleNamespace(book=lambda symbol: SimpleNamespace(closed=book_of(symbol, clock.now_ms())))
    market = cast(MarketSide, SimpleNamespace(name="binance", rest=cast(Any, None), engine=engine))
    options = StoreOptions(destinations=(PRIVATE,), disk_clock=SystemClock())
    async with SqliteStore(tmp_path / "alerts.db", clock=clock, options=options) as store:
        side = OutcomeSide(
            store=store,
            clock=clock,
            markets=[market],
            audiences=(Audience(destination=PRIVATE, settings=Settings()),),
            fee_pct=0.05,
            on_measured=told.update,
        )
        assert (await side.board.current()).alerts == 0
        began_ms = clock.now_ms()
        store.put(pump("BTCUSDT", at_ms=began_ms), to=[PRIVATE])
        running = [asyncio.create_task(loop()) for loop in side.loops().values()]
        async with asyncio.timeout(60):
            while not side.board.summary or not side.board.summary.alerts:
                if clock.now_ms() - began_ms < 40 * MINUTE_MS:  # the hour has not passed, however slow the board is
                    await clock.advance(60)
                await asyncio.sleep(0.01)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        row = next(row for row in side.board.summary.whole if row.horizon_min == 15)
        assert (row.alerts, row.mean_pct, side.board.summary.pending) == (1, 0.0, 1)
        (stored,) = await store.recent(limit=9)
        assert told == {stored.alert.key}
        returns = (await store.outcomes.of_alerts([stored.alert.key, "unknown"]))[stored.alert.key]
        assert [(one.horizon_min, one.return_pct) for one in returns] == [(5, 0.0), (15, 0.0)]
