"""The faster transport, when the extra `fast` is installed: picows' listener, which parses frames in C."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from picows import (
    WSAutoPingStrategy,
    WSCloseCode,
    WSError,
    WSFrame,
    WSHandshakeError,
    WSListener,
    WSMsgType,
    WSTransport,
    ws_connect,
)
from python_socks import ProxyError

from altmonitor.core.causes import CauseCode
from altmonitor.core.errors import ExchangeError, ExchangeUnreachable, HandshakeRefused
from altmonitor.core.event_loop import look_again
from altmonitor.exchanges.ws.transport import (
    ABNORMAL,
    HAPPY_EYEBALLS_S,
    LARGE_READ_MESSAGES,
    NO_CODE,
    CloseReason,
    OnFrames,
    Transport,
    TransportOptions,
    proxy_for,
    tls_for,
)

NAME: Final = "picows"

_READ_BUFFER_BYTES: Final = 256 * 1024
"""One read must take all that came during a pause: 600 candles closing at once are 200 KB."""

_LONGEST_CONTROL_FRAME: Final = 125
_DATA: Final = (WSMsgType.TEXT, WSMsgType.BINARY, WSMsgType.CONTINUATION)

_log = logging.getLogger("altmonitor.exchanges.picows")
_log.setLevel(logging.WARNING)  # picows tells every connection at INFO; the feed tells what is worth telling


class _Listener(WSListener):
    __slots__ = (
        "_fragments",
        "_fragments_size",
        "_gather_s",
        "_max_size",
        "_messages",
        "_on_frames",
        "_resume",
        "_socket_side",
        "failure",
        "is_abandoned",
        "received_close",
    )

    def __init__(self, on_frames: OnFrames, options: TransportOptions) -> None:
        super().__init__()
        self._on_frames = on_frames
        self._gather_s = options.gather_ms / 1000
        self._max_size = options.max_message_bytes
        self._messages: list[bytes] = []
        self._fragments: list[bytes] = []
        self._fragments_size = 0
        self._resume: asyncio.TimerHandle | None = None
        self._socket_side: asyncio.Transport | None = None
        self.failure: Exception | None = None
        self.received_close: CloseReason | None = None
        self.is_abandoned = False

    @property
    def is_connected(self) -> bool:
        return self._socket_side is not None

    def on_ws_connected(self, transport: WSTransport) -> None:
        self._socket_side = transport.underlying_transport
        if self.is_abandoned:
            transport.disconnect(graceful=False)

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        # Asking for msg_type builds an enum member, which costs as much as all the rest here. A frame longer than any
        # control frame may be is data.
        if frame.payload_size > _LONGEST_CONTROL_FRAME and frame.fin and not self._fragments:
            self._messages.append(frame.get_payload_as_bytes())
        else:
            self._take_other(transport, frame, frame.get_payload_as_bytes())
        if frame.last_in_buffer:
            self._end_read()

    def is_user_specific_pong(self, frame: WSFrame) -> bool:
        is_pong = frame.msg_type == WSMsgType.PONG
        if is_pong and frame.last_in_buffer:  # an awaited pong is not shown to on_ws_frame
            self._end_read()
        return is_pong

    def _take_other(self, transport: WSTransport, frame: WSFrame, payload: bytes) -> None:
        kind = frame.msg_type
        if kind == WSMsgType.CONTINUATION and not self._fragments:
            transport.send_close(WSCloseCode.PROTOCOL_ERROR)
            transport.disconnect()
        elif kind in _DATA:
            self._take_fragment(transport, payload, is_last=bool(frame.fin))
        elif kind == WSMsgType.PING:
            transport.send_pong(payload)
        elif kind == WSMsgType.CLOSE:
            code = int.from_bytes(payload[:2], "big") if len(payload) >= 2 else NO_CODE
            self.received_close = CloseReason(code=code, text=payload[2:].decode(errors="replace"))
            if not transport.is_close_frame_sent:
                transport.send_close(frame.get_close_code())
            transport.disconnect()

    def _take_fragment(self, transport: WSTransport, payload: bytes, *, is_last: bool) -> None:
        self._fragments_size += len(payload)
        if self._fragments_size > self._max_size:
            self._fragments.clear()
            transport.send_close(WSCloseCode.MESSAGE_TOO_BIG)
            transport.disconnect()
            return
        self._fragments.append(payload)
        if is_last:
            self._messages.append(b"".join(self._fragments))
            self._fragments.clear()
            self._fragments_size = 0

    def _end_read(self) -> None:
        messages = self._messages
        reading = self._socket_side
        if not messages or reading is None:
            return
        self._messages = []
        try:
            self._on_frames(messages)
        except Exception as problem:  # handed on by wait_closed
            self.failure = problem
            reading.abort()
        if len(messages) >= LARGE_READ_MESSAGES:
            look_again()
        elif self._gather_s:
            reading.pause_reading()
            self._resume = asyncio.get_running_loop().call_later(self._gather_s, reading.resume_reading)

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        if self._resume is not None:
            self._resume.cancel()


class PicowsTransport:
    """Satisfies `Transport`. It ends once, with the first reason."""

    name = NAME

    def __init__(self, transport: WSTransport, listener: _Listener, options: TransportOptions) -> None:
        self._transport = transport
        self._listener = listener
        self._options = options

    async def send_text(self, text: str) -> None:
        if not (self._transport.is_disconnected or self._transport.is_close_frame_sent):
            self._transport.send(WSMsgType.TEXT, text.encode())

    async def wait_closed(self) -> CloseReason:
        text = ""
        try:
            await self._transport.wait_disconnected()
        except Exception as problem:  # a frame against the protocol: told as text
            text = str(problem)
        received, failure = self._listener.received_close, self._listener.failure
        if received is None or failure is not None:
            return CloseReason(code=ABNORMAL, text=text, error=failure)
        return received

    async def close(self) -> None:
        if not self._transport.is_disconnected:
            self._transport.send_close(WSCloseCode.OK)
        try:
            async with asyncio.timeout(self._options.close_timeout_s):
                await self.wait_closed()
        except TimeoutError:
            self.abort()
            await self.wait_closed()

    def abort(self) -> None:
        self._transport.disconnect(graceful=False)


async def open_picows(url: str, *, on_frames: OnFrames, options: TransportOptions) -> Transport:
    """See `OpenTransport`. Behind a SOCKS proxy the other transport is used."""
    proxy = proxy_for(url, options.proxy)
    if proxy is not None and not proxy.startswith(("http://", "https://")):
        from altmonitor.exchanges.ws.websockets import open_websockets  # 2 MB that few need

        return await open_websockets(url, on_frames=on_frames, options=options)
    listener = _Listener(on_frames, options)
    try:
        async with asyncio.timeout(options.open_timeout_s):
            transport, _ = await _connect(url, listener, proxy, options)
    except BaseException as problem:
        listener.is_abandoned = True  # the handshake may still end well, with nobody to own the connection
        told = _told(problem, options)
        if told is None:
            raise
        raise told from (None if isinstance(problem, ProxyError) else problem)
    if not listener.is_connected:
        # picows reports a server that hangs up instead of answering as success.
        raise _without_socket("the server hung up during the handshake")
    return PicowsTransport(transport, listener, options)


def _without_socket(text: str) -> ExchangeUnreachable:
    return ExchangeUnreachable(text, code=CauseCode.NO_SOCKET)


async def _connect(
    url: str, listener: _Listener, proxy: str | None, options: TransportOptions
) -> tuple[WSTransport, WSListener]:
    return await ws_connect(
        lambda: listener,
        url,
        ssl_context=tls_for(url, options),
        websocket_handshake_timeout=options.open_timeout_s,
        logger_name=_log,
        enable_auto_ping=True,
        auto_ping_idle_timeout=options.ping_every_s,
        auto_ping_reply_timeout=min(options.pong_within_s, options.ping_every_s),
        auto_ping_strategy=WSAutoPingStrategy.PING_PERIODICALLY,
        # An answered ping is not shown to the listener; as the last frame of a read it would hide the read's end.
        enable_auto_pong=False,
        max_frame_size=options.max_message_bytes,
        proxy=proxy,
        read_buffer_init_size=_READ_BUFFER_BYTES,
        happy_eyeballs_delay=HAPPY_EYEBALLS_S,
    )


def _told(problem: BaseException, options: TransportOptions) -> ExchangeError | None:
    """The error callers know for what went wrong; None for a cancellation or a mistake of ours."""
    if isinstance(problem, WSHandshakeError) and problem.response is not None and problem.response.status != 101:
        wait = problem.response.headers.get("Retry-After", "")
        return HandshakeRefused(
            f"the WebSocket handshake was answered with HTTP {problem.response.status:d}",
            status=int(problem.response.status),
            retry_after_s=float(wait) if wait.isdecimal() else None,
        )
    if isinstance(problem, ProxyError):
        return ExchangeUnreachable("the proxy refused the connection", code=CauseCode.PROXY)
    if isinstance(problem, TimeoutError):
        return _without_socket(f"no WebSocket within {options.open_timeout_s:g} s")
    if isinstance(problem, (OSError, UnicodeError, WSError)):
        return _without_socket(f"no WebSocket: {problem or type(problem).__name__}")
    return None
