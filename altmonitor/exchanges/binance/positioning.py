"""Who is positioned, from the futures REST interface: ratios, open-interest bars, one symbol's price and funding."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

import msgspec

from altmonitor.core.cache import Cache
from altmonitor.core.clock import Clock
from altmonitor.core.errors import BadAnswer, ExchangeBlocked, ExchangeError, ExchangeUnreachable
from altmonitor.core.types import Fraction
from altmonitor.exchanges.binance.bodies import DayTickerWire, KlineWire, PremiumIndexWire
from altmonitor.exchanges.binance.rest import FUTURES_DATA, BinanceRest
from altmonitor.exchanges.rest.client import One, Rows
from altmonitor.interfaces.exchange import Priority
from altmonitor.market.quotes import DayTicker, Funding
from altmonitor.positioning.divergence import Histories
from altmonitor.positioning.open_interest import BARS_NEEDED, OiBar
from altmonitor.positioning.ratios import LongShort, TakerFlow, TopTraders
from altmonitor.positioning.units import checked_period

# ---
# Rows of the futures statistics → our values. Bytes in, values out; no I/O.
#
# Source: https://developers.binance.com/docs/derivatives/usds-margined-futures/market-data/rest-api (2026-08).


SUM_TOLERANCE = 0.011
"""Two shares of four decimals each, of which the exchange rounds one."""


class LongShortWire(msgspec.Struct, frozen=True, rename="camel"):
    """The position ratio has shares of position sizes under these names; its coin-margined twin says longPosition."""

    symbol: str
    long_short_ratio: float
    timestamp: int
    long_account: float | None = None
    short_account: float | None = None
    long_position: float | None = None
    short_position: float | None = None

    def parse(self) -> tuple[str, LongShort]:
        """Symbol and bucket."""
        long = self.long_position if self.long_account is None else self.long_account
        short = self.short_position if self.short_account is None else self.short_account
        if long is None or short is None:
            raise ValueError("a share is missing")
        return self.symbol, long_short(self.timestamp, long, short, self.long_short_ratio)


class TakerFlowWire(msgspec.Struct, frozen=True, rename="camel"):
    """These rows do not name their symbol."""

    buy_vol: float
    sell_vol: float
    buy_sell_ratio: float
    timestamp: int

    def parse(self) -> TakerFlow:
        return TakerFlow(
            time_ms=time_ms(self.timestamp),
            buy_coins=_amount(self.buy_vol),
            sell_coins=_amount(self.sell_vol),
            buy_sell_ratio=_amount(self.buy_sell_ratio),
        )


class OiBarWire(msgspec.Struct, frozen=True, rename="camel"):
    symbol: str
    sum_open_interest: float
    timestamp: int
    sum_open_interest_value: float | str | None = None

    def parse(self) -> tuple[str, OiBar]:
        bar = OiBar(
            time_ms=time_ms(self.timestamp),
            coins=_amount(self.sum_open_interest),
            usd=_usd(self.sum_open_interest_value),
        )
        return self.symbol, bar


def long_short(stamp_ms: int, long: float, short: float, ratio: float) -> LongShort:
    """Raises: ValueError for shares that make no whole. One above 1 is no fraction: better no row than 6,215 %."""
    if not abs(long + short - 1.0) <= SUM_TOLERANCE:
        raise ValueError("the shares do not make a whole")
    return LongShort(
        time_ms=time_ms(stamp_ms),
        long_share=_share(long),
        short_share=_share(short),
        long_short_ratio=_amount(ratio),
    )


def time_ms(value: int) -> int:
    if not 0 < value < 10**14:
        raise ValueError("not unix milliseconds")
    return value


def _share(value: float) -> Fraction:
    if not 0.0 <= value <= 1.0:
        raise ValueError("not a fraction 0…1")
    return Fraction(value)


def _amount(value: float) -> float:
    if not 0.0 <= value < math.inf:
        raise ValueError("not a finite number ≥ 0")
    return value


def _usd(value: float | str | None) -> float | None:
    """The contracts are what counts; without their worth the bar still says something."""
    try:
        return None if value is None else _amount(float(value))
    except ValueError:
        return None


# ---


V = TypeVar("V")

TOP_TRADERS_TTL_S: Final = 300.0
BARS_TTL_S: Final = 300.0
COHORTS_TTL_S: Final = 60.0
PRICE_TTL_S: Final = 60.0
MOST_BUCKETS: Final = 500

GLOBAL_ACCOUNTS: Final = "globalLongShortAccountRatio"
TOP_ACCOUNTS: Final = "topLongShortAccountRatio"
TOP_POSITIONS: Final = "topLongShortPositionRatio"
TAKER: Final = "takerlongshortRatio"
BARS: Final = "openInterestHist"

_LONG_SHORT = Rows(LongShortWire)
_TAKER = Rows(TakerFlowWire)
_BARS = Rows(OiBarWire)
_TICKER = One(DayTickerWire)
_PREMIUM = One(PremiumIndexWire)


class BinancePositioning:
    """`interfaces.positioning.Positioning`, and what is stored of the past: top traders, bars of open interest.

    rest: its guard, connection and retries are used; it must be started. Answers are kept (5 minutes, prices and
    cohorts 1 minute), concurrent callers of one thing share one request.
    """

    venue = "binance"

    def __init__(self, rest: BinanceRest, *, clock: Clock) -> None:
        self._rest = rest
        self._clock = clock
        self._top_traders: Cache[tuple[str, str], TopTraders | None] = Cache(clock=clock, ttl_s=TOP_TRADERS_TTL_S)
        self._bars: Cache[str, Sequence[OiBar]] = Cache(clock=clock, ttl_s=BARS_TTL_S)
        self._past_bars: Cache[tuple[str, str, int], Sequence[OiBar]] = Cache(clock=clock, ttl_s=BARS_TTL_S)
        self._cohorts: Cache[tuple[str, str, int], Histories] = Cache(clock=clock, ttl_s=COHORTS_TTL_S)
        self._tickers: Cache[str, DayTicker] = Cache(clock=clock, ttl_s=PRICE_TTL_S)
        self._fundings: Cache[str, Funding] = Cache(clock=clock, ttl_s=PRICE_TTL_S)

    async def top_traders(
        self, symbol: str, *, period: str, priority: Priority, is_fresh: bool = False
    ) -> TopTraders | None:
        checked_period(period)
        return await self._top_traders.get(
            (symbol, period), lambda: self._fetch_top_traders(symbol, period, priority), is_fresh=is_fresh
        )

    async def cohorts(self, symbol: str, *, period: str, limit: int, priority: Priority) -> Histories:
        checked_period(period)
        if not 1 <= limit <= MOST_BUCKETS:
            raise ValueError(f"limit {limit} is not within 1…{MOST_BUCKETS}")
        return await self._cohorts.get(
            (symbol, period, limit), lambda: self._fetch_cohorts(symbol, period, limit, priority)
        )

    async def open_interest_bars(self, symbol: str, *, priority: Priority, is_fresh: bool = False) -> Sequence[OiBar]:
        return await self._bars.get(symbol, lambda: self._fetch_bars(symbol, priority), is_fresh=is_fresh)

    async def open_interest_history(
        self, symbol: str, *, period: str, limit: int, priority: Priority
    ) -> Sequence[OiBar]:
        checked_period(period)
        if not 1 <= limit <= MOST_BUCKETS:
            raise ValueError(f"limit {limit} is not within 1…{MOST_BUCKETS}")
        return await self._past_bars.get(
            (symbol, period, limit), lambda: self._fetch_bars(symbol, priority, period=period, limit=limit)
        )

    async def open_interest_between(
        self, symbol: str, *, start_ms: int, end_ms: int, priority: Priority
    ) -> Sequence[OiBar]:
        """5-minute bars of the last 30 days, at most 500, oldest → newest."""
        body = await self._data(BARS, symbol, "5m", MOST_BUCKETS, priority, startTime=start_ms, endTime=end_ms)
        found = {bar.time_ms: bar for named, bar in self._rest.rows(BARS, _BARS, body) if named == symbol}
        return [found[time_ms] for time_ms in sorted(found) if start_ms <= time_ms <= end_ms]

    async def day_ticker(self, symbol: str, *, priority: Priority) -> DayTicker:
        async def fetch() -> DayTicker:
            body = await self._rest.get("/fapi/v1/ticker/24hr", priority, symbol=symbol)
            found = _parsed(lambda: _TICKER.read(body).parse())
            return _of(symbol, found.symbol, found)

        return await self._tickers.get(symbol, fetch)

    async def funding(self, symbol: str, *, priority: Priority) -> Funding:
        async def fetch() -> Funding:
            body = await self._rest.get("/fapi/v1/premiumIndex", priority, symbol=symbol)
            found = _parsed(lambda: _PREMIUM.read(body).parse())
            return _of(symbol, found.symbol, found)

        return await self._fundings.get(symbol, fetch)

    async def funding_hours_of(self, symbol: str) -> float | None:
        return (await self._rest.funding_hours()).get(symbol)

    async def _fetch_top_traders(self, symbol: str, period: str, priority: Priority) -> TopTraders | None:
        async def newest(endpoint: str) -> LongShort | None:
            return max(
                await self._ratios(endpoint, symbol, period, 1, priority), key=lambda row: row.time_ms, default=None
            )

        async def newest_taker() -> TakerFlow | None:
            body = await self._data(TAKER, symbol, period, 1, priority)
            return max(self._rest.rows(TAKER, _TAKER, body), key=lambda row: row.time_ms, default=None)

        try:
            async with asyncio.TaskGroup() as group:
                accounts = group.create_task(newest(TOP_ACCOUNTS))
                positions = group.create_task(newest(TOP_POSITIONS))
                taker = group.create_task(newest_taker())
        except ExceptionGroup as problems:
            raise clearest(problems) from None
        by_accounts, by_positions, flow = accounts.result(), positions.result(), taker.result()
        if by_accounts is None or by_positions is None or flow is None:
            return None
        return TopTraders(
            symbol=symbol,
            period=period,
            captured_ms=self._clock.now_ms(),
            accounts=by_accounts,
            positions=by_positions,
            taker=flow,
        )

    async def _fetch_cohorts(self, symbol: str, period: str, limit: int, priority: Priority) -> Histories:
        try:
            async with asyncio.TaskGroup() as group:
                retail, accounts, positions = (
                    group.create_task(self._ratios(endpoint, symbol, period, limit, priority))
                    for endpoint in (GLOBAL_ACCOUNTS, TOP_ACCOUNTS, TOP_POSITIONS)
                )
        except ExceptionGroup as problems:
            raise clearest(problems) from None
        return Histories(retail=retail.result(), top_accounts=accounts.result(), top_positions=positions.result())

    async def _fetch_bars(
        self, symbol: str, priority: Priority, *, period: str = "5m", limit: int = BARS_NEEDED
    ) -> Sequence[OiBar]:
        body = await self._data(BARS, symbol, period, limit, priority)
        found = {bar.time_ms: bar for named, bar in self._rest.rows(BARS, _BARS, body) if named == symbol}
        return [found[time_ms] for time_ms in sorted(found)]

    async def _ratios(
        self, endpoint: str, symbol: str, period: str, limit: int, priority: Priority
    ) -> Sequence[LongShort]:
        body = await self._data(endpoint, symbol, period, limit, priority)
        found = {row.time_ms: row for named, row in self._rest.rows(endpoint, _LONG_SHORT, body) if named == symbol}
        return [found[time_ms] for time_ms in sorted(found)]

    async def _data(
        self, endpoint: str, symbol: str, period: str, limit: int, priority: Priority, **span_ms: int
    ) -> bytes:
        return await self._rest.get(
            f"/futures/data/{endpoint}",
            priority,
            weight=0,
            pool=FUTURES_DATA,
            symbol=symbol,
            period=period,
            limit=limit,
            **span_ms,
        )


def clearest(problems: ExceptionGroup[Exception]) -> Exception:
    """Of several failures the one that says most: blocked before unreachable before the rest, ours before all."""
    order = (ExchangeBlocked, ExchangeUnreachable, ExchangeError)

    def rank(problem: Exception) -> int:
        return next((destination for destination, kind in enumerate(order) if isinstance(problem, kind)), -1)

    return min(problems.exceptions, key=rank)


def _parsed(read: Callable[[], V]) -> V:
    try:
        return read()
    except ValueError as problem:
        raise BadAnswer(str(problem)) from None


def _of(asked: str, named: str, found: V) -> V:
    if asked != named:
        raise BadAnswer(f"asked for {asked}, got {named}")
    return found


# ---
# Closing prices of a symbol over a span, for charts: candles of any length.


MOST_CANDLES: Final = 1_000
WEIGHT: Final = 5
_KLINES = Rows(KlineWire)


async def closes(
    rest: BinanceRest, symbol: str, *, interval: str, from_ms: int, to_ms: int
) -> Sequence[tuple[int, float]]:
    """(open ms, close), oldest → newest, at most `MOST_CANDLES`. Raises: ExchangeError."""
    body = await rest.get(
        "/fapi/v1/klines",
        Priority.UNIVERSE,
        weight=WEIGHT,
        symbol=symbol,
        interval=interval,
        startTime=from_ms,
        endTime=to_ms,
        limit=MOST_CANDLES,
    )
    return sorted((candle.open_ms, candle.close) for candle, _ in rest.rows("klines", _KLINES, body))
