"""Answers kept for a while; concurrent misses of one key make one request."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from altmonitor.clock import Clock

K = TypeVar("K")
V = TypeVar("V")


class _Slot(Generic[V]):
    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.answer: tuple[float, V] | None = None
        self.failure: tuple[float, Exception] | None = None


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

    async def get(self, key: K, fetch: Callable[[], Awaitable[V]]) -> V:
        """Raises: what `fetch` raises; a failure is shared with those who waited for it and then forgotten."""
        slot = self._slots.get(key)
        if slot is None:
            self._make_room()
            slot = self._slots[key] = _Slot()
        arrived_s = self._clock.monotonic()
        if slot.answer is None or arrived_s - slot.answer[0] >= self._ttl_s:
            async with slot.lock:
                await self._ask(slot, fetch, arrived_s)
        assert slot.answer is not None  # noqa: S101 - set by _ask, which raises otherwise
        return slot.answer[1]

    async def _ask(self, slot: _Slot[V], fetch: Callable[[], Awaitable[V]], arrived_s: float) -> None:
        if slot.answer is not None and self._clock.monotonic() - slot.answer[0] < self._ttl_s:
            return
        if slot.failure is not None and slot.failure[0] >= arrived_s:
            raise slot.failure[1]
        try:
            answer = await fetch()
        except Exception as problem:
            slot.failure = (self._clock.monotonic(), problem)
            raise
        slot.answer, slot.failure = (self._clock.monotonic(), answer), None

    def _make_room(self) -> None:
        if len(self._slots) < self._capacity:
            return
        for key, slot in list(self._slots.items()):  # insertion order: oldest first
            if not slot.lock.locked():
                del self._slots[key]
                return
