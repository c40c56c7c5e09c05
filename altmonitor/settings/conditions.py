"""What somebody asked to be told once it comes true: `/alert BTC > 70000`. Values; monitor judges them.

A crossing is told, not a state: a condition that is true when it is set must first become false. Then it is told each
time it becomes true, and armed again only after it has fallen back by the hysteresis.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from altmonitor.core.types import Destination, Venue

Side = Literal["above", "below"]
MoveWindow = Literal["1m", "5m", "15m"]
MOVE_WINDOWS: tuple[MoveWindow, ...] = ("1m", "5m", "15m")
WINDOW_MINUTES: dict[MoveWindow, int] = {"1m": 1, "5m": 5, "15m": 15}

PRICE_HYSTERESIS_SHARE = 0.001
FUNDING_HYSTERESIS_SHARE = 0.05
"""Of the level."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceCrosses:
    """True at and beyond the level. level: quote units, > 0."""

    side: Side
    level: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceMoves:
    """True when the price moved by at least `pct` percent within the window, in either direction."""

    window: MoveWindow
    pct: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FundingCrosses:
    """True at and beyond the level. rate: fraction per funding interval (0.0005 = 0.05 %), may be negative."""

    side: Side
    rate: float


ConditionMetric = Literal[
    "funding_rate",
    "funding_spread",
    "global_lsr",
    "long_pct",
    "top_trader_lsr",
    "taker_ratio",
    "whale_long_pct",
    "whale_n_wallets",
    "composite_long",
    "composite_short",
    "cascade_risk_score",
    "open_interest_usd",
]
CONDITION_METRICS: tuple[ConditionMetric, ...] = get_args(ConditionMetric)

MetricOperator = Literal["gt", "gte", "lt", "lte", "eq", "crosses_above", "crosses_below"]
METRIC_OPERATORS: tuple[MetricOperator, ...] = get_args(MetricOperator)
METRIC_SIGNS: dict[MetricOperator, str] = {
    "gt": ">",
    "gte": "≥",
    "lt": "<",
    "lte": "≤",
    "eq": "=",
    "crosses_above": "↗",
    "crosses_below": "↘",
}

METRIC_HYSTERESIS_SHARE = 0.01
EQUAL_WITHIN_SHARE = 0.005
"""Of the threshold, either side."""
USUAL_COOLDOWN_MIN = 60
COOLDOWN_MIN_MAX = 10_080
NAME_CHARS_MAX = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricCrosses:
    """Of a score or a number it is made of, looked at every few minutes. threshold: in the metric's unit.

    crosses_*: only a change from the other side is told; the other operators tell it, too, when they are true at the
    first look. cooldown_min: after it was told, nothing is told of it for so long. name: as somebody called it.
    """

    metric: ConditionMetric
    operator: MetricOperator
    threshold: float
    cooldown_min: int = USUAL_COOLDOWN_MIN
    name: str = ""


Predicate = PriceCrosses | PriceMoves | FundingCrosses | MetricCrosses


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """id: unique among those that exist; a later one may get the number of one that was deleted, see `key`.

    place: where it was set and is told. owner_id: None for a post of a channel. text: as typed, without the command.
    created_s: unix seconds. venue: at which exchange; None: the first of VENUES.
    """

    id: int
    destination: Destination
    owner_id: int | None
    owner_name: str
    text: str
    created_s: int
    symbol: str
    predicate: Predicate
    venue: Venue | None = None

    @property
    def key(self) -> str:
        """Never used twice; what is remembered about a condition (armed or not) belongs under this name."""
        return f"{self.id}@{self.created_s}"


def of_market(conditions: Sequence[Condition], venue: Venue, *, is_main: bool) -> list[Condition]:
    """Those that an exchange's prices decide."""
    return [one for one in conditions if one.venue == venue or (one.venue is None and is_main)]
