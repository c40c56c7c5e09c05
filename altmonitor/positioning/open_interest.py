"""How fast open interest changes: over contracts, matched by time stamp.

In USD a price move alone would read as positions being opened.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from altmonitor.positioning.units import Percent, amount, change_pct, positive

BAR_MS: Final = 300_000
BARS_NEEDED: Final = 49
"""The newest and 48 before it: 47 before it would be 3 h 55 min."""

_HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True, kw_only=True)
class OiBar:
    """coins: contracts in base coins. usd: their worth at that moment. None where the exchange's number is none."""

    time_ms: int
    coins: float | None
    usd: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OiVelocity:
    """As of the newest bar, `time_ms`. A change is None, never 0, when the bar it is measured against is missing."""

    time_ms: int
    coins: float
    usd: float | None
    change_5m_pct: Percent | None
    change_15m_pct: Percent | None
    change_1h_pct: Percent | None
    change_4h_pct: Percent | None


def oi_velocity(bars: Sequence[OiBar]) -> OiVelocity | None:
    """bars: 5-minute bars in any order, holes and repeats allowed. None without one readable bar."""
    readable = {bar.time_ms: bar for bar in bars if positive(bar.coins) is not None}
    if not readable:
        return None
    newest = readable[max(readable)]
    coins = newest.coins or 0.0
    return OiVelocity(
        time_ms=newest.time_ms,
        coins=coins,
        usd=amount(newest.usd),
        change_5m_pct=_change_pct(readable, newest.time_ms, coins, BAR_MS),
        change_15m_pct=_change_pct(readable, newest.time_ms, coins, 3 * BAR_MS),
        change_1h_pct=_change_pct(readable, newest.time_ms, coins, _HOUR_MS),
        change_4h_pct=_change_pct(readable, newest.time_ms, coins, 4 * _HOUR_MS),
    )


def _change_pct(bars: dict[int, OiBar], now_ms: int, coins: float, window_ms: int) -> Percent | None:
    """Against the bar nearest the window's start, at most half a bar away from it: a hole cannot shift the window."""
    wanted_ms = now_ms - window_ms
    near = [time_ms for time_ms in bars if time_ms < now_ms and abs(time_ms - wanted_ms) <= BAR_MS // 2]
    if not near:
        return None
    return change_pct(bars[min(near, key=lambda time_ms: abs(time_ms - wanted_ms))].coins, coins)
