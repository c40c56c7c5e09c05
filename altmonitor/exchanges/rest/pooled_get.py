"""A GET over the connections that aiohttp's connector keeps, without what its client does around each.

A monitor asks some fifteen short questions a second, and most of what one costs is the client's: a request and an
answer are made as objects, a task writes, hooks and timers are set up and taken down. The connector (name look-ups,
TLS, IPv6 beside IPv4, idle connections, how many there may be) and the parser (limits, chunks, compression) are the
client's own, and so are the errors.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, TypeVar

import aiohttp
from aiohttp.http import HttpProcessingError
from yarl import URL

T = TypeVar("T")

NO_TIMEOUT: Final = aiohttp.ClientTimeout(total=None)
"""Whoever asks holds the limit."""


KNOWN_AIOHTTP: Final = ("3", "14")
"""Major and minor version of the aiohttp whose connector and parser this is written for."""


def pooled_get(
    base_url: URL, session: aiohttp.ClientSession, *, version: str = aiohttp.__version__
) -> PooledGet | None:
    """None: an aiohttp of another version, whose inside may be another; its client asks then, at a higher price."""
    return PooledGet(base_url, session) if tuple(version.split(".")[:2]) == KNOWN_AIOHTTP else None


class PooledGet:
    """Of one host, without a proxy, redirects or cookies. session: whose connector is used, and closed with it; its
    headers go with every request."""

    def __init__(self, base_url: URL, session: aiohttp.ClientSession) -> None:
        assert session.connector is not None  # noqa: S101 - it is open
        self._connector = session.connector
        self._request = aiohttp.ClientRequest(
            "GET", base_url, headers=session.headers, loop=asyncio.get_running_loop(), session=session
        )
        self._path = "" if base_url.raw_path == "/" else base_url.raw_path
        self._headers = "".join(f"{name}: {value}\r\n" for name, value in self._request.headers.items())

    async def ask(
        self,
        target: str,
        headers: Mapping[str, str] | None,
        read: Callable[[aiohttp.StreamReader], Awaitable[T]],
    ) -> tuple[int, Mapping[str, str], T]:
        """Status, headers and what `read` makes of the body. target: path below that of the base URL and query, already
        percent-encoded. headers: beside those of every request.

        A server may close an idle connection in the moment in which something is asked: asked once more then, as the
        client does with a GET. Raises: aiohttp.ClientError, OSError, and what `read` raises.
        """
        more = "" if headers is None else "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        message = f"GET {self._path}{target} HTTP/1.1\r\n{self._headers}{more}\r\n".encode()
        try:
            return await self._ask(target, message, read)
        except aiohttp.ClientConnectorError:
            raise
        except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError):
            return await self._ask(target, message, read)

    async def _ask(
        self, target: str, message: bytes, read: Callable[[aiohttp.StreamReader], Awaitable[T]]
    ) -> tuple[int, Mapping[str, str], T]:
        connection = await self._connector.connect(self._request, [], NO_TIMEOUT)
        try:
            protocol, transport = connection.protocol, connection.transport
            assert protocol is not None  # noqa: S101 - only a connection that was given back has none
            protocol.set_response_params(read_until_eof=True)
            if transport is not None:  # None when it was lost in this very moment, which reading tells
                transport.write(message)
            head, body = await protocol.read()
            while 100 <= head.code < 200 and head.code != 101:  # said before the answer; after a 101 there is none
                head, body = await protocol.read()
            found = await read(body)
        except HttpProcessingError as problem:
            connection.close()
            raise self._unreadable(target, problem) from problem
        except BaseException:
            connection.close()
            raise
        connection.release()
        return head.code, head.headers, found

    def _unreadable(self, target: str, problem: HttpProcessingError) -> aiohttp.ClientResponseError:
        url = URL(f"{self._request.url.origin()}{self._path}{target}", encoded=True)
        request = aiohttp.RequestInfo(url, "GET", self._request.request_info.headers, url)
        return aiohttp.ClientResponseError(
            request, (), status=problem.code, message=problem.message, headers=problem.headers
        )
