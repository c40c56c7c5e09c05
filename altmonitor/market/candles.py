"""Candles as the rest of the house sees them. The exchange's one-letter names end in exchanges/."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple, Protocol, overload

import msgspec

LONGEST_MINUTES = 1_440
"""Older minutes of a hole are not fetched: no window looks further back than a day."""


MINUTE_MS = 60_000


class Kline(Protocol):
    """One candle, open or closed. Prices in the quote currency."""

    @property
    def open_ms(self) -> int: ...
    @property
    def open(self) -> float: ...
    @property
    def high(self) -> float: ...
    @property
    def low(self) -> float: ...
    @property
    def close(self) -> float: ...
    @property
    def quote_usdt(self) -> float: ...
    @property
    def taker_quote_usdt(self) -> float: ...
    @property
    def trades(self) -> int: ...
    @property
    def is_closed(self) -> bool: ...


class KlineUpdate(Protocol):
    """One push of the stream: the candle of `symbol` as of `event_ms` (exchange time, unix ms)."""

    @property
    def event_ms(self) -> int: ...
    @property
    def symbol(self) -> str: ...
    @property
    def kline(self) -> Kline: ...


class Candle(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A candle from REST, an archive or a test; satisfies `Kline`."""

    open_ms: int
    open: float
    high: float
    low: float
    close: float
    quote_usdt: float
    taker_quote_usdt: float = 0.0
    trades: int = 0
    is_closed: bool = True


class CandleUpdate(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A `Candle` with its symbol and event time; satisfies `KlineUpdate`."""

    event_ms: int
    symbol: str
    kline: Candle


# ---
# The unbroken run of closed minutes behind the open candle.


KEPT_MINUTES = 99
"""An hour and a half for charts and tables; a start loads as many at the lowest price of a request."""


class ClosedCandle(NamedTuple):
    """What is kept of a closed candle; prices in the quote currency."""

    open_ms: int
    open: float
    high: float
    low: float
    close: float
    quote_usdt: float

    @classmethod
    def of(cls, kline: Kline) -> ClosedCandle:
        return _candle_of((kline.open_ms, kline.open, kline.high, kline.low, kline.close, kline.quote_usdt))


_candle_of: Callable[[tuple[Any, ...]], ClosedCandle] = partial(tuple.__new__, ClosedCandle)
"""Of its six values; without the call in Python that a named tuple makes for each of itself."""


class Usual(NamedTuple):
    """minutes: so many volumes there are; median: of them, USDT, 0 of none."""

    minutes: int
    median: float

    @classmethod
    def of(cls, volumes: Sequence[float]) -> Usual:
        ordered = sorted(volumes)
        count = len(ordered)
        middle = count // 2
        if count % 2:
            return _usual_of((count, ordered[middle]))
        return _usual_of((count, (ordered[middle - 1] + ordered[middle]) / 2 if count else 0.0))


_usual_of: Callable[[tuple[int, float]], Usual] = partial(tuple.__new__, Usual)

NO_MINUTES = Usual(0, 0.0)


class ClosedRun(Sequence[ClosedCandle]):
    """Consecutive minutes, oldest → newest, length ≤ capacity. Columns of plain doubles: candles of 600 symbols would
    otherwise be most of the program's memory."""

    __slots__ = ("_closes", "_highs", "_last_ms", "_lows", "_opens", "_quotes", "_usual", "capacity")

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self._last_ms = 0
        self._opens = array("d")
        self._highs = array("d")
        self._lows = array("d")
        self._closes = array("d")
        self._quotes = array("d")
        self._usual: tuple[int, Usual] | None = None  # the last answer of `usual`, with what it was asked for

    def append(self, candle: ClosedCandle | Kline) -> None:
        """The minute after the last one; any other empties the run first, so that no hole is ever inside."""
        if self._opens and candle.open_ms != self._last_ms + MINUTE_MS:
            self.clear()
        self._last_ms = candle.open_ms
        self._usual = None
        self._opens.append(candle.open)
        self._highs.append(candle.high)
        self._lows.append(candle.low)
        self._closes.append(candle.close)
        self._quotes.append(candle.quote_usdt)
        beyond = len(self._opens) - self.capacity
        if beyond > 0:
            for column in self._columns():
                del column[:beyond]

    def clear(self) -> None:
        self._usual = None
        for column in self._columns():
            del column[:]

    def replace(self, last_ms: int, columns: Sequence[bytes], *, usual: tuple[int, Usual] | None = None) -> None:
        """Instead of all that is in it: consecutive minutes that end with the one of `last_ms`, `capacity` at most.
        columns: opens, highs, lows, closes, quote volumes, each as native doubles, oldest → newest. usual: what `usual`
        answers, where that is known already, with how many minutes it was asked for."""
        self._opens, self._highs, self._lows, self._closes, self._quotes = (array("d", one) for one in columns)
        self._last_ms, self._usual = last_ms, usual

    def put(self, candles: Sequence[ClosedCandle]) -> None:
        """Instead of all that is in it: consecutive minutes, oldest → newest, `capacity` at most."""
        self.clear()
        if candles:
            self._last_ms = candles[-1].open_ms
            for column, values in zip(self._columns(), list(zip(*candles, strict=True))[1:], strict=True):
                column.extend(values)

    def reaches(self, open_ms: int) -> bool:
        """True when the candle that opens at `open_ms` is the last of the run, or the one that follows it."""
        return bool(self._opens) and open_ms in (self._last_ms, self._last_ms + MINUTE_MS)

    def open_at(self, open_ms: int) -> float | None:
        """Open of that minute; None when it is not in the run."""
        index = len(self._opens) - 1 - (self._last_ms - open_ms) // MINUTE_MS
        return self._opens[index] if 0 <= index < len(self._opens) else None

    def closes_before(self, open_ms: int, count: int) -> list[float]:
        """Closes of the last `count` minutes at most that opened before then, oldest → newest."""
        return self._before(self._closes, open_ms, count)

    def volumes_before(self, open_ms: int, count: int) -> list[float]:
        """Their quote volumes, USDT."""
        return self._before(self._quotes, open_ms, count)

    def volumes(self, count: int) -> list[float]:
        """Quote volume of the last `count` minutes at most, USDT, oldest → newest."""
        return self._quotes[-count:].tolist() if count > 0 else []

    def usual(self, count: int) -> Usual:
        """Of the quote volumes of the last `count` minutes at most. Kept until another minute closes: a burst is asked
        about before, while and after its candle runs."""
        if self._usual is not None and self._usual[0] == count:
            return self._usual[1]
        found = Usual.of(self._quotes[-count:] if count > 0 else ())
        self._usual = count, found
        return found

    def since(self, open_ms: int) -> list[ClosedCandle]:
        """Minutes that opened then or later, oldest → newest."""
        first = len(self._opens) - 1 - (self._last_ms - open_ms) // MINUTE_MS
        return self._between(max(0, first), len(self._opens))

    def extremes_since(self, open_ms: int) -> tuple[float, float] | None:
        """(highest, lowest) price of the minutes that opened then or later; None when there is none."""
        first = max(0, len(self._opens) - 1 - (self._last_ms - open_ms) // MINUTE_MS)
        if first >= len(self._opens):
            return None
        return max(self._highs[first:]), min(self._lows[first:])

    def __len__(self) -> int:
        return len(self._opens)

    @overload
    def __getitem__(self, index: int) -> ClosedCandle: ...
    @overload
    def __getitem__(self, index: slice) -> list[ClosedCandle]: ...
    def __getitem__(self, index: int | slice) -> ClosedCandle | list[ClosedCandle]:
        if isinstance(index, slice):
            first, after, step = index.indices(len(self._opens))
            return self._between(first, after) if step == 1 else [self[at] for at in range(first, after, step)]
        at = index + len(self._opens) if index < 0 else index
        if not 0 <= at < len(self._opens):
            raise IndexError(index)
        open_ms = self._last_ms - (len(self._opens) - 1 - at) * MINUTE_MS
        return ClosedCandle(
            open_ms, self._opens[at], self._highs[at], self._lows[at], self._closes[at], self._quotes[at]
        )

    def __iter__(self) -> Iterator[ClosedCandle]:
        return iter(self._between(0, len(self._opens)))

    def _between(self, first: int, after: int) -> list[ClosedCandle]:
        """Column by column: several times cheaper than one candle after the other."""
        begin_ms = self._last_ms - (len(self._opens) - 1 - first) * MINUTE_MS
        minutes = range(begin_ms, begin_ms + max(0, after - first) * MINUTE_MS, MINUTE_MS)
        return list(map(_candle_of, zip(minutes, *(column[first:after] for column in self._columns()), strict=True)))

    def _before(self, column: array[float], open_ms: int, count: int) -> list[float]:
        after = len(column) - max(0, (self._last_ms - open_ms) // MINUTE_MS + 1)
        return column[max(0, after - count) : max(0, after)].tolist()

    def _columns(self) -> tuple[array[float], ...]:
        return self._opens, self._highs, self._lows, self._closes, self._quotes
