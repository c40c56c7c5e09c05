"""Positions that were closed by force: what is known of one, and what they sum up to over a minute."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from altmonitor.market.candles import MINUTE_MS

WINDOW_MS = 60_000
MOST_KEPT = 10_000
"""Of one symbol; a storm has hundreds a minute."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Liquidation:
    """is_long: a long position ended. price: that the venue tells, of the fills at Binance, of bankruptcy elsewhere.
    usd: its coins at that price. event_ms: by the venue's clock."""

    symbol: str
    is_long: bool
    price: float
    usd: float
    event_ms: int


class LiquidationSums:
    """USD of the last minute by symbol, each side by itself. Event times are one venue's."""

    def __init__(self) -> None:
        self._kept: dict[str, deque[Liquidation]] = {}

    def add(self, liquidation: Liquidation) -> None:
        kept = self._kept.setdefault(liquidation.symbol, deque(maxlen=MOST_KEPT))
        kept.append(liquidation)

    def larger_side(self, symbol: str) -> tuple[float, int] | None:
        """(USD of the minute that ends with the newest one, when that was): below 0 where longs ended, which is forced
        selling. None: there was none."""
        kept = self._kept.get(symbol)
        if not kept:
            return None
        newest_ms = max(one.event_ms for one in kept)
        while kept and kept[0].event_ms <= newest_ms - WINDOW_MS:
            kept.popleft()
        longs = sum(one.usd for one in kept if one.is_long and one.event_ms > newest_ms - WINDOW_MS)
        shorts = sum(one.usd for one in kept if not one.is_long and one.event_ms > newest_ms - WINDOW_MS)
        return (-longs if longs >= shorts else shorts), newest_ms

    def forget(self, symbol: str) -> None:
        """The contract left the exchange."""
        self._kept.pop(symbol, None)


@dataclass(frozen=True, slots=True, kw_only=True)
class LiquidationMinute:
    """What one side of a contract sums up to in a minute. price: the mean, weighted by USD."""

    symbol: str
    is_long: bool
    minute_ms: int
    usd: float
    price: float
    count: int


class LiquidationMinutes:
    """What came since it was last taken, by contract, side and minute."""

    def __init__(self) -> None:
        self._sums: dict[tuple[str, bool, int], tuple[float, float, int]] = {}

    def add(self, liquidations: Iterable[Liquidation]) -> None:
        for one in liquidations:
            at = one.symbol, one.is_long, one.event_ms // MINUTE_MS * MINUTE_MS
            usd, weighed, count = self._sums.get(at, (0.0, 0.0, 0))
            self._sums[at] = usd + one.usd, weighed + one.usd * one.price, count + 1

    def take(self) -> list[LiquidationMinute]:
        sums, self._sums = self._sums, {}
        return [
            LiquidationMinute(
                symbol=symbol, is_long=is_long, minute_ms=minute_ms, usd=usd, price=weighed / usd, count=count
            )
            for (symbol, is_long, minute_ms), (usd, weighed, count) in sums.items()
        ]
