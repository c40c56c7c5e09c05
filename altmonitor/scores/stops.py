"""Distances for a stop, from how far a contract usually moves and where it turned last: a calculation, not advice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Literal

from altmonitor.market.candles import MINUTE_MS
from altmonitor.scores.liquidation_levels import ExitLevel

StopName = Literal["tight", "recommended", "wide"]

BAR_MIN: Final = 15
ATR_BARS: Final = 14
SWING_BARS: Final = 24
MULTIPLES: Final[dict[StopName, float]] = {"tight": 1.0, "recommended": 1.5, "wide": 2.5}
ZONE_PCT: Final = 0.15
LARGE_SHARE: Final = 0.10
"""Of all size on a side: a level with so much of it is a zone to keep a stop out of."""
REWARDS: Final = (1.5, 2.5, 4.0)
"""Times the distance of the recommended stop."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QuarterBar:
    """A quarter of an hour."""

    open_ms: int
    high: float
    low: float
    close: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceZone:
    low: float
    high: float
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StopPrice:
    """distance_pct: of the entry, above 0. position_pct: of the account; reached, it costs `risk_pct` of that."""

    price: float
    distance_pct: float
    position_pct: float
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StopPlan:
    """atr: mean true range of a quarter of an hour, quote units."""

    atr: float
    swing: float
    stops: dict[StopName, StopPrice]
    avoid_zones: tuple[PriceZone, ...]
    targets: tuple[float, ...]


def bars(minutes: Sequence[tuple[int, float, float, float]]) -> list[QuarterBar]:
    """minutes: (open ms, high, low, close), oldest → newest. Quarters with fewer than ten minutes are left out."""
    found: dict[int, list[tuple[int, float, float, float]]] = {}
    for one in minutes:
        found.setdefault(one[0] // (BAR_MIN * MINUTE_MS), []).append(one)
    return [
        QuarterBar(
            open_ms=number * BAR_MIN * MINUTE_MS,
            high=max(one[1] for one in group),
            low=min(one[2] for one in group),
            close=group[-1][3],
        )
        for number, group in sorted(found.items())
        if len(group) >= 10
    ]


def average_true_range(found: Sequence[QuarterBar]) -> float | None:
    """None with fewer than `ATR_BARS` bars behind the first."""
    if len(found) <= ATR_BARS:
        return None
    newest = found[-ATR_BARS - 1 :]
    ranges = [
        max(now.high - now.low, abs(now.high - before.close), abs(now.low - before.close))
        for before, now in pairwise(newest)
    ]
    return sum(ranges) / len(ranges)


def stop_plan(
    found: Sequence[QuarterBar], *, is_long: bool, entry: float, risk_pct: float, levels: Sequence[ExitLevel]
) -> StopPlan | None:
    """levels: of the side's own liquidations: below the price for a long. None without enough bars."""
    atr = average_true_range(found)
    if atr is None or not atr > 0 or not entry > 0:
        return None
    sign = -1.0 if is_long else 1.0
    recent = found[-SWING_BARS:]
    swing = min(one.low for one in recent) if is_long else max(one.high for one in recent)
    zones = _zones(levels)
    distances: dict[StopName, float] = {}
    notes: dict[StopName, str] = {}
    floor = 0.0
    for name, multiple in MULTIPLES.items():
        distance = multiple * atr
        note = f"{multiple:g} × the mean range of 15 minutes"
        beyond = (entry - swing) * (1 if is_long else -1) + 0.25 * atr
        if name == "recommended" and distance < beyond < MULTIPLES["wide"] * atr:
            distance, note = beyond, "a quarter of that range behind the last swing"
        moved = _outside(entry + sign * distance, zones, sign)
        if moved is not None:
            distance, note = abs(moved - entry), f"{note}; behind a cluster of liquidations"
        distance = min(max(distance, floor * 1.001), entry * 0.99)
        distances[name], notes[name], floor = distance, note, distance
    return StopPlan(
        atr=atr,
        swing=swing,
        stops={
            name: StopPrice(
                price=entry + sign * distance,
                distance_pct=distance / entry * 100,
                position_pct=risk_pct / (distance / entry * 100) * 100,
                note=notes[name],
            )
            for name, distance in distances.items()
        },
        avoid_zones=zones,
        targets=tuple(max(entry - sign * distances["recommended"] * times, entry * 0.01) for times in REWARDS),
    )


def _zones(levels: Sequence[ExitLevel]) -> tuple[PriceZone, ...]:
    total = sum(one.size_usd for one in levels)
    return tuple(
        PriceZone(
            low=one.price * (1 - ZONE_PCT / 100),
            high=one.price * (1 + ZONE_PCT / 100),
            reason=f"liquidations of {one.size_usd:,.0f} USD",
        )
        for one in levels
        if total > 0 and one.size_usd >= LARGE_SHARE * total
    )


def _outside(stop: float, zones: Sequence[PriceZone], sign: float) -> float | None:
    """The far edge of the zone it stands in; None where it stands in none."""
    inside = [zone for zone in zones if zone.low <= stop <= zone.high]
    if not inside:
        return None
    return min(zone.low for zone in inside) * 0.9995 if sign < 0 else max(zone.high for zone in inside) * 1.0005
