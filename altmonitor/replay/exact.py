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

import asyncio
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from math import ceil, inf
from types import MappingProxyType
from typing import Final

import msgspec
import numpy as np
from msgspec.structs import replace as replace_fields

from altmonitor.core.alert import Alert
from altmonitor.core.clock import SystemClock
from altmonitor.core.types import Destination
from altmonitor.detectors.adaptive import HOUR_MS, MEASURED_MINUTES, loosest
from altmonitor.engine.audiences import Expectation
from altmonitor.engine.context import EngineDeps
from altmonitor.engine.engine import Engine
from altmonitor.engine.episodes import EpisodeOptions
from altmonitor.market.book import SymbolBook
from altmonitor.market.candles import MINUTE_MS, Candle, CandleUpdate, Usual
from altmonitor.market.open_interest import OpenInterestRing
from altmonitor.market.quotes import DayTicker, Funding, OpenInterest
from altmonitor.replay.columns import CandleColumns, Ints, OpenInterestColumns
from altmonitor.replay.measures import medians, run_lengths
from altmonitor.replay.price_path import (
    CLOSE_PUSH_MS,
    FIRST_PUSH_MS,
    PathPoint,
    PricePath,
    point_of,
    push_at,
    push_of_volume,
    pushes_of,
)
from altmonitor.replay.selection import OI_MEMORY_MS, InterestSample, Marks, Samples, marks_of
from altmonitor.settings.audience import Audience
from altmonitor.settings.conditions import Condition
from altmonitor.settings.settings import Settings

DAY_MS: Final = 86_400_000
FLOAT_BYTES: Final = 8
LONGEST_WINDOW_MS: Final = 15 * MINUTE_MS
USUAL_FUNDING_HOURS: Final = 8.0
WHOLE_MOVES: Final = 4
"""A whole move that doubles so often without a single minute that reaches a bound is not reckoned with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SymbolHistory:
    """What is known of one symbol, from well before the range that is asked about. marks: of the candles, where a tape
    has selected them; None: they are looked for."""

    symbol: str
    candles: CandleColumns
    open_interest: OpenInterestColumns
    marks: Marks | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayOptions:
    """audiences: who would have been told, the main one first. price_path: which prices of a minute count.
    conditions: what was asked for by name (`/alert`); of their symbols nothing is left out, and one that is true where
    the warm-up begins is told again only after it was false. is_flipped: in minutes that reach bounds on both sides
    the other extreme comes first. is_whole: nothing is left out.
    """

    audiences: tuple[Audience, ...]
    price_path: PricePath = "touch"
    episodes: EpisodeOptions = field(default_factory=EpisodeOptions)
    conditions: tuple[Condition, ...] = ()
    is_flipped: bool = False
    is_whole: bool = False


class ReplayedAlert(msgspec.Struct, frozen=True, kw_only=True):
    """to: the audiences that would have been told."""

    alert: Alert
    to: tuple[Destination, ...]


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


def shortest_warm_up_ms(options: ReplayOptions) -> int:
    """No state lasts longer than this after what began it, and no comparison looks further back."""
    every = [one.settings for one in options.audiences]
    spans = [LONGEST_WINDOW_MS, OI_MEMORY_MS, int(options.episodes.episode_quiet_min * MINUTE_MS)]
    spans += [settings.longest_cooldown_s * 1000 for settings in every]
    spans += [settings.vol_burst_lookback * MINUTE_MS for settings in every]
    spans += [MEASURED_MINUTES * MINUTE_MS + HOUR_MS for settings in every if settings.is_adaptive]
    spans += [DAY_MS for settings in every if _asks_for_days(settings)]
    return max(spans) + 2 * MINUTE_MS


def warm_begin(
    open_ms: Ints, options: ReplayOptions, *, from_ms: int, marks: Marks, loud_ms: Ints, calm_ms: Ints
) -> int:
    """Index of the first candle to play: a stretch in which nothing could have been told lies before it.

    What was told of prices may be told again for the whole of it in minutes that reach no bound, and every such
    alert lengthens the episode; after those a calm stretch has to be longer. Of the time before the first candle
    nothing is known, so what could have been told in it counts as well. marks, loud_ms, calm_ms: see
    `Marks` and `Samples`.
    """
    if not len(open_ms):
        return 0
    span_ms = shortest_warm_up_ms(options)
    long_ms = span_ms + whole_moves_ms(options)
    moments = np.union1d(open_ms[marks.any], loud_ms)
    prices_ms = open_ms[marks.price]
    end_ms = from_ms - span_ms
    for at in range(int(np.searchsorted(moments, end_ms, side="right")), -1, -1):
        begin_ms = int(moments[at - 1]) + 2 * MINUTE_MS if at else int(open_ms[0]) + span_ms
        is_long = end_ms - begin_ms >= long_ms or (
            at > 0 and end_ms - begin_ms >= span_ms and not _has_price(moments[:at], prices_ms, long_ms=long_ms)
        )
        is_calm = not len(calm_ms) or bool(
            np.searchsorted(calm_ms, end_ms) > np.searchsorted(calm_ms, max(begin_ms, end_ms - span_ms))
        )
        if is_long and is_calm:
            return int(np.searchsorted(open_ms, end_ms))
        end_ms = int(moments[at - 1]) if at else end_ms
    return 0


def whole_moves_ms(options: ReplayOptions) -> int:
    """So long after a price alert its whole move may be told again although no minute reaches a bound."""
    return int(WHOLE_MOVES * options.episodes.episode_quiet_min * MINUTE_MS)


def _without_rolling(audience: Audience) -> Audience:
    settings = audience.settings
    own = {symbol: replace(one, rolling=False) for symbol, one in settings.of_symbol.items()}
    return replace(audience, settings=replace(settings, rolling=False, of_symbol=MappingProxyType(own)))


def _has_price(moments: Ints, prices_ms: Ints, *, long_ms: int) -> bool:
    """Whether a price may have been told in the chain of moments that ends with the last one: none follows another
    after a stretch that is long enough by itself."""
    ends = np.flatnonzero(np.diff(moments) >= long_ms + 2 * MINUTE_MS)
    begin_ms = int(moments[ends[-1] + 1]) if len(ends) else int(moments[0])
    first, after = np.searchsorted(prices_ms, [begin_ms, int(moments[-1]) + 1])
    return bool(first < after)


def _asks_for_days(settings: Settings) -> bool:
    return bool(settings.min_24h_usdt or any(own.min_24h_usdt for own in settings.of_symbol.values()))


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
        names = ("open", "high", "low", "close", "quote_usdt", "taker_quote_usdt")
        raw = [getattr(self._candles, name).tobytes() for name in names]  # cheaper to cut than arrays
        self._raw = raw[:5]
        self._open, self._high, self._low, self._close, self._quote, self._taker = (
            memoryview(one).cast("d") for one in raw
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
        self._clock = _EventClock(first_ms)
        self._sink = _AlertsOfRange(self._from_ms, self._to_ms)
        has_days = any(_asks_for_days(one.settings) for one in self._options.audiences)
        context = _History(self._candles if has_days else None, self._clock)
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
        candles = self._candles
        last = min(after, int(np.searchsorted(candles.open_ms, ceil(until_ms))))
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
        is_price = (
            self._options.is_whole
            or bool(samples)
            or bool(self._is_price[at])
            or (expected.until_ms > candle.open_ms and (candle.high >= expected.above or candle.low <= expected.below))
        )
        if self._has_samples:
            self._remember_samples(at)
        close = CandleUpdate(event_ms=candle.open_ms + CLOSE_PUSH_MS, symbol=self._symbol, kline=candle)
        if not is_price:
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
        first, after = (at - known) * FLOAT_BYTES, at * FLOAT_BYTES
        columns = [column[first:after] for column in self._raw]
        self._engine.begin_after(self._symbol, last_ms, columns, self._usual.get(at))

    def _updates(self, at: int, candle: Candle, *, moments_ms: Sequence[int]) -> Iterator[CandleUpdate]:
        """All before the close. Those pushes are left out that the book would not look at; it is asked before each,
        because a push changes what it looks at. moments_ms: of samples, which are weighed with the price of their
        moment."""
        if self._options.price_path != "touch":
            return
        book, total = self._book, pushes_of(candle.high, candle.low)
        weighed = {1, *(min(total, push_at(ms - candle.open_ms)) for ms in moments_ms)}
        is_every = self._options.is_whole
        for number in range(1, total + 1):
            point = self._point(at, candle, number)
            if (
                is_every
                or number in weighed
                or candle.quote_usdt * (number / total) >= book.burst_at
                or book.may_be_news(point.price, candle.open_ms + point.after_ms)
            ):
                yield self._push(candle, point, number / total)

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
            is_flipped=self._options.is_flipped and bool(self._marks.both[at]),
        )

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


# ---


class _EventClock(SystemClock):
    """`ms`: the event that is being played; nothing waits in a replay."""

    def __init__(self, ms: int) -> None:
        self.ms = ms

    def now_ms(self) -> int:
        return self.ms

    def monotonic(self) -> float:
        return self.ms / 1000

    async def sleep(self, seconds: float) -> None:
        raise RuntimeError("a replay does not wait")

    def timeout(self, seconds: float | None) -> asyncio.Timeout:
        raise RuntimeError("a replay does not wait")


class _AlertsOfRange:
    """An `AlertSink` that keeps the alerts of the range."""

    def __init__(self, from_ms: int, to_ms: int) -> None:
        self._from_ms, self._to_ms = from_ms, to_ms
        self.kept: list[ReplayedAlert] = []

    def put(self, alert: Alert, *, to: Sequence[Destination]) -> None:
        if self._from_ms <= alert.event_ms < self._to_ms:
            self.kept.append(ReplayedAlert(alert=alert, to=tuple(to)))

    def complete(self, final: Alert) -> None:
        """A burst that was told while its candle ran: its direction and multiple are known at the close."""
        for at in range(len(self.kept) - 1, -1, -1):
            known = self.kept[at]
            if known.alert.key == final.key:
                details = replace_fields(known.alert.details, quote_usdt=final.details.quote_usdt)
                self.kept[at] = ReplayedAlert(alert=replace_fields(final, details=details), to=known.to)
                return
            if known.alert.event_ms < final.event_ms - MINUTE_MS:
                return


class _History:
    """A `MarketContext` of the past: volume of 24 hours from the candles, where anybody has a floor for it."""

    def __init__(self, candles: CandleColumns | None, clock: _EventClock) -> None:
        self._candles = candles
        self._clock = clock
        self._sums = np.concatenate([[0.0], np.cumsum(candles.quote_usdt)]) if candles is not None else np.zeros(1)

    def day(self, symbol: str) -> DayTicker | None:
        candles, now_ms = self._candles, self._clock.ms
        if candles is None or not len(candles) or candles.open_ms[0] > now_ms - DAY_MS:
            return None
        first, after = np.searchsorted(candles.open_ms, [now_ms - DAY_MS, now_ms - MINUTE_MS + 1]).tolist()
        if first >= after:
            return None
        last = float(candles.close[after - 1])
        return DayTicker(
            symbol=symbol,
            last_price=last,
            change_pct=(last / float(candles.open[first]) - 1) * 100,
            quote_usdt=float(self._sums[after] - self._sums[first]),
        )

    def funding(self, symbol: str) -> Funding | None:
        return None

    def funding_hours(self, symbol: str) -> float:
        return USUAL_FUNDING_HOURS
