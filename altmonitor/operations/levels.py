"""Where positions of a contract would be closed by force, stops beside that, and what watched wallets hold and do."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated

import msgspec

from altmonitor.core.types import Venue
from altmonitor.market.liquidations import LiquidationMinute
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
from altmonitor.scores.composite import TradeSide
from altmonitor.scores.liquidation_levels import BUCKET_PCT, LEVELS_SHOWN, CascadeRisk, ExitLevel, Method
from altmonitor.scores.readings import Metric, reading_of, reason_of, value_of
from altmonitor.scores.stops import StopName, bars, stop_plan

ESTIMATED = "estimated from open interest of four hours and an assumed ladder of leverages"
NOT_HEARD = "nothing that ended by force was heard: LIQUIDATIONS_KEPT=true or LIQUIDATIONS_USD has it listened to"
STREAM = "liquidation stream"
PAST_HOURS = (1, 4, 24)
OBSERVED = "of the wallets that are watched, by the venue's own liquidation prices"


class LevelValue(msgspec.Struct, frozen=True, kw_only=True):
    """distance_pct: from the price now, below 0 for longs. avg_leverage: null where the venue tells none."""

    price: float
    size_usd: float
    avg_leverage: float | None
    distance_pct: float
    source: str
    unavailable: str | None


class PastWindow(msgspec.Struct, frozen=True, kw_only=True):
    """What ended by force within the last hours, as the venues' streams told it: observed. is_lower_bound: one of them
    tells one a second of a contract at most, or was not listened to all the time. count: of those that were told."""

    long_usd: float
    short_usd: float
    count: int
    is_lower_bound: bool
    source: str


class PastLevel(msgspec.Struct, frozen=True, kw_only=True):
    """What ended by force within half a percent of a price in the last day. side: of the positions that ended."""

    price: float
    size_usd: float
    side: TradeSide
    distance_pct: float
    source: str


class LiquidationLevels(msgspec.Struct, frozen=True, kw_only=True):
    """method: observed or estimated, said in `method_note`; no exchange shows its book of positions.

    cascade_score: 0…1, by size within 5 % of the price against open interest. nearest_long_liq_pct: below 0.
    past, past_levels: what ended by force in the last 1, 4 and 24 h and at which prices, observed on the streams of the
    venues in `sources` since `past_since_ts`; of Binance it is used for the estimate.
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
    past: dict[str, PastWindow] | None
    past_levels: tuple[PastLevel, ...]
    past_since_ts: int | None
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
    if not inputs.past.heard:
        missing |= dict.fromkeys(("past", "past_since_ts"), inputs.past_reason or NOT_HEARD)
    source = _levels_source(inputs)
    return LiquidationLevels(
        ts=inputs.now_ms // 1000,
        symbol=inputs.symbol,
        price=inputs.price,
        open_interest_usd=digits(value_of(inputs.readings, "open_interest_usd"), 0),
        method=None if found is None else found.method,
        method_note=_method_note(inputs),
        cascade_risk=None if found is None else found.risk,
        cascade_score=None if found is None else number(found.score),
        near_usd=None if found is None else number(found.near_usd, 0),
        nearest_long_liq_pct=None if found is None else digits(found.nearest_long_liq_pct, 2),
        nearest_short_liq_pct=None if found is None else digits(found.nearest_short_liq_pct, 2),
        long_levels=() if found is None else tuple(_level_value(one, source) for one in found.long_levels),
        short_levels=() if found is None else tuple(_level_value(one, source) for one in found.short_levels),
        past=_past_windows(inputs) if inputs.past.heard else None,
        past_levels=_past_levels(inputs),
        past_since_ts=max((one.from_ms for one in inputs.past.heard), default=0) // 1000 or None,
        coverage=0.0 if found is None else 1.0,
        unavailable=missing,
        sources=(*sources_of(inputs, _LEVEL_METRICS), *_streams(inputs)),
    )


def _method_note(inputs: ScoreInputs) -> str:
    if inputs.levels is None:
        return ""
    if inputs.levels.method == "observed":
        return OBSERVED
    closed = inputs.closed
    if closed is None:
        return f"{ESTIMATED}; {NOT_HEARD}"
    seen = f"{closed.long_usd:,.0f} USD of longs and {closed.short_usd:,.0f} of shorts"
    return f"{ESTIMATED}, less what was seen to end by force at Binance beyond that: at least {seen} in four hours"


def _stream_name(venue: str) -> str:
    return f"{venue}:{STREAM}"


def _streams(inputs: ScoreInputs) -> tuple[SourceUsed, ...]:
    return tuple(
        SourceUsed(
            name=_stream_name(one.venue),
            venue=one.venue,
            endpoint=STREAM,
            age_s=number(max(0, inputs.now_ms - one.to_ms) / 1000, 1),
        )
        for one in inputs.past.heard
    )


def _past_windows(inputs: ScoreInputs) -> dict[str, PastWindow]:
    found = {}
    source = ", ".join(_stream_name(one.venue) for one in inputs.past.heard)
    for hours in PAST_HOURS:
        since_ms = inputs.now_ms - hours * 3_600_000
        counted = [one for _, one in inputs.past.minutes if one.minute_ms >= since_ms]
        found[f"{hours}h"] = PastWindow(
            long_usd=number(sum(one.usd for one in counted if one.is_long), 0),
            short_usd=number(sum(one.usd for one in counted if not one.is_long), 0),
            count=sum(one.count for one in counted),
            is_lower_bound=any(one.is_sampled or one.from_ms > since_ms for one in inputs.past.heard),
            source=source,
        )
    return found


def _past_levels(inputs: ScoreInputs) -> tuple[PastLevel, ...]:
    """The ten largest, with their distance from the price now; none where that is not known."""
    price = inputs.price
    if price is None or price <= 0:
        return ()
    groups: dict[tuple[bool, int], list[tuple[Venue, LiquidationMinute]]] = {}
    for venue, one in inputs.past.minutes:
        bucket = math.floor((one.price / price - 1) * 100 / BUCKET_PCT)
        groups.setdefault((one.is_long, bucket), []).append((venue, one))
    found = []
    for (is_long, _), rows in groups.items():
        usd = sum(one.usd for _, one in rows)
        at = sum(one.usd * one.price for _, one in rows) / usd
        found.append(
            PastLevel(
                price=number(at, 8),
                size_usd=number(usd, 0),
                side="long" if is_long else "short",
                distance_pct=number((at / price - 1) * 100, 2),
                source=", ".join(sorted({_stream_name(venue) for venue, _ in rows})),
            )
        )
    return tuple(sorted(found, key=lambda one: -one.size_usd)[:LEVELS_SHOWN])


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
