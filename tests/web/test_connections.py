"""Over real sockets: clients that come in floods, say nothing, say it slowly, say nonsense or do not read. None of them
keeps a place, a descriptor or a handler, and `/health` answers meanwhile."""

from __future__ import annotations

import asyncio
import gzip
import json
import logging
import os
import resource
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC

import pytest

from altmonitor.core.alert import Alert, StoredAlert
from altmonitor.core.clock import SystemClock
from altmonitor.core.types import Secret
from altmonitor.interfaces.storage import AlertQueries
from altmonitor.render.format import Style
from altmonitor.web.commands import HttpCommands
from altmonitor.web.connections import Limits
from altmonitor.web.server import HttpServer, HttpServerDeps
from altmonitor.web.streams import EventStream
from tests.commands.executor_kit import MAIN, Desk, MemoryAlerts, healthy
from tests.movable_clock import MovableClock
from tests.patient_clock import PatientClock
from tests.web.web_kit import operations, problem

ASK = b"GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n"
TOKEN = "sixteen-letters-"
REQUEST_S, IDLE_S, BODY_S, WRITE_S = 0.6, 1.5, 0.5, 0.8
SMALL = Limits(
    connections=12,
    per_address=9,
    streams=6,
    reserved=2,
    request_s=REQUEST_S,
    idle_s=IDLE_S,
    body_s=BODY_S,
    write_s=WRITE_S,
)


_opened: list[Client] = []
"""Aborted at the end of `running`, also of a test that fails."""


@asynccontextmanager
async def running(limits: Limits = SMALL, **changes: object) -> AsyncIterator[HttpServer]:
    alerts: AlertQueries = changes.pop("alerts", MemoryAlerts())  # type: ignore[assignment]
    clock = PatientClock(start_ms=SystemClock().now_ms(), speed=1)  # the limits are short, a busy machine's pauses long
    deps = HttpServerDeps(
        host="127.0.0.1", port=0, health=healthy, operations=operations(alerts), clock=clock, limits=limits
    )
    server = HttpServer(replace(deps, **changes))  # type: ignore[arg-type]
    await server.start()
    try:
        yield server
    finally:
        while _opened:
            _opened.pop().close()
        await server.stop()


class Client:
    """One connection. `address`: of this machine, where it comes from."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        _opened.append(self)

    @classmethod
    async def connected(cls, server: HttpServer, address: str = "127.0.0.1") -> Client:
        return cls(*await asyncio.open_connection("127.0.0.1", server.port, local_addr=(address, 0)))

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def answer(self) -> tuple[int, dict[str, str], bytes]:
        """Raises ConnectionError, IncompleteReadError when there is none."""
        async with asyncio.timeout(60):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            status, *lines = head.rstrip("\r\n").split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
            body = await self.reader.readexactly(int(headers.get("content-length", 0)))
            return int(status.split()[1]), headers, body

    async def is_cut(self, within_s: float = 60) -> bool:
        try:
            async with asyncio.timeout(within_s):
                return await self.reader.read() == b""
        except ConnectionError:
            return True
        except TimeoutError:
            return False

    def close(self) -> None:
        self.writer.transport.abort()


async def asked(server: HttpServer, request: bytes, address: str = "127.0.0.1") -> tuple[int, dict[str, str], bytes]:
    client = await Client.connected(server, address)
    try:
        await client.send(request)
        return await client.answer()
    finally:
        client.close()


async def health(server: HttpServer, address: str = "127.0.0.1") -> int:
    return (await asked(server, ASK % b"/health", address))[0]


async def until(is_true: Callable[[], bool], within_s: float = 60) -> None:
    async with asyncio.timeout(within_s):
        while not is_true():  # noqa: ASYNC110 — the server tells nobody
            await asyncio.sleep(0.02)


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


needs_proc = pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="counts descriptors in /proc")


# --- how many ----------------------------------------------------------------------------------------------------


@needs_proc
async def test_a_flood_of_silent_connections_takes_no_more_places_than_there_are_and_health_answers() -> None:
    before = descriptors()
    async with running(replace(SMALL, request_s=60)) as server:
        mine = descriptors()
        flood: list[Client] = []
        most = 0
        for number in range(300):
            flood.append(await Client.connected(server, f"127.0.0.{2 + number % 40}"))
            most = max(most, server.status().connections)
        assert await health(server) == 200
        await until(lambda: descriptors() - mine - len(flood) <= 12)
        assert (most, server.status().connections) == (12, 12)
        for client in flood:
            client.close()
        await until(lambda: server.status().connections == 0)
        assert await health(server) == 200
    await asyncio.sleep(0.05)
    assert descriptors() == before


async def test_who_waits_longest_makes_room_for_a_newcomer_and_nobody_who_is_being_answered() -> None:
    live = EventStream(SystemClock())
    limits = replace(SMALL, connections=3, per_address=3, streams=2, idle_s=60, request_s=60)
    async with running(limits, live=live, clock=SystemClock()) as server:  # on which no two moments are the same
        stream = await Client.connected(server)
        await stream.send(ASK % b"/api/stream")
        assert (await stream.answer())[0] == 200
        first, second = await Client.connected(server), await Client.connected(server)
        await first.send(ASK % b"/health")
        assert (await first.answer())[0] == 200  # so the other one waits longer
        third = await Client.connected(server)
        await third.send(ASK % b"/api/alerts")
        assert (await third.answer())[0] == 200
        assert await second.is_cut()
        assert (live.listeners, server.status().connections) == (1, 3)
        await first.send(ASK % b"/health")
        assert (await first.answer())[0] == 200
        for client in (stream, first, third):
            client.close()


async def test_one_address_cannot_take_the_places_of_others() -> None:
    live = EventStream(SystemClock())
    async with running(replace(SMALL, per_address=4), live=live) as server:
        for _ in range(4):
            client = await Client.connected(server)
            await client.send(ASK % b"/api/stream")
            assert (await client.answer())[0] == 200
        status, headers, body = await asked(server, ASK % b"/api/alerts")
        assert (status, headers["retry-after"]) == (503, "5")
        assert problem(json.loads(body)) == (503, "unavailable", "too many connections")
        assert await health(server) == 200
        assert (await asked(server, ASK % b"/api/alerts", "127.0.0.2"))[0] == 200


async def test_when_everybody_is_being_answered_health_still_is_and_the_others_are_told_to_come_back() -> None:
    live = EventStream(SystemClock())
    limits = replace(SMALL, connections=4, per_address=4, streams=4)
    async with running(limits, live=live, alerts=_Stuck()) as server:
        for path in (b"/api/stream", b"/api/stream", b"/api/stream", b"/api/alerts"):
            client = await Client.connected(server)
            await client.send(ASK % path)
        await until(lambda: live.listeners == 3)
        await asyncio.sleep(0.1)
        for _ in range(5):
            assert await health(server) == 200
            status, headers, _ = await asked(server, ASK % b"/api/alerts/stats")
            assert (status, headers["retry-after"], headers["connection"]) == (503, "5", "close")
            assert headers["x-frame-options"] == "DENY"


async def test_streams_leave_places_for_requests() -> None:
    live = EventStream(SystemClock())
    limits = replace(SMALL, connections=8, per_address=8, streams=8)
    async with running(limits, live=live) as server:
        answers = []
        for _ in range(8):
            client = await Client.connected(server)
            await client.send(ASK % b"/api/stream")
            answers.append((await client.answer())[0])
        assert answers == [200] * 6 + [503] * 2


async def test_connections_that_come_too_fast_are_told_to_come_back_and_health_is_not() -> None:
    limits = replace(SMALL, connections=100, per_address=100, new_per_s=20, probes_per_s=20)
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    async with running(limits) as server:
        clients = [await Client.connected(server) for _ in range(60)]
        for client in clients:
            await client.send(ASK % b"/api/alerts")
        answers = [(await client.answer())[0] for client in clients]
        assert 20 <= answers.count(200) <= 20 + 20 * (loop.time() - began_s)
        assert answers.count(200) + answers.count(503) == 60
        assert server.status().refused.get("connecting_too_fast", 0) == answers.count(503)
        assert [await health(server) for _ in range(5)] == [200] * 5


# --- how long ----------------------------------------------------------------------------------------------------


async def test_a_connection_that_says_nothing_is_cut() -> None:
    async with running() as server:
        client = await Client.connected(server)
        assert await client.is_cut()
        assert server.status() == replace(server.status(), connections=0, refused={"slow_request": 1})


async def test_a_request_that_comes_byte_by_byte_is_cut() -> None:
    async with running() as server:
        client = await Client.connected(server)

        async def trickle() -> None:
            for byte in b"GET /health HTTP/1.1\r\nHost: localhost\r\nX-Slow: " + b"a" * 200:
                await client.send(bytes([byte]))
                await asyncio.sleep(0.05)

        sending = asyncio.create_task(trickle())
        assert await client.is_cut()
        sending.cancel()
        await asyncio.wait([sending])
        assert server.status().refused == {"slow_request": 1}


async def test_the_second_request_of_a_connection_may_be_no_slower_and_an_idle_one_is_closed_without_a_word() -> None:
    async with running() as server:
        slow, idle = await Client.connected(server), await Client.connected(server)
        for client in (slow, idle):
            await client.send(ASK % b"/health")
            assert (await client.answer())[0] == 200
        await slow.send(b"GET /hea")
        assert await slow.is_cut()
        assert await idle.is_cut()
        assert server.status().refused == {"slow_request": 1}


async def test_a_body_that_does_not_come_is_408_and_ends_the_connection() -> None:
    async with running(token=Secret(TOKEN), commands=lambda: None) as server:
        client = await Client.connected(server)
        await client.send(
            b"POST /api/commands HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " + TOKEN.encode() + b"\r\n"
            b'Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{"text'
        )
        status, headers, body = await client.answer()
        assert (status, headers["connection"]) == (408, "close")
        assert problem(json.loads(body)) == (408, "timeout", "the body did not come within 0 s")
        assert await client.is_cut()
        assert server.status().refused == {"slow_body": 1}


class _Stuck(MemoryAlerts):
    async def recent(self, **_: object) -> list[StoredAlert]:  # type: ignore[override]
        await asyncio.Event().wait()
        return []


def alert(number: int, note: str = "") -> Alert:
    return Alert(
        key=f"price:SOLUSDT:PUMP:1m:{number}",
        ts=1_790_000_000.0,
        event_ms=1_790_000_000_000,
        symbol="SOLUSDT",
        kind="price",
        direction="PUMP",
        metric=3.5,
        note=note,
        id=number,
    )


async def deaf(server: HttpServer, request: bytes) -> socket.socket:
    """A client that asks and then never reads; its kernel takes as little as it can."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2_048)
    client.setblocking(False)
    await asyncio.get_running_loop().sock_connect(client, ("127.0.0.1", server.port))
    await asyncio.get_running_loop().sock_sendall(client, request)
    return client


@needs_proc
async def test_listeners_that_never_read_are_given_up_and_those_who_read_go_on() -> None:
    live = EventStream(SystemClock())
    async with running(replace(SMALL, connections=20, per_address=20, streams=15), live=live) as server:
        before = descriptors()
        reading = await Client.connected(server)
        await reading.send(ASK % b"/api/stream")
        assert (await reading.answer())[0] == 200
        clients = [await deaf(server, ASK % b"/api/stream") for _ in range(10)]
        await until(lambda: live.listeners == 11)
        got = bytearray()

        async def read() -> None:
            while data := await reading.reader.read(65_536):
                got.extend(data)

        reader = asyncio.create_task(read())
        for number in range(1, 901):
            live.publish(alert(number, "x" * 2_000))
            if number % 50 == 0:
                await asyncio.sleep(0.02)
        await until(lambda: live.listeners == 1)
        await until(lambda: server.status().connections == 1)
        assert server.status().refused == {"slow_reader": 10}
        await until(lambda: f"{live.name}-900\n".encode() in got)
        for client in clients:
            client.close()
        reading.close()
        await asyncio.wait([reader])
        await until(lambda: server.status().connections == 0)
        assert descriptors() == before


async def test_an_answer_that_nobody_reads_is_given_up() -> None:
    rows = [StoredAlert(alert=alert(number, "x" * 20_000), delivery="sent") for number in range(400)]
    async with running(alerts=MemoryAlerts(*rows)) as server:
        with await deaf(server, ASK % b"/api/alerts?limit=1000"):
            await until(lambda: server.status().refused != {})
            await until(lambda: server.status().connections == 0)
            assert server.status().refused == {"slow_reader": 1}


async def test_a_listener_that_leaves_is_not_kept_until_the_next_event() -> None:
    live = EventStream(SystemClock())
    async with running(live=live) as server:
        client = await Client.connected(server)
        await client.send(ASK % b"/api/stream")
        assert (await client.answer())[0] == 200
        assert live.listeners == 1
        client.close()
        await until(lambda: live.listeners == 0)
        await until(lambda: server.status() == replace(server.status(), connections=0, streams=0, refused={}))


# --- what is no request ------------------------------------------------------------------------------------------

POST = b"POST /api/commands HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " + TOKEN.encode() + b"\r\n"
JSON = POST + b"Content-Type: application/json\r\n"
ORDER = b'{"text": "/status"}'
NONSENSE = [
    (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 50 + b"\r\n\r\n", 400),  # TLS
    (b"hello\r\n\r\n", 400),
    (b"GET\r\n\r\n", 400),
    (b"GET /health\r\n\r\n", 403),
    (b"GET /health HTTP/9.9\r\nHost: localhost\r\n\r\n", 400),
    (b"GET /health HTTP/1.1\r\nHost localhost\r\n\r\n", 400),
    (b"GET /health HTTP/1.1\r\nHost: localhost\r\nA: \x00\r\n\r\n", 400),
    (b"GET /health HTTP/1.1\r\nHost: localhost\r\n <script>: x\r\n\r\n", 400),
    (b"GET /health HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n", 400),
    (b"GET /health HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
    (b"GET /health HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n", 400),
    (b"GET /" + b"a" * 9_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", 431),
    (b"GET /health HTTP/1.1\r\nHost: localhost\r\nA: " + b"a" * 20_000 + b"\r\n\r\n", 431),
    (b"GET /health HTTP/1.1\r\nHost: localhost\r\n" + b"A: b\r\n" * 200 + b"\r\n", 400),
    (b"GET /health HTTP/1.1\r\nHost: localhost\r\nExpect: pigs\r\n\r\n", 417),
    (b"OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n", 401),
    (b"BREW /health HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
    (b"DELETE /health HTTP/1.1\r\nHost: localhost\r\n\r\n", 405),
    (b"GET /%zz HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " + TOKEN.encode() + b"\r\n\r\n", 404),
    (JSON + b"Content-Encoding: gzip\r\nContent-Length: 9\r\n\r\nnot gzip!", 400),
    (JSON + b"Content-Encoding: gzip\r\nContent-Length: 15\r\n\r\n" + gzip.compress(ORDER)[:15], 400),
    (JSON + b"Content-Encoding: deflate\r\nContent-Length: 5\r\n\r\n\xff\xff\xff\xff\xff", 400),
    (JSON + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n", 400),
    (JSON + b"Content-Length: 20000\r\n\r\n" + b"a" * 20_000, 413),
    (JSON + b"Content-Length: 3\r\n\r\n\xff\xff\xff", 400),
    (POST + b"Content-Length: 3\r\n\r\nabc", 400),
]


async def test_what_is_no_request_gets_a_short_refusal_with_all_headers_and_no_traceback(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    wrong = []
    desk, style = Desk(), Style(lang="en", tz=UTC)
    commands = HttpCommands(desk.desk, clock=SystemClock(), main=lambda: MAIN, style=lambda where: style)
    async with running(token=Secret(TOKEN), commands=lambda: commands) as server:
        for request, expected in NONSENSE:
            status, headers, body = await asked(server, request)
            if status != expected:
                wrong.append(f"{request[:80]!r}: {status} {body!r}, not {expected}")
            if headers.get("x-content-type-options") != "nosniff" or headers.get("server") != "altmonitor":
                wrong.append(f"{request[:80]!r}: {headers}")
            if problem(json.loads(body))[0] != status or len(body) > 400 or b"script" in body:
                wrong.append(f"{request[:80]!r}: {body!r}")
        squeezed = gzip.compress(ORDER)
        squeezed = JSON + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(squeezed) + squeezed
        assert (await asked(server, squeezed))[0] == 200
        assert await health(server) == 200
        await until(lambda: server.status().connections == 0)
    assert wrong == []
    lines = [record for record in caplog.records if record.levelno >= logging.INFO]
    assert [record.message.partition(" ")[0] for record in lines] == ["HTTP"] * 3  # it began, the first, the rest
    assert not [record for record in lines if record.exc_info]


async def test_a_broken_body_of_a_request_that_needs_none_is_refused_too() -> None:
    async with running() as server:
        request = b"GET /health HTTP/1.1\r\nHost: localhost\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc"
        assert (await asked(server, request))[0] == 400


async def test_clients_that_reset_in_the_middle_of_everything_leave_nothing_behind(
    caplog: pytest.LogCaptureFixture,
) -> None:
    live = EventStream(SystemClock())
    async with running(live=live) as server:
        for piece in (
            b"",
            b"GET /hea",
            ASK % b"/health",
            ASK % b"/api/stream",
            ASK % b"/health" * 20,
            b"GET /api/alerts HTTP/1.1\r\nHost: localhost\r\nContent-Length: 50\r\n\r\nabc",
            b"GET /api/alerts HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
        ):
            for pause_s in (0, 0.03):
                client = socket.create_connection(("127.0.0.1", server.port))
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
                client.sendall(piece)
                await asyncio.sleep(pause_s)
                client.close()
        await until(lambda: server.status().connections == 0)
        assert (live.listeners, await health(server)) == (0, 200)
    assert [record.message for record in caplog.records if record.levelno >= logging.WARNING] == []


# --- no descriptors left -----------------------------------------------------------------------------------------


@needs_proc
async def test_without_a_free_descriptor_it_waits_and_goes_on_when_there_is_one(
    caplog: pytest.LogCaptureFixture,
) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    clock = MovableClock()
    async with running(clock=clock) as server:
        client = socket.socket()
        client.settimeout(60)
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (max(map(int, os.listdir("/proc/self/fd"))), hard))
            fillers = []
            try:
                while True:
                    fillers.append(os.dup(client.fileno()))
            except OSError:
                pass
            client.connect(("127.0.0.1", server.port))
            await until(lambda: server.status().refused != {})
            await asyncio.sleep(0.1)  # for what would try again and again
            assert server.status().refused == {"no_descriptor": 1}
            await clock.advance(1.0)
            assert server.status().refused == {"no_descriptor": 2}
            for filler in fillers:
                os.close(filler)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        await clock.advance(1.0)
        client.sendall(ASK % b"/health")
        client.setblocking(False)
        async with asyncio.timeout(60):
            assert (await asyncio.get_running_loop().sock_recv(client, 100)).startswith(b"HTTP/1.1 200 OK\r\n")
        client.close()
    messages = [record.message for record in caplog.records if record.levelno >= logging.WARNING]
    assert messages == ["HTTP refused or cut off: 1 no descriptor", "HTTP refused or cut off: 1 no descriptor"]


@needs_proc
async def test_clients_get_none_of_the_descriptors_that_are_kept() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = max(map(int, os.listdir("/proc/self/fd"))) + 1 + 200
    spare = [os.dup(1) for _ in range(limit - 200 - descriptors())]  # now the next one has the number limit − 200
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
        limits = replace(SMALL, connections=1_000, per_address=1_000, descriptors_kept=80, request_s=60)
        async with running(limits) as server:
            clients = []
            for _ in range(40):
                clients.append(await Client.connected(server))
                await asyncio.sleep(0)
            assert server.status().connections == 40  # each took two: one here, one there
            for _ in range(30):
                clients.append(await Client.connected(server))
            await asyncio.sleep(0.1)
            free = limit - descriptors()
            assert server.status().connections < 70
            assert free > 40
            assert await health(server) == 200
            for client in clients:
                client.close()
    finally:
        for number in spare:
            os.close(number)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def test_a_newcomer_that_leaves_without_a_word_takes_no_place() -> None:
    async with running(replace(SMALL, connections=2, per_address=2, request_s=60)) as server:
        idle = [await Client.connected(server) for _ in range(2)]
        await until(lambda: server.status().connections == 2)
        for _ in range(20):
            (await Client.connected(server)).close()
        await asyncio.sleep(0.3)
        assert server.status() == replace(server.status(), connections=2, refused={})
        for client in idle:
            await client.send(ASK % b"/health")
        assert [(await client.answer())[0] for client in idle] == [200, 200]


async def test_whoever_leaves_before_the_refusal_of_a_wrong_token_leaves_nothing_waiting() -> None:
    async with running(replace(SMALL, connections=50, per_address=50), token=Secret(TOKEN)) as server:
        before = len(asyncio.all_tasks())
        for number in range(30):
            client = await Client.connected(server)
            await client.send(ASK % b"/api/alerts")
            await until(lambda number=number: server.status().refused.get("wrong_token", 0) > number)  # type: ignore[misc]
            client.close()
        assert server.status().refused == {"wrong_token": 30}
        await until(lambda: len(asyncio.all_tasks()) == before)


async def test_whoever_has_left_before_its_refusal_was_begun_is_not_waited_for() -> None:
    async with running(replace(SMALL, connections=50, per_address=50), token=Secret(TOKEN)) as server:
        before = len(asyncio.all_tasks())
        for _ in range(30):
            client = await Client.connected(server)
            await client.send(ASK % b"/api/alerts")
            client.close()
        await until(lambda: server.status().refused != {})  # what answers is loaded with the first request
        await until(lambda: len(asyncio.all_tasks()) == before)
