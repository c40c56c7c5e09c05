"""`GET /api/stream`: every alert as it is stored, as server-sent events."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress

import msgspec
from aiohttp import web

from altmonitor.core.alert import Alert
from altmonitor.core.clock import Clock
from altmonitor.interfaces.storage import AlertQueries

log = logging.getLogger(__name__)

MOST_LISTENERS = 32
MOST_WAITING = 1_000
"""A listener that is so far behind is let go; with its Last-Event-ID it gets what it missed when it comes back."""
SIGN_OF_LIFE_S = 15.0
CAUGHT_UP_MAX = 1_000
RETRY_MS = 3_000


class LiveAlerts:
    """`publish` is synchronous and never waits. history: what a listener missed is read from; None: from nowhere."""

    def __init__(self, clock: Clock, history: AlertQueries | None = None) -> None:
        self._clock = clock
        self.history = history
        self._listeners: set[asyncio.Queue[Alert | None]] = set()

    @property
    def listeners(self) -> int:
        return len(self._listeners)

    def publish(self, alert: Alert) -> None:
        for queue in list(self._listeners):
            try:
                queue.put_nowait(alert)
            except asyncio.QueueFull:
                self._let_go(queue)
                log.warning("a listener of /api/stream was %d alerts behind and was let go", MOST_WAITING)

    def end(self) -> None:
        """Every listener's answer ends."""
        for queue in list(self._listeners):
            self._let_go(queue)

    async def answer(self, request: web.Request, headers: dict[str, str]) -> web.StreamResponse:
        """Until the listener leaves, falls too far behind, or `end` is called."""
        if len(self._listeners) >= MOST_LISTENERS:
            raise web.HTTPServiceUnavailable(reason=f"{MOST_LISTENERS} listeners already")
        last_id = _last_id(request.headers.get("Last-Event-ID", ""))
        queue: asyncio.Queue[Alert | None] = asyncio.Queue(MOST_WAITING)
        self._listeners.add(queue)
        response = web.StreamResponse(headers={**headers, "Content-Type": "text/event-stream; charset=utf-8"})
        try:
            await response.prepare(request)
            await response.write(f"retry: {RETRY_MS}\n\n".encode())
            last_id = await self._catch_up(response, last_id)
            await self._follow(response, queue, last_id)
        except ConnectionError:
            log.debug("a listener of /api/stream left")
        finally:
            self._listeners.discard(queue)
        return response

    async def _catch_up(self, response: web.StreamResponse, last_id: int | None) -> int:
        """What was stored since the event the listener saw last; returns the newest id it knows now."""
        if last_id is None or self.history is None:
            return last_id or 0
        rows = await self.history.recent(limit=CAUGHT_UP_MAX)
        missed = sorted((row.alert for row in rows if (row.alert.id or 0) > last_id), key=lambda alert: alert.id or 0)
        for alert in missed:
            await response.write(_event(alert))
            last_id = alert.id or last_id
        return last_id

    async def _follow(self, response: web.StreamResponse, queue: asyncio.Queue[Alert | None], last_id: int) -> None:
        while True:
            alert: Alert | None = None
            try:
                async with self._clock.timeout(SIGN_OF_LIFE_S):
                    alert = await queue.get()
            except TimeoutError:
                await response.write(b": still here\n\n")
                continue
            if alert is None:
                return
            if alert.id is None or alert.id > last_id:
                await response.write(_event(alert))

    def _let_go(self, queue: asyncio.Queue[Alert | None]) -> None:
        self._listeners.discard(queue)
        with suppress(asyncio.QueueEmpty):
            while queue.full():
                queue.get_nowait()
        queue.put_nowait(None)


def _event(alert: Alert) -> bytes:
    """JSON of one line never holds a line break, so one `data:` is enough."""
    head = "" if alert.id is None else f"id: {alert.id}\n"
    return f"{head}event: alert\ndata: ".encode() + msgspec.json.encode(alert) + b"\n\n"


def _last_id(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 15 else None
