"""OKX's liquidations: one channel for all swaps, of each at most one a second; sizes are in contracts.

Source: https://www.okx.com/docs-v5/en/#public-data-websocket-liquidation-orders-channel (2026-10): `side` is that of
the order that closes the position, `bkPx` the bankruptcy price.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

import msgspec

from altmonitor.core.venue_names import symbol_of_okx
from altmonitor.exchanges.okx.dialect import NOT_A_KLINE
from altmonitor.exchanges.okx.units import UNITS, coins_of
from altmonitor.exchanges.ws.dialect import SubscribeAnswer
from altmonitor.exchanges.ws.liquidations import LiquidationStreams, readable
from altmonitor.market.liquidations import Liquidation

CHANNEL: Final = "liquidation-orders"
SUBSCRIBE: Final = '{"id":"%d","op":"subscribe","args":[{"channel":"liquidation-orders","instType":"SWAP"}]}'


class _Detail(msgspec.Struct, frozen=True, rename={"price": "bkPx", "contracts": "sz", "at": "ts"}):
    side: str
    price: float
    contracts: float
    at: int


class _OkxLiquidationRow(msgspec.Struct, frozen=True):
    details: list[_Detail]
    instrument: str = msgspec.field(name="instId")


class _LiquidationArg(msgspec.Struct, frozen=True):
    channel: str


class _OkxFrame(msgspec.Struct, frozen=True):
    arg: _LiquidationArg
    data: list[msgspec.Raw]


class _OkxWord(msgspec.Struct, frozen=True):
    event: str
    id: int = 0
    code: str = ""
    msg: str = ""


_decode = msgspec.json.Decoder(_OkxFrame, strict=False).decode
_decode_row = msgspec.json.Decoder(_OkxLiquidationRow, strict=False).decode
_decode_word = msgspec.json.Decoder(_OkxWord, strict=False).decode


def answer(frame: bytes) -> SubscribeAnswer | None:
    try:
        word = _decode_word(frame)
    except NOT_A_KLINE:
        return None
    error = (f"{word.code} {word.msg}".strip() or "refused") if word.event == "error" else ""
    return SubscribeAnswer(request_id=word.id, error=error)


def okx_liquidations(contract_value: Callable[[str], float | None]) -> LiquidationStreams:
    """contract_value: instrument → coins in one contract; None while it is not known: then nothing is told of it."""

    def decode(frame: bytes) -> list[Liquidation]:
        try:
            found = _decode(frame)
        except NOT_A_KLINE:
            return []
        if found.arg.channel != CHANNEL:
            return []
        return [
            Liquidation(
                symbol=symbol,
                is_long=detail.side == UNITS.long_liquidated,
                price=detail.price,
                usd=usd,
                event_ms=detail.at,
            )
            for row in readable(found.data, _decode_row)
            if (symbol := symbol_of_okx(row.instrument)) is not None
            and (value := contract_value(row.instrument)) is not None
            for detail in row.details
            if detail.side in ("buy", "sell")
            and 0 < (usd := coins_of(detail.contracts, value) * detail.price) < math.inf
        ]

    return LiquidationStreams(
        path="/public",
        topic=None,
        request=lambda symbols, number: SUBSCRIBE % number,
        answer=answer,
        decode=decode,
        is_sampled=True,
        heartbeat="ping",
    )
