"""Every venue that can be watched: its folder, and one line here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from altmonitor.exchanges.adapter import AdapterDeps, ExchangeAdapter
from altmonitor.exchanges.binance.adapter import binance_adapter

VENUES: Final[Mapping[str, Callable[[AdapterDeps], ExchangeAdapter]]] = {
    "binance": binance_adapter,
}
