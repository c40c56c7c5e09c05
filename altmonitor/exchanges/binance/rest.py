"""Questions to the futures REST interface. Every request goes through the guard; every answer is typed or an error."""

from __future__ import annotations

import itertools
import logging
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlencode

from msgspec import structs

from altmonitor.core.cache import Cache
from altmonitor.core.causes import CauseCode
from altmonitor.core.clock import Clock
from altmonitor.core.errors import (
    BadAnswer,
    ExchangeError,
    ExchangeUnreachable,
    UnknownSymbol,
)
from altmonitor.core.status import GuardStatus
from altmonitor.exchanges.binance import bodies as wire
from altmonitor.exchanges.rest.budget import Ask, LimitPool, RequestBudget
from altmonitor.exchanges.rest.client import ANSWER_TIMEOUT_S, SOCKETS, HttpGet, One, Rows
from altmonitor.exchanges.rest.guard import Guard, Preflight, RestAnswer
from altmonitor.exchanges.rest.refusal import retry_after_s
from altmonitor.exchanges.rest.shared_pool import pool_of
from altmonitor.interfaces.exchange import Priority
from altmonitor.market.candles import Candle
from altmonitor.market.contracts import Contract
from altmonitor.market.plausibility import believed
from altmonitor.market.quotes import DayTicker, Funding, LongShortRatio, OpenInterest, SettledFunding

V = TypeVar("V")

log = logging.getLogger(__name__)

# ---
# What the exchange allows an address.
#
# Source: https://developers.binance.com/docs/derivatives/usds-margined-futures (2026-08): 1,000 requests per 5 minutes
# for /futures/data/*, taken as one pool; 500 per 5 minutes for fundingInfo and fundingRate together.


WEIGHT_LIMIT = 2_400
"""Per minute, until `exchangeInfo` tells another."""
WEIGHT_HEADER = "X-MBX-USED-WEIGHT-1M"
FUTURES_DATA = "futures_data"
FUTURES_DATA_LIMIT, FUTURES_DATA_WINDOW_S = 1_000, 300.0
FUTURES_DATA_FILE = "futures-data-requests"
FUNDING = "funding"
PING = "/fapi/v1/ping"


def binance_budget(*, weight_limit: int = WEIGHT_LIMIT, statistics: LimitPool | None = None) -> RequestBudget:
    """statistics: the pool of `/futures/data/*`, which no header counts; None for one of this process alone."""
    pools = {
        FUTURES_DATA: statistics or LimitPool(limit=FUTURES_DATA_LIMIT, window_s=FUTURES_DATA_WINDOW_S),
        FUNDING: LimitPool(limit=500, window_s=300.0),
    }
    return RequestBudget(weight_limit=weight_limit, weight_header=WEIGHT_HEADER, pools=pools)


def binance_guard(
    host: str,
    *,
    clock: Clock,
    block_file: Path | None = None,
    on_change: Callable[[GuardStatus], None] | None = None,
    budget: RequestBudget | None = None,
) -> Guard:
    """The gate in front of the REST interface. budget: None for all that one address is allowed, shared with the other
    processes that know the block file."""
    if budget is None:
        shared = None if block_file is None else block_file.with_name(FUTURES_DATA_FILE)
        statistics = pool_of(
            limit=FUTURES_DATA_LIMIT, window_s=FUTURES_DATA_WINDOW_S, path=shared, host=host, clock=clock
        )
        budget = binance_budget(statistics=statistics)
    return Guard(
        host,
        clock=clock,
        budget=budget,
        probe=PING,
        block_file=block_file,
        on_change=on_change,
        too_many_codes=wire.TOO_MANY_REQUESTS_CODES,
    )


# ---


FUNDING_HOURS_TTL_S = 3_600.0
USUAL_FUNDING_HOURS = 8.0
UNKNOWN_SYMBOL_CODES = (-1121, -4108)  # invalid symbol; symbol is being delivered or delisted
FAILURES_WORTH_A_LINE = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class RestTimeouts:
    """wait_s: for budget. retries: after no answer or a 5xx. total_s: no retry begins after it."""

    wait_s: float
    retries: int
    total_s: float


TIMEOUTS = {
    Priority.ENRICH: RestTimeouts(wait_s=1.5, retries=1, total_s=1.5),
    Priority.UNIVERSE: RestTimeouts(wait_s=65.0, retries=2, total_s=60.0),
    Priority.BACKFILL: RestTimeouts(wait_s=65.0, retries=2, total_s=60.0),
    # a sweep asks again in its next round anyway; retries would break its even spacing
    Priority.SWEEP: RestTimeouts(wait_s=65.0, retries=0, total_s=60.0),
    Priority.TRACKING: RestTimeouts(wait_s=310.0, retries=2, total_s=60.0),
}

_OPEN_INTEREST = One(wire.OpenInterestWire)
_KLINES = Rows(wire.KlineWire)
_DAY_TICKERS = Rows(wire.DayTickerWire)
_FUNDINGS = Rows(wire.PremiumIndexWire)
_FUNDING_HOURS = Rows(wire.FundingInfoWire)
_SETTLED = Rows(wire.FundingRateWire)
_RATIOS = Rows(wire.LongShortRatioWire)
_EXCHANGE_INFO = One(wire.ExchangeInfoWire)
_CONTRACTS = Rows(wire.ContractWire)
_RATE_LIMITS = Rows(wire.RateLimitWire)
_SERVER_TIME = One(wire.ServerTimeWire)


@lru_cache(maxsize=2_048)
def _open_interest_ask(symbol: str, priority: Priority) -> Ask:
    """The sweep asks the same of every symbol once a minute."""
    return Ask(target=f"/fapi/v1/openInterest?{urlencode({'symbol': symbol})}", priority=priority)


class BinanceRest:
    """`interfaces.exchange.MarketRest`. `start` before the first question, `stop` after the last.

    trust_env: HTTP(S)_PROXY and NO_PROXY are obeyed. sockets: kept alive and shared by all callers; a sweep holds at
    most OI_CONCURRENCY of them. within_s: how long an answer may take.
    skipped: rows left out because they were not what the endpoint promises, by endpoint.
    """

    def __init__(
        self,
        base_url: str,
        *,
        clock: Clock,
        guard: Guard,
        trust_env: bool = True,
        sockets: int = SOCKETS,
        within_s: float = ANSWER_TIMEOUT_S,
    ) -> None:
        self._http = HttpGet(base_url, clock=clock, trust_env=trust_env, sockets=sockets, within_s=within_s)
        self._clock = clock
        self._guard = guard
        self._preflight = Preflight(guard, clock=clock, within_s=within_s / 3)
        self._funding_hours: Cache[str, dict[str, float]] = Cache(clock=clock, ttl_s=FUNDING_HOURS_TTL_S)
        self._failures_in_row = 0
        self.skipped: Counter[str] = Counter()

    async def start(self) -> None:
        """Raises: ConfigError for a proxy that cannot be used."""
        await self._http.start()

    async def stop(self) -> None:
        await self._http.stop()

    def guard_status(self) -> GuardStatus:
        return self._guard.status()

    async def contracts(self) -> list[Contract]:
        """All contracts of any state and kind. Also reads the weight limit. May be a day old (cached on the way)."""
        body = await self.get("/fapi/v1/exchangeInfo", Priority.UNIVERSE)
        found = self._read(_EXCHANGE_INFO.read, body)
        for limit in self._read(_RATE_LIMITS.read, bytes(found.rate_limits)).values:
            if limit is not None:
                self._guard.set_weight_limit(limit)
        contracts = self.rows("exchangeInfo", _CONTRACTS, bytes(found.symbols))
        if not contracts:
            raise BadAnswer("exchangeInfo: no contracts", code=CauseCode.NO_SYMBOLS)
        return contracts

    async def server_time_ms(self) -> int:
        """Also sets our idea of the exchange's clock."""
        before_s, before_ms = self._clock.monotonic(), self._clock.now_ms()
        body = await self.get("/fapi/v1/time", Priority.UNIVERSE)
        server_ms = self._read(lambda given: _SERVER_TIME.read(given).parse(), body)
        self._guard.exchange_clock.answered(server_ms, before_s=before_s, before_ms=before_ms)
        return server_ms

    async def exchange_now_ms(self) -> int:
        exchange_clock = self._guard.exchange_clock
        if exchange_clock.synced_s is None or not exchange_clock.is_sure:
            await self.server_time_ms()
        return exchange_clock.now_ms()

    async def open_interest(self, symbol: str, *, priority: Priority) -> OpenInterest:
        body = await self._fetch(_open_interest_ask(symbol, priority))
        sample = self._read(lambda given: _OPEN_INTEREST.read(given).parse(), body)
        if sample.symbol != symbol:
            raise BadAnswer(f"openInterest: asked for {symbol}, got {sample.symbol}")
        return sample

    async def klines(self, symbol: str, *, start_ms: int, end_ms: int, limit: int, priority: Priority) -> list[Candle]:
        """1-minute candles. limit: 1…1500; below 100 costs a weight of 1."""
        body = await self.get(
            "/fapi/v1/klines",
            priority,
            weight=_klines_weight(limit),
            symbol=symbol,
            interval="1m",
            startTime=start_ms,
            endTime=end_ms,
            limit=limit,
        )
        exchange_clock = self._guard.exchange_clock
        now_ms = exchange_clock.now_ms() if exchange_clock.is_sure else await self.exchange_now_ms()
        candles = {
            candle.open_ms: candle if close_ms < now_ms else structs.replace(candle, is_closed=False)
            for candle, close_ms in self.rows("klines", _KLINES, body)
            if start_ms <= candle.open_ms <= end_ms
        }
        found = [candles[open_ms] for open_ms in sorted(candles)][:limit]
        history = believed(found)
        self.skipped["klines"] += len(found) - len(history)
        return history

    async def day_tickers(self) -> list[DayTicker]:
        body = await self.get("/fapi/v1/ticker/24hr", Priority.UNIVERSE, weight=40)
        return self.rows("ticker/24hr", _DAY_TICKERS, body)

    async def fundings(self) -> list[Funding]:
        body = await self.get("/fapi/v1/premiumIndex", Priority.UNIVERSE, weight=10)
        return self.rows("premiumIndex", _FUNDINGS, body)

    async def funding_hours(self) -> dict[str, float]:
        """Kept for an hour; concurrent callers share one request."""
        return await self._funding_hours.get("", self._fetch_funding_hours)

    async def _fetch_funding_hours(self) -> dict[str, float]:
        body = await self.get("/fapi/v1/fundingInfo", Priority.UNIVERSE, weight=0, pool=FUNDING)
        rows = self.rows("fundingInfo", _FUNDING_HOURS, body)
        return {symbol: hours for symbol, hours in rows if hours != USUAL_FUNDING_HOURS}

    async def settled_fundings(self, symbol: str, *, start_ms: int, end_ms: int) -> list[SettledFunding]:
        """Of settlements in [start_ms, end_ms], oldest → newest, 1,000 at most: of a month of hourly ones all."""
        path = "/fapi/v1/fundingRate"
        span = {"startTime": start_ms, "endTime": end_ms, "limit": 1_000}
        body = await self.get(path, Priority.TRACKING, weight=0, pool=FUNDING, symbol=symbol, **span)
        paid = {
            one.time_ms: one for one in self.rows("fundingRate", _SETTLED, body) if start_ms <= one.time_ms <= end_ms
        }
        return [paid[time_ms] for time_ms in sorted(paid)]

    async def long_short_ratio(self, symbol: str, *, period: str, priority: Priority) -> LongShortRatio | None:
        path = "/futures/data/globalLongShortAccountRatio"
        body = await self.get(path, priority, weight=0, pool=FUTURES_DATA, symbol=symbol, period=period, limit=1)
        ratios = [ratio for ratio in self.rows("globalLongShortAccountRatio", _RATIOS, body) if ratio.symbol == symbol]
        return max(ratios, key=lambda ratio: ratio.time_ms, default=None)

    def rows(self, endpoint: str, rows: Rows[V], body: bytes) -> list[V]:
        """The readable rows; the others are counted in `skipped`. Raises: BadAnswer."""
        found = self._read(rows.read, body)
        if found.skipped:
            self.skipped[endpoint] += found.skipped
        return found.values

    @staticmethod
    def _read(read: Callable[[bytes], V], body: bytes) -> V:
        try:
            return read(body)
        except ValueError as problem:
            raise BadAnswer(str(problem)) from None

    async def get(
        self, path: str, priority: Priority, *, weight: int = 1, pool: str | None = None, **query: str | int
    ) -> bytes:
        """The body of a 200. Raises: ExchangeError."""
        target = f"{path}?{urlencode(query)}" if query else path
        return await self._fetch(Ask(target=target, priority=priority, weight=weight, pool=pool))

    async def _fetch(self, ask: Ask) -> bytes:
        await self._preflight.wait(self._http.send)
        timeouts = TIMEOUTS[ask.priority]
        retry_before_s = self._clock.monotonic() + timeouts.total_s
        for attempt in itertools.count(1):
            try:
                body = _usable(await self._guard.fetch(ask, self._http.send, wait_s=timeouts.wait_s))
            except ExchangeUnreachable as problem:
                pause_s = max(random.uniform(0.25, 0.5) * 2**attempt, getattr(problem, "retry_after_s", 0.0))
                if attempt > timeouts.retries or self._clock.monotonic() + pause_s > retry_before_s:
                    self._note_failure(problem)
                    raise
                await self._clock.sleep(pause_s)
            else:
                self._note_success()
                return body
        raise AssertionError  # the loop above has no end

    def _note_failure(self, problem: ExchangeError) -> None:
        self._failures_in_row += 1
        if self._failures_in_row == FAILURES_WORTH_A_LINE:
            log.warning("%s does not answer (%d in a row): %s", self._http.base_url, self._failures_in_row, problem)

    def _note_success(self) -> None:
        if self._failures_in_row >= FAILURES_WORTH_A_LINE:
            log.info("%s answers again after %d failures", self._http.base_url, self._failures_in_row)
        self._failures_in_row = 0


class _Overloaded(ExchangeUnreachable):
    """A 5xx; `retry_after_s`: asked for by the exchange, 0 when it named no time."""

    def __init__(self, message: str, *, status: int, retry_after_s: float) -> None:
        self.retry_after_s = retry_after_s
        super().__init__(message, code=CauseCode.HTTP, status=status)


def _usable(answer: RestAnswer) -> bytes:
    """The body of a 200. Raises: UnknownSymbol, ExchangeUnreachable, BadAnswer."""
    if answer.status == 200:
        return answer.body
    error = wire.read_error(answer.body)
    said = f"HTTP {answer.status}" if error is None else f"HTTP {answer.status}: {error.msg} ({error.code})"
    if error is not None and error.code in UNKNOWN_SYMBOL_CODES:
        raise UnknownSymbol(said)
    if answer.status >= 500 or answer.status == 408 or (error is not None and error.code == -1008):
        # relative to the answer's own moment, which is now: the date form needs the exchange's clock, see refusal.py
        wait_s = retry_after_s(answer.headers, exchange_ms=0) if answer.headers.get("Retry-After", "").isdigit() else 0
        raise _Overloaded(said, status=answer.status, retry_after_s=wait_s or 0.0)
    raise BadAnswer(said, code=CauseCode.HTTP, status=answer.status)


def _klines_weight(limit: int) -> int:
    """Source: https://developers.binance.com/docs/derivatives/usds-margined-futures/market-data/rest-api (2026-08)."""
    if limit < 100:
        return 1
    if limit < 500:
        return 2
    return 5 if limit <= 1_000 else 10
