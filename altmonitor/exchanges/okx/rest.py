"""Questions to OKX's market of USDT swaps."""

from __future__ import annotations

from typing import Final, TypeVar

from altmonitor.core.cache import Cache
from altmonitor.core.causes import CauseCode
from altmonitor.core.clock import Clock
from altmonitor.core.errors import BadAnswer
from altmonitor.core.venue_names import okx_instrument
from altmonitor.exchanges.okx import bodies
from altmonitor.exchanges.okx.units import UNITS
from altmonitor.exchanges.rest.client import Rows, VenueRest
from altmonitor.exchanges.rest.guard import Guard
from altmonitor.exchanges.rest.venue_market import VenueMarket
from altmonitor.interfaces.exchange import Priority
from altmonitor.market.candles import MINUTE_MS, Candle
from altmonitor.market.contracts import Contract, base_of
from altmonitor.market.quotes import DayTicker, Funding, LongShortRatio, OpenInterest

V = TypeVar("V")

REQUESTS: Final = 20
PER_S: Final = 2.0
"""What most paths allow an address by themselves; taken together here."""
PROBE: Final = "/api/v5/public/time"
MOST_CANDLES: Final = 300
FUNDING_SHARED_S: Final = 30.0
RATIO: Final = "/api/v5/rubik/stat/contracts/long-short-account-ratio-contract"
PERIOD_NAMES: Final = {
    "5m": "5m", "15m": "15m", "30m": "30m", "1h": "1H", "2h": "2H", "4h": "4H", "6h": "6Hutc", "12h": "12Hutc",
    "1d": "1Dutc",
}  # fmt: skip


class OkxRest(VenueMarket):
    def __init__(self, base_url: str, *, clock: Clock, guard: Guard, within_s: float) -> None:
        rest = VenueRest(base_url, clock=clock, guard=guard, is_refusal=bodies.is_refusal, within_s=within_s)
        super().__init__(rest, clock=clock, guard=guard)
        self._contract_values: dict[str, float] = {}
        self._fundings: Cache[str, list[tuple[str, float, int, float | None, int | None]]] = Cache(
            clock=clock, ttl_s=FUNDING_SHARED_S
        )

    def contract_value(self, instrument: str) -> float | None:
        """Coins in one contract; None before the list was read."""
        return self._contract_values.get(instrument)

    async def _rows(self, path: str, rows: Rows[V], priority: Priority, **query: str | int) -> list[V]:
        return bodies.read(await self._rest.get(path, priority, **query), rows)

    async def _read_time_ms(self) -> int:
        found = await self._rows(PROBE, bodies.TIMES, Priority.UNIVERSE)
        if not found:
            raise BadAnswer("an answer without the time")
        return found[0]

    async def contracts(self) -> list[Contract]:
        """Also learns how many coins are in a contract of each."""
        path = "/api/v5/public/instruments"
        found = await self._rows(path, bodies.INSTRUMENTS, Priority.UNIVERSE, instType="SWAP")
        if not found:
            raise BadAnswer("instruments: no contracts", code=CauseCode.NO_SYMBOLS)
        self._contract_values = {okx_instrument(contract.symbol): value for contract, value in found}
        return [contract for contract, _ in found]

    async def klines(self, symbol: str, *, start_ms: int, end_ms: int, limit: int, priority: Priority) -> list[Candle]:
        found = await self._rows(
            "/api/v5/market/candles",
            bodies.CANDLES,
            priority,
            instId=okx_instrument(symbol),
            bar="1m",
            before=start_ms - 1,
            after=end_ms + MINUTE_MS,
            limit=min(limit, MOST_CANDLES),
        )
        return await self.closed_before_now(found, start_ms=start_ms, end_ms=end_ms)

    async def day_tickers(self) -> list[DayTicker]:
        return await self._rows("/api/v5/market/tickers", bodies.TICKERS, Priority.UNIVERSE, instType="SWAP")

    async def fundings(self) -> list[Funding]:
        """Rate, mark and index price, each a table of its own. Without a mark price a row is left out."""
        rates = await self._funding_rows()
        marks = dict(await self._rows("/api/v5/public/mark-price", bodies.MARKS, Priority.UNIVERSE, instType="SWAP"))
        indexes = dict(
            await self._rows("/api/v5/market/index-tickers", bodies.INDEXES, Priority.UNIVERSE, quoteCcy="USDT")
        )
        return [
            Funding(
                symbol=symbol,
                rate=rate,
                mark_price=mark,
                next_ms=next_ms,
                index_price=indexes.get(f"{base_of(symbol)}-USDT"),
                time_ms=time_ms,
            )
            for symbol, rate, next_ms, _, time_ms in rates
            if (mark := marks.get(okx_instrument(symbol))) is not None
        ]

    async def funding_hours(self) -> dict[str, float]:
        rates = await self._funding_rows()
        return {symbol: hours for symbol, _, _, hours, _ in rates if hours is not None and hours != UNITS.funding_hours}

    async def _funding_rows(self) -> list[tuple[str, float, int, float | None, int | None]]:
        async def fetch() -> list[tuple[str, float, int, float | None, int | None]]:
            return await self._rows("/api/v5/public/funding-rate", bodies.FUNDINGS, Priority.UNIVERSE, instId="ANY")

        return await self._fundings.get("", fetch)

    async def _read_open_interest(self, priority: Priority) -> list[OpenInterest]:
        if not self._contract_values:
            await self.contracts()
        rows = await self._rows("/api/v5/public/open-interest", bodies.OPEN_INTERESTS, priority, instType="SWAP")
        found: list[OpenInterest] = []
        for row in rows:
            try:
                sample = row.coins(self._contract_values.get(row.inst_id))
            except ValueError:
                continue
            if sample is not None:
                found.append(sample)
        return found

    async def long_short_ratio(self, symbol: str, *, period: str, priority: Priority) -> LongShortRatio | None:
        instrument = okx_instrument(symbol)
        rows = await self._rows(RATIO, bodies.RATIOS, priority, instId=instrument, period=PERIOD_NAMES[period], limit=1)
        return bodies.ratio_of(rows, symbol)
