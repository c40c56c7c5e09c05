"""In what Bybit counts its USDT perpetuals (category `linear`).

Source: https://bybit-exchange.github.io/docs/v5/market/tickers, …/websocket/public/all-liquidation (2026-06):
`openInterest` counts both sides, `singleOpenInterest` one; `S` of a liquidation is the side of the position.
"""

from __future__ import annotations

from typing import Final

from altmonitor.exchanges.adapter import Units

UNITS: Final = Units(venue="bybit", oi_sides=2, long_liquidated="Buy", funding_hours=8.0)
