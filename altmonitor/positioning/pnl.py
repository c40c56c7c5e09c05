"""What open positions have gained or lost against a price."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from altmonitor.positioning.smart_money import Overview, Side
from altmonitor.positioning.units import Percent, amount, change_pct, positive, quotient

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
    return pnl_usd(side.traders_qty_coins, side.traders_avg_entry, price, is_long=is_long)


def whales_pnl_usd(side: Side, price: float | None, *, is_long: bool) -> float | None:
    return pnl_usd(side.whales_qty_coins, side.whales_avg_entry, price, is_long=is_long)


def price_vs_entry_pct(avg_entry: float | None, price: float | None) -> Percent | None:
    """How far the price lies above (> 0) or below the entry, percent of the entry."""
    return change_pct(avg_entry, positive(price))


def gain_pct(avg_entry: float | None, price: float | None, *, is_long: bool) -> Percent | None:
    """The same seen by who holds the position: a short gains as the price falls."""
    moved = price_vs_entry_pct(avg_entry, price)
    return moved if moved is None or is_long else Percent(-moved)
