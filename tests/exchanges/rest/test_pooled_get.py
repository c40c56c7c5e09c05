"""GETs over kept-alive connections, against servers that speak HTTP byte by byte."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import aiohttp
import pytest
from yarl import URL

from altmonitor.core.causes import CauseCode
from altmonitor.core.clock import Clock, SystemClock
from altmonitor.core.errors import BadAnswer, ExchangeError, ExchangeUnreachable
from altmonitor.exchanges.rest import client
from altmonitor.exchanges.rest.client import HttpGet
from altmonitor.exchanges.rest.pooled_get import pooled_get
from tests.movable_clock import MovableClock

OK = b"HTTP/1.1 200 OK\r\nX-MBX-USED-WEIGHT-1M: 7\r\nContent-Length: 2\r\n\r\n[]"


@dataclass
class Server:
    """answers: bytes written for each request of a connection, in turn; b"" hangs up instead. The last one is repeated.
    chunk: bytes per write; 0 all at once."""

    answers: list[bytes]
    chunk: int = 0
    heads: list[str] = field(default_factory=list)
    connections: int = 0
    url: str = ""
    serving: set[asyncio.Task[object]] = field(default_factory=set)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        if (task := asyncio.current_task()) is not None:
            self.serving.add(task)
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                self.heads.append((await reader.readuntil(b"\r\n\r\n")).decode())
                answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
                if not answer:
                    break
                for start in range(0, len(answer), self.chunk or len(answer)):
                    writer.write(answer[start : start + (self.chunk or len(answer))])
                    await writer.drain()
                    await asyncio.sleep(0)
                if b"Connection: close" in answer or (b"Content-Length" not in answer and b"chunked" not in answer):
                    break
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


@asynccontextmanager
async def asked(
    server: Server, *, within_s: float = 60.0, sockets: int = 24, clock: Clock | None = None
) -> AsyncIterator[HttpGet]:
    listener = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    server.url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    http = HttpGet(server.url, clock=clock or SystemClock(), trust_env=False, within_s=within_s, sockets=sockets)
    await http.start()
    try:
        yield http
    finally:
        await http.stop()
        listener.close()
        await asyncio.wait_for(asyncio.gather(*server.serving), 60)


async def told(work: Awaitable[object]) -> tuple[CauseCode, str]:
    try:
        await work
    except ExchangeError as problem:
        return problem.cause.code, str(problem)
    raise AssertionError("it was answered")


async def test_one_connection_is_kept_and_says_the_same_of_us_every_time() -> None:
    server = Server([OK])
    async with asked(server) as http:
        for _ in range(3):
            answer = await http.send("/fapi/v1/openInterest?symbol=%E5%B8%81USDT")
            assert (answer.status, answer.body, answer.headers["x-mbx-used-weight-1m"]) == (200, b"[]", "7")
        port = server.url.rpartition(":")[2]
    assert server.connections == 1
    first, *others = server.heads
    assert set(others) == {first}
    assert first.split("\r\n")[:5] == [
        "GET /fapi/v1/openInterest?symbol=%E5%B8%81USDT HTTP/1.1",
        f"Host: 127.0.0.1:{port}",
        "User-Agent: altmonitor",
        "Accept: */*",
        "Accept-Encoding: gzip, deflate",
    ]


async def test_a_connection_that_was_closed_meanwhile_is_replaced_without_a_word() -> None:
    server = Server([OK, b"", OK])
    async with asked(server) as http:
        assert (await http.send("/1")).status == 200
        assert (await http.send("/2")).status == 200  # the first try was hung up on
    assert [head.split(" ")[1] for head in server.heads] == ["/1", "/2", "/2"]
    assert server.connections == 2


async def test_a_server_that_always_hangs_up_is_asked_twice() -> None:
    server = Server([b""])
    async with asked(server) as http:
        assert await told(http.send("/1")) == (
            CauseCode.NO_CONNECTION,
            "no answer: the server closed the connection",
        )
    assert len(server.heads) == 2


BODIES = {
    "pieces": OK.replace(b"Content-Length: 2", b"Transfer-Encoding: chunked").replace(
        b"[]", b"1\r\n[\r\n1;x=y\r\n]\r\n0\r\n\r\n"
    ),
    "until the end": b"HTTP/1.1 200 OK\r\n\r\n[]",
    "packed": b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s"
    % (len(gzip.compress(b"[]", mtime=0)), gzip.compress(b"[]", mtime=0)),
    "said before": b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + OK,
    "and closed": OK.replace(b"Content-Length", b"Connection: close\r\nContent-Length"),
}


@pytest.mark.parametrize("chunk", [0, 1])
async def test_however_a_body_comes_it_is_the_same(chunk: int) -> None:
    for name, answer in BODIES.items():
        server = Server([answer], chunk=chunk)
        async with asked(server) as http:
            for _ in range(2):
                assert (await http.send("/1")).body == b"[]", name
        assert server.connections == (2 if name in ("until the end", "and closed") else 1), name


async def test_what_is_no_answer_is_told_and_the_next_question_has_a_fresh_connection() -> None:
    long_line = b"HTTP/1.1 200 OK\r\nX-Long: " + b"a" * 20_000 + b"\r\nContent-Length: 2\r\n\r\n[]"
    many = b"HTTP/1.1 200 OK\r\n" + b"".join(b"X-%d: 1\r\n" % number for number in range(400))
    cases = {
        "another protocol": (b"SSH-2.0-OpenSSH_9\r\n\r\n Content-Length", CauseCode.NO_CONNECTION),
        "a line without end": (long_line, CauseCode.NO_CONNECTION),
        "too many lines": (many + b"Content-Length: 2\r\n\r\n[]", CauseCode.NO_CONNECTION),
        "two lengths": (OK.replace(b"\r\n\r\n", b"\r\nContent-Length: 3\r\n\r\n"), CauseCode.NO_CONNECTION),
        "broken pieces": (BODIES["pieces"].replace(b"1\r\n[", b"zz\r\n["), CauseCode.NO_CONNECTION),
        "cut off": (OK.replace(b": 2", b": 20").replace(b"GET", b"") + b"Connection: close", CauseCode.UNREADABLE),
        "packed wrongly": (OK.replace(b"Content-Length", b"Content-Encoding: gzip\r\nContent-Length"), None),
    }
    for name, (answer, code) in cases.items():
        server = Server([answer, OK])
        async with asked(server) as http:
            found, line = await told(http.send("/1"))
            assert code is None or found is code, (name, found, line)
            assert (await http.send("/2")).body == b"[]", name
        assert server.connections == 2, name


async def test_a_change_of_protocol_is_an_answer_and_nothing_is_waited_for_after_it() -> None:
    server = Server([b"HTTP/1.1 101 Switching Protocols\r\nContent-Length: 0\r\n\r\n", OK])
    async with asked(server) as http:
        assert (await http.send("/1")).status == 101
        assert (await http.send("/2")).body == b"[]"


async def test_another_version_of_the_library_is_asked_through_its_client() -> None:
    async with aiohttp.ClientSession() as session:
        found = {
            version: pooled_get(URL("http://127.0.0.1:1"), session, version=version) is not None
            for version in (aiohttp.__version__, "3.14.0", "3.14", "3.140.0", "3.15.0", "3.15.0a1", "4.0.0", "3")
        }
    assert [version for version, is_known in found.items() if is_known] == [aiohttp.__version__, "3.14.0", "3.14"]


async def test_a_body_beyond_the_limit_is_not_read_to_its_end_packed_or_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "LONGEST_BODY", 200_000)
    bomb = gzip.compress(b"0" * 50_000_000, mtime=0)
    for answer in (
        b"HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n" + b"0" * 300_000,
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s" % (len(bomb), bomb),
    ):
        async with asked(Server([answer])) as http:
            with pytest.raises(BadAnswer, match="more than 200000 bytes"):
                await http.send("/1")


async def test_who_waits_too_long_or_is_cancelled_leaves_no_half_read_connection_behind() -> None:
    half = b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n["
    server = Server([half, half, OK])
    clock = MovableClock()

    async def is_asked(count: int) -> None:
        async with asyncio.timeout(60):
            while len(server.heads) < count:  # noqa: ASYNC110 — the server tells nobody
                await asyncio.sleep(0.01)

    async with asked(server, within_s=8, clock=clock) as http:
        asking = asyncio.create_task(http.send("/1"))
        await is_asked(1)
        await clock.advance(8)
        with pytest.raises(ExchangeUnreachable, match="no answer within 8 s"):
            await asking
        asking = asyncio.create_task(http.send("/2"))
        await is_asked(2)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        assert (await http.send("/3")).body == b"[]"
    assert server.connections == 3


async def test_no_more_connections_are_open_than_allowed() -> None:
    server = Server([OK], chunk=1)
    async with asked(server, sockets=2) as http:
        answers = await asyncio.gather(*(http.send(f"/{number}") for number in range(30)))
        assert [answer.status for answer in answers] == [200] * 30
    assert server.connections == 2


async def test_redirects_are_answers_and_a_base_address_may_have_a_path() -> None:
    server = Server([b"HTTP/1.1 302 Found\r\nLocation: http://elsewhere.invalid/\r\nContent-Length: 0\r\n\r\n"])
    async with asked(server) as plain:
        http = HttpGet(f"{server.url}/mirror/", clock=SystemClock(), trust_env=False)
        await http.start()
        try:
            assert (await http.send("/fapi/v1/ping")).status == 302
        finally:
            await http.stop()
        assert (await plain.send("/fapi/v1/ping")).status == 302
    assert [head.split(" ")[1] for head in server.heads] == ["/mirror/fapi/v1/ping", "/fapi/v1/ping"]


async def test_a_signature_goes_with_its_own_request_alone() -> None:
    server = Server([OK])
    async with asked(server):
        http = HttpGet(
            server.url, clock=SystemClock(), trust_env=False, sign=lambda target: {"X-Signed": f"of {target}"}
        )
        await http.start()
        try:
            await http.send("/1")
            await http.send("/2")
        finally:
            await http.stop()
    assert ["X-Signed: of /1" in server.heads[0], "X-Signed: of /2" in server.heads[1]] == [True, True]
    assert "of /1" not in server.heads[1]


async def test_after_stop_nothing_is_asked() -> None:
    server = Server([OK])
    async with asked(server) as http:
        await http.send("/1")
        await http.stop()
        assert (await told(http.send("/2")))[1] == "not started, or stopped"
    assert len(server.heads) == 1
