"""How the whole market stands, for a digest of many alerts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import inf
from statistics import median

from altmonitor.market.book import SymbolBook
from altmonitor.market.math import change_pct


@dataclass(frozen=True, slots=True, kw_only=True)
class Breadth:
    """symbols: watched; down: of them below their candle's open; median_pct: of all changes, None before any frame.

    btc_pct: of BTCUSDT, None when it is not watched or not seen yet.
    """

    symbols: int
    down: int
    median_pct: float | None
    btc_pct: float | None = None


def breadth_of(books: Iterable[SymbolBook]) -> Breadth:
    """Against the open of the running candles."""
    count = 0
    changes: dict[str, float] = {}
    for book in books:
        count += 1
        if (kline := book.kline) is not None and 0.0 < kline.open < inf:
            changes[book.symbol] = change_pct(kline.open, kline.close)
    return Breadth(
        symbols=count,
        down=sum(change < 0 for change in changes.values()),
        median_pct=median(changes.values()) if changes else None,
        btc_pct=changes.get("BTCUSDT"),
    )
