"""Bybit's language on the market socket: topics, limits, and frames → typed values.

Source: https://bybit-exchange.github.io/docs/v5/ws/connect and …/websocket/public/kline (2026-10).
"""

from __future__ import annotations

import json
from math import nan
from typing import Annotated, Final

import msgspec

from altmonitor.exchanges.ws.dialect import Dialect, HeartbeatAnswer, Method, OtherFrame, Skipped, SubscribeAnswer

NOT_A_KLINE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
KLINE_TOPIC: Final = "kline.1."
_OPERATIONS: Final = {"SUBSCRIBE": "subscribe", "UNSUBSCRIBE": "unsubscribe"}

UnixMs = Annotated[int, msgspec.Meta(ge=0, lt=10**14)]


class BybitKlineFields(
    msgspec.Struct,
    frozen=True,
    gc=False,
    rename={"open_ms": "start", "quote_usdt": "turnover", "is_closed": "confirm"},
):
    """Satisfies `market.candles.Kline`. The venue tells neither trades nor who took."""

    open_ms: UnixMs
    open: float
    close: float
    high: float
    low: float
    quote_usdt: float
    is_closed: bool

    @property
    def taker_quote_usdt(self) -> float:
        return nan

    @property
    def trades(self) -> int:
        return 0


class BybitKline(msgspec.Struct, frozen=True, gc=False, rename={"event_ms": "ts", "rows": "data"}):
    """Satisfies `market.candles.KlineUpdate`, and is its own envelope. One row: that of the running minute."""

    topic: str
    event_ms: UnixMs
    rows: tuple[BybitKlineFields]

    @property
    def data(self) -> BybitKline:
        return self

    @property
    def symbol(self) -> str:
        return self.topic[8:]

    @property
    def kline(self) -> BybitKlineFields:
        return self.rows[0]


class _Several(msgspec.Struct, frozen=True, gc=False, rename={"event_ms": "ts", "rows": "data"}):
    topic: str
    event_ms: UnixMs
    rows: list[BybitKlineFields]


class _BybitPush(msgspec.Struct, frozen=True, gc=False):
    """Whatever is not a candle: another topic's data, or an answer to what we sent."""

    topic: str = ""
    op: str = ""
    success: bool | None = None
    ret_msg: str = ""
    req_id: str = ""


decode_kline = msgspec.json.Decoder(BybitKline, strict=False).decode
_decode_several = msgspec.json.Decoder(_Several, strict=False).decode
_decode_envelope = msgspec.json.Decoder(_BybitPush).decode


def decode_other(payload: bytes) -> OtherFrame:
    """Read a frame that `decode_kline` refused. Never raises."""
    try:
        envelope = _decode_envelope(payload)
        if envelope.topic.startswith(KLINE_TOPIC):
            several = _decode_several(payload)
            found = tuple(BybitKline(several.topic, several.event_ms, (row,)) for row in several.rows)
            return found or Skipped.WRONG_SHAPE
        if envelope.topic:
            return Skipped.UNKNOWN_EVENT
        if envelope.op == "ping" or envelope.ret_msg == "pong":
            return HeartbeatAnswer()
        return _answer(envelope)
    except msgspec.ValidationError:
        return Skipped.WRONG_SHAPE
    except NOT_A_KLINE:
        return Skipped.MALFORMED


def _answer(envelope: _BybitPush) -> SubscribeAnswer | Skipped:
    if envelope.success is None:
        return Skipped.UNKNOWN_EVENT
    is_ours = envelope.req_id.isascii() and envelope.req_id.isdecimal()
    request_id = int(envelope.req_id[:18]) if is_ours else None
    if not envelope.success:
        return SubscribeAnswer(request_id=request_id, error=envelope.ret_msg or "refused")
    return Skipped.UNKNOWN_EVENT if request_id is None else SubscribeAnswer(request_id=request_id)


def kline_stream(symbol: str) -> str:
    """`SOLUSDT` → `kline.1.SOLUSDT`."""
    return f"{KLINE_TOPIC}{symbol}"


def encode_request(method: Method, streams: tuple[str, ...] | None, request_id: int) -> str:
    return json.dumps(
        {"req_id": str(request_id), "op": _OPERATIONS[method], "args": streams or ()},
        ensure_ascii=False,
        separators=(",", ":"),
    )


BYBIT: Final = Dialect(
    path="/linear",
    news_streams=(),
    kline_stream=kline_stream,
    encode=encode_request,
    decode_kline=decode_kline,
    not_a_kline=NOT_A_KLINE,
    decode_other=decode_other,
    streams_per_connection=300,  # `args` of one connection hold 21,000 characters, and two topics a symbol must fit
    connection_life_s=23 * 3600.0,
    handshakes=400,  # the venue's limit is 500 in 5 minutes
    handshake_window_s=300.0,
    largest_message_bytes=8_000,
    control_interval_s=0.3,
    has_list=False,
    heartbeat='{"op":"ping"}',
    heartbeat_s=20.0,
)
