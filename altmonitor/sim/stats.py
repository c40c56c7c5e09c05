"""What a simulated exchange saw of its clients."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

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
    """REST requests of one path: how many, and the exchange ms of the newest 100,000."""

    count: int = 0
    times_ms: deque[int] = field(default_factory=lambda: deque(maxlen=_KEPT_REQUESTS))
    statuses: dict[int, int] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class ExchangeStats:
    """connections: every one ever accepted, oldest first. handshakes_refused: by the `refuse_connections` fault."""

    connections: list[ConnectionStats] = field(default_factory=list)
    handshakes_refused: int = 0
    rest: dict[str, RequestLog] = field(default_factory=dict)

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
