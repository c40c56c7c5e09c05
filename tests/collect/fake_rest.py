"""An exchange of plain values behind `MarketRest`: answers after `takes_s`, fails as told, remembers who asked when."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from altmonitor.core.clock import Clock
from altmonitor.core.errors import ExchangeBlocked, ExchangeError, UnknownSymbol
from altmonitor.core.status import GuardStatus
from altmonitor.interfaces.exchange import Priority
from altmonitor.market.candles import Candle
from altmonitor.market.contracts import Contract
from altmonitor.market.quotes import DayTicker, Funding, LongShortRatio, OpenInterest

MINUTE = 60_000


@dataclass(frozen=True)
class Asked:
    at_s: float
    what: str
    symbol: str = ""
    priority: Priority | None = None


def contract(symbol: str, *, status: str = "TRADING", kind: str = "PERPETUAL", quote: str = "USDT") -> Contract:
    return Contract(symbol=symbol, status=status, contract_type=kind, quote_asset=quote)


class FakeRest:
    """`failing(what, symbol)` returns the error to raise, or None. `blocked_until_ms`: everything is refused before."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._began_s = clock.monotonic()
        self.asked: list[Asked] = []
        self.takes_s = 0.05
        self.failing: Callable[[str, str], ExchangeError | None] = lambda what, symbol: None
        self.blocked_until_ms = 0
        self.ahead_ms = 0  # the exchange's clock minus ours
        self.guard = GuardStatus(state="open")
        self.listed: list[Contract] = []
        self.open_interests: dict[str, float] = {}
        self.ratios: dict[str, float] = {}
        self.tickers: list[DayTicker] = []
        self.rates: list[Funding] = []

    def of(self, what: str) -> list[Asked]:
        return [asked for asked in self.asked if asked.what == what]

    def guard_status(self) -> GuardStatus:
        if self._clock.now_ms() < self.blocked_until_ms:
            return GuardStatus(state="blocked", until_ms=self.blocked_until_ms)
        return self.guard

    async def contracts(self) -> list[Contract]:
        await self._serve("contracts")
        return list(self.listed)

    async def server_time_ms(self) -> int:
        await self._serve("time")
        return self._clock.now_ms() + self.ahead_ms

    async def exchange_now_ms(self) -> int:
        return self._clock.now_ms() + self.ahead_ms

    async def open_interest(self, symbol: str, *, priority: Priority) -> OpenInterest:
        await self._serve("open_interest", symbol, priority)
        if symbol not in self.open_interests:
            raise UnknownSymbol(symbol)
        return OpenInterest(symbol=symbol, contracts=self.open_interests[symbol], time_ms=self._clock.now_ms())

    async def klines(self, symbol: str, *, start_ms: int, end_ms: int, limit: int, priority: Priority) -> list[Candle]:
        await self._serve("klines", symbol, priority)
        first = -(-start_ms // MINUTE)
        return [
            Candle(
                open_ms=minute * MINUTE,
                open=1.0,
                high=1.0,
                low=1.0,
                close=1.0,
                quote_usdt=float(minute % 1_000),
                is_closed=(minute + 1) * MINUTE <= self._clock.now_ms() + self.ahead_ms,
            )
            for minute in range(first, end_ms // MINUTE + 1)
        ][:limit]

    async def day_tickers(self) -> list[DayTicker]:
        await self._serve("day_tickers")
        return list(self.tickers)

    async def fundings(self) -> list[Funding]:
        await self._serve("fundings")
        return list(self.rates)

    async def funding_hours(self) -> dict[str, float]:
        await self._serve("funding_hours")
        return {"FOURUSDT": 4.0}

    async def long_short_ratio(self, symbol: str, *, period: str, priority: Priority) -> LongShortRatio | None:
        await self._serve("long_short_ratio", symbol, priority)
        ratio = self.ratios.get(symbol)
        time_ms = self._clock.now_ms() - 60_000
        return None if ratio is None else LongShortRatio(symbol=symbol, ratio=ratio, time_ms=time_ms)

    async def _serve(self, what: str, symbol: str = "", priority: Priority | None = None) -> None:
        if self._clock.now_ms() < self.blocked_until_ms:
            raise ExchangeBlocked("blocked", until_ms=self.blocked_until_ms)
        self.asked.append(Asked(self._clock.monotonic() - self._began_s, what, symbol, priority))
        if self.takes_s:
            await self._clock.sleep(self.takes_s)
        problem = self.failing(what, symbol)
        if isinstance(problem, ExchangeBlocked):
            self.blocked_until_ms = problem.until_ms
        if problem is not None:
            raise problem
