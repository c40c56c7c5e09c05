"""Bounds of prices as a multiple of what a contract does anyway (`THRESHOLD_MODE=adaptive`), with a floor under them.

A contract's usual minute is measured once an hour, from the minutes before the full hour, so whoever replays the hour
finds the same. Robust: the median of the sizes of its minutes, so a storm among them hardly moves it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from math import isfinite
from typing import Final

from altmonitor.detectors.price import MINUTES_OF
from altmonitor.market.math import change_pct
from altmonitor.settings.settings import Settings

HOUR_MS: Final = 3_600_000
MEASURED_MINUTES: Final = 100
FEWEST_MINUTES: Final = 30
NORMAL: Final = 1.4826
"""A median of sizes times this is the standard deviation of what is normally distributed."""
MOST_PCT: Final = 100.0


def sigma_pct(closes: Sequence[float]) -> float | None:
    """Standard deviation of one minute, percent, from the closes of consecutive minutes; None for too few of them."""
    if len(closes) < FEWEST_MINUTES:
        return None
    sizes = sorted(abs(change_pct(before, now)) for before, now in pairwise(closes) if before > 0)
    if not sizes or not isfinite(sizes[-1]):
        return None
    middle = len(sizes) // 2
    median = sizes[middle] if len(sizes) % 2 else (sizes[middle - 1] + sizes[middle]) / 2
    return NORMAL * median


def adapted(settings: Settings, sigma: float | None) -> Settings:
    """With bounds for a contract of that sigma; as it is where bounds are fixed or the sigma is not known."""
    if not settings.adaptive_sigmas or sigma is None:
        return settings
    own = replace(settings, sigma_pct=sigma)
    bound = bound_pct(own, 1)
    return replace(
        own,
        pump_threshold=bound,
        dump_threshold=-bound,
        move_5m_pct=bound_pct(own, MINUTES_OF["5m"]) if settings.move_5m_pct else 0.0,
        move_15m_pct=bound_pct(own, MINUTES_OF["15m"]) if settings.move_15m_pct else 0.0,
    )


def bound_pct(settings: Settings, minutes: int) -> float:
    """Of a move over so many minutes: those of n minutes are √n times as large."""
    size = max(settings.adaptive_floor_pct, settings.adaptive_sigmas * settings.sigma_pct)
    return float(min(MOST_PCT, size * minutes**0.5))


def loosest(settings: Settings) -> Settings:
    """Bounds that no contract's own ones are below, whatever it does."""
    if not settings.adaptive_sigmas:
        return settings
    floor = adapted(settings, 0.0)
    return replace(
        settings,
        pump_threshold=min(settings.pump_threshold, floor.pump_threshold),
        dump_threshold=max(settings.dump_threshold, floor.dump_threshold),
        move_5m_pct=min(settings.move_5m_pct, floor.move_5m_pct),
        move_15m_pct=min(settings.move_15m_pct, floor.move_15m_pct),
    )


def sigmas_of(window: str, threshold: float, settings: Settings) -> float | None:
    """How many sigmas a bound in force is; None where it does not follow from any."""
    if not settings.sigma_pct or not settings.adaptive_sigmas:
        return None
    return float(abs(threshold) / (settings.sigma_pct * MINUTES_OF.get(window, 1) ** 0.5))
