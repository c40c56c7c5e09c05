"""What the simulated exchange can be told to do wrong. Switches are plain attributes, read anew at every use."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable
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


# ---
# What a simulated exchange saw of its clients.


_KEPT_REQUESTS = 100_000


@dataclass(slots=True, kw_only=True)
class ConnectionStats:
    """One WebSocket connection, open or gone. Times in exchange ms.

    closed_ms, close_code: None while open; close_code 1006 when there was no closing handshake. client_messages: text,
    binary, ping and pong frames; control_messages: the text ones. largest_frame_bytes: payload of a client frame.
    """

    path: str
    opened_ms: int
    closed_ms: int | None = None
    close_code: int | None = None
    client_messages: int = 0
    control_messages: int = 0
    most_messages_in_1s: int = 0
    largest_frame_bytes: int = 0
    ignored_frames: int = 0
    subscriptions: set[str] = field(default_factory=set)
    frames_pushed: int = 0


@dataclass(slots=True, kw_only=True)
class RequestLog:
    """REST requests of one path: how many (symbols: of each), and the exchange ms of the newest 100,000."""

    count: int = 0
    symbols: Counter[str] = field(default_factory=Counter)
    times_ms: deque[int] = field(default_factory=lambda: deque(maxlen=_KEPT_REQUESTS))
    statuses: dict[int, int] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class ExchangeStats:
    """connections: every one ever accepted, oldest first. handshakes_refused: by the `refuse_connections` fault.
    arrived: (exchange ms, path) of the newest 100,000 REST requests in their order, which times alone do not tell."""

    connections: list[ConnectionStats] = field(default_factory=list)
    handshakes_refused: int = 0
    rest: dict[str, RequestLog] = field(default_factory=dict)
    arrived: deque[tuple[int, str]] = field(default_factory=lambda: deque(maxlen=_KEPT_REQUESTS))

    @property
    def ws_ever(self) -> int:
        return len(self.connections)

    @property
    def open_connections(self) -> list[ConnectionStats]:
        return [connection for connection in self.connections if connection.closed_ms is None]

    @property
    def ws_now(self) -> int:
        return len(self.open_connections)

    @property
    def frames_pushed(self) -> int:
        return sum(connection.frames_pushed for connection in self.connections)

    @property
    def largest_frame_bytes(self) -> int:
        return max((connection.largest_frame_bytes for connection in self.connections), default=0)

    @property
    def most_messages_in_1s(self) -> int:
        """On any one connection."""
        return max((connection.most_messages_in_1s for connection in self.connections), default=0)

    def request(self, path: str, at_ms: int) -> RequestLog:
        """One more arrived; returns the log of its path."""
        self.arrived.append((at_ms, path))
        log = self.rest.setdefault(path, RequestLog())
        log.count += 1
        log.times_ms.append(at_ms)
        return log

    def requests(self, path: str | None = None) -> int:
        """REST requests of a path, or of all."""
        return sum(log.count for name, log in self.rest.items() if path in (None, name))

    def most_requests_in(self, window_ms: int, path: str | None = None) -> int:
        """The most REST requests of a path (or of all) within any window of this length."""
        return busiest(
            (ms for name, log in self.rest.items() if path in (None, name) for ms in log.times_ms), window_ms
        )


def busiest(times_ms: Iterable[int], window_ms: int) -> int:
    """The most of `times_ms` (any order) that lie within one window [t, t + window_ms)."""
    ordered = sorted(times_ms)
    most = first = 0
    for last, at_ms in enumerate(ordered):
        while at_ms - ordered[first] >= window_ms:
            first += 1
        most = max(most, last - first + 1)
    return most


# ---
# The exchange's request budgets, per address. Here every client is one address.


WEIGHT_PER_MINUTE = 2400
IGNORED_BEFORE_BAN = 25  # requests after a 429 in the same minute: what was in flight is forgiven, a loop is not
_FIRST_BAN_MS = 120_000
_LONGEST_BAN_MS = 3 * 86_400_000


class ApiError(Exception):
    """An answer that is an error: HTTP status, the exchange's code and text. retry_after_s: sent as a header."""

    def __init__(self, status: int, code: int | str, message: str, *, retry_after_s: int | None = None) -> None:
        self.status = status
        self.code = code
        self.retry_after_s = retry_after_s
        super().__init__(message)


def too_many() -> ApiError:
    return ApiError(
        429,
        -1003,
        f"Too many requests; current limit of IP(127.0.0.1) is {WEIGHT_PER_MINUTE} requests per minute. "
        "Please use the websocket for live updates to avoid polling the API.",
    )


def banned(until_ms: int) -> ApiError:
    return ApiError(
        418,
        -1003,
        f"Way too many requests; IP(127.0.0.1) banned until {until_ms}. "
        "Please use the websocket for live updates to avoid bans.",
    )


class WeightBudget:
    """2,400 per minute of the clock (windows begin at :00). Asking on after a 429 earns a ban: 2 minutes, then double.

    Source: https://developers.binance.com/docs/derivatives/usds-margined-futures/general-info (IP limits), 2026-09.
    """

    def __init__(self) -> None:
        self.banned_until_ms = 0
        self._minute = -1
        self._used = 0
        self._ignored = 0
        self._bans = 0

    def used(self, now_ms: int) -> int:
        return self._used if now_ms // 60_000 == self._minute else 0

    def charge(self, now_ms: int, weight: int, *, offset: int) -> None:
        """Raises ApiError: 418 while banned, 429 above the limit."""
        if now_ms < self.banned_until_ms:
            raise banned(self.banned_until_ms)
        if now_ms // 60_000 != self._minute:
            self._minute, self._used, self._ignored = now_ms // 60_000, 0, 0
        self._used += weight
        if self._used + offset <= WEIGHT_PER_MINUTE:
            return
        self._ignored += 1
        if self._ignored <= IGNORED_BEFORE_BAN:
            raise too_many()
        self.banned_until_ms = now_ms + min(_LONGEST_BAN_MS, _FIRST_BAN_MS << self._bans)
        self._bans = min(self._bans + 1, 12)
        raise banned(self.banned_until_ms)


class RequestPool:
    """`limit` requests within any `window_ms`, apart from the weight."""

    def __init__(self, limit: int, window_ms: int = 300_000) -> None:
        self._limit = limit
        self._window_ms = window_ms
        self._times_ms: deque[int] = deque()

    def charge(self, now_ms: int) -> None:
        """Raises ApiError 429 when the pool is empty; a refused request does not count."""
        while self._times_ms and now_ms - self._times_ms[0] >= self._window_ms:
            self._times_ms.popleft()
        if len(self._times_ms) >= self._limit:
            raise too_many()
        self._times_ms.append(now_ms)
