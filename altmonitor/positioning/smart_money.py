"""The exchange's followed traders ("smart money") of one contract: 19 numbers, and what follows from each side.

None is what the exchange did not say or what cannot be; it is never 0. Quantities are base coins, prices quote
currency (USD for USDT contracts).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from altmonitor.core.alert import WhaleLine
from altmonitor.core.types import Fraction
from altmonitor.positioning.units import Percent, amount, known, positive, quotient, round_half_up, whole_percent

__all__ = [
    "CELLS",
    "DOMINANT_ABOVE",
    "SMALL_BELOW",
    "TYPICAL_TO",
    "Band",
    "Overview",
    "Side",
    "SideBlock",
    "Standing",
    "WhaleLine",
    "band",
    "entry_usd",
    "filled_cells",
    "headcount_ratio",
    "long_bar_share",
    "long_usd",
    "notional_ratio",
    "notional_usd",
    "profit_gap",
    "profit_share",
    "share_of_oi",
    "short_usd",
    "side_block",
    "signal_day_age_hours",
    "size_ratio",
    "standing",
    "whale_line",
    "whale_notional_ratio",
    "whale_spread",
    "whale_usd",
]

# ---
# How many of a group are in profit, and how far two groups lie apart.


CELLS: Final = 10

Standing = Literal["shorts_far_ahead", "longs_far_ahead", "shorts_ahead", "longs_ahead", "even"]


def profit_share(in_profit: int | None, count: int | None) -> Fraction | None:
    """0…1. None (not 0) for a group without members or of unknown size.

    The two counts are taken at different moments on the exchange's side: 999 of 347 is told as all of them, never as
    more.
    """
    if in_profit is None or count is None or count <= 0 or in_profit < 0:
        return None
    return Fraction(min(1.0, in_profit / count))


def profit_gap(one: Fraction | None, other: Fraction | None) -> Fraction | None:
    """The distance between two shares; the order does not matter: 0.05 and 0.92 → 0.87."""
    return None if one is None or other is None else Fraction(abs(one - other))


def filled_cells(share: Fraction | None) -> int | None:
    """Of a bar of ten cells: 0.87 → 9. Within 0…10 whatever the share."""
    return None if share is None else min(CELLS, max(0, int(round_half_up(CELLS * share))))


def standing(long: Fraction | None, short: Fraction | None) -> Standing | None:
    """Which side is more in profit, in words for a table that is switched on for it; a description of now.

    Further apart than 0.20 is far, than 0.10 a little, else even.
    """
    if long is None or short is None:
        return None
    lead = round_half_up(long - short, 9)
    if abs(lead) > 0.20:
        return "longs_far_ahead" if lead > 0 else "shorts_far_ahead"
    if abs(lead) > 0.10:
        return "longs_ahead" if lead > 0 else "shorts_ahead"
    return "even"


# ---


_HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """Those who are long, or those who are short. Whales are the part of them with the largest margin balance."""

    traders: int | None
    traders_qty_coins: float | None
    traders_avg_entry: float | None
    whales: int | None
    whales_qty_coins: float | None
    whales_avg_entry: float | None
    profit_traders: int | None
    profit_whales: int | None

    @property
    def profit_share(self) -> Fraction | None:
        """Of the traders, those in profit."""
        return profit_share(self.profit_traders, self.traders)

    @property
    def whale_profit_share(self) -> Fraction | None:
        return profit_share(self.profit_whales, self.whales)


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """captured_ms: our time when the answer came, the key of a stored row.

    signal_day_ms: the exchange's own stamp. It changes once per UTC day for all contracts together, so that it says
    nothing about the age of the numbers. total_positions: of a unit that differs by contract; kept, never used.
    long_short_ratio: of position sizes, as the exchange sends it; for heads see `headcount_ratio`.
    """

    symbol: str
    captured_ms: int
    signal_day_ms: int | None
    total_positions: float | None
    total_traders: int | None
    long_short_ratio: float | None
    long: Side
    short: Side


def entry_usd(qty_coins: float | None, avg_entry: float | None) -> float | None:
    """Size at the entry price. 0 for an empty side, whatever its entry; None when a number is missing."""
    qty = amount(qty_coins)
    if not qty:
        return qty
    entry = positive(avg_entry)
    return None if entry is None else known(qty * entry)


def long_usd(overview: Overview) -> float | None:
    """USD at entry prices of all long traders; None when a number is missing."""
    return entry_usd(overview.long.traders_qty_coins, overview.long.traders_avg_entry)


def short_usd(overview: Overview) -> float | None:
    """USD at entry prices of all short traders; None when a number is missing."""
    return entry_usd(overview.short.traders_qty_coins, overview.short.traders_avg_entry)


def notional_usd(overview: Overview) -> float | None:
    """Both sides added (gross), at entry prices: 10 × 100 + 5 × 200 = 2,000. None when one of them is unknown."""
    long, short = long_usd(overview), short_usd(overview)
    return None if long is None or short is None else known(long + short)


def size_ratio(overview: Overview) -> float | None:
    """Long coins / short coins: what `long_short_ratio` is. None without shorts; 0 means that all are short.

    The exchange's number is this one, within 1 % on each of 15,000 stored rows, and not the ratio of heads.
    """
    return quotient(overview.long.traders_qty_coins, overview.short.traders_qty_coins)


def headcount_ratio(overview: Overview) -> float | None:
    """Traders long / traders short. None without shorts."""
    return quotient(overview.long.traders, overview.short.traders)


def notional_ratio(overview: Overview) -> float | None:
    """USD long / USD short at entry prices, a plain ratio (1.5, not 150 %). None when the short side is 0."""
    return quotient(long_usd(overview), short_usd(overview))


def whale_notional_ratio(overview: Overview, mark_price: float | None) -> float | None:
    """Whales only, both sides at the mark price. None when the short side is 0 or there is no price."""
    if positive(mark_price) is None:
        return None
    # the price is the same on both sides
    return quotient(overview.long.whales_qty_coins, overview.short.whales_qty_coins)


def whale_usd(overview: Overview, mark_price: float | None) -> float | None:
    """Whales of both sides at the mark price."""
    price = positive(mark_price)
    long, short = amount(overview.long.whales_qty_coins), amount(overview.short.whales_qty_coins)
    return None if price is None or long is None or short is None else (long + short) * price


def whale_spread(overview: Overview) -> Fraction | None:
    """How far the whales' short entry lies above (> 0) or below (< 0) their long entry, as a fraction of the latter.

    0.034 and 0.042 → 0.235. A plain number: nothing follows from it.
    """
    long, short = positive(overview.long.whales_avg_entry), positive(overview.short.whales_avg_entry)
    if long is None or short is None:
        return None
    spread = quotient(short - long, long)
    return None if spread is None else Fraction(spread)


def long_bar_share(long: float | None, short: float | None) -> Fraction:
    """Where to split a bar between two USD amounts: 0.5 when both are empty or unknown, drawn within 0.02…0.98."""
    total = (long or 0.0) + (short or 0.0)
    if known(total) is None or total <= 0:
        return Fraction(0.5)
    return Fraction(min(0.98, max(0.02, (long or 0.0) / total)))


def signal_day_age_hours(overview: Overview, now_ms: int) -> float | None:
    """Hours since the exchange's daily stamp, one decimal; None without a stamp or for one that lies ahead."""
    if overview.signal_day_ms is None or overview.signal_day_ms > now_ms:
        return None
    return round_half_up((now_ms - overview.signal_day_ms) / _HOUR_MS, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class SideBlock:
    """One side as shown: whole USD at entry prices, whole percents in profit (None where there is nobody)."""

    traders: int | None
    smart_money_usd: int | None
    avg_entry: float | None
    profit_pct: Percent | None
    whales: int | None
    whales_usd: int | None
    whale_avg_entry: float | None
    whale_profit_pct: Percent | None


def side_block(side: Side) -> SideBlock:
    """A side as it is shown: whole USD, whole percents, None where a number is missing."""
    return SideBlock(
        traders=side.traders,
        smart_money_usd=_whole(entry_usd(side.traders_qty_coins, side.traders_avg_entry)),
        avg_entry=positive(side.traders_avg_entry),
        profit_pct=_whole_percent(side.profit_share),
        whales=side.whales,
        whales_usd=_whole(entry_usd(side.whales_qty_coins, side.whales_avg_entry)),
        whale_avg_entry=positive(side.whales_avg_entry),
        whale_profit_pct=_whole_percent(side.whale_profit_share),
    )


def _whole(value: float | None) -> int | None:
    return None if value is None else int(round_half_up(value))


def _whole_percent(share: Fraction | None) -> Percent | None:
    whole = whole_percent(share)
    return None if whole is None else Percent(whole)


# ---
# How much of a contract's open interest a group holds.


SMALL_BELOW: Final = 0.05
TYPICAL_TO: Final = 0.15
DOMINANT_ABOVE: Final = 0.20

Band = Literal["small", "typical", "dominant"]


def share_of_oi(notional_usd: float | None, oi_usd: float | None) -> Fraction | None:
    """notional_usd: long and short sides added. 0…1; None when one of the two is missing or not above 0.

    Every contract that is open has a long and a short holder, and open interest counts it once: two sides added are
    compared with twice the open interest. 1,860,314,867 of 3,610,164,191 → 0.258.
    """
    notional, oi = positive(notional_usd), positive(oi_usd)
    return None if notional is None or oi is None else Fraction(min(1.0, notional / (2.0 * oi)))


def band(share: Fraction | None) -> Band | None:
    """Below 0.05 small, 0.05…0.15 typical, above 0.20 dominant; None between and for an unknown share."""
    if share is None:
        return None
    if share < SMALL_BELOW:
        return "small"
    if share <= TYPICAL_TO:
        return "typical"
    return "dominant" if share > DOMINANT_ABOVE else None


# ---
# The few numbers about whales that stand beside an alert.


def whale_line(overview: Overview, *, oi_usd: float | None, at_ms: int) -> WhaleLine | None:
    """None when neither side's whales have an entry: then there is nothing to say."""
    long_entry, short_entry = positive(overview.long.whales_avg_entry), positive(overview.short.whales_avg_entry)
    if long_entry is None and short_entry is None:
        return None
    return WhaleLine(
        long_entry=long_entry,
        short_entry=short_entry,
        long_profit_share=overview.long.whale_profit_share,
        short_profit_share=overview.short.whale_profit_share,
        oi_share=share_of_oi(notional_usd(overview), oi_usd),
        age_s=max(0.0, (at_ms - overview.captured_ms) / 1000),
    )
