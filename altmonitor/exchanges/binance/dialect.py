"""Binance's language on the market socket: names, limits, and frames → typed values. One-letter names end here.

The candle, which is all but a handful of the frames, is decoded in one step by `decode_kline`; whatever that refuses
goes to `decode_other`. Numbers come as text (`"123.45"`) and are read as floats; `"NaN"` is among what is accepted,
so a consumer checks that a number is finite.

Source: https://developers.binance.com/docs/derivatives/usds-margined-futures/websocket-market-streams (2026-05)
"""

from __future__ import annotations

import json
from typing import Annotated, Final

import msgspec

from altmonitor.exchanges.ws.dialect import Dialect, Method, OtherFrame, ShutdownNotice, Skipped, SubscribeAnswer
from altmonitor.market.contracts import ContractNews

NOT_A_KLINE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What `decode_kline` raises for anything but a candle of a combined stream."""

_USD_MARGINED: Final = 1

UnixMs = Annotated[int, msgspec.Meta(ge=0, lt=10**14)]
"""Until the year 5138. Without a bound a number of any length is read, and whoever stores it in 64 bits fails."""
Count = Annotated[int, msgspec.Meta(ge=0, lt=10**15)]


class KlineFields(
    msgspec.Struct,
    frozen=True,
    gc=False,
    rename={
        "open_ms": "t",
        "open": "o",
        "close": "c",
        "high": "h",
        "low": "l",
        "trades": "n",
        "is_closed": "x",
        "quote_usdt": "q",
        "taker_quote_usdt": "Q",
    },
):
    """Satisfies `market.kline.Kline`. In the order of the exchange's own text: each field is found where the last one
    ended, which is a twelfth of what decoding costs."""

    open_ms: UnixMs
    open: float
    close: float
    high: float
    low: float
    trades: Count
    is_closed: bool
    quote_usdt: float
    taker_quote_usdt: float


class KlineFrame(
    msgspec.Struct,
    frozen=True,
    gc=False,
    tag_field="e",
    tag="kline",
    rename={"event_ms": "E", "symbol": "s", "kline": "k"},
):
    """Satisfies `market.kline.KlineUpdate`."""

    event_ms: UnixMs
    symbol: str
    kline: KlineFields


class CombinedKline(msgspec.Struct, frozen=True, gc=False):
    """`{"stream": …, "data": {…}}`; the stream's name says nothing that the data does not."""

    data: KlineFrame


class _ContractFrame(
    msgspec.Struct,
    frozen=True,
    gc=False,
    rename={"event_ms": "E", "symbol": "s", "contract_type": "ct", "status": "cs", "market": "st"},
):
    """`market`: 1 USDT- and USDC-margined, 2 coin-margined (on this stream since 2026-06-30)."""

    event_ms: UnixMs
    symbol: str
    contract_type: str
    status: str
    market: int = _USD_MARGINED


class _Error(msgspec.Struct, frozen=True, gc=False):
    code: int = 0
    msg: str = ""


class _Envelope(msgspec.Struct, frozen=True, gc=False):
    """Whatever is not a candle: a combined stream's other data, a bare event, an answer to a control message."""

    e: str = ""
    data: msgspec.Raw = msgspec.Raw()
    id: int | None = None
    result: list[str] | bool | None = None
    error: _Error | None = None
    code: int | None = None
    msg: str = ""


decode_kline = msgspec.json.Decoder(CombinedKline, strict=False).decode
_decode_bare_kline = msgspec.json.Decoder(KlineFrame, strict=False).decode
_decode_envelope = msgspec.json.Decoder(_Envelope).decode
_decode_contract = msgspec.json.Decoder(_ContractFrame, strict=False).decode


def decode_other(payload: bytes) -> OtherFrame:
    """Read a frame that `decode_kline` refused. Never raises."""
    try:
        envelope = _decode_envelope(payload)
        if envelope.data:
            return _read(_decode_envelope(envelope.data), envelope.data)
        return _read(envelope, payload)
    except msgspec.ValidationError:
        return Skipped.WRONG_SHAPE
    except NOT_A_KLINE:
        return Skipped.MALFORMED


def _read(envelope: _Envelope, body: bytes | msgspec.Raw) -> OtherFrame:
    match envelope.e:
        case "kline":
            return _decode_bare_kline(body)
        case "contractInfo":
            contract = _decode_contract(body)
            if contract.market != _USD_MARGINED:
                return Skipped.COIN_MARGINED
            return ContractNews(
                event_ms=contract.event_ms,
                symbol=contract.symbol,
                status=contract.status,
                contract_type=contract.contract_type,
            )
        case "serverShutdown":
            return ShutdownNotice()
        case "":
            return _answer(envelope)
        case _:
            return Skipped.UNKNOWN_EVENT


def _answer(envelope: _Envelope) -> SubscribeAnswer | Skipped:
    error = envelope.error
    if error is None and envelope.code is not None:
        error = _Error(code=envelope.code, msg=envelope.msg)
    if error is not None:
        return SubscribeAnswer(request_id=envelope.id, error=f"{error.code} {error.msg}".strip())
    if envelope.id is None:
        return Skipped.UNKNOWN_EVENT
    streams = envelope.result if isinstance(envelope.result, list) else None
    return SubscribeAnswer(request_id=envelope.id, streams=streams)


# ---
# Asking for streams.
#
# Sources: the page above and its page on live subscribing (2026-01).


CONTRACT_INFO_STREAM: Final = "!contractInfo"
_LIST: Final = "LIST_SUBSCRIPTIONS"


def kline_stream(symbol: str) -> str:
    """Stream names are lower case; a name in upper case is acknowledged and silent."""
    return f"{symbol.lower()}@kline_1m"


def encode_request(method: Method, streams: tuple[str, ...] | None, request_id: int) -> str:
    """Ids must be unsigned integers. Names stay as they are: some are Chinese."""
    request: dict[str, object] = {"method": _LIST if method == "LIST" else method}
    if streams is not None:
        request["params"] = streams
    return json.dumps({**request, "id": request_id}, ensure_ascii=False, separators=(",", ":"))


BINANCE: Final = Dialect(
    # Combined streams. The base must be routed (`…/market`): without the route the exchange accepts the connection and
    # every subscription and then sends no candle. Source: change notice of 2026-03-05, in force since 2026-04-23.
    path="/stream",
    news_streams=(CONTRACT_INFO_STREAM,),
    kline_stream=kline_stream,
    encode=encode_request,
    decode_kline=decode_kline,
    not_a_kline=NOT_A_KLINE,
    decode_other=decode_other,
    streams_per_connection=900,  # the exchange's limit is 1,024
    connection_life_s=23 * 3600.0,  # the exchange cuts a connection after 24 hours
    # 300 connections per 5 minutes and address are documented for spot; assumed here
    handshakes=250,
    handshake_window_s=300.0,
    largest_message_bytes=3_500,  # larger ones (from about 4 KB) are reported to be ignored
    control_interval_s=0.3,  # the exchange disconnects above 10 a second, pings and pongs included
)
