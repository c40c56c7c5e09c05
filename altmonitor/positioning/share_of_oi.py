"""How much of a contract's open interest a group holds."""

from __future__ import annotations

from typing import Final, Literal

from altmonitor.positioning.units import Fraction, positive

SMALL_BELOW: Final = 0.05
TYPICAL_TO: Final = 0.15
DOMINANT_ABOVE: Final = 0.20

Band = Literal["small", "typical", "dominant"]


def share_of_oi(notional_usd: float | None, oi_usd: float | None) -> Fraction | None:
    """notional_usd: long and short sides added. 0…1; None when one of the two is missing or not above 0.

    Every contract that is open has a long and a short holder, and open interest counts it once: two sides added are
    compared with twice the open interest. 1,860,314,867 of 3,610,164,191 → 0.258.
    """
    notional, oi = positive(notional_usd), positive(oi_usd)
    return None if notional is None or oi is None else Fraction(min(1.0, notional / (2.0 * oi)))


def band(share: Fraction | None) -> Band | None:
    """Below 0.05 small, 0.05…0.15 typical, above 0.20 dominant; None between and for an unknown share."""
    if share is None:
        return None
    if share < SMALL_BELOW:
        return "small"
    if share <= TYPICAL_TO:
        return "typical"
    return "dominant" if share > DOMINANT_ABOVE else None
