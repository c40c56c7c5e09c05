"""Where positions would be closed by force, and how much of that lies near the price.

Observed: liquidation prices of wallets that can be looked at. Estimated: what open interest grew by, at the prices of
that time, spread over a ladder of leverages – an assumption, and it says so – less what was seen to end by force. Books
of positions are public on no exchange.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

Method = Literal["observed", "estimated"]
CascadeRisk = Literal["LOW", "MEDIUM", "HIGH"]

LADDER: Final = ((5.0, 0.20), (10.0, 0.30), (20.0, 0.25), (50.0, 0.15), (100.0, 0.10))
"""(leverage, share of new positions): assumed, not measured."""
MAINTENANCE: Final = 0.005
NEAR_PCT: Final = 5.0
BUCKET_PCT: Final = 0.5
LEVELS_SHOWN: Final = 10
STEEPNESS: Final = 20.0
"""5 % of open interest right at the price → 0.63; 1 % → 0.18."""
MEDIUM_FROM: Final = 0.33
HIGH_FROM: Final = 0.66


@dataclass(frozen=True, slots=True, kw_only=True)
class ForcedExit:
    """One position, or a group of them, that ends when the price reaches `price`. is_long: whose forced sale it is."""

    price: float
    size_usd: float
    is_long: bool
    leverage: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExitLevel:
    """Exits close together. distance_pct: from the price now, below 0 for longs. avg_leverage: weighted by size."""

    price: float
    size_usd: float
    avg_leverage: float | None
    distance_pct: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ExitMap:
    """nearest_*_pct: None without a level on that side. score: 0…1; 0 without levels."""

    method: Method
    long_levels: tuple[ExitLevel, ...]
    short_levels: tuple[ExitLevel, ...]
    nearest_long_liq_pct: float | None
    nearest_short_liq_pct: float | None
    near_usd: float
    score: float
    risk: CascadeRisk


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedByForce:
    """USD of each side that was seen to end by force."""

    long_usd: float
    short_usd: float


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenInterestStep:
    """What open interest grew by over a span (USD, one side) and the prices of it. lowest, highest: since its end."""

    usd: float
    price: float
    lowest: float
    highest: float


def estimated_exits(steps: Sequence[OpenInterestStep], *, closed: ClosedByForce | None = None) -> list[ForcedExit]:
    """Each contract that was opened has a long and a short. What the price has reached since is gone.

    closed: what was seen to end by force since the first of the steps. Where that is more than what the price has
    reached by this estimate, the rest of it is taken from the exits nearest to the price.
    """
    found: list[ForcedExit] = []
    reached = {True: 0.0, False: 0.0}
    for step in steps:
        if not step.usd > 0 or not step.price > 0:
            continue
        for leverage, share in LADDER:
            long_price = step.price * (1 - 1 / leverage + MAINTENANCE)
            short_price = step.price * (1 + 1 / leverage - MAINTENANCE)
            usd = step.usd * share
            for is_long, price, is_left in (
                (True, long_price, step.lowest > long_price),
                (False, short_price, step.highest < short_price),
            ):
                if is_left:
                    found.append(ForcedExit(price=price, size_usd=usd, is_long=is_long, leverage=leverage))
                else:
                    reached[is_long] += usd
    if closed is None:
        return found
    longs = _without(found, True, closed.long_usd - reached[True])
    shorts = _without(found, False, closed.short_usd - reached[False])
    return [*longs, *shorts]


def _without(exits: Sequence[ForcedExit], is_long: bool, usd: float) -> list[ForcedExit]:
    """Of one side, less so much, from those that the price reaches first."""
    found = []
    for one in sorted((one for one in exits if one.is_long is is_long), key=lambda one: one.price, reverse=is_long):
        taken = min(max(usd, 0.0), one.size_usd)
        usd -= taken
        if one.size_usd > taken:
            found.append(replace(one, size_usd=one.size_usd - taken))
    return found


def cascade_score(exits: Sequence[ForcedExit], *, price: float, open_interest_usd: float) -> float:
    """1 − exp(−20 × Σ size × nearness / open interest), nearness falling from 1 at the price to 0 at ± 5 %.

    More size near the price never lowers it. 0 without levels, or without anything to compare their size with.
    """
    if not open_interest_usd > 0 or not price > 0:
        return 0.0
    weighed = sum(max(0.0, one.size_usd) * _nearness(one.price, price) for one in exits)
    return min(1.0, max(0.0, 1.0 - math.exp(-STEEPNESS * weighed / open_interest_usd)))


def _nearness(level: float, price: float) -> float:
    return max(0.0, 1.0 - abs(level - price) / price * 100.0 / NEAR_PCT)


def cascade_risk(score: float) -> CascadeRisk:
    if score >= HIGH_FROM:
        return "HIGH"
    return "MEDIUM" if score >= MEDIUM_FROM else "LOW"


def exit_map(exits: Sequence[ForcedExit], *, price: float, open_interest_usd: float, method: Method) -> ExitMap:
    """exits: those on the wrong side of the price (a long's above it) are past and left out."""
    alive = [one for one in exits if one.size_usd > 0 and (one.price < price) is one.is_long and one.price > 0]
    longs, shorts = (_levels([one for one in alive if one.is_long is side], price) for side in (True, False))
    score = cascade_score(alive, price=price, open_interest_usd=open_interest_usd)
    return ExitMap(
        method=method,
        long_levels=tuple(longs[:LEVELS_SHOWN]),
        short_levels=tuple(shorts[:LEVELS_SHOWN]),
        nearest_long_liq_pct=longs[0].distance_pct if longs else None,
        nearest_short_liq_pct=shorts[0].distance_pct if shorts else None,
        near_usd=sum(one.size_usd for one in alive if _nearness(one.price, price) > 0),
        score=score,
        risk=cascade_risk(score),
    )


def _levels(exits: Sequence[ForcedExit], price: float) -> list[ExitLevel]:
    """Those within half a percent of each other as one, the nearest first."""
    buckets: dict[int, list[ForcedExit]] = {}
    for one in exits:
        buckets.setdefault(math.floor((one.price - price) / price * 100.0 / BUCKET_PCT), []).append(one)
    found = [_level(group, price) for group in buckets.values()]
    return sorted(found, key=lambda level: abs(level.distance_pct))


def _level(group: Sequence[ForcedExit], price: float) -> ExitLevel:
    usd = sum(one.size_usd for one in group)
    at = sum(one.price * one.size_usd for one in group) / usd
    geared = [(one.leverage, one.size_usd) for one in group if one.leverage is not None]
    geared_usd = sum(size for _, size in geared)
    return ExitLevel(
        price=at,
        size_usd=usd,
        avg_leverage=sum(leverage * size for leverage, size in geared) / geared_usd if geared_usd else None,
        distance_pct=(at - price) / price * 100.0,
    )
