"""Bodies of Bybit's REST answers → our values. Bytes in, values out; no I/O.

Source: https://bybit-exchange.github.io/docs/v5/market (2026-10): numbers are strings, some of them empty.
"""

from __future__ import annotations

from typing import Final

import msgspec

from altmonitor.core.errors import BadAnswer
from altmonitor.exchanges.bybit.units import UNITS
from altmonitor.exchanges.rest.client import UNREADABLE, One, Rows
from altmonitor.exchanges.rest.venue_market import amount, finite, priced, unix_ms
from altmonitor.market.candles import Candle
from altmonitor.market.contracts import Contract
from altmonitor.market.quotes import DayTicker, Funding, LongShortRatio, OpenInterest

TOO_MANY_CODES: Final = (10006, 10018)
TRADFI_TYPES: Final = frozenset({"stock", "commodity", "forex", "index", "metal", "bond"})
_STATUSES: Final = {"Trading": "TRADING", "PreLaunch": "PENDING_TRADING"}


class BybitTickerWire(msgspec.Struct, frozen=True, rename="camel"):
    """What is read of a row of `/v5/market/tickers`. price24hPcnt is a fraction."""

    symbol: str
    last_price: str = ""
    mark_price: str = ""
    index_price: str = ""
    price24h_pcnt: str = msgspec.field(default="", name="price24hPcnt")
    high_price24h: str = msgspec.field(default="", name="highPrice24h")
    low_price24h: str = msgspec.field(default="", name="lowPrice24h")
    turnover24h: str = msgspec.field(default="", name="turnover24h")
    open_interest: str = ""
    single_open_interest: str = ""
    funding_rate: str = ""
    next_funding_time: str = ""
    funding_interval_hour: str = ""

    def parse(self) -> BybitTickerWire:
        if not 0 < len(self.symbol) <= 64:
            raise ValueError("not a symbol")
        return self

    def day(self) -> DayTicker:
        """Raises ValueError."""
        return DayTicker(
            symbol=self.symbol,
            last_price=amount(self.last_price),
            change_pct=finite(self.price24h_pcnt) * 100,
            quote_usdt=amount(self.turnover24h),
            high=amount(self.high_price24h) if self.high_price24h else None,
            low=amount(self.low_price24h) if self.low_price24h else None,
        )

    def funding(self, time_ms: int) -> Funding:
        """time_ms: of the table. Raises ValueError, also for a contract without funding."""
        return Funding(
            symbol=self.symbol,
            rate=finite(self.funding_rate),
            mark_price=amount(self.mark_price),
            next_ms=unix_ms(self.next_funding_time),
            index_price=amount(self.index_price) if self.index_price else None,
            time_ms=time_ms,
        )

    def one_side(self, time_ms: int) -> OpenInterest:
        """Of one side: the venue's older figure counts both. Raises ValueError."""
        if self.single_open_interest:
            contracts = amount(self.single_open_interest)
        else:
            contracts = amount(self.open_interest) / UNITS.oi_sides
        return OpenInterest(symbol=self.symbol, contracts=contracts, time_ms=time_ms)

    def hours(self) -> float:
        """Between two settlements. Raises ValueError."""
        hours = amount(self.funding_interval_hour)
        if not 0 < hours <= 24:
            raise ValueError("not a funding interval")
        return hours


class BybitInstrumentWire(msgspec.Struct, frozen=True, rename="camel"):
    symbol: str
    contract_type: str
    status: str
    quote_coin: str
    base_coin: str = ""
    launch_time: str = ""
    delivery_time: str = ""
    symbol_type: str = ""

    def parse(self) -> Contract:
        is_perpetual = self.contract_type == "LinearPerpetual"
        is_tradfi = self.symbol_type.lower() in TRADFI_TYPES
        return Contract(
            symbol=self.symbol,
            status=_STATUSES.get(self.status, self.status.upper()),
            contract_type=("TRADIFI_PERPETUAL" if is_tradfi else "PERPETUAL") if is_perpetual else self.contract_type,
            quote_asset=self.quote_coin,
            base_asset=self.base_coin,
            onboard_ms=unix_ms(self.launch_time),
            delivery_ms=unix_ms(self.delivery_time),
        )


class BybitKlineWire(msgspec.Struct, frozen=True, array_like=True):
    open_ms: int
    open: float
    high: float
    low: float
    close: float
    coins: float
    quote_usdt: float

    def parse(self) -> Candle:
        return priced(
            Candle(
                open_ms=unix_ms(self.open_ms),
                open=self.open,
                high=self.high,
                low=self.low,
                close=self.close,
                quote_usdt=self.quote_usdt,
                taker_quote_usdt=float("nan"),
            )
        )


class BybitRatioWire(msgspec.Struct, frozen=True, rename="camel"):
    symbol: str
    buy_ratio: float
    sell_ratio: float
    timestamp: int

    def parse(self) -> LongShortRatio:
        if not self.sell_ratio > 0:
            raise ValueError("no short account to compare with")
        return LongShortRatio(
            symbol=self.symbol, ratio=amount(self.buy_ratio / self.sell_ratio), time_ms=unix_ms(self.timestamp)
        )


class _Result(msgspec.Struct, frozen=True, rename="camel"):
    list: msgspec.Raw = msgspec.Raw(b"[]")
    next_page_cursor: str = ""


class _BybitAnswerCode(msgspec.Struct, frozen=True, rename="camel"):
    ret_code: int
    ret_msg: str = ""
    time: int = 0


class BybitAnswer(_BybitAnswerCode, frozen=True, rename="camel"):
    """time: of the venue's clock, unix ms."""

    result: _Result | None = None


_CODE: Final = msgspec.json.Decoder(_BybitAnswerCode)
_ANSWER: Final = One(BybitAnswer)
TICKERS: Final = Rows(BybitTickerWire)
INSTRUMENTS: Final = Rows(BybitInstrumentWire)
KLINES: Final = Rows(BybitKlineWire)
RATIOS: Final = Rows(BybitRatioWire)


def read(body: bytes) -> tuple[BybitAnswer, msgspec.Raw]:
    """The answer and its rows. Raises BadAnswer for one that is an error."""
    answer = _ANSWER.read(body)
    if answer.ret_code != 0 or answer.result is None:
        said = "".join(sign for sign in answer.ret_msg[:200] if sign.isprintable())
        raise BadAnswer(f"code {answer.ret_code}: {said}")
    return answer, answer.result.list


def server_ms(body: bytes) -> int:
    answer = _ANSWER.read(body)
    if not answer.time:
        raise BadAnswer("an answer without the time")
    return unix_ms(answer.time)


def is_refusal(body: bytes) -> bool:
    """ "Too many requests", inside a 200. The code stands at the beginning: a table need not be read for it."""
    head = body[:64]
    if b'"retCode":0' in head.replace(b" ", b""):
        return False
    try:
        return _CODE.decode(body).ret_code in TOO_MANY_CODES
    except UNREADABLE:
        return False
