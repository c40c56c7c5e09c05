"""Closed minutes that were missed, fetched and handed to the engine before decisions stand on them."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from altmonitor.core.clock import Clock
from altmonitor.core.errors import ExchangeBlocked, ExchangeError, UnknownSymbol
from altmonitor.interfaces.exchange import MarketRest, Priority
from altmonitor.market.candles import LONGEST_MINUTES, MINUTE_MS, Candle

log = logging.getLogger(__name__)

ROWS_PER_REQUEST = 99
"""Below 100 rows a request costs a weight of 1."""

CLOSE_MARGIN_MS = 2_000
"""A candle is asked for this long after its end: then the last trades are in it."""


WORKERS = 4
PER_SECOND = 15.0
PAUSE_S = 5.0
LONGEST_PAUSE_S = 60.0
ATTEMPTS = 65
"""An hour and a bit: longer than most troubles of an exchange."""
BEHIND_PAUSE_S = 3.0
LONGEST_NAP_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class BackfillStatus:
    """Symbols. pending: waiting or being fetched. failed: given up, their hole stays. candles: handed over so far."""

    pending: int
    done: int
    failed: int
    candles: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Need:
    """Candles with open time in [from_ms, to_ms]. Sorted by `rank`: lower first. ready_s: not asked for before."""

    symbol: str
    from_ms: int
    to_ms: int
    rank: int
    attempts: int = 0
    ready_s: float = 0.0


class Backfill:
    """Times are the exchange's.

    apply(symbol, candles): synchronous; candles oldest → newest, all closed, not empty; one call per need.
    ended(symbol, from_ms, to_ms): called after that, and when it was given up: no more of [from_ms, to_ms) will come.

    Needs of one symbol are merged. The symbol whose need was told last is fetched first; within one call of
    `request_all` the order is that of `symbols()`.
    """

    def __init__(
        self,
        rest: MarketRest,
        *,
        clock: Clock,
        symbols: Callable[[], Sequence[str]],
        apply: Callable[[str, Sequence[Candle]], None],
        ended: Callable[[str, int, int], None] = lambda symbol, from_ms, to_ms: None,
    ) -> None:
        self._rest = rest
        self._clock = clock
        self._symbols = symbols
        self._apply = apply
        self._ended = ended
        self._needs: dict[str, _Need] = {}
        self._calls = itertools.count(1)
        self._under_way = 0
        self._work = asyncio.Event()
        self._settled = asyncio.Event()
        self._settled.set()
        self._next_s = 0.0
        self._blocked_until_ms = 0
        self._lost: list[str] = []  # since it last came to rest
        self._all = 0  # minutes that are wanted of every symbol, as soon as it is known which those are
        self._done = self._failed = self._candles = 0

    def request(self, symbol: str, from_ms: int, to_ms: int) -> None:
        """Minutes that contain from_ms … to_ms. One that is still open is waited for."""
        self._add(symbol, from_ms, to_ms, rank=-next(self._calls))

    def request_all(self, minutes: int) -> None:
        """The last `minutes` closed minutes of every symbol."""
        self._all = max(minutes, self._all)
        self._settled.clear()
        self._work.set()

    def status(self) -> BackfillStatus:
        pending = len(self._needs) + self._under_way + (len(self._symbols()) if self._all else 0)
        return BackfillStatus(pending=pending, done=self._done, failed=self._failed, candles=self._candles)

    async def settled(self) -> None:
        """Returns when nothing is pending."""
        await self._settled.wait()

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for number in range(WORKERS):
                tasks.create_task(self._take_turns(), name=f"back-fill {number}")

    def _add(self, symbol: str, from_ms: int, to_ms: int, *, rank: int) -> None:
        to_ms = to_ms // MINUTE_MS * MINUTE_MS
        from_ms = max(from_ms // MINUTE_MS * MINUTE_MS, to_ms - (LONGEST_MINUTES - 1) * MINUTE_MS)
        if from_ms > to_ms:
            return
        need = _Need(symbol=symbol, from_ms=from_ms, to_ms=to_ms, rank=rank)
        self._put(need)

    def _put(self, need: _Need) -> None:
        there = self._needs.pop(need.symbol, None)
        if there is not None:
            need = replace(
                need,
                from_ms=min(need.from_ms, there.from_ms),
                to_ms=max(need.to_ms, there.to_ms),
                rank=min(need.rank, there.rank),
                attempts=min(need.attempts, there.attempts),
                ready_s=max(need.ready_s, there.ready_s),
            )
        self._needs[need.symbol] = need
        self._settled.clear()
        self._work.set()

    async def _take_turns(self) -> None:
        while True:
            await self._sit_out_block()
            if self._all:
                await self._want_all()
            need = self._next_ready()
            if need is None:
                await self._wait_for_work()
                continue
            del self._needs[need.symbol]
            self._under_way += 1
            try:
                await self._fill(need)
            except asyncio.CancelledError:
                self._put(need)  # a restarted loop goes on with it
                raise
            finally:
                self._under_way -= 1
                self._look_around()

    async def _want_all(self) -> None:
        """Which minutes those are says the exchange: our clock may be minutes ahead of it."""
        try:
            now_ms = await self._rest.exchange_now_ms()
        except ExchangeError as problem:
            log.debug("back-fill begins by our own clock: %s", problem)
            now_ms = self._clock.now_ms()
        minutes, self._all = self._all, 0
        rank = -next(self._calls)
        for symbol in self._symbols() if minutes else ():
            self._add(symbol, now_ms - minutes * MINUTE_MS, now_ms - MINUTE_MS, rank=rank)

    def _next_ready(self) -> _Need | None:
        now_s = self._clock.monotonic()
        ready = (need for need in self._needs.values() if need.ready_s <= now_s)
        return min(ready, key=lambda waiting: waiting.rank, default=None)

    async def _wait_for_work(self) -> None:
        """For a new need, or until the next one that failed may be tried again."""
        self._work.clear()
        ready_s = min((need.ready_s for need in self._needs.values()), default=None)
        pause_s = None if ready_s is None else max(0.001, ready_s - self._clock.monotonic())
        with suppress(TimeoutError):
            async with self._clock.timeout(pause_s):
                await self._work.wait()

    def _look_around(self) -> None:
        if self._needs or self._under_way or self._all:
            return
        if self._lost:
            log.warning("back-fill: %d symbols keep their hole: %s", len(self._lost), ", ".join(self._lost[:10]))
            self._lost.clear()
        self._settled.set()

    async def _fill(self, need: _Need) -> None:
        try:
            candles = await self._fetch(need)
        except ExchangeBlocked as problem:
            self._blocked_until_ms = max(self._blocked_until_ms, problem.until_ms)
            self._put(need)
        except UnknownSymbol as problem:
            self._give_up(need, problem)
        except ExchangeError as problem:
            self._try_later(need, problem)
        else:
            self._done += 1
            self._candles += len(candles)
            if candles:
                self._apply(need.symbol, candles)
            self._ended(need.symbol, need.from_ms, need.to_ms + MINUTE_MS)

    async def _fetch(self, need: _Need) -> list[Candle]:
        ready_ms = need.to_ms + MINUTE_MS + CLOSE_MARGIN_MS
        wait_ms = min(ready_ms - await self._rest.exchange_now_ms(), MINUTE_MS + CLOSE_MARGIN_MS)
        await self._clock.sleep(max(0.0, wait_ms / 1000))
        candles: list[Candle] = []
        for start_ms in range(need.from_ms, need.to_ms + 1, ROWS_PER_REQUEST * MINUTE_MS):
            end_ms = min(need.to_ms, start_ms + (ROWS_PER_REQUEST - 1) * MINUTE_MS)
            await self._pace()
            candles += await self._rest.klines(
                need.symbol,
                start_ms=start_ms,
                end_ms=end_ms,
                limit=ROWS_PER_REQUEST,
                priority=Priority.BACKFILL,
            )
        if candles and not candles[-1].is_closed:  # our idea of the exchange's clock is a little ahead of it
            await self._clock.sleep(BEHIND_PAUSE_S)
            last_ms = candles[-1].open_ms
            candles[-1:] = await self._rest.klines(
                need.symbol, start_ms=last_ms, end_ms=last_ms, limit=1, priority=Priority.BACKFILL
            )
        return [candle for candle in candles if candle.is_closed]

    def _try_later(self, need: _Need, problem: ExchangeError) -> None:
        """One symbol that cannot be had does not hold up the others: nobody waits for it."""
        if need.attempts + 1 >= ATTEMPTS:
            self._give_up(need, problem)
            return
        pause_s = min(PAUSE_S * 2 ** min(need.attempts, 10), LONGEST_PAUSE_S)
        self._put(replace(need, attempts=need.attempts + 1, ready_s=self._clock.monotonic() + pause_s))

    def _give_up(self, need: _Need, problem: ExchangeError) -> None:
        self._failed += 1
        if not self._lost:
            log.warning("back-fill of %s given up after %d attempts: %s", need.symbol, need.attempts + 1, problem)
        self._lost.append(need.symbol)
        self._ended(need.symbol, need.from_ms, need.to_ms + MINUTE_MS)

    async def _pace(self) -> None:
        now_s = self._clock.monotonic()
        start_s = max(self._next_s, now_s)
        self._next_s = start_s + 1 / PER_SECOND
        await self._clock.sleep(start_s - now_s)

    async def _sit_out_block(self) -> None:
        while (remaining_ms := self._blocked_until_ms - self._clock.now_ms()) > 0:
            guard = self._rest.guard_status()
            if guard.state == "open":
                self._blocked_until_ms = 0
                return
            if guard.until_ms is not None:  # our clock may have been set since
                self._blocked_until_ms = guard.until_ms
            await self._clock.sleep(min(LONGEST_NAP_S, remaining_ms / 1000))
