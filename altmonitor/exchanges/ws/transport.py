"""What a feed needs from a WebSocket client; two implementations pass one contract test.

A transport hands over messages from inside the event loop's read callback: no queue, no task and no await per message.
It answers pings, sends its own, reassembles fragmented messages, and gathers reads: after each read it leaves the
socket alone for `gather_ms`, because waking the event loop for every packet costs far more than decoding it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from ssl import SSLContext
from typing import Final, Protocol

from altmonitor.core.proxies import proxy_to
from altmonitor.core.tls import client_context

OnFrames = Callable[[list[bytes]], None]
"""Receives the complete messages of one socket read, in order, never an empty list. Text is not checked to be UTF-8.

What it raises ends the connection and is handed on in `CloseReason.error`.
"""

LARGE_READ_MESSAGES: Final = 200
"""A read of this many messages says that more is waiting: the next one follows at once, without gathering."""

HAPPY_EYEBALLS_S: Final = 0.25
"""A host has several addresses and the first may lead nowhere (IPv6 without a route): so long it is tried alone.
Source: RFC 8305, section 5."""

NO_CODE: Final = 1005
ABNORMAL: Final = 1006


@dataclass(frozen=True, slots=True, kw_only=True)
class TransportOptions:
    """gather_ms: 0…100, 0 = off. proxy: an address, False for none, True for what the environment says.

    ssl: None for the platform's certificates. max_message_bytes: at least 65,536. Times run on the event loop's clock.
    """

    gather_ms: float = 20
    proxy: str | bool = True
    ssl: SSLContext | None = None
    open_timeout_s: float = 10
    close_timeout_s: float = 3
    ping_every_s: float = 20
    pong_within_s: float = 20
    max_message_bytes: int = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseReason:
    """code: the peer's close code, 1005 when it gave none, 1006 when the connection just broke (or was aborted by us).

    error: what `on_frames` raised, None otherwise.
    """

    code: int
    text: str = ""
    error: Exception | None = None


class Transport(Protocol):
    """One open WebSocket."""

    @property
    def name(self) -> str: ...

    async def send_text(self, text: str) -> None:
        """On a connection that is closing or closed: does nothing; `wait_closed` tells."""

    async def wait_closed(self) -> CloseReason:
        """Returns when the connection is gone. May be awaited more than once, also after the end."""

    async def close(self) -> None:
        """Say goodbye (1000) and wait for the end, at most `close_timeout_s`."""

    def abort(self) -> None:
        """End it now, without a goodbye. Does not wait."""


class OpenTransport(Protocol):
    async def __call__(self, url: str, *, on_frames: OnFrames, options: TransportOptions) -> Transport:
        """Connect and shake hands.

        Raises:
            HandshakeRefused: the answer was an HTTP status other than 101.
            ExchangeUnreachable: no connection, no TLS, no proxy, no valid answer, or none in time.
        """


def proxy_for(url: str, proxy: str | bool) -> str | None:
    """The proxy's address, or None to connect directly."""
    return proxy_to(url) if proxy is True else proxy or None


def tls_for(url: str, options: TransportOptions) -> SSLContext | None:
    """This program's one context unless another is given: a library would load a new one with each connection."""
    return options.ssl or (client_context() if url.startswith("wss:") else None)


# ---
# Cut the frames a market feed consists of out of what the socket delivered, without parsing them one by one.
#
# A server's data frames are nearly always the same: unmasked, unfragmented text shorter than 64 KiB. They are
# recognised by their first bytes and sliced out; everything else is left to a real WebSocket parser.


_FINAL_TEXT: Final = 0x81
_LENGTH_16: Final = 126
_LENGTH_64: Final = 127


def take_text_frames(data: bytes, position: int, messages: list[bytes]) -> int:
    """Append the payloads of the plain text frames from `position` on; returns where the first other byte is."""
    total = len(data)
    take = messages.append
    while position + 2 <= total and data[position] == _FINAL_TEXT:
        size = data[position + 1]
        start = position + 2
        if size >= _LENGTH_16:
            if size != _LENGTH_16 or start + 2 > total:
                break
            size = data[start] << 8 | data[start + 1]
            start += 2
        end = start + size
        if end > total:
            break
        take(data[start:end])
        position = end
    return position


def frame_end(data: bytes, position: int, *, max_size: int) -> int | None:
    """Where the frame at `position` ends; None while its header or payload is incomplete.

    A frame that is too large or masked (which a server must not do) is an error that a parser sees in its header: for
    such a frame the end of `data` is returned.
    """
    header = data[position : position + 10]
    if len(header) < 2:
        return None
    size, header_size = header[1], 2
    if size == _LENGTH_16:
        header_size = 4
        size = int.from_bytes(header[2:4], "big")
    elif size >= _LENGTH_64:
        header_size = 10
        size = int.from_bytes(header[2:10], "big")
    if header[1] > _LENGTH_64:
        return len(data)
    if len(header) < header_size:
        return None
    if size > max_size:
        return len(data)
    end = position + header_size + size
    return end if end <= len(data) else None
