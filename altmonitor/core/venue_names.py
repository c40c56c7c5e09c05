"""One name for a contract over all venues: how each spells it, and which contracts are of the same coin.

`symbol` is ours, as Binance spells it (`1000PEPEUSDT`); a contract that has no such name keeps the venue's own
(`xyz:TSLA`). Hyperliquid settles in USDC and denominates its linear contracts in USDT. Source:
https://hyperliquid.gitbook.io/hyperliquid-docs/trading/contract-specifications (2026).
"""

from __future__ import annotations

import re
from typing import Final

from altmonitor.core.types import Venue
from altmonitor.market.contracts import base_of

_OKX_ENDING: Final = "-USDT-SWAP"
_THOUSANDS: Final = re.compile(r"k(?=[A-Z])")
_MULTIPLIER: Final = re.compile(r"(1000000|10000|1000|1M)(?=[A-Za-z])")
_SIZES: Final = {"1000000": 1e6, "1M": 1e6, "10000": 1e4, "1000": 1e3}


def okx_instrument(symbol: str) -> str:
    """`SOLUSDT` → `SOL-USDT-SWAP`."""
    return f"{base_of(symbol)}{_OKX_ENDING}"


def symbol_of_okx(instrument: str) -> str | None:
    """None for anything but a USDT perpetual."""
    base = instrument.removesuffix(_OKX_ENDING)
    return None if base == instrument or not base else f"{base}USDT"


def hyperliquid_coin(symbol: str) -> str:
    """`SOLUSDT` → `SOL`, `1000PEPEUSDT` → `kPEPE`, `xyz:TSLA` as it is."""
    if ":" in symbol:
        return symbol
    base = base_of(symbol)
    return f"k{base[4:]}" if base.startswith("1000") and base[4:5].isalpha() else base


def symbol_of_hyperliquid(coin: str) -> str:
    """A coin of a builder's dex (`xyz:TSLA`) keeps its name: two of them may list the same share."""
    if ":" in coin:
        return coin
    return f"{_THOUSANDS.sub('1000', coin, count=1) if coin.startswith('k') else coin}USDT"


def coin_of(symbol: str) -> str:
    """What a contract is about, whatever its multiple: `PEPE` for `1000PEPEUSDT` and for `PEPEUSDT`."""
    base = base_of(symbol.rpartition(":")[2])
    return _MULTIPLIER.sub("", base, count=1)


def multiple_of(symbol: str) -> float:
    """Coins in one unit of the contract's price: 1,000 for `1000PEPEUSDT`."""
    found = _MULTIPLIER.match(base_of(symbol))
    return 1.0 if found is None else _SIZES[found[1]]


def name_at(venue: Venue, symbol: str) -> str:
    """How the venue spells it."""
    match venue:
        case "okx":
            return okx_instrument(symbol)
        case "hyperliquid":
            return hyperliquid_coin(symbol)
        case _:
            return symbol
