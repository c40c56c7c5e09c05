"""How a call to the Bot API goes over the network: the HTTP client of REST, for python-telegram-bot's request."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import aiohttp
from telegram.error import NetworkError, TelegramError, TimedOut

from altmonitor.core.http_errors import in_words
from altmonitor.core.tls import client_context
from altmonitor.telegram import BaseRequest

KEEP_ALIVE_S = 5.0
"""Shorter than any server of the Bot API keeps a connection: a call is never sent over one that is just being closed,
because then nobody knows whether it was carried out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestLimits:
    """sockets: at the same time. The others in seconds: pool for a free one of them, connect for a new connection, read
    for each piece of an answer."""

    sockets: int
    pool_s: float
    connect_s: float
    read_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachedFile:
    """One file that goes along. content_type: bare bytes would arrive as application/octet-stream."""

    name: str
    content: bytes
    content_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CallData:
    """params: as JSON has them; what is None is left out."""

    params: Mapping[str, object]
    files: Mapping[str, AttachedFile] = field(default_factory=dict)

    def form(self) -> aiohttp.FormData | Mapping[str, str] | None:
        """One of several parts where a file goes along; None where there is nothing to say."""
        fields = {
            name: value if isinstance(value, str) else json.dumps(value)
            for name, value in self.params.items()
            if value is not None
        }
        if not self.files:
            return fields or None
        parts = aiohttp.FormData(fields, quote_fields=False)
        for name, file in self.files.items():
            parts.add_field(name, file.content, filename=file.name, content_type=file.content_type)
        return parts


class BotApiRequest(BaseRequest):
    """The library's own client costs three times as much CPU a call. proxy: an address that `core.proxies` made, None
    for none."""

    def __init__(self, limits: RequestLimits, *, proxy: str | None) -> None:
        self._limits = limits
        self._proxy = proxy
        self._session: aiohttp.ClientSession | None = None

    @property
    def read_timeout(self) -> float:
        return self._limits.read_s

    async def initialize(self) -> None:
        self._open()

    async def shutdown(self) -> None:
        """Calls that still run fail. May be called twice."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def call(self, url: str, data: CallData, *, read_timeout_s: float | None = None) -> object:
        """`result` as it came. Raises: TelegramError; LookupError for an answer without one."""
        read_s = BaseRequest.DEFAULT_NONE if read_timeout_s is None else read_timeout_s
        answer: object = await self.post(url, cast("Any", data), read_timeout=read_s)
        return answer

    async def do_request(
        self,
        url: str,
        method: str,
        request_data: object = None,
        read_timeout: object = BaseRequest.DEFAULT_NONE,
        write_timeout: object = BaseRequest.DEFAULT_NONE,
        connect_timeout: object = BaseRequest.DEFAULT_NONE,
        pool_timeout: object = BaseRequest.DEFAULT_NONE,
    ) -> tuple[int, bytes]:
        """Status and body. Raises: TelegramError, from what the HTTP library raised."""
        limits = self._limits
        read_s = read_timeout if isinstance(read_timeout, int | float) else limits.read_s
        timeout = aiohttp.ClientTimeout(
            total=None, connect=limits.pool_s + limits.connect_s, sock_connect=limits.connect_s, sock_read=read_s
        )
        body = request_data.form() if isinstance(request_data, CallData) else None
        try:
            async with self._open().request(
                method, url, data=body, timeout=timeout, proxy=self._proxy, allow_redirects=False
            ) as response:
                return response.status, await response.read()
        except TimeoutError as problem:
            raise TimedOut from problem
        except (aiohttp.ClientError, OSError) as problem:
            raise NetworkError(in_words(problem)) from problem

    @staticmethod
    def parse_json_payload(payload: bytes) -> dict[str, object]:
        """The library logs every answer that is not JSON in full, with a trace; here the error says enough."""
        try:
            decoded: object = json.loads(payload.decode("utf-8", "replace"))
        except ValueError as problem:
            raise TelegramError("Invalid server response") from problem
        if not isinstance(decoded, dict):
            raise TelegramError("Invalid server response")
        return decoded

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    limit=self._limits.sockets,
                    keepalive_timeout=KEEP_ALIVE_S,
                    resolver=aiohttp.ThreadedResolver(),
                    ssl=client_context(),
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"User-Agent": self.USER_AGENT},
            )
        return self._session
