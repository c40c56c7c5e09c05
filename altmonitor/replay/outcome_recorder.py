"""The running monitor finds out what became of its own alerts, in the background, and keeps it.

An alert is entered into the record within half a minute, with the versions of detectors and settings of its moment, so
that nothing that is changed later can look as if it had been there. It is measured when a quarter of an hour, one, four
and 24 hours have passed, from minutes that the books still hold or that the exchange is asked for, behind the guard at
the lowest priority, a page of four hours at a time. The comparison with comparable minutes needs the week before and is
made once, at the end. What was due while the monitor was away is made up for at the next start.

Nothing of it is on the way of a frame or of an alert: alerts are read from the database, numpy works in a thread.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Final

import numpy as np

from altmonitor.core.clock import Clock
from altmonitor.core.errors import ExchangeError, StorageError
from altmonitor.core.outcome import HORIZONS_MIN
from altmonitor.core.types import Venue
from altmonitor.interfaces.exchange import MarketRest, Priority
from altmonitor.interfaces.storage import MetaStore
from altmonitor.market.candles import MINUTE_MS, Candle, ClosedCandle
from altmonitor.replay.columns import CandleColumns, Source, between, candle_columns, merged, no_candles
from altmonitor.replay.outcomes import BENCHMARK, SIGNS, Outcomes, measure, no_outcomes, price_grid
from altmonitor.storage.outcome_records import RETURN_FIELDS, SINCE_KEY, DueAlert, MeasuredOutcome, OutcomeRecords

log = logging.getLogger(__name__)

LOOK_EVERY_S: Final = 20.0
AT_ONCE: Final = 20
STAGES_MIN: Final = (15, 60, 240, 1_440)
SETTLED_MS: Final = 2 * MINUTE_MS
"""After the last minute that is needed: it has to be closed, and the exchange's table of candles lags a little."""
CONTROL_DAYS: Final = 7
PAGE_MIN: Final = 240
PAGES_KEPT: Final = 96
"""Of closed pages: BTC's last day and two or three symbols' weeks; 8 kB each."""
TRY_AGAIN_MS: Final = 10 * MINUTE_MS
GIVE_UP_MS: Final = 2 * 86_400_000
"""A contract that was delisted is not asked about for ever."""
ASSUMED_DELAY_MS: Final = 2_000
DELAYS_KEPT: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeMarket:
    """One venue. closed: closed minutes of a symbol as its book holds them."""

    rest: MarketRest
    closed: Callable[[str], Sequence[ClosedCandle]]


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeRecorderDeps:
    """detectors: their version, which takes a tenth of a second to find. settings_at: the version of the settings at a
    moment of this run, unix ms; None: before it. on_measured: something new is
    known of the alerts with these keys."""

    records: OutcomeRecords
    meta: MetaStore
    clock: Clock
    markets: Mapping[Venue, OutcomeMarket]
    detectors: Callable[[], str]
    settings_at: Callable[[int], str | None]
    on_measured: Callable[[Collection[str]], None]


class OutcomeRecorder:
    def __init__(self, deps: OutcomeRecorderDeps) -> None:
        self._at = deps
        self._since_ms = self._begun_ms = deps.clock.now_ms()
        self._last_id = 0
        self._pages: OrderedDict[tuple[Venue, str, int], CandleColumns] = OrderedDict()
        self._delays: list[int] = []

    async def run(self) -> None:
        """Until cancelled. A disk that does not answer is asked again, from the first question on."""
        is_since_known = False
        while True:
            try:
                if not is_since_known:
                    self._since_ms = await self._first_start_ms()
                    is_since_known = True
                await self.look()
            except StorageError as problem:
                log.warning("what became of alerts cannot be recorded now: %s", problem)
            await self._at.clock.sleep(LOOK_EVERY_S)

    async def look(self) -> None:
        """Once. Raises: StorageError."""
        await self._enter()
        while True:
            due = await self._at.records.due(self._at.clock.now_ms(), limit=AT_ONCE)
            measured = [found for one in due if (found := await self._measured(one)) is not None]
            if measured:
                await self._at.records.store(measured)
                ids = {one.alert_id for one in measured}
                self._at.on_measured([one.key for one in due if one.id in ids])
            if len(due) < AT_ONCE or not measured:
                return

    async def _first_start_ms(self) -> int:
        """Alerts from before outcomes were recorded have no version, and are left out. Those of this run's first
        seconds count, although the loop begins after everything else."""
        known = await self._at.meta.meta_get(SINCE_KEY)
        if known is not None and known.isdigit():
            return int(known)
        await self._at.meta.meta_set(SINCE_KEY, str(self._begun_ms))
        return self._begun_ms

    async def _enter(self) -> None:
        while True:
            found = await self._at.records.unrecorded(since_ms=self._since_ms, after_id=self._last_id)
            if not found:
                return
            detectors = await asyncio.to_thread(self._at.detectors)
            first_due_ms = STAGES_MIN[0] * MINUTE_MS + MINUTE_MS + SETTLED_MS
            await self._at.records.begin(
                [(one, detectors, self._at.settings_at(one.ts_ms), one.ts_ms + first_due_ms) for one in found]
            )
            self._last_id = found[-1].id

    # --- one alert

    async def _measured(self, due: DueAlert) -> MeasuredOutcome | None:
        """None: it has to wait."""
        delay_ms, is_measured = self._delay(due)
        arrived_ms = due.event_ms + delay_ms
        entry_ms = -(-arrived_ms // MINUTE_MS) * MINUTE_MS
        now_ms = self._at.clock.now_ms()
        known_min = (now_ms - SETTLED_MS - entry_ms) // MINUTE_MS
        stage = max((one for one in STAGES_MIN if one <= known_min), default=0)
        if not stage:  # its message came much later than it was raised
            await self._at.records.postpone(due.id, entry_ms + STAGES_MIN[0] * MINUTE_MS + SETTLED_MS)
            return None
        is_last = stage == STAGES_MIN[-1]
        try:
            found = await self._outcomes(due, arrived_ms, entry_ms, stage, is_last=is_last)
        except ExchangeError as problem:
            if now_ms < entry_ms + STAGES_MIN[-1] * MINUTE_MS + GIVE_UP_MS:
                log.debug("candles after an alert of %s are not to be had now: %s", due.symbol, problem)
                await self._at.records.postpone(due.id, now_ms + TRY_AGAIN_MS)
                return None
            found, is_last = no_outcomes(np.array([arrived_ms]), np.array([SIGNS[due.direction]], dtype=np.int8)), True
        following = next((one for one in STAGES_MIN if one > stage), None)
        due_ms = None if is_last or following is None else entry_ms + following * MINUTE_MS + SETTLED_MS
        entry = float(found.entry[0])
        return MeasuredOutcome(
            alert_id=due.id,
            delay_ms=delay_ms,
            is_delay_measured=is_measured,
            entry_ms=entry_ms,
            entry=None if entry != entry else entry,
            due_ms=due_ms,
            returns=tuple(
                (horizon, _values(found, number))
                for number, horizon in enumerate(HORIZONS_MIN)
                if is_last or horizon <= stage
            ),
        )

    def _delay(self, due: DueAlert) -> tuple[int, bool]:
        """(delay, whether it is this alert's own). Frozen at the first measurement; what waits for its chat for longer
        counts as if it had been sent like the others."""
        own_ms = None if due.sent_ms is None else max(0, due.sent_ms - due.event_ms)
        if due.delay_ms is not None:
            return due.delay_ms, due.delay_ms == own_ms
        if own_ms is not None:
            self._delays = [*self._delays[-DELAYS_KEPT:], own_ms]
            return own_ms, True
        return (round(median(self._delays)) if self._delays else ASSUMED_DELAY_MS), False

    async def _outcomes(self, due: DueAlert, arrived_ms: int, entry_ms: int, stage: int, *, is_last: bool) -> Outcomes:
        """Raises: ExchangeError, StorageError."""
        begin_ms = entry_ms - (CONTROL_DAYS * 86_400_000 if is_last else 0)
        end_ms = entry_ms + (stage + 1) * MINUTE_MS
        market = self._at.markets.get(due.venue)
        sign = np.array([SIGNS[due.direction]], dtype=np.int8)
        arrived = np.array([arrived_ms], dtype=np.int64)
        if market is None:  # this venue is not watched any more
            return no_outcomes(arrived, sign)
        candles = await self._candles(market, due.venue, due.symbol, begin_ms, end_ms)
        if not len(candles):
            return no_outcomes(arrived, sign)
        btc = await self._candles(market, due.venue, BENCHMARK, entry_ms, end_ms)
        others = await self._at.records.entries_of(due.symbol, due.venue, since_ms=begin_ms, until_ms=end_ms)

        def work() -> Outcomes:
            return measure(
                price_grid(candles),
                arrived,
                sign,
                btc=price_grid(btc) if len(btc) else None,
                is_btc=due.symbol == BENCHMARK,
                alerts_ms=np.array(others, dtype=np.int64),
            )

        return await asyncio.to_thread(work)

    # --- candles

    async def _candles(
        self, market: OutcomeMarket, venue: Venue, symbol: str, begin_ms: int, end_ms: int
    ) -> CandleColumns:
        """Those that open in [begin_ms, end_ms). Raises: ExchangeError."""
        closed = market.closed(symbol)
        if closed and closed[0].open_ms <= begin_ms and closed[-1].open_ms >= end_ms - MINUTE_MS:
            return _columns(closed, begin_ms, end_ms)
        page_ms = PAGE_MIN * MINUTE_MS
        pages = range(begin_ms // page_ms, (end_ms - 1) // page_ms + 1)
        parts = [await self._page(market, venue, symbol, page) for page in pages]
        return between(merged([no_candles(), *parts]), begin_ms, end_ms)

    async def _page(self, market: OutcomeMarket, venue: Venue, symbol: str, page: int) -> CandleColumns:
        known = self._pages.get((venue, symbol, page))
        if known is not None:
            self._pages.move_to_end((venue, symbol, page))
            return known
        start_ms = page * PAGE_MIN * MINUTE_MS
        found = await market.rest.klines(
            symbol,
            start_ms=start_ms,
            end_ms=start_ms + (PAGE_MIN - 1) * MINUTE_MS,
            limit=PAGE_MIN,
            priority=Priority.TRACKING,
        )
        columns = _columns([one for one in found if one.is_closed], start_ms, start_ms + PAGE_MIN * MINUTE_MS)
        if start_ms + PAGE_MIN * MINUTE_MS + SETTLED_MS <= self._at.clock.now_ms():
            self._pages[venue, symbol, page] = columns
            if len(self._pages) > PAGES_KEPT:
                self._pages.popitem(last=False)
        return columns


def _columns(candles: Sequence[ClosedCandle] | Sequence[Candle], begin_ms: int, end_ms: int) -> CandleColumns:
    return candle_columns(
        [
            Candle(
                open_ms=one.open_ms,
                open=one.open,
                high=one.high,
                low=one.low,
                close=one.close,
                quote_usdt=one.quote_usdt,
            )
            for one in candles
            if begin_ms <= one.open_ms < end_ms
        ],
        Source.REST,
    )


def _values(found: Outcomes, number: int) -> tuple[Any, ...]:
    """As `RETURN_FIELDS`, of the only alert."""
    values = []
    for name in RETURN_FIELDS:
        value = getattr(found, name)[0, number].item()
        values.append(None if value != value else value)
    return tuple(values)
