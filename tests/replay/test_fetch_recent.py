from __future__ import annotations

from collections.abc import Sequence

from altmonitor.interfaces.exchange import Priority
from altmonitor.market.candles import Candle
from altmonitor.market.quotes import SettledFunding
from altmonitor.replay.fetch_recent import HOUR_MS, RecentRest
from tests.fakes import T0

MONTH_MS = T0 // (8 * HOUR_MS) * 8 * HOUR_MS


class Every:
    """Settles every so many hours, a second late."""

    def __init__(self, hours: int) -> None:
        self.hours = hours

    async def settled_fundings(self, symbol: str, *, start_ms: int, end_ms: int) -> Sequence[SettledFunding]:
        assert start_ms < end_ms
        step_ms = self.hours * HOUR_MS
        first_ms = -(-start_ms // step_ms) * step_ms
        return [SettledFunding(time_ms=at_ms + 1_000, rate=0.0001) for at_ms in range(first_ms, end_ms + 1, step_ms)]

    async def klines(self, symbol: str, *, start_ms: int, end_ms: int, limit: int, priority: Priority) -> list[Candle]:
        return []


async def test_the_first_settlement_of_a_month_is_for_the_hours_since_the_one_before_the_month() -> None:
    for hours in (1, 4, 8):
        rest = Every(hours)
        recent = RecentRest(candles=rest, funding=rest)
        for until_ms in (MONTH_MS, MONTH_MS + HOUR_MS // 2, MONTH_MS + 9 * HOUR_MS):
            found = await recent.columns("SOLUSDT", "funding", MONTH_MS, until_ms)
            assert found.stamps.tolist() == list(range(MONTH_MS, until_ms + 1, hours * HOUR_MS))
            assert set(found.interval_h.tolist()) == {float(hours)}  # type: ignore[union-attr]
