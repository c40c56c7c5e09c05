"""The transport that is always there: handshake, proxies, TLS, control frames and closing by `websockets`."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from typing import Any, Final, cast

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidProxy, InvalidStatus
from websockets.frames import DATA_OPCODES, Frame
from websockets.protocol import Event, State

from altmonitor.core.causes import CauseCode
from altmonitor.core.errors import ExchangeUnreachable, HandshakeRefused
from altmonitor.core.event_loop import look_again
from altmonitor.exchanges.ws.transport import (
    ABNORMAL,
    HAPPY_EYEBALLS_S,
    LARGE_READ_MESSAGES,
    CloseReason,
    OnFrames,
    Transport,
    TransportOptions,
    frame_end,
    proxy_for,
    take_text_frames,
    tls_for,
)

NAME: Final = "websockets"


class _Connection(ClientConnection):
    """Hands messages over inside the read callback. The library's own queue stays empty, so it never pauses reading.

    The library's parser is fed whole frames only, and only those that are not plain text frames.
    """

    failure: Exception | None = None
    _on_frames: OnFrames | None = None
    _gather_s = 0.0
    _resume: asyncio.TimerHandle | None = None

    def start(self, on_frames: OnFrames, options: TransportOptions) -> None:
        """Called once, right after the handshake; messages that came with it are handed over now."""
        self._gather_s = options.gather_ms / 1000
        self._on_frames = on_frames
        if self._messages:
            self._deliver(on_frames)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._messages: list[bytes] = []
        self._fragments: list[bytes] = []
        self._tail = b""
        self._socket_side = _socket_side(cast(asyncio.Transport, transport))
        super().connection_made(transport)

    def data_received(self, data: bytes) -> None:
        # Line by line until the handshake is over: the library's parser must not see the beginning of a frame.
        while data and self.response is None:
            end_of_line = data.find(b"\n") + 1 or len(data)
            super().data_received(data[:end_of_line])
            data = data[end_of_line:]
        if not data:
            return
        self._take(self._tail + data if self._tail else data)
        if self._messages and self._on_frames is not None:
            self._deliver(self._on_frames)

    def _take(self, data: bytes) -> None:
        position = 0
        max_size = self.protocol.max_message_size or sys.maxsize
        while self.protocol.state is State.OPEN:
            if not self._fragments:
                position = take_text_frames(data, position, self._messages)
            end = frame_end(data, position, max_size=max_size)
            if end is None:
                self._tail = data[position:]
                return
            super().data_received(data[position:end])
            position = end
        self._tail = b""
        if position < len(data):
            super().data_received(data[position:])
        if self.protocol.close_rcvd is not None or self.protocol.parser_exc is not None:
            # All is said. The library would leave it to the server to hang up, for as long as that takes.
            self.transport.close()

    def process_event(self, event: Event) -> None:
        if self.response is not None and isinstance(event, Frame) and event.opcode in DATA_OPCODES:
            self._fragments.append(bytes(event.data))
            if event.fin:
                self._messages.append(b"".join(self._fragments))
                self._fragments.clear()
        else:
            super().process_event(event)

    def _deliver(self, on_frames: OnFrames) -> None:
        messages, self._messages = self._messages, []
        try:
            on_frames(messages)
        except Exception as problem:  # handed on by wait_closed
            self.failure = problem
            self.transport.abort()
        if len(messages) >= LARGE_READ_MESSAGES:
            look_again()
        elif self._gather_s:
            self._socket_side.pause_reading()
            self._resume = self.loop.call_later(self._gather_s, self._socket_side.resume_reading)

    def eof_received(self) -> None:
        if self._tail:
            super().data_received(self._tail)
            self._tail = b""
        super().eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._resume is not None:
            self._resume.cancel()
        super().connection_lost(exc)


def _socket_side(transport: asyncio.Transport) -> asyncio.Transport:
    """The transport whose reading must be paused for the event loop to sleep.

    asyncio's TLS layer keeps reading (and waking the loop) while only its own side is paused, and has no public way to
    reach the socket's transport. Where the attributes are absent its own side is paused: less is saved, nothing breaks.
    """
    tls = getattr(transport, "_ssl_protocol", None)
    return cast(asyncio.Transport, getattr(tls, "_transport", None) or transport)


class WebsocketsTransport:
    name = NAME

    def __init__(self, connection: _Connection) -> None:
        self._connection = connection

    async def send_text(self, text: str) -> None:
        with contextlib.suppress(ConnectionClosed):
            await self._connection.send(text)

    async def wait_closed(self) -> CloseReason:
        await self._connection.wait_closed()
        protocol = self._connection.protocol
        received, sent = protocol.close_rcvd, protocol.close_sent
        if received is not None:
            return CloseReason(code=received.code, text=received.reason, error=self._connection.failure)
        text = sent.reason if sent is not None else ""
        return CloseReason(code=ABNORMAL, text=text, error=self._connection.failure)

    async def close(self) -> None:
        await self._connection.close()

    def abort(self) -> None:
        self._connection.transport.abort()


async def open_websockets(url: str, *, on_frames: OnFrames, options: TransportOptions) -> Transport:
    """See `OpenTransport`."""
    context = tls_for(url, options)
    tls: dict[str, Any] = {} if context is None else {"ssl": context}
    try:
        connection = await connect(
            url,
            create_connection=_Connection,
            compression=None,
            proxy=proxy_for(url, options.proxy),
            open_timeout=options.open_timeout_s,
            close_timeout=options.close_timeout_s,
            ping_interval=options.ping_every_s,
            ping_timeout=options.pong_within_s,
            max_size=options.max_message_bytes,
            happy_eyeballs_delay=HAPPY_EYEBALLS_S,
            **tls,
        )
    except InvalidStatus as refusal:
        raise _refused(refusal) from refusal
    except InvalidProxy:
        # Its text holds the proxy's address, which may hold a password.
        raise ExchangeUnreachable("the proxy address is not valid", code=CauseCode.PROXY) from None
    except TimeoutError as problem:
        raise _without_socket(f"no WebSocket within {options.open_timeout_s:g} s") from problem
    except (OSError, UnicodeError, InvalidHandshake) as problem:
        raise _without_socket(f"no WebSocket: {problem or type(problem).__name__}") from problem
    connection = cast(_Connection, connection)
    connection.start(on_frames, options)
    return WebsocketsTransport(connection)


def _without_socket(text: str) -> ExchangeUnreachable:
    return ExchangeUnreachable(text, code=CauseCode.NO_SOCKET)


def _refused(refusal: InvalidStatus) -> HandshakeRefused:
    status = refusal.response.status_code
    wait = refusal.response.headers.get("Retry-After", "")
    return HandshakeRefused(
        f"the WebSocket handshake was answered with HTTP {status}",
        status=status,
        retry_after_s=float(wait) if wait.isdecimal() else None,
    )
