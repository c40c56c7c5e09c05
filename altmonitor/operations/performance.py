"""What followed signals, beside chance; what such odds would bear. Nothing is claimed below a number of samples."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Annotated, Final

import msgspec

from altmonitor.core.outcome import HORIZONS_MIN, OutcomeRow, OutcomeVerdict
from altmonitor.operations.arguments import WORDS
from altmonitor.operations.context import OperationContext
from altmonitor.operations.errors import BadArgument
from altmonitor.operations.operation import Operation
from altmonitor.operations.preferences import kept_scores
from altmonitor.operations.score_record import RECORD, record_source
from altmonitor.operations.score_values import (
    DISCLAIMER,
    SCORER_NAME,
    ScorerName,
    SourceUsed,
    digits,
    number,
)
from altmonitor.replay.outcome_summary import summary_of
from altmonitor.scores.composite import Confidence
from altmonitor.scores.record import (
    FEWEST_SAMPLES,
    SLIPPAGE_PCT,
    ConfidenceRecord,
    SignalOutcome,
    by_confidence,
    curve,
)
from altmonitor.scores.version import SCORER, SCORER_FROZEN_TS
from altmonitor.storage.outcome_records import NEWEST, RecordedOutcome
from altmonitor.storage.score_store import ScoreStore

HORIZON_MIN: Final = 60
CURVE_POINTS: Final = 500
MOST_OUTCOMES: Final = 50_000
JUDGED: Final[tuple[Confidence, ...]] = ("HIGH", "MEDIUM", "VETO")
TOO_FEW: Final = f"fewer than {FEWEST_SAMPLES} signals have been followed to their horizon"
NONE_YET: Final = "no signal has been followed to its horizon yet"

_HORIZONS = ", ".join(map(str, HORIZONS_MIN))
Horizon = Annotated[
    int,
    msgspec.Meta(
        ge=HORIZONS_MIN[0],
        le=HORIZONS_MIN[-1],
        description=f"Minutes after the entry: {_HORIZONS}.",
        extra={WORDS: f"one of {_HORIZONS}"},
    ),
]


class ScorePerformanceArguments(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    days: Annotated[int, msgspec.Meta(ge=1, le=3_650)] = 30
    horizon_min: Horizon = HORIZON_MIN


class ConfidencePerformance(msgspec.Struct, frozen=True, kw_only=True):
    """Of signals in their direction, gross. win_rate: share that went on."""

    win_rate: float | None
    samples: int
    avg_return_pct: float | None
    source: str
    unavailable: dict[str, str]


class VetoPerformance(msgspec.Struct, frozen=True, kw_only=True):
    """correct_avoidance_rate: share of vetoed trades that would not have gone on."""

    correct_avoidance_rate: float | None
    samples: int
    source: str
    unavailable: dict[str, str]


class ScorePerformance(msgspec.Struct, frozen=True, kw_only=True):
    """Own signals only, since this program scores; entry at the first minute after a signal was known."""

    ts: int
    days: int
    horizon_min: int
    by_confidence: dict[str, ConfidencePerformance]
    veto: VetoPerformance = msgspec.field(name="VETO")
    pending: int
    fee_pct: float
    coverage: float
    sources: tuple[SourceUsed, ...]
    scorer: ScorerName = SCORER_NAME
    disclaimer: str = DISCLAIMER


async def performance(context: OperationContext, arguments: ScorePerformanceArguments) -> ScorePerformance:
    checked_horizon(arguments.horizon_min)
    store, now_ms = kept_scores(context), context.clock.now_ms()
    found = await signal_outcomes(store, arguments.horizon_min, now_ms // 1000 - arguments.days * 86_400)
    records = by_confidence(found)
    known = [one for one in found if one.return_pct is not None]
    newest = found[-1].entry_ts if found else await store.first_look_ts()
    return ScorePerformance(
        ts=now_ms // 1000,
        days=arguments.days,
        horizon_min=arguments.horizon_min,
        by_confidence={name: _confidence(records[name]) for name in ("HIGH", "MEDIUM", "LOW")},
        veto=VetoPerformance(
            correct_avoidance_rate=digits(records["VETO"].win_rate),
            samples=records["VETO"].samples,
            source=RECORD,
            unavailable={} if records["VETO"].samples else {"correct_avoidance_rate": NONE_YET},
        ),
        pending=len(found) - len(known),
        fee_pct=context.config.taker_fee_pct,
        coverage=number(len(known) / len(found)) if found else 0.0,
        sources=record_source(newest, now_ms),
    )


def _confidence(one: ConfidenceRecord) -> ConfidencePerformance:
    return ConfidencePerformance(
        win_rate=digits(one.win_rate),
        samples=one.samples,
        avg_return_pct=digits(one.avg_return_pct),
        source=RECORD,
        unavailable={} if one.samples else dict.fromkeys(("win_rate", "avg_return_pct"), NONE_YET),
    )


def checked_horizon(given: int) -> None:
    """Raises: BadArgument."""
    if given not in HORIZONS_MIN:
        raise BadArgument(f"horizon_min must be one of {_HORIZONS}, not {given}")


async def signal_outcomes(store: ScoreStore, horizon_min: int, since_ts: int) -> list[SignalOutcome]:
    """Of the scorer in force, oldest → newest."""
    rows = await store.returns(horizon_min=horizon_min, since_ts=since_ts)
    return [
        SignalOutcome(
            symbol=signal.symbol,
            direction=signal.direction,
            confidence=signal.confidence,
            entry_ts=signal.ts,
            scorer=signal.scorer,
            return_pct=value,
        )
        for signal, value in rows
        if signal.scorer == SCORER
    ]


# --- the whole record ---------------------------------------------------------------------------------------------


class TrackRecordArguments(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    horizon_min: Horizon = HORIZON_MIN


class TrackRow(msgspec.Struct, frozen=True, kw_only=True):
    """moments: independent ones, a storm is one; means and hit are over moments. hit: share that went on, with its
    interval; control_hit: that of comparable minutes of the same contract. net_pct: after fees of both sides.

    For VETO everything is of the trade that was kept out of. p: of the test against comparable minutes.
    """

    signals: int
    moments: int
    hit: float | None
    hit_low: float | None
    hit_high: float | None
    control_hit: float | None
    mean_pct: float | None
    net_pct: float | None
    beyond_control_pct: float | None
    p: float | None
    verdict: OutcomeVerdict
    source: str
    unavailable: dict[str, str]


class CurveValue(msgspec.Struct, frozen=True, kw_only=True):
    """Sums of percent a signal, not compounded."""

    ts: int
    gross_pct: float
    net_of_fees_pct: float
    net_of_slippage_pct: float
    source: str


class ForwardHoldout(msgspec.Struct, frozen=True, kw_only=True):
    """All of the record is one: formulas were frozen before the first signal, and nothing earlier is in it."""

    since_ts: int
    signals: int
    resolved: int
    is_enough: bool
    source: str


class TrackRecord(msgspec.Struct, frozen=True, kw_only=True):
    """curves: of HIGH and MEDIUM, at most the newest 500 points. slippage_pct: assumed, each side."""

    ts: int
    horizon_min: int
    scorer_frozen_ts: int
    forward_holdout: ForwardHoldout
    min_resolved_sample: int
    by_confidence: dict[str, TrackRow]
    curves: dict[str, tuple[CurveValue, ...]]
    fee_pct: float
    slippage_pct: float
    verdict: str
    coverage: float
    sources: tuple[SourceUsed, ...]
    scorer: ScorerName = SCORER_NAME
    disclaimer: str = DISCLAIMER


async def track_record(context: OperationContext, arguments: TrackRecordArguments) -> TrackRecord:
    checked_horizon(arguments.horizon_min)
    store, now_ms = kept_scores(context), context.clock.now_ms()
    fee_pct = context.config.taker_fee_pct
    found = await signal_outcomes(store, arguments.horizon_min, SCORER_FROZEN_TS)
    recorded = await _recorded(store)
    rows = await asyncio.to_thread(_rows, recorded, arguments.horizon_min, fee_pct)
    resolved = sum(one.return_pct is not None for one in found)
    return TrackRecord(
        ts=now_ms // 1000,
        horizon_min=arguments.horizon_min,
        scorer_frozen_ts=SCORER_FROZEN_TS,
        forward_holdout=ForwardHoldout(
            since_ts=SCORER_FROZEN_TS,
            signals=len(found),
            resolved=resolved,
            is_enough=resolved >= FEWEST_SAMPLES,
            source=RECORD,
        ),
        min_resolved_sample=FEWEST_SAMPLES,
        by_confidence={name: _track_row(rows.get(name)) for name in JUDGED},
        curves={name: _curve(found, name, fee_pct) for name in ("HIGH", "MEDIUM")},
        fee_pct=fee_pct,
        slippage_pct=SLIPPAGE_PCT,
        verdict=_verdict(rows, resolved),
        coverage=number(resolved / len(found)) if found else 0.0,
        sources=record_source(found[-1].entry_ts if found else await store.first_look_ts(), now_ms),
    )


async def _recorded(store: ScoreStore) -> list[RecordedOutcome]:
    found: list[RecordedOutcome] = []
    place: tuple[int, int] | None = NEWEST
    while place is not None and len(found) < MOST_OUTCOMES:
        page, place = await store.outcomes.recorded(place)
        found += page
    return found


def _rows(recorded: Sequence[RecordedOutcome], horizon_min: int, fee_pct: float) -> Mapping[str, OutcomeRow]:
    """By confidence; Holm's correction is over the horizons of one. Takes a while, meant for a thread."""
    found: dict[str, OutcomeRow] = {}
    for name in JUDGED:
        of_name = [one for one in recorded if one.key.split(":")[1] == name]
        if of_name:
            summary = summary_of(of_name, detectors=SCORER, settings=None, fee_pct=fee_pct, since_ms=None, pending=0)
            found.update((name, row) for row in summary.whole if row.horizon_min == horizon_min)
    return found


def _track_row(row: OutcomeRow | None) -> TrackRow:
    fields = ("hit", "hit_low", "hit_high", "control_hit", "mean_pct", "net_pct", "beyond_control_pct", "p")
    values = {name: None if row is None else digits(getattr(row, name)) for name in fields}
    return TrackRow(
        signals=0 if row is None else row.alerts,
        moments=0 if row is None else row.moments,
        verdict="too_few" if row is None or row.verdict is None else row.verdict,
        source=RECORD,
        unavailable={name: NONE_YET if row is None else TOO_FEW for name, value in values.items() if value is None},
        **values,
    )


def _curve(found: Sequence[SignalOutcome], name: str, fee_pct: float) -> tuple[CurveValue, ...]:
    points = curve([one for one in found if one.confidence == name], fee_pct=fee_pct)[-CURVE_POINTS:]
    return tuple(
        CurveValue(
            ts=one.ts,
            gross_pct=number(one.gross_pct),
            net_of_fees_pct=number(one.net_of_fees_pct),
            net_of_slippage_pct=number(one.net_of_slippage_pct),
            source=RECORD,
        )
        for one in points
    )


def _verdict(rows: Mapping[str, OutcomeRow], resolved: int) -> str:
    """What may be said of all of it."""
    if resolved < FEWEST_SAMPLES:
        return f"nothing can be said: {TOO_FEW} ({resolved} have)"
    beyond = [name for name in JUDGED if name in rows and rows[name].verdict == "more_than_chance"]
    return f"more than chance: {', '.join(beyond)}" if beyond else "not distinguishable from chance"


PERFORMANCE_OPERATIONS: Sequence[Operation] = (  # type: ignore[type-arg]  # of all kinds
    Operation(
        name="score_performance",
        summary="What followed own signals in the last days, by confidence, at one horizon.",
        arguments=ScorePerformanceArguments,
        result=ScorePerformance,
        run=performance,
        reads="stored",
        route="GET /v1/performance",
        keyed=True,
        tool=False,
    ),
    Operation(
        name="score_track_record",
        summary="All that is known of what followed signals of the frozen scorer, beside comparable minutes, with "
        "curves before and after costs.",
        arguments=TrackRecordArguments,
        result=TrackRecord,
        run=track_record,
        reads="stored",
        route="GET /v1/performance/track-record",
        keyed=True,
    ),
)
