"""Bybit's liquidations: every one, by contract.

Source: https://bybit-exchange.github.io/docs/v5/websocket/public/all-liquidation (2026-06): `S` is the side of the
position (`Buy`: a long was liquidated), `p` the bankruptcy price, `v` coins.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import msgspec

from altmonitor.exchanges.bybit.dialect import NOT_A_KLINE, encode_request
from altmonitor.exchanges.bybit.units import UNITS
from altmonitor.exchanges.ws.liquidations import LiquidationStreams
from altmonitor.market.liquidations import Liquidation

TOPIC: Final = "allLiquidation."
CHARS_PER_CONNECTION: Final = 18_000
TOPICS_PER_MESSAGE: Final = 200


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
    data: list[_BybitLiquidationRow]


_decode = msgspec.json.Decoder(_BybitFrame, strict=False).decode


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
        for row in found.data
        if row.side in ("Buy", "Sell") and 0 < row.coins * row.price < math.inf
    ]


def subscriptions(symbols: Sequence[str]) -> list[list[str]]:
    connections: list[list[str]] = [[]]
    room = CHARS_PER_CONNECTION
    for symbol in symbols:
        topic = f"{TOPIC}{symbol}"
        if len(topic) > room:
            connections.append([])
            room = CHARS_PER_CONNECTION
        room -= len(topic)
        connections[-1].append(topic)
    return [
        [
            encode_request("SUBSCRIBE", tuple(topics[at : at + TOPICS_PER_MESSAGE]), number)
            for number, at in enumerate(range(0, len(topics), TOPICS_PER_MESSAGE), 1)
        ]
        for topics in connections
        if topics
    ]


BYBIT_LIQUIDATIONS: Final = LiquidationStreams(
    path="/linear", subscriptions=subscriptions, decode=decode, is_sampled=False, heartbeat='{"op":"ping"}'
)
