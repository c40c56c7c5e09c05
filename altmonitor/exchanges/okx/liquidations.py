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
from altmonitor.exchanges.ws.liquidations import LiquidationStreams
from altmonitor.market.liquidations import Liquidation

CHANNEL: Final = "liquidation-orders"
SUBSCRIBE: Final = '{"id":"1","op":"subscribe","args":[{"channel":"liquidation-orders","instType":"SWAP"}]}'


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
    data: list[_OkxLiquidationRow]


_decode = msgspec.json.Decoder(_OkxFrame, strict=False).decode


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
            for row in found.data
            if (symbol := symbol_of_okx(row.instrument)) is not None
            and (value := contract_value(row.instrument)) is not None
            for detail in row.details
            if detail.side in ("buy", "sell")
            and 0 < (usd := coins_of(detail.contracts, value) * detail.price) < math.inf
        ]

    return LiquidationStreams(
        path="/public",
        subscriptions=lambda symbols: [[SUBSCRIBE]],
        decode=decode,
        is_sampled=True,
        heartbeat="ping",
    )
