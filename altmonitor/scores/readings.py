"""What scores are made of: one number with the venue, the address and the moment it is from, or why there is none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, get_args

Metric = Literal[
    "price",
    "price_change_1h_pct",
    "price_change_4h_pct",
    "volatility_1h_pct",
    "funding_rate",
    "funding_spread",
    "oi_change_1h_pct",
    "oi_change_4h_pct",
    "open_interest_usd",
    "global_lsr",
    "long_pct",
    "top_trader_lsr",
    "top_account_lsr",
    "taker_ratio",
    "followed_whales_long_pct",
    "whale_long_pct",
    "whale_notional_long_pct",
    "whale_n_wallets",
    "mvrv",
    "sopr",
]
METRICS: Final[tuple[Metric, ...]] = get_args(Metric)

UNITS: Final[Mapping[Metric, str]] = {
    "price": "USD",
    "price_change_1h_pct": "percent",
    "price_change_4h_pct": "percent",
    "volatility_1h_pct": "percent",
    "funding_rate": "fraction per 8 h",
    "funding_spread": "fraction per 8 h",
    "oi_change_1h_pct": "percent of coins",
    "oi_change_4h_pct": "percent of coins",
    "open_interest_usd": "USD, one side",
    "global_lsr": "long accounts / short accounts",
    "long_pct": "percent of accounts",
    "top_trader_lsr": "long size / short size",
    "top_account_lsr": "long accounts / short accounts",
    "taker_ratio": "taker buys / taker sells",
    "followed_whales_long_pct": "percent of size at entry prices",
    "whale_long_pct": "percent of wallets",
    "whale_notional_long_pct": "percent of size",
    "whale_n_wallets": "wallets",
    "mvrv": "market value / realised value",
    "sopr": "spent output profit ratio",
}

FRESH_S: Final[Mapping[Metric, float]] = {
    "price": 90.0,
    "price_change_1h_pct": 180.0,
    "price_change_4h_pct": 300.0,
    "volatility_1h_pct": 300.0,
    "funding_rate": 300.0,
    "funding_spread": 300.0,
    "oi_change_1h_pct": 660.0,
    "oi_change_4h_pct": 900.0,
    "open_interest_usd": 660.0,
    "global_lsr": 660.0,
    "long_pct": 660.0,
    "top_trader_lsr": 660.0,
    "top_account_lsr": 660.0,
    "taker_ratio": 660.0,
    "followed_whales_long_pct": 900.0,
    "whale_long_pct": 3_900.0,
    "whale_notional_long_pct": 3_900.0,
    "whale_n_wallets": 3_900.0,
    "mvrv": 93_600.0,
    "sopr": 93_600.0,
}
"""Up to this age a number counts fully: two of its venue's intervals and a minute, or the pace of its collector."""

WORTHLESS_AFTER: Final = 3.0
"""Times `FRESH_S`. Between the two a number counts for less and less."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricReading:
    """value: in `UNITS`. at_ms: when it was true, unix ms by the venue's own stamp where it has one."""

    value: float
    at_ms: int
    venue: str
    endpoint: str

    @property
    def source(self) -> str:
        return f"{self.venue}:{self.endpoint}"

    def age_s(self, now_ms: int) -> float:
        return max(0, now_ms - self.at_ms) / 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class NoReading:
    """reason: one line for a person."""

    reason: str


Readings = Mapping[Metric, MetricReading | NoReading]
"""A metric that is not in it was not asked for."""


def staleness_factor(metric: Metric, age_s: float) -> float:
    """1 as long as it is fresh, then falling in a line to 0 at `WORTHLESS_AFTER` times that age."""
    fresh_s = FRESH_S[metric]
    if age_s <= fresh_s:
        return 1.0
    return max(0.0, 1.0 - (age_s - fresh_s) / ((WORTHLESS_AFTER - 1.0) * fresh_s))


def reading_of(readings: Readings, metric: Metric) -> MetricReading | None:
    """None where it is missing; `reason_of` says why."""
    found = readings.get(metric)
    return found if isinstance(found, MetricReading) else None


def value_of(readings: Readings, metric: Metric) -> float | None:
    """None where it is missing; `reason_of` says why."""
    found = reading_of(readings, metric)
    return None if found is None else found.value


def reason_of(readings: Readings, metric: Metric) -> str:
    """Why there is no such number."""
    found = readings.get(metric)
    return found.reason if isinstance(found, NoReading) else "it was not asked for"
