"""`GET /api/stream`: what happens, as server-sent events.

`alert`: every alert as it is stored. `update`: one that was sent before has learned more (the whole candle's volume,
open interest, ratios); its `id` and `key` stand in the data. `health`: the body of `/health`, at every change and every
ten seconds, so that a page notices by itself when a stream is frozen. `market`, only for who asks with `?market=`: once
a second the rows of the market table that changed, with `&venue=` of that exchange.

An alert's event id is `<stream>-<alert id>`; the first part belongs to the database. A listener that comes back with an
id of this stream gets what it missed, and what was learned of the last ten minutes' alerts. One whose id cannot be
followed (the database was replaced since, or the number is above all that is stored) is told so by an event `reset` and
gets what is there.
"""

from __future__ import annotations

import asyncio
import logging
import math
import re
import secrets
import socket
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Annotated

import msgspec
from aiohttp import web

from altmonitor.core.alert import Alert, event_key
from altmonitor.core.clock import Clock, speed_of
from altmonitor.core.errors import StorageError
from altmonitor.core.health import Health, as_json
from altmonitor.core.types import Venue
from altmonitor.interfaces.storage import AlertQueries, MetaStore
from altmonitor.operations.arguments import read_arguments
from altmonitor.operations.board import MarketBoard
from altmonitor.operations.errors import BadArgument
from altmonitor.operations.symbols import VenueWord
from altmonitor.web.connections import Connection
from altmonitor.web.market_deltas import MarketDeltas
from altmonitor.web.stored_health import StoredHealth

log = logging.getLogger(__name__)

MOST_WAITING = 1_000
"""A listener that is so far behind is let go; with its Last-Event-ID it gets what it missed when it comes back."""
MARKET_WAITING = 5
"""Whoever has so many events in front of it gets no market rows until it has caught up."""
TOLD_AT_ONCE = 8
TOLD_PAUSE_S = 0.02
SIGN_OF_LIFE_S = 15.0
TICK_S = 1.0
HEALTH_EVERY_S = 10.0
LEARNED_WITHIN_S = 600.0
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
    """Where a listener goes on: after `missed`, oldest → newest; of `learned` it was told, and more may be known since.
    reset: why that is not what it asked for."""

    missed: Sequence[Alert] = ()
    learned: Sequence[Alert] = ()
    reset: str = ""


class StreamArguments(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """market: as_of_ms of the market table that is known; 0: none, all rows come first. venue: of which exchange; the
    first of VENUES without it."""

    market: (
        Annotated[
            int,
            msgspec.Meta(ge=0, le=10**15, description="Rows that changed since the table of this as_of_ms; 0: all."),
        ]
        | None
    ) = None
    venue: VenueWord | None = None


async def stored_stream_name(memory: MetaStore) -> str:
    """Eight hexadecimal digits, made once per database. Raises StorageError."""
    name = await memory.meta_get(STREAM_NAME)
    if name is None or not re.fullmatch(r"[0-9a-f]{8}", name):
        name = secrets.token_hex(4)
        await memory.meta_set(STREAM_NAME, name)
    return name


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamSources:
    """What is told beside new alerts. alerts_of: stored alerts by key. boards: the market of each exchange, the main
    one first; none where no monitor runs."""

    health: Callable[[], Health | StoredHealth]
    alerts_of: Callable[[Collection[str]], Awaitable[Mapping[str, Alert]]]
    boards: Mapping[Venue, MarketBoard] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(slots=True, eq=False)
class _StreamListener:
    """queue: None in it ends the answer. market_ms: as of which table it knows the market; None: it does not ask.
    venue: whose market."""

    queue: asyncio.Queue[_Event | None]
    market_ms: int | None
    venue: Venue | None


class EventStream:
    """`publish` and `refresh` are synchronous and never wait; `run` sends what is looked at once a second.

    history: what a listener missed is read from; None: from nowhere. name: of the stream, `stored_stream_name`.
    sources: may be set until `run`; without them there are only alerts.
    """

    def __init__(self, clock: Clock, history: AlertQueries | None = None) -> None:
        self._clock = clock
        self.history = history
        self.name = secrets.token_hex(4)
        self.sources: StreamSources | None = None
        self._deltas: dict[Venue, MarketDeltas] = {}
        self._listeners: set[_StreamListener] = set()
        self._published = 0
        self._reading = asyncio.Lock()
        self._stored: Sequence[Alert] = ()
        self._stored_at = -1  # `_published` when they were read
        self._events: dict[str, str] = {}
        self._learned: dict[str, None] = {}
        self._health_told: tuple[object, ...] | None = None
        self._health_s = -math.inf

    @property
    def listeners(self) -> int:
        return len(self._listeners)

    def publish(self, alert: Alert) -> None:
        """An event of the market is published once, with the first of its alerts, like in the history."""
        key = event_key(alert.key)
        is_first = key not in self._events
        self._events.setdefault(key, alert.key)
        if len(self._events) > EVENTS_REMEMBERED:
            del self._events[next(iter(self._events))]
        if not is_first:
            return
        self._published += 1
        self._stored = ()
        if self._listeners:
            self._put(_Event(alert.id or 0, self._alert_frame(alert)))

    def refresh(self, alert_key: str) -> None:
        """More is known about the alert with this key."""
        published = self._events.get(event_key(alert_key), event_key(alert_key))
        if self._listeners and alert_key == published:
            self._learned[alert_key] = None

    def end(self) -> None:
        """Every listener's answer ends."""
        for listener in list(self._listeners):
            self._let_go(listener)

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._clock.sleep(TICK_S * speed_of(self._clock))
            if self._listeners and self.sources is not None:
                await self.tick(self.sources)

    async def tick(self, sources: StreamSources) -> None:
        """One look at everything that is not told by itself."""
        await self._tell_learned(sources)
        health = sources.health()
        told = _state(health)
        now_s = self._clock.monotonic()
        if told != self._health_told or now_s - self._health_s >= HEALTH_EVERY_S * speed_of(self._clock):
            self._health_told, self._health_s = told, now_s
            self._put(_Event(0, self._health_frame(health)))
        await self._tell_market(sources)

    async def _tell_learned(self, sources: StreamSources) -> None:
        if not self._learned:
            return
        keys, self._learned = list(self._learned), {}
        self._stored_at = -1
        try:
            found = await sources.alerts_of(keys)
        except StorageError as problem:
            log.warning("what was learned about %d alerts is not streamed: %s", len(keys), problem)
            return
        for key in keys:
            if key in found:
                self._put(_Event(0, _update_frame(found[key])))

    async def _tell_market(self, sources: StreamSources) -> None:
        """A listener that is behind gets no more of it until it has caught up, and then all that changed meanwhile.

        A few at a time: what two hundred are sent in one turn of the loop would hold up every frame of the market.
        """
        for venue in sources.boards:
            asking = [one for one in self._listeners if one.market_ms is not None and one.venue == venue]
            if asking:
                await sources.boards[venue].prepare()
                await self._tell_market_of(asking, self._market(venue, sources.boards[venue]))

    async def _tell_market_of(self, asking: Sequence[_StreamListener], deltas: MarketDeltas) -> None:
        for number, listener in enumerate(asking, start=1):
            since_ms = listener.market_ms or 0
            if since_ms < deltas.as_of_ms and listener.queue.qsize() < MARKET_WAITING and listener in self._listeners:
                listener.market_ms = deltas.as_of_ms
                listener.queue.put_nowait(_Event(0, deltas.frame_since(since_ms)))
            if number % TOLD_AT_ONCE == 0:
                await self._clock.sleep(TOLD_PAUSE_S * speed_of(self._clock))

    def _market(self, venue: Venue, board: MarketBoard) -> MarketDeltas:
        if venue not in self._deltas:
            self._deltas[venue] = MarketDeltas(board.table)
        self._deltas[venue].advance()
        return self._deltas[venue]

    def _asked_venue(self, venue: Venue | None) -> Venue | None:
        """None where no monitor runs. Raises: BadArgument for an exchange that is not watched."""
        boards = {} if self.sources is None else self.sources.boards
        if venue is not None and venue not in boards:
            raise BadArgument(f"{venue} is not watched here; watched: {', '.join(boards) or 'none'} (VENUES)")
        return venue or next(iter(boards), None)

    async def answer(self, request: web.Request, *, write_s: float) -> web.StreamResponse:
        """Until the listener leaves, falls too far behind, does not read for `write_s`, or `end` is called. Raises:
        BadArgument for a query that is none."""
        connection = request.protocol
        assert isinstance(connection, Connection)  # noqa: S101 — for the type checker
        asked = read_arguments(StreamArguments, dict(request.query), is_text=True)
        listener = _StreamListener(asyncio.Queue(MOST_WAITING), asked.market, self._asked_venue(asked.venue))
        self._listeners.add(listener)
        connection.when_lost = lambda: self._let_go(listener)
        response = web.StreamResponse(headers=_HEADERS)
        _bound_socket_buffer(request)
        try:
            place = await self._place(request.headers.get("Last-Event-ID", ""))
            writer = _EventWriter(request, response, clock=self._clock, write_s=write_s)
            await writer.prepare()
            await writer.send(f"retry: {RETRY_MS}\n\n".encode())
            if place.reset:
                await writer.send(b"event: reset\ndata: " + msgspec.json.encode({"reason": place.reset}) + b"\n\n")
            for alert in place.missed:
                await writer.send(self._alert_frame(alert))
            for alert in place.learned:
                await writer.send(_update_frame(alert))
            await self._send_state(writer, listener)
            await self._follow(writer, listener.queue, after_id=_number(place.missed[-1]) if place.missed else 0)
        except TimeoutError:
            connection.give_up_reader()
        except ConnectionError:
            log.debug("a listener of /api/stream left")
        finally:
            connection.when_lost = None
            self._listeners.discard(listener)
        return response

    async def _send_state(self, writer: _EventWriter, listener: _StreamListener) -> None:
        """How things stand now, for who has just come."""
        if self.sources is None:
            return
        await writer.send(self._health_frame(self.sources.health()))
        if listener.market_ms is not None and listener.venue is not None:
            deltas, since_ms = self._market(listener.venue, self.sources.boards[listener.venue]), listener.market_ms
            listener.market_ms = deltas.as_of_ms
            await writer.send(deltas.frame_since(since_ms))

    async def _place(self, last_event_id: str) -> _Place:
        seen = _LAST_EVENT_ID.fullmatch(last_event_id.strip())
        if seen is None or self.history is None:
            return _Place()
        stored = await self._read_stored(self.history)
        name, last_id = seen[1], int(seen[2])
        if name is not None and name != self.name:
            return _Place(stored, reset="the database was replaced since; this is what it holds")
        if name is None and last_id > (_number(stored[-1]) if stored else 0):
            return _Place(stored, reset=f"nothing with the number {last_id} is stored; this is what is there")
        since_s = self._clock.now_ms() / 1000 - LEARNED_WITHIN_S
        return _Place(
            [alert for alert in stored if _number(alert) > last_id],
            [alert for alert in stored if _number(alert) <= last_id and alert.ts >= since_s],
        )

    async def _read_stored(self, history: AlertQueries) -> Sequence[Alert]:
        """By number. Listeners that come back together (after a restart) cost one reading: what was published before
        it began is in it, what is published from then on stands in their queues."""
        async with self._reading:
            if self._stored_at != self._published:
                began_at = self._published
                rows = await history.recent(limit=CAUGHT_UP_MAX)
                self._stored = sorted((row.alert for row in rows if row.alert.id is not None), key=_number)
                self._stored_at = began_at
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

    def _put(self, event: _Event) -> None:
        for listener in list(self._listeners):
            try:
                listener.queue.put_nowait(event)
            except asyncio.QueueFull:
                self._let_go(listener)
                log.debug("a listener of /api/stream was %d events behind and was let go", MOST_WAITING)

    def _alert_frame(self, alert: Alert) -> bytes:
        """JSON of one line never holds a line break, so one `data:` is enough."""
        head = "" if alert.id is None else f"id: {self.name}-{alert.id}\n"
        return f"{head}event: alert\ndata: ".encode() + msgspec.json.encode(alert) + b"\n\n"

    def _health_frame(self, health: Health | StoredHealth) -> bytes:
        data: dict[str, object] = {"at_ms": self._clock.now_ms()}
        if isinstance(health, StoredHealth):
            data |= {"is_blind": None, **msgspec.to_builtins(health)}
        else:
            data |= {"is_blind": health.feed.is_blind, **as_json(health)}
        return b"event: health\ndata: " + msgspec.json.encode(data) + b"\n\n"

    def _let_go(self, listener: _StreamListener) -> None:
        self._listeners.discard(listener)
        with suppress(asyncio.QueueEmpty):
            while listener.queue.full():
                listener.queue.get_nowait()
        listener.queue.put_nowait(None)


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


def _state(health: Health | StoredHealth) -> tuple[object, ...]:
    """What is told at once when it changes."""
    if isinstance(health, StoredHealth):
        return health.status, health.trouble
    return health.status, health.reason_codes, health.feed.is_blind


def _update_frame(alert: Alert) -> bytes:
    """Without an event id: a listener that comes back goes on after the newest alert, not after this one."""
    return b"event: update\ndata: " + msgspec.json.encode(alert) + b"\n\n"


def _bound_socket_buffer(request: web.Request) -> None:
    client = None if request.transport is None else request.transport.get_extra_info("socket")
    if client is not None:
        with suppress(OSError):
            client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SOCKET_BUFFER_BYTES)
