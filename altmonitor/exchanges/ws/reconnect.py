"""How long to wait before the next attempt, and how many attempts there may be at all."""

from __future__ import annotations

import random
from collections import deque
from typing import Final

from altmonitor.core.clock import Clock
from altmonitor.core.errors import HandshakeRefused
from altmonitor.exchanges.binance.endpoints import HANDSHAKE_WINDOW_S, MAX_HANDSHAKES
from altmonitor.exchanges.rest.refusal import LONGEST_BELIEVED_S

_CAP_S: Final = 60.0
_BLOCKED_FLOOR_S: Final = 300.0
_BLOCKED_CAP_S: Final = 3600.0
_ENOUGH: Final = 10  # doublings lead beyond either cap; a thousand would be no float any more
_BLOCKING_STATUSES: Final = frozenset({403, 418, 429, 451})
PROVEN_AFTER_S: Final = 30.0
"""A connection counts as good once data has flowed this long; nothing less resets the back-off."""


class Backoff:
    """1, 2, 4 … 60 s, full jitter, whichever way a connection ended; minutes when the exchange refuses us."""

    def __init__(self, jitter: random.Random) -> None:
        self._jitter = jitter
        self._failures = 0
        self._refusals = 0
        self._floor_s = 0.0

    def on_end(self, *, data_flowed_s: float) -> None:
        if data_flowed_s >= PROVEN_AFTER_S:
            self._failures = self._refusals = 0
        self._failures += 1

    def on_open_failed(self, problem: Exception) -> float:
        """Seconds for which nobody on this address may knock; 0 when we were not refused."""
        self._failures += 1
        if isinstance(problem, HandshakeRefused) and problem.status in _BLOCKING_STATUSES:
            floor_s = min(_BLOCKED_FLOOR_S * 2 ** min(self._refusals, _ENOUGH), _BLOCKED_CAP_S)
            self._floor_s = max(floor_s, min(problem.retry_after_s or 0.0, LONGEST_BELIEVED_S))
            self._refusals += 1
            return self._floor_s
        return 0.0

    def next_delay_s(self) -> float:
        """0 before the first attempt."""
        if not self._failures:
            return 0.0
        floor_s, self._floor_s = self._floor_s, 0.0
        return floor_s + self._jitter.uniform(0, min(_CAP_S, 2.0 ** min(self._failures - 1, _ENOUGH)))


class HandshakeBudget:
    """At most 250 handshakes in 5 minutes over everything that shares it, and none while the exchange refuses us."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._taken_s: deque[float] = deque()
        self._closed_until_s = float("-inf")

    def close_for(self, seconds: float) -> None:
        """A longer time that was told before stays in force."""
        self._closed_until_s = max(self._closed_until_s, self._clock.monotonic() + seconds)

    async def take(self) -> None:
        while True:
            now_s = self._clock.monotonic()
            if now_s < self._closed_until_s:
                await self._clock.sleep(self._closed_until_s - now_s)
                continue
            while self._taken_s and now_s - self._taken_s[0] >= HANDSHAKE_WINDOW_S:
                self._taken_s.popleft()
            if len(self._taken_s) < MAX_HANDSHAKES:
                self._taken_s.append(now_s)
                return
            await self._clock.sleep(self._taken_s[0] + HANDSHAKE_WINDOW_S - now_s)
