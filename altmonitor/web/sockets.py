"""Sockets of the HTTP side before a request was read: listening, who came and how fast, a look at it, turning away."""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import socket
import sys
from contextlib import suppress

from altmonitor.core.clock import Clock
from altmonitor.web.refusals import TOO_MANY

BACKLOG = 1_024
PEEKED_BYTES = 2_048


def turn_away(client: socket.socket) -> None:
    with suppress(OSError):
        client.recv(65_536)  # what is left unread would make the kernel throw the answer away
    with suppress(OSError):
        client.send(TOO_MANY)
    client.close()


def peek(client: socket.socket) -> bytes:
    """What it has sent so far, without taking it. Raises OSError when the client is gone."""
    try:
        head = client.recv(PEEKED_BYTES, socket.MSG_PEEK)
    except (BlockingIOError, InterruptedError):
        return b""
    if not head:
        raise ConnectionResetError("it left without a word")
    return head


def is_probe(head: bytes) -> bool:
    """A whole request for `/health`: it is answered at once and holds its place for no time."""
    return head.startswith((b"GET /health", b"HEAD /health")) and b"\r\n\r\n" in head


def bound_unread(client: socket.socket, seconds: float) -> None:
    """A peer that has vanished, or keeps its window shut, is given up by the kernel too."""
    with suppress(OSError):
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, round(seconds * 1000))


def address_of(peer: tuple[object, ...]) -> str:
    """An IPv6 client owns a /64 at least, so that counts as one address."""
    address = ipaddress.ip_address(str(peer[0]).partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        if not address.is_loopback:
            return str(ipaddress.ip_network((int(address), 64), strict=False))
    return str(address)


def descriptor_limit() -> int:
    if sys.platform == "win32":
        return 8_192
    import resource

    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return sys.maxsize if soft == resource.RLIM_INFINITY else soft


async def listen(host: str, port: int) -> list[socket.socket]:
    """One listening socket for each address of `host`. Raises OSError when none can be had."""
    infos = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    listeners: list[socket.socket] = []
    problem: OSError | None = None
    for family, _, _, _, address in dict.fromkeys(infos):
        try:
            listener = socket.create_server(address[:2], family=family, backlog=BACKLOG)
        except OSError as refused:
            problem = refused
            if refused.errno == errno.EADDRNOTAVAIL:  # `localhost` is ::1 too, also where IPv6 is switched off
                continue
            break
        listener.setblocking(False)
        listeners.append(listener)
    if problem is not None and (not listeners or problem.errno != errno.EADDRNOTAVAIL):
        for listener in listeners:
            listener.close()
        raise OSError(problem.errno, (problem.strerror or "").partition(" (while")[0]) from problem
    return listeners


class NewcomerRate:
    """So many a second on average, a second's worth at once. `take` does not wait: False means not now."""

    def __init__(self, per_s: float, clock: Clock) -> None:
        self._per_s = per_s
        self._clock = clock
        self._left = per_s
        self._at_s = clock.monotonic()

    def take(self) -> bool:
        now_s = self._clock.monotonic()
        self._left = min(self._per_s, self._left + (now_s - self._at_s) * self._per_s)
        self._at_s = now_s
        if self._left < 1:
            return False
        self._left -= 1
        return True
