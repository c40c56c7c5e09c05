"""Where positions of a contract would be closed by force, stops beside that, and what watched wallets hold and do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import msgspec

from altmonitor.operations.context import OperationContext
from altmonitor.operations.operation import Example, Operation
from altmonitor.operations.score_inputs import ScoreInputs, inputs_of
from altmonitor.operations.score_values import (
    DISCLAIMER,
    Direction,
    SourceUsed,
    digits,
    number,
    sources_of,
)
from altmonitor.operations.symbols import OneSymbol, SymbolWord, listed_symbol
from altmonitor.scores.liquidation_levels import CascadeRisk, ExitLevel, Method
from altmonitor.scores.readings import Metric, reading_of, reason_of, value_of
from altmonitor.scores.stops import StopName, bars, stop_plan

ESTIMATED = "estimated from open interest of four hours and an assumed ladder of leverages"
OBSERVED = "of the wallets that are watched, by the venue's own liquidation prices"


class LevelValue(msgspec.Struct, frozen=True, kw_only=True):
    """distance_pct: from the price now, below 0 for longs. avg_leverage: null where the venue tells none."""

    price: float
    size_usd: float
    avg_leverage: float | None
    distance_pct: float
    source: str
    unavailable: str | None


class LiquidationLevels(msgspec.Struct, frozen=True, kw_only=True):
    """method: observed or estimated, said in `method_note`; no exchange shows its book of positions.

    cascade_score: 0…1, by size within 5 % of the price against open interest. nearest_long_liq_pct: below 0.
    """

    ts: int
    symbol: str
    price: float | None
    open_interest_usd: float | None
    method: Method | None
    method_note: str
    cascade_risk: CascadeRisk | None
    cascade_score: float | None
    near_usd: float | None
    nearest_long_liq_pct: float | None
    nearest_short_liq_pct: float | None
    long_levels: tuple[LevelValue, ...]
    short_levels: tuple[LevelValue, ...]
    coverage: float
    unavailable: dict[str, str]
    sources: tuple[SourceUsed, ...]
    disclaimer: str = DISCLAIMER


async def liquidations(context: OperationContext, arguments: OneSymbol) -> LiquidationLevels:
    inputs = await inputs_of(context, listed_symbol(arguments.symbol, context))
    found = inputs.levels
    missing = _missing(inputs, ("price", "open_interest_usd"))
    if found is None:
        names = ("method", "cascade_risk", "cascade_score", "near_usd")
        missing |= dict.fromkeys((*names, "nearest_long_liq_pct", "nearest_short_liq_pct"), inputs.levels_reason)
    else:
        if found.nearest_long_liq_pct is None:
            missing["nearest_long_liq_pct"] = "no level below the price is known"
        if found.nearest_short_liq_pct is None:
            missing["nearest_short_liq_pct"] = "no level above the price is known"
    source = _levels_source(inputs)
    return LiquidationLevels(
        ts=inputs.now_ms // 1000,
        symbol=inputs.symbol,
        price=inputs.price,
        open_interest_usd=digits(value_of(inputs.readings, "open_interest_usd"), 0),
        method=None if found is None else found.method,
        method_note="" if found is None else OBSERVED if found.method == "observed" else ESTIMATED,
        cascade_risk=None if found is None else found.risk,
        cascade_score=None if found is None else number(found.score),
        near_usd=None if found is None else number(found.near_usd, 0),
        nearest_long_liq_pct=None if found is None else digits(found.nearest_long_liq_pct, 2),
        nearest_short_liq_pct=None if found is None else digits(found.nearest_short_liq_pct, 2),
        long_levels=() if found is None else tuple(_level_value(one, source) for one in found.long_levels),
        short_levels=() if found is None else tuple(_level_value(one, source) for one in found.short_levels),
        coverage=0.0 if found is None else 1.0,
        unavailable=missing,
        sources=sources_of(inputs, _LEVEL_METRICS),
    )


_LEVEL_METRICS: tuple[Metric, ...] = (
    "price",
    "open_interest_usd",
    "oi_change_1h_pct",
    "oi_change_4h_pct",
    "whale_n_wallets",
)


def _levels_source(inputs: ScoreInputs) -> str:
    is_observed = inputs.levels is not None and inputs.levels.method == "observed"
    reading = reading_of(inputs.readings, "whale_n_wallets" if is_observed else "open_interest_usd")
    return "" if reading is None else reading.source


def _level_value(one: ExitLevel, source: str) -> LevelValue:
    return LevelValue(
        price=number(one.price, 8),
        size_usd=number(one.size_usd, 0),
        avg_leverage=digits(one.avg_leverage, 1),
        distance_pct=number(one.distance_pct, 2),
        source=source,
        unavailable=None if one.avg_leverage is not None else "the venue tells no leverage of them",
    )


def _missing(inputs: ScoreInputs, metrics: Sequence[Metric]) -> dict[str, str]:
    return {
        metric: reason_of(inputs.readings, metric) for metric in metrics if reading_of(inputs.readings, metric) is None
    }


# --- stops --------------------------------------------------------------------------------------------------------


class SmartStopArguments(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    symbol: SymbolWord
    direction: Direction
    entry_price: Annotated[float, msgspec.Meta(gt=0, le=1e12, description="The price now without it.")] | None = None
    risk_pct: Annotated[float, msgspec.Meta(ge=0.01, le=100, description="Of the account, at the stop.")] = 2.0


class StopValue(msgspec.Struct, frozen=True, kw_only=True):
    """distance_pct: of the entry. position_pct: of the account; reached, it costs `risk_pct` of that."""

    price: float
    distance_pct: float
    position_pct: float
    note: str
    source: str


class AvoidZone(msgspec.Struct, frozen=True, kw_only=True):
    low: float
    high: float
    reason: str
    source: str


class TakeProfits(msgspec.Struct, frozen=True, kw_only=True):
    """1.5, 2.5 and 4 times the distance of the recommended stop."""

    tp1: float
    tp2: float
    tp3: float
    source: str


class SmartStop(msgspec.Struct, frozen=True, kw_only=True):
    """atr: mean true range of 15 minutes, in quote units. A calculation aid: no stop is a recommendation."""

    ts: int
    symbol: str
    direction: str
    entry_price: float | None
    risk_pct: float
    atr: float | None
    swing: float | None
    stops: dict[StopName, StopValue]
    avoid_zones: tuple[AvoidZone, ...]
    take_profit_suggestions: tuple[TakeProfits, ...]
    coverage: float
    unavailable: dict[str, str]
    sources: tuple[SourceUsed, ...]
    disclaimer: str = DISCLAIMER


async def smart_stop(context: OperationContext, arguments: SmartStopArguments) -> SmartStop:
    inputs = await inputs_of(context, listed_symbol(arguments.symbol, context))
    is_long = arguments.direction == "long"
    entry = arguments.entry_price or inputs.price
    levels = () if inputs.levels is None else inputs.levels.long_levels if is_long else inputs.levels.short_levels
    quarters = bars([(one.open_ms, one.high, one.low, one.close) for one in inputs.minutes])
    plan = (
        None
        if entry is None
        else stop_plan(quarters, is_long=is_long, entry=entry, risk_pct=arguments.risk_pct, levels=levels)
    )
    missing = {} if entry is not None else {"entry_price": reason_of(inputs.readings, "price")}
    if plan is None:
        why = "fewer than four hours of minutes are known" if inputs.minutes else reason_of(inputs.readings, "price")
        missing |= dict.fromkeys(("atr", "swing", "stops"), why)
    source, zones_source = inputs.minutes_source, _levels_source(inputs)
    return SmartStop(
        ts=inputs.now_ms // 1000,
        symbol=inputs.symbol,
        direction=arguments.direction,
        entry_price=entry,
        risk_pct=arguments.risk_pct,
        atr=None if plan is None else number(plan.atr, 8),
        swing=None if plan is None else plan.swing,
        stops={}
        if plan is None
        else {
            name: StopValue(
                price=number(one.price, 8),
                distance_pct=number(one.distance_pct, 3),
                position_pct=number(one.position_pct, 2),
                note=one.note,
                source=source,
            )
            for name, one in plan.stops.items()
        },
        avoid_zones=()
        if plan is None
        else tuple(
            AvoidZone(low=number(one.low, 8), high=number(one.high, 8), reason=one.reason, source=zones_source)
            for one in plan.avoid_zones
        ),
        take_profit_suggestions=()
        if plan is None
        else (TakeProfits(**{f"tp{at}": number(one, 8) for at, one in enumerate(plan.targets, 1)}, source=source),),
        coverage=0.0 if plan is None else 1.0,
        unavailable=missing,
        sources=sources_of(inputs, ("price", "price_change_1h_pct", "open_interest_usd", "whale_n_wallets")),
    )


LEVEL_OPERATIONS: Sequence[Operation] = (  # type: ignore[type-arg]  # of all kinds
    Operation(
        name="liquidation_levels",
        summary="Where positions of a contract would be closed by force, observed or estimated as the answer says, and "
        "how much of that lies near the price.",
        arguments=OneSymbol,
        result=LiquidationLevels,
        run=liquidations,
        reads="exchange",
        route="GET /v1/liquidations",
        keyed=True,
        examples=(Example(title="one contract", arguments={"symbol": "SOLUSDT"}),),
    ),
    Operation(
        name="smart_stop",
        summary="Distances for a stop of a trade, from how far the contract moves and where it turned last, outside of "
        "liquidation clusters.",
        arguments=SmartStopArguments,
        result=SmartStop,
        run=smart_stop,
        reads="exchange",
        route="GET /v1/smart-stop",
        keyed=True,
        tool=False,
        examples=(Example(title="a long at the price now", arguments={"symbol": "SOLUSDT", "direction": "long"}),),
    ),
)
