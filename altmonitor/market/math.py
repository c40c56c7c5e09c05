"""Percent changes and inclusive bounds.

Percentages are computed unrounded. Binary floats put 0.1 → 0.103 at 2.9999999999999916 %, although the exchange's
decimal prices moved by exactly 3 %; a bound that is to be inclusive must forgive that much and no more.
"""

from __future__ import annotations

TOLERANCE = 1e-9
"""Relative slack of every bound. Ten orders above float noise, nine below anything a reader could see."""


def change_pct(before: float, now: float) -> float:
    """(now − before) / before × 100. `before` must be > 0."""
    return (now - before) / before * 100.0


def reaches(value: float, bound: float) -> bool:
    """value ≥ bound for a positive bound, value ≤ bound for a negative one; the bound itself counts."""
    if bound >= 0:
        return value >= bound - bound * TOLERANCE
    return value <= bound - bound * TOLERANCE
