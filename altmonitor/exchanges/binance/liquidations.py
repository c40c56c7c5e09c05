"""Binance's liquidations: one stream for all contracts, of each at most one a second.

Source: https://developers.binance.com/docs/derivatives/usds-margined-futures/websocket-market-streams (2026-05):
`S` is the side of the order that closes the position, `z` what was filled, `ap` at which price.
"""

from __future__ import annotations

import math
from typing import Final

import msgspec

from altmonitor.exchanges.binance.dialect import NOT_A_KLINE, decode_other, encode_request
from altmonitor.exchanges.ws.dialect import SubscribeAnswer
from altmonitor.exchanges.ws.liquidations import LiquidationStreams
from altmonitor.market.liquidations import Liquidation

STREAM: Final = "!forceOrder@arr"
LONG_LIQUIDATED: Final = "SELL"


class _Order(msgspec.Struct, frozen=True, rename={"symbol": "s", "side": "S", "filled": "z", "price": "ap", "at": "T"}):
    symbol: str
    side: str
    filled: float
    price: float
    at: int
    market: int = msgspec.field(default=1, name="st")


class _ForceOrderEvent(msgspec.Struct, frozen=True, tag_field="e", tag="forceOrder"):
    o: _Order


class _Combined(msgspec.Struct, frozen=True):
    data: _ForceOrderEvent


_decode_combined = msgspec.json.Decoder(_Combined, strict=False).decode
_decode_bare = msgspec.json.Decoder(_ForceOrderEvent, strict=False).decode


def decode(frame: bytes) -> list[Liquidation]:
    """Combined or bare; of USDT-margined contracts alone."""
    try:
        order = _decode_combined(frame).data.o
    except NOT_A_KLINE:
        try:
            order = _decode_bare(frame).o
        except NOT_A_KLINE:
            return []
    usd = order.filled * order.price
    if order.market != 1 or order.side not in ("BUY", "SELL") or not 0 < usd < math.inf:
        return []
    return [
        Liquidation(
            symbol=order.symbol,
            is_long=order.side == LONG_LIQUIDATED,
            price=order.price,
            usd=usd,
            event_ms=order.at,
        )
    ]


def answer(frame: bytes) -> SubscribeAnswer | None:
    found = decode_other(frame)
    return found if isinstance(found, SubscribeAnswer) else None


BINANCE_LIQUIDATIONS: Final = LiquidationStreams(
    path="/stream",
    topic=None,
    request=lambda symbols, number: encode_request("SUBSCRIBE", (STREAM,), number),
    answer=answer,
    decode=decode,
    is_sampled=True,
)
