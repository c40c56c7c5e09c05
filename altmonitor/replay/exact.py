"""A replay by the live engine itself, event by event, over candles and samples of open interest.

What nobody could have been told of is not played: minutes whose extremes reach no threshold of anybody, whose volume is
no burst, in which no whole move can double and no change of open interest waits to calm down. The engine sees the rest
with the closed minutes before it, as if it had seen everything; `is_whole` plays everything, and a test holds that both
give the same alerts.

The price 60 s earlier is not to be had from candles, so nothing is compared with it here (`ROLLING`).

State from before the range (cooldowns, episodes, a plateau of open interest) is taken from a warm-up that begins after
a stretch in which nothing could have been told, longer than any of them lasts. So the alerts of a range do not depend
on where it is cut.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from math import ceil, inf
from types import MappingProxyType
from typing import Final

import numpy as np

from altmonitor.detectors.adaptive import loosest
from altmonitor.engine.audiences import Expectation
from altmonitor.engine.context import EngineDeps
from altmonitor.engine.engine import Engine
from altmonitor.market.book import SymbolBook
from altmonitor.market.candles import MINUTE_MS, Candle, CandleUpdate, Usual
from altmonitor.market.open_interest import OpenInterestRing
from altmonitor.market.quotes import OpenInterest
from altmonitor.replay.columns import CandleColumns, Ints, OpenInterestColumns
from altmonitor.replay.measures import medians, run_lengths
from altmonitor.replay.past_market import AlertsOfRange, EventClock, PastContext, ReplayedAlert
from altmonitor.replay.price_path import (
    CLOSE_PUSH_MS,
    FIRST_PUSH_MS,
    PUSH_EVERY_MS,
    PathPoint,
    point_of,
    prices_of,
    push_at,
    push_of_volume,
    pushes_of,
)
from altmonitor.replay.replay_options import ReplayOptions, asks_for_days, warm_begin
from altmonitor.replay.selection import InterestSample, Marks, Samples, marks_of
from altmonitor.settings.audience import Audience

MINUTE_VALUES: Final = ("open", "high", "low", "close", "quote_usdt")
"""As `ClosedRun.replace` takes them."""
MINUTE_BYTES: Final = 8 * len(MINUTE_VALUES)


@dataclass(frozen=True, slots=True, kw_only=True)
class SymbolHistory:
    """What is known of one symbol, from well before the range that is asked about. marks: of the candles, where a tape
    has selected them; None: they are looked for."""

    symbol: str
    candles: CandleColumns
    open_interest: OpenInterestColumns
    marks: Marks | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SymbolReplay:
    """alerts: in the order of event time. began_ms: of the warm-up; candles: of the range itself. played: of those and
    the warm-up's, how many the engine was shown. both_ways: minutes of the range that reach bounds on both sides."""

    symbol: str
    alerts: tuple[ReplayedAlert, ...]
    began_ms: int
    candles: int
    played: int
    both_ways: int


def replay_symbol(history: SymbolHistory, options: ReplayOptions, *, from_ms: int, to_ms: int) -> SymbolReplay:
    """Alerts with from_ms ≤ event time < to_ms."""
    return _Player(history, options, from_ms=from_ms, to_ms=to_ms).play()


def _without_rolling(audience: Audience) -> Audience:
    settings = audience.settings
    own = {symbol: replace(one, rolling=False) for symbol, one in settings.of_symbol.items()}
    return replace(audience, settings=replace(settings, rolling=False, of_symbol=MappingProxyType(own)))


class _Player:
    def __init__(self, history: SymbolHistory, options: ReplayOptions, *, from_ms: int, to_ms: int) -> None:
        self._symbol = history.symbol
        is_asked = any(one.symbol == history.symbol for one in options.conditions)
        self._options = options = replace(
            options,
            audiences=tuple(_without_rolling(one) for one in options.audiences),
            is_whole=options.is_whole or is_asked,
        )
        self._from_ms, self._to_ms = from_ms, to_ms
        after = int(np.searchsorted(history.candles.open_ms, to_ms))
        self._candles = history.candles
        self._end = after
        self._run = run_lengths(history.candles.open_ms)
        self._settings = [loosest(one.settings.for_symbol(history.symbol)) for one in options.audiences]
        self._marks = history.marks or marks_of(history.candles, self._run, options.audiences, self._settings)
        self._samples = Samples(history.open_interest, history.candles, self._settings)
        self._has_samples = len(self._samples) > 0
        self._begin = warm_begin(
            history.candles.open_ms,
            options,
            from_ms=from_ms,
            marks=self._marks,
            loud_ms=self._samples.loud_ms,
            calm_ms=self._samples.calm_ms,
        )
        self._engine = self._build()
        book = self._engine.book(history.symbol)
        if book is None:
            raise LookupError(history.symbol)
        self._book: SymbolBook = book
        columns = [getattr(self._candles, name) for name in MINUTE_VALUES]
        self._minutes = np.column_stack(columns).tobytes()  # cheaper to cut than arrays
        self._open, self._high, self._low, self._close, self._quote, self._taker = (
            memoryview(one.tobytes()).cast("d") for one in (*columns, self._candles.taker_quote_usdt)
        )
        self._open_ms, self._before, self._trades, self._decimals = (
            memoryview(column.astype(np.int64).tobytes()).cast("q")  # and cheaper to ask for one value
            for column in (self._candles.open_ms, self._run, self._candles.trades, self._candles.decimals)
        )
        self._is_price, self._is_path = self._marks.price.tobytes(), self._marks.path.tobytes()
        self._usual: dict[int, tuple[int, Usual]] = {}
        self._last_played = -2
        self._next_sample = 0
        self._played = 0

    # --- the engine and what surrounds it

    def _build(self) -> Engine:
        first_ms = int(self._candles.open_ms[self._begin]) if len(self._candles) > self._begin else self._from_ms
        self._clock = EventClock(first_ms)
        self._sink = AlertsOfRange(self._from_ms, self._to_ms)
        has_days = any(asks_for_days(one.settings) for one in self._options.audiences)
        context = PastContext(self._candles if has_days else None, self._clock)
        links = EngineDeps(
            clock=self._clock,
            sink=self._sink,
            context=context,
            oi_ring=OpenInterestRing(period_s=self._samples.period_s),
            episodes=self._options.episodes,
            on_completed=self._sink.complete,
            is_replay=True,
        )
        engine = Engine(links, audiences=self._options.audiences)
        engine.set_symbols([self._symbol])
        engine.apply_conditions([one for one in self._options.conditions if one.symbol == self._symbol])
        return engine

    # --- the run

    def play(self) -> SymbolReplay:
        opens, in_range = (
            self._candles.open_ms,
            slice(*np.searchsorted(self._candles.open_ms, [self._from_ms, self._to_ms])),
        )
        if self._options.is_whole:
            for at in range(self._begin, self._end):
                self._play(at, self._engine.expects(self._symbol))
        else:
            self._skip_through()
        return SymbolReplay(
            symbol=self._symbol,
            alerts=tuple(self._sink.kept),
            began_ms=int(opens[self._begin]) if self._begin < len(opens) else self._from_ms,
            candles=int(in_range.stop - in_range.start),
            played=self._played,
            both_ways=int(self._marks.both[in_range].sum()),
        )

    def _skip_through(self) -> None:
        chosen = np.flatnonzero(self._marks.any[: self._end])
        self._usual = self._usual_before(chosen)
        rows, ends_ms = chosen.tolist(), (self._candles.open_ms[chosen] + MINUTE_MS).tolist()
        is_price = self._marks.price[chosen].tolist()
        is_up = (self._candles.close[chosen] >= self._candles.open[chosen]).tolist()
        at_row, at = bisect_left(rows, self._begin), self._begin
        while True:
            expected = self._engine.expects(self._symbol)
            quiet_ms = expected.down_quiet_ms, expected.up_quiet_ms
            while at_row < len(rows) and (
                rows[at_row] < at or (not is_price[at_row] and ends_ms[at_row] < quiet_ms[is_up[at_row]])
            ):
                at_row += 1
            following = rows[at_row] if at_row < len(rows) else self._end
            if expected.until_ms and (expected.above < inf or expected.below > 0):
                following = self._doubling(at, following, expected.above, expected.below, expected.until_ms)
            if self._has_samples:
                following = min(following, self._sampled(at, is_held=self._engine.is_held(self._symbol)))
            if following >= self._end:
                return
            self._play(following, expected)
            at = following + 1

    def _usual_before(self, rows: Ints) -> dict[int, tuple[int, Usual]]:
        """What `ClosedRun.usual` answers before each of these candles, all of them measured at once. One that has too
        few minutes before it is absent."""
        lookback = max(one.settings.vol_burst_lookback for one in self._options.audiences)
        counts = np.minimum(self._run[rows], lookback).tolist()
        found = zip(
            rows.tolist(), counts, medians(self._candles, self._run, rows, lookback=lookback).tolist(), strict=True
        )
        return {at: (lookback, Usual(count, middle)) for at, count, middle in found if middle == middle}  # no NaN

    def _sampled(self, at: int, *, is_held: bool) -> int:
        """Index of the first candle that has to be played for its samples. Where closes alone count, a sample is
        weighed with the close before it."""
        found = self._samples.next_candle(at, is_held=is_held)
        return found if self._options.price_path == "touch" else max(at, found - 1)

    def _doubling(self, first: int, after: int, above: float, below: float, until_ms: float) -> int:
        """Index of the first candle that reaches one of the prices in time, `after` when none does."""
        last = bisect_left(self._open_ms, ceil(until_ms), first, after)
        if first == last:  # in a crash one minute after the other is chosen anyway
            return after
        candles = self._candles
        is_reached = (candles.high[first:last] >= above) | (candles.low[first:last] <= below)
        return first + int(is_reached.argmax()) if is_reached.any() else after

    def _play(self, at: int, expected: Expectation) -> None:
        self._played += 1
        candle = self._candle(at)
        if self._last_played != at - 1 or self._before[at] == 0:
            self._begin_at(at)
        else:
            self._engine.listen(self._symbol)
        self._last_played = at
        samples = self._samples.of_candle(at) if self._has_samples else []
        if self._has_samples:
            self._remember_samples(at)
        close = CandleUpdate(event_ms=candle.open_ms + CLOSE_PUSH_MS, symbol=self._symbol, kline=candle)
        is_doubling = expected.until_ms > candle.open_ms and (
            candle.high >= expected.above or candle.low <= expected.below
        )
        if not (self._is_price[at] or is_doubling or samples or self._options.is_whole):
            if self._is_path[at] and self._options.price_path == "touch":
                self._play_volume(at, candle)
            self._take(close)
            return
        for update in chain(self._updates(at, candle, moments_ms=[one.time_ms for one in samples]), [close]):
            while samples and samples[0].time_ms < update.event_ms:
                self._sample(samples.pop(0))
            self._take(update)
        for sample in samples:
            self._sample(sample)

    def _take(self, update: CandleUpdate) -> None:
        self._clock.ms = update.event_ms
        self._engine.on_kline(update)

    def _candle(self, at: int) -> Candle:
        return Candle(
            open_ms=self._open_ms[at],
            open=self._open[at],
            high=self._high[at],
            low=self._low[at],
            close=self._close[at],
            quote_usdt=self._quote[at],
            taker_quote_usdt=self._taker[at],
            trades=self._trades[at],
        )

    def _begin_at(self, at: int) -> None:
        known = min(self._before[at], self._book.closed.capacity)
        last_ms = self._open_ms[at - 1] if known else None
        values = self._minutes[(at - known) * MINUTE_BYTES : at * MINUTE_BYTES]
        self._engine.begin_after(self._symbol, last_ms, values, self._usual.get(at))

    def _updates(self, at: int, candle: Candle, *, moments_ms: Sequence[int]) -> Iterator[CandleUpdate]:
        """All before the close. Those pushes are left out that the book would not look at; it is asked before each,
        because a push changes what it looks at. moments_ms: of samples, which are weighed with the price of their
        moment."""
        if self._options.price_path != "touch":
            return
        book, total, quote_usdt = self._book, pushes_of(candle.high, candle.low), candle.quote_usdt
        weighed = {1, *(min(total, push_at(ms - candle.open_ms)) for ms in moments_ms)}
        is_every = self._options.is_whole
        prices = prices_of(
            candle.open,
            candle.high,
            candle.low,
            candle.close,
            decimals=self._decimals[at],
            is_flipped=self._is_flipped(at),
        )
        event_ms = candle.open_ms + FIRST_PUSH_MS
        for number, price in enumerate(prices, start=1):
            if (
                book.may_be_news(price, event_ms)
                or quote_usdt * (number / total) >= book.burst_at
                or number in weighed
                or is_every
            ):
                yield self._push(candle, self._point(at, candle, number), number / total)
            event_ms += PUSH_EVERY_MS

    def _play_volume(self, at: int, candle: Candle) -> None:
        """Before the close of a candle whose prices do not matter: the pushes that reach the volume of a burst."""
        total, number = pushes_of(candle.high, candle.low), 0
        while True:
            bound_usdt = self._book.burst_from(candle.open_ms)
            if bound_usdt > candle.quote_usdt:
                return
            number = push_of_volume(candle.quote_usdt, bound_usdt, total, after=number)
            if number > total:
                return
            self._take(self._push(candle, self._point(at, candle, number), number / total))

    def _point(self, at: int, candle: Candle, number: int) -> PathPoint:
        return point_of(
            number,
            candle.open,
            candle.high,
            candle.low,
            candle.close,
            decimals=self._decimals[at],
            is_flipped=self._is_flipped(at),
        )

    def _is_flipped(self, at: int) -> bool:
        return self._options.is_flipped and bool(self._marks.both[at])

    def _push(self, candle: Candle, point: PathPoint, share: float) -> CandleUpdate:
        """share: of the candle's volume, which grows evenly."""
        kline = Candle(
            open_ms=candle.open_ms,
            open=candle.open,
            high=point.high,
            low=point.low,
            close=point.price,
            quote_usdt=candle.quote_usdt * share,
            taker_quote_usdt=candle.taker_quote_usdt * share,
            is_closed=False,
        )
        return CandleUpdate(event_ms=candle.open_ms + point.after_ms, symbol=self._symbol, kline=kline)

    # --- open interest

    def _remember_samples(self, at: int) -> None:
        """Those before this candle, as far as anything compares with them."""
        begin_ms = int(self._candles.open_ms[at]) + FIRST_PUSH_MS
        for sample in self._samples.before(begin_ms, since=self._next_sample):
            self._engine.on_open_interest(
                OpenInterest(symbol=self._symbol, contracts=sample.contracts, time_ms=sample.time_ms)
            )
        self._next_sample = self._samples.index_at(begin_ms)

    def _sample(self, sample: InterestSample) -> None:
        self._clock.ms = sample.time_ms
        self._engine.on_open_interest(
            OpenInterest(symbol=self._symbol, contracts=sample.contracts, time_ms=sample.time_ms)
        )
        self._engine.evaluate_open_interest([self._symbol])
