"""The few numbers about whales that stand beside an alert."""

from __future__ import annotations

from altmonitor.core.alert import WhaleLine
from altmonitor.positioning.share_of_oi import share_of_oi
from altmonitor.positioning.smart_money import Overview, notional_usd
from altmonitor.positioning.units import positive


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
