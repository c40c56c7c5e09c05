"""A monitor that runs beside this process, asked over its HTTP: for what only it knows, and to change its settings."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Final
from urllib.parse import quote

import aiohttp
import msgspec

from altmonitor.config import Config
from altmonitor.operations.errors import OPERATION_ERRORS, Forbidden, NoMonitor, OperationError, Unavailable
from altmonitor.operations.operation import Operation

WITHIN_S: Final = 12.0
LONGEST_BODY: Final = 8 * 1024 * 1024
_EVERYWHERE: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 — where it listens, from here is loopback


class MonitorClient:
    """API_HOST, API_PORT and API_TOKEN of this configuration name the monitor. Proxies are not for it."""

    def __init__(self, config: Config) -> None:
        host = _EVERYWHERE.get(config.api_host, config.api_host)
        self._port = config.api_port
        self.url = f"http://{f'[{host}]' if ':' in host else host}:{config.api_port}"
        token = config.api_token.reveal()
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> MonitorClient:
        self._session = aiohttp.ClientSession(
            headers=self._headers,
            timeout=aiohttp.ClientTimeout(total=WITHIN_S),
            cookie_jar=aiohttp.DummyCookieJar(),
            connector=aiohttp.TCPConnector(limit=4, resolver=aiohttp.ThreadedResolver()),
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def answer(self, row: Operation[Any, Any], arguments: msgspec.Struct) -> Any:
        """Raises: OperationError, NoMonitor among them."""
        if row.route is None or self._session is None or not self._port:
            raise NoMonitor(f"{row.name} is known to a running monitor only: start `altmonitor run` with an API_PORT")
        given = {name: value for name, value in msgspec.to_builtins(arguments).items() if value is not None}
        method, _, path = row.route.partition(" ")
        for name in re.findall(r"{(\w+)}", path):
            path = path.replace(f"{{{name}}}", quote(str(given.pop(name)), safe=""))
        sent: dict[str, Any] = {"json": given} if row.writes else {"params": {n: _text(v) for n, v in given.items()}}
        try:
            async with self._session.request(method, self.url + path, allow_redirects=False, **sent) as response:
                body = await response.content.read(LONGEST_BODY + 1)
                status = response.status
        except (aiohttp.ClientError, TimeoutError, OSError) as problem:
            raise NoMonitor(f"no monitor answers at {self.url}: start `altmonitor run`") from problem
        if status == 200:
            return _result(row, body)
        raise _problem(status, body, self.url)


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _result(row: Operation[Any, Any], body: bytes) -> Any:
    try:
        if row.envelope is not None:
            body = msgspec.json.decode(body, type=dict[str, msgspec.Raw])["data"]
        if row.text_type is not None:
            body = msgspec.json.encode({row.body: body.decode()})
        elif row.body is not None:
            body = msgspec.json.encode({row.body: msgspec.Raw(body)})
        return msgspec.json.decode(body, type=row.result)
    except (msgspec.DecodeError, KeyError) as problem:
        raise Unavailable(f"the monitor answers {row.name} otherwise than this version does: run the same") from problem


def _problem(status: int, body: bytes, url: str) -> OperationError:
    if status == 401:
        return Forbidden(f"the monitor at {url} asks for a token: set the same API_TOKEN here")
    try:
        said = msgspec.json.decode(body, type=dict[str, Any])
    except msgspec.DecodeError:
        said = {}
    kind = next((error for error in OPERATION_ERRORS if error.code == said.get("code")), Unavailable)
    detail = str(said.get("detail") or said.get("error") or f"the monitor at {url} answers HTTP {status}")
    return kind(detail[:500], until_ms=_whole(said, "until_ms"))


def _whole(said: Mapping[str, Any], name: str) -> int | None:
    value = said.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) else None
