"""Price × open interest, named by their signs only."""

from __future__ import annotations

from typing import Literal

Quadrant = Literal["up_up", "up_down", "down_up", "down_down"]


DEAD_BAND_PCT = 0.005
"""An open-interest change that would be shown as 0.00 % is neither up nor down."""


def quadrant(price_change_pct: float, oi_change_pct: float | None) -> Quadrant | None:
    """None when the open-interest change is unknown or within the dead band."""
    if oi_change_pct is None or abs(oi_change_pct) < DEAD_BAND_PCT:
        return None
    if price_change_pct >= 0:
        return "up_up" if oi_change_pct > 0 else "up_down"
    return "down_up" if oi_change_pct > 0 else "down_down"
