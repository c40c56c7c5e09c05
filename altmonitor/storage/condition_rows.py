"""A condition as it stands in JSON, checked value by value on the way in."""

from __future__ import annotations

from typing import Literal

import msgspec

from altmonitor.settings.conditions import MOVE_WINDOWS, Condition, FundingCrosses, Predicate, PriceCrosses, PriceMoves
from altmonitor.storage.state_rows import LAST_SECOND, Damaged, place_of, symbol_of

TEXT_CHARS_MAX = 200


class ConditionRow(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """when: what is compared; level: price, percent, or rate; window: of a move."""

    id: int
    place: str
    owner_id: int | None = None
    owner: str = ""
    text: str
    created: int
    symbol: str
    when: Literal["price_above", "price_below", "move", "funding_above", "funding_below"]
    level: float
    window: str = ""


def condition_row(condition: Condition) -> ConditionRow:
    row = ConditionRow(
        id=condition.id,
        place=str(condition.place),
        owner_id=condition.owner_id,
        owner=condition.owner_name,
        text=condition.text,
        created=condition.created_s,
        symbol=condition.symbol,
        when="move",
        level=0.0,
    )
    match condition.predicate:
        case PriceCrosses(side=side, level=level):
            row.when, row.level = ("price_above" if side == "above" else "price_below"), level
        case FundingCrosses(side=side, rate=rate):
            row.when, row.level = ("funding_above" if side == "above" else "funding_below"), rate
        case PriceMoves(window=window, pct=pct):
            row.window, row.level = window, pct
    return row


def condition_of(row: ConditionRow) -> Condition:
    """Raises Damaged."""
    if not 0 < row.id < 10**9 or not 0 <= row.created <= LAST_SECOND or len(row.text) > TEXT_CHARS_MAX:
        raise Damaged(f"condition {row.id} cannot be")
    return Condition(
        id=row.id,
        place=place_of(row.place),
        owner_id=row.owner_id,
        owner_name=row.owner,
        text=row.text,
        created_s=row.created,
        symbol=symbol_of(row.symbol),
        predicate=_predicate_of(row),
    )


def _predicate_of(row: ConditionRow) -> Predicate:
    if row.when.startswith("funding"):
        if abs(row.level) > 1:
            raise Damaged(f"a funding rate of {row.level}")
        return FundingCrosses(side="above" if row.when == "funding_above" else "below", rate=row.level)
    if not 0 < row.level < 1e15:
        raise Damaged(f"a level of {row.level}")
    if row.when == "move":
        window = next((window for window in MOVE_WINDOWS if window == row.window), None)
        if window is None:
            raise Damaged(f"{row.window!r} is no window")
        return PriceMoves(window=window, pct=row.level)
    return PriceCrosses(side="above" if row.when == "price_above" else "below", level=row.level)
