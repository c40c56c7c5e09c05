"""Cohorts of one contract: all accounts beside the top traders, how far they lie apart, now and over time.

Over HTTP under `/v1/` in an envelope of their own, as programs for such an interface expect it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, Literal

import msgspec

from altmonitor.core.errors import UnknownSymbol
from altmonitor.interfaces.exchange import Priority
from altmonitor.operations.context import OperationContext
from altmonitor.operations.errors import BadArgument, Unavailable
from altmonitor.operations.operation import Example, Operation
from altmonitor.operations.symbols import SymbolWord, listed_symbol
from altmonitor.positioning.divergence import CohortName, Histories, Signal
from altmonitor.positioning.json_values import (
    DEFAULT_LIMIT,
    LIMITS,
    SOURCES,
    Asked,
    divergence_values,
    history_values,
    meta_values,
    positioning_values,
)
from altmonitor.positioning.units import DEFAULT_PERIOD

Period = Literal["5m", "15m", "30m", "1h", "2h", "4h", "6h", "12h", "1d"]
CohortVenue = Literal["binance", "okx", "bybit"]
VENUES: Final[tuple[str, ...]] = tuple(SOURCES)

ALIGNED_BUCKETS: Final = 3
"""Of each cohort, for one moment: the newest bucket of one may come later than that of another."""

_Coin = Annotated[str, msgspec.Meta(min_length=1, max_length=40, description="Base coin; the quote is USDT.")]
_Period = Annotated[Period, msgspec.Meta(description="Length of a bucket.")]
_Venue = Annotated[CohortVenue, msgspec.Meta(description="Whose accounts.")]


class CohortArguments(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Either coin or symbol."""

    symbol: SymbolWord | None = None
    coin: _Coin | None = None
    period: _Period = DEFAULT_PERIOD
    venue: _Venue = "binance"


class CohortHistoryArguments(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Either coin or symbol."""

    symbol: SymbolWord | None = None
    coin: _Coin | None = None
    period: _Period = DEFAULT_PERIOD
    venue: _Venue = "binance"
    limit: Annotated[int, msgspec.Meta(ge=LIMITS[0], le=LIMITS[1], description="The newest so many buckets.")] = (
        DEFAULT_LIMIT
    )


class Cohort(msgspec.Struct, frozen=True, kw_only=True):
    """*_account_pct: percent of accounts that hold a position; of top_traders_by_position percent of position sizes.
    timestamp: unix ms; null where the venue has no such cohort."""

    cohort: CohortName
    label: str
    is_smart_money: bool
    timestamp: int | None
    long_account_pct: float | None
    short_account_pct: float | None
    long_short_ratio: float | None


class CohortGap(msgspec.Struct, frozen=True, kw_only=True):
    """long_pct_gap: top traders' positions minus the crowd's accounts, percentage points; ratio_gap: of the ratios."""

    signal: Signal
    read: str
    ratio_gap: float
    long_pct_gap: float
    retail_long_pct: float
    smart_money_long_pct: float


class CohortPositioning(msgspec.Struct, frozen=True, kw_only=True):
    """age_s: of the newest bucket's stamp. divergence: null when crowd and top traders have no bucket in common."""

    symbol: str
    period: str
    venue: str
    source: str
    age_s: int | None
    note: str
    cohorts: tuple[Cohort, ...]
    divergence: CohortGap | None


class CohortDivergence(msgspec.Struct, frozen=True, kw_only=True):
    """null throughout when crowd and top traders have no bucket in common."""

    symbol: str
    period: str
    venue: str
    source: str
    age_s: int | None
    note: str
    signal: Signal | None
    read: str | None
    ratio_gap: float | None
    long_pct_gap: float | None
    retail_long_pct: float | None
    smart_money_long_pct: float | None


class CohortPoint(msgspec.Struct, frozen=True, kw_only=True):
    """timestamp: unix ms. null where a cohort has no bucket with exactly this stamp."""

    timestamp: int
    long_pct_gap: float | None
    retail_crowd_long_pct: float | None
    retail_crowd_ls_ratio: float | None
    top_traders_by_accounts_long_pct: float | None
    top_traders_by_accounts_ls_ratio: float | None
    top_traders_by_position_long_pct: float | None
    top_traders_by_position_ls_ratio: float | None


class CohortHistory(msgspec.Struct, frozen=True, kw_only=True):
    """points: oldest → newest, `count` of them."""

    symbol: str
    period: str
    venue: str
    source: str
    age_s: int | None
    note: str
    count: int
    points: tuple[CohortPoint, ...]


async def get_positioning(context: OperationContext, arguments: CohortArguments) -> CohortPositioning:
    asked, histories = await _histories(context, arguments, ALIGNED_BUCKETS)
    return msgspec.convert(positioning_values(asked, histories), CohortPositioning)


async def get_divergence(context: OperationContext, arguments: CohortArguments) -> CohortDivergence:
    asked, histories = await _histories(context, arguments, ALIGNED_BUCKETS)
    return msgspec.convert(divergence_values(asked, histories), CohortDivergence)


async def get_cohort_history(context: OperationContext, arguments: CohortHistoryArguments) -> CohortHistory:
    asked, histories = await _histories(context, arguments, arguments.limit)
    return msgspec.convert(history_values(asked, histories, limit=arguments.limit), CohortHistory)


async def _histories(
    context: OperationContext, arguments: CohortArguments | CohortHistoryArguments, count: int
) -> tuple[Asked, Histories]:
    """Raises: OperationError; ExchangeError, UnknownSymbol when the venue has nothing of this symbol."""
    if (arguments.symbol is None) is (arguments.coin is None):
        raise BadArgument("one of coin (BTC) and symbol (BTCUSDT) is needed")
    symbol = listed_symbol(arguments.symbol or arguments.coin or "", context)
    source = context.cohorts.get(arguments.venue)
    if source is None:
        raise Unavailable(f"this process does not ask {arguments.venue}")
    histories = await source.cohorts(symbol, period=arguments.period, limit=count, priority=Priority.UNIVERSE)
    if not any(histories.named().values()):
        raise UnknownSymbol(f"{arguments.venue} has no data for this symbol: {symbol}")
    now_ms = context.clock.now_ms()
    return Asked(symbol=symbol, period=arguments.period, venue=arguments.venue, now_ms=now_ms), histories


# --- about the interface itself -----------------------------------------------------------------------------------


class NoCohortArguments(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class LimitRange(msgspec.Struct, frozen=True, kw_only=True):
    default: int
    min: int
    max: int


class CohortMeta(msgspec.Struct, frozen=True, kw_only=True):
    """endpoints: name → path, of those that exist. commands: the same on the command line."""

    service: str
    description: str
    note: str
    source: dict[str, str]
    venues: tuple[str, ...]
    periods: tuple[str, ...]
    default_period: str
    limit: LimitRange
    endpoints: dict[str, str]
    commands: dict[str, str]


async def get_cohort_meta(context: OperationContext, arguments: NoCohortArguments) -> CohortMeta:
    return msgspec.convert(meta_values(venues=VENUES, endpoints=endpoints()), CohortMeta)


def endpoints() -> Mapping[str, str]:
    """Last word of the path → path."""
    paths = [row.route.removeprefix("GET ") for row in COHORT_OPERATIONS if row.route is not None]
    return {path.rpartition("/")[2]: path for path in paths}


_SOL: Final[dict[str, Any]] = {"coin": "SOL"}

COHORT_OPERATIONS: Sequence[Operation] = (  # type: ignore[type-arg]  # of all kinds
    Operation(
        name="get_positioning",
        summary="Who is long and short in a contract: all accounts, top traders by accounts and by position size.",
        arguments=CohortArguments,
        result=CohortPositioning,
        run=get_positioning,
        reads="exchange",
        route="GET /v1/positioning",
        envelope="Positioning",
        cli="positioning show",
        examples=(Example(title="one coin", arguments=_SOL),),
    ),
    Operation(
        name="get_divergence",
        summary="How far the top traders' positions lie from the crowd's accounts, and which of them is longer.",
        arguments=CohortArguments,
        result=CohortDivergence,
        run=get_divergence,
        reads="exchange",
        route="GET /v1/divergence",
        envelope="Divergence",
        chat="div",
        cli="positioning divergence",
        examples=(Example(title="by the hour", arguments={"symbol": "SOLUSDT", "period": "1h"}),),
    ),
    Operation(
        name="get_cohort_history",
        summary="Long shares and long/short ratios of crowd and top traders over time, bucket by bucket.",
        arguments=CohortHistoryArguments,
        result=CohortHistory,
        run=get_cohort_history,
        reads="exchange",
        route="GET /v1/history",
        envelope="History",
        cli="positioning history",
        examples=(Example(title="two buckets", arguments={**_SOL, "limit": 2}),),
    ),
    Operation(
        name="get_cohort_meta",
        summary="Venues, periods, limits and addresses of the interface to cohorts.",
        arguments=NoCohortArguments,
        result=CohortMeta,
        run=get_cohort_meta,
        route="GET /v1/meta",
        envelope="Meta",
        cli="positioning meta",
    ),
)
