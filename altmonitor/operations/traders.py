"""Followed traders: who is ranked, what one of them holds, held and ordered. See trader_signals.py for their sums."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Any, Final, TypeVar

import msgspec

from altmonitor.core.errors import NotOffered
from altmonitor.core.json_text import camel
from altmonitor.interfaces.traders import (
    PROVIDERS,
    LeaderboardRequest,
    NamedTraders,
    PositionsRequest,
    ProviderName,
    TraderAnswer,
    TraderHistoryRequest,
    TraderProvider,
    in_turn,
)
from altmonitor.operations.arguments import WORDS
from altmonitor.operations.context import OperationContext
from altmonitor.operations.errors import BadArgument, NotFound, Unavailable
from altmonitor.operations.operation import Example, Operation
from altmonitor.operations.trader_arguments import (
    LEADERBOARD_HINTS,
    LEADERBOARD_PERIOD,
    NAMED_HINTS,
    AmountWord,
    CursorWord,
    IdsWord,
    IdWord,
    InstrumentWord,
    NewerWord,
    PageLimit,
    PeriodWord,
    RatioWord,
    SortWord,
    TraderArguments,
    bound,
    coin,
    cursors,
    keyword,
    one_of,
    period_days,
    ranking_time,
    sort_key,
    trader_id,
    trader_ids,
)
from altmonitor.positioning.traders import (
    ClosedPosition,
    Trader,
    TraderName,
    TraderOrder,
    TraderPosition,
    TraderSource,
    TraderValue,
)

R = TypeVar("R")


class Pagination(TraderValue, frozen=True, kw_only=True):
    """next_after: what to ask for as `after`; null with the last page."""

    has_more: bool
    next_after: str | None


class FoundTraders(TraderValue, frozen=True, kw_only=True):
    """provider: who answered. update_time: of the ranking, yyyyMMddHHmm in UTC+8. notes: why something is null."""

    provider: ProviderName
    sources: tuple[TraderSource, ...]
    notes: tuple[str, ...]
    update_time: str | None
    data: tuple[Trader, ...]
    pagination: Pagination


class FoundPerformance(TraderValue, frozen=True, kw_only=True):
    """notes: also which ids are not known."""

    provider: ProviderName
    sources: tuple[TraderSource, ...]
    notes: tuple[str, ...]
    update_time: str | None
    data: tuple[Trader, ...]


class FoundNames(TraderValue, frozen=True, kw_only=True):
    """data: the most followed first."""

    provider: ProviderName
    sources: tuple[TraderSource, ...]
    notes: tuple[str, ...]
    data: tuple[TraderName, ...]


class FoundPositions(TraderValue, frozen=True, kw_only=True):
    provider: ProviderName
    sources: tuple[TraderSource, ...]
    notes: tuple[str, ...]
    data: tuple[TraderPosition, ...]


class FoundClosedPositions(TraderValue, frozen=True, kw_only=True):
    """data: newest first."""

    provider: ProviderName
    sources: tuple[TraderSource, ...]
    notes: tuple[str, ...]
    data: tuple[ClosedPosition, ...]
    pagination: Pagination


class FoundOrders(TraderValue, frozen=True, kw_only=True):
    """data: newest first."""

    provider: ProviderName
    sources: tuple[TraderSource, ...]
    notes: tuple[str, ...]
    data: tuple[TraderOrder, ...]
    pagination: Pagination


# --- whom to ask ---


async def asked(
    context: OperationContext,
    given: str | None,
    question: Callable[[TraderProvider], Awaitable[TraderAnswer[R]]],
    *,
    ids: Sequence[str] = (),
) -> tuple[ProviderName, TraderAnswer[R]]:
    """given: the provider that was named. Without one: who knows such ids and does not refuse the question, whoever
    has a key first. Raises: OperationError, ExchangeError, NotOffered."""
    refusals: list[NotOffered] = []
    for provider in _candidates(context, given, ids):
        try:
            return provider.name, await question(provider)
        except NotOffered as problem:
            refusals.append(problem)
    if len(refusals) == 1:
        raise _with_those_here(refusals[0], context)
    raise BadArgument("; ".join(f"{one.provider} does not offer {one.what}" for one in refusals))


def _with_those_here(refusal: NotOffered, context: OperationContext) -> NotOffered:
    """Names whom this process asks, where one of them has it."""
    here = tuple(name for name in refusal.who_can if name in context.traders)
    return NotOffered(refusal.provider, refusal.what, who_can=here or refusal.who_can)


def _candidates(context: OperationContext, given: str | None, ids: Sequence[str]) -> list[TraderProvider]:
    if given is not None:
        name = one_of("provider", given, PROVIDERS)
        if name not in context.traders:
            others = f"; provider={' or '.join(context.traders)} does" if context.traders else ""
            raise Unavailable(f"this process does not ask {name}{others}")
        return [context.traders[name]]
    found = in_turn(context.traders, ids)
    if not found and context.traders:
        raise NotFound(f"no provider knows traders by {', '.join(ids)[:80]}: an address 0x… or a code of OKX is needed")
    if not found:
        raise Unavailable("this process asks no provider of traders")
    return found


def page_of(answer: TraderAnswer[Any]) -> Pagination:
    return Pagination(has_more=answer.next_after is not None, next_after=answer.next_after)


# --- the ranking ---


_RankingTime = Annotated[
    str,
    msgspec.Meta(
        description="Older ranking: yyyyMMddHHmm, UTC+8.",
        extra={WORDS: "yyyyMMddHHmm in UTC+8 (12 digits) as text"},
    ),
]


class LeaderboardArguments(TraderArguments, frozen=True, kw_only=True, forbid_unknown_fields=True, rename=camel):
    sort_by: SortWord = "pnl"
    period: PeriodWord = LEADERBOARD_PERIOD
    min_pnl: AmountWord | None = None
    min_win_rate: RatioWord | None = None
    max_drawdown: RatioWord | None = None
    min_aum: AmountWord | None = None
    update_time: _RankingTime | None = None
    after: CursorWord | None = None
    before: NewerWord | None = None
    limit: PageLimit = 10


async def get_traders_by_filter(context: OperationContext, arguments: LeaderboardArguments) -> FoundTraders:
    after, before = cursors(arguments.after, arguments.before)
    request = LeaderboardRequest(
        sort_by=sort_key(arguments.sort_by),
        period_days=period_days(arguments.period),
        min_pnl=bound("minPnl", arguments.min_pnl),
        min_win_rate=bound("minWinRate", arguments.min_win_rate, low=0, high=1),
        max_drawdown=bound("maxDrawdown", arguments.max_drawdown, low=0, high=1),
        min_aum=bound("minAum", arguments.min_aum, low=0),
        update_time=ranking_time(arguments.update_time),
        after=after,
        before=before,
        limit=arguments.limit,
    )
    cursor = [one for one in (after, before) if one is not None]
    provider, found = await asked(context, arguments.provider, lambda one: one.leaderboard(request), ids=cursor)
    return FoundTraders(
        provider=provider,
        sources=found.sources,
        notes=found.notes,
        update_time=found.update_time,
        data=found.rows,
        pagination=page_of(found),
    )


class PerformanceArguments(TraderArguments, frozen=True, kw_only=True, forbid_unknown_fields=True, rename=camel):
    author_ids: IdsWord
    period: PeriodWord
    sort_by: SortWord = "pnl"


async def get_performance_by_trader(context: OperationContext, arguments: PerformanceArguments) -> FoundPerformance:
    request = NamedTraders(
        author_ids=trader_ids(arguments.author_ids),
        sort_by=sort_key(arguments.sort_by),
        period_days=period_days(arguments.period),
    )
    provider, found = await asked(
        context, arguments.provider, lambda one: one.performance(request), ids=request.author_ids
    )
    return FoundPerformance(
        provider=provider, sources=found.sources, notes=found.notes, update_time=found.update_time, data=found.rows
    )


class SearchArguments(TraderArguments, frozen=True, kw_only=True, forbid_unknown_fields=True, rename=camel):
    keyword: Annotated[
        str,
        msgspec.Meta(
            min_length=1,
            max_length=50,
            description="A part of a trader's name.",
            extra={WORDS: "text of 1 to 50 characters"},
        ),
    ]


async def search_trader(context: OperationContext, arguments: SearchArguments) -> FoundNames:
    word = keyword(arguments.keyword)
    provider, found = await asked(context, arguments.provider, lambda one: one.search(word))
    return FoundNames(provider=provider, sources=found.sources, notes=found.notes, data=found.rows[:10])


# --- one trader ---


class PositionsArguments(TraderArguments, frozen=True, kw_only=True, forbid_unknown_fields=True, rename=camel):
    author_id: IdWord
    inst_id: InstrumentWord | None = None


async def get_trader_positions(context: OperationContext, arguments: PositionsArguments) -> FoundPositions:
    request = PositionsRequest(
        author_id=trader_id("authorId", arguments.author_id),
        base=None if arguments.inst_id is None else coin("instId", arguments.inst_id),
    )
    provider, found = await asked(
        context, arguments.provider, lambda one: one.positions(request), ids=[request.author_id]
    )
    return FoundPositions(provider=provider, sources=found.sources, notes=found.notes, data=found.rows)


class HistoryOfTraderArguments(TraderArguments, frozen=True, kw_only=True, forbid_unknown_fields=True, rename=camel):
    author_id: IdWord
    inst_id: InstrumentWord | None = None
    after: CursorWord | None = None
    before: NewerWord | None = None
    limit: PageLimit = 10

    def request(self) -> TraderHistoryRequest:
        """Raises: BadArgument."""
        after, before = cursors(self.after, self.before)
        return TraderHistoryRequest(
            author_id=trader_id("authorId", self.author_id),
            base=None if self.inst_id is None else coin("instId", self.inst_id),
            after=after,
            before=before,
            limit=self.limit,
        )


async def get_trader_positions_history(
    context: OperationContext, arguments: HistoryOfTraderArguments
) -> FoundClosedPositions:
    request = arguments.request()
    provider, found = await asked(
        context, arguments.provider, lambda one: one.positions_history(request), ids=[request.author_id]
    )
    return FoundClosedPositions(
        provider=provider, sources=found.sources, notes=found.notes, data=found.rows, pagination=page_of(found)
    )


async def get_trader_orders_history(context: OperationContext, arguments: HistoryOfTraderArguments) -> FoundOrders:
    request = arguments.request()
    provider, found = await asked(
        context, arguments.provider, lambda one: one.orders_history(request), ids=[request.author_id]
    )
    return FoundOrders(
        provider=provider, sources=found.sources, notes=found.notes, data=found.rows, pagination=page_of(found)
    )


_ONE: Final[dict[str, Any]] = {"authorId": "AB99563B2FB29155"}

TRADER_OPERATIONS: Sequence[Operation] = (  # type: ignore[type-arg]  # of all kinds
    Operation(
        name="get_traders_by_filter",
        summary="Leaderboard: traders ranked by profit, with bounds on profit, win rate, drawdown and assets.",
        arguments=LeaderboardArguments,
        result=FoundTraders,
        run=get_traders_by_filter,
        reads="exchange",
        route="GET /v1/smartmoney/traders-by-filter",
        cli="smartmoney traders-by-filter",
        hints=LEADERBOARD_HINTS,
        examples=(Example(title="two traders", arguments={"limit": 2}),),
    ),
    Operation(
        name="get_performance_by_trader",
        summary="Profit, win rate and drawdown of traders whose ids are known.",
        arguments=PerformanceArguments,
        result=FoundPerformance,
        run=get_performance_by_trader,
        reads="exchange",
        route="GET /v1/smartmoney/performance-by-trader",
        chat="trader",
        cli="smartmoney performance-by-trader",
        hints=NAMED_HINTS,
        examples=(Example(title="one trader", arguments={"authorIds": _ONE["authorId"], "period": "30"}),),
    ),
    Operation(
        name="search_trader",
        summary="Find the id of a trader by a part of the nickname.",
        arguments=SearchArguments,
        result=FoundNames,
        run=search_trader,
        reads="exchange",
        route="GET /v1/smartmoney/search-trader",
        cli="smartmoney search-trader",
        examples=(Example(title="by name", arguments={"keyword": "moon"}),),
    ),
    Operation(
        name="get_trader_positions",
        summary="What one trader holds open now: side, size, leverage, entry, unrealised profit.",
        arguments=PositionsArguments,
        result=FoundPositions,
        run=get_trader_positions,
        reads="exchange",
        route="GET /v1/smartmoney/trader-positions",
        cli="smartmoney trader-positions",
        examples=(Example(title="one trader", arguments=_ONE),),
    ),
    Operation(
        name="get_trader_positions_history",
        summary="Positions that one trader has closed: entry, exit, realised profit, fees, how they ended.",
        arguments=HistoryOfTraderArguments,
        result=FoundClosedPositions,
        run=get_trader_positions_history,
        reads="exchange",
        route="GET /v1/smartmoney/trader-positions-history",
        cli="smartmoney trader-positions-history",
        examples=(Example(title="the last two", arguments={**_ONE, "limit": 2}),),
    ),
    Operation(
        name="get_trader_orders_history",
        summary="Orders that one trader placed lately: side, price, size, leverage.",
        arguments=HistoryOfTraderArguments,
        result=FoundOrders,
        run=get_trader_orders_history,
        reads="exchange",
        route="GET /v1/smartmoney/trader-orders-history",
        cli="smartmoney trader-orders-history",
        examples=(Example(title="the last two", arguments={**_ONE, "limit": 2}),),
    ),
)
