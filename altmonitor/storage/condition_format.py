"""A condition as it stands in JSON, checked value by value on the way in."""

from __future__ import annotations

from typing import Literal

import msgspec

from altmonitor.core.types import Venue
from altmonitor.settings.conditions import (
    CONDITION_METRICS,
    COOLDOWN_MIN_MAX,
    METRIC_OPERATORS,
    MOVE_WINDOWS,
    NAME_CHARS_MAX,
    USUAL_COOLDOWN_MIN,
    Condition,
    FundingCrosses,
    MetricCrosses,
    Predicate,
    PriceCrosses,
    PriceMoves,
)
from altmonitor.storage.overrides_format import LAST_SECOND, StateDamaged, destination_named, symbol_of

TEXT_CHARS_MAX = 200


class SavedCondition(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """when: what is compared; level: price, percent, or rate; window: of a move."""

    id: int
    destination: str = msgspec.field(name="place")
    owner_id: int | None = None
    owner: str = ""
    text: str
    created: int
    symbol: str
    when: Literal["price_above", "price_below", "move", "funding_above", "funding_below", "metric"]
    level: float
    window: str = ""
    metric: str = ""
    operator: str = ""
    cooldown_min: int = USUAL_COOLDOWN_MIN
    name: str = ""
    venue: Venue | None = None


def condition_row(condition: Condition) -> SavedCondition:
    row = SavedCondition(
        id=condition.id,
        destination=str(condition.destination),
        owner_id=condition.owner_id,
        owner=condition.owner_name,
        text=condition.text,
        created=condition.created_s,
        symbol=condition.symbol,
        when="move",
        level=0.0,
        venue=condition.venue,
    )
    match condition.predicate:
        case PriceCrosses(side=side, level=level):
            row.when, row.level = ("price_above" if side == "above" else "price_below"), level
        case FundingCrosses(side=side, rate=rate):
            row.when, row.level = ("funding_above" if side == "above" else "funding_below"), rate
        case PriceMoves(window=window, pct=pct):
            row.window, row.level = window, pct
        case MetricCrosses() as asked:
            row.when, row.level, row.metric = "metric", asked.threshold, asked.metric
            row.operator, row.cooldown_min, row.name = asked.operator, asked.cooldown_min, asked.name
    return row


def condition_of(row: SavedCondition) -> Condition:
    """Raises StateDamaged."""
    if not 0 < row.id < 10**9 or not 0 <= row.created <= LAST_SECOND or len(row.text) > TEXT_CHARS_MAX:
        raise StateDamaged(f"condition {row.id} cannot be")
    return Condition(
        id=row.id,
        destination=destination_named(row.destination),
        owner_id=row.owner_id,
        owner_name=row.owner,
        text=row.text,
        created_s=row.created,
        symbol=symbol_of(row.symbol),
        predicate=_predicate_of(row),
        venue=row.venue,
    )


def _metric_of(row: SavedCondition) -> MetricCrosses:
    metric = next((one for one in CONDITION_METRICS if one == row.metric), None)
    operator = next((one for one in METRIC_OPERATORS if one == row.operator), None)
    is_fine = abs(row.level) < 1e15 and 0 <= row.cooldown_min <= COOLDOWN_MIN_MAX and len(row.name) <= NAME_CHARS_MAX
    if metric is None or operator is None or not is_fine:
        raise StateDamaged(f"condition {row.id} about {row.metric!r} cannot be")
    return MetricCrosses(
        metric=metric, operator=operator, threshold=row.level, cooldown_min=row.cooldown_min, name=row.name
    )


def _predicate_of(row: SavedCondition) -> Predicate:
    if row.when == "metric":
        return _metric_of(row)
    if row.when.startswith("funding"):
        if abs(row.level) > 1:
            raise StateDamaged(f"a funding rate of {row.level}")
        return FundingCrosses(side="above" if row.when == "funding_above" else "below", rate=row.level)
    if not 0 < row.level < 1e15:
        raise StateDamaged(f"a level of {row.level}")
    if row.when == "move":
        window = next((window for window in MOVE_WINDOWS if window == row.window), None)
        if window is None:
            raise StateDamaged(f"{row.window!r} is no window")
        return PriceMoves(window=window, pct=row.level)
    return PriceCrosses(side="above" if row.when == "price_above" else "below", level=row.level)
