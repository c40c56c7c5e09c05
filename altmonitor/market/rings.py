"""A ring of time-stamped prices: what was the price a minute ago?"""

from __future__ import annotations

from array import array

CAPACITY = 512
MIN_SPACING_MS = 125
"""512 prices at least 125 ms apart span 64 s, whatever the rate at which frames come (the exchange sends ≤ 4/s)."""


class PriceRing:
    """The last prices of one symbol, at least `MIN_SPACING_MS` apart, in event time.

    The hot path writes `times`, `prices` and `count` itself (see `SymbolBook.apply`): a call per frame would cost more
    than the write. `count` grows for ever; slot = count % CAPACITY.
    """

    __slots__ = ("count", "last_ms", "prices", "times")

    def __init__(self) -> None:
        self.times = array("q", bytes(8 * CAPACITY))
        self.prices = array("d", bytes(8 * CAPACITY))
        self.count = 0
        self.last_ms = 0

    def push(self, event_ms: int, price: float) -> None:
        """Keep a price; ignored when closer than the spacing to the one before, or older than it."""
        if event_ms - self.last_ms >= MIN_SPACING_MS:
            slot = self.count % CAPACITY
            self.times[slot] = event_ms
            self.prices[slot] = price
            self.count += 1
            self.last_ms = event_ms

    def clear(self) -> None:
        self.count = 0
        self.last_ms = 0

    def at(self, moment_ms: int, *, not_before_ms: int) -> tuple[int, float] | None:
        """The newest (time, price) with not_before_ms ≤ time ≤ moment_ms; None when there is none."""
        low = max(0, self.count - CAPACITY)
        high = self.count
        while low < high:  # first index whose time is > moment_ms
            middle = (low + high) // 2
            if self.times[middle % CAPACITY] <= moment_ms:
                low = middle + 1
            else:
                high = middle
        index = low - 1
        if index < max(0, self.count - CAPACITY):
            return None
        slot = index % CAPACITY
        time_ms = self.times[slot]
        if time_ms < not_before_ms:
            return None
        return time_ms, self.prices[slot]
