"""Scores in sentences, and of several contracts at once."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import msgspec

from altmonitor.operations.confirm import raise_stale
from altmonitor.operations.context import OperationContext
from altmonitor.operations.operation import Example, Operation
from altmonitor.operations.preferences import PreferencesRequest, read_preferences
from altmonitor.operations.score_inputs import ScoreInputs, inputs_of
from altmonitor.operations.score_values import (
    DISCLAIMER,
    SCORER_NAME,
    Coverage,
    ScorerName,
    SourceUsed,
    coverage_of,
    digits,
    sources_of,
)
from altmonitor.operations.symbols import OneSymbol, listed_symbol
from altmonitor.scores.composite import Action, Confidence, MarketScore, gate
from altmonitor.scores.liquidation_levels import CascadeRisk
from altmonitor.scores.readings import value_of
from altmonitor.scores.regimes import LABELS, RegimeName


class ScoreAnalysis(msgspec.Struct, frozen=True, kw_only=True):
    """Sentences made by rule from the same numbers; no model wrote them, and none of them is a recommendation.

    recommendation: always null. time_horizon: of the buckets the numbers are taken from.
    """

    ts: int
    symbol: str
    regime: RegimeName
    regime_label: str
    summary: str
    signal_conflicts: tuple[str, ...]
    risk_factors: tuple[str, ...]
    recommendation: str | None
    time_horizon: str
    coverage: Coverage
    unavailable: dict[str, str]
    sources: tuple[SourceUsed, ...]
    scorer: ScorerName = SCORER_NAME
    disclaimer: str = DISCLAIMER


async def analysis(context: OperationContext, arguments: OneSymbol) -> ScoreAnalysis:
    symbol = listed_symbol(arguments.symbol, context)
    inputs = await inputs_of(context, symbol)
    score = inputs.score
    if score.composite is None:
        raise_stale(context, inputs, ("analysis", symbol))
    said = "no leg is known" if score.composite is None else f"composite {score.composite:+.2f} as seen by a long"
    return ScoreAnalysis(
        ts=inputs.now_ms // 1000,
        symbol=symbol,
        regime=inputs.regime,
        regime_label=LABELS[inputs.regime],
        summary=f"{symbol}: {LABELS[inputs.regime]}; {said}, {score.coverage:.0%} of the inputs known.",
        signal_conflicts=_conflicts(score),
        risk_factors=_risks(inputs),
        recommendation=None,
        time_horizon="the last hour to four hours",
        coverage=coverage_of(score),
        unavailable={"recommendation": "no advice is given"},
        sources=sources_of(inputs),
    )


def _conflicts(score: MarketScore) -> tuple[str, ...]:
    known = [(f"{factor.name}", factor.score) for leg in score.legs.values() for factor in leg.factors if factor.score]
    longs = [name for name, value in known if value is not None and value >= 0.3]
    shorts = [name for name, value in known if value is not None and value <= -0.3]
    if not longs or not shorts:
        return ()
    return (f"{', '.join(longs)} speak for a long, {', '.join(shorts)} for a short",)


def _risks(inputs: ScoreInputs) -> tuple[str, ...]:
    found = []
    if inputs.levels is not None and inputs.levels.risk != "LOW":
        found.append(f"cascade risk {inputs.levels.risk} ({inputs.levels.method} liquidation levels)")
    funding = value_of(inputs.readings, "funding_rate")
    if funding is not None and abs(funding) >= 0.0005:
        found.append(f"funding {funding * 100:+.4f} % per 8 h")
    swing = value_of(inputs.readings, "volatility_1h_pct")
    if swing is not None and swing >= 3.0:
        found.append(f"a range of {swing:.1f} % within the last hour")
    crowd = value_of(inputs.readings, "long_pct")
    if crowd is not None and not 35.0 < crowd < 65.0:
        found.append(f"{crowd:.1f} % of accounts are long")
    return tuple(found)


# --- several contracts --------------------------------------------------------------------------------------------


class WatchedScore(msgspec.Struct, frozen=True, kw_only=True):
    """confidence, action: of a long. unavailable: field → why it is null."""

    symbol: str
    confidence: Confidence
    action: Action
    composite: float | None
    regime: RegimeName
    cascade_risk: CascadeRisk | None
    unavailable: dict[str, str]
    sources: tuple[SourceUsed, ...]


class ScoreWatchlist(msgspec.Struct, frozen=True, kw_only=True):
    """In the order of the preferences."""

    ts: int
    watchlist: tuple[WatchedScore, ...]
    coverage: float
    scorer: ScorerName = SCORER_NAME
    disclaimer: str = DISCLAIMER


async def watchlist(context: OperationContext, arguments: PreferencesRequest) -> ScoreWatchlist:
    preferences = await read_preferences(context)
    found = await asyncio.gather(*(inputs_of(context, symbol) for symbol in preferences.watchlist))
    rows = tuple(map(_watched, found))
    covered = sum(row.composite is not None for row in rows)
    return ScoreWatchlist(
        ts=context.clock.now_ms() // 1000, watchlist=rows, coverage=covered / len(rows) if rows else 0.0
    )


def _watched(inputs: ScoreInputs) -> WatchedScore:
    score = inputs.score
    judged = gate(score, "long")
    missing = {"composite": judged.capped or "no leg is known"} if score.composite is None else {}
    if inputs.levels is None:
        missing["cascade_risk"] = inputs.levels_reason
    return WatchedScore(
        symbol=inputs.symbol,
        confidence=judged.confidence,
        action=judged.action,
        composite=digits(score.composite),
        regime=inputs.regime,
        cascade_risk=None if inputs.levels is None else inputs.levels.risk,
        unavailable=missing,
        sources=sources_of(inputs),
    )


ANALYSIS_OPERATIONS: Sequence[Operation] = (  # type: ignore[type-arg]  # of all kinds
    Operation(
        name="score_analysis",
        summary="State, conflicts and risks of a contract in sentences made by rule from its scores.",
        arguments=OneSymbol,
        result=ScoreAnalysis,
        run=analysis,
        reads="exchange",
        route="GET /v1/analysis",
        keyed=True,
        tool=False,
        examples=(Example(title="one contract", arguments={"symbol": "SOLUSDT"}),),
    ),
    Operation(
        name="score_watchlist",
        summary="Score, state and cascade risk of the contracts of the preferences, in their order.",
        arguments=PreferencesRequest,
        result=ScoreWatchlist,
        run=watchlist,
        reads="exchange",
        route="GET /v1/watchlist",
        keyed=True,
        tool=False,
    ),
)
