"""One GET over a kept-alive connection: an answer within the limit, or one of two errors."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
from yarl import URL

from altmonitor.core.clock import Clock
from altmonitor.core.errors import BadAnswer, ExchangeUnreachable, StartError
from altmonitor.exchanges.rest.guard import Answer

ANSWER_TIMEOUT_S = 15.0
LONGEST_BODY = 32 * 1024 * 1024
SOCKETS = 24
KEEP_ALIVE_S = 75.0


class HttpGet:
    """`send` is the guard's `Send`. trust_env: HTTP(S)_PROXY and NO_PROXY are obeyed, read once by `start`.

    aiohttp's own trust_env reads them, and ~/.netrc, in two visits to a thread per request, which cost more than the
    request itself.
    """

    def __init__(
        self,
        base_url: str,
        *,
        clock: Clock,
        trust_env: bool,
        sockets: int = SOCKETS,
        within_s: float = ANSWER_TIMEOUT_S,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """within_s: seconds of the clock handed in. headers: sent with every request instead of our name alone."""
        self.base_url = base_url.rstrip("/")
        self._clock = clock
        self._trust_env = trust_env
        self._sockets = sockets
        self._within_s = within_s
        self._headers = dict(headers or {"User-Agent": "altmonitor"})
        self._session: aiohttp.ClientSession | None = None

    async def start(self) -> None:
        """Raises: StartError for a proxy of a kind that cannot be used."""
        if self._session is None:
            connector = aiohttp.TCPConnector(
                limit=self._sockets,
                keepalive_timeout=KEEP_ALIVE_S,
                ttl_dns_cache=60,
                resolver=aiohttp.ThreadedResolver(),
            )
            self._session = aiohttp.ClientSession(
                connector=connector,
                proxy=proxy_from_environment(self.base_url) if self._trust_env else None,
                timeout=aiohttp.ClientTimeout(total=None),  # `send` holds the limit, outside the library
                cookie_jar=aiohttp.DummyCookieJar(),
                headers=self._headers,
            )

    async def stop(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def send(self, target: str) -> Answer:
        """target: path and query, already percent-encoded. Raises: ExchangeUnreachable, BadAnswer."""
        if self._session is None:
            raise ExchangeUnreachable("not started, or stopped")
        try:
            async with (
                self._clock.timeout(self._within_s),
                self._session.get(URL(self.base_url + target, encoded=True), allow_redirects=False) as response,
            ):
                return Answer(response.status, response.headers, await _read_body(response))
        except TimeoutError:
            raise ExchangeUnreachable(f"no answer within {self._within_s:.0f} s") from None
        except aiohttp.ClientPayloadError:
            raise BadAnswer("the answer was cut off") from None
        except (aiohttp.ClientError, OSError, RuntimeError) as problem:  # RuntimeError: the session is being closed
            raise ExchangeUnreachable(f"{type(problem).__name__}: {problem}") from None


def proxy_from_environment(url: str) -> str | None:
    """The proxy's URL, with its user and password if it has them; None for a direct connection."""
    parts = urlsplit(url)
    proxy = getproxies().get(parts.scheme)
    if not proxy or proxy_bypass(parts.netloc):
        return None
    scheme = urlsplit(proxy).scheme
    if scheme not in ("http", "https"):
        raise StartError(
            f"{parts.scheme.upper()}_PROXY: {scheme or 'this'} proxies cannot be used here, http:// ones can"
        )
    return proxy


async def _read_body(response: aiohttp.ClientResponse) -> bytes:
    chunks: list[bytes] = []
    size = 0
    async for chunk in response.content.iter_any():
        size += len(chunk)
        if size > LONGEST_BODY:
            raise BadAnswer(f"an answer of more than {LONGEST_BODY} bytes")
        chunks.append(chunk)
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)
