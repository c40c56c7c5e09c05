"""Three legs → one number, and what it says about a trade in a direction.

The number for a short is the number for a long with the other sign; all adjustments shrink it, none can turn it round.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from altmonitor.scores.legs import LEGS, Leg, LegName, clamped, leg
from altmonitor.scores.readings import Readings

TradeSide = Literal["long", "short"]
Confidence = Literal["HIGH", "MEDIUM", "LOW", "VETO", "NO_DATA"]
Action = Literal["CONFIRM_FULL", "CONFIRM_REDUCED", "CONFIRM_MINIMAL", "VETO_SKIP", "NO_DATA_SKIP"]
ActionV1 = Literal["CONFIRM", "REDUCE", "SKIP", "VETO"]
WeightsMode = Literal["full", "renormalised", "none"]

LEG_WEIGHTS: Final[Mapping[LegName, float]] = {"derivatives": 0.40, "whale": 0.35, "onchain": 0.25}

HIGH_FROM: Final = 0.50
MEDIUM_FROM: Final = 0.20
VETO_TO: Final = -0.30
FEWEST_COVERAGE: Final = 0.25
"""Of all that a composite is made of: below it nothing is said."""
HIGH_NEEDS_COVERAGE: Final = 0.5
"""Of the derivatives and of the whale leg each."""
DISAGREE_FROM: Final = 0.20
DISAGREE_SHRINKS: Final = 0.25
THIN_BELOW: Final = 0.5
THIN_SHRINKS: Final = 0.25
CASCADE_SHRINKS: Final = 0.15

ACTIONS: Final[Mapping[Confidence, Action]] = {
    "HIGH": "CONFIRM_FULL",
    "MEDIUM": "CONFIRM_REDUCED",
    "LOW": "CONFIRM_MINIMAL",
    "VETO": "VETO_SKIP",
    "NO_DATA": "NO_DATA_SKIP",
}
ACTIONS_V1: Final[Mapping[Confidence, ActionV1]] = {
    "HIGH": "CONFIRM",
    "MEDIUM": "REDUCE",
    "LOW": "SKIP",
    "VETO": "VETO",
    "NO_DATA": "SKIP",
}
SIZES: Final[Mapping[Confidence, float]] = {"HIGH": 1.5, "MEDIUM": 1.0, "LOW": 0.5, "VETO": 0.0, "NO_DATA": 0.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Adjustment:
    """delta: added to the base composite, always towards 0."""

    name: str
    delta: float
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketScore:
    """Of one contract, as seen by a long. base: None when no leg is known, and then composite is None too.

    weights: what each leg counts, adding up to 1, 0 for one that is not known.
    """

    legs: Mapping[LegName, Leg]
    weights: Mapping[LegName, float]
    weights_mode: WeightsMode
    base: float | None
    adjustments: tuple[Adjustment, ...]
    composite: float | None

    @property
    def coverage(self) -> float:
        """Share of the whole design that is known, 0…1."""
        return sum(LEG_WEIGHTS[name] * one.coverage for name, one in self.legs.items())


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeGate:
    """What a score says about a trade. composite: in its direction; None: nothing is said. capped: why a confidence is
    lower than the number alone would have it."""

    direction: TradeSide
    composite: float | None
    confidence: Confidence
    action: Action
    action_v1: ActionV1
    size_mult: float
    capped: str | None = None


def weighed(scores: Mapping[LegName, tuple[float | None, float]]) -> tuple[float | None, Mapping[LegName, float]]:
    """(score or None, staleness factor) by leg → their weighted mean, and what each counted."""
    counted = {
        name: LEG_WEIGHTS[name] * fresh for name, (score, fresh) in scores.items() if score is not None and fresh > 0
    }
    total = sum(counted.values())
    weights = {name: counted.get(name, 0.0) / total if total else 0.0 for name in LEG_WEIGHTS}
    if not total:
        return None, weights
    return sum(weights[name] * (scores[name][0] or 0.0) for name in counted), weights


def score_market(readings: Readings, *, now_ms: int, cascade_score: float | None = None) -> MarketScore:
    """cascade_score: 0…1, see liquidation_levels; None where it is not known."""
    legs = {name: leg(name, readings, now_ms) for name in LEGS}
    base, weights = weighed({name: (one.score, one.staleness_factor) for name, one in legs.items()})
    if base is None:
        return MarketScore(legs=legs, weights=weights, weights_mode="none", base=None, adjustments=(), composite=None)
    coverage = sum(LEG_WEIGHTS[name] * one.coverage for name, one in legs.items())
    adjustments = _adjustments(base, legs, coverage, cascade_score)
    return MarketScore(
        legs=legs,
        weights=weights,
        weights_mode="full" if all(one.score is not None for one in legs.values()) else "renormalised",
        base=base,
        adjustments=adjustments,
        composite=clamped(base + sum(one.delta for one in adjustments)),
    )


def _adjustments(
    base: float, legs: Mapping[LegName, Leg], coverage: float, cascade_score: float | None
) -> tuple[Adjustment, ...]:
    found = []
    scores = [one.score for one in legs.values() if one.score is not None]
    if max(scores) >= DISAGREE_FROM and min(scores) <= -DISAGREE_FROM:
        found.append(Adjustment(name="legs_disagree", delta=-DISAGREE_SHRINKS * base, reason="legs point both ways"))
    if coverage < THIN_BELOW:
        reason = f"{coverage:.0%} of the inputs are known"
        found.append(Adjustment(name="thin_coverage", delta=-THIN_SHRINKS * base, reason=reason))
    if cascade_score:
        reason = f"cascade risk {cascade_score:.2f}"
        found.append(Adjustment(name="cascade_risk", delta=-CASCADE_SHRINKS * cascade_score * base, reason=reason))
    return tuple(found)


def gate(score: MarketScore, direction: TradeSide) -> TradeGate:
    """Whether a trade in that direction goes with the score."""
    confidence, capped, composite = _confidence(score, direction)
    return TradeGate(
        direction=direction,
        composite=composite,
        confidence=confidence,
        action=ACTIONS[confidence],
        action_v1=ACTIONS_V1[confidence],
        size_mult=SIZES[confidence],
        capped=capped,
    )


def _confidence(score: MarketScore, direction: TradeSide) -> tuple[Confidence, str | None, float | None]:
    if score.composite is None:
        return "NO_DATA", "no leg is known", None
    composite = score.composite if direction == "long" else -score.composite
    if score.coverage < FEWEST_COVERAGE:
        return "NO_DATA", f"only {score.coverage:.0%} of the inputs are known", composite
    if composite <= VETO_TO:
        return "VETO", None, composite
    if composite < MEDIUM_FROM:
        return "LOW", None, composite
    if composite < HIGH_FROM:
        return "MEDIUM", None, composite
    thin = [name for name in ("derivatives", "whale") if score.legs[name].coverage < HIGH_NEEDS_COVERAGE]
    if thin:
        return "MEDIUM", f"HIGH needs half of the {' and the '.join(thin)} leg to be known", composite
    return "HIGH", None, composite
