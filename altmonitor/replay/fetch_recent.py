"""What is too young for the exchange's archive: candles, open interest and funding over REST, as columns."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np

from altmonitor.interfaces.exchange import Priority
from altmonitor.market.candles import MINUTE_MS, Candle
from altmonitor.market.quotes import SettledFunding
from altmonitor.positioning.funding import USUAL_INTERVAL_H
from altmonitor.positioning.open_interest import OiBar
from altmonitor.replay.archive_csv import FIVE_MINUTES_MS, STAMP_SLACK_MS
from altmonitor.replay.columns import (
    CandleColumns,
    Floats,
    FundingColumns,
    Ints,
    OpenInterestColumns,
    Source,
    candle_columns,
    funding_columns,
    no_funding,
    no_open_interest,
    open_interest_columns,
)
from altmonitor.replay.store import SeriesName

HOUR_MS: Final = 3_600_000
ROWS_PER_REQUEST: Final = 1_000
AnyColumns = CandleColumns | OpenInterestColumns | FundingColumns


class CandleRest(Protocol):
    async def klines(
        self, symbol: str, *, start_ms: int, end_ms: int, limit: int, priority: Priority
    ) -> list[Candle]: ...


class OpenInterestRest(Protocol):
    async def open_interest_between(
        self, symbol: str, *, start_ms: int, end_ms: int, priority: Priority
    ) -> Sequence[OiBar]: ...


class FundingRest(Protocol):
    async def settled_fundings(self, symbol: str, *, start_ms: int, end_ms: int) -> Sequence[SettledFunding]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class RecentRest:
    """open_interest, funding: None leaves the youngest days of them to the archive."""

    candles: CandleRest
    open_interest: OpenInterestRest | None = None
    funding: FundingRest | None = None

    async def columns(self, symbol: str, series: SeriesName, begin_ms: int, end_ms: int) -> AnyColumns:
        """Rows of [begin_ms, end_ms]. Raises: ExchangeError."""
        match series:
            case "klines":
                return await self._candles(symbol, begin_ms, end_ms)
            case "oi":
                return await self._open_interest(symbol, begin_ms, end_ms)
            case "funding":
                return await self._funding(symbol, begin_ms, end_ms)

    async def _candles(self, symbol: str, begin_ms: int, end_ms: int) -> CandleColumns:
        found: list[Candle] = []
        while begin_ms <= end_ms:
            last_ms = min(end_ms, begin_ms + ROWS_PER_REQUEST * MINUTE_MS - 1)
            found += await self.candles.klines(
                symbol, start_ms=begin_ms, end_ms=last_ms, limit=ROWS_PER_REQUEST, priority=Priority.TRACKING
            )
            begin_ms = last_ms + 1
        return candle_columns([one for one in found if one.is_closed], Source.REST)

    async def _open_interest(self, symbol: str, begin_ms: int, end_ms: int) -> OpenInterestColumns:
        if self.open_interest is None:
            return no_open_interest()
        bars = await self.open_interest.open_interest_between(
            symbol, start_ms=begin_ms, end_ms=end_ms, priority=Priority.TRACKING
        )
        known = [bar for bar in bars if bar.coins is not None]
        stamps = np.array([bar.time_ms // FIVE_MINUTES_MS * FIVE_MINUTES_MS for bar in known], dtype=np.int64)
        contracts = np.array([bar.coins for bar in known], dtype=np.float64)
        values = np.array([math.nan if bar.usd is None else bar.usd for bar in known], dtype=np.float64)
        return open_interest_columns(stamps, contracts, Source.REST, [values])

    async def _funding(self, symbol: str, begin_ms: int, end_ms: int) -> FundingColumns:
        if self.funding is None:
            return no_funding()
        # From one interval earlier: what a rate is for is said by the settlement before it.
        before_ms = begin_ms - round(USUAL_INTERVAL_H * HOUR_MS)
        paid = await self.funding.settled_fundings(symbol, start_ms=before_ms, end_ms=end_ms)
        stamps = np.array([(one.time_ms + STAMP_SLACK_MS) // MINUTE_MS * MINUTE_MS for one in paid], dtype=np.int64)
        rates = np.array([one.rate for one in paid], dtype=np.float64)
        asked = stamps >= begin_ms
        return funding_columns(stamps[asked], rates[asked], hours_between(stamps)[asked], Source.REST)


def hours_between(stamps: Ints) -> Floats:
    """Before each settlement, from those beside it, for REST does not say; the usual 8 where there is none."""
    if len(stamps) < 2:
        return np.full(len(stamps), USUAL_INTERVAL_H)
    gaps: Floats = np.diff(stamps) / HOUR_MS
    whole: Floats = np.rint(np.clip(np.append(gaps[:1], gaps), 1.0, USUAL_INTERVAL_H))
    return whole
