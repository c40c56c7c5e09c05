"""What one process wants to reach another through the database: queued here, stored in order, its end heard."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from contextlib import suppress

from altmonitor.core.backoff import Backoff
from altmonitor.core.clock import Clock
from altmonitor.core.errors import StorageError
from altmonitor.core.types import Destination
from altmonitor.interfaces.cluster import Post, PostBox, PostEnd

log = logging.getLogger(__name__)

MOST_WAITING = 10_000
ENDS_EVERY_S = 0.5
OnEnd = Callable[[PostEnd], None]


class PostQueue:
    """Every method but `run` is synchronous and bounded."""

    def __init__(self, box: PostBox, *, clock: Clock, on_posted: Callable[[], None] = lambda: None) -> None:
        """on_posted: something is in the box that was not."""
        self._box = box
        self._clock = clock
        self._on_posted = on_posted
        self._queue: deque[tuple[Post, OnEnd | None]] = deque()
        self._asked: dict[int, OnEnd] = {}
        self._news = asyncio.Event()
        self._dropped = 0  # since the database answered last

    @property
    def waiting(self) -> int:
        """Posts that are not stored yet."""
        return len(self._queue)

    async def run(self) -> None:
        """Until cancelled. What cannot be stored is tried again, in order."""
        backoff = Backoff(first_s=0.1, longest_s=5.0)
        while True:
            if not self._queue:
                with suppress(TimeoutError):
                    async with self._clock.timeout(ENDS_EVERY_S if self._asked else None):
                        await self._news.wait()
            self._news.clear()
            try:
                await self._store()
                await self._look_for_ends()
            except StorageError as problem:
                log.warning("what is to be told another process cannot be stored, trying again: %s", problem)
                await self._clock.sleep(backoff.next_s())
            else:
                backoff.reset()

    async def _store(self) -> None:
        while self._queue:
            waiting = list(self._queue)[:500]
            ids = await self._box.put([post for post, _ in waiting])
            for (_, on_end), post_id in zip(waiting, ids, strict=True):
                self._queue.popleft()
                if on_end is not None:
                    self._asked[post_id] = on_end
            self._on_posted()
        if self._dropped:
            log.error("the database takes again what is to be told another process; %d were dropped", self._dropped)
            self._dropped = 0
        while len(self._asked) > MOST_WAITING:
            del self._asked[next(iter(self._asked))]

    async def _look_for_ends(self) -> None:
        if self._asked:
            for post_id, end in (await self._box.ended(list(self._asked))).items():
                self._asked.pop(post_id)(end)

    def _put(
        self, destination: Destination | None, body: bytes, *, on_end: OnEnd | None = None, to_feed: bool = False
    ) -> None:
        if len(self._queue) >= MOST_WAITING:
            if not self._dropped:
                log.error("what is to be told another process is dropped: %d wait already", MOST_WAITING)
            self._dropped += 1
            return
        post = Post(destination=destination, body=body, created_ms=self._clock.now_ms(), to_feed=to_feed)
        self._queue.append((post, on_end))
        self._news.set()
