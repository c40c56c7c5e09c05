"""Ratios of longs to shorts: of all accounts, of the 20 % with the largest margin balance, and of taker trades."""

from __future__ import annotations

from dataclasses import dataclass

from altmonitor.positioning.units import Fraction


@dataclass(frozen=True, slots=True, kw_only=True)
class LongShort:
    """One bucket. Shares of accounts, or of position sizes: the exchange names both "account" (0.6215 = 62.15 %).

    time_ms: the bucket's stamp. long_short_ratio: long share / short share as the exchange rounds it.
    """

    time_ms: int
    long_share: Fraction
    short_share: Fraction
    long_short_ratio: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TakerFlow:
    """One bucket of trades by the side that took the price; volumes in base coins."""

    time_ms: int
    buy_coins: float
    sell_coins: float
    buy_sell_ratio: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TopTraders:
    """The newest bucket of each of the three. captured_ms: our time when the last of the answers came."""

    symbol: str
    period: str
    captured_ms: int
    accounts: LongShort
    positions: LongShort
    taker: TakerFlow

    @property
    def oldest_ms(self) -> int:
        """The stamp of the oldest of the three buckets: their ages differ across a bucket's end."""
        return min(self.accounts.time_ms, self.positions.time_ms, self.taker.time_ms)
