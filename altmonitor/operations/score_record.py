"""What was scored over time: signals, states, a table to take away."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Annotated, Literal

import msgspec

from altmonitor.operations.context import OperationContext
from altmonitor.operations.errors import BadArgument
from altmonitor.operations.market import LAST_SECOND
from altmonitor.operations.operation import Example, Operation
from altmonitor.operations.preferences import kept_scores
from altmonitor.operations.score_values import DISCLAIMER, SourceUsed, number
from altmonitor.operations.symbols import SymbolWord, must_be_known, stored_symbol
from altmonitor.scores.composite import Confidence, TradeSide
from altmonitor.storage.score_store import ScoreLook, ScoreSignal

RECORD = "altmonitor:own record"
EXPORT_MOST = 50_000

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
    must_be_known(arguments.symbol, context, is_stored=bool(found))
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
    must_be_known(arguments.symbol, context, is_stored=bool(looks))
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    names = ScoreLook.__slots__
    writer.writerow(names)
    writer.writerows([safe_cell(getattr(one, name)) for name in names] for one in looks)
    return ScoreExport(csv=out.getvalue())


def safe_cell(value: object) -> object:
    """Text that a table would take for a formula stands behind an apostrophe."""
    return f"'{value}" if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")) else value


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
)
