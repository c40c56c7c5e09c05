"""`GET /api/stream`: every alert as it is stored, as server-sent events.

An event's id is `<stream>-<alert id>`; the first part belongs to the database. A listener that comes back with an id
of this stream gets what it missed. One whose id cannot be followed (the database was replaced since, or the number is
above all that is stored) is told so by an event `reset` and gets what is there.
"""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
import socket
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import msgspec
from aiohttp import web

from altmonitor.core.alert import Alert, event_key
from altmonitor.core.clock import Clock
from altmonitor.interfaces.storage import AlertQueries, MetaStore
from altmonitor.web.connections import Connection

log = logging.getLogger(__name__)

MOST_WAITING = 1_000
"""A listener that is so far behind is let go; with its Last-Event-ID it gets what it missed when it comes back."""
SIGN_OF_LIFE_S = 15.0
CAUGHT_UP_MAX = 1_000
EVENTS_REMEMBERED = 2_000
"""A chat with thresholds of its own may be told an event a minute after the first."""
RETRY_MS = 3_000
SOCKET_BUFFER_BYTES = 32_768
"""What the kernel holds for one listener: the smaller, the sooner one that does not read is found."""

_HEADERS = {"Content-Type": "text/event-stream; charset=utf-8", "X-Accel-Buffering": "no"}

STREAM_NAME = "web.stream"
_LAST_EVENT_ID = re.compile(r"(?:([0-9a-f]{8})-)?([0-9]{1,15})", re.ASCII)


@dataclass(frozen=True, slots=True)
class _Event:
    """alert_id: 0 where alerts are not numbered. frame: encoded once for all listeners."""

    alert_id: int
    frame: bytes


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a listener goes on: after these, oldest → newest. reset: why that is not what it asked for."""

    missed: Sequence[_Event] = ()
    reset: str = ""


async def stored_stream_name(memory: MetaStore) -> str:
    """Eight hexadecimal digits, made once per database. Raises StorageError."""
    name = await memory.meta_get(STREAM_NAME)
    if name is None or not re.fullmatch(r"[0-9a-f]{8}", name):
        name = secrets.token_hex(4)
        await memory.meta_set(STREAM_NAME, name)
    return name


class LiveAlerts:
    """`publish` is synchronous and never waits.

    history: what a listener missed is read from; None: from nowhere. name: of the stream, `stored_stream_name`.
    """

    def __init__(self, clock: Clock, history: AlertQueries | None = None) -> None:
        self._clock = clock
        self.history = history
        self.name = secrets.token_hex(4)
        self._listeners: set[asyncio.Queue[_Event | None]] = set()
        self._published = 0
        self._reading = asyncio.Lock()
        self._stored: Sequence[_Event] = ()
        self._stored_at = -1  # `_published` when they were read
        self._events: dict[str, None] = {}

    @property
    def listeners(self) -> int:
        return len(self._listeners)

    def publish(self, alert: Alert) -> None:
        """An event of the market is published once, with the first of its alerts, like in the history."""
        key = event_key(alert.key)
        is_first = key not in self._events
        self._events[key] = None
        if len(self._events) > EVENTS_REMEMBERED:
            del self._events[next(iter(self._events))]
        if not is_first:
            return
        self._published += 1
        self._stored = ()
        if not self._listeners:
            return
        event = self._event(alert)
        for queue in list(self._listeners):
            try:
                queue.put_nowait(event)
            except asyncio.QueueFull:
                self._let_go(queue)
                log.debug("a listener of /api/stream was %d alerts behind and was let go", MOST_WAITING)

    def end(self) -> None:
        """Every listener's answer ends."""
        for queue in list(self._listeners):
            self._let_go(queue)

    async def answer(self, request: web.Request, *, write_s: float) -> web.StreamResponse:
        """Until the listener leaves, falls too far behind, does not read for `write_s`, or `end` is called."""
        connection = request.protocol
        assert isinstance(connection, Connection)  # noqa: S101 — for the type checker
        queue: asyncio.Queue[_Event | None] = asyncio.Queue(MOST_WAITING)
        self._listeners.add(queue)
        connection.when_lost = lambda: self._let_go(queue)
        response = web.StreamResponse(headers=_HEADERS)
        _bound_socket_buffer(request)
        try:
            place = await self._place(request.headers.get("Last-Event-ID", ""))
            writer = _EventWriter(request, response, clock=self._clock, write_s=write_s)
            await writer.prepare()
            await writer.send(f"retry: {RETRY_MS}\n\n".encode())
            if place.reset:
                await writer.send(b"event: reset\ndata: " + msgspec.json.encode({"reason": place.reset}) + b"\n\n")
            for event in place.missed:
                await writer.send(event.frame)
            await self._follow(writer, queue, after_id=place.missed[-1].alert_id if place.missed else 0)
        except TimeoutError:
            connection.give_up_reader()
        except ConnectionError:
            log.debug("a listener of /api/stream left")
        finally:
            connection.when_lost = None
            self._listeners.discard(queue)
        return response

    async def _place(self, last_event_id: str) -> _Place:
        seen = _LAST_EVENT_ID.fullmatch(last_event_id.strip())
        if seen is None or self.history is None:
            return _Place()
        stored = await self._read_stored(self.history)
        name, last_id = seen[1], int(seen[2])
        if name is not None and name != self.name:
            return _Place(stored, reset="the database was replaced since; this is what it holds")
        if name is None and last_id > (stored[-1].alert_id if stored else 0):
            return _Place(stored, reset=f"nothing with the number {last_id} is stored; this is what is there")
        return _Place([event for event in stored if event.alert_id > last_id])

    async def _read_stored(self, history: AlertQueries) -> Sequence[_Event]:
        """By number. Listeners that come back together (after a restart) cost one reading: what was published before
        it began is in it, what is published from then on stands in their queues."""
        async with self._reading:
            if self._stored_at != self._published:
                began_at = self._published
                rows = await history.recent(limit=CAUGHT_UP_MAX)
                alerts = sorted((row.alert for row in rows if row.alert.id is not None), key=_number)
                self._stored, self._stored_at = [self._event(alert) for alert in alerts], began_at
            return self._stored

    async def _follow(self, writer: _EventWriter, queue: asyncio.Queue[_Event | None], *, after_id: int) -> None:
        """after_id: what was sent already may stand in the queue too."""
        while True:
            event: _Event | None = None
            try:
                async with self._clock.timeout(SIGN_OF_LIFE_S):
                    event = await queue.get()
            except TimeoutError:
                await writer.send(b": still here\n\n")
                continue
            if event is None:
                return
            if not event.alert_id or event.alert_id > after_id:
                await writer.send(event.frame)

    def _event(self, alert: Alert) -> _Event:
        """JSON of one line never holds a line break, so one `data:` is enough."""
        head = "" if alert.id is None else f"id: {self.name}-{alert.id}\n"
        frame = f"{head}event: alert\ndata: ".encode() + msgspec.json.encode(alert) + b"\n\n"
        return _Event(_number(alert), frame)

    def _let_go(self, queue: asyncio.Queue[_Event | None]) -> None:
        self._listeners.discard(queue)
        with suppress(asyncio.QueueEmpty):
            while queue.full():
                queue.get_nowait()
        queue.put_nowait(None)


class _EventWriter:
    """What is sent must be taken by the client's kernel within `write_s`, else `send` raises TimeoutError."""

    def __init__(self, request: web.Request, response: web.StreamResponse, *, clock: Clock, write_s: float) -> None:
        self._request = request
        self._response = response
        self._clock = clock
        self._write_s = write_s

    async def prepare(self) -> None:
        async with self._clock.timeout(self._write_s):
            await self._response.prepare(self._request)

    async def send(self, data: bytes) -> None:
        async with self._clock.timeout(self._write_s):
            await self._response.write(data)
            await self._request.writer.drain()


def _number(alert: Alert) -> int:
    return alert.id or 0


def _bound_socket_buffer(request: web.Request) -> None:
    client = None if request.transport is None else request.transport.get_extra_info("socket")
    if client is not None:
        with suppress(OSError):
            client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SOCKET_BUFFER_BYTES)
