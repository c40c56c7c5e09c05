"""Candles as the rest of the program sees them. The exchange's one-letter names end in exchanges/."""

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


_WIDTH = 5
_OPEN, _HIGH, _LOW, _CLOSE, _QUOTE = range(_WIDTH)


class ClosedRun(Sequence[ClosedCandle]):
    """Consecutive minutes, oldest → newest, length ≤ capacity. One row of plain doubles: candles of 600 symbols would
    otherwise be most of the program's memory."""

    __slots__ = ("_last_ms", "_usual", "_values", "capacity")

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self._last_ms = 0
        self._values = array("d")  # of each minute its open, high, low, close and quote volume
        self._usual: tuple[int, Usual] | None = None  # the last answer of `usual`, with what it was asked for

    def append(self, candle: ClosedCandle | Kline) -> None:
        """The minute after the last one; any other empties the run first, so that no hole is ever inside."""
        values = self._values
        if values and candle.open_ms != self._last_ms + MINUTE_MS:
            self.clear()
        self._last_ms = candle.open_ms
        self._usual = None
        values.extend((candle.open, candle.high, candle.low, candle.close, candle.quote_usdt))
        beyond = len(values) - self.capacity * _WIDTH
        if beyond > 0:
            del values[:beyond]

    def clear(self) -> None:
        self._usual = None
        del self._values[:]

    def replace(self, last_ms: int, values: bytes, *, usual: tuple[int, Usual] | None = None) -> None:
        """Instead of all that is in it: consecutive minutes that end with the one of `last_ms`, `capacity` at most.
        values: of each its open, high, low, close and quote volume, as native doubles, oldest → newest. usual: what
        `usual` answers, where that is known already, with how many minutes it was asked for."""
        self._values = array("d", values)
        self._last_ms, self._usual = last_ms, usual

    def put(self, candles: Sequence[ClosedCandle]) -> None:
        """Instead of all that is in it: consecutive minutes, oldest → newest, `capacity` at most."""
        self.clear()
        if candles:
            self._last_ms = candles[-1].open_ms
            for one in candles:
                self._values.extend(one[1:])

    def reaches(self, open_ms: int) -> bool:
        """True when the candle that opens at `open_ms` is the last of the run, or the one that follows it."""
        return bool(self._values) and open_ms in (self._last_ms, self._last_ms + MINUTE_MS)

    def open_at(self, open_ms: int) -> float | None:
        """Open of that minute; None when it is not in the run."""
        index = self._index_of(open_ms)
        return self._values[index * _WIDTH + _OPEN] if 0 <= index < len(self) else None

    def closes_before(self, open_ms: int, count: int) -> list[float]:
        """Closes of the last `count` minutes at most that opened before then, oldest → newest."""
        return self._before(_CLOSE, open_ms, count)

    def volumes_before(self, open_ms: int, count: int) -> list[float]:
        """Their quote volumes, USDT."""
        return self._before(_QUOTE, open_ms, count)

    def volumes(self, count: int) -> list[float]:
        """Quote volume of the last `count` minutes at most, USDT, oldest → newest."""
        return self._column(_QUOTE, max(0, len(self) - count), len(self)).tolist() if count > 0 else []

    def usual(self, count: int) -> Usual:
        """Of the quote volumes of the last `count` minutes at most. Kept until another minute closes: a burst is asked
        about before, while and after its candle runs."""
        if self._usual is not None and self._usual[0] == count:
            return self._usual[1]
        found = Usual.of(self.volumes(count))
        self._usual = count, found
        return found

    def since(self, open_ms: int) -> list[ClosedCandle]:
        """Minutes that opened then or later, oldest → newest."""
        return self._between(max(0, self._index_of(open_ms)), len(self))

    def extremes_since(self, open_ms: int) -> tuple[float, float] | None:
        """(highest, lowest) price of the minutes that opened then or later; None when there is none."""
        first, after = max(0, self._index_of(open_ms)), len(self)
        if first >= after:
            return None
        return max(self._column(_HIGH, first, after)), min(self._column(_LOW, first, after))

    def __len__(self) -> int:
        return len(self._values) // _WIDTH

    @overload
    def __getitem__(self, index: int) -> ClosedCandle: ...
    @overload
    def __getitem__(self, index: slice) -> list[ClosedCandle]: ...
    def __getitem__(self, index: int | slice) -> ClosedCandle | list[ClosedCandle]:
        count = len(self)
        if isinstance(index, slice):
            first, after, step = index.indices(count)
            return self._between(first, after) if step == 1 else [self[at] for at in range(first, after, step)]
        at = index + count if index < 0 else index
        if not 0 <= at < count:
            raise IndexError(index)
        open_ms = self._last_ms - (count - 1 - at) * MINUTE_MS
        return ClosedCandle(open_ms, *self._values[at * _WIDTH : (at + 1) * _WIDTH])

    def __iter__(self) -> Iterator[ClosedCandle]:
        return iter(self._between(0, len(self)))

    def _between(self, first: int, after: int) -> list[ClosedCandle]:
        """Column by column: several times cheaper than one candle after the other."""
        begin_ms = self._last_ms - (len(self) - 1 - first) * MINUTE_MS
        minutes = range(begin_ms, begin_ms + max(0, after - first) * MINUTE_MS, MINUTE_MS)
        columns = (self._column(at, first, after) for at in range(_WIDTH))
        return list(map(_candle_of, zip(minutes, *columns, strict=True)))

    def _before(self, at: int, open_ms: int, count: int) -> list[float]:
        after = len(self) - max(0, (self._last_ms - open_ms) // MINUTE_MS + 1)
        return self._column(at, max(0, after - count), max(0, after)).tolist()

    def _column(self, at: int, first: int, after: int) -> array[float]:
        """One value of each minute from index `first` up to `after`."""
        return self._values[first * _WIDTH + at : after * _WIDTH : _WIDTH]

    def _index_of(self, open_ms: int) -> int:
        """Of that minute; below 0 or beyond the end when it is not there."""
        return len(self) - 1 - (self._last_ms - open_ms) // MINUTE_MS
