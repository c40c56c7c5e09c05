"""OKX's language on the market socket: channels, limits, and frames → typed values.

Candles carry no time of their own: their event time is the moment of arrival by the venue's clock. A request for many
channels is answered once for each; it counts as answered when all are.
Source: https://www.okx.com/docs-v5/en/#order-book-trading-market-data-ws-candlesticks-channel (2026-10).
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from math import nan
from typing import Annotated, Final, Literal

import msgspec

from altmonitor.core.venue_names import okx_instrument, symbol_of_okx
from altmonitor.exchanges.ws.dialect import Dialect, HeartbeatAnswer, Method, OtherFrame, Skipped, SubscribeAnswer
from altmonitor.market.candles import MINUTE_MS, KlineUpdate

NOT_A_KLINE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
CANDLES: Final = "candle1m"
MOST_OPEN_REQUESTS: Final = 1_000

UnixMs = Annotated[int, msgspec.Meta(ge=0, lt=10**14)]

_symbol_of = lru_cache(maxsize=2_048)(symbol_of_okx)


class OkxKline(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """Satisfies `market.candles.Kline`. The venue tells neither trades nor who took."""

    open_ms: UnixMs
    open: float
    high: float
    low: float
    close: float
    contracts: float
    coins: float
    quote_usdt: float
    is_closed: bool

    @property
    def taker_quote_usdt(self) -> float:
        return nan

    @property
    def trades(self) -> int:
        return 0


class OkxUpdate(msgspec.Struct, gc=False):
    """Satisfies `market.candles.KlineUpdate`, and is its own envelope."""

    symbol: str
    event_ms: int
    kline: OkxKline

    @property
    def data(self) -> OkxUpdate:
        return self


class _CandleArg(msgspec.Struct, frozen=True, gc=False):
    channel: Literal["candle1m"]
    instrument: str = msgspec.field(name="instId")


class _Candle(msgspec.Struct, frozen=True, gc=False):
    arg: _CandleArg
    data: list[OkxKline]


class _Arg(msgspec.Struct, frozen=True, gc=False):
    channel: str = ""


class _OkxPush(msgspec.Struct, frozen=True, gc=False):
    event: str = ""
    id: str = ""
    code: str = ""
    msg: str = ""
    arg: _Arg | None = None


_decode_candle = msgspec.json.Decoder(_Candle, strict=False).decode
_decode_envelope = msgspec.json.Decoder(_OkxPush).decode


@dataclass(slots=True)
class _OpenRequest:
    request_id: int
    left: int
    error: str = ""


class OkxFrames:
    """Reads and writes for one feed. now_ms: the venue's clock."""

    def __init__(self, now_ms: Callable[[], int]) -> None:
        self._now_ms = now_ms
        self._ids = itertools.count(1)
        self._open: dict[str, _OpenRequest] = {}

    def decode_kline(self, payload: bytes) -> OkxUpdate:
        """Raises one of NOT_A_KLINE for anything but one candle."""
        frame = _decode_candle(payload)
        if len(frame.data) != 1:
            raise msgspec.ValidationError("not one candle")
        return self._update(frame.arg.instrument, frame.data[0])

    def decode_other(self, payload: bytes) -> OtherFrame:
        """Read a frame that `decode_kline` refused. Never raises."""
        if payload == b"pong":
            return HeartbeatAnswer()
        try:
            envelope = _decode_envelope(payload)
            if envelope.event in ("subscribe", "unsubscribe", "error"):
                return self._answer(envelope)
            if envelope.event or envelope.arg is None or envelope.arg.channel != CANDLES:
                return Skipped.UNKNOWN_EVENT
            return self._several(_decode_candle(payload))
        except msgspec.ValidationError:
            return Skipped.WRONG_SHAPE
        except NOT_A_KLINE:
            return Skipped.MALFORMED

    def encode(self, method: Method, streams: tuple[str, ...] | None, request_id: int) -> str:
        args = [dict(zip(("channel", "instId"), stream.split(":", 1), strict=True)) for stream in streams or ()]
        wire_id = str(next(self._ids))
        if args:
            self._open[wire_id] = _OpenRequest(request_id, len(args))
            if len(self._open) > MOST_OPEN_REQUESTS:
                del self._open[next(iter(self._open))]
        body = {"id": wire_id, "op": method.lower(), "args": args}
        return json.dumps(body, ensure_ascii=False, separators=(",", ":"))

    def _several(self, frame: _Candle) -> OtherFrame:
        found: tuple[KlineUpdate, ...] = tuple(self._update(frame.arg.instrument, row) for row in frame.data)
        return found or Skipped.WRONG_SHAPE

    def _update(self, instrument: str, row: OkxKline) -> OkxUpdate:
        symbol = _symbol_of(instrument)
        if symbol is None:
            raise msgspec.ValidationError("not a USDT swap")
        earliest_ms = row.open_ms + MINUTE_MS if row.is_closed else row.open_ms
        return OkxUpdate(symbol, max(earliest_ms, self._now_ms()), row)

    def _answer(self, envelope: _OkxPush) -> OtherFrame:
        request = self._open.get(envelope.id)
        if request is None:
            error = f"{envelope.code} {envelope.msg}".strip() or "refused"
            return SubscribeAnswer(request_id=None, error=error) if envelope.event == "error" else HeartbeatAnswer()
        request.left -= 1
        if envelope.event == "error":
            request.error = f"{envelope.code} {envelope.msg}".strip() or "refused"
        if request.left and not request.error:
            return HeartbeatAnswer()
        del self._open[envelope.id]
        return SubscribeAnswer(request_id=request.request_id, error=request.error)


def kline_stream(symbol: str) -> str:
    return f"{CANDLES}:{okx_instrument(symbol)}"


def okx_dialect(now_ms: Callable[[], int]) -> Dialect:
    """Of one feed. now_ms: the venue's clock."""
    frames = OkxFrames(now_ms)
    return Dialect(
        path="/business",  # candles flow there alone; no port 8443 since 2026-10-31
        news_streams=(),
        kline_stream=kline_stream,
        encode=frames.encode,
        decode_kline=frames.decode_kline,
        not_a_kline=NOT_A_KLINE,
        decode_other=frames.decode_other,
        streams_per_connection=240,
        connection_life_s=23 * 3600.0,
        handshakes=2,  # the venue's limit is 3 a second
        handshake_window_s=1.0,
        largest_message_bytes=12_000,  # in names; four times that on the wire, and 64 KB are allowed
        control_interval_s=0.5,  # and 480 requests an hour and connection
        has_list=False,
        heartbeat="ping",
        heartbeat_s=20.0,  # a connection that is quiet for 30 s is closed
    )
