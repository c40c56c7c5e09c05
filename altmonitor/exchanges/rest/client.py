"""One GET over a kept-alive connection: an answer within the limit, or one of two errors."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Generic, Protocol, TypeVar
from urllib.parse import urlencode, urlsplit

import aiohttp
import msgspec
from yarl import URL

from altmonitor.core.causes import CauseCode
from altmonitor.core.clock import Clock
from altmonitor.core.errors import BadAnswer, ExchangeError, ExchangeUnreachable
from altmonitor.core.http_errors import in_words
from altmonitor.core.proxies import proxy_to
from altmonitor.core.status import GuardStatus
from altmonitor.exchanges.rest.budget import VENUE_POOL, Ask, LimitPool, RequestBudget, Shares
from altmonitor.exchanges.rest.guard import Guard, RestAnswer
from altmonitor.exchanges.rest.pooled_get import PooledGet, pooled_get
from altmonitor.interfaces.exchange import Priority

ANSWER_TIMEOUT_S = 15.0
LONGEST_BODY = 32 * 1024 * 1024
PIECE = 16 * 1024
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
        post_path: str | None = None,
        sign: Callable[[str], Mapping[str, str]] | None = None,
    ) -> None:
        """within_s: seconds of the clock handed in. headers: sent with every request instead of our name alone.

        post_path: for a venue that is asked with JSON: what is given to `send` is then a body, posted there.
        sign: path and query of a request → headers that it carries besides.
        """
        self._sign = sign
        self._post_path = post_path
        self.base_url = base_url.rstrip("/")
        self._clock = clock
        self._trust_env = trust_env
        self._sockets = sockets
        self._within_s = within_s
        self._headers = dict(headers or {"User-Agent": "altmonitor"})
        self._session: aiohttp.ClientSession | None = None
        self._pooled: PooledGet | None = None

    async def start(self) -> None:
        """Raises: ConfigError for a proxy that cannot be used."""
        if self._session is None:
            proxy = proxy_to(self.base_url) if self._trust_env else None
            connector = aiohttp.TCPConnector(
                limit=self._sockets,
                keepalive_timeout=KEEP_ALIVE_S,
                ttl_dns_cache=60,
                resolver=aiohttp.ThreadedResolver(),
            )
            self._session = aiohttp.ClientSession(
                connector=connector,
                proxy=proxy,
                timeout=aiohttp.ClientTimeout(total=None),  # `send` holds the limit, outside the library
                cookie_jar=aiohttp.DummyCookieJar(),
                headers=self._headers,
            )
            if proxy is None and self._post_path is None:
                self._pooled = pooled_get(URL(self.base_url), self._session)

    async def stop(self) -> None:
        session, self._session, self._pooled = self._session, None, None
        if session is not None:
            await session.close()

    async def send(self, target: str) -> RestAnswer:
        """target: path and query, already percent-encoded. Raises: ExchangeUnreachable, BadAnswer."""
        if self._pooled is None:
            return await self._carry(target, lambda response: _read_body(response.content))
        return await self._within_limit(self._from_pool(self._pooled, target))

    async def stream(self, target: str, on_chunk: Callable[[bytes], None]) -> RestAnswer:
        """For what is too large to hold: the body of a 200 is handed on piece by piece and is empty in the answer.

        on_chunk may raise BadAnswer, which ends it. Raises: as `send`.
        """

        async def read(response: aiohttp.ClientResponse) -> bytes:
            if response.status != 200:
                return await _read_body(response.content)
            async for chunk in response.content.iter_any():
                for start in range(0, len(chunk), PIECE):
                    on_chunk(chunk[start : start + PIECE])
                    await asyncio.sleep(0)  # who waits for a frame of the market does not wait for all of this
            return b""

        return await self._carry(target, read)

    async def _carry(self, target: str, read: Callable[[aiohttp.ClientResponse], Awaitable[bytes]]) -> RestAnswer:
        if self._session is None:
            raise ExchangeUnreachable("not started, or stopped")
        return await self._within_limit(self._from_session(self._session, target, read))

    async def _within_limit(self, answer: Awaitable[RestAnswer]) -> RestAnswer:
        try:
            async with self._clock.timeout(self._within_s):
                return await answer
        except TimeoutError:
            raise ExchangeUnreachable(f"no answer within {self._within_s:.0f} s") from None
        except aiohttp.ClientPayloadError:
            raise BadAnswer("the answer was cut off") from None
        except (aiohttp.ClientError, OSError, RuntimeError) as problem:  # RuntimeError: the session is being closed
            raise ExchangeUnreachable(in_words(problem), code=CauseCode.NO_CONNECTION) from None

    async def _from_pool(self, pooled: PooledGet, target: str) -> RestAnswer:
        status, headers, body = await pooled.ask(target, self._signed(target), _read_body)
        return RestAnswer(status, headers, body)

    async def _from_session(
        self,
        session: aiohttp.ClientSession,
        target: str,
        read: Callable[[aiohttp.ClientResponse], Awaitable[bytes]],
    ) -> RestAnswer:
        async with self._request(session, target) as response:
            return RestAnswer(response.status, response.headers, await read(response))

    def _request(
        self, session: aiohttp.ClientSession, target: str
    ) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        if self._post_path is None:
            return session.get(
                URL(self.base_url + target, encoded=True), headers=self._signed(target), allow_redirects=False
            )
        url, headers = URL(self.base_url + self._post_path, encoded=True), {"Content-Type": "application/json"}
        return session.post(url, data=target.encode(), headers=headers, allow_redirects=False)

    def _signed(self, target: str) -> Mapping[str, str] | None:
        return None if self._sign is None else self._sign(target)


async def _read_body(body: aiohttp.StreamReader) -> bytes:
    chunks: list[bytes] = []
    size = 0
    async for chunk in body.iter_any():
        size += len(chunk)
        if size > LONGEST_BODY:
            raise BadAnswer(f"an answer of more than {LONGEST_BODY} bytes")
        chunks.append(chunk)
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


# ---
# JSON bytes → wire structs → values, tolerant of single odd rows, never of a damaged whole.


V_co = TypeVar("V_co", covariant=True)
V = TypeVar("V")

UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What a decoder raises on bytes that are no JSON, no UTF-8, or nested beyond reason."""


class Parsed(Protocol[V_co]):
    def parse(self) -> V_co:
        """Raises: ValueError for what cannot be: a number that is not finite, a symbol that is none."""


@dataclass(frozen=True, slots=True)
class Read(Generic[V]):
    """skipped: rows that were left out."""

    values: list[V]
    skipped: int


class Rows(Generic[V]):
    """Reader of a JSON array of one kind of row."""

    def __init__(self, wire: type[Parsed[V]]) -> None:
        self._all = msgspec.json.Decoder(list[wire], strict=False)  # type: ignore[valid-type]
        self._one = msgspec.json.Decoder(wire, strict=False)
        self._raw = msgspec.json.Decoder(list[msgspec.Raw])

    def read(self, body: bytes | msgspec.Raw) -> Read[V]:
        """Raises: BadAnswer when this is no array, or an array without one good row but not empty."""
        values: list[V] = []
        skipped = 0
        for row in self._rows(body):
            try:
                values.append((self._one.decode(row) if isinstance(row, msgspec.Raw) else row).parse())
            except (ValueError, *UNREADABLE):
                skipped += 1
        if skipped and not values:
            raise BadAnswer(f"none of {skipped} rows is readable")
        return Read(values, skipped)

    def _rows(self, body: bytes | msgspec.Raw) -> list[Parsed[V]] | list[msgspec.Raw]:
        try:
            rows: list[Parsed[V]] = self._all.decode(body)
        except msgspec.ValidationError:  # at least one odd row, or no array: row by row
            try:
                return self._raw.decode(body)
            except UNREADABLE as problem:
                raise BadAnswer(f"not a list: {problem}") from None
        except UNREADABLE as problem:
            raise BadAnswer(_not_json(bytes(body), problem)) from None
        return rows


class One(Generic[V]):
    """Reader of a single JSON object."""

    def __init__(self, wire: type[V]) -> None:
        self._decoder = msgspec.json.Decoder(wire, strict=False)

    def read(self, body: bytes) -> V:
        """Raises: BadAnswer."""
        try:
            return self._decoder.decode(body)
        except msgspec.ValidationError as problem:
            raise BadAnswer(f"not what the endpoint promises: {problem}") from None
        except UNREADABLE as problem:
            raise BadAnswer(_not_json(body, problem)) from None


def _not_json(body: bytes, problem: Exception) -> str:
    if not body.strip():
        return "empty answer"
    if body.lstrip()[:1] == b"<":
        return "a web page instead of JSON"
    return f"damaged JSON: {problem}"


# ---
# Questions to a venue beside the main one: its own connection, its own guard, no more than one retry.


POOL: Final = VENUE_POOL
VENUE_SOCKETS: Final = 4
ANSWER_WITHIN_S: Final = 8.0
RETRY_S: Final = (0.3, 0.6)
BUDGET_WAIT_S: Final = {Priority.ENRICH: 1.5}
VENUE_SHARES: Final = Shares(0.55, 0.60)
"""Of a venue's limit: others on the address have the rest."""


def venue_guard(
    base_url: str,
    *,
    clock: Clock,
    requests: int,
    per_s: float,
    probe: str,
    block_file: Path | None = None,
    on_change: Callable[[GuardStatus], None] | None = None,
    weights: LimitPool | None = None,
    weight_shares: Shares = VENUE_SHARES,
    request_shares: Shares = VENUE_SHARES,
) -> Guard:
    """The gate for one host: at most 60 % of `requests` in any `per_s` seconds. probe: a path that costs next to
    nothing. weights: where requests weigh, what all who ask from here may weigh together."""
    return Guard(
        urlsplit(base_url).netloc,
        clock=clock,
        block_file=block_file,
        on_change=on_change,
        budget=RequestBudget(
            weights=weights,
            pools={POOL: LimitPool(limit=requests, window_s=per_s)},
            weight_shares=weight_shares,
            pool_shares=request_shares,
        ),
        probe=probe,
    )


class VenueRest:
    """`start` before the first question, `stop` after the last. is_refusal: the venue's own "too many requests" inside
    a 200, which is then treated as the 429 it stands for. pauses: status → seconds that the venue wants to be left
    alone after it, where its answer does not say. post_path, sign: see `HttpGet`. meaning: of the body of an answer
    that is none of a 200; None where it says no more than its status."""

    def __init__(
        self,
        base_url: str,
        *,
        clock: Clock,
        guard: Guard,
        is_refusal: Callable[[bytes], bool],
        trust_env: bool = True,
        within_s: float = ANSWER_WITHIN_S,
        pauses: Mapping[int, float] | None = None,
        post_path: str | None = None,
        sign: Callable[[str], Mapping[str, str]] | None = None,
        meaning: Callable[[bytes], ExchangeError | None] = lambda body: None,
    ) -> None:
        self._meaning = meaning
        self._http = HttpGet(
            base_url,
            clock=clock,
            trust_env=trust_env,
            sockets=VENUE_SOCKETS,
            within_s=within_s,
            post_path=post_path,
            sign=sign,
        )
        self._pauses = dict(pauses or {})
        self._clock = clock
        self._guard = guard
        self._is_refusal = is_refusal

    async def start(self) -> None:
        """Raises: ConfigError for a proxy that cannot be used."""
        await self._http.start()

    async def stop(self) -> None:
        await self._http.stop()

    def guard_status(self) -> GuardStatus:
        return self._guard.status()

    async def get(self, path: str, priority: Priority, **query: str | int) -> bytes:
        """The body of a 200. Asked once more after no answer or a 5xx. Raises: ExchangeError."""
        target = f"{path}?{urlencode(query)}" if query else path
        return await self.ask(Ask(target=target, priority=priority, weight=0, pool=POOL))

    async def ask(self, ask: Ask) -> bytes:
        """The same for what was put together elsewhere."""
        try:
            return await self._ask(ask)
        except ExchangeUnreachable:
            await self._clock.sleep(random.uniform(*RETRY_S))
        return await self._ask(ask)

    async def _ask(self, ask: Ask) -> bytes:
        answer = await self._guard.fetch(ask, self._send, wait_s=BUDGET_WAIT_S.get(ask.priority, 65.0))
        if answer.status == 200:
            return answer.body
        problem = self._meaning(answer.body)
        if problem is not None:
            raise problem
        kind = ExchangeUnreachable if answer.status >= 500 or answer.status == 408 else BadAnswer
        raise kind(f"HTTP {answer.status}", code=CauseCode.HTTP, status=answer.status)

    async def _send(self, target: str) -> RestAnswer:
        answer = await self._http.send(target)
        if answer.status == 200 and self._is_refusal(answer.body):
            return replace(answer, status=429)
        pause_s = self._pauses.get(answer.status)
        if pause_s is not None and "Retry-After" not in answer.headers:
            return replace(answer, headers={**answer.headers, "Retry-After": f"{pause_s:.0f}"})
        return answer
