"""Bybit's ratio of longs to shorts over all accounts; it has none of top traders.

Source: https://bybit-exchange.github.io/docs/v5/market/long-short-ratio (2026-10): no key; 600 requests per 5 seconds
and address, above that 403 for ten minutes and more.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from altmonitor.config import Config
from altmonitor.core.cache import Cache
from altmonitor.core.clock import Clock
from altmonitor.core.errors import BadAnswer
from altmonitor.core.status import GuardStatus
from altmonitor.exchanges.binance.positioning import MOST_BUCKETS, long_short
from altmonitor.exchanges.rest.client import ANSWER_WITHIN_S, UNREADABLE, One, Rows, VenueRest, venue_guard
from altmonitor.exchanges.rest.guard import Guard
from altmonitor.interfaces.exchange import Priority
from altmonitor.positioning.divergence import Histories
from altmonitor.positioning.ratios import LongShort
from altmonitor.positioning.units import checked_period, round_half_up

ACCOUNT_RATIO: Final = "/v5/market/account-ratio"
TTL_S: Final = 60.0
UNKNOWN_SYMBOL: Final = 10001
TOO_MANY_CODES: Final = (10006, 10018)

PERIOD_NAMES: Final = {"5m": "5min", "15m": "15min", "30m": "30min", "1h": "1h", "4h": "4h", "1d": "1d"}


class _BybitRow(msgspec.Struct, frozen=True, rename="camel"):
    symbol: str
    buy_ratio: float
    sell_ratio: float
    timestamp: int

    def parse(self) -> tuple[str, LongShort]:
        if not self.sell_ratio > 0.0:
            raise ValueError("no short account to compare with")
        ratio = round_half_up(self.buy_ratio / self.sell_ratio, 4)
        return self.symbol, long_short(self.timestamp, self.buy_ratio, self.sell_ratio, ratio)


class _CohortResult(msgspec.Struct, frozen=True):
    list: msgspec.Raw = msgspec.Raw(b"[]")


class _BybitCode(msgspec.Struct, frozen=True, rename="camel"):
    ret_code: int
    ret_msg: str = ""


class _BybitEnvelope(_BybitCode, frozen=True, rename="camel"):
    result: _CohortResult | None = None


_CODE = msgspec.json.Decoder(_BybitCode)
_ENVELOPE = One(_BybitEnvelope)
_ROWS = Rows(_BybitRow)


def bybit_guard(base_url: str, *, clock: Clock, block_file: Path | None = None) -> Guard:
    return venue_guard(base_url, clock=clock, requests=600, per_s=5.0, probe="/v5/market/time", block_file=block_file)


class BybitCohorts:
    """Its ratios as `Cohorts`. `start` before the first question, `stop` after the last."""

    venue = "bybit"

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
        self._kept: Cache[tuple[str, str, int], Histories] = Cache(clock=clock, ttl_s=TTL_S)

    async def start(self) -> None:
        """Raises: ConfigError for a proxy that cannot be used."""
        await self._rest.start()

    async def stop(self) -> None:
        await self._rest.stop()

    def guard_status(self) -> GuardStatus:
        return self._rest.guard_status()

    async def cohorts(self, symbol: str, *, period: str, limit: int, priority: Priority) -> Histories:
        """Raises: ExchangeError; ValueError also for the periods Bybit does not have (2h, 6h, 12h)."""
        if checked_period(period) not in PERIOD_NAMES:
            raise ValueError(f"bybit has no period {period}, only {' '.join(PERIOD_NAMES)}")
        if not 1 <= limit <= MOST_BUCKETS:
            raise ValueError(f"limit {limit} is not within 1…{MOST_BUCKETS}")
        return await self._kept.get((symbol, period, limit), lambda: self._fetch(symbol, period, limit, priority))

    async def _fetch(self, symbol: str, period: str, limit: int, priority: Priority) -> Histories:
        body = await self._rest.get(
            ACCOUNT_RATIO, priority, category="linear", symbol=symbol, period=PERIOD_NAMES[period], limit=limit
        )
        return Histories(retail=_read(body, symbol), top_accounts=(), top_positions=())


def _read(body: bytes, symbol: str) -> Sequence[LongShort]:
    envelope = _ENVELOPE.read(body)
    if envelope.ret_code == UNKNOWN_SYMBOL and "symbol" in envelope.ret_msg.lower():
        return []
    if envelope.ret_code != 0 or envelope.result is None:
        raise BadAnswer(f"bybit: code {envelope.ret_code}")
    found = {row.time_ms: row for named, row in _ROWS.read(envelope.result.list).values if named == symbol}
    return [found[time_ms] for time_ms in sorted(found)]


def _is_refusal(body: bytes) -> bool:
    try:
        return _CODE.decode(body).ret_code in TOO_MANY_CODES
    except UNREADABLE:
        return False


def bybit_cohorts(config: Config, clock: Clock) -> BybitCohorts:
    """As the environment says."""
    url, block_file = config.bybit_rest_url, config.db_file.with_name("bybit-block.json")
    return BybitCohorts(url, clock=clock, guard=bybit_guard(url, clock=clock, block_file=block_file))
