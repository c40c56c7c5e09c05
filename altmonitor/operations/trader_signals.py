"""What a pool of followed traders holds together: coin by coin now, and one coin over time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

import msgspec

from altmonitor.core.json_text import camel
from altmonitor.interfaces.traders import NamedTraders, OverviewRequest, ProviderName, SignalTrendRequest
from altmonitor.operations.arguments import WORDS
from altmonitor.operations.context import OperationContext
from altmonitor.operations.operation import Example, Operation
from altmonitor.operations.trader_arguments import (
    GRANULARITIES,
    NAMED_HINTS,
    SIGNAL_HINTS,
    CoinsWord,
    CoinWord,
    GranularityWord,
    IdsWord,
    PeriodWord,
    PoolArguments,
    SortWord,
    TraderArguments,
    coin,
    coins,
    one_of,
    period_days,
    signal_hour,
    sort_key,
    trader_ids,
)
from altmonitor.operations.traders import asked
from altmonitor.positioning.trader_pool import PoolFilter
from altmonitor.positioning.traders import CoinSignal, CoinSignalPoint, PoolCoverage, TraderSource, TraderValue

TOP_INSTRUMENTS = 20

_Top = Annotated[int, msgspec.Meta(ge=1, le=100, description="Coins most traders hold; 20 without either.")]
_Buckets = Annotated[int, msgspec.Meta(ge=1, le=500, description="Buckets.")]
_AsOf = Annotated[
    str,
    msgspec.Meta(
        description="Newest hour: yyyyMMddHH, UTC.",
        extra={WORDS: "yyyyMMddHH in UTC (10 digits) as text"},
    ),
]


class FoundSignals(TraderValue, frozen=True, kw_only=True):
    """coverage: where the pool is read trader by trader. notes: why something is null."""

    provider: ProviderName
    sources: tuple[TraderSource, ...]
    notes: tuple[str, ...]
    coverage: PoolCoverage | None
    data: tuple[CoinSignal, ...]


class FoundTrend(TraderValue, frozen=True, kw_only=True):
    """data: newest first."""

    provider: ProviderName
    sources: tuple[TraderSource, ...]
    notes: tuple[str, ...]
    coverage: PoolCoverage | None
    data: tuple[CoinSignalPoint, ...]


class OverviewArguments(PoolArguments, frozen=True, kw_only=True, forbid_unknown_fields=True, rename=camel):
    top_instruments: _Top | None = None
    inst_ccy_list: CoinsWord | None = None


class NamedOverviewArguments(TraderArguments, frozen=True, kw_only=True, forbid_unknown_fields=True, rename=camel):
    author_ids: IdsWord
    sort_by: SortWord
    period: PeriodWord
    top_instruments: _Top | None = None
    inst_ccy_list: CoinsWord | None = None


class TrendOfPoolArguments(PoolArguments, frozen=True, kw_only=True, forbid_unknown_fields=True, rename=camel):
    inst_ccy: CoinWord
    granularity: GranularityWord = "1h"
    as_of_time: _AsOf | None = None
    limit: _Buckets = 24


class NamedTrendArguments(TraderArguments, frozen=True, kw_only=True, forbid_unknown_fields=True, rename=camel):
    author_ids: IdsWord
    inst_ccy: CoinWord
    granularity: GranularityWord
    sort_by: SortWord
    period: PeriodWord
    as_of_time: _AsOf | None = None
    limit: _Buckets = 24


def _named(arguments: NamedOverviewArguments | NamedTrendArguments) -> NamedTraders:
    """Raises: BadArgument."""
    return NamedTraders(
        author_ids=trader_ids(arguments.author_ids),
        sort_by=sort_key(arguments.sort_by),
        period_days=period_days(arguments.period),
    )


async def get_signal_overview_by_filter(context: OperationContext, arguments: OverviewArguments) -> FoundSignals:
    return await _overview(context, arguments, arguments.pool(), ())


async def get_signal_overview_by_trader(context: OperationContext, arguments: NamedOverviewArguments) -> FoundSignals:
    pool = _named(arguments)
    return await _overview(context, arguments, pool, pool.author_ids)


async def _overview(
    context: OperationContext,
    arguments: OverviewArguments | NamedOverviewArguments,
    pool: PoolFilter | NamedTraders,
    ids: Sequence[str],
) -> FoundSignals:
    request = OverviewRequest(
        pool=pool,
        bases=coins(arguments.inst_ccy_list, arguments.top_instruments),
        top_instruments=arguments.top_instruments or TOP_INSTRUMENTS,
    )
    provider, found = await asked(context, arguments.provider, lambda one: one.overview(request), ids=ids)
    return FoundSignals(
        provider=provider, sources=found.sources, notes=found.notes, coverage=found.coverage, data=found.rows
    )


async def get_signal_trend_by_filter(context: OperationContext, arguments: TrendOfPoolArguments) -> FoundTrend:
    return await _trend(context, arguments, arguments.pool(), ())


async def get_signal_trend_by_trader(context: OperationContext, arguments: NamedTrendArguments) -> FoundTrend:
    pool = _named(arguments)
    return await _trend(context, arguments, pool, pool.author_ids)


async def _trend(
    context: OperationContext,
    arguments: TrendOfPoolArguments | NamedTrendArguments,
    pool: PoolFilter | NamedTraders,
    ids: Sequence[str],
) -> FoundTrend:
    now_hour = datetime.fromtimestamp(context.clock.now_ms() / 1000, UTC).strftime("%Y%m%d%H")
    request = SignalTrendRequest(
        pool=pool,
        base=coin("instCcy", arguments.inst_ccy),
        granularity=one_of("granularity", arguments.granularity, GRANULARITIES),
        as_of=signal_hour(arguments.as_of_time, now_hour=now_hour),
        limit=arguments.limit,
    )
    provider, found = await asked(context, arguments.provider, lambda one: one.trend(request), ids=ids)
    return FoundTrend(
        provider=provider, sources=found.sources, notes=found.notes, coverage=found.coverage, data=found.rows
    )


_NAMED = {"authorIds": "AB99563B2FB29155", "sortBy": "pnl", "period": "90"}

SIGNAL_OPERATIONS: Sequence[Operation] = (  # type: ignore[type-arg]  # of all kinds
    Operation(
        name="get_signal_overview_by_filter",
        summary="Consensus of a pool of successful traders, coin by coin: how many are long and short, with how much.",
        arguments=OverviewArguments,
        result=FoundSignals,
        run=get_signal_overview_by_filter,
        reads="exchange",
        route="GET /v1/smartmoney/signal-overview-by-filter",
        chat="whales",
        cli="smartmoney signal-overview-by-filter",
        hints=SIGNAL_HINTS,
        examples=(Example(title="one coin", arguments={"instCcyList": "BTC", "period": "90", "lmtNum": 5}),),
    ),
    Operation(
        name="get_signal_overview_by_trader",
        summary="Consensus of certain traders, coin by coin, by their ids.",
        arguments=NamedOverviewArguments,
        result=FoundSignals,
        run=get_signal_overview_by_trader,
        reads="exchange",
        route="GET /v1/smartmoney/signal-overview-by-trader",
        cli="smartmoney signal-overview-by-trader",
        hints=NAMED_HINTS,
        examples=(Example(title="one trader", arguments=_NAMED),),
    ),
    Operation(
        name="get_signal_trend_by_filter",
        summary="Consensus of a pool of successful traders on one coin over time, by the hour or day.",
        arguments=TrendOfPoolArguments,
        result=FoundTrend,
        run=get_signal_trend_by_filter,
        reads="exchange",
        route="GET /v1/smartmoney/signal-trend-by-filter",
        cli="smartmoney signal-trend-by-filter",
        hints=SIGNAL_HINTS,
        examples=(Example(title="two hours", arguments={"instCcy": "BTC", "limit": 2}),),
    ),
    Operation(
        name="get_signal_trend_by_trader",
        summary="Consensus of certain traders on one coin over time, by their ids.",
        arguments=NamedTrendArguments,
        result=FoundTrend,
        run=get_signal_trend_by_trader,
        reads="exchange",
        route="GET /v1/smartmoney/signal-trend-by-trader",
        cli="smartmoney signal-trend-by-trader",
        hints=NAMED_HINTS,
        examples=(Example(title="two hours", arguments={**_NAMED, "instCcy": "BTC", "granularity": "1h", "limit": 2}),),
    ),
)
