"""Sets of thresholds for people who do not know yet what they want.

`original` is what the first version of this kind of bot came with. The others were chosen by count: price and volume
alerts a day over 560 contracts, from four months of one-minute candles of three mid-cap contracts (2024-10, 2025-02):
calm about 50, normal about 180, active about 700, original about 18,000, nearly all of them volume.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from altmonitor.core.alert import Kind
from altmonitor.settings.settings import SETTING_OF, SETTINGS, Numbers, Settings

PRESETS: Mapping[str, Numbers] = MappingProxyType(
    {
        name: MappingProxyType({setting.key: setting.presets[name] for setting in SETTINGS if setting.presets})
        for name in ("calm", "normal", "active", "original")
    }
)
"""In the order of the settings' table, which holds the values; what has none there is left as it is."""


def preset_in_force(settings: Settings) -> str:
    """'' when the settings are those of none."""
    for name, numbers in PRESETS.items():
        if all(SETTING_OF[key].of(settings) == value for key, value in numbers.items()):
            return name
    return ""


# ---
# How many alerts a day thresholds would have given, as the loaded history says.


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
    """rows: a kind that is switched off has none. history_days: length of the history counted, days. is_day_coming: a
    whole day of history is being read meanwhile, and a later proposal counts it, too. conditions: of this destination
    that were counted, conditions_per_day: how often they came true; the thresholds share what these leave."""

    per_day: int
    rows: tuple[BudgetRow, ...]
    history_days: float
    is_day_coming: bool = False
    conditions: int = 0
    conditions_per_day: float = 0.0

    @property
    def numbers(self) -> Mapping[str, float | int]:
        """What accepting it sets: key of `SETTINGS` → value."""
        return MappingProxyType({row.key: row.after for of in self.rows for row in of.thresholds})

    @property
    def more_sensitive(self) -> tuple[ThresholdRow, ...]:
        """Thresholds that would be reached by less than now."""
        return tuple(row for of in self.rows for row in of.thresholds if abs(row.after) < abs(row.before))


# ---
# What other thresholds would have told of the same days.


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialMove:
    """The largest of one symbol. size: in the unit of its kind, with its sign."""

    symbol: str
    at_ms: int
    size: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialRow:
    """One kind. now, then: alerts with what is in force and with what is tried, over `days` days that were seen of a
    usual contract. peak: alerts of the loudest hour with what is tried, which began at peak_ms; None without any.
    lost: told now and not then; new: the other way round; the largest of each, one per symbol."""

    kind: Kind
    now: int
    then: int
    days: float
    peak: int
    peak_ms: int | None
    lost: tuple[TrialMove, ...]
    new: tuple[TrialMove, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """from_ms … to_ms: of what is known and was asked for. peak, peak_ms: the loudest hour of all kinds together with
    what is tried, as of a row. too_small: kinds with a bound below the smallest size that was kept, so there would be
    more alerts of them than are counted."""

    rows: tuple[TrialRow, ...]
    from_ms: int
    to_ms: int
    peak: int = 0
    peak_ms: int | None = None
    too_small: tuple[Kind, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NotEnoughHistory:
    """has_days: what is loaded; needs_days: what a proposal needs."""

    has_days: float
    needs_days: float
