"""Every kind of alert in one row: whatever differs between kinds is looked up here (or, where it needs words or
pictures, in `render/kinds.py`), and nothing asks a kind for its name to decide by it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from altmonitor.core.alert import DETECTED_KINDS, Alert, Direction, Kind
from altmonitor.detectors.basis import BASIS
from altmonitor.detectors.funding import FUNDING
from altmonitor.detectors.liquidations import LIQUIDATIONS
from altmonitor.detectors.open_interest import OPEN_INTEREST
from altmonitor.detectors.price import WHOLE
from altmonitor.detectors.sampled import Sampling
from altmonitor.detectors.verdict import Rule
from altmonitor.market.candles import Kline
from altmonitor.market.math import change_pct
from altmonitor.settings.settings import Unit

WINDOW_S: Mapping[str, float] = MappingProxyType(
    {"1m": 60.0, "60s": 60.0, "5m": 300.0, "15m": 900.0, WHOLE: 900.0, "8h": 28_800.0}
)
"""Length of every window that an alert can name, seconds; of an episode that of the quiet which ends it."""

JOINS_VENUES_MS = 180_000
"""What moves at one exchange moves at the others within seconds; what comes later is another move."""

UPWARDS: frozenset[Direction] = frozenset({"PUMP", "UP"})


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetRule:
    """How a number of alerts a day becomes thresholds.

    share: of the budget, against the shares of the other kinds. steps: what a person would set, small → large.
    thresholds: key of `SETTINGS` → how much of a step it is set to; negative for one that is kept below zero.
    floor_key: key of the floor under an alert's worth in USD, '' for none. smallest: a size below it is not worth
    keeping, whatever anybody sets. plateau_ms: one change stays in sight so long and is one alert; None: each cooldown
    may tell the same move again.
    """

    share: float
    steps: tuple[float, ...]
    thresholds: Mapping[str, float]
    floor_key: str
    smallest: float
    plateau_ms: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class KindSpec:
    """No defaults: who adds a kind answers every question.

    unit: what its number is measured in; None where it is no number that was compared with a threshold.
    decimals: of that number in a message. column: of `Alert`, where rows of older databases have it.
    directions: upwards, downwards. headlines: the keys of the words over each of the two.
    windows: those it is measured over, the usual one first; an alert names its own in `note`.
    is_price_move: it has the price's own thresholds, so it rings again when it doubles, and joins a digest's breadth.
    is_of_price: its direction is the one that the price took. in_episodes: it begins and joins episodes.
    is_enriched: open interest and the long/short ratio of its moment are asked for.
    sampling: how it is measured, where that happens for many symbols at once. of_candle: else its number at this
    moment, of a candle and the usual quote volume of one; None for what no detector raises.
    joins_venues_ms: so long after the last alert of a coin and direction, one of another exchange is the same news;
    None: it never is. remembered_by: who must know after a restart that it was raised.
    budget: None where there is no threshold to choose.
    """

    name: Kind
    unit: Unit | None
    decimals: int
    column: Literal["change_pct", "oi_change"] | None
    directions: tuple[Direction, Direction]
    headlines: tuple[str, str]
    windows: tuple[str, ...]
    is_price_move: bool
    is_of_price: bool
    in_episodes: bool
    is_enriched: bool
    sampling: Sampling | None
    of_candle: Callable[[Kline, float | None], float | None] | None
    joins_venues_ms: int | None
    remembered_by: Literal["audiences", "conditions", "tracker"]
    budget: BudgetRule | None

    @property
    def rings_doubled(self) -> bool:
        """At another exchange, where it is twice as large as all that was told: percent of a move, or dollars."""
        return self.is_price_move or self.unit is Unit.USD

    def headline_key(self, direction: Direction) -> str:
        return self.headlines[0 if direction in UPWARDS else 1]

    def measured(self, alert: Alert) -> float | None:
        """What was compared with the threshold; None when it is not known."""
        if alert.metric is not None or self.column is None:
            return alert.metric
        found: float | None = getattr(alert, self.column)
        return found


def _change_of(kline: Kline, usual_usdt: float | None) -> float | None:
    return change_pct(kline.open, kline.close) if kline.open > 0 else None


def _multiple_of(kline: Kline, usual_usdt: float | None) -> float | None:
    return kline.quote_usdt / usual_usdt if usual_usdt else None


_ROWS = (
    KindSpec(
        name="condition",
        unit=None,
        decimals=2,
        column=None,
        directions=("UP", "DOWN"),
        headlines=("CONDITION", "CONDITION"),
        windows=(),
        is_price_move=False,
        is_of_price=False,
        in_episodes=False,
        is_enriched=False,
        sampling=None,
        of_candle=None,
        joins_venues_ms=None,
        remembered_by="conditions",
        budget=None,
    ),
    KindSpec(
        name="price",
        unit=Unit.PERCENT,
        decimals=2,
        column="change_pct",
        directions=("PUMP", "DUMP"),
        headlines=("PUMP", "DUMP"),
        windows=("1m", "60s", "5m", "15m", WHOLE),
        is_price_move=True,
        is_of_price=True,
        in_episodes=True,
        is_enriched=True,
        sampling=None,
        of_candle=_change_of,
        joins_venues_ms=JOINS_VENUES_MS,
        remembered_by="audiences",
        budget=BudgetRule(
            share=0.45,
            steps=(1, 1.5, 2, 2.5, 3, 3.5, 4, 4.5, 5, 6, 7, 8, 10, 12, 15, 20, 25, 30, 40, 50),
            thresholds={"pump_threshold": 1.0, "dump_threshold": -1.0},
            floor_key="",
            smallest=0.8,
            plateau_ms=None,
        ),
    ),
    KindSpec(
        name="oi",
        unit=Unit.PERCENT,
        decimals=1,
        column="oi_change",
        directions=("UP", "DOWN"),
        headlines=("OI_UP", "OI_DOWN"),
        windows=("1m", "5m"),
        is_price_move=False,
        is_of_price=False,
        in_episodes=True,
        is_enriched=False,
        sampling=OPEN_INTEREST,
        of_candle=None,
        joins_venues_ms=OPEN_INTEREST.longest_ms,
        remembered_by="audiences",
        budget=BudgetRule(
            share=0.25,
            steps=(2, 2.5, 3, 4, 5, 6, 7, 8, 10, 12, 15, 20, 25, 30, 40, 50, 75, 100),
            thresholds={"oi_surge_1m": 0.5, "oi_surge_5m": 1.0},
            floor_key="oi_min_usd",
            smallest=1.0,
            plateau_ms=OPEN_INTEREST.longest_ms,
        ),
    ),
    KindSpec(
        name="vol",
        unit=Unit.MULTIPLE,
        decimals=1,
        column=None,
        directions=("UP", "DOWN"),
        headlines=("VOLUME", "VOLUME"),
        windows=("1m",),
        is_price_move=False,
        is_of_price=True,
        in_episodes=True,
        is_enriched=False,
        sampling=None,
        of_candle=_multiple_of,
        joins_venues_ms=JOINS_VENUES_MS,
        remembered_by="audiences",
        budget=BudgetRule(
            share=0.30,
            steps=(3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30, 40, 50, 60, 80, 100, 150, 200, 300, 500),
            thresholds={"vol_burst_mult": 1.0},
            floor_key="vol_burst_min_usdt",
            smallest=3.0,
            plateau_ms=None,
        ),
    ),
    KindSpec(
        name="funding",
        unit=Unit.PERCENT,
        decimals=4,
        column=None,
        directions=("UP", "DOWN"),
        headlines=("FUNDING_UP", "FUNDING_DOWN"),
        windows=("8h",),
        is_price_move=False,
        is_of_price=False,
        in_episodes=False,
        is_enriched=False,
        sampling=FUNDING,
        of_candle=None,
        joins_venues_ms=FUNDING.longest_ms,
        remembered_by="audiences",
        budget=BudgetRule(
            share=0.05,
            steps=(0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 1.5, 2),
            thresholds={"funding_extreme_pct": 1.0},
            floor_key="",
            smallest=0.05,
            plateau_ms=FUNDING.longest_ms,
        ),
    ),
    KindSpec(
        name="liq",
        unit=Unit.USD,
        decimals=0,
        column=None,
        directions=("UP", "DOWN"),
        headlines=("LIQ_UP", "LIQ_DOWN"),
        windows=("1m",),
        is_price_move=False,
        is_of_price=False,
        in_episodes=True,
        is_enriched=False,
        sampling=LIQUIDATIONS,
        of_candle=None,
        joins_venues_ms=JOINS_VENUES_MS,
        remembered_by="audiences",
        budget=BudgetRule(
            share=0.05,
            steps=(50e3, 100e3, 200e3, 300e3, 500e3, 1e6, 2e6, 3e6, 5e6, 10e6, 20e6, 50e6),
            thresholds={"liquidations_usd": 1.0},
            floor_key="",
            smallest=50e3,
            plateau_ms=LIQUIDATIONS.longest_ms,
        ),
    ),
    KindSpec(
        name="basis",
        unit=Unit.PERCENT,
        decimals=2,
        column=None,
        directions=("UP", "DOWN"),
        headlines=("BASIS_UP", "BASIS_DOWN"),
        windows=("1m",),
        is_price_move=False,
        is_of_price=False,
        in_episodes=False,
        is_enriched=False,
        sampling=BASIS,
        of_candle=None,
        joins_venues_ms=BASIS.longest_ms,
        remembered_by="audiences",
        budget=BudgetRule(
            share=0.05,
            steps=(0.2, 0.3, 0.5, 0.75, 1, 1.5, 2, 3, 5, 7.5, 10),
            thresholds={"basis_extreme_pct": 1.0},
            floor_key="",
            smallest=0.2,
            plateau_ms=BASIS.longest_ms,
        ),
    ),
    KindSpec(
        name="position",
        unit=None,
        decimals=2,
        column=None,
        directions=("UP", "DOWN"),
        headlines=("POSITION", "POSITION"),
        windows=(),
        is_price_move=False,
        is_of_price=False,
        in_episodes=False,
        is_enriched=False,
        sampling=None,
        of_candle=None,
        joins_venues_ms=None,
        remembered_by="tracker",
        budget=None,
    ),
    KindSpec(
        name="divergence",
        unit=None,
        decimals=2,
        column=None,
        directions=("UP", "DOWN"),
        headlines=("DIVERGENCE", "DIVERGENCE"),
        windows=(),
        is_price_move=False,
        is_of_price=False,
        in_episodes=False,
        is_enriched=False,
        sampling=None,
        of_candle=None,
        joins_venues_ms=None,
        remembered_by="tracker",
        budget=None,
    ),
    KindSpec(
        name="listing",
        unit=None,
        decimals=2,
        column=None,
        directions=("UP", "DOWN"),
        headlines=("LISTED", "DELISTED"),
        windows=(),
        is_price_move=False,
        is_of_price=False,
        in_episodes=False,
        is_enriched=False,
        sampling=None,
        of_candle=None,
        joins_venues_ms=None,
        remembered_by="tracker",
        budget=None,
    ),
)

KINDS: Mapping[Kind, KindSpec] = MappingProxyType({spec.name: spec for spec in _ROWS})
"""In the order in which lists show them."""

BUDGETS: Mapping[Kind, BudgetRule] = MappingProxyType(
    {kind: spec.budget for kind, spec in KINDS.items() if spec.budget is not None}
)

RULES: tuple[Rule, ...] = tuple(
    Rule(kind, window) for kind, spec in KINDS.items() if kind in DETECTED_KINDS for window in spec.windows
)
"""All that is judged by itself."""
