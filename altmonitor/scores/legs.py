"""The three legs of the composite, each a weighted mean of its factors: derivatives, whales, on-chain.

A factor is −1…1: above 0 speaks for a long, below 0 for a short. What is not known is left out and the others of its
leg count for more. The formulas are a convention, not a finding: they say how a number was made, not that it foretells.
Changing one of them needs a new `SCORER`, see version.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from altmonitor.scores.readings import Metric, Readings, reading_of, reason_of, staleness_factor

LegName = Literal["derivatives", "whale", "onchain"]
LEGS: Final[tuple[LegName, ...]] = ("derivatives", "whale", "onchain")

FUNDING_FULL: Final = 0.001
"""Per 8 h: at ± 0.1 % the factor is at its end."""
CROWD_FULL: Final = 20.0
TOP_FULL: Final = 20.0
WHALES_FULL: Final = 30.0
"""Percentage points away from 50."""
OI_FULL_PCT: Final = 5.0
MOVE_FULL_PCT: Final = 1.0
TAKER_FULL: Final = 0.10
"""(buys − sells) / both."""


def clamped(value: float) -> float:
    return max(-1.0, min(1.0, value))


def share_pct(ratio: float) -> float:
    """Of longs, from longs / shorts: 1.5126 → 60.2."""
    return 100.0 * ratio / (1.0 + ratio)


def funding_score(rate_8h: float) -> float:
    """Against the side that pays."""
    return -clamped(rate_8h / FUNDING_FULL)


def crowd_score(long_pct: float) -> float:
    """Against the side on which most accounts are."""
    return -clamped((long_pct - 50.0) / CROWD_FULL)


def taker_score(ratio: float) -> float:
    """With the side that takes the price."""
    return clamped((ratio - 1.0) / (ratio + 1.0) / TAKER_FULL)


def open_interest_score(oi_change_pct: float, price_change_pct: float) -> float:
    """With a move that new positions follow, against one that closing positions make."""
    return clamped(oi_change_pct / OI_FULL_PCT) * clamped(price_change_pct / MOVE_FULL_PCT)


def top_trader_score(ratio: float) -> float:
    """With the larger side of the top traders' positions."""
    return clamped((share_pct(ratio) - 50.0) / TOP_FULL)


def whale_score(long_pct: float) -> float:
    """With the larger side."""
    return clamped((long_pct - 50.0) / WHALES_FULL)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rule:
    weight: float
    needs: tuple[Metric, ...]
    score: Callable[..., float]


_RULES: Final[Mapping[LegName, Mapping[str, _Rule]]] = {
    "derivatives": {
        "funding": _Rule(weight=0.25, needs=("funding_rate",), score=funding_score),
        "open_interest": _Rule(
            weight=0.25, needs=("oi_change_1h_pct", "price_change_1h_pct"), score=open_interest_score
        ),
        "crowd": _Rule(weight=0.25, needs=("long_pct",), score=crowd_score),
        "taker": _Rule(weight=0.25, needs=("taker_ratio",), score=taker_score),
    },
    "whale": {
        "top_traders": _Rule(weight=0.40, needs=("top_trader_lsr",), score=top_trader_score),
        "followed_whales": _Rule(weight=0.30, needs=("followed_whales_long_pct",), score=whale_score),
        "wallets": _Rule(weight=0.30, needs=("whale_notional_long_pct",), score=whale_score),
    },
    "onchain": {
        "mvrv": _Rule(weight=0.5, needs=("mvrv",), score=lambda mvrv: clamped((2.0 - mvrv) / 1.5)),
        "sopr": _Rule(weight=0.5, needs=("sopr",), score=lambda sopr: clamped((1.0 - sopr) / 0.05)),
    },
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Factor:
    """One factor of a leg. score: None where a number it needs is missing, `unavailable` says which. weight: what it
    counts in its leg now, 0 where it is missing. age_s: of the oldest number it needs."""

    name: str
    metrics: tuple[Metric, ...]
    score: float | None
    weight: float
    sources: tuple[str, ...]
    age_s: float | None
    unavailable: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """score: −1…1, None without a factor. coverage: share of its design that is known, 0…1. staleness_factor: 1 when
    all that is known is fresh."""

    name: LegName
    score: float | None
    coverage: float
    staleness_factor: float
    factors: tuple[Factor, ...]

    @property
    def sources(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(source for one in self.factors for source in one.sources))

    @property
    def age_s(self) -> float | None:
        """Of the oldest number in it."""
        return max((one.age_s for one in self.factors if one.age_s is not None), default=None)

    @property
    def unavailable(self) -> str | None:
        """Why it has no score."""
        if self.score is not None:
            return None
        return "; ".join(dict.fromkeys(one.unavailable for one in self.factors if one.unavailable))


def leg(name: LegName, readings: Readings, now_ms: int) -> Leg:
    found = [_factor(rule_name, rule, readings, now_ms) for rule_name, rule in _RULES[name].items()]
    known = [(factor, rule, fresh) for factor, rule, fresh in found if factor.score is not None]
    design = sum(rule.weight for rule in _RULES[name].values())
    total = sum(rule.weight * fresh for _, rule, fresh in known)
    weighed = {factor.name: rule.weight * fresh / total for factor, rule, fresh in known}
    covered = sum(rule.weight for _, rule, _ in known)
    return Leg(
        name=name,
        score=sum(weighed[factor.name] * (factor.score or 0.0) for factor, _, _ in known) if known else None,
        coverage=covered / design,
        staleness_factor=total / covered if known else 0.0,
        factors=tuple(_weighed(factor, weighed.get(factor.name, 0.0)) for factor, _, _ in found),
    )


def _factor(name: str, rule: _Rule, readings: Readings, now_ms: int) -> tuple[Factor, _Rule, float]:
    """With how fresh it is, 0…1."""
    values, ages, sources, fresh = [], [], [], 1.0
    for metric in rule.needs:
        found = reading_of(readings, metric)
        if found is None:
            return _missing(name, rule, f"{metric}: {reason_of(readings, metric)}"), rule, 0.0
        age_s = found.age_s(now_ms)
        fresh = min(fresh, staleness_factor(metric, age_s))
        if fresh <= 0:
            return _missing(name, rule, f"{metric}: {age_s:.0f} s old, too old to count"), rule, 0.0
        values.append(found.value)
        ages.append(age_s)
        sources.append(found.source)
    factor = Factor(
        name=name,
        metrics=rule.needs,
        score=rule.score(*values),
        weight=0.0,
        sources=tuple(dict.fromkeys(sources)),
        age_s=max(ages),
    )
    return factor, rule, fresh


def _missing(name: str, rule: _Rule, why: str) -> Factor:
    return Factor(name=name, metrics=rule.needs, score=None, weight=0.0, sources=(), age_s=None, unavailable=why)


def _weighed(factor: Factor, weight: float) -> Factor:
    return Factor(
        name=factor.name,
        metrics=factor.metrics,
        score=factor.score,
        weight=weight,
        sources=factor.sources,
        age_s=factor.age_s,
        unavailable=factor.unavailable,
    )
