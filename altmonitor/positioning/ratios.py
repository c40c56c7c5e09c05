"""Ratios of longs to shorts: of all accounts, of the 20 % with the largest margin balance, and of taker trades."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from altmonitor.core.types import Fraction
from altmonitor.positioning.units import known, positive

__all__ = [
    "FEWEST_SAMPLES",
    "Composite",
    "Crowd",
    "LongShort",
    "OpenPosition",
    "TakerFlow",
    "TopTraders",
    "composite",
    "crowd",
    "entry_notional_usd",
    "kelly_share",
    "ratio_delta",
    "relative_change",
]


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


# ---
# Many traders' open positions taken together: by heads, and weighed by size at the entry price.


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenPosition:
    """qty: contracts, below 0 for a short. contract_value: base coins per contract, 1 where contracts are coins."""

    trader: str
    qty: float
    entry_price: float
    contract_value: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Crowd:
    """long_share: of the traders with a position, those with a long one (who holds both counts on both sides, and once
    among the traders). weighted_long_share: of all notional, the long part. None without positions."""

    traders: int
    long_traders: int
    short_traders: int
    long_usd: float
    short_usd: float
    long_share: Fraction | None
    weighted_long_share: Fraction | None


def entry_notional_usd(position: OpenPosition) -> float:
    """|qty| × contract value × entry price: moves when positions change, not with the price."""
    return abs(position.qty) * position.contract_value * position.entry_price


def crowd(positions: Sequence[OpenPosition]) -> Crowd:
    """positions: of any traders in one contract; a size of 0 counts for nobody."""
    longs = [position for position in positions if position.qty > 0]
    shorts = [position for position in positions if position.qty < 0]
    long_traders, short_traders = {p.trader for p in longs}, {p.trader for p in shorts}
    traders = long_traders | short_traders
    long_usd, short_usd = (sum(entry_notional_usd(p) for p in side) for side in (longs, shorts))
    total_usd = positive(long_usd + short_usd)
    return Crowd(
        traders=len(traders),
        long_traders=len(long_traders),
        short_traders=len(short_traders),
        long_usd=long_usd,
        short_usd=short_usd,
        long_share=Fraction(len(long_traders) / len(traders)) if traders else None,
        weighted_long_share=None if total_usd is None else Fraction(long_usd / total_usd),
    )


def ratio_delta(now: float | None, then: float | None) -> float | None:
    """now − then; None until there is a then."""
    new, old = known(now), known(then)
    return None if new is None or old is None else new - old


def relative_change(now: float | None, then: float | None) -> Fraction | None:
    """(now − then) / then; None from 0."""
    new, old = known(now), positive(then)
    return None if new is None or old is None else Fraction((new - old) / old)


# ---
# Several scores as one: their plain mean, of those that are known.


@dataclass(frozen=True, slots=True, kw_only=True)
class Composite:
    """score: −1…1, None when no part is known. weights: what each known part counted, adding up to 1."""

    score: float | None
    weights: Mapping[str, float]


def composite(parts: Mapping[str, float | None]) -> Composite:
    """parts: scores −1…1 by name. What is unknown is left out and the others count for more, never taken as 0.

    0.81, 0.68 and 0.73 → 0.74. Raises: ValueError for a score outside −1…1.
    """
    scores = {name: value for name, given in parts.items() if (value := known(given)) is not None}
    for name, value in scores.items():
        if not -1.0 <= value <= 1.0:
            raise ValueError(f"{name} score {value} is not within -1…1")
    if not scores:
        return Composite(score=None, weights={})
    weight = 1.0 / len(scores)
    return Composite(score=sum(scores.values()) * weight, weights=dict.fromkeys(scores, weight))


# ---
# The share of an account that maximises its long-run growth, for known odds: a calculation, not a recommendation.


FEWEST_SAMPLES: Final = 30
"""Below this a win rate is mostly chance: its standard error is 9 points and more."""


def kelly_share(*, win_rate: Fraction, reward_risk: float, samples: int) -> Fraction | None:
    """p − (1 − p) / b, at least 0. None with too few samples. Raises: ValueError for impossible odds.

    win_rate: 0…1. reward_risk: average win / average loss, > 0. 0.68 and 2.1 → 0.5276 (2p − 1 would be 0.36, which is
    right only when wins are as large as losses). Source: https://en.wikipedia.org/wiki/Kelly_criterion
    """
    if not 0.0 <= win_rate <= 1.0 or not 0.0 < reward_risk < math.inf:
        raise ValueError(f"a win rate of {win_rate} at {reward_risk} to one is impossible")
    if samples < FEWEST_SAMPLES:
        return None
    return Fraction(max(0.0, win_rate - (1.0 - win_rate) / reward_risk))
