"""What an exchange tells of a symbol beside its candles: 24-hour figures, funding, open interest, ratios."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenInterest:
    """`contracts`: base coins. `time_ms`: the exchange's own stamp, unix ms."""

    symbol: str
    contracts: float
    time_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DayTicker:
    """Rolling 24 h. `change_pct` percent, `quote_usdt` traded USDT. high, low: None when the answer had none."""

    symbol: str
    last_price: float
    change_pct: float
    quote_usdt: float
    high: float | None = None
    low: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Funding:
    """`rate`: fraction for the running interval (0.0001 = 0.01 %). `next_ms`: unix ms of settlement. `index_price`: of
    the spot markets it follows. `time_ms`: when the exchange said so, at Hyperliquid to the minute. None where the
    answer had none."""

    symbol: str
    rate: float
    mark_price: float
    next_ms: int
    index_price: float | None = None
    time_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SettledFunding:
    """A rate that was paid at `time_ms`; fraction of the position."""

    time_ms: int
    rate: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LongShortRatio:
    """Accounts long / accounts short over all accounts. `time_ms`: end of the bucket."""

    symbol: str
    ratio: float
    time_ms: int
