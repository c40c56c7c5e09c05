"""Questions to Bybit's market. One table tells price, open interest and funding of all contracts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

from altmonitor.core.cache import Cache
from altmonitor.core.causes import CauseCode
from altmonitor.core.clock import Clock
from altmonitor.core.errors import BadAnswer
from altmonitor.exchanges.bybit import bodies
from altmonitor.exchanges.bybit.bodies import BybitTickerWire
from altmonitor.exchanges.bybit.units import UNITS
from altmonitor.exchanges.rest.client import VenueRest
from altmonitor.exchanges.rest.guard import Guard
from altmonitor.exchanges.rest.venue_market import SHARED_FOR_S, VenueMarket
from altmonitor.interfaces.exchange import Priority
from altmonitor.market.candles import Candle
from altmonitor.market.contracts import Contract
from altmonitor.market.quotes import DayTicker, Funding, LongShortRatio, OpenInterest

T = TypeVar("T")
TickerTable = tuple[int, list[BybitTickerWire]]
"""The venue's time, unix ms, and a row for each contract."""

REQUESTS: Final = 600
PER_S: Final = 5.0
REFUSED_FOR_S: Final = 600.0
"""After a 403 the venue wants ten minutes without a request. Source: docs/v5/rate-limit (2026-10)."""
PROBE: Final = "/v5/market/time"
MOST_ROWS: Final = 1_000
PERIOD_NAMES: Final = {"5m": "5min", "15m": "15min", "30m": "30min", "1h": "1h", "4h": "4h", "1d": "1d"}


class BybitRest(VenueMarket):
    def __init__(self, base_url: str, *, clock: Clock, guard: Guard, within_s: float) -> None:
        rest = VenueRest(
            base_url,
            clock=clock,
            guard=guard,
            is_refusal=bodies.is_refusal,
            within_s=within_s,
            pauses={403: REFUSED_FOR_S, 429: REFUSED_FOR_S},
        )
        super().__init__(rest, clock=clock, guard=guard)
        self._tickers: Cache[str, TickerTable] = Cache(clock=clock, ttl_s=SHARED_FOR_S)

    async def _read_time_ms(self) -> int:
        return bodies.server_ms(await self._rest.get(PROBE, Priority.UNIVERSE))

    async def contracts(self) -> list[Contract]:
        """All contracts of the category, page by page."""
        found: list[Contract] = []
        cursor = ""
        while True:
            more = {"cursor": cursor} if cursor else {}
            body = await self._rest.get(
                "/v5/market/instruments-info", Priority.UNIVERSE, category="linear", limit=MOST_ROWS, **more
            )
            answer, rows = bodies.read(body)
            page = bodies.INSTRUMENTS.read(rows).values
            found += page
            following = "" if answer.result is None else answer.result.next_page_cursor
            if not following or not page or following == cursor:
                break
            cursor = following
        if not found:
            raise BadAnswer("instruments-info: no contracts", code=CauseCode.NO_SYMBOLS)
        return found

    async def klines(self, symbol: str, *, start_ms: int, end_ms: int, limit: int, priority: Priority) -> list[Candle]:
        body = await self._rest.get(
            "/v5/market/kline",
            priority,
            category="linear",
            symbol=symbol,
            interval="1",
            start=start_ms,
            end=end_ms,
            limit=min(limit, MOST_ROWS),
        )
        _, rows = bodies.read(body)
        return await self.closed_before_now(bodies.KLINES.read(rows).values, start_ms=start_ms, end_ms=end_ms)

    async def day_tickers(self) -> list[DayTicker]:
        return _readable(await self._rows(Priority.UNIVERSE), BybitTickerWire.day)

    async def fundings(self) -> list[Funding]:
        time_ms, rows = await self._table_of_tickers(Priority.UNIVERSE)
        return _readable(rows, lambda row: row.funding(time_ms))

    async def funding_hours(self) -> dict[str, float]:
        rows = await self._rows(Priority.UNIVERSE)
        hours = _readable(rows, lambda row: (row.symbol, row.hours()))
        return {symbol: length for symbol, length in hours if length != UNITS.funding_hours}

    async def _read_open_interest(self, priority: Priority) -> list[OpenInterest]:
        time_ms, rows = await self._table_of_tickers(priority)
        return _readable(rows, lambda row: row.one_side(time_ms))

    async def long_short_ratio(self, symbol: str, *, period: str, priority: Priority) -> LongShortRatio | None:
        """None also for a period that the venue does not have."""
        if period not in PERIOD_NAMES:
            return None
        body = await self._rest.get(
            "/v5/market/account-ratio",
            priority,
            category="linear",
            symbol=symbol,
            period=PERIOD_NAMES[period],
            limit=1,
        )
        _, rows = bodies.read(body)
        found = [row for row in bodies.RATIOS.read(rows).values if row.symbol == symbol]
        return max(found, key=lambda row: row.time_ms, default=None)

    async def _rows(self, priority: Priority) -> list[BybitTickerWire]:
        return (await self._table_of_tickers(priority))[1]

    async def _table_of_tickers(self, priority: Priority) -> TickerTable:
        async def fetch() -> TickerTable:
            answer, rows = bodies.read(await self._rest.get("/v5/market/tickers", priority, category="linear"))
            tickers = bodies.TICKERS.read(rows).values
            if not tickers:
                raise BadAnswer("tickers: no contracts", code=CauseCode.NO_SYMBOLS)
            return answer.time, tickers

        return await self._tickers.get("", fetch)


def _readable(rows: list[BybitTickerWire], read: Callable[[BybitTickerWire], T]) -> list[T]:
    """Of the rows that hold what is asked for; a contract may have no funding, or have not been traded yet."""
    found = []
    for row in rows:
        try:
            found.append(read(row))
        except ValueError:
            continue
    return found
