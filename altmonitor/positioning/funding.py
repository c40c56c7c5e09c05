"""What holding a perpetual costs in funding, and when it is next paid."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from altmonitor.core.types import Fraction, Venue
from altmonitor.positioning.units import Percent, known, positive, round_half_up

__all__ = [
    "DEFAULT_NOTIONAL_USD",
    "USUAL_INTERVAL_H",
    "FundingAverage",
    "FundingCost",
    "FundingSource",
    "FundingSpread",
    "SizedFunding",
    "VenueFunding",
    "funding_average",
    "funding_cost",
    "funding_countdown",
    "funding_spread",
    "rate_8h",
]

USUAL_INTERVAL_H: Final = 8.0
DEFAULT_NOTIONAL_USD: Final = 10_000.0

_DAYS_A_YEAR = 365


@dataclass(frozen=True, slots=True, kw_only=True)
class FundingCost:
    """Amounts from the long's view: above 0 the long pays. Percents: rate 4 decimals, year 2 (simple, not compounded).

    is_interval_assumed: the exchange's interval was no interval and 8 h, its usual one, was taken.
    """

    rate_pct: Percent
    interval_h: float
    is_interval_assumed: bool
    settlements_per_day: float
    annualized_pct: Percent
    notional_usd: float
    per_settlement_usd: float
    daily_usd: float
    annual_usd: float

    @property
    def long_pays(self) -> bool | None:
        """None when nobody pays."""
        return None if self.per_settlement_usd == 0 else self.per_settlement_usd > 0


def funding_cost(
    rate: Fraction | None, *, interval_h: float | None, notional_usd: float = DEFAULT_NOTIONAL_USD
) -> FundingCost | None:
    """rate: for one interval, 0.0001 = 0.01 %. interval_h: hours between settlements, None where the exchange does not
    list the contract as differing from 8. None without a rate. Raises: ValueError for a notional that is no amount.

    0.0001 per 8 h on 10,000 → 1 a settlement, 3 a day, 1,095 a year, 10.95 %.
    """
    if not 0 <= notional_usd < math.inf:
        raise ValueError(f"notional {notional_usd} is no amount of USD")
    per_interval = known(rate)
    if per_interval is None:
        return None
    is_assumed = interval_h is not None and not 0 < interval_h <= 24
    hours = USUAL_INTERVAL_H if is_assumed or interval_h is None else interval_h
    per_day = 24.0 / hours
    return FundingCost(
        rate_pct=Percent(round_half_up(per_interval * 100, 4)),
        interval_h=hours,
        is_interval_assumed=is_assumed,
        settlements_per_day=per_day,
        annualized_pct=Percent(round_half_up(per_interval * per_day * _DAYS_A_YEAR * 100, 2)),
        notional_usd=notional_usd,
        per_settlement_usd=round_half_up(notional_usd * per_interval, 2),
        daily_usd=round_half_up(notional_usd * per_interval * per_day, 2),
        annual_usd=round_half_up(notional_usd * per_interval * per_day * _DAYS_A_YEAR, 2),
    )


def funding_countdown(next_ms: int | None, now_ms: int) -> str | None:
    """`00:27:08`; None when the settlement is past, now, or not known."""
    if next_ms is None or next_ms <= now_ms:
        return None
    seconds = (next_ms - now_ms) // 1000
    return f"{seconds // 3600:02d}:{seconds % 3600 // 60:02d}:{seconds % 60:02d}"


# ---
# Funding of several venues side by side: rates of different intervals are brought to 8 hours first.

FundingSource = Literal["own", "predicted"]
"""The venue's own table; or Hyperliquid's `predictedFundings`, which tells other venues' too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueFunding:
    """Of one contract, for the settlement that comes next. rate_8h: fraction per 8 hours, whatever the interval is.

    interval_h: hours between two settlements. next_ms: of the next one, unix ms, None where it is not told. as_of_ms:
    when the table was read, by our clock.
    """

    venue: Venue
    symbol: str
    rate_8h: Fraction
    interval_h: float
    next_ms: int | None
    as_of_ms: int
    source: FundingSource

    def age_s(self, now_ms: int) -> float:
        return max(0, now_ms - self.as_of_ms) / 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class SizedFunding:
    """oi_usd: open interest of that contract at that venue, USD of one side; None: not known. oi_ms: when it was."""

    funding: VenueFunding
    oi_usd: float | None = None
    oi_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FundingAverage:
    """rate_8h: fraction per 8 hours, each venue's weighted by its open interest. oi_usd: of the venues that count.
    at_ms: of the oldest number in it."""

    rate_8h: Fraction
    venues: tuple[Venue, ...]
    oi_usd: float
    at_ms: int


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


def funding_average(rows: Sequence[SizedFunding]) -> FundingAverage | None:
    """Of one coin. Venues whose open interest is not known are left out; None where it is known of none.

    0.01 % where 3,000 are open and 0.05 % where 1,000 are: 0.02 %.
    """
    counted = [(one.funding, usd, one.oi_ms or 0) for one in rows if (usd := positive(one.oi_usd)) is not None]
    total = sum(usd for _, usd, _ in counted)
    if not counted:
        return None
    return FundingAverage(
        rate_8h=Fraction(sum(row.rate_8h * usd for row, usd, _ in counted) / total),
        venues=tuple(row.venue for row, _, _ in counted),
        oi_usd=total,
        at_ms=min(min(row.as_of_ms, oi_ms) for row, _, oi_ms in counted),
    )


def funding_spread(rates_8h: Mapping[str, Fraction]) -> FundingSpread | None:
    """rates_8h: by venue. None with fewer than two venues."""
    if len(rates_8h) < 2:
        return None
    lower, higher = min(rates_8h, key=lambda v: rates_8h[v]), max(rates_8h, key=lambda v: rates_8h[v])
    spread = Fraction(rates_8h[higher] - rates_8h[lower])
    return FundingSpread(
        spread_8h=spread, apr_pct=Percent(spread * 3 * _DAYS_A_YEAR * 100.0), lower_venue=lower, higher_venue=higher
    )
