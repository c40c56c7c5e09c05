"""Many traders' open positions taken together: by heads, and weighed by size at the entry price."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from altmonitor.positioning.units import Fraction, known, positive


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenPosition:
    """qty: contracts, below 0 for a short. contract_value: base coins per contract, 1 where contracts are coins."""

    trader: str
    qty: float
    entry_price: float
    contract_value: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Crowd:
    """long_share: of the traders with a position, those with a long one (who holds both counts on both sides, and once
    among the traders). weighted_long_share: of all notional, the long part. None without positions."""

    traders: int
    long_traders: int
    short_traders: int
    long_usd: float
    short_usd: float
    long_share: Fraction | None
    weighted_long_share: Fraction | None


def entry_notional_usd(position: OpenPosition) -> float:
    """|qty| × contract value × entry price: moves when positions change, not with the price."""
    return abs(position.qty) * position.contract_value * position.entry_price


def crowd(positions: Sequence[OpenPosition]) -> Crowd:
    longs = [position for position in positions if position.qty > 0]
    shorts = [position for position in positions if position.qty < 0]
    long_traders, short_traders = {p.trader for p in longs}, {p.trader for p in shorts}
    traders = long_traders | short_traders
    long_usd, short_usd = (sum(entry_notional_usd(p) for p in side) for side in (longs, shorts))
    total_usd = positive(long_usd + short_usd)
    return Crowd(
        traders=len(traders),
        long_traders=len(long_traders),
        short_traders=len(short_traders),
        long_usd=long_usd,
        short_usd=short_usd,
        long_share=Fraction(len(long_traders) / len(traders)) if traders else None,
        weighted_long_share=None if total_usd is None else Fraction(long_usd / total_usd),
    )


def ratio_delta(now: float | None, then: float | None) -> float | None:
    """now − then; None until there is a then."""
    new, old = known(now), known(then)
    return None if new is None or old is None else new - old


def relative_change(now: float | None, then: float | None) -> Fraction | None:
    """(now − then) / then; None from 0."""
    new, old = known(now), positive(then)
    return None if new is None or old is None else Fraction((new - old) / old)
