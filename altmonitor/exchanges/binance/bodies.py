"""Bodies of the exchange's REST answers → our values. Bytes in, values out; no I/O.

Numbers come as strings or as numbers, time stamps as integers or strings; both are read. A row that is not what the
endpoint promises raises ValueError in `parse`; the readers leave it out and count it.
Source: https://developers.binance.com/docs/derivatives/usds-margined-futures/market-data/rest-api (2026-08).
"""

from __future__ import annotations

import math

import msgspec

from altmonitor.exchanges.rest.client import UNREADABLE
from altmonitor.market.candles import Candle
from altmonitor.market.contracts import Contract
from altmonitor.market.quotes import DayTicker, Funding, LongShortRatio, OpenInterest, SettledFunding

TOO_MANY_REQUESTS_CODES = (-1003,)
"""In the body of an error of any status: a block."""
LOWEST_WEIGHT_LIMIT, HIGHEST_WEIGHT_LIMIT = 100, 1_000_000


class OpenInterestWire(msgspec.Struct, frozen=True, rename={"contracts": "openInterest"}):
    symbol: str
    contracts: float
    time: int

    def parse(self) -> OpenInterest:
        return OpenInterest(symbol=_symbol(self.symbol), contracts=_amount(self.contracts), time_ms=_time(self.time))


class KlineWire(msgspec.Struct, frozen=True, array_like=True):
    open_ms: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    close_ms: int
    quote_usdt: float
    trades: int
    taker_coins: float
    taker_quote_usdt: float

    def parse(self) -> tuple[Candle, int]:
        """The candle as a closed one, which all but the newest of an answer are, and its last millisecond."""
        # A day of every symbol is a million rows: the bounds hold all four prices at once.
        low, high, first, last = self.low, self.high, self.open, self.close
        if not (0 < low <= first <= high < math.inf and low <= last <= high):
            raise ValueError("prices that are not finite, not above 0, or not within low and high")
        if not (0 <= self.quote_usdt < math.inf and 0 <= self.taker_quote_usdt < math.inf):
            raise ValueError("volumes that are not finite or below 0")
        candle = Candle(
            open_ms=_time(self.open_ms),
            open=first,
            high=high,
            low=low,
            close=last,
            quote_usdt=self.quote_usdt,
            taker_quote_usdt=self.taker_quote_usdt,
            trades=_count(self.trades),
        )
        return candle, _time(self.close_ms)


class DayTickerWire(msgspec.Struct, frozen=True, rename="camel"):
    symbol: str
    last_price: float
    price_change_percent: float
    quote_volume: float
    high_price: float | None = None
    low_price: float | None = None

    def parse(self) -> DayTicker:
        return DayTicker(
            symbol=_symbol(self.symbol),
            last_price=_amount(self.last_price),
            change_pct=_finite(self.price_change_percent),
            quote_usdt=_amount(self.quote_volume),
            high=None if self.high_price is None else _amount(self.high_price),
            low=None if self.low_price is None else _amount(self.low_price),
        )


class PremiumIndexWire(msgspec.Struct, frozen=True, rename="camel"):
    symbol: str
    mark_price: float
    last_funding_rate: float
    next_funding_time: int
    index_price: float | None = None
    time: int = 0

    def parse(self) -> Funding:
        return Funding(
            symbol=_symbol(self.symbol),
            rate=_finite(self.last_funding_rate),
            mark_price=_amount(self.mark_price),
            next_ms=_time_or_zero(self.next_funding_time),  # 0 for delivery contracts
            index_price=_amount(self.index_price) if self.index_price is not None else None,
            time_ms=_time_or_zero(self.time) or None,
        )


class FundingInfoWire(msgspec.Struct, frozen=True, rename="camel"):
    symbol: str
    funding_interval_hours: float

    def parse(self) -> tuple[str, float]:
        if not 0 < self.funding_interval_hours <= 24:
            raise ValueError("not a funding interval")
        return _symbol(self.symbol), self.funding_interval_hours


class FundingRateWire(msgspec.Struct, frozen=True, rename="camel"):
    funding_rate: float
    funding_time: int

    def parse(self) -> SettledFunding:
        return SettledFunding(time_ms=_time(self.funding_time), rate=_finite(self.funding_rate))


class LongShortRatioWire(msgspec.Struct, frozen=True, rename="camel"):
    symbol: str
    long_short_ratio: float
    timestamp: int

    def parse(self) -> LongShortRatio:
        return LongShortRatio(
            symbol=_symbol(self.symbol), ratio=_amount(self.long_short_ratio), time_ms=_time(self.timestamp)
        )


class ContractWire(msgspec.Struct, frozen=True, rename="camel"):
    symbol: str
    status: str
    contract_type: str
    quote_asset: str
    base_asset: str = ""
    onboard_date: int = 0
    delivery_date: int = 0

    def parse(self) -> Contract:
        return Contract(
            symbol=_symbol(self.symbol),
            status=self.status,
            contract_type=self.contract_type,
            quote_asset=self.quote_asset,
            base_asset=self.base_asset,
            onboard_ms=_time_or_zero(self.onboard_date),
            delivery_ms=_time_or_zero(self.delivery_date),
        )


class RateLimitWire(msgspec.Struct, frozen=True, rename="camel"):
    rate_limit_type: str
    interval: str
    interval_num: int
    limit: int

    def parse(self) -> int | None:
        """Request weight per minute; None for another kind of limit, and for one that nobody could work with."""
        is_weight = self.rate_limit_type == "REQUEST_WEIGHT" and self.interval == "MINUTE" and self.interval_num > 0
        limit = self.limit // self.interval_num if is_weight else 0
        return limit if LOWEST_WEIGHT_LIMIT <= limit <= HIGHEST_WEIGHT_LIMIT else None


class ExchangeInfoWire(msgspec.Struct, frozen=True, rename="camel"):
    symbols: msgspec.Raw
    rate_limits: msgspec.Raw = msgspec.Raw(b"[]")


class ServerTimeWire(msgspec.Struct, frozen=True, rename="camel"):
    server_time: int

    def parse(self) -> int:
        return _time(self.server_time)


class ErrorWire(msgspec.Struct, frozen=True):
    code: int
    msg: str = ""


def read_error(body: bytes) -> ErrorWire | None:
    """The exchange's own error; None when the body is something else (HTML of a proxy, nothing)."""
    try:
        error = msgspec.json.decode(body, type=ErrorWire)
    except UNREADABLE:
        return None
    return ErrorWire(error.code, "".join(sign for sign in error.msg[:200] if sign.isprintable()))


def _finite(value: float) -> float:
    if not math.isfinite(value):
        raise ValueError("not a finite number")
    return value


def _amount(value: float) -> float:
    if not 0 <= value < math.inf:
        raise ValueError("not a finite number ≥ 0")
    return value


def _time(value: int) -> int:
    if not 0 < value < 10**14:
        raise ValueError("not unix milliseconds")
    return value


def _time_or_zero(value: int) -> int:
    return _time(value) if value else 0


def _count(value: int) -> int:
    if not 0 <= value < 10**15:
        raise ValueError("not a count")
    return value


def _symbol(text: str) -> str:
    if not 0 < len(text) <= 64 or not text.isprintable() or " " in text:
        raise ValueError("not a symbol")
    return text
