"""From values to places on an axis, and which values are worth a label."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, tzinfo
from decimal import ROUND_HALF_UP, Decimal

from altmonitor.market.candles import MINUTE_MS
from altmonitor.render import format as n

PRICE_SPAN_MIN = 0.002
"""Share of the price an axis covers at least, so that a flat market looks flat."""
OI_SPAN_MIN = 0.005
_NICE = (1, 2, 5, 10)
_MINUTES = (1, 2, 5, 10, 15, 30, 60, 120, 180, 240, 360, 720, 1440, 2880, 7200, 14_400, 43_200)


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """A linear axis: `low` lies at pixel `at_low`, `high` at pixel `at_high` (upwards: at_high < at_low)."""

    low: float
    high: float
    at_low: float
    at_high: float

    def place(self, value: float) -> float:
        return self.at_low + (value - self.low) / (self.high - self.low) * (self.at_high - self.at_low)


def span_of(low: float, high: float, *, least_share: float) -> tuple[float, float]:
    """(low, high) widened around its middle to at least this share of `high` (> 0)."""
    lacking = high * least_share - (high - low)
    return (low - lacking / 2, high + lacking / 2) if lacking > 0 else (low, high)


def round_ticks(low: float, high: float, *, at_most: int) -> list[float]:
    """Round values in [low, high], lowest first: steps of 1, 2 or 5 times a power of ten."""
    raw = (high - low) / at_most
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(nice * power for nice in _NICE if nice * power >= raw * (1 - 1e-9))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    # Through the decimal text of the step: 3 * 0.1 would be 0.30000000000000004 on the label.
    exact = Decimal(f"{step:.0e}")
    return [float(exact * number) for number in range(first, last + 1)]


def price_labels(prices: list[float]) -> list[str]:
    """`numbers.price`, with the same count of decimals on each."""
    shown = [n.price(price) for price in prices]
    decimals = max((len(label.partition(".")[2]) for label in shown), default=0)
    return [_padded(label, decimals) for label in shown]


def compact(value: float) -> str:
    """Four significant digits: `7.823B`, `951.2`, `12.34K`."""
    number, unit = Decimal(repr(value)), ""
    for unit in ("", "K", "M", "B"):
        places = max(0, 3 - max(0, number.adjusted()))
        rounded = number.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)
        if rounded < 1000 or unit == "B":
            break
        number /= 1000
    return f"{rounded:,f}{unit}"


def time_ticks(from_ms: int, until_ms: int, tz: tzinfo, *, at_most: int) -> list[int]:
    """Unix ms of round local times in [from_ms, until_ms], oldest → newest."""
    offset_ms = local_offset_ms(from_ms, tz)
    least_ms = (until_ms - from_ms) / at_most
    step_ms = next((m * MINUTE_MS for m in _MINUTES if m * MINUTE_MS >= least_ms), _MINUTES[-1] * MINUTE_MS)
    step_ms *= max(1, math.ceil(least_ms / step_ms))
    first = -(-(from_ms + offset_ms) // step_ms)
    last = (until_ms + offset_ms) // step_ms
    return [number * step_ms - offset_ms for number in range(first, last + 1)]


def local_offset_ms(unix_ms: int, tz: tzinfo) -> int:
    """Zone offset at that moment; 0 for a moment no calendar holds."""
    moment = moment_of(unix_ms, tz)
    offset = None if moment is None else moment.utcoffset()
    return 0 if offset is None else int(offset.total_seconds() * 1000)


def moment_of(unix_ms: int, tz: tzinfo) -> datetime | None:
    try:
        return datetime.fromtimestamp(unix_ms // 1000, tz)
    except (OverflowError, ValueError, OSError):
        return None


def _padded(label: str, decimals: int) -> str:
    whole, _, fraction = label.partition(".")
    return label if label == n.NA or not decimals else f"{whole}.{fraction.ljust(decimals, '0')}"
