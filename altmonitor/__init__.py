"""altmonitor watches every Binance USDT perpetual and tells a Telegram chat what moved.

As a library: `altmonitor.positioning` (pure formulas) and `altmonitor.BinanceClient` (the data behind the guard of the
exchange's limits). Importing it reads and opens nothing; the client and what it needs are loaded when it is named.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from altmonitor.exchanges.binance.client import BinanceClient

__all__ = ["BinanceClient", "__version__"]

__version__ = "0.2.0"


def __getattr__(name: str) -> object:
    if name == "BinanceClient":
        from altmonitor.exchanges.binance.client import BinanceClient

        return BinanceClient
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
