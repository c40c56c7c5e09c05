"""How fast open interest changes: over contracts, matched by time stamp.

In USD a price move alone would read as positions being opened.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from altmonitor.positioning.smart_money import Overview, Side
from altmonitor.positioning.units import Percent, amount, change_pct, positive, quotient

__all__ = [
    "BARS_NEEDED",
    "BAR_MS",
    "Basis",
    "MarkPrice",
    "OiBar",
    "OiVelocity",
    "gain_pct",
    "mark_or_nearest",
    "oi_velocity",
    "pnl_usd",
    "price_vs_entry_pct",
    "traders_pnl_usd",
    "whales_pnl_usd",
]

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


# ---
# What open positions have gained or lost against a price.


Basis = Literal["mark", "open_interest", "whale_entry"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkPrice:
    """basis: where the price is from, to be said beside every number that rests on it."""

    price: float
    basis: Basis


def mark_or_nearest(
    overview: Overview,
    *,
    mark_price: float | None = None,
    oi_usd: float | None = None,
    oi_coins: float | None = None,
) -> MarkPrice | None:
    """The mark price; else what open interest implies; else the whales' entries weighted by size; else None."""
    mark = positive(mark_price)
    if mark is not None:
        return MarkPrice(price=mark, basis="mark")
    implied = positive(quotient(oi_usd, oi_coins))
    if implied is not None:
        return MarkPrice(price=implied, basis="open_interest")
    weighed = [
        (qty, entry)
        for side in (overview.long, overview.short)
        if (qty := positive(side.whales_qty_coins)) and (entry := positive(side.whales_avg_entry))
    ]
    if not weighed:
        return None
    return MarkPrice(
        price=sum(qty * entry for qty, entry in weighed) / sum(qty for qty, _ in weighed), basis="whale_entry"
    )


def pnl_usd(qty_coins: float | None, avg_entry: float | None, price: float | None, *, is_long: bool) -> float | None:
    """Not realised, fees and funding left out. None without a real price, entry or size."""
    qty, entry, now = amount(qty_coins), positive(avg_entry), positive(price)
    if qty is None or entry is None or now is None:
        return None
    return qty * (now - entry) if is_long else qty * (entry - now)


def traders_pnl_usd(side: Side, price: float | None, *, is_long: bool) -> float | None:
    """`pnl_usd` of all traders of a side."""
    return pnl_usd(side.traders_qty_coins, side.traders_avg_entry, price, is_long=is_long)


def whales_pnl_usd(side: Side, price: float | None, *, is_long: bool) -> float | None:
    """`pnl_usd` of the whales of a side."""
    return pnl_usd(side.whales_qty_coins, side.whales_avg_entry, price, is_long=is_long)


def price_vs_entry_pct(avg_entry: float | None, price: float | None) -> Percent | None:
    """How far the price lies above (> 0) or below the entry, percent of the entry."""
    return change_pct(avg_entry, positive(price))


def gain_pct(avg_entry: float | None, price: float | None, *, is_long: bool) -> Percent | None:
    """The same seen by who holds the position: a short gains as the price falls."""
    moved = price_vs_entry_pct(avg_entry, price)
    return moved if moved is None or is_long else Percent(-moved)
