"""Hyperliquid's language on the market socket: channels, limits, and frames → typed values.

One subscription a message, answered by its own words and not by a number. Candles carry no time and are never marked
closed: see `closing`. Source: https://hyperliquid.gitbook.io/hyperliquid-docs/for-developers/api/websocket (2026-09).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import lru_cache
from math import nan
from typing import Annotated, Final, Literal

import msgspec

from altmonitor.core.venue_names import hyperliquid_coin, symbol_of_hyperliquid
from altmonitor.exchanges.hyperliquid.closing import ClockClosing
from altmonitor.exchanges.ws.dialect import Dialect, HeartbeatAnswer, Method, OtherFrame, Skipped, SubscribeAnswer
from altmonitor.market.candles import Candle, KlineUpdate

NOT_A_KLINE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
ALL_CONTEXTS: Final = "allDexsAssetCtxs"
CANDLE: Final = "candle:"
_CONTEXTS_BEGIN: Final = b'{"channel":"allDexsAssetCtxs"'
MOST_OPEN_REQUESTS: Final = 2_000

UnixMs = Annotated[int, msgspec.Meta(ge=0, lt=10**14)]
_symbol_of = lru_cache(maxsize=2_048)(symbol_of_hyperliquid)


class _CandleFields(msgspec.Struct, frozen=True, gc=False):
    t: UnixMs
    s: str
    i: Literal["1m"]
    o: float
    h: float
    l: float  # noqa: E741
    c: float
    v: float
    n: int = 0


class _CandleFrame(msgspec.Struct, frozen=True, gc=False):
    channel: Literal["candle"]
    data: _CandleFields


class _CandlesFrame(msgspec.Struct, frozen=True, gc=False):
    channel: Literal["candle"]
    data: list[_CandleFields]


class _Subscription(msgspec.Struct, frozen=True):
    type: str = ""
    coin: str = ""


class _Response(msgspec.Struct, frozen=True):
    method: str = ""
    subscription: _Subscription | None = None


class _HyperliquidEnvelope(msgspec.Struct, frozen=True, gc=False):
    channel: str = ""
    data: msgspec.Raw = msgspec.Raw()


_decode_candle = msgspec.json.Decoder(_CandleFrame, strict=False).decode
_decode_candles = msgspec.json.Decoder(_CandlesFrame, strict=False).decode
_decode_envelope = msgspec.json.Decoder(_HyperliquidEnvelope).decode
_decode_response = msgspec.json.Decoder(_Response).decode
_decode_text = msgspec.json.Decoder(str).decode


class HyperliquidUpdate(msgspec.Struct, gc=False):
    """Satisfies `market.candles.KlineUpdate`, and is its own envelope."""

    symbol: str
    event_ms: int
    kline: Candle

    @property
    def data(self) -> HyperliquidUpdate:
        return self


class HyperliquidFrames:
    """Reads and writes for one feed. now_ms: the venue's clock. on_contexts: gets the table of all dexes as it came,
    and the minute, unix ms, of the newest candle before it (0: there was none): the only time that the venue says."""

    def __init__(self, now_ms: Callable[[], int], on_contexts: Callable[[bytes, int], None]) -> None:
        self._now_ms = now_ms
        self._on_contexts = on_contexts
        self._minute_ms = 0
        self._open: dict[tuple[str, str], int] = {}
        self.closing = ClockClosing(now_ms)

    def decode_kline(self, payload: bytes) -> HyperliquidUpdate:
        """Raises one of NOT_A_KLINE for anything but one candle."""
        return self._update(_decode_candle(payload).data)

    def decode_other(self, payload: bytes) -> OtherFrame:
        """Read a frame that `decode_kline` refused. Never raises."""
        if payload.startswith(_CONTEXTS_BEGIN):
            self._on_contexts(payload, self._minute_ms)
            return HeartbeatAnswer()
        try:
            return self._read(_decode_envelope(payload), payload)
        except msgspec.ValidationError:
            return Skipped.WRONG_SHAPE
        except NOT_A_KLINE:
            return Skipped.MALFORMED

    def _read(self, envelope: _HyperliquidEnvelope, payload: bytes) -> OtherFrame:
        match envelope.channel:
            case "pong":
                return HeartbeatAnswer()
            case "subscriptionResponse":
                return self._answer(_decode_response(envelope.data))
            case "error":
                return self._refusal(_decode_text(envelope.data))
            case "candle":
                found: tuple[KlineUpdate, ...] = tuple(map(self._update, _decode_candles(payload).data))
                return found or Skipped.WRONG_SHAPE
            case "allDexsAssetCtxs":
                self._on_contexts(payload, self._minute_ms)
                return HeartbeatAnswer()
            case _:
                return Skipped.UNKNOWN_EVENT

    def encode(self, method: Method, streams: tuple[str, ...] | None, request_id: int) -> str:
        stream = streams[0] if streams else ""
        if stream:
            self._open[method.lower(), stream] = request_id
            if len(self._open) > MOST_OPEN_REQUESTS:
                del self._open[next(iter(self._open))]
        body = {"method": method.lower(), "subscription": _subscription_of(stream)}
        return json.dumps(body, ensure_ascii=False, separators=(",", ":"))

    def _update(self, fields: _CandleFields) -> HyperliquidUpdate:
        now_ms = max(fields.t, self._now_ms())
        if fields.t > self._minute_ms:
            self._minute_ms = fields.t
        candle = Candle(
            open_ms=fields.t,
            open=fields.o,
            high=fields.h,
            low=fields.l,
            close=fields.c,
            quote_usdt=fields.v * fields.c,
            taker_quote_usdt=nan,
            trades=fields.n,
            is_closed=False,
        )
        symbol = _symbol_of(fields.s)
        self.closing.hear(symbol, candle, now_ms)
        return HyperliquidUpdate(symbol, now_ms, candle)

    def _answer(self, response: _Response) -> OtherFrame:
        subscription = response.subscription
        if subscription is None:
            return Skipped.WRONG_SHAPE
        stream = f"{CANDLE}{subscription.coin}" if subscription.type == "candle" else subscription.type
        request_id = self._open.pop((response.method, stream), None)
        return HeartbeatAnswer() if request_id is None else SubscribeAnswer(request_id=request_id)

    def _refusal(self, text: str) -> OtherFrame:
        """`Already subscribed: {…}`, `Invalid subscription {…}`: the words of the request are in it."""
        begin = text.find("{")
        subscription = None
        if begin >= 0:
            try:
                subscription = _decode_error(text[begin:].encode())
            except NOT_A_KLINE:
                subscription = None
        if subscription is None:
            return SubscribeAnswer(request_id=None, error=text[:200])
        stream = f"{CANDLE}{subscription.coin}" if subscription.type == "candle" else subscription.type
        request_id = self._open.pop(("subscribe", stream), None) or self._open.pop(("unsubscribe", stream), None)
        if request_id is None:
            return HeartbeatAnswer()
        is_done = text.startswith(("Already subscribed", "Already unsubscribed"))
        return SubscribeAnswer(request_id=request_id, error="" if is_done else text[:200])


_decode_error = msgspec.json.Decoder(_Subscription).decode


def _subscription_of(stream: str) -> dict[str, str]:
    if stream.startswith(CANDLE):
        return {"type": "candle", "coin": stream.removeprefix(CANDLE), "interval": "1m"}
    return {"type": stream}


def kline_stream(symbol: str) -> str:
    return f"{CANDLE}{hyperliquid_coin(symbol)}"


def hyperliquid_dialect(now_ms: Callable[[], int], on_contexts: Callable[[bytes, int], None]) -> Dialect:
    """Of one feed; as in `HyperliquidFrames`."""
    frames = HyperliquidFrames(now_ms, on_contexts)
    return Dialect(
        path="/ws",
        news_streams=(ALL_CONTEXTS,),
        kline_stream=kline_stream,
        encode=frames.encode,
        decode_kline=frames.decode_kline,
        not_a_kline=NOT_A_KLINE,
        decode_other=frames.decode_other,
        streams_per_connection=450,  # 1,000 subscriptions and 10 connections an address
        connection_life_s=23 * 3600.0,
        handshakes=20,  # the venue's limit is 30 new ones a minute
        handshake_window_s=60.0,
        largest_message_bytes=0,  # one subscription a message
        control_interval_s=0.1,  # 2,000 messages a minute are allowed
        has_list=False,
        heartbeat='{"method":"ping"}',
        heartbeat_s=40.0,  # a connection over which nothing comes for 60 s is closed
        closings=frames.closing.due,
    )
