"""Positions that were closed by force: what is known of one, and what they sum up to over a minute."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

WINDOW_MS = 60_000
MOST_KEPT = 10_000
"""Of one symbol; a storm has hundreds a minute."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Liquidation:
    """is_long: a long position ended. usd: its coins at the price that the venue tells. event_ms: by its clock."""

    symbol: str
    is_long: bool
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
