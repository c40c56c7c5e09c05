"""In what OKX counts its USDT swaps.

Source: https://www.okx.com/docs-v5/en/#public-data-rest-api-get-open-interest and …#public-data-websocket-liquidation-
orders-channel (2026-10): `oi` counts contracts of `ctVal` coins, `side` is that of the order which ends the position.
"""

from __future__ import annotations

from typing import Final

from altmonitor.exchanges.adapter import Units

UNITS: Final = Units(venue="okx", oi_sides=1, long_liquidated="sell", funding_hours=8.0)


def coins_of(contracts: float, contract_value: float) -> float:
    """contract_value: coins in one contract, `ctVal` × `ctMult`."""
    return contracts * contract_value
