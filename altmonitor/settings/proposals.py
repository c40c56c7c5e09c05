"""How many alerts a day thresholds would have given, as the loaded history says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from altmonitor.core.alert import Kind

BUDGET_MIN, BUDGET_MAX = 1, 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class ThresholdRow:
    """key: of `SETTINGS`."""

    key: str
    before: float | int
    after: float | int


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetRow:
    """One kind. before_per_day, after_per_day: alerts a day the history holds with each; None: that kind has no history
    to count from, and its thresholds stay."""

    kind: Kind
    thresholds: tuple[ThresholdRow, ...]
    before_per_day: float | None
    after_per_day: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetProposal:
    """rows: a kind that is switched off has none. history_days: length of the history counted, days."""

    per_day: int
    rows: tuple[BudgetRow, ...]
    history_days: float

    @property
    def numbers(self) -> Mapping[str, float | int]:
        """What accepting it sets: key of `SETTINGS` → value."""
        return MappingProxyType({row.key: row.after for of in self.rows for row in of.thresholds})


@dataclass(frozen=True, slots=True, kw_only=True)
class NotEnoughHistory:
    """has_days: what is loaded; needs_days: what a proposal needs."""

    has_days: float
    needs_days: float
