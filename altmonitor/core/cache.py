"""Answers kept for a while; concurrent misses of one key make one request."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from altmonitor.core.clock import Clock

K = TypeVar("K")
V = TypeVar("V")


class _Slot(Generic[V]):
    """ended: fetches that came to an end, well or not; failure: of the last one, None when it went well."""

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.answer: tuple[float, V] | None = None
        self.failure: Exception | None = None
        self.ended = 0


class Cache(Generic[K, V]):
    """ttl_s: how long an answer is good. capacity: keys kept; the oldest leave first.

    No task of its own: whoever comes first asks, the others wait for the same answer or the same failure. When the
    one who asks is cancelled, the next in line asks.
    """

    def __init__(self, *, clock: Clock, ttl_s: float, capacity: int = 2_000) -> None:
        self._clock = clock
        self._ttl_s = ttl_s
        self._capacity = capacity
        self._slots: dict[K, _Slot[V]] = {}

    async def get(self, key: K, fetch: Callable[[], Awaitable[V]], *, is_fresh: bool = False) -> V:
        """is_fresh: only an answer that comes after this call will do, never a kept one.

        Raises: what `fetch` raises; a failure is shared with those who waited for it and then forgotten.
        """
        slot = self._slots.get(key)
        if slot is None:
            self._make_room()
            slot = self._slots[key] = _Slot()
        if is_fresh or not self._is_good(slot):
            arrived_at = slot.ended
            async with slot.lock:
                if slot.ended == arrived_at:
                    await self._ask(slot, fetch)
                elif slot.failure is not None:
                    raise slot.failure
        assert slot.answer is not None  # noqa: S101 - set by _ask, which raises otherwise
        return slot.answer[1]

    def kept(self, key: K, *, within_s: float) -> V | None:
        """The last answer of this key while it is younger than this, however short the time it is good for."""
        slot = self._slots.get(key)
        if slot is None or slot.answer is None or self._clock.monotonic() - slot.answer[0] >= within_s:
            return None
        return slot.answer[1]

    def _is_good(self, slot: _Slot[V]) -> bool:
        return slot.answer is not None and self._clock.monotonic() - slot.answer[0] < self._ttl_s

    async def _ask(self, slot: _Slot[V], fetch: Callable[[], Awaitable[V]]) -> None:
        try:
            answer = await fetch()
        except Exception as problem:
            slot.failure = problem
            slot.ended += 1
            raise
        slot.answer, slot.failure = (self._clock.monotonic(), answer), None
        slot.ended += 1

    def _make_room(self) -> None:
        if len(self._slots) < self._capacity:
            return
        for key, slot in list(self._slots.items()):  # insertion order: oldest first
            if not slot.lock.locked():
                del self._slots[key]
                return
