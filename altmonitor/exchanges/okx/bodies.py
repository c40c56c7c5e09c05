"""Bodies of OKX's REST answers → our values. Bytes in, values out; no I/O.

Source: https://www.okx.com/docs-v5/en/ (2026-10): numbers are strings, some of them empty.
"""

from __future__ import annotations

from typing import Final, TypeVar

import msgspec

from altmonitor.core.errors import BadAnswer
from altmonitor.core.venue_names import symbol_of_okx
from altmonitor.exchanges.okx.units import coins_of
from altmonitor.exchanges.rest.client import UNREADABLE, One, Rows
from altmonitor.exchanges.rest.venue_market import amount, finite, priced, unix_ms
from altmonitor.market.candles import Candle
from altmonitor.market.contracts import Contract
from altmonitor.market.quotes import DayTicker, LongShortRatio, OpenInterest

V = TypeVar("V")

TOO_MANY_CODES: Final = ("50011", "50061", "50013")
CRYPTO_CATEGORIES: Final = ("", "1")
"""Others are stock tokens, metals, commodities, currencies, bonds."""
_STATUSES: Final = {"live": "TRADING", "preopen": "PENDING_TRADING"}
HOUR_MS: Final = 3_600_000


class OkxInstrumentWire(msgspec.Struct, frozen=True, rename="camel"):
    inst_id: str
    ct_type: str
    settle_ccy: str
    state: str
    ct_val: str
    ct_mult: str = "1"
    list_time: str = ""
    exp_time: str = ""
    inst_category: str = ""

    def parse(self) -> tuple[Contract, float]:
        """With the coins in one contract; the kind of another swap than a USDT one is told as it is."""
        symbol = symbol_of_okx(self.inst_id)
        is_ours = symbol is not None and self.ct_type == "linear" and self.settle_ccy == "USDT"
        kind = "PERPETUAL" if self.inst_category in CRYPTO_CATEGORIES else "TRADIFI_PERPETUAL"
        contract = Contract(
            symbol=symbol or self.inst_id,
            status=_STATUSES.get(self.state, self.state.upper()),
            contract_type=kind if is_ours else self.ct_type.upper(),
            quote_asset="USDT" if is_ours else self.settle_ccy,
            base_asset=self.inst_id.partition("-")[0],
            onboard_ms=unix_ms(self.list_time),
            delivery_ms=unix_ms(self.exp_time),
        )
        return contract, amount(self.ct_val) * amount(self.ct_mult or "1")


class OkxOpenInterestWire(msgspec.Struct, frozen=True, rename="camel"):
    inst_id: str
    ts: str
    oi: str = ""
    oi_ccy: str = ""

    def parse(self) -> OkxOpenInterestWire:
        unix_ms(self.ts)
        return self

    def coins(self, contract_value: float | None) -> OpenInterest | None:
        """None for another swap than a USDT one, and where neither coins nor the size of a contract are known."""
        symbol = symbol_of_okx(self.inst_id)
        if symbol is None or not (self.oi_ccy or (self.oi and contract_value)):
            return None
        coins = amount(self.oi_ccy) if self.oi_ccy else coins_of(amount(self.oi), contract_value or 0.0)
        return OpenInterest(symbol=symbol, contracts=coins, time_ms=unix_ms(self.ts))


class OkxTickerWire(msgspec.Struct, frozen=True, rename="camel"):
    inst_id: str
    last: str
    open24h: str = msgspec.field(name="open24h")
    high24h: str = msgspec.field(name="high24h")
    low24h: str = msgspec.field(name="low24h")
    vol_ccy24h: str = msgspec.field(name="volCcy24h")

    def parse(self) -> DayTicker:
        """The volume is told in coins: at the last price. Raises ValueError also for another swap."""
        symbol, last, before = symbol_of_okx(self.inst_id), amount(self.last), amount(self.open24h)
        if symbol is None or not before > 0:
            raise ValueError("no USDT swap, or one that was not traded a day ago")
        return DayTicker(
            symbol=symbol,
            last_price=last,
            change_pct=(last / before - 1) * 100,
            quote_usdt=amount(self.vol_ccy24h) * last,
            high=amount(self.high24h),
            low=amount(self.low24h),
        )


class FundingWire(msgspec.Struct, frozen=True, rename="camel"):
    """fundingTime: of the settlement that comes; nextFundingTime: of the one after it."""

    inst_id: str
    funding_rate: str
    funding_time: str
    next_funding_time: str = ""
    ts: str = ""

    def parse(self) -> tuple[str, float, int, float | None, int | None]:
        """Symbol, rate, settlement, hours between two of them, when the venue said so."""
        symbol = symbol_of_okx(self.inst_id)
        if symbol is None:
            raise ValueError("no USDT swap")
        at_ms, following_ms = unix_ms(self.funding_time), unix_ms(self.next_funding_time)
        hours = (following_ms - at_ms) / HOUR_MS if following_ms > at_ms else None
        return symbol, finite(self.funding_rate), at_ms, hours, unix_ms(self.ts) or None


class MarkWire(msgspec.Struct, frozen=True, rename="camel"):
    inst_id: str
    mark_px: str

    def parse(self) -> tuple[str, float]:
        return self.inst_id, amount(self.mark_px)


class IndexWire(msgspec.Struct, frozen=True, rename="camel"):
    inst_id: str
    idx_px: str

    def parse(self) -> tuple[str, float]:
        return self.inst_id, amount(self.idx_px)


class OkxCandleWire(msgspec.Struct, frozen=True, array_like=True):
    open_ms: int
    open: float
    high: float
    low: float
    close: float
    contracts: float
    coins: float
    quote_usdt: float
    confirm: str = "0"

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


class OkxRatioWire(msgspec.Struct, frozen=True, array_like=True):
    time_ms: int
    ratio: float

    def parse(self) -> tuple[int, float]:
        return unix_ms(self.time_ms), amount(self.ratio)


class TimeWire(msgspec.Struct, frozen=True):
    ts: str

    def parse(self) -> int:
        return unix_ms(self.ts)


class _OkxAnswerCode(msgspec.Struct, frozen=True):
    code: str
    msg: str = ""


class _Answer(_OkxAnswerCode, frozen=True):
    data: msgspec.Raw = msgspec.Raw(b"[]")


_CODE: Final = msgspec.json.Decoder(_OkxAnswerCode)
_ANSWER: Final = One(_Answer)
INSTRUMENTS: Final = Rows(OkxInstrumentWire)
OPEN_INTERESTS: Final = Rows(OkxOpenInterestWire)
TICKERS: Final = Rows(OkxTickerWire)
FUNDINGS: Final = Rows(FundingWire)
MARKS: Final = Rows(MarkWire)
INDEXES: Final = Rows(IndexWire)
CANDLES: Final = Rows(OkxCandleWire)
RATIOS: Final = Rows(OkxRatioWire)
TIMES: Final = Rows(TimeWire)


def read(body: bytes, rows: Rows[V]) -> list[V]:
    """The readable rows. Raises BadAnswer for an answer that is an error."""
    answer = _ANSWER.read(body)
    if answer.code != "0":
        said = "".join(sign for sign in answer.msg[:200] if sign.isprintable())
        raise BadAnswer(f"code {answer.code[:10]}: {said}")
    return rows.read(answer.data).values


def is_refusal(body: bytes) -> bool:
    """ "Too many requests", inside a 200; an answer with rows begins with its code."""
    if b'"code":"0"' in body[:64].replace(b" ", b""):
        return False
    try:
        return _CODE.decode(body).code in TOO_MANY_CODES
    except UNREADABLE:
        return False


def ratio_of(rows: list[tuple[int, float]], symbol: str) -> LongShortRatio | None:
    """The newest."""
    if not rows:
        return None
    time_ms, ratio = max(rows)
    return LongShortRatio(symbol=symbol, ratio=ratio, time_ms=time_ms)
