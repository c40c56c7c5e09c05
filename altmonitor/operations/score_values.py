"""Parts of the answers about scores: a number beside its source and age, or null beside the reason."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated, Final, Literal

import msgspec

from altmonitor.operations.known_fundings import funding_source, open_interest_source
from altmonitor.operations.score_inputs import ScoreInputs
from altmonitor.positioning.funding import SizedFunding
from altmonitor.positioning.units import rounded
from altmonitor.scores.composite import MarketScore
from altmonitor.scores.legs import Factor, Leg, LegName
from altmonitor.scores.readings import METRICS, UNITS, Metric, MetricReading, reason_of, value_of
from altmonitor.scores.version import SCORER, SCORER_FROZEN_TS, SCORER_HASH

DISCLAIMER: Final = "Public exchange data put together by fixed rules. Not advice; what became of it: /v1/performance."

Direction = Annotated[Literal["long", "short"], msgspec.Meta(description="Of the trade that is asked about.")]


class SourceUsed(msgspec.Struct, frozen=True, kw_only=True):
    """name: as parts of the answer refer to it. age_s: of its oldest number in the answer."""

    name: str
    venue: str
    endpoint: str
    age_s: float


class MetricValue(msgspec.Struct, frozen=True, kw_only=True):
    """value: in `unit`; null: `unavailable` says why."""

    value: float | None
    unit: str
    source: str | None
    age_s: float | None
    unavailable: str | None


class FactorValue(msgspec.Struct, frozen=True, kw_only=True):
    """score: −1…1 in the direction asked for. weight: within its leg."""

    name: str
    score: float | None
    weight: float
    source: str | None
    age_s: float | None
    unavailable: str | None


class LegValue(msgspec.Struct, frozen=True, kw_only=True):
    """score: −1…1 in the direction asked for; weighted: score × weight. weight: what it counts now, 0 where it is not
    known. staleness_factor: 1 when all in it is fresh. parts: what it is made of."""

    score: float | None
    weight: float
    weighted: float | None
    source: str | None
    staleness_factor: float | None
    age_s: float | None
    unavailable: str | None
    parts: tuple[FactorValue, ...]


class Coverage(msgspec.Struct, frozen=True, kw_only=True):
    """Share of what each leg is made of that is known, 0…1."""

    derivatives: float
    whale: float
    onchain: float


class AdjustmentValue(msgspec.Struct, frozen=True, kw_only=True):
    """delta: added to the base composite, always towards 0."""

    name: str
    delta: float
    reason: str
    source: str


class ScorerName(msgspec.Struct, frozen=True, kw_only=True):
    """Which formulas; frozen_ts: unix seconds since when they have not changed. hash: of what they give over a grid."""

    version: str = SCORER
    frozen_ts: int = SCORER_FROZEN_TS
    hash: str = SCORER_HASH


SCORER_NAME: Final = ScorerName()


def digits(value: float | None, count: int = 4) -> float | None:
    """count: decimals. None stays None."""
    return rounded(value, count)


def number(value: float, count: int = 4) -> float:
    """Rounded, and never −0."""
    return round(value, count) + 0.0


def metric_value(inputs: ScoreInputs, metric: Metric) -> MetricValue:
    found = inputs.readings.get(metric)
    is_known = isinstance(found, MetricReading)
    return MetricValue(
        value=digits(found.value, 8) if isinstance(found, MetricReading) else None,
        unit=UNITS[metric],
        source=found.source if isinstance(found, MetricReading) else None,
        age_s=number(found.age_s(inputs.now_ms), 1) if isinstance(found, MetricReading) else None,
        unavailable=None if is_known else reason_of(inputs.readings, metric),
    )


def reading_value(one: MetricReading, now_ms: int) -> MetricValue:
    """Of open interest, in USD."""
    return MetricValue(
        value=number(one.value, 0),
        unit=UNITS["open_interest_usd"],
        source=one.source,
        age_s=number(one.age_s(now_ms), 1),
        unavailable=None,
    )


def sources_of(inputs: ScoreInputs, metrics: Iterable[Metric] = METRICS) -> tuple[SourceUsed, ...]:
    """Each once, with the age of its oldest number."""
    found: dict[str, SourceUsed] = {}
    for metric in metrics:
        reading = inputs.readings.get(metric)
        if isinstance(reading, MetricReading):
            age_s = number(reading.age_s(inputs.now_ms), 1)
            known = found.get(reading.source)
            found[reading.source] = SourceUsed(
                name=reading.source,
                venue=reading.venue,
                endpoint=reading.endpoint,
                age_s=age_s if known is None else max(age_s, known.age_s),
            )
    return tuple(found.values())


def sources_of_fundings(rows: Sequence[SizedFunding], now_ms: int) -> tuple[SourceUsed, ...]:
    """Each once, with the age of its oldest number."""
    oldest: dict[str, float] = {}
    for row in rows:
        name = funding_source(row.funding)
        oldest[name] = max(oldest.get(name, 0.0), row.funding.age_s(now_ms))
        if row.oi_ms is not None:
            name = open_interest_source(row.funding.venue)
            oldest[name] = max(oldest.get(name, 0.0), max(0, now_ms - row.oi_ms) / 1000)
    return tuple(
        SourceUsed(name=name, venue=name.split(":")[0], endpoint=name.split(":", 1)[1], age_s=number(age_s, 1))
        for name, age_s in oldest.items()
    )


def joined_sources(names: Sequence[str]) -> str | None:
    """None for none."""
    return ", ".join(names) or None


def leg_value(one: Leg, weight: float, sign: float) -> LegValue:
    """sign: −1 for a short."""
    score = None if one.score is None else one.score * sign
    return LegValue(
        score=digits(score),
        weight=number(weight),
        weighted=None if score is None else number(score * weight),
        source=joined_sources(one.sources),
        staleness_factor=None if score is None else number(one.staleness_factor),
        age_s=digits(one.age_s, 1),
        unavailable=one.unavailable,
        parts=tuple(_factor_value(factor, sign) for factor in one.factors),
    )


def _factor_value(factor: Factor, sign: float) -> FactorValue:
    return FactorValue(
        name=factor.name,
        score=None if factor.score is None else number(factor.score * sign),
        weight=number(factor.weight),
        source=joined_sources(factor.sources),
        age_s=digits(factor.age_s, 1),
        unavailable=factor.unavailable,
    )


def factors_of(score: MarketScore, sign: float) -> dict[LegName, LegValue]:
    return {name: leg_value(one, score.weights[name], sign) for name, one in score.legs.items()}


def coverage_of(score: MarketScore) -> Coverage:
    return Coverage(**{name: number(one.coverage) for name, one in score.legs.items()})


def adjustments_of(score: MarketScore, sign: float) -> tuple[AdjustmentValue, ...]:
    return tuple(
        AdjustmentValue(name=one.name, delta=number(one.delta * sign), reason=one.reason, source=f"scorer:{SCORER}")
        for one in score.adjustments
    )


def missing_scores(score: MarketScore) -> dict[str, str]:
    """Field of an answer → why it is null."""
    named = (("derivatives", "deriv_score"), ("whale", "whale_score"), ("onchain", "onchain_score"))
    found = {field: score.legs[name].unavailable or "" for name, field in named if score.legs[name].score is None}  # type: ignore[index]
    if score.composite is None:
        found |= dict.fromkeys(("composite", "base_composite"), "no leg is known")
    return found


def reasons_of(inputs: ScoreInputs, score: MarketScore, sign: float) -> tuple[str, ...]:
    """What each known factor says in the direction asked for, the strongest first."""
    found = []
    for name, one in score.legs.items():
        for factor in one.factors:
            if factor.score is None:
                continue
            share = factor.score * sign * factor.weight * score.weights[name]
            shown = ", ".join(_shown(inputs, metric) for metric in factor.metrics)
            found.append((abs(share), f"{factor.name} {share:+.3f}: {shown}"))
    return tuple(text for _, text in sorted(found, key=lambda one: -one[0]))


def _shown(inputs: ScoreInputs, metric: Metric) -> str:
    value = value_of(inputs.readings, metric)
    if value is None:
        return f"{metric} ?"
    if metric in ("funding_rate", "funding_spread"):
        return f"{metric} {value * 100:+.4f} % per 8 h"
    return f"{metric} {value:.4g}"
