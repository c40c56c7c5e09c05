"""Every kind of alert in one row: whatever differs between kinds is looked up here (or, where it needs words or
pictures, in `render/kinds.py`), and nothing asks a kind for its name to decide by it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from altmonitor.core.alert import Alert, Direction, Kind
from altmonitor.settings.settings import Unit

WINDOW_S: Mapping[str, float] = MappingProxyType({"1m": 60.0, "60s": 60.0, "5m": 300.0, "15m": 900.0})
"""Length of every window that an alert can name, seconds."""

UPWARDS: frozenset[Direction] = frozenset({"PUMP", "UP"})


@dataclass(frozen=True, slots=True, kw_only=True)
class KindSpec:
    """No defaults: who adds a kind answers every question.

    unit: what its number is measured in; None where it is no number that was compared with a threshold.
    decimals: of that number in a message. column: of `Alert`, where rows of older databases have it.
    directions: upwards, downwards. headlines: the keys of the words over each of the two.
    windows: those it is measured over, the usual one first; an alert names its own in `note`.
    is_price_move: it has the price's own thresholds, so it rings again when it doubles, and joins a digest's breadth.
    """

    name: Kind
    unit: Unit | None
    decimals: int
    column: Literal["change_pct", "oi_change"] | None
    directions: tuple[Direction, Direction]
    headlines: tuple[str, str]
    windows: tuple[str, ...]
    is_price_move: bool

    def headline_key(self, direction: Direction) -> str:
        return self.headlines[0 if direction in UPWARDS else 1]

    def measured(self, alert: Alert) -> float | None:
        """What was compared with the threshold; None when it is not known."""
        if alert.metric is not None or self.column is None:
            return alert.metric
        found: float | None = getattr(alert, self.column)
        return found


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
    ),
    KindSpec(
        name="price",
        unit=Unit.PERCENT,
        decimals=2,
        column="change_pct",
        directions=("PUMP", "DUMP"),
        headlines=("PUMP", "DUMP"),
        windows=("1m", "60s", "5m", "15m"),
        is_price_move=True,
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
    ),
)

KINDS: Mapping[Kind, KindSpec] = MappingProxyType({spec.name: spec for spec in _ROWS})
"""In the order in which lists show them."""
