"""Clients of a simulated WebSocket server, and what all such servers do with them, whichever venue they play.

A frame's bytes, header included, are made once per tick and shared by all connections; a connection's frames of one
tick leave in one write to its transport. Going through the library's own `send` for each would cost ten times as much.
"""

from __future__ import annotations

import asyncio
import struct
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterator

import msgspec
from aiohttp import WSMessage, WSMsgType, web

from altmonitor.sim.control import ConnectionStats, ExchangeFaults, ExchangeStats

TEXT, BINARY, CLOSE, PING, PONG = 0x81, 0x82, 0x88, 0x89, 0x8A  # first byte of an unfragmented frame
_MAX_UNSENT_BYTES = 64 << 20
_PONG_WITHIN_S = 600.0


def encode_frame(first_byte: int, payload: bytes) -> bytes:
    """An unmasked, unfragmented WebSocket frame. Source: RFC 6455 §5.2."""
    size = len(payload)
    if size < 126:
        return bytes((first_byte, size)) + payload
    if size < 65_536:
        return struct.pack("!BBH", first_byte, 126, size) + payload
    return struct.pack("!BBQ", first_byte, 127, size) + payload


class ClientConnection:
    """One client. `is_routed`: connected under /market, where klines flow; elsewhere nothing does."""

    def __init__(self, transport: asyncio.Transport, stats: ConnectionStats) -> None:
        self.stats = stats
        self.is_routed = stats.path.startswith("/market")
        self.is_combined = stats.path.endswith("/stream")
        self.is_closing = False
        self._transport = transport
        self._recent: deque[float] = deque()
        self.opened_s = self.pinged_s = self.closing_s = 0.0
        self.unanswered_s: float | None = None  # when the oldest ping without an answer was sent

    def write(self, data: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(data)

    def answer(self, value: object) -> None:
        self.write(encode_frame(TEXT, msgspec.json.encode(value)))

    def close(self, code: int, reason: str, *, at_s: float, twice: bool = False) -> None:
        if self.is_closing:
            return
        self.is_closing, self.closing_s = True, at_s
        self.stats.close_code = code
        frame = encode_frame(CLOSE, struct.pack("!H", code) + reason.encode())
        self.write(frame * 2 if twice else frame)

    def hang_up(self) -> None:
        """End of the TCP connection, after what was written. Keeps the library from closing a second time."""
        self._transport.close()

    def abort(self) -> None:
        self.is_closing = True
        self._transport.abort()

    def count_message(self, now_s: float) -> int:
        """Client messages within the last second, this one included."""
        self._recent.append(now_s)
        while now_s - self._recent[0] >= 1.0:
            self._recent.popleft()
        self.stats.client_messages += 1
        self.stats.most_messages_in_1s = max(self.stats.most_messages_in_1s, len(self._recent))
        return len(self._recent)

    def is_overdue(self, now_s: float) -> bool:
        """A ping has waited ten minutes for its answer."""
        return self.unanswered_s is not None and now_s - self.unanswered_s > _PONG_WITHIN_S

    def is_choked(self) -> bool:
        """The client has not read for so long that the exchange gives it up."""
        return self._transport.get_write_buffer_size() > _MAX_UNSENT_BYTES


CLOSE_WITHIN_S = 10.0


class SimSockets(ABC):
    """All connections of one server. monotonic: the exchange clock's seconds; now_ms: exchange time."""

    def __init__(
        self,
        *,
        faults: ExchangeFaults,
        stats: ExchangeStats,
        monotonic: Callable[[], float],
        now_ms: Callable[[], int],
    ) -> None:
        self._faults = faults
        self._stats = stats
        self._monotonic = monotonic
        self._now_ms = now_ms
        self._open: set[ClientConnection] = set()

    @abstractmethod
    def opened(self, connection: ClientConnection, request: web.Request) -> None:
        """A client has come."""

    @abstractmethod
    def on_message(self, connection: ClientConnection, message: WSMessage, recent: int) -> None:
        """Anything but a ping or a close. recent: client messages of the last second."""

    def ended(self, connection: ClientConnection) -> None:  # noqa: B027 – most have nothing to forget
        """It has gone."""

    def has_listeners(self) -> bool:
        return any(connection.stats.subscriptions for connection in self._open)

    def drop_all(self) -> None:
        for connection in list(self._open):
            connection.abort()

    def close_all(self, code: int, reason: str) -> None:
        for connection in list(self._open):
            connection.close(code, reason, at_s=self._monotonic(), twice=self._faults.double_close)

    def still_open(self, now_s: float) -> Iterator[ClientConnection]:
        """Those that are not about to close; one that closes for too long, or does not read, is cut."""
        for connection in list(self._open):
            if connection.is_closing:
                if now_s - connection.closing_s > CLOSE_WITHIN_S:
                    connection.abort()
            elif connection.is_choked():
                connection.abort()
            else:
                yield connection

    async def accept(self, request: web.Request) -> web.StreamResponse:
        if self._faults.refuse_connections is not None:
            self._stats.handshakes_refused += 1
            return web.Response(status=self._faults.refuse_connections, text="refused")
        socket = web.WebSocketResponse(autoclose=False, autoping=False, compress=False, timeout=0.5)
        await socket.prepare(request)
        transport = request.transport
        if not isinstance(transport, asyncio.Transport):  # gone during the handshake
            return socket
        connection = ClientConnection(transport, ConnectionStats(path=request.path, opened_ms=self._now_ms()))
        connection.opened_s = self._monotonic()
        self.opened(connection, request)
        self._stats.connections.append(connection.stats)
        self._open.add(connection)
        try:
            await self._read(connection, socket)
        finally:
            self._open.discard(connection)
            self.ended(connection)
            connection.hang_up()
            connection.stats.closed_ms = self._now_ms()
            if connection.stats.close_code is None:
                connection.stats.close_code = 1006
        return socket

    async def _read(self, connection: ClientConnection, socket: web.WebSocketResponse) -> None:
        while True:
            message = await socket.receive()
            if message.type in (WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED, WSMsgType.ERROR):
                if message.type is WSMsgType.CLOSE and not connection.is_closing:
                    connection.close(int(message.data or 1000), "", at_s=self._monotonic())
                return
            if connection.is_closing:
                continue
            recent = connection.count_message(self._monotonic())
            if message.type is WSMsgType.PING:
                connection.write(encode_frame(PONG, bytes(message.data)))
            else:
                self.on_message(connection, message, recent)
