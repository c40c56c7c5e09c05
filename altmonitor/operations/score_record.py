"""What was scored over time: signals, states, a table to take away."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated, Literal

import msgspec

from altmonitor.operations.context import OperationContext
from altmonitor.operations.errors import BadArgument
from altmonitor.operations.market import LAST_SECOND
from altmonitor.operations.operation import Example, Operation
from altmonitor.operations.preferences import kept_scores
from altmonitor.operations.score_values import DISCLAIMER, SourceUsed, digits, number
from altmonitor.operations.symbols import SymbolWord, stored_symbol
from altmonitor.scores.composite import Confidence, TradeSide
from altmonitor.scores.regimes import LABELS, REGIMES, RegimeName, RegimeSpan, mean_of, spans
from altmonitor.storage.score_store import ScoreLook, ScoreSignal

RECORD = "altmonitor:own record"
EXPORT_MOST = 50_000
LONGEST_GAP_S = 1_800
"""Longer, and a state ends where it was last seen."""

Second = Annotated[int, msgspec.Meta(ge=0, le=LAST_SECOND, description="Unix seconds.")]


def record_source(newest_ts: int | None, now_ms: int) -> tuple[SourceUsed, ...]:
    """Age of the newest row; 0 where there is none: that there is none was read now."""
    age_s = 0.0 if newest_ts is None else number(max(0.0, now_ms / 1000 - newest_ts), 1)
    return (SourceUsed(name=RECORD, venue="altmonitor", endpoint="scores.db", age_s=age_s),)


class SignalsArguments(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    symbol: SymbolWord | None = None
    confidence: Annotated[
        Literal["HIGH", "MEDIUM", "VETO", "all"] | None, msgspec.Meta(description="HIGH and VETO without it.")
    ] = None
    hours: Annotated[int, msgspec.Meta(ge=1, le=8_760)] = 168
    limit: Annotated[int, msgspec.Meta(ge=1, le=500)] = 50


class SignalValue(msgspec.Struct, frozen=True, kw_only=True):
    """asked_by: who asked for it; null: the monitor found it itself. price: null where none was known then."""

    ts: int
    symbol: str
    direction: TradeSide
    confidence: Confidence
    composite: float
    price: float | None
    scorer: str
    asked_by: str | None
    source: str
    unavailable: dict[str, str]


class ScoreSignals(msgspec.Struct, frozen=True, kw_only=True):
    """Newest first, since this program scores."""

    ts: int
    signals: tuple[SignalValue, ...]
    since_ts: int | None
    coverage: float
    unavailable: dict[str, str]
    sources: tuple[SourceUsed, ...]
    disclaimer: str = DISCLAIMER


async def signals(context: OperationContext, arguments: SignalsArguments) -> ScoreSignals:
    store, now_ms = kept_scores(context), context.clock.now_ms()
    wanted: tuple[Confidence, ...] = ("HIGH", "VETO")
    if arguments.confidence == "all":
        wanted = ("HIGH", "MEDIUM", "VETO")
    elif arguments.confidence is not None:
        wanted = (arguments.confidence,)
    found = await store.signals(
        since_ts=now_ms // 1000 - arguments.hours * 3_600,
        limit=arguments.limit,
        confidences=wanted,
        symbol=None if arguments.symbol is None else stored_symbol(arguments.symbol, context),
    )
    since_ts = await store.first_look_ts()
    return ScoreSignals(
        ts=now_ms // 1000,
        signals=tuple(map(_signal_value, found)),
        since_ts=since_ts,
        coverage=0.0 if since_ts is None else 1.0,
        unavailable={} if since_ts is not None else {"since_ts": "nothing was scored yet"},
        sources=record_source(found[0].ts if found else since_ts, now_ms),
    )


def _signal_value(one: ScoreSignal) -> SignalValue:
    asked_by = one.source.removeprefix("asked:") if one.source.startswith("asked:") else None
    missing = {} if one.price is not None else {"price": "it was not known then"}
    return SignalValue(
        ts=one.ts,
        symbol=one.symbol,
        direction=one.direction,
        confidence=one.confidence,
        composite=one.composite,
        price=one.price,
        scorer=one.scorer,
        asked_by=asked_by,
        source=RECORD,
        unavailable=missing | ({} if asked_by is not None else {"asked_by": "the monitor found it itself"}),
    )


# --- a table ------------------------------------------------------------------------------------------------------


class ExportArguments(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    symbol: SymbolWord
    from_: Second = msgspec.field(name="from", default=0)
    to: Second = LAST_SECOND


class ScoreExport(msgspec.Struct, frozen=True, kw_only=True):
    """csv: a header, then one line for each look, oldest first, at most 50,000 of the newest."""

    csv: str


async def export(context: OperationContext, arguments: ExportArguments) -> ScoreExport:
    if arguments.from_ > arguments.to:
        raise BadArgument("from must not be after to")
    looks = await kept_scores(context).looks(
        stored_symbol(arguments.symbol, context), since_ts=arguments.from_, until_ts=arguments.to, limit=EXPORT_MOST
    )
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    names = ScoreLook.__slots__
    writer.writerow(names)
    writer.writerows([safe_cell(getattr(one, name)) for name in names] for one in looks)
    return ScoreExport(csv=out.getvalue())


def safe_cell(value: object) -> object:
    """Text that a table would take for a formula stands behind an apostrophe."""
    return f"'{value}" if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")) else value


# --- states -------------------------------------------------------------------------------------------------------


class RegimeArguments(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    symbol: SymbolWord = "BTCUSDT"
    regime: Annotated[str, msgspec.Meta(max_length=32, description="Only transitions into this state.")] | None = None
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
    """From this program's own looks; nothing is known of a time before them, and nothing is filled in afterwards."""

    ts: int
    symbol: str
    days: int
    current_regime: RegimeName | None
    current_label: str | None
    regime_summary: dict[RegimeName, RegimeSummary]
    transitions: tuple[RegimeTransition, ...]
    since_ts: int | None
    note: str
    coverage: float
    unavailable: dict[str, str]
    sources: tuple[SourceUsed, ...]
    disclaimer: str = DISCLAIMER


async def regime_history(context: OperationContext, arguments: RegimeArguments) -> RegimeHistory:
    if arguments.regime is not None and arguments.regime not in REGIMES:
        raise BadArgument(f"regime must be one of {', '.join(REGIMES)}, not {arguments.regime!r}")
    symbol, now_ms = stored_symbol(arguments.symbol, context), context.clock.now_ms()
    asked_ts = now_ms // 1000 - arguments.days * 86_400
    seen = await kept_scores(context).regimes(symbol, since_ts=asked_ts)
    found = spans(seen, longest_gap_s=LONGEST_GAP_S)
    since_ts = seen[0].ts if seen else None
    is_current = bool(seen) and now_ms / 1000 - seen[-1].ts <= LONGEST_GAP_S
    why = f"{symbol} was not looked at lately: it is scored while it stands in the watchlist of the preferences"
    return RegimeHistory(
        ts=now_ms // 1000,
        symbol=symbol,
        days=arguments.days,
        current_regime=seen[-1].regime if is_current else None,
        current_label=LABELS[seen[-1].regime] if is_current else None,
        regime_summary={
            name: _regime_summary(name, rows)
            for name in REGIMES
            if (rows := [one for one in found if one.regime == name]) and arguments.regime in (None, name)
        },
        transitions=tuple(
            RegimeTransition(from_regime=before.regime, to_regime=after.regime, ts=after.from_ts, source=RECORD)
            for before, after in pairwise(found)
            if before.regime != after.regime and arguments.regime in (None, after.regime)
        ),
        since_ts=since_ts,
        note="own looks only: exchanges keep open interest and ratios for 30 days, and nothing is filled in afterwards",
        coverage=number(min(1.0, sum(one.to_ts - one.from_ts for one in found) / (arguments.days * 86_400))),
        unavailable=({} if seen else {"since_ts": why})
        | ({} if is_current else {"current_regime": why, "current_label": why}),
        sources=record_source(seen[-1].ts if seen else None, now_ms),
    )


def _regime_summary(name: RegimeName, rows: Sequence[RegimeSpan]) -> RegimeSummary:
    over = [one for one in rows if one.is_over]
    hours = mean_of(over, lambda one: (one.to_ts - one.from_ts) / 3_600)
    moved = mean_of(over, lambda one: one.return_pct)
    return RegimeSummary(
        occurrences=len(rows),
        avg_duration_h=digits(hours, 2),
        avg_return_pct=digits(moved, 3),
        label=LABELS[name],
        source=RECORD,
        unavailable={
            field: "none of them is over yet, or no price is known"
            for field, value in (("avg_duration_h", hours), ("avg_return_pct", moved))
            if value is None
        },
    )


SCORE_RECORD_OPERATIONS: Sequence[Operation] = (  # type: ignore[type-arg]  # of all kinds
    Operation(
        name="score_signals",
        summary="Confidences that were reached lately over all contracts that are scored, newest first.",
        arguments=SignalsArguments,
        result=ScoreSignals,
        run=signals,
        reads="stored",
        route="GET /v1/signals",
        keyed=True,
        tool=False,
    ),
    Operation(
        name="export_scores",
        summary="All looks at a contract as a table in CSV.",
        arguments=ExportArguments,
        result=ScoreExport,
        run=export,
        reads="stored",
        route="GET /v1/export",
        keyed=True,
        tool=False,
        body="csv",
        text_type="text/csv",
        examples=(Example(title="one contract", arguments={"symbol": "SOLUSDT"}),),
    ),
    Operation(
        name="regime_history",
        summary="In which states a contract was, how long and what its price did meanwhile, since it is scored here.",
        arguments=RegimeArguments,
        result=RegimeHistory,
        run=regime_history,
        reads="stored",
        route="GET /v1/regimes/history",
        keyed=True,
        tool=False,
        examples=(Example(title="a week", arguments={"symbol": "SOLUSDT", "days": 7}),),
    ),
)
