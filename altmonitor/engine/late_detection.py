"""Minutes that nobody watched, and those whose volume could not be judged at their close: looked through afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from altmonitor.detectors import volume as volume_burst
from altmonitor.detectors.price import WINDOWS, Reading
from altmonitor.engine.audiences import Audiences
from altmonitor.engine.conditions import ConditionEngine
from altmonitor.engine.decision_log import DecisionLog
from altmonitor.engine.evaluate import PriceEvaluator, VolumeEvaluator
from altmonitor.market.book import SymbolBook
from altmonitor.market.candles import LONGEST_MINUTES, MINUTE_MS, ClosedCandle, Kline, Usual
from altmonitor.market.math import MinuteRanges

Known = Mapping[int, ClosedCandle]
"""Closed candles by open time."""


class LateDetection:
    """request_refill(symbol, from_ms, to_ms): asks for closed minutes; they come back through `refill`.

    on_refilled: with a book that has more closed minutes now, before any of them is judged.
    log: learns what was missed and looked through. now_ms: event time, by our clock.
    """

    def __init__(
        self,
        audiences: Audiences,
        *,
        price: PriceEvaluator,
        volume: VolumeEvaluator,
        conditions: ConditionEngine,
        request_refill: Callable[[str, int, int], None],
        on_refilled: Callable[[SymbolBook], None],
        log: DecisionLog,
        now_ms: Callable[[], int],
    ) -> None:
        self._audiences = audiences
        self._price = price
        self._volume = volume
        self._conditions = conditions
        self._request_refill = request_refill
        self._on_refilled = on_refilled
        self._log = log
        self._now_ms = now_ms
        self._unseen = MinuteRanges()
        self._unjudged = MinuteRanges()  # seen, but at their close there was no history to compare their volume with

    def forget(self, symbol: str) -> None:
        self._unseen.forget(symbol)
        self._unjudged.forget(symbol)

    def after_blind(self, books: Iterable[SymbolBook], since_ms: int, until_ms: int) -> None:
        begin_ms = max(since_ms, until_ms - LONGEST_MINUTES * MINUTE_MS) // MINUTE_MS * MINUTE_MS
        for book in books:
            book.forget_window()
            self._miss(book.symbol, begin_ms, (until_ms // MINUTE_MS + 1) * MINUTE_MS)
            if begin_ms != until_ms // MINUTE_MS * MINUTE_MS:  # the running one is left to the stream
                self._ask(book.symbol, begin_ms, until_ms - MINUTE_MS)

    def before_close(self, book: SymbolBook, kline: Kline, *, has_hole: bool) -> None:
        """A candle is about to be closed that cannot be compared with those before it."""
        begin_ms = book.last_closed_ms + MINUTE_MS if has_hole else kline.open_ms
        self._miss(book.symbol, begin_ms, kline.open_ms)
        self._unjudged.add(book.symbol, kline.open_ms, kline.open_ms + MINUTE_MS)
        self._ask(book.symbol, begin_ms, kline.open_ms)

    def after_close(self, book: SymbolBook, kline: Kline) -> None:
        """Sight may have come back within this candle: then what it touched before is told."""
        if self._unseen.covers(book.symbol, kline.open_ms):
            self._tell_missed(book, kline, {candle.open_ms: candle for candle in book.closed})
            self._log.looked_back(book.symbol, kline.open_ms, at_ms=max(self._now_ms(), book.event_ms))
            self._unseen.fill(book.symbol, kline.open_ms, kline.open_ms + MINUTE_MS)

    def refill(self, book: SymbolBook, candles: Sequence[Kline]) -> None:
        """Closed candles from the exchange's history, oldest → newest. Those nobody watched are looked through."""
        if book.symbol in self._unseen or book.symbol in self._unjudged or self._volume.is_any_running(book.symbol):
            self._look_through(book, candles)
        else:
            book.refill(candles)
            self._on_refilled(book)
        self._volume.listen(book)

    def _look_through(self, book: SymbolBook, candles: Sequence[Kline]) -> None:
        symbol, at_ms = book.symbol, max(self._now_ms(), book.event_ms)
        closed = list(book.closed)
        candles = book.refill(candles)
        known = {candle.open_ms: ClosedCandle.of(candle) for candle in candles}
        known.update((candle.open_ms, candle) for candle in closed)
        self._on_refilled(book)
        for kline in candles:
            is_unseen = self._unseen.covers(symbol, kline.open_ms)
            is_running = kline.is_closed and self._volume.is_running(symbol, kline.open_ms)
            if is_unseen or is_running or self._unjudged.covers(symbol, kline.open_ms):
                self._look_back_at_volume(book, kline, known)
                self._log.looked_back(symbol, kline.open_ms, at_ms=at_ms, is_volume=not is_unseen)
            if is_unseen:
                self._tell_missed(book, kline, known)

    def backfilled(self, symbol: str, from_ms: int, to_ms: int) -> None:
        """No more history will come of the minutes [from_ms, to_ms)."""
        self._unseen.fill(symbol, from_ms, to_ms)
        self._unjudged.fill(symbol, from_ms, to_ms)

    @property
    def unseen_since_ms(self) -> int | None:
        """Beginning of the oldest minute whose history has not been looked through yet; None when there is none."""
        begins = [ms for ms in (self._unseen.oldest_ms(), self._unjudged.oldest_ms()) if ms is not None]
        return min(begins, default=None)

    def _miss(self, symbol: str, begin_ms: int, end_ms: int) -> None:
        self._unseen.add(symbol, begin_ms, end_ms)
        self._log.missed(symbol, begin_ms, end_ms)

    def _ask(self, symbol: str, from_ms: int, to_ms: int) -> None:
        """With as much before it as its first minute is compared with."""
        self._request_refill(symbol, from_ms - self._audiences.lookback * MINUTE_MS, to_ms)

    def _look_back_at_volume(self, book: SymbolBook, kline: Kline, known: Known) -> None:
        """A closed minute that could not be judged when it closed: what it would have raised is told as late."""
        before: list[float] = []
        while len(before) < self._audiences.lookback:
            candle = known.get(kline.open_ms - (len(before) + 1) * MINUTE_MS)
            if candle is None:
                break
            before.append(candle.quote_usdt)
        measured = volume_burst.measure(Usual.of(before), kline)
        self._volume.evaluate(book, kline, measured, kline.open_ms + MINUTE_MS, is_late=True)

    def _tell_missed(self, book: SymbolBook, kline: Kline, known: Known) -> None:
        """What a closed candle that nobody watched has touched: its extremes against what they are compared with."""
        event_ms = kline.open_ms + MINUTE_MS

        def before(minutes: int) -> float | None:
            return kline.open if minutes == 1 else _open_before(kline.open_ms, minutes, known)

        for extreme in (kline.high, kline.low):
            reading = Reading(kline.open_ms, event_ms)
            reading.add("1m", kline.open, extreme)
            for window, minutes in WINDOWS:
                reading.add(window, before(minutes), extreme)
            self._price.evaluate(book, kline, reading, is_late=True)
        for price in (kline.high, kline.low, kline.close):
            self._conditions.look_back(book, price, before, event_ms)


def _open_before(open_ms: int, minutes: int, known: Known) -> float | None:
    """Open of the candle that began `minutes` before this one ends; None when one in between is not known."""
    for back in range(1, minutes):
        candle = known.get(open_ms - back * MINUTE_MS)
        if candle is None:
            return None
        if back == minutes - 1:
            return candle.open
    return None
