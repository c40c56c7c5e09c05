"""What is known of one symbol right now: the open candle, a minute of prices, the closed candles behind it."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum
from math import inf

from altmonitor.market.kline import MINUTE_MS, Kline, KlineUpdate
from altmonitor.market.rings import CAPACITY, MIN_SPACING_MS, PriceRing


class Applied(IntEnum):
    """What `SymbolBook.apply` did with an update."""

    LIVE = 0  # it is the newest state of the newest candle
    LATE = 1  # it belongs to a candle before the newest one (a close often arrives after the next candle's first frame)
    STALE = 2  # older than what is known of the same candle: two connections overlap
    BAD_NUMBER = 3  # not finite, not positive, or outside its own high and low


class ClosedCandle:
    """What volume and open-interest messages need of a closed candle."""

    __slots__ = ("close", "open_ms", "quote_usdt")

    def __init__(self, open_ms: int, quote_usdt: float, close: float) -> None:
        self.open_ms = open_ms
        self.quote_usdt = quote_usdt
        self.close = close


class SymbolBook:
    """Live state of one symbol. Plain floats in slots: numpy per message is several times slower.

    closed: consecutive closed minutes, oldest → newest, length ≤ lookback; a hole empties it (never bridged).
    """

    __slots__ = (
        "closed",
        "entry_price",
        "event_ms",
        "high",
        "kline",
        "last_closed_ms",
        "lookback",
        "low",
        "open_ms",
        "previous_high",
        "previous_low",
        "price",
        "ring",
        "symbol",
    )

    def __init__(self, symbol: str, *, lookback: int) -> None:
        self.symbol = symbol
        self.lookback = lookback
        self.kline: Kline | None = None
        self.event_ms = 0
        self.open_ms = 0
        self.price = 0.0  # last price, 0 before the first frame
        self.high = -inf
        self.low = inf
        # Bounds of the candle seen before this one, the price it was entered with included. With the open candle's
        # they bound every price the 60 s comparison can meet, so most frames need no look into the ring.
        self.previous_high = -inf
        self.previous_low = inf
        self.entry_price = 0.0  # last price before the open candle's first frame, 0 when there was none
        self.ring = PriceRing()
        self.closed: list[ClosedCandle] = []
        self.last_closed_ms = 0

    def apply(self, update: KlineUpdate) -> Applied:
        kline = update.kline
        event_ms = update.event_ms
        close = kline.close
        low = kline.low
        high = kline.high
        if not (0.0 < low <= close <= high < inf and low <= kline.open <= high):
            return Applied.BAD_NUMBER
        open_ms = kline.open_ms
        if open_ms != self.open_ms:
            if open_ms < self.open_ms:
                if high > self.previous_high:
                    self.previous_high = high
                if low < self.previous_low:
                    self.previous_low = low
                return Applied.LATE
            self._turn(open_ms)
        elif event_ms < self.event_ms:
            return Applied.STALE
        self.kline = kline
        self.event_ms = event_ms
        self.price = close
        self.high = high
        self.low = low
        ring = self.ring
        if event_ms - ring.last_ms >= MIN_SPACING_MS:  # PriceRing.push, written out: this runs for every frame
            slot = ring.count % CAPACITY
            ring.times[slot] = event_ms
            ring.prices[slot] = close
            ring.count += 1
            ring.last_ms = event_ms
        return Applied.LIVE

    def _turn(self, open_ms: int) -> None:
        entry = self.entry_price or self.price
        self.previous_high = max(self.high, entry) if self.price else -inf
        self.previous_low = min(self.low, entry) if self.price else inf
        self.entry_price = self.price
        self.open_ms = open_ms

    def close_candle(self, kline: Kline) -> None:
        """Append a closed candle that is newer than every one before; a missing minute empties the past first."""
        if self.has_hole_before(kline.open_ms):
            self.closed.clear()
        self.closed.append(ClosedCandle(kline.open_ms, kline.quote_usdt, kline.close))
        if len(self.closed) > self.lookback:
            del self.closed[: len(self.closed) - self.lookback]
        self.last_closed_ms = kline.open_ms

    def has_hole_before(self, open_ms: int) -> bool:
        """True when minutes are missing between the last closed candle and the one that opened at `open_ms`."""
        return self.last_closed_ms > 0 and open_ms > self.last_closed_ms + MINUTE_MS

    def refill(self, candles: Iterable[Kline]) -> None:
        """Put closed candles from the exchange's history under those seen live; keep the newest unbroken run."""
        known = {candle.open_ms: candle for candle in self.closed}
        for kline in candles:
            if kline.is_closed and kline.open_ms not in known:
                known[kline.open_ms] = ClosedCandle(kline.open_ms, kline.quote_usdt, kline.close)
        run: list[ClosedCandle] = []
        for open_ms in sorted(known, reverse=True):
            if run and run[-1].open_ms - open_ms != MINUTE_MS:
                break
            run.append(known[open_ms])
        self.closed = run[: self.lookback][::-1]
        if self.closed:
            self.last_closed_ms = self.closed[-1].open_ms

    def forget_window(self) -> None:
        """After a blind time: the price a minute ago was not seen, so there is none to compare with."""
        self.ring.clear()
        self.previous_high = -inf
        self.previous_low = inf
        self.entry_price = 0.0

    def price_before(self, moment_ms: int) -> float | None:
        """Close of the last closed candle that ended at or before `moment_ms`, at most a minute earlier; else None."""
        for candle in reversed(self.closed):
            age_ms = moment_ms - (candle.open_ms + MINUTE_MS)
            if age_ms >= 0:
                return candle.close if age_ms < MINUTE_MS else None
        return None
