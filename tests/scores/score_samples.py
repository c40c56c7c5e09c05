"""Readings for scores: whole and fresh ones, to take from and to age."""

from __future__ import annotations

from altmonitor.scores.readings import Metric, MetricReading, NoReading, Readings

NOW_MS = 1_800_000_000_000

WHOLE: dict[Metric, float] = {
    "price": 100.0,
    "price_change_1h_pct": 0.5,
    "price_change_4h_pct": 1.5,
    "funding_rate": 0.0001,
    "oi_change_1h_pct": 2.5,
    "oi_change_4h_pct": 4.0,
    "open_interest_usd": 5e9,
    "global_lsr": 1.5,
    "long_pct": 60.0,
    "top_trader_lsr": 1.5,
    "taker_ratio": 1.1,
    "followed_whales_long_pct": 65.0,
    "whale_notional_long_pct": 56.0,
}


def readings(*, age_s: float = 0.0, **values: float | str) -> Readings:
    """The whole ones with these changed; a text is a reason why there is none."""
    found: dict[Metric, MetricReading | NoReading] = {}
    for metric, value in {**WHOLE, **values}.items():
        found[metric] = (  # type: ignore[index]
            NoReading(reason=value)
            if isinstance(value, str)
            else MetricReading(value=value, at_ms=NOW_MS - round(age_s * 1000), venue="binance", endpoint="/x")
        )
    return found
