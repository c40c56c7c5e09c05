"""Which part of the way to a host is broken – its name, the connection, the proxy – and what that says of Telegram."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass
from enum import Enum
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from altmonitor.config import is_loopback
from altmonitor.core.clock import Clock

CONNECT_S = 5.0


class Reach(Enum):
    """How far one gets."""

    CONNECTS = "connects"
    NO_NAME = "the name is not known (DNS)"
    REFUSED = "the connection is refused"
    SILENT = "nothing answers"


class Trouble(Enum):
    """Why there is no word from Telegram."""

    NO_NETWORK = "no_network"
    BLOCKED = "blocked"
    PROXY = "proxy"
    NOT_TELEGRAM = "not_telegram"


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


def address_of(url: str) -> Address:
    """Without user and password."""
    parts = urlsplit(url)
    port = parts.port or {"http": 80, "ws": 80}.get(parts.scheme, 443)
    return Address(host=parts.hostname or "", port=port)


def proxy_for(url: str) -> str | None:
    """What the environment names for this address (HTTPS_PROXY, HTTP_PROXY, NO_PROXY); None for a direct connection."""
    parts = urlsplit(url)
    scheme = {"wss": "https", "ws": "http"}.get(parts.scheme, parts.scheme)
    host = parts.hostname or ""
    if is_loopback(host) or proxy_bypass(parts.netloc.rpartition("@")[2]):
        return None
    return getproxies().get(scheme) or None


async def reach(address: Address, *, clock: Clock, within_s: float = CONNECT_S) -> Reach:
    """Looks the name up and connects; nothing is sent."""
    loop = asyncio.get_running_loop()
    try:
        async with clock.timeout(within_s):
            await loop.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
            _, writer = await asyncio.open_connection(address.host, address.port)
    except (socket.gaierror, UnicodeError):
        return Reach.NO_NAME
    except TimeoutError:
        return Reach.SILENT
    except ConnectionRefusedError:
        return Reach.REFUSED
    except OSError:
        return Reach.SILENT
    writer.close()
    return Reach.CONNECTS


def judge(*, telegram: Reach, elsewhere: Reach, has_proxy: bool, is_answered_by_stranger: bool) -> Trouble:
    """What a call that got no word from Telegram means. telegram, elsewhere: how far one gets there directly.

    is_answered_by_stranger: something did answer, and it was not Telegram.
    """
    if is_answered_by_stranger:
        return Trouble.NOT_TELEGRAM
    if has_proxy:
        return Trouble.PROXY
    if elsewhere is Reach.CONNECTS or telegram is Reach.CONNECTS:
        return Trouble.BLOCKED
    return Trouble.NO_NETWORK
