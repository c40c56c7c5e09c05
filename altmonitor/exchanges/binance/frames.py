"""Frames of the market streams: bytes → typed values. The exchange's one-letter names end here.

The candle, which is all but a handful of the frames, is decoded in one step by `decode_kline`; whatever that refuses
goes to `decode_other`. Numbers come as text (`"123.45"`) and are read as floats; `"NaN"` is among what is accepted,
so a consumer checks that a number is finite.

Source: https://developers.binance.com/docs/derivatives/usds-margined-futures/websocket-market-streams (2026-05)
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Final

import msgspec

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
        "high": "h",
        "low": "l",
        "close": "c",
        "quote_usdt": "q",
        "taker_quote_usdt": "Q",
        "trades": "n",
        "is_closed": "x",
    },
):
    """Satisfies `market.kline.Kline`."""

    open_ms: UnixMs
    open: float
    high: float
    low: float
    close: float
    quote_usdt: float
    taker_quote_usdt: float
    trades: Count
    is_closed: bool


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


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscribeAnswer:
    """The exchange's word on one control message.

    request_id: None when an error does not say what it is about. streams: what LIST_SUBSCRIPTIONS names, None for
    other requests. error: empty when the request was accepted.
    """

    request_id: int | None
    streams: list[str] | None = None
    error: str = ""


class ShutdownNotice(msgspec.Struct, frozen=True):
    """The server will close this connection soon (documented for spot, possible here)."""


class Skipped(StrEnum):
    """Why a frame was counted and not used."""

    MALFORMED = "malformed"  # not JSON, or not UTF-8
    WRONG_SHAPE = "wrong_shape"  # JSON, but not what this kind of frame promises
    UNKNOWN_EVENT = "unknown_event"
    COIN_MARGINED = "coin_margined"
    UNMATCHED_ANSWER = "unmatched_answer"  # acknowledges what was not asked, or no longer


decode_kline = msgspec.json.Decoder(CombinedKline, strict=False).decode
_decode_bare_kline = msgspec.json.Decoder(KlineFrame, strict=False).decode
_decode_envelope = msgspec.json.Decoder(_Envelope).decode
_decode_contract = msgspec.json.Decoder(_ContractFrame, strict=False).decode


def decode_other(payload: bytes) -> KlineFrame | ContractNews | SubscribeAnswer | ShutdownNotice | Skipped:
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


def _read(
    envelope: _Envelope, body: bytes | msgspec.Raw
) -> KlineFrame | ContractNews | SubscribeAnswer | ShutdownNotice | Skipped:
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
