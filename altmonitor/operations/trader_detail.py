"""One trader at a glance: what he won, holds and ordered, three questions asked at once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from typing import Annotated, TypeVar

import msgspec

from altmonitor.core.errors import NotOffered, UnknownTrader
from altmonitor.core.json_text import camel
from altmonitor.interfaces.traders import PROVIDERS, ProviderName, in_turn
from altmonitor.operations.arguments import shown
from altmonitor.operations.context import OperationContext
from altmonitor.operations.errors import BadArgument, NotFound, Unavailable
from altmonitor.operations.operation import Example, Operation
from altmonitor.operations.trader_arguments import (
    NAMED_HINTS,
    IdWord,
    PeriodWord,
    TraderArguments,
    one_of,
    period_days,
    trader_id,
)
from altmonitor.operations.traders import (
    HistoryOfTraderArguments,
    PerformanceArguments,
    PositionsArguments,
    get_performance_by_trader,
    get_trader_orders_history,
    get_trader_positions,
)
from altmonitor.positioning.traders import Trader, TraderOrder, TraderPosition, TraderSource, TraderValue

R = TypeVar("R")

DETAIL_PERIOD = "30"


class DetailArguments(TraderArguments, frozen=True, kw_only=True, forbid_unknown_fields=True, rename=camel):
    author_id: IdWord
    period: PeriodWord = DETAIL_PERIOD
    limit: Annotated[int, msgspec.Meta(ge=1, le=100, description="Orders, the newest.")] = 10


class FoundTrader(TraderValue, frozen=True, kw_only=True):
    """performance: null where the provider does not rank this trader; positions, orders: null where it does not offer
    them. notes say why. orders: newest first."""

    provider: ProviderName
    author_id: str
    sources: tuple[TraderSource, ...]
    notes: tuple[str, ...]
    performance: Trader | None
    positions: tuple[TraderPosition, ...] | None
    orders: tuple[TraderOrder, ...] | None


async def get_trader_detail(context: OperationContext, arguments: DetailArguments) -> FoundTrader:
    author_id = trader_id("authorId", arguments.author_id)
    period_days(arguments.period)
    for name in _providers(context, arguments.provider, author_id):
        try:
            return await _detail(context, name, author_id, arguments)
        except UnknownTrader as problem:
            unknown = problem
    raise unknown


def _providers(context: OperationContext, given: str | None, author_id: str) -> list[ProviderName]:
    """Raises: BadArgument, NotFound, Unavailable."""
    if given is not None:
        return [one_of("provider", given, PROVIDERS)]
    found = [one.name for one in in_turn(context.traders, [author_id])]
    if not found and context.traders:
        raise NotFound(f"no provider knows a trader by {shown(author_id)}: an address 0x… or a code of OKX is needed")
    if not found:
        raise Unavailable("this process asks no provider of traders")
    return found


async def _detail(
    context: OperationContext, name: ProviderName, author_id: str, arguments: DetailArguments
) -> FoundTrader:
    """Raises: UnknownTrader, OperationError, ExchangeError."""
    performance, positions, orders = await asyncio.gather(
        _offered(
            get_performance_by_trader(
                context, PerformanceArguments(provider=name, author_ids=author_id, period=arguments.period)
            )
        ),
        _offered(get_trader_positions(context, PositionsArguments(provider=name, author_id=author_id))),
        _offered(
            get_trader_orders_history(
                context, HistoryOfTraderArguments(provider=name, author_id=author_id, limit=arguments.limit)
            )
        ),
    )
    parts = (("performance", performance), ("positions", positions), ("orders", orders))
    if all(isinstance(part, NotOffered) for _, part in parts):
        raise BadArgument("; ".join(str(part) for _, part in parts))
    sources: list[TraderSource] = []
    notes: list[str] = []
    for title, part in parts:
        if isinstance(part, NotOffered):
            notes.append(f"{title}: {part}")
        else:
            sources += part.sources
            notes += part.notes
    ranked = () if isinstance(performance, NotOffered) else performance.data
    return FoundTrader(
        provider=name,
        author_id=author_id,
        sources=tuple(dict.fromkeys(sources)),
        notes=tuple(dict.fromkeys(notes)),
        performance=ranked[0] if ranked else None,
        positions=None if isinstance(positions, NotOffered) else positions.data,
        orders=None if isinstance(orders, NotOffered) else orders.data,
    )


async def _offered(question: Awaitable[R]) -> R | NotOffered:
    try:
        return await question
    except NotOffered as problem:
        return problem


TRADER_DETAIL_OPERATIONS: Sequence[Operation] = (  # type: ignore[type-arg]  # of all kinds
    Operation(
        name="get_trader_detail",
        summary="One trader at a glance: success, open positions and last orders, asked at once.",
        arguments=DetailArguments,
        result=FoundTrader,
        run=get_trader_detail,
        reads="exchange",
        route="GET /v1/smartmoney/trader",
        chat="trader",
        cli="smartmoney trader",
        hints=NAMED_HINTS,
        examples=(Example(title="one trader", arguments={"authorId": "AB99563B2FB29155", "limit": 2}),),
    ),
)
