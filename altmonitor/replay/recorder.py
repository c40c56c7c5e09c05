"""Feeds the live tape: from the market, over a restart from a file, and from a day of history once it is wanted."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from altmonitor.core.alert import Kind
from altmonitor.core.clock import Clock
from altmonitor.core.errors import ExchangeBlocked, ExchangeError, UnknownSymbol
from altmonitor.core.files import read_regular, write_atomically
from altmonitor.detectors.adaptive import MEASURED_MINUTES
from altmonitor.detectors.kinds import BUDGETS, KINDS
from altmonitor.detectors.sampled import Sample
from altmonitor.detectors.verdict import Rule
from altmonitor.interfaces.exchange import MarketRest, Priority
from altmonitor.market.candles import MINUTE_MS, Candle, ClosedCandle
from altmonitor.replay.live_tape import LiveTape, TapeDamaged, closed_columns
from altmonitor.replay.tape_rows import LONGEST_WINDOW

log = logging.getLogger(__name__)

COLLECT_EVERY_S = 30.0
FEWEST_NEW = 5
"""Closed minutes of a symbol that are measured at once: each by itself would cost five times as much."""
SAVE_EVERY_S = 600.0
DAY_MINUTES = 1_440
ROWS_PER_REQUEST = 1_000
"""Costs a weight of 5; a day is two requests. Source: see `exchanges/binance/rest.py`."""
SYMBOL_EVERY_S = 1.0
"""600 symbols take ten minutes and a sixth of the exchange's weight for that time."""
RETRY_S = 60.0
LISTED_EVERY_S = 5.0
ENOUGH_DAYS = 0.9


@dataclass(frozen=True, slots=True, kw_only=True)
class RecorderDeps:
    """closed: closed minutes of a symbol as they are known now. lookback: of volume bursts. settled: returns when the
    start's own history is loaded. price: last price, None when unknown. file: where the tally outlives the program."""

    clock: Clock
    rest: MarketRest
    listed: Callable[[], Sequence[str]]
    closed: Callable[[str], Sequence[ClosedCandle]]
    price: Callable[[str], float | None]
    lookback: Callable[[], int]
    settled: Callable[[], Awaitable[None]]
    file: Path


class Recorder:
    def __init__(self, live_tape: LiveTape, sources: RecorderDeps) -> None:
        self._live_tape = live_tape
        self._from = sources
        self._newest_ms: dict[str, int] = {}
        self._loaded = asyncio.Event()
        self._day_wanted = asyncio.Event()
        self.is_day_read = False
        """Nothing more of the day before is to come."""

    async def run(self) -> None:
        """Until cancelled."""
        await self._load()
        self._loaded.set()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._collect(), name="tally")
            tasks.create_task(self._deepen(), name="tally history")
            tasks.create_task(self._keep(), name="tally file")

    def want_day(self) -> None:
        """Somebody derives thresholds from the tally: now the day before is read, unless it is known. Nobody else needs
        it, and a million candles are what a monitor without a budget does in five minutes."""
        self._day_wanted.set()

    @property
    def is_day_coming(self) -> bool:
        """It is wanted, and a good part of it is not read yet."""
        return self._day_wanted.is_set() and not self.is_day_read and not self._has_day()

    def _has_day(self) -> bool:
        symbols = len(self._from.listed())
        return symbols > 0 and self._live_tape.covered_days(symbols) >= ENOUGH_DAYS

    async def loaded(self) -> None:
        """Returns once the tally holds what was kept by an earlier run."""
        await self._loaded.wait()

    def on_samples(self, kind: Kind, samples: Sequence[Sample]) -> None:
        """Figures were read, such as a sweep of open interest."""
        sampling = KINDS[kind].sampling
        if sampling is None or kind not in BUDGETS:
            return
        for sample in samples:
            price = None if sample.contracts is None else self._from.price(sample.symbol)
            usd = None if price is None or sample.contracts is None else sample.contracts * price
            for window in sampling.windows:
                size, _ = sample.values.get(window, (None, 0.0))
                self._live_tape.take_sample(Rule(kind, window), sample.symbol, at_ms=sample.at_ms, size=size, usd=usd)

    # --- live

    async def catch_up(self) -> None:
        """Takes over what is known by now: a question right after a start need not wait for the next look."""
        if not self._loaded.is_set():
            return
        lookback = self._from.lookback()
        for number, symbol in enumerate(self._from.listed()):
            self._collect_one(symbol, lookback)
            if number % 10 == 9:
                await asyncio.sleep(0)  # frames go first

    async def _collect(self) -> None:
        while True:
            await self.catch_up()
            await self._from.clock.sleep(COLLECT_EVERY_S)

    def _collect_one(self, symbol: str, lookback: int) -> None:
        closed = self._from.closed(symbol)
        if not closed or closed[-1].open_ms <= self._newest_ms.get(symbol, 0):
            return
        new = (closed[-1].open_ms - self._newest_ms.get(symbol, 0)) // MINUTE_MS
        if new < FEWEST_NEW:
            return
        self._newest_ms[symbol] = closed[-1].open_ms
        before = max(lookback, LONGEST_WINDOW, MEASURED_MINUTES + 60)
        self._live_tape.take_candles(symbol, closed_columns(closed[-(new + before) :]), lookback=lookback)

    # --- history

    async def _deepen(self) -> None:
        """A day of every symbol once it is wanted, slowly and after everything else, unless the tally has it."""
        await self._day_wanted.wait()
        while not self._from.listed():
            await self._from.clock.sleep(LISTED_EVERY_S)
        await self._from.settled()
        if self._has_day():
            self.is_day_read = True
            return
        waiting = list(self._from.listed())
        log.info("reading a day of history of %d symbols, for thresholds by budget", len(waiting))
        while waiting:
            symbol = waiting.pop()
            try:
                await self._read_day(symbol)
            except UnknownSymbol:
                continue
            except ExchangeBlocked as problem:
                waiting.append(symbol)
                pause_s = max(RETRY_S, (problem.until_ms - self._from.clock.now_ms()) / 1000)
                await self._from.clock.sleep(pause_s)
            except ExchangeError as problem:
                log.debug("history of %s: %s", symbol, problem)
                waiting.append(symbol)
                await self._from.clock.sleep(RETRY_S)
            await self._from.clock.sleep(SYMBOL_EVERY_S)
        self.is_day_read = True
        log.info("a day of history is read")
        await self._save()

    async def _read_day(self, symbol: str) -> None:
        end_ms = self._from.clock.now_ms() // MINUTE_MS * MINUTE_MS - MINUTE_MS
        begin_ms = end_ms - (DAY_MINUTES - 1) * MINUTE_MS
        candles: list[Candle] = []
        while begin_ms <= end_ms:
            last_ms = min(end_ms, begin_ms + (ROWS_PER_REQUEST - 1) * MINUTE_MS)
            candles += await self._from.rest.klines(
                symbol, start_ms=begin_ms, end_ms=last_ms, limit=ROWS_PER_REQUEST, priority=Priority.TRACKING
            )
            begin_ms = last_ms + MINUTE_MS
        closed = [candle for candle in candles if candle.is_closed]
        self._live_tape.take_candles(symbol, closed_columns(closed), lookback=self._from.lookback())

    # --- the file

    async def _load(self) -> None:
        try:
            content = await asyncio.to_thread(read_regular, self._from.file)
            self._live_tape.restore(content, now_ms=self._from.clock.now_ms())
        except FileNotFoundError:
            return
        except (OSError, TapeDamaged) as problem:
            log.warning("%s is not used: %s", self._from.file.name, problem)

    async def _keep(self) -> None:
        while True:
            await self._from.clock.sleep(SAVE_EVERY_S)
            await self._save()

    async def _save(self) -> None:
        try:
            await asyncio.to_thread(write_atomically, self._from.file, self._live_tape.saved())
        except OSError as problem:
            log.warning("%s cannot be written (%s): it is read anew at the next start", self._from.file, problem)
