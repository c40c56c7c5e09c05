"""The few numbers about whales that stand beside an alert."""

from __future__ import annotations

from dataclasses import dataclass

from altmonitor.positioning.share_of_oi import share_of_oi
from altmonitor.positioning.smart_money import Overview, notional_usd
from altmonitor.positioning.units import Fraction, positive


@dataclass(frozen=True, slots=True, kw_only=True)
class WhaleLine:
    """Entries in quote currency; shares 0…1. oi_share: of all followed traders, not of the whales alone.

    age_s: since capture, at the moment of the alert; 0 for what was captured after it.
    """

    age_s: float
    long_entry: float | None = None
    short_entry: float | None = None
    long_profit_share: Fraction | None = None
    short_profit_share: Fraction | None = None
    oi_share: Fraction | None = None


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
