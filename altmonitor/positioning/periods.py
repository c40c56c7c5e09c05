"""Lengths of the exchange's statistics buckets."""

from __future__ import annotations

from typing import Final

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
