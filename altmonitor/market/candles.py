"""Candles as the rest of the house sees them. The exchange's one-letter names end in exchanges/."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

LONGEST_MINUTES = 1_440
"""Older minutes of a hole are not fetched: no window looks further back than a day."""


MINUTE_MS = 60_000


class Kline(Protocol):
    """One candle, open or closed. Prices in the quote currency."""

    @property
    def open_ms(self) -> int: ...
    @property
    def open(self) -> float: ...
    @property
    def high(self) -> float: ...
    @property
    def low(self) -> float: ...
    @property
    def close(self) -> float: ...
    @property
    def quote_usdt(self) -> float: ...
    @property
    def taker_quote_usdt(self) -> float: ...
    @property
    def trades(self) -> int: ...
    @property
    def is_closed(self) -> bool: ...


class KlineUpdate(Protocol):
    """One push of the stream: the candle of `symbol` as of `event_ms` (exchange time, unix ms)."""

    @property
    def event_ms(self) -> int: ...
    @property
    def symbol(self) -> str: ...
    @property
    def kline(self) -> Kline: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Candle:
    """A candle from REST, an archive or a test; satisfies `Kline`."""

    open_ms: int
    open: float
    high: float
    low: float
    close: float
    quote_usdt: float
    taker_quote_usdt: float = 0.0
    trades: int = 0
    is_closed: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class CandleUpdate:
    """A `Candle` with its symbol and event time; satisfies `KlineUpdate`."""

    event_ms: int
    symbol: str
    kline: Candle
