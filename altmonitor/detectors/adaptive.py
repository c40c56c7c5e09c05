"""Bounds as multiples of what a contract does anyway (`THRESHOLD_MODE=adaptive`), with floors under them.

Prices: of the standard deviation of its minutes. Volume: of its busy minute, the quote volume that one minute in twenty
exceeds. Both are measured once an hour, from the minutes before the full hour, so whoever replays the hour finds the
same, and both are robust: a storm among the minutes hardly moves them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import inf, isfinite
from types import MappingProxyType
from typing import Final, NamedTuple

from altmonitor.core.alert import Kind
from altmonitor.detectors.price import MINUTES_OF, WHOLE
from altmonitor.detectors.verdict import RuleCheck
from altmonitor.market.candles import Usual
from altmonitor.market.math import change_pct
from altmonitor.settings.settings import SETTING_OF, Settings

HOUR_MS: Final = 3_600_000
MEASURED_MINUTES: Final = 100
FEWEST_MINUTES: Final = 30
NORMAL: Final = 1.4826
"""A median of sizes times this is the standard deviation of what is normally distributed."""
BUSY_PERCENTILE: Final = 95


@dataclass(frozen=True, slots=True, kw_only=True)
class UsualMinutes:
    """Of one contract. sigma_pct: standard deviation of a minute, percent. busy_multiple: volume of its busy minute, in
    medians of the same minutes. None: not known."""

    sigma_pct: float | None = None
    busy_multiple: float | None = None


def usual_minutes(closes: Sequence[float], quotes: Sequence[float]) -> UsualMinutes:
    """closes, quotes: of the same consecutive minutes, quote volumes in USDT."""
    return UsualMinutes(sigma_pct=sigma_pct(closes), busy_multiple=busy_multiple(quotes))


def sigma_pct(closes: Sequence[float]) -> float | None:
    """Standard deviation of one minute, percent, from the closes of consecutive minutes; None for too few of them."""
    if len(closes) < FEWEST_MINUTES:
        return None
    sizes = [abs(change_pct(before, now)) for before, now in pairwise(closes) if before > 0]
    if not sizes or not isfinite(max(sizes)):
        return None
    return NORMAL * Usual.of(sizes).median


def busy_multiple(quotes: Sequence[float]) -> float | None:
    """The 95th percentile (nearest rank) of the volumes of consecutive minutes over their median; None for too few of
    them, and where half of them are 0."""
    if len(quotes) < FEWEST_MINUTES:
        return None
    median = Usual.of(quotes).median
    multiple = sorted(quotes)[busy_rank(len(quotes))] / median if median > 0 else inf
    return multiple if isfinite(multiple) else None


def busy_rank(count: int) -> int:
    """Index of the 95th percentile among so many volumes in order."""
    return -(-BUSY_PERCENTILE * count // 100) - 1


class OwnBounds(NamedTuple):
    """Of a kind: bounds are `times` what the contract does anyway, at least `floor`, at most `most`."""

    times: float
    floor: float
    most: float

    def of(self, own_size: float) -> float:
        return min(self.most, max(self.floor, self.times * own_size))


def _prices(settings: Settings) -> OwnBounds:
    return OwnBounds(settings.adaptive_sigmas, settings.adaptive_floor_pct, SETTING_OF["pump_threshold"].high)


def _volumes(settings: Settings) -> OwnBounds:
    times = settings.adaptive_volume_mult if settings.vol_burst_mult else 0.0
    return OwnBounds(times, settings.adaptive_volume_floor, SETTING_OF["vol_burst_mult"].high)


OWN_BOUNDS: Final[Mapping[Kind, Callable[[Settings], OwnBounds]]] = MappingProxyType(
    {"price": _prices, "vol": _volumes}
)
"""Kinds whose bounds may follow from the contract. times 0: they are fixed."""


def adapted(settings: Settings, usual: UsualMinutes | None) -> Settings:
    """With bounds for such a contract; what is not known of it, and what is fixed, stays as it is set."""
    if not settings.is_adaptive or usual is None:
        return settings
    own = settings
    if usual.sigma_pct is not None and settings.adaptive_sigmas:
        own = replace(own, sigma_pct=usual.sigma_pct)
        own = replace(
            own,
            pump_threshold=bound_pct(own, 1),
            dump_threshold=-bound_pct(own, 1),
            move_5m_pct=bound_pct(own, MINUTES_OF["5m"]) if own.move_5m_pct else 0.0,
            move_15m_pct=bound_pct(own, MINUTES_OF["15m"]) if own.move_15m_pct else 0.0,
        )
    volumes = _volumes(settings)
    if usual.busy_multiple is not None and volumes.times:
        multiple = usual.busy_multiple
        own = replace(own, busy_multiple=multiple, vol_burst_mult=volumes.of(multiple))
    return own


def bound_pct(settings: Settings, minutes: int) -> float:
    """Of a move over so many minutes: those of n minutes are √n times as large."""
    times, floor, most = _prices(settings)
    return float(min(most, max(floor, times * settings.sigma_pct) * minutes**0.5))


def loosest(settings: Settings) -> Settings:
    """Bounds that no contract's own ones are below, whatever it does."""
    floor = adapted(settings, UsualMinutes(sigma_pct=0.0, busy_multiple=0.0))
    if floor is settings:
        return settings
    return replace(
        settings,
        pump_threshold=min(settings.pump_threshold, floor.pump_threshold),
        dump_threshold=max(settings.dump_threshold, floor.dump_threshold),
        move_5m_pct=min(settings.move_5m_pct, floor.move_5m_pct),
        move_15m_pct=min(settings.move_15m_pct, floor.move_15m_pct),
        vol_burst_mult=min(settings.vol_burst_mult, floor.vol_burst_mult),
    )


def sigmas_of(window: str, threshold: float, settings: Settings) -> float | None:
    """How many sigmas a bound in force is; None where it does not follow from any."""
    if not settings.sigma_pct or not settings.adaptive_sigmas:
        return None
    return float(abs(threshold) / (settings.sigma_pct * MINUTES_OF.get(window, 1) ** 0.5))


def busy_times(settings: Settings) -> float | None:
    """How many times the contract's busy minute the bound of its volume is; None where it does not follow from it."""
    if not settings.busy_multiple or not settings.adaptive_volume_mult:
        return None
    return settings.vol_burst_mult / settings.busy_multiple


def with_origin(check: RuleCheck, settings: Settings) -> RuleCheck:
    """And what its threshold follows from. settings: those it was judged by."""
    window, threshold = check.rule.window, check.threshold
    if not threshold or window == WHOLE:
        return check
    if check.rule.kind == "price":
        return replace(check, sigmas=sigmas_of(window, threshold, settings))
    return replace(check, busy_times=busy_times(settings)) if check.rule.kind == "vol" else check
