"""Funding of two venues side by side: rates of different intervals are brought to 8 hours first."""

from __future__ import annotations

from dataclasses import dataclass

from altmonitor.positioning.units import Fraction, Percent, known

_DAYS_A_YEAR = 365


@dataclass(frozen=True, slots=True, kw_only=True)
class FundingSpread:
    """spread_8h: fraction per 8 hours between the two, never below 0. apr_pct: the same over a year, simple, percent.

    The cheaper side to be long and the dearer, by venue; fees, prices and their difference are not in these numbers.
    """

    spread_8h: Fraction
    apr_pct: Percent
    lower_venue: str
    higher_venue: str

    def usd_8h(self, notional_usd: float) -> float:
        return self.spread_8h * notional_usd


def rate_8h(rate: Fraction | None, *, interval_h: float) -> Fraction | None:
    """A rate per `interval_h` hours (> 0) as one per 8 hours."""
    per_interval = known(rate)
    return None if per_interval is None or not 0 < interval_h <= 24 else Fraction(per_interval * 8.0 / interval_h)


def funding_spread(rates_8h: dict[str, Fraction]) -> FundingSpread | None:
    """rates_8h: by venue. None with fewer than two venues."""
    if len(rates_8h) < 2:
        return None
    lower, higher = min(rates_8h, key=lambda v: rates_8h[v]), max(rates_8h, key=lambda v: rates_8h[v])
    spread = Fraction(rates_8h[higher] - rates_8h[lower])
    return FundingSpread(
        spread_8h=spread, apr_pct=Percent(spread * 3 * _DAYS_A_YEAR * 100.0), lower_venue=lower, higher_venue=higher
    )
