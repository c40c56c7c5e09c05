"""Answers to /whales and /trader: whichever provider can, asked as a chat needs it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping
from typing import Final, Literal, TypeVar

from altmonitor.core.errors import ExchangeError, NotOffered, UnknownTrader
from altmonitor.exchanges.binance.positioning import clearest
from altmonitor.interfaces.traders import (
    CoinOfPool,
    NamedTraders,
    OverviewRequest,
    PositionsRequest,
    ProviderName,
    TraderAnswer,
    TraderHistoryRequest,
    TraderPicture,
    TraderProvider,
    in_turn,
)
from altmonitor.positioning.trader_pool import PoolFilter

R = TypeVar("R")

POOL_OF: Final[Mapping[ProviderName, PoolFilter]] = {
    "okx_key": PoolFilter(),
    "hyperliquid": PoolFilter(),
    "okx_copy": PoolFilter(period_days=90, most=20),
}
"""Copy trading is ranked by 90 days and read one trader at a time, while somebody waits."""
PERIOD_DAYS: Final = 30
ORDERS: Final = 3

_Part = Literal["performance", "positions", "orders"]


class LiveTraderQueries:
    """Satisfies `interfaces.traders.TraderQueries`."""

    def __init__(self, providers: Mapping[ProviderName, TraderProvider]) -> None:
        self._providers = providers

    async def whales(self, base: str) -> CoinOfPool | None:
        failed: ExchangeError | None = None
        for provider in in_turn(self._providers, ()):
            pool = POOL_OF[provider.name]
            try:
                answer = await provider.overview(OverviewRequest(pool=pool, bases=(base,)))
            except NotOffered:
                continue
            except ExchangeError as problem:
                failed = failed or problem
                continue
            return CoinOfPool(
                base=base,
                provider=provider.name,
                period_days=pool.period_days,
                signal=answer.rows[0] if answer.rows else None,
                coverage=answer.coverage,
            )
        if failed is not None:
            raise failed
        return None

    async def trader(self, author_id: str) -> TraderPicture | None:
        providers = in_turn(self._providers, (author_id,))
        for provider in providers:
            try:
                return await self._picture(provider, author_id)
            except UnknownTrader:
                continue
        return None

    async def _picture(self, provider: TraderProvider, author_id: str) -> TraderPicture:
        named = NamedTraders(author_ids=(author_id,), sort_by="pnl", period_days=PERIOD_DAYS)
        try:
            async with asyncio.TaskGroup() as group:
                performance = group.create_task(_offered(provider.performance(named)))
                positions = group.create_task(_offered(provider.positions(PositionsRequest(author_id=author_id))))
                orders = group.create_task(
                    _offered(provider.orders_history(TraderHistoryRequest(author_id=author_id, limit=ORDERS)))
                )
        except ExceptionGroup as problems:
            raise clearest(problems) from None
        parts: dict[_Part, TraderAnswer[object] | None] = {
            "performance": performance.result(),
            "positions": positions.result(),
            "orders": orders.result(),
        }
        ranked = performance.result()
        return TraderPicture(
            author_id=author_id,
            provider=provider.name,
            period_days=PERIOD_DAYS,
            performance=ranked.rows[0] if ranked is not None and ranked.rows else None,
            positions=() if (held := positions.result()) is None else held.rows,
            orders=() if (sent := orders.result()) is None else sent.rows[:ORDERS],
            missing=tuple(name for name, found in parts.items() if found is None),
        )


async def _offered(question: Awaitable[TraderAnswer[R]]) -> TraderAnswer[R] | None:
    try:
        return await question
    except NotOffered:
        return None
