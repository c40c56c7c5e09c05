"""In what Hyperliquid counts its perpetuals.

Source: https://hyperliquid.gitbook.io/hyperliquid-docs/for-developers/api (2026-09): open interest in coins of one
side, funding per hour, candles without a closing flag, a volume in coins. Liquidations have no stream of their own.
"""

from __future__ import annotations

from typing import Final

from altmonitor.exchanges.adapter import Units

UNITS: Final = Units(
    venue="hyperliquid",
    oi_sides=1,
    oi_unit="coins",
    long_liquidated="",
    funding_hours=1.0,
    quote_from="coins x close",
    event_time="arrival",
    closes="clock",
)
