"""Does a trade go with the score of a contract, and what is that score made of."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Annotated, Final

import msgspec

from altmonitor.core.errors import StorageError
from altmonitor.operations.arguments import PRINTABLE, WORDS
from altmonitor.operations.context import OperationContext
from altmonitor.operations.errors import DataStale
from altmonitor.operations.known_fundings import NO_WEIGHTS, average_of
from altmonitor.operations.operation import Example, Operation
from altmonitor.operations.score_inputs import NO_ONCHAIN, ScoreInputs, inputs_of
from altmonitor.operations.score_values import (
    DISCLAIMER,
    SCORER_NAME,
    AdjustmentValue,
    Coverage,
    Direction,
    LegValue,
    MetricValue,
    ScorerName,
    SourceUsed,
    adjustments_of,
    coverage_of,
    digits,
    factors_of,
    metric_value,
    missing_scores,
    number,
    reading_value,
    reasons_of,
    sources_of,
)
from altmonitor.operations.symbols import OneSymbol, SymbolWord, listed_symbol
from altmonitor.scores.composite import (
    Action,
    ActionV1,
    Confidence,
    MarketScore,
    TradeGate,
    WeightsMode,
    gate,
)
from altmonitor.scores.legs import LegName
from altmonitor.scores.liquidation_levels import CascadeRisk
from altmonitor.scores.readings import METRICS, UNITS, Metric
from altmonitor.scores.regimes import LABELS, RegimeName
from altmonitor.scores.version import SCORER
from altmonitor.storage.score_store import ScoreSignal

log = logging.getLogger(__name__)

WORTH_KEEPING: Final = ("HIGH", "MEDIUM", "VETO")


class ConfirmArguments(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """source: who asks, for the record."""

    symbol: SymbolWord
    direction: Direction
    source: Annotated[
        str,
        msgspec.Meta(
            max_length=32,
            pattern=PRINTABLE,
            description="Who asks, for the record.",
            extra={WORDS: "text of 0 to 32 characters"},
        ),
    ] = ""


class Confirmation(msgspec.Struct, frozen=True, kw_only=True):
    """Scores −1…1 in the direction asked for: a short's are a long's with the other sign. ts: unix seconds.

    action_v1: the same in the four words of older programs. size_mult: what a size may be multiplied with by that rule.
    weights_mode: `renormalised` where a leg is not known and the others count for more. capped: why the confidence is
    lower than the number alone would have it. unavailable: field → why it is null.
    """

    ts: int
    symbol: str
    direction: str
    composite: float | None
    confidence: Confidence
    action: Action
    action_v1: ActionV1
    size_mult: float
    deriv_score: float | None
    whale_score: float | None
    onchain_score: float | None
    base_composite: float | None
    adjustments: tuple[AdjustmentValue, ...]
    weights_mode: WeightsMode
    factors: dict[LegName, LegValue]
    coverage: Coverage
    reasons: tuple[str, ...]
    capped: str | None
    unavailable: dict[str, str]
    sources: tuple[SourceUsed, ...]
    scorer: ScorerName = SCORER_NAME
    disclaimer: str = DISCLAIMER


async def confirm(context: OperationContext, arguments: ConfirmArguments) -> Confirmation:
    symbol = listed_symbol(arguments.symbol, context)
    inputs = await inputs_of(context, symbol)
    score = inputs.score
    asked = ("confirm", symbol, arguments.direction)
    if score.composite is None:
        raise_stale(context, inputs, asked)
    judged = gate(score, arguments.direction)
    answer = confirmation(inputs, score, judged)
    context.score_cache.last[asked] = msgspec.to_builtins(answer)
    await _record(context, inputs, judged, arguments.source)
    return answer


def confirmation(inputs: ScoreInputs, score: MarketScore, judged: TradeGate) -> Confirmation:
    sign = 1.0 if judged.direction == "long" else -1.0

    def leg_score(name: LegName) -> float | None:
        found = score.legs[name].score
        return None if found is None else number(found * sign)

    return Confirmation(
        ts=inputs.now_ms // 1000,
        symbol=inputs.symbol,
        direction=judged.direction,
        composite=digits(judged.composite),
        confidence=judged.confidence,
        action=judged.action,
        action_v1=judged.action_v1,
        size_mult=judged.size_mult,
        deriv_score=leg_score("derivatives"),
        whale_score=leg_score("whale"),
        onchain_score=leg_score("onchain"),
        base_composite=None if score.base is None else number(score.base * sign),
        adjustments=adjustments_of(score, sign),
        weights_mode=score.weights_mode,
        factors=factors_of(score, sign),
        coverage=coverage_of(score),
        reasons=reasons_of(inputs, score, sign),
        capped=judged.capped,
        unavailable=missing_scores(score) | ({} if judged.capped else {"capped": "nothing was lowered"}),
        sources=sources_of(inputs, _metrics_of(score)),
    )


def raise_stale(context: OperationContext, inputs: ScoreInputs, asked: tuple[str, ...]) -> None:
    """Raises: DataStale where venues do not answer; nothing where they have no such numbers."""
    if inputs.failures:
        raise DataStale(
            f"{inputs.symbol}: no leg is known now ({'; '.join(inputs.failures)})",
            data=context.score_cache.last.get(asked),
        )


def _metrics_of(score: MarketScore) -> list[Metric]:
    return [
        metric
        for one in score.legs.values()
        for factor in one.factors
        if factor.score is not None
        for metric in factor.metrics
    ]


async def _record(context: OperationContext, inputs: ScoreInputs, judged: TradeGate, source: str) -> None:
    if context.scores is None or judged.confidence not in WORTH_KEEPING or judged.composite is None:
        return
    try:
        await context.scores.add_signal(
            ScoreSignal(
                ts=inputs.now_ms // 1000,
                symbol=inputs.symbol,
                direction=judged.direction,
                confidence=judged.confidence,
                composite=round(judged.composite, 4),
                price=inputs.price,
                scorer=SCORER,
                source=f"asked:{source}",
            )
        )
    except StorageError as problem:  # an answer does not fail because it cannot be kept
        log.warning("what was answered of %s is not kept: %s", inputs.symbol, problem)


# --- what it is made of -------------------------------------------------------------------------------------------


class ScoreSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    """As seen by a long. metrics: the numbers scores are made of and some beside, each with source and age.

    open_interest_by_venue: of every venue that is watched and lists it, USD of one side at its last price there;
    open_interest_all_usd: their sum. funding_average: over venues, each weighted by its open interest; no score has it.
    """

    ts: int
    symbol: str
    composite: float | None
    base_composite: float | None
    deriv_score: float | None
    whale_score: float | None
    onchain_score: float | None
    factors: dict[LegName, LegValue]
    metrics: dict[Metric, MetricValue]
    open_interest_by_venue: dict[str, MetricValue]
    open_interest_all_usd: float | None
    funding_average: MetricValue
    regime: RegimeName
    regime_label: str
    cascade_risk: CascadeRisk | None
    coverage: Coverage
    unavailable: dict[str, str]
    sources: tuple[SourceUsed, ...]
    scorer: ScorerName = SCORER_NAME
    disclaimer: str = DISCLAIMER


async def score_snapshot(context: OperationContext, arguments: OneSymbol) -> ScoreSnapshot:
    symbol = listed_symbol(arguments.symbol, context)
    inputs = await inputs_of(context, symbol)
    score, levels = inputs.score, inputs.levels
    asked = ("snapshot", symbol)
    held, not_told = inputs.open_interests, inputs.open_interests_missing
    missing = missing_scores(score) | ({"cascade_risk": inputs.levels_reason} if levels is None else {})
    if not_told:
        missing["open_interest_all_usd"] = f"not told lately by venues that list it: {', '.join(not_told)}"
    elif not held:
        missing["open_interest_all_usd"] = "open interest of its venues is known where a monitor runs, here or beside"
    if score.composite is None:
        raise_stale(context, inputs, asked)
    answer = ScoreSnapshot(
        ts=inputs.now_ms // 1000,
        symbol=symbol,
        composite=digits(score.composite),
        base_composite=digits(score.base),
        deriv_score=digits(score.legs["derivatives"].score),
        whale_score=digits(score.legs["whale"].score),
        onchain_score=digits(score.legs["onchain"].score),
        factors=factors_of(score, 1.0),
        metrics={metric: metric_value(inputs, metric) for metric in METRICS},
        open_interest_by_venue={venue: reading_value(one, inputs.now_ms) for venue, one in held.items()},
        open_interest_all_usd=digits(inputs.open_interest_all_usd, 0),
        funding_average=_funding_average(inputs),
        regime=inputs.regime,
        regime_label=LABELS[inputs.regime],
        cascade_risk=None if levels is None else levels.risk,
        coverage=coverage_of(score),
        unavailable=missing,
        sources=sources_of(inputs),
    )
    context.score_cache.last[asked] = msgspec.to_builtins(answer)
    return answer


def _funding_average(inputs: ScoreInputs) -> MetricValue:
    found, source = average_of(inputs.fundings)
    return MetricValue(
        value=None if found is None else digits(found.rate_8h, 8),
        unit=UNITS["funding_rate"],
        source=source,
        age_s=None if found is None else number(max(0, inputs.now_ms - found.at_ms) / 1000, 1),
        unavailable=None if found is not None else inputs.fundings_reason or NO_WEIGHTS,
    )


class OnChain(msgspec.Struct, frozen=True, kw_only=True):
    """Nothing of it can be had from an exchange: null with its reason until an on-chain provider is configured."""

    ts: int
    symbol: str
    mvrv: float | None
    sopr: float | None
    exchange_net_flow_usd: float | None
    realised_cap_ratio: float | None
    cycle: str | None
    unavailable: dict[str, str]
    coverage: float = 0.0
    sources: tuple[SourceUsed, ...] = ()


async def onchain(context: OperationContext, arguments: OneSymbol) -> OnChain:
    return OnChain(
        ts=context.clock.now_ms() // 1000,
        symbol=listed_symbol(arguments.symbol, context),
        mvrv=None,
        sopr=None,
        exchange_net_flow_usd=None,
        realised_cap_ratio=None,
        cycle=None,
        unavailable=dict.fromkeys(("mvrv", "sopr", "exchange_net_flow_usd", "realised_cap_ratio", "cycle"), NO_ONCHAIN),
    )


CONFIRM_OPERATIONS: Sequence[Operation] = (  # type: ignore[type-arg]  # of all kinds
    Operation(
        name="confirm_trade",
        summary="Does a trade in a direction go with the score of a contract: composite, confidence, action, size "
        "factor, and every part of it with source and age.",
        arguments=ConfirmArguments,
        result=Confirmation,
        run=confirm,
        reads="exchange",
        route="GET /v1/confirm",
        keyed=True,
        examples=(Example(title="a long", arguments={"symbol": "SOLUSDT", "direction": "long"}),),
    ),
    Operation(
        name="score_snapshot",
        summary="Scores of a contract with all raw numbers they are made of, each with source and age, or the "
        "reason why it is not known.",
        arguments=OneSymbol,
        result=ScoreSnapshot,
        run=score_snapshot,
        reads="exchange",
        route="GET /v1/snapshot",
        keyed=True,
        tool=False,
        examples=(Example(title="one contract", arguments={"symbol": "SOLUSDT"}),),
    ),
    Operation(
        name="onchain",
        summary="On-chain figures of a coin: none of them can be had from an exchange, each is null with its reason.",
        arguments=OneSymbol,
        result=OnChain,
        run=onchain,
        route="GET /v1/onchain",
        keyed=True,
        tool=False,
        examples=(Example(title="one coin", arguments={"symbol": "SOLUSDT"}),),
    ),
)
