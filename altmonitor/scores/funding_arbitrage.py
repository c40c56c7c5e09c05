"""Funding of one contract on several venues, brought to 8 hours: what being long here and short there would be paid.

Prices and how long it lasts are not in it; fees are where they are named.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from altmonitor.core.types import Fraction
from altmonitor.positioning.funding import funding_spread

NOTIONAL_USD: Final = 10_000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Opportunity:
    """spread_8h: fraction per 8 h, > 0. apr_pct: spread × 3 × 365, simple. *_usd: on the notional of each side.

    fees_usd: four taker fills, in and out on both venues. break_even_h: hours of this spread that pay for them.
    """

    symbol: str
    spread_8h: float
    apr_pct: float
    long_exchange: str
    short_exchange: str
    profit_8h_usd: float
    fees_usd: float
    break_even_h: float | None


def opportunity(symbol: str, rates_8h: Mapping[str, float], *, fee_pct: float) -> Opportunity | None:
    """rates_8h: fraction per 8 h by venue. None with fewer than two venues.

    0.01 % an hour on one (0.08 % per 8 h) and 0.01 % per 8 h on another → 0.07 %, 76.65 % a year.
    """
    found = funding_spread({venue: Fraction(rate) for venue, rate in rates_8h.items()})
    if found is None:
        return None
    profit = found.usd_8h(NOTIONAL_USD)
    fees = 4 * fee_pct / 100 * NOTIONAL_USD
    return Opportunity(
        symbol=symbol,
        spread_8h=round(found.spread_8h, 12),
        apr_pct=round(found.apr_pct, 6),
        long_exchange=found.lower_venue,
        short_exchange=found.higher_venue,
        profit_8h_usd=profit,
        fees_usd=fees,
        break_even_h=fees / profit * 8 if profit > 0 else None,
    )
