"""What surrounds the engine in a replay: a clock that follows the events, a past market, and whoever is told."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

import msgspec
import numpy as np
from msgspec.structs import replace as replace_fields

from altmonitor.core.alert import Alert
from altmonitor.core.clock import SystemClock
from altmonitor.core.types import Destination
from altmonitor.market.candles import MINUTE_MS
from altmonitor.market.quotes import DayTicker, Funding
from altmonitor.replay.columns import CandleColumns

DAY_MS: Final = 86_400_000
USUAL_FUNDING_HOURS: Final = 8.0


class ReplayedAlert(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """to: the audiences that would have been told."""

    alert: Alert
    to: tuple[Destination, ...]


class EventClock(SystemClock):
    """`ms`: the event that is being played; nothing waits in a replay."""

    def __init__(self, ms: int) -> None:
        self.ms = ms

    def now_ms(self) -> int:
        return self.ms

    def monotonic(self) -> float:
        return self.ms / 1000

    async def sleep(self, seconds: float) -> None:
        raise RuntimeError("a replay does not wait")

    def timeout(self, seconds: float | None) -> asyncio.Timeout:
        raise RuntimeError("a replay does not wait")


class AlertsOfRange:
    """An `AlertSink` that keeps the alerts of the range."""

    def __init__(self, from_ms: int, to_ms: int) -> None:
        self._from_ms, self._to_ms = from_ms, to_ms
        self.kept: list[ReplayedAlert] = []

    def put(self, alert: Alert, *, to: Sequence[Destination]) -> None:
        if self._from_ms <= alert.event_ms < self._to_ms:
            self.kept.append(ReplayedAlert(alert=alert, to=tuple(to)))

    def complete(self, final: Alert) -> None:
        """A burst that was told while its candle ran: its direction and multiple are known at the close."""
        for at in range(len(self.kept) - 1, -1, -1):
            known = self.kept[at]
            if known.alert.key == final.key:
                details = replace_fields(known.alert.details, quote_usdt=final.details.quote_usdt)
                self.kept[at] = ReplayedAlert(alert=replace_fields(final, details=details), to=known.to)
                return
            if known.alert.event_ms < final.event_ms - MINUTE_MS:
                return


class PastContext:
    """A `MarketContext` of the past: volume of 24 hours from the candles, where anybody has a floor for it."""

    def __init__(self, candles: CandleColumns | None, clock: EventClock) -> None:
        self._candles = candles
        self._clock = clock
        self._sums = np.concatenate([[0.0], np.cumsum(candles.quote_usdt)]) if candles is not None else np.zeros(1)

    def day(self, symbol: str) -> DayTicker | None:
        candles, now_ms = self._candles, self._clock.ms
        if candles is None or not len(candles) or candles.open_ms[0] > now_ms - DAY_MS:
            return None
        first, after = np.searchsorted(candles.open_ms, [now_ms - DAY_MS, now_ms - MINUTE_MS + 1]).tolist()
        if first >= after:
            return None
        last = float(candles.close[after - 1])
        return DayTicker(
            symbol=symbol,
            last_price=last,
            change_pct=(last / float(candles.open[first]) - 1) * 100,
            quote_usdt=float(self._sums[after] - self._sums[first]),
        )

    def funding(self, symbol: str) -> Funding | None:
        return None

    def funding_hours(self, symbol: str) -> float:
        return USUAL_FUNDING_HOURS
