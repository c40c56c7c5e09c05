"""Who took the price: bought by takers minus sold by takers. It is no deposit and no withdrawal, and says so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from altmonitor.market.candles import MINUTE_MS

WINDOWS_H: Final = (1, 4, 12, 24)
ROTATION_SHARE: Final = 0.03
"""Of a coin's volume in the window, on each side."""


class TakerMinute(Protocol):
    @property
    def open_ms(self) -> int: ...
    @property
    def quote_usdt(self) -> float: ...
    @property
    def taker_quote_usdt(self) -> float: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Imbalance:
    """usd: 2 × bought by takers − volume. volume_usd: all of it. minutes: that were summed."""

    hours: int
    usd: float
    volume_usd: float
    minutes: int

    @property
    def share(self) -> float:
        """Of the volume, −1…1; 0 without volume."""
        return self.usd / self.volume_usd if self.volume_usd > 0 else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotation:
    from_symbol: str
    to_symbol: str
    hours: int


def imbalance(minutes: Sequence[TakerMinute], *, hours: int, now_ms: int, each_min: int = 1) -> Imbalance:
    """Of the minutes (or spans of `each_min` minutes) that opened within the last hours."""
    since_ms = now_ms - hours * 60 * MINUTE_MS
    counted = [one for one in minutes if since_ms <= one.open_ms <= now_ms]
    return Imbalance(
        hours=hours,
        usd=sum(2.0 * one.taker_quote_usdt - one.quote_usdt for one in counted),
        volume_usd=sum(one.quote_usdt for one in counted),
        minutes=len(counted) * each_min,
    )


def rotations(found: Mapping[str, Sequence[Imbalance]]) -> list[Rotation]:
    """Out of the coin sold most of a window and into the one bought most, by share of its own volume, when both are
    beyond `ROTATION_SHARE`."""
    result = []
    for hours in WINDOWS_H:
        shares = {symbol: one.share for symbol, rows in found.items() for one in rows if one.hours == hours}
        if len(shares) < 2:
            continue
        out, into = min(shares, key=lambda s: shares[s]), max(shares, key=lambda s: shares[s])
        if shares[out] <= -ROTATION_SHARE and shares[into] >= ROTATION_SHARE:
            result.append(Rotation(from_symbol=out, to_symbol=into, hours=hours))
    return result
