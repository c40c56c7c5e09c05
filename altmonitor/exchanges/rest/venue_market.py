"""Questions to the market of a venue that tells all symbols in a few tables: what such venues have in common."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable
from typing import Final

from msgspec import structs

from altmonitor.core.cache import Cache
from altmonitor.core.clock import Clock
from altmonitor.core.errors import BadAnswer, UnknownSymbol
from altmonitor.core.status import GuardStatus
from altmonitor.exchanges.rest.client import VenueRest
from altmonitor.exchanges.rest.guard import Guard
from altmonitor.interfaces.exchange import Priority
from altmonitor.market.candles import MINUTE_MS, Candle
from altmonitor.market.contracts import Contract
from altmonitor.market.plausibility import believed
from altmonitor.market.quotes import DayTicker, Funding, LongShortRatio, OpenInterest

SHARED_FOR_S: Final = 0.9
"""One answer serves all who ask within this time."""


class VenueMarket(ABC):
    """`interfaces.exchange.MarketRest` and `OpenInterestTable` over one gate."""

    def __init__(self, rest: VenueRest, *, clock: Clock, guard: Guard) -> None:
        self._rest = rest
        self._clock = clock
        self._guard = guard
        self.skipped: Counter[str] = Counter()
        """Rows of history that are not believed, by what they are."""
        self._open_interest: Cache[str, dict[str, OpenInterest]] = Cache(clock=clock, ttl_s=SHARED_FOR_S)

    async def start(self) -> None:
        """Raises: ConfigError for a proxy that cannot be used."""
        await self._rest.start()

    async def stop(self) -> None:
        await self._rest.stop()

    def guard_status(self) -> GuardStatus:
        return self._rest.guard_status()

    @abstractmethod
    async def contracts(self) -> list[Contract]: ...

    @abstractmethod
    async def klines(
        self, symbol: str, *, start_ms: int, end_ms: int, limit: int, priority: Priority
    ) -> list[Candle]: ...

    @abstractmethod
    async def day_tickers(self) -> list[DayTicker]: ...

    @abstractmethod
    async def fundings(self) -> list[Funding]: ...

    @abstractmethod
    async def funding_hours(self) -> dict[str, float]: ...

    @abstractmethod
    async def long_short_ratio(self, symbol: str, *, period: str, priority: Priority) -> LongShortRatio | None: ...

    @abstractmethod
    async def _read_time_ms(self) -> int:
        """The venue's clock, as it answers."""

    @abstractmethod
    async def _read_open_interest(self, priority: Priority) -> list[OpenInterest]:
        """Of all symbols."""

    async def server_time_ms(self) -> int:
        """Also sets our idea of the venue's clock."""
        before_s, before_ms = self._clock.monotonic(), self._clock.now_ms()
        try:
            server_ms = await self._read_time_ms()
        except ValueError as problem:
            raise BadAnswer(f"the venue's time: {problem}") from None
        self._guard.exchange_clock.answered(server_ms, before_s=before_s, before_ms=before_ms)
        return server_ms

    async def exchange_now_ms(self) -> int:
        exchange_clock = self._guard.exchange_clock
        if exchange_clock.synced_s is None or not exchange_clock.is_sure:
            await self.server_time_ms()
        return exchange_clock.now_ms()

    async def open_interests(self) -> list[OpenInterest]:
        return list((await self._table(Priority.SWEEP)).values())

    async def open_interest(self, symbol: str, *, priority: Priority) -> OpenInterest:
        found = (await self._table(priority)).get(symbol)
        if found is None:
            raise UnknownSymbol(f"no open interest of {symbol}")
        return found

    async def _table(self, priority: Priority) -> dict[str, OpenInterest]:
        async def fetch() -> dict[str, OpenInterest]:
            rows = await self._read_open_interest(priority)
            if not rows:
                raise BadAnswer("the table of open interest is empty")
            return {row.symbol: row for row in rows}

        return await self._open_interest.get("", fetch)

    async def closed_before_now(self, candles: Iterable[Candle], *, start_ms: int, end_ms: int) -> list[Candle]:
        """Oldest → newest, each minute once, those that still run marked so, without what is not believed."""
        exchange_clock = self._guard.exchange_clock
        now_ms = exchange_clock.now_ms() if exchange_clock.is_sure else await self.exchange_now_ms()
        found = {
            candle.open_ms: candle if candle.open_ms + MINUTE_MS <= now_ms else structs.replace(candle, is_closed=False)
            for candle in candles
            if start_ms <= candle.open_ms <= end_ms
        }
        told = [found[open_ms] for open_ms in sorted(found)]
        history = believed(told)
        self.skipped["klines"] += len(told) - len(history)
        return history


def amount(text: str | float | None) -> float:
    """Raises ValueError for anything but a finite number ≥ 0."""
    value = float(text) if text not in (None, "") else math.nan
    if not 0 <= value < math.inf:
        raise ValueError(f"not an amount: {str(text)[:40]!r}")
    return value


def finite(text: str | float | None) -> float:
    """Raises ValueError for anything but a finite number."""
    value = float(text) if text not in (None, "") else math.nan
    if not math.isfinite(value):
        raise ValueError(f"not a number: {str(text)[:40]!r}")
    return value


def unix_ms(text: str | int | None) -> int:
    """0 for what is empty. Raises ValueError for what is no time."""
    value = int(text) if text not in (None, "") else 0
    if not 0 <= value < 10**14:
        raise ValueError(f"not unix milliseconds: {str(text)[:40]!r}")
    return value


def priced(candle: Candle) -> Candle:
    """Raises ValueError for a candle that cannot be."""
    low, high = candle.low, candle.high
    if not (0 < low <= candle.open <= high < math.inf and low <= candle.close <= high):
        raise ValueError("prices that are not finite, not above 0, or not within low and high")
    if not 0 <= candle.quote_usdt < math.inf:
        raise ValueError("a volume that is not finite or below 0")
    return candle
