"""Candles that nobody closes: when the minute is over by the venue's clock, what was heard last of it is its end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from msgspec import structs

from altmonitor.market.candles import MINUTE_MS, Candle, CandleUpdate, KlineUpdate

CLOSE_AFTER_MS: Final = 1_500
"""Trades of the last second are told a moment later."""
SILENT_MS: Final = 15_000
"""After so long without any candle nothing is known of the minutes in between; they are fetched, not made up."""


class ClockClosing:
    """A coin that is not traded sends nothing: while others are heard, its minute is flat and without volume.

    Times are the venue's. now_ms: its clock.
    """

    def __init__(self, now_ms: Callable[[], int]) -> None:
        self._now_ms = now_ms
        self._running: dict[str, Candle] = {}
        self._over: dict[tuple[str, int], Candle] = {}
        self._closed_ms: dict[str, int] = {}
        self._last_ms = 0
        self._due_until_ms = 0
        self._has_due = False

    def hear(self, symbol: str, candle: Candle, now_ms: int) -> None:
        """Of every candle that came."""
        if now_ms - self._last_ms > SILENT_MS:
            self._running.clear()
            self._over.clear()
            self._closed_ms.clear()
        self._last_ms = now_ms
        if candle.open_ms < self._due_until_ms:
            self._has_due = True
        before = self._running.get(symbol)
        if before is not None and candle.open_ms < before.open_ms:
            if (symbol, candle.open_ms) in self._over:  # its last trades, told after the next minute began
                self._over[symbol, candle.open_ms] = candle
            return
        if before is not None and candle.open_ms > before.open_ms:
            self._over[symbol, before.open_ms] = before
        self._running[symbol] = candle

    def forget(self, symbol: str) -> None:
        self._running.pop(symbol, None)
        self._closed_ms.pop(symbol, None)

    def due(self) -> list[KlineUpdate]:
        """Closed candles, each once, oldest → newest of each symbol. Empty while nothing is heard."""
        now_ms = self._now_ms()
        if now_ms - self._last_ms > SILENT_MS:
            return []
        end_ms = (now_ms - CLOSE_AFTER_MS) // MINUTE_MS * MINUTE_MS
        if end_ms == self._due_until_ms and not self._has_due:  # every candle that is known runs, or was closed
            return []
        self._due_until_ms, self._has_due = end_ms, False
        found: list[KlineUpdate] = []
        for (symbol, open_ms), candle in sorted(self._over.items()):
            if open_ms + MINUTE_MS <= end_ms:
                del self._over[symbol, open_ms]
                self._close(found, symbol, candle, now_ms)
        for symbol, candle in list(self._running.items()):
            if candle.open_ms + MINUTE_MS <= end_ms:
                self._close(found, symbol, candle, now_ms)
                self._running[symbol] = self._flat_until(found, symbol, candle, end_ms, now_ms)
        return found

    def _flat_until(self, found: list[KlineUpdate], symbol: str, candle: Candle, end_ms: int, now_ms: int) -> Candle:
        """Closes the minutes without a trade; returns the one that runs, flat so far."""
        price, open_ms = candle.close, candle.open_ms + MINUTE_MS
        while open_ms + MINUTE_MS <= end_ms:
            self._close(found, symbol, _flat(open_ms, price), now_ms)
            open_ms += MINUTE_MS
        return _flat(open_ms, price)

    def _close(self, found: list[KlineUpdate], symbol: str, candle: Candle, now_ms: int) -> None:
        if candle.open_ms <= self._closed_ms.get(symbol, -1):
            return
        self._closed_ms[symbol] = candle.open_ms
        closed = structs.replace(candle, is_closed=True)
        found.append(CandleUpdate(event_ms=now_ms, symbol=symbol, kline=closed))


def _flat(open_ms: int, price: float) -> Candle:
    return Candle(open_ms=open_ms, open=price, high=price, low=price, close=price, quote_usdt=0.0, is_closed=False)
