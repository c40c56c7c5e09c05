"""In which states a contract was: by own looks, and before them by what the exchange keeps of the past."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Annotated, Final

import msgspec

from altmonitor.core.errors import AltmonitorError
from altmonitor.interfaces.exchange import Priority
from altmonitor.interfaces.positioning import PastOpenInterest
from altmonitor.operations.context import OperationContext
from altmonitor.operations.operation import Example, Operation
from altmonitor.operations.preferences import kept_scores
from altmonitor.operations.score_inputs import CROWD, HELD, NOBODY_ASKS, TOP_POSITIONS
from altmonitor.operations.score_record import RECORD, record_source
from altmonitor.operations.score_values import DISCLAIMER, SourceUsed, digits, number
from altmonitor.operations.symbols import SymbolWord, must_be_known, stored_symbol
from altmonitor.scores.regimes import (
    LABELS,
    REGIMES,
    PastPoint,
    RegimeName,
    RegimeSeen,
    RegimeSpan,
    mean_of,
    past_regimes,
    spans,
)

LONGEST_GAP_S: Final = 1_800
"""Longer, and a state ends where it was last seen."""
PERIOD, BUCKET_S, BUCKETS = "2h", 7_200, 360
"""Thirty days, which is as far as the exchange keeps them."""
PAST: Final = f"binance:{HELD}, binance:{CROWD}, binance:{TOP_POSITIONS}"
NOTE: Final = (
    "own looks, and where there are none one look every two hours from what the exchange keeps of open interest and "
    "ratios: thirty days, nothing is known of a time before that"
)


class RegimeArguments(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    symbol: SymbolWord = "BTCUSDT"
    regime: Annotated[RegimeName, msgspec.Meta(description="Only transitions into this state.")] | None = None
    days: Annotated[int, msgspec.Meta(ge=1, le=365)] = 30


class RegimeSummary(msgspec.Struct, frozen=True, kw_only=True):
    occurrences: int
    avg_duration_h: float | None
    avg_return_pct: float | None
    label: str
    source: str
    unavailable: dict[str, str]


class RegimeTransition(msgspec.Struct, frozen=True, kw_only=True):
    """from_regime, to_regime: before and after."""

    from_regime: RegimeName = msgspec.field(name="from")
    to_regime: RegimeName = msgspec.field(name="to")
    ts: int
    source: str


class RegimeHistory(msgspec.Struct, frozen=True, kw_only=True):
    """since_ts: of the first look that is known, own or filled in. own_since_ts: of the first own one. backfilled: how
    many looks were filled in from what the exchange keeps, two hours apart."""

    ts: int
    symbol: str
    days: int
    current_regime: RegimeName | None
    current_label: str | None
    regime_summary: dict[RegimeName, RegimeSummary]
    transitions: tuple[RegimeTransition, ...]
    since_ts: int | None
    own_since_ts: int | None
    backfilled: int | None
    note: str
    coverage: float
    unavailable: dict[str, str]
    sources: tuple[SourceUsed, ...]
    disclaimer: str = DISCLAIMER


@dataclass(frozen=True, slots=True)
class _Span:
    """With where it is from."""

    of: RegimeSpan
    source: str


async def regime_history(context: OperationContext, arguments: RegimeArguments) -> RegimeHistory:
    symbol, now_ms = stored_symbol(arguments.symbol, context), context.clock.now_ms()
    asked_ts = now_ms // 1000 - arguments.days * 86_400
    own = await kept_scores(context).regimes(symbol, since_ts=asked_ts)
    must_be_known(arguments.symbol, context, is_stored=bool(own))
    past = await _past(context, symbol)
    told = [] if isinstance(past, str) else [one for one in past if one.ts >= asked_ts]
    filled = _where_none(told, own)
    found = _joined(own, filled)
    newest = max((one[-1] for one in (own, filled) if one), key=lambda one: one.ts, default=None)
    since_ts = min((one[0].ts for one in (own, filled) if one), default=None)
    is_current = newest is not None and now_ms / 1000 - newest.ts <= (LONGEST_GAP_S if newest in own else BUCKET_S)
    why = f"{symbol} was not looked at lately: it is scored while it stands in the watchlist of the preferences"
    missing = {}
    if isinstance(past, str):
        missing["backfilled"] = past
    if since_ts is None:
        missing["since_ts"] = why
    if not own:
        missing["own_since_ts"] = why
    if not is_current:
        missing |= dict.fromkeys(("current_regime", "current_label"), why)
    current = newest.regime if newest is not None and is_current else None
    return RegimeHistory(
        ts=now_ms // 1000,
        symbol=symbol,
        days=arguments.days,
        current_regime=current,
        current_label=None if current is None else LABELS[current],
        regime_summary={
            name: _regime_summary(name, rows)
            for name in REGIMES
            if (rows := [one for one in found if one.of.regime == name]) and arguments.regime in (None, name)
        },
        transitions=tuple(
            RegimeTransition(
                from_regime=before.of.regime, to_regime=after.of.regime, ts=after.of.from_ts, source=after.source
            )
            for before, after in pairwise(found)
            if before.of.regime != after.of.regime and arguments.regime in (None, after.of.regime)
        ),
        since_ts=since_ts,
        own_since_ts=own[0].ts if own else None,
        backfilled=None if isinstance(past, str) else len(filled),
        note=NOTE,
        coverage=number(min(1.0, sum(one.of.to_ts - one.of.from_ts for one in found) / (arguments.days * 86_400))),
        unavailable=missing,
        sources=(*record_source(own[-1].ts if own else None, now_ms), *_past_sources(told, now_ms)),
    )


async def _past(context: OperationContext, symbol: str) -> list[RegimeSeen] | str:
    """What the exchange keeps, oldest → newest, or why there is none."""
    ratios = context.cohorts.get("binance")
    bars: object = ratios
    if ratios is None or not isinstance(bars, PastOpenInterest):
        return NOBODY_ASKS
    try:
        held, seen = await asyncio.gather(
            bars.open_interest_history(symbol, period=PERIOD, limit=BUCKETS, priority=Priority.TRACKING),
            ratios.cohorts(symbol, period=PERIOD, limit=BUCKETS, priority=Priority.TRACKING),
        )
    except AltmonitorError as problem:
        return str(problem)
    top = {one.time_ms: one.long_short_ratio for one in seen.top_positions}
    crowd = {one.time_ms: one.long_share * 100.0 for one in seen.retail}
    points = [
        PastPoint(
            at_ms=bar.time_ms,
            price=bar.usd / bar.coins,
            open_interest=bar.coins,
            top_trader_lsr=top.get(bar.time_ms),
            long_pct=crowd.get(bar.time_ms),
        )
        for bar in held
        if bar.coins and bar.usd
    ]
    return past_regimes(points, source="binance") or "the exchange keeps nothing of it"


def _where_none(past: Sequence[RegimeSeen], own: Sequence[RegimeSeen]) -> list[RegimeSeen]:
    """Without those near which there is an own look."""
    taken = {one.ts // BUCKET_S + step for one in own for step in (0, 1)}
    return [one for one in past if one.ts // BUCKET_S not in taken]


def _joined(own: Sequence[RegimeSeen], filled: Sequence[RegimeSeen]) -> list[_Span]:
    """In the order of time."""
    found = [_Span(one, RECORD) for one in spans(own, longest_gap_s=LONGEST_GAP_S)]
    last_ts = max((one[-1].ts for one in (own, filled) if one), default=0)
    found += [
        _Span(replace(one, is_over=one.is_over or one.to_ts < last_ts), PAST)
        for one in spans(filled, longest_gap_s=BUCKET_S)
    ]
    return sorted(found, key=lambda one: one.of.from_ts)


def _past_sources(told: Sequence[RegimeSeen], now_ms: int) -> tuple[SourceUsed, ...]:
    if not told:
        return ()
    age_s = number(max(0.0, now_ms / 1000 - told[-1].ts), 1)
    return tuple(
        SourceUsed(name=name, venue="binance", endpoint=name.partition(":")[2], age_s=age_s)
        for name in PAST.split(", ")
    )


def _regime_summary(name: RegimeName, rows: Sequence[_Span]) -> RegimeSummary:
    over = [one.of for one in rows if one.of.is_over]
    hours = mean_of(over, lambda one: (one.to_ts - one.from_ts) / 3_600)
    moved = mean_of(over, lambda one: one.return_pct)
    return RegimeSummary(
        occurrences=len(rows),
        avg_duration_h=digits(hours, 2),
        avg_return_pct=digits(moved, 3),
        label=LABELS[name],
        source=", ".join(dict.fromkeys(one.source for one in rows)),
        unavailable={
            field: "none of them is over yet, or no price is known"
            for field, value in (("avg_duration_h", hours), ("avg_return_pct", moved))
            if value is None
        },
    )


REGIME_OPERATIONS: Sequence[Operation] = (  # type: ignore[type-arg]  # of all kinds
    Operation(
        name="regime_history",
        summary="In which states a contract was, how long and what its price did meanwhile: by own looks, and where "
        "there are none by what the exchange keeps of thirty days.",
        arguments=RegimeArguments,
        result=RegimeHistory,
        run=regime_history,
        reads="exchange",
        route="GET /v1/regimes/history",
        keyed=True,
        tool=False,
        examples=(Example(title="a week", arguments={"symbol": "SOLUSDT", "days": 7}),),
    ),
)
