"""A shard carries a share of the symbols: one connection, kept alive, and replaced before its time is over."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from altmonitor.core.causes import Cause, CauseCode
from altmonitor.core.clock import Clock
from altmonitor.core.errors import ExchangeError, HandshakeRefused
from altmonitor.exchanges.rest.budget import LimitPool
from altmonitor.exchanges.rest.refusal import LONGEST_BELIEVED_S
from altmonitor.exchanges.ws.connection import FeedConnection, Overlap, Shared, silence
from altmonitor.exchanges.ws.watchdog import DataProgress, Share, silence_limit_s
from altmonitor.market.candles import MINUTE_MS

# ---
# How long to wait before the next attempt, and how many attempts there may be at all.


_CAP_S: Final = 60.0
_BLOCKED_FLOOR_S: Final = 300.0
_BLOCKED_CAP_S: Final = 3600.0
_ENOUGH: Final = 10  # doublings lead beyond either cap; a thousand would be no float any more
_BLOCKING_STATUSES: Final = frozenset({403, 418, 429, 451})
PROVEN_AFTER_S: Final = 30.0
"""A connection counts as good once data has flowed this long; nothing less resets the back-off."""


class ReconnectBackoff:
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
    """At most `limit` handshakes in any `window_s` over everything that shares it, and none while we are refused."""

    def __init__(self, clock: Clock, *, limit: int, window_s: float) -> None:
        self._clock = clock
        self._pool = LimitPool(limit=limit, window_s=window_s)
        self._closed_until_s = float("-inf")

    def close_for(self, seconds: float) -> None:
        """A longer time that was told before stays in force."""
        self._closed_until_s = max(self._closed_until_s, self._clock.monotonic() + seconds)

    async def take(self) -> None:
        while (wait_s := self._wait_s()) > 0:
            await self._clock.sleep(wait_s)
        self._pool.sent_s.append(self._clock.monotonic())

    def _wait_s(self) -> float:
        now_s = self._clock.monotonic()
        return max(self._closed_until_s - now_s, self._pool.wait_s(now_s))


# ---


_LIFE_JITTER: Final = 0.02
_QUIET_S: Final = 5.0
_ROTATION_RETRY_S: Final = 600.0
_TAKE_OVER_WITHIN_S: Final = 120.0
_BEFORE_S: Final = 2.0
_TOGETHER_S: Final = 3.0
_QUIET_PART_MS: Final = (10_000, 45_000)
"""Closed candles arrive up to 2 s late; between these moments of a minute none is under way."""

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _RunningConnection:
    connection: FeedConnection
    task: asyncio.Task[Cause]
    replace_at_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedShardDeps:
    shared: Shared
    budget: HandshakeBudget
    jitter: random.Random
    is_only_shard: Callable[[], bool]
    on_rotated: Callable[[], None]
    news_streams: tuple[str, ...]
    life_s: float
    shortest_silence_s: float


class FeedShard:
    def __init__(self, parts: FeedShardDeps) -> None:
        self.symbols: set[str] = set()
        self._symbol_of: dict[str, str] = {}
        self.attempts = 0
        self.reconnects = 0
        self.trouble = Cause(CauseCode.CONNECTING, "connecting")
        self.last_data_s: float | None = None
        self._parts = parts
        self._clock: Clock = parts.shared.clock
        self._stream_of = parts.shared.dialect.kline_stream
        self._exchange_clock = parts.shared.exchange_clock
        self._since_s = self._exchange_clock.now_s()
        self.progress = DataProgress(self._limit_s() * 1000)
        self._backoff = ReconnectBackoff(parts.jitter)
        self._connections: list[FeedConnection] = []
        self._has_opened = False

    @property
    def open_connections(self) -> list[FeedConnection]:
        return [connection for connection in self._connections if connection.is_open]

    @property
    def is_fed(self) -> bool:
        return any(connection.first_data_s is not None for connection in self.open_connections)

    def set_symbols(self, symbols: set[str]) -> None:
        if not self.symbols:
            self._since_s = self._exchange_clock.now_s()
        self.symbols = set(symbols)
        self._symbol_of = {self._stream_of(symbol): symbol for symbol in symbols}
        for connection in self._connections:
            connection.ledger.want(self._streams())

    def renew(self, symbols: set[str]) -> None:
        for connection in self.open_connections:
            connection.ledger.renew(sorted(self._stream_of(symbol) for symbol in symbols & self.symbols))

    def covered(self) -> set[str]:
        """Symbols that are subscribed, acknowledged and found in the exchange's own list."""
        streams: set[str] = set()
        for connection in self.open_connections:
            streams |= connection.ledger.covered()
        return {self._symbol_of[stream] for stream in streams if stream in self._symbol_of}

    def share(self) -> Share:
        heard_s = [c.last_data_s for c in self._connections if c.last_data_s is not None]
        self.last_data_s = max(heard_s, default=self.last_data_s)
        limit_s = self._limit_s()
        self.progress.gap_ms = limit_s * 1000
        return Share(self._since_s, self.last_data_s, limit_s, self._asleep_s())

    def _asleep_s(self) -> float:
        """As long as nobody could tell whether this machine slept or its clock was set, and no data says so either, the
        longer time is taken."""
        if self.last_data_s is None or self._exchange_clock.is_sure:
            return 0.0
        awake_s = self._exchange_clock.now_s() - self.last_data_s
        asleep_s = (self._clock.now_ms() - self.progress.last_wall_ms) / 1000 - awake_s
        return max(0.0, asleep_s) if awake_s >= _QUIET_S else 0.0

    def why_dark(self) -> Cause:
        connections = self.open_connections
        if not connections:
            return self.trouble
        ledger, silent_s = connections[0].ledger, self.share().silence_s(self._exchange_clock.now_s())
        return silence(ledger, silent_s, has_had_data=self.last_data_s is not None)

    def _streams(self) -> list[str]:
        return [*self._parts.news_streams, *(self._stream_of(symbol) for symbol in sorted(self.symbols))]

    def _limit_s(self) -> float:
        limit_s = silence_limit_s(len(self.symbols), is_only_connection=self._parts.is_only_shard())
        return max(limit_s, self._parts.shortest_silence_s)

    def _expected_silence_s(self) -> float | None:
        return self._limit_s() if self.symbols else None

    async def run(self) -> None:
        """Until cancelled. Raises only what the sink raised."""
        running: _RunningConnection | None = None
        self._connections.clear()
        async with asyncio.TaskGroup() as tasks:
            while True:
                if running is None:
                    running = await self._connect(tasks)
                elif await self._has_ended(running, 1.0):
                    self._note_end(running)
                    running = None
                elif running.connection.is_leaving or self._exchange_clock.now_s() >= running.replace_at_s:
                    running = await self._rotate(tasks, running)

    async def _connect(self, tasks: asyncio.TaskGroup) -> _RunningConnection:
        while True:
            await self._clock.sleep(self._backoff.next_delay_s())
            try:
                running = await self._open(tasks)
            except ExchangeError as problem:
                self.trouble = problem.cause
                self._parts.budget.close_for(self._backoff.on_open_failed(problem))
                _log.debug("attempt %d: %s", self.attempts, problem)
            else:
                self.reconnects += self._has_opened
                self._has_opened = True
                return running

    async def _open(self, tasks: asyncio.TaskGroup, *, is_muted: bool = False) -> _RunningConnection:
        await self._parts.budget.take()
        self.attempts += 1
        connection = FeedConnection(
            self._parts.shared, progress=self.progress, silence_limit_s=self._expected_silence_s
        )
        connection.is_muted = is_muted
        await connection.open()
        connection.ledger.want(self._streams())
        self._connections.append(connection)
        life_s = self._parts.life_s * (1 + self._parts.jitter.uniform(0, _LIFE_JITTER))
        task = tasks.create_task(connection.hold(), name="feed connection")
        return _RunningConnection(connection, task, connection.opened_s + life_s)

    async def _has_ended(self, running: _RunningConnection, within_s: float) -> bool:
        with contextlib.suppress(TimeoutError):
            async with self._clock.timeout(within_s):
                await asyncio.wait({running.task})
        return running.task.done()

    def _forget(self, running: _RunningConnection) -> None:
        self.share()  # keeps the time of its last data
        self._connections.remove(running.connection)

    def _note_end(self, running: _RunningConnection) -> None:
        self._forget(running)
        self._backoff.on_end(data_flowed_s=running.connection.data_flowed_s)
        self.trouble = running.task.result()
        if running.connection.first_data_s is not None:
            _log.info("feed connection ended: %s", self.trouble)

    async def _rotate(self, tasks: asyncio.TaskGroup, old: _RunningConnection) -> _RunningConnection:
        """Make before break: returns the connection that goes on, the old one when no new one could take over."""
        try:
            new = await self._open(tasks, is_muted=True)
        except ExchangeError as problem:
            self._parts.budget.close_for(self._backoff.on_open_failed(problem))
            self._put_off(old, problem.cause)
            return old
        await self._speak_together(new, old)
        old.connection.overlap = new.connection.overlap = None
        if new.task.done() or (new.connection.is_muted and not old.task.done()):
            new.connection.end(Cause(CauseCode.OTHER, "did not take over in time"))
            await asyncio.wait({new.task})
            self._forget(new)
            self._put_off(old, new.task.result())
            return old
        new.connection.is_muted = False
        if old.task.done():
            self._note_end(old)
            return new
        await old.connection.leave()
        await asyncio.wait({old.task})
        self._forget(old)
        self._parts.on_rotated()
        return new

    async def _speak_together(self, new: _RunningConnection, old: _RunningConnection) -> None:
        """Let both speak for a moment, each update counted once. Afterwards `new` is muted if it did not get so far."""
        deadline_s = self._clock.monotonic() + _TAKE_OVER_WITHIN_S
        while not (new.connection.is_carrying and self._is_quiet_part()):
            if self._clock.monotonic() >= deadline_s or new.task.done() or await self._has_ended(old, 0.5):
                return
        # The old one's updates are noted first, so that a slower copy on the new one is recognised.
        old.connection.overlap = new.connection.overlap = Overlap()
        await self._has_ended(old, _BEFORE_S)
        new.connection.is_muted = False
        await self._has_ended(old, _TOGETHER_S)

    def _is_quiet_part(self) -> bool:
        return _QUIET_PART_MS[0] <= self._clock.now_ms() % MINUTE_MS <= _QUIET_PART_MS[1]

    def _put_off(self, old: _RunningConnection, why: Cause) -> None:
        pause_s = self._backoff.next_delay_s() + (0 if old.connection.is_leaving else _ROTATION_RETRY_S)
        old.connection.is_leaving = False
        old.replace_at_s = self._exchange_clock.now_s() + pause_s
        _log.warning("planned change of the feed connection put off for %.0f s: %s", pause_s, why)
