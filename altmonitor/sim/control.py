"""What the simulated exchange can be told to do wrong. Switches are plain attributes, read anew at every use."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

ANY_PATH = "*"


@dataclass(slots=True, kw_only=True)
class RestFault:
    """How requests to a path are spoiled.

    status: answered instead of 200; the body is the exchange's own text for it unless `body` is given. retry_after: the
    header as it stands (seconds, or an HTTP date). banned_until_ms: written into the -1003 text of a 418.
    delay_s: the exchange clock's seconds before anything is answered. truncate: the JSON ends in the middle, with the
    length of what is sent. cut: the connection breaks in the middle of the body. html_200: a portal's page, status 200.
    symbol: only requests for this symbol. times: how many requests are left to spoil; None is no end.
    """

    status: int | None = None
    body: str | None = None
    retry_after: str | None = None
    banned_until_ms: int | None = None
    delay_s: float = 0.0
    truncate: bool = False
    cut: bool = False
    html_200: bool = False
    symbol: str | None = None
    times: int | None = None


@dataclass(slots=True, kw_only=True)
class ExchangeFaults:
    """Everything off at first.

    mute: subscriptions are acknowledged, nothing else is sent. mute_symbols: no klines of these (upper case).
    refuse_connections: HTTP status for WebSocket handshakes, None for none. reject_subscribe_ids: SUBSCRIBE requests
    with these ids get an error. swallow_acks: control messages are obeyed and never answered. garbage: odd frames are
    mixed in. double_close: closings are sent twice. rest: path (or ANY_PATH) → fault; the exact path wins.
    weight_offset: added to the used weight, as another program on the same address would. clock_skew_ms: how far the
    exchange's clock is ahead of ours.
    """

    mute: bool = False
    mute_symbols: set[str] = field(default_factory=set)
    refuse_connections: int | None = None
    reject_subscribe_ids: set[int] = field(default_factory=set)
    swallow_acks: bool = False
    garbage: bool = False
    double_close: bool = False
    rest: dict[str, RestFault] = field(default_factory=dict)
    weight_offset: int = 0
    clock_skew_ms: int = 0
    _droppers: list[Callable[[], None]] = field(default_factory=list, repr=False)
    _closers: list[Callable[[int, str], None]] = field(default_factory=list, repr=False)

    def drop_all(self) -> None:
        """Abort every WebSocket connection, without a closing handshake."""
        for drop in self._droppers:
            drop()

    def close_all(self, code: int = 1000, reason: str = "") -> None:
        """Close every WebSocket connection in order."""
        for close in self._closers:
            close(code, reason)

    def connect(self, *, drop: Callable[[], None], close: Callable[[int, str], None]) -> None:
        """For the exchange: what `drop_all` and `close_all` act on."""
        self._droppers.append(drop)
        self._closers.append(close)

    def rest_fault(self, path: str, symbol: str | None) -> RestFault | None:
        """The fault this request meets, counted off."""
        for key in (path, ANY_PATH):
            fault = self.rest.get(key)
            if fault is None or fault.times == 0 or fault.symbol not in {None, symbol}:
                continue
            if fault.times is not None:
                fault.times -= 1
            return fault
        return None


GARBAGE: tuple[bytes, ...] = (
    b"[1,2,3]",
    b"42",
    b"null",
    b'"text"',
    b"",
    b'{"stream":"btcusdt@kline_1m","data":null}',
    b'{"stream":"btcusdt@kline_1m","data":{"e":"kline","E":17900',
    b'{"e":"somethingNew","E":1,"s":"BTCUSDT"}',
    b'{"stream":"!somethingNew","data":{"e":"somethingNew","E":1}}',
    b'{"e":"kline","E":1,"s":"BTCUSDT","k":{"t":"x"}}',
    b'{"stream":"btcusdt@kline_1m","data":{"e":"kline","E":1,"s":"BTCUSDT","k":[]}}',
    b'{"stream":"btcusdt@kline_1m","data":{"e":"kline","E":1,"s":"BTCUSDT","k":{"t":0,"o":"NaN","c":"1e999"}}}',
    b"{}",
    b"[]",
    b"not json at all",
)
"""Payloads that are sent, in turn, as text frames; one binary frame follows each round."""
