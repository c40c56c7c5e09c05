"""Fractions and percents as different types, and the one way numbers are rounded here.

Mixing the two shows a change of 4.05 % as 405 %; the type checker refuses it.
"""

from __future__ import annotations

import math
from decimal import ROUND_FLOOR, Decimal
from typing import Final, NewType

from altmonitor.core.types import Fraction

__all__ = [
    "DEFAULT_PERIOD",
    "LARGEST",
    "MINUTES_OF",
    "PERIODS",
    "Percent",
    "amount",
    "change_pct",
    "checked_period",
    "known",
    "period_ms",
    "positive",
    "quotient",
    "round_half_up",
    "rounded",
    "to_fraction",
    "to_percent",
    "whole_percent",
    "whole_usd",
    "without_noise",
]

Percent = NewType("Percent", float)
"""5.0 = 5 %."""


LARGEST = 1e18
"""Nothing on an exchange is larger: no size, no price, no worth."""


def to_percent(fraction: Fraction) -> Percent:
    """0.62 → 62.0."""
    return Percent(fraction * 100.0)


def to_fraction(percent: Percent) -> Fraction:
    """62.0 → 0.62."""
    return Fraction(percent / 100.0)


def known(value: float | None) -> float | None:
    """None for what is no number: missing, NaN, infinite."""
    return value if value is not None and math.isfinite(value) else None


def amount(value: float | None) -> float | None:
    """None for what cannot be a size: missing, negative, larger than anything."""
    return value if value is not None and 0.0 <= value <= LARGEST else None


def positive(value: float | None) -> float | None:
    """None for what cannot be a price or a divisor: missing, zero, negative, larger than anything."""
    return value if value is not None and 0.0 < value <= LARGEST else None


def quotient(above: float | None, below: float | None) -> float | None:
    """None when one of them is unknown, `below` is not above 0, or the result is no number a person could read."""
    number, divisor = known(above), positive(below)
    return None if number is None or divisor is None else known(number / divisor)


def round_half_up(value: float, decimals: int = 0) -> float:
    """Halves go towards +∞, as the web's own rounding does: 12.5 → 13, −2.5 → −2, 0.00125 → 0.0013 (4 decimals).

    On the decimal digits the number is written with, so that 2.675 is a half. value: finite.
    """
    shifted = Decimal(repr(float(value))).scaleb(decimals) + Decimal("0.5")
    return float(shifted.to_integral_value(ROUND_FLOOR).scaleb(-decimals))


def change_pct(before: float | None, now: float | None) -> Percent | None:
    """(now − before) / before in percent. None from 0, where it has no size, and when one of them is unknown."""
    end, start = amount(now), positive(before)
    grown = None if end is None or start is None else quotient((end - start) * 100.0, start)
    return None if grown is None else Percent(grown)


def whole_percent(share: Fraction | None) -> int | None:
    """0.55 → 55; halves up."""
    return None if share is None else int(round_half_up(share * 100.0))


def rounded(value: float | None, decimals: int) -> float | None:
    """`round_half_up`; None and what is no number stay absent."""
    found = known(value)
    return None if found is None else round_half_up(found, decimals)


def whole_usd(value: float | None) -> int | None:
    """As amounts are shown to programs; halves up."""
    found = rounded(value, 0)
    return None if found is None else int(found)


def without_noise(percent: Percent | None) -> Percent | None:
    """For comparing with a threshold: 5.000000000000001 is 5, and 4.995 is not."""
    found = rounded(percent, 9)
    return None if found is None else Percent(found)


# ---
# Lengths of the exchange's statistics buckets.


MINUTES_OF: Final = {
    "5m": 5,
    "15m": 15,
    "30m": 30,
    "1h": 60,
    "2h": 120,
    "4h": 240,
    "6h": 360,
    "12h": 720,
    "1d": 1440,
}
"""Source: https://developers.binance.com/docs/derivatives/usds-margined-futures/market-data/rest-api (2026-08)."""

PERIODS: Final = tuple(MINUTES_OF)
DEFAULT_PERIOD: Final = "5m"


def checked_period(text: str) -> str:
    """The period itself. Raises: ValueError, one line for a person, when it is none of `PERIODS`.

    Not taken as the default in silence: who asks for 99h would read five minutes as something else.
    """
    if text not in MINUTES_OF:
        raise ValueError(f"period {text[:20]!r} is none of {' '.join(PERIODS)}")
    return text


def period_ms(period: str) -> int:
    """Raises: ValueError for a period that is none."""
    return MINUTES_OF[checked_period(period)] * 60_000
