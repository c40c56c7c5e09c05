"""Connections of the HTTP side: how many, from whom, for how long.

The program has one table of descriptors. Market data, Telegram and the database need some of them at any moment, so
clients get a share with a fixed size and a time limit on everything they can hold it with: an unfinished request, an
unread answer, an idle connection. Where the share is used up, whoever has waited longest without a request makes room
for a newcomer, and a few places beyond it are kept for `GET /health`.
"""

from __future__ import annotations

import asyncio
import errno
import socket
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from aiohttp import web
from aiohttp.http_exceptions import LineTooLong

from altmonitor.core.clock import Clock
from altmonitor.web.refusals import SECURITY_HEADERS, HttpRefusal, RefusalLog, error_response
from altmonitor.web.sockets import (
    NewcomerRate,
    address_of,
    bound_unread,
    descriptor_limit,
    is_probe,
    listen,
    peek,
    turn_away,
)

LOOK_EVERY_S = 1.0
NO_DESCRIPTOR_PAUSE_S = 1.0
KERNEL_LATER_S = 15.0
"""The kernel gives up a peer that takes nothing so long after us: what it cuts is counted by nobody."""
UNDECIDED_MAX = 128
UNDECIDED_S = 0.1
"""So many newcomers at once are looked at again after this, or sooner; they hold nothing but a descriptor."""

_NO_RESOURCE = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """connections: at most, fewer where the process may open few files; per_address: of these for one client address.
    reserved: beyond them, for `/health` alone. streams: event streams among them. new_per_s: connections a second, on
    average; probes_per_s: the same for those that ask for `/health` when all places are taken.
    descriptors_kept: file descriptors clients never get, for market data, Telegram and the database.

    request_s: until a request is complete; idle_s: between two of one connection; body_s: until a body has come;
    write_s: until the client has taken what it was sent. line_bytes, field_bytes, fields, body_bytes: of a request.
    """

    connections: int = 320
    per_address: int = 240
    streams: int = 200
    reserved: int = 8
    new_per_s: float = 300.0
    probes_per_s: float = 100.0
    descriptors_kept: int = 128
    request_s: float = 10.0
    idle_s: float = 30.0
    body_s: float = 10.0
    write_s: float = 15.0
    line_bytes: int = 4_096
    field_bytes: int = 8_190
    fields: int = 64
    body_bytes: int = 8_192


class Connection(web.RequestHandler):
    """One client.

    waiting_s: since when (monotonic seconds) it owes a whole request; None while one is answered. has_begun: a part of
    that request has come. when_lost: called once when the client is gone.
    """

    __slots__ = (
        "_connections",
        "_is_cut",
        "_socket_transport",
        "address",
        "has_begun",
        "is_reserved",
        "waiting_s",
        "when_lost",
    )

    def __init__(self, connections: Connections, server: web.Server, *, address: str, is_reserved: bool) -> None:
        limits = connections.limits
        super().__init__(
            server,
            loop=asyncio.get_running_loop(),
            access_log=None,  # type: ignore[arg-type]
            keepalive_timeout=86_400,  # `Connections` closes what is idle, sooner and on its own clock
            lingering_time=0,
            max_line_size=limits.line_bytes,
            max_field_size=limits.field_bytes,
            max_headers=limits.fields,
            read_bufsize=limits.body_bytes,
        )
        self._connections = connections
        self._socket_transport: asyncio.Transport | None = None
        self.address = address
        self.is_reserved = is_reserved
        self.has_begun = True  # who connects is expected to ask soon
        self.waiting_s: float | None = connections.clock.monotonic()
        self.when_lost: Callable[[], None] | None = None
        self._is_cut = False

    def begin(self) -> None:
        """A whole request is there and will be answered."""
        self.waiting_s = None

    def begin_refusal(self) -> None:
        """A whole request is there and will be refused after a while: until then newcomers come first."""
        self.waiting_s = self._connections.clock.monotonic()
        self.has_begun = False

    def cut(self) -> None:
        """At once, whatever is still to be sent; also one that is only just being made."""
        self._is_cut = True
        if self._socket_transport is not None:
            self._socket_transport.abort()

    # --- asyncio and aiohttp call these --------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 — for the type checker
        transport.set_write_buffer_limits(high=0)  # so that "drained" means: the kernel has taken all of it
        self._socket_transport = transport
        super().connection_made(transport)
        if self._is_cut:
            transport.abort()

    def connection_lost(self, exc: BaseException | None) -> None:
        self._connections.left(self)
        when_lost, self.when_lost = self.when_lost, None
        if when_lost is not None:
            when_lost()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if data:
            self.has_begun = True
        super().data_received(data)

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Raises ConnectionError for a client that does not read its answer."""
        if self.is_reserved:
            resp.force_close()
        if isinstance(resp, web.HTTPException):  # raised before any of our code was asked
            resp = error_response(resp.status, resp.reason)
        try:
            async with self._connections.clock.timeout(self._connections.limits.write_s):
                return await super().finish_response(request, resp, start_time)
        except TimeoutError as problem:
            self.give_up_reader()
            raise ConnectionResetError("the answer was not read") from problem
        finally:
            self.has_begun = False
            self.waiting_s = self._connections.clock.monotonic()

    def give_up_reader(self) -> None:
        """It did not take what was sent to it in time."""
        self._connections.refusals.record(HttpRefusal.SLOW_READER, self.address)
        self.cut()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """For what is no request (400), and for what no handler caught. Raises ConnectionError in the middle of an
        answer."""
        if self._socket_transport is None or self._socket_transport.is_closing():
            raise ConnectionResetError("the client has left") from exc
        refusals = self._connections.refusals
        if status == 400:
            is_large = isinstance(exc, LineTooLong)
            refusals.record(HttpRefusal.TOO_LARGE if is_large else HttpRefusal.MALFORMED, self.address)
            status, message = (431, "line or header too long") if is_large else (400, "this is no HTTP request")
        else:
            message = "internal error, see the log"
            if exc is not None:
                refusals.record_internal_error("an HTTP request", exc)
        if request.writer.output_size > 0:
            raise ConnectionResetError("a part of the answer was sent already")
        response = error_response(status, message)
        response.headers.update(SECURITY_HEADERS)
        response.force_close()
        return response

    def log_exception(self, *args: object, **kw: object) -> None:
        """For what the library did not expect."""
        problem = kw.get("exc_info")
        self._connections.refusals.record_internal_error(
            "an HTTP connection", problem if isinstance(problem, BaseException) else RuntimeError(str(args[:1]))
        )


class Connections:
    """Between `start` and `stop` it accepts clients for `server`.

    One is taken from the kernel at a time and decided on before the next: a flood never holds more descriptors than
    the limits say, and never keeps the loop from anything else for longer than one connection takes.
    """

    def __init__(self, limits: Limits, *, clock: Clock, refusals: RefusalLog) -> None:
        self.limits = limits
        self.clock = clock
        self.refusals = refusals
        descriptors = descriptor_limit()
        self._descriptors_for_clients = descriptors - min(limits.descriptors_kept, descriptors // 2)
        self._most = min(limits.connections, self._descriptors_for_clients)
        self._open: set[Connection] = set()
        self._by_address: Counter[str] = Counter()
        self._newcomers = NewcomerRate(limits.new_per_s, clock)
        self._probes = NewcomerRate(limits.probes_per_s, clock)
        self._listeners: list[socket.socket] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._undecided_most = min(UNDECIDED_MAX, descriptors // 8)
        self._undecided: dict[asyncio.Task[None], asyncio.Event] = {}  # who came first stands first
        self._hurried: set[asyncio.Task[None]] = set()
        self._server: web.Server | None = None

    @property
    def count(self) -> int:
        return len(self._open)

    @property
    def streams_max(self) -> int:
        """Streams last, so they must leave places for what is asked and answered."""
        return min(self.limits.streams, self._most * 3 // 4)

    async def start(self, server: web.Server, *, host: str, port: int) -> int:
        """Returns the port, the first one if `host` has several addresses. Raises OSError."""
        self._server = server
        self._listeners = await listen(host, port)
        for listener in self._listeners:
            self._tasks.append(asyncio.create_task(self._accept_from(listener), name="http-accept"))
        self._tasks.append(asyncio.create_task(self._watch(), name="http-time-outs"))
        return int(self._listeners[0].getsockname()[1])

    async def stop(self) -> None:
        """Nobody new; those who are there are left to the server's own end."""
        tasks, self._tasks = [*self._tasks, *self._undecided, *self._hurried], []
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        while self._listeners:
            self._listeners.pop().close()
        self.refusals.write_line(is_last=True)

    def left(self, connection: Connection) -> None:
        if connection in self._open:
            self._open.remove(connection)
            self._by_address[connection.address] -= 1
            if not self._by_address[connection.address]:
                del self._by_address[connection.address]

    # --- accepting -----------------------------------------------------------------------------------------------

    async def _accept_from(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                client, peer = await loop.sock_accept(listener)
            except OSError as problem:
                if problem.errno in _NO_RESOURCE:
                    self.refusals.record(HttpRefusal.NO_DESCRIPTOR)
                    await self.clock.sleep(NO_DESCRIPTOR_PAUSE_S)
                else:  # that client is gone already
                    await asyncio.sleep(0)
                continue
            with self._closing_what_fails(client):
                await self._take(client, address_of(peer))
            await asyncio.sleep(0)  # accepting never waits while somebody stands in the queue; everything else must run

    async def _take(self, client: socket.socket, address: str) -> None:
        """Raises OSError when the client is gone."""
        if not self._is_full(client, address) and self._newcomers.take():
            await self._open_for(client, address, is_reserved=False)
        elif client.fileno() < self._descriptors_for_clients + self._undecided_most and not peek(client):
            self._decide_soon(client, address)
        else:
            await self._decide(client, address)

    def _decide_soon(self, client: socket.socket, address: str) -> None:
        """What it asks for decides, and its first bytes need a moment to come: less of one, the more others wait."""
        hurry = asyncio.Event()
        deciding = asyncio.create_task(self._decide_later(client, address, hurry), name="http-newcomer")
        self._undecided[deciding] = hurry
        deciding.add_done_callback(lambda done: self._undecided.pop(done, None))
        if len(self._undecided) > self._undecided_most:
            longest = next(iter(self._undecided))
            self._undecided.pop(longest).set()
            self._hurried.add(longest)
            longest.add_done_callback(self._hurried.discard)

    async def _decide_later(self, client: socket.socket, address: str, hurry: asyncio.Event) -> None:
        with self._closing_what_fails(client):
            with suppress(TimeoutError):
                async with self.clock.timeout(UNDECIDED_S):
                    await hurry.wait()
            await self._decide(client, address)

    @contextmanager
    def _closing_what_fails(self, client: socket.socket) -> Iterator[None]:
        """One client must not end the accepting of all others."""
        try:
            yield
        except OSError:  # it has left
            client.close()
        except Exception as problem:
            client.close()
            self.refusals.record_internal_error("accepting an HTTP connection", problem)
        except BaseException:
            client.close()
            raise

    async def _decide(self, client: socket.socket, address: str) -> None:
        """For a newcomer when all places are taken, or when too many come at once. Raises OSError when it is gone."""
        head = peek(client)
        is_full = self._is_full(client, address)
        if is_probe(head):
            if self._probes.take() and self._has_reserved(makes_room=True):
                await self._open_for(client, address, is_reserved=True)
                return
        elif self._newcomers.take():
            if not is_full or self._make_room(self._rivals(client, address)):
                await self._open_for(client, address, is_reserved=False)
                return
            if not head and self._has_reserved(makes_room=False):
                await self._open_for(client, address, is_reserved=True)
                return
        self.refusals.record(HttpRefusal.NO_FREE_CONNECTION if is_full else HttpRefusal.CONNECTING_TOO_FAST, address)
        turn_away(client)

    def _has_reserved(self, *, makes_room: bool) -> bool:
        reserved = [one for one in self._open if one.is_reserved]
        return len(reserved) < self.limits.reserved or (makes_room and self._make_room(reserved))

    def _is_full(self, client: socket.socket, address: str) -> bool:
        return self._is_crowded(client) or self._by_address[address] >= self.limits.per_address

    def _is_crowded(self, client: socket.socket) -> bool:
        """For everybody. A descriptor is the lowest that is free, so its number says how many are in use."""
        return self.count >= self._most or client.fileno() >= self._descriptors_for_clients

    def _rivals(self, client: socket.socket, address: str) -> list[Connection]:
        """Whose place the client could have: anybody's, or one of its own address where that has its share."""
        is_anybodys = self._is_crowded(client) and self._by_address[address] < self.limits.per_address
        return [one for one in self._open if not one.is_reserved and (is_anybodys or one.address == address)]

    async def _open_for(self, client: socket.socket, address: str, *, is_reserved: bool) -> None:
        assert self._server is not None  # noqa: S101 — set by `start`
        bound_unread(client, self.limits.write_s + KERNEL_LATER_S)
        connection = Connection(self, self._server, address=address, is_reserved=is_reserved)
        self._open.add(connection)
        self._by_address[address] += 1
        try:
            await asyncio.get_running_loop().connect_accepted_socket(lambda: connection, client)
        except BaseException:
            self.left(connection)
            raise

    def _make_room(self, among: list[Connection]) -> bool:
        """Cuts off who has waited longest without a whole request. False: all of them are being answered."""
        waiting = [(one.waiting_s, one) for one in among if one.waiting_s is not None]
        if not waiting:
            return False
        _, longest = min(waiting, key=lambda pair: pair[0])
        self.refusals.record(HttpRefusal.IDLE_FOR_NEWCOMER, longest.address)
        self.left(longest)
        longest.cut()
        return True

    # --- time limits ---------------------------------------------------------------------------------------------

    async def _watch(self) -> None:
        while True:
            await self.clock.sleep(LOOK_EVERY_S)
            self.refusals.write_line()
            now_s = self.clock.monotonic()
            for connection in list(self._open):
                if connection.waiting_s is None:
                    continue
                waited_s = now_s - connection.waiting_s
                if waited_s > (self.limits.request_s if connection.has_begun else self.limits.idle_s):
                    if connection.has_begun:
                        self.refusals.record(HttpRefusal.SLOW_REQUEST, connection.address)
                    connection.cut()
