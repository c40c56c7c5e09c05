"""OKX's trading statistics: longs to shorts of all accounts and of those with the 5 % largest positions, and who took
the price.

Source: https://www.okx.com/docs-v5/en/#trading-statistics-rest-api (2026-10): no key, 5 requests per 2 seconds, rows
`[ts, ratio]` or `[ts, sold, bought]` newest first, 100 at most; `unit=2`: in USD.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from altmonitor.config import Config
from altmonitor.core.cache import Cache
from altmonitor.core.clock import Clock
from altmonitor.core.errors import BadAnswer
from altmonitor.core.status import GuardStatus
from altmonitor.exchanges.binance.positioning import MOST_BUCKETS, clearest, long_short
from altmonitor.exchanges.rest.budget import Shares
from altmonitor.exchanges.rest.client import ANSWER_WITHIN_S, UNREADABLE, One, Rows, VenueRest, venue_guard
from altmonitor.exchanges.rest.guard import Guard
from altmonitor.interfaces.exchange import Priority
from altmonitor.interfaces.positioning import TakerBucket
from altmonitor.market.candles import MINUTE_MS
from altmonitor.market.contracts import base_of
from altmonitor.positioning.divergence import Histories
from altmonitor.positioning.ratios import LongShort
from altmonitor.positioning.units import checked_period, period_ms

ALL_ACCOUNTS: Final = "/api/v5/rubik/stat/contracts/long-short-account-ratio-contract"
TOP_ACCOUNTS: Final = "/api/v5/rubik/stat/contracts/long-short-account-ratio-contract-top-trader"
TOP_POSITIONS: Final = "/api/v5/rubik/stat/contracts/long-short-position-ratio-contract-top-trader"
TAKER_VOLUME: Final = "/api/v5/rubik/stat/taker-volume-contract"
TAKER_MINUTES: Final = 15
TAKER_ROWS: Final = 24 * 60 // TAKER_MINUTES + 1
MOST_ROWS: Final = 100
TTL_S: Final = 60.0

GONE_CODES: Final = ("51001", "51000", "51014")
"""The instrument does not exist, or not for these numbers."""
TOO_MANY_CODES: Final = ("50011", "50061")

PERIOD_NAMES: Final = {"1h": "1H", "2h": "2H", "4h": "4H", "6h": "6Hutc", "12h": "12Hutc", "1d": "1Dutc"}
_MULTIPLIER = re.compile(r"^(?:1000000|10000|1000|1M)(?=[^\d])")
_STALE_PERIODS = 3


class _OkxCode(msgspec.Struct, frozen=True):
    code: str


class _OkxEnvelope(_OkxCode, frozen=True):
    data: msgspec.Raw = msgspec.Raw(b"[]")


class _OkxRow(msgspec.Struct, frozen=True, array_like=True):
    time: int
    ratio: float

    def parse(self) -> LongShort:
        """The ratio is all there is; the shares follow from it."""
        if not 0.0 <= self.ratio < 1e9:
            raise ValueError("not a ratio")
        long = self.ratio / (1.0 + self.ratio)
        return long_short(self.time, long, 1.0 - long, self.ratio)


class _OkxTakerRow(msgspec.Struct, frozen=True, array_like=True):
    time: int
    sold: float
    bought: float

    def parse(self) -> TakerBucket:
        if not (0.0 <= self.sold < 1e15 and 0.0 <= self.bought < 1e15 and self.time > 0):
            raise ValueError("not an amount")
        return TakerBucket(
            open_ms=self.time,
            minutes=TAKER_MINUTES,
            quote_usdt=self.sold + self.bought,
            taker_quote_usdt=self.bought,
        )


_CODE = msgspec.json.Decoder(_OkxCode)
_ENVELOPE = One(_OkxEnvelope)
_ROWS = Rows(_OkxRow)
_TAKER_ROWS = Rows(_OkxTakerRow)


def okx_guard(base_url: str, *, clock: Clock, block_file: Path | None = None) -> Guard:
    return venue_guard(
        base_url,
        clock=clock,
        requests=5,
        per_s=2.0,
        probe="/api/v5/public/time",
        block_file=block_file,
        request_shares=Shares(0.60, 0.60),  # three of five: one question about cohorts needs as many
    )


def instrument(symbol: str) -> str:
    """`BTCUSDT` → `BTC-USDT-SWAP`; `1000PEPEUSDT` is one PEPE contract there, and a ratio has no multiplier."""
    return f"{_MULTIPLIER.sub('', base_of(symbol))}-USDT-SWAP"


class OkxCohorts:
    """Its ratios as `Cohorts`. `start` before the first question, `stop` after the last."""

    venue = "okx"

    def __init__(
        self,
        base_url: str,
        *,
        clock: Clock,
        guard: Guard,
        trust_env: bool = True,
        within_s: float = ANSWER_WITHIN_S,
    ) -> None:
        self._rest = VenueRest(
            base_url, clock=clock, guard=guard, is_refusal=_is_refusal, trust_env=trust_env, within_s=within_s
        )
        self._clock = clock
        self._kept: Cache[tuple[str, str, int], Histories] = Cache(clock=clock, ttl_s=TTL_S)
        self._takers: Cache[str, Sequence[TakerBucket]] = Cache(clock=clock, ttl_s=TTL_S)

    async def start(self) -> None:
        """Raises: ConfigError for a proxy that cannot be used."""
        await self._rest.start()

    async def stop(self) -> None:
        await self._rest.stop()

    def guard_status(self) -> GuardStatus:
        return self._rest.guard_status()

    async def cohorts(self, symbol: str, *, period: str, limit: int, priority: Priority) -> Histories:
        """At most 100 buckets are to be had, however many are asked for."""
        checked_period(period)
        if not 1 <= limit <= MOST_BUCKETS:
            raise ValueError(f"limit {limit} is not within 1…{MOST_BUCKETS}")
        count = min(limit, MOST_ROWS)
        return await self._kept.get((symbol, period, count), lambda: self._fetch(symbol, period, count, priority))

    async def taker_day(self, symbol: str, *, priority: Priority) -> Sequence[TakerBucket]:
        """Quarters of an hour."""
        return await self._takers.get(symbol, lambda: self._fetch_takers(symbol, priority))

    async def _fetch_takers(self, symbol: str, priority: Priority) -> Sequence[TakerBucket]:
        body = await self._rest.get(
            TAKER_VOLUME, priority, instId=instrument(symbol), period=f"{TAKER_MINUTES}m", unit=2, limit=TAKER_ROWS
        )
        data = _data(body)
        if data is None:
            return []
        oldest_ms = self._clock.now_ms() - (TAKER_ROWS + _STALE_PERIODS) * TAKER_MINUTES * MINUTE_MS
        found = {row.open_ms: row for row in _TAKER_ROWS.read(data).values if row.open_ms >= oldest_ms}
        return [found[open_ms] for open_ms in sorted(found)]

    async def _fetch(self, symbol: str, period: str, limit: int, priority: Priority) -> Histories:
        try:
            async with asyncio.TaskGroup() as group:
                retail, accounts, positions = (
                    group.create_task(self._series(path, symbol, period, limit, priority))
                    for path in (ALL_ACCOUNTS, TOP_ACCOUNTS, TOP_POSITIONS)
                )
        except ExceptionGroup as problems:
            raise clearest(problems) from None
        return Histories(retail=retail.result(), top_accounts=accounts.result(), top_positions=positions.result())

    async def _series(self, path: str, symbol: str, period: str, limit: int, priority: Priority) -> Sequence[LongShort]:
        body = await self._rest.get(
            path, priority, instId=instrument(symbol), period=PERIOD_NAMES.get(period, period), limit=limit
        )
        data = _data(body)
        if data is None:
            return []
        # a series that has stopped would be told as if it were of now
        oldest_ms = self._clock.now_ms() - (limit + _STALE_PERIODS) * period_ms(period)
        found = {row.time_ms: row for row in _ROWS.read(data).values if row.time_ms >= oldest_ms}
        return [found[time_ms] for time_ms in sorted(found)]


def _data(body: bytes) -> msgspec.Raw | None:
    """None: it has no such instrument. Raises: BadAnswer."""
    envelope = _ENVELOPE.read(body)
    if envelope.code in GONE_CODES:
        return None
    if envelope.code != "0":
        raise BadAnswer(f"okx: code {envelope.code[:12]}")
    return envelope.data


def _is_refusal(body: bytes) -> bool:
    try:
        return _CODE.decode(body).code in TOO_MANY_CODES
    except UNREADABLE:
        return False


def okx_cohorts(config: Config, clock: Clock) -> OkxCohorts:
    """As the environment says."""
    url, block_file = config.okx_rest_url, config.db_file.with_name("okx-block.json")
    return OkxCohorts(url, clock=clock, guard=okx_guard(url, clock=clock, block_file=block_file))
