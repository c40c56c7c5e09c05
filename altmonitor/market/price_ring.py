"""A ring of time-stamped prices: what was the price a minute ago?"""

from __future__ import annotations

from array import array

CAPACITY = 128
MIN_SPACING_MS = 500
"""Prices are kept half a second apart: the exchange sends up to four a second. At most 121 of them lie in a minute, so
that the one of a minute ago is always among them."""


class PriceRing:
    """The last prices of one symbol, at least `MIN_SPACING_MS` apart, in event time (unix ms), oldest → newest."""

    __slots__ = ("_count", "_prices", "_times")

    def __init__(self) -> None:
        self._times = array("q", bytes(8 * CAPACITY))
        self._prices = array("d", bytes(8 * CAPACITY))
        self._count = 0  # grows for ever; slot = count % CAPACITY

    def push(self, event_ms: int, price: float) -> int:
        """Keep a price. Returns the earliest event time of the next one; the caller holds itself to it."""
        count = self._count
        slot = count % CAPACITY
        self._times[slot] = event_ms
        self._prices[slot] = price
        self._count = count + 1
        return event_ms + MIN_SPACING_MS

    def clear(self) -> None:
        self._count = 0

    def between(self, after_ms: int, until_ms: int) -> list[float]:
        """Prices with after_ms < time ≤ until_ms, newest first."""
        found = []
        index = self._newest(until_ms)
        while index >= max(0, self._count - CAPACITY) and self._times[index % CAPACITY] > after_ms:
            found.append(self._prices[index % CAPACITY])
            index -= 1
        return found

    def at(self, moment_ms: int, *, not_before_ms: int) -> tuple[int, float] | None:
        """The newest (time, price) with not_before_ms ≤ time ≤ moment_ms; None when there is none."""
        index = self._newest(moment_ms)
        if index < max(0, self._count - CAPACITY):
            return None
        slot = index % CAPACITY
        time_ms = self._times[slot]
        if time_ms < not_before_ms:
            return None
        return time_ms, self._prices[slot]

    def _newest(self, moment_ms: int) -> int:
        """Number of the newest price at or before that moment; one below the oldest that is kept when there is none."""
        low = max(0, self._count - CAPACITY)
        high = self._count
        while low < high:  # first index whose time is > moment_ms
            middle = (low + high) // 2
            if self._times[middle % CAPACITY] <= moment_ms:
                low = middle + 1
            else:
                high = middle
        return low - 1
