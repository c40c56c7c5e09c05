"""What a stream of liquidations told is kept every minute, with the time it was listened to."""

from __future__ import annotations

from collections.abc import Sequence

from altmonitor.collect.liquidations import LiquidationLog
from altmonitor.core.errors import StorageError
from altmonitor.market.liquidations import Liquidation, LiquidationMinute
from tests.movable_clock import T0, MovableClock, at_work


class Kept:
    def __init__(self) -> None:
        self.rows: list[tuple[float, int, int]] = []
        self.is_full = False

    async def put(self, minutes: Sequence[LiquidationMinute], from_ms: int, to_ms: int) -> None:
        if self.is_full:
            raise StorageError("disk full")
        self.rows.append((sum(one.usd for one in minutes), from_ms - T0, to_ms - T0))


def one(usd: float, *, at_ms: int) -> Liquidation:
    return Liquidation(symbol="SOLUSDT", is_long=True, price=100.0, usd=usd, event_ms=at_ms)


async def test_minutes_are_kept_only_while_a_stream_is_open_and_this_process_leads() -> None:
    clock, kept = MovableClock(), Kept()
    open_now, leads = False, True
    log = LiquidationLog(kept.put, clock=clock, is_listening=lambda: open_now, is_kept=lambda: leads)
    async with at_work(log.run(), on=clock):
        await clock.advance(61)
        assert kept.rows == []  # nobody has set a bound
        open_now = True
        await clock.advance(60)
        log.on_liquidations([one(500.0, at_ms=clock.now_ms())])
        await clock.advance(60)
        await clock.advance(60)
        assert kept.rows == [(500.0, 120_000, 180_000), (0.0, 180_000, 240_000)]
        leads = False
        log.on_liquidations([one(900.0, at_ms=clock.now_ms())])
        await clock.advance(60)
        leads, kept.is_full = True, True
        log.on_liquidations([one(700.0, at_ms=clock.now_ms())])
        await clock.advance(60)
        kept.is_full = False
        await clock.advance(60)
    assert [usd for usd, _, _ in kept.rows] == [500.0, 0.0, 0.0]
