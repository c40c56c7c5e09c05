"""Bybit's liquidations: every one, by contract.

Source: https://bybit-exchange.github.io/docs/v5/websocket/public/all-liquidation (2026-06): `S` is the side of the
position (`Buy`: a long was liquidated), `p` the bankruptcy price, `v` coins.
"""

from __future__ import annotations

import math
from typing import Final

import msgspec

from altmonitor.exchanges.bybit.dialect import NOT_A_KLINE, decode_other, encode_request
from altmonitor.exchanges.bybit.units import UNITS
from altmonitor.exchanges.ws.dialect import SubscribeAnswer
from altmonitor.exchanges.ws.liquidations import LiquidationStreams, readable
from altmonitor.market.liquidations import Liquidation

TOPIC: Final = "allLiquidation."


class _BybitLiquidationRow(
    msgspec.Struct, frozen=True, rename={"at": "T", "symbol": "s", "side": "S", "coins": "v", "price": "p"}
):
    at: int
    symbol: str
    side: str
    coins: float
    price: float


class _BybitFrame(msgspec.Struct, frozen=True):
    topic: str
    data: list[msgspec.Raw]


_decode = msgspec.json.Decoder(_BybitFrame, strict=False).decode
_decode_row = msgspec.json.Decoder(_BybitLiquidationRow, strict=False).decode


def decode(frame: bytes) -> list[Liquidation]:
    try:
        found = _decode(frame)
    except NOT_A_KLINE:
        return []
    if not found.topic.startswith(TOPIC):
        return []
    return [
        Liquidation(
            symbol=row.symbol,
            is_long=row.side == UNITS.long_liquidated,
            price=row.price,
            usd=row.coins * row.price,
            event_ms=row.at,
        )
        for row in readable(found.data, _decode_row)
        if row.side in ("Buy", "Sell") and 0 < row.coins * row.price < math.inf
    ]


def answer(frame: bytes) -> SubscribeAnswer | None:
    found = decode_other(frame)
    return found if isinstance(found, SubscribeAnswer) else None


def topic(symbol: str) -> str:
    return f"{TOPIC}{symbol}"


BYBIT_LIQUIDATIONS: Final = LiquidationStreams(
    path="/linear",
    topic=topic,
    request=lambda symbols, number: encode_request("SUBSCRIBE", tuple(map(topic, symbols)), number),
    answer=answer,
    decode=decode,
    is_sampled=False,
    heartbeat='{"op":"ping"}',
)
