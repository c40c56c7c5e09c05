"""Ratios of venues that are not watched, asked only when somebody wants them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from altmonitor.config import Config
from altmonitor.core.clock import Clock
from altmonitor.core.errors import ExchangeUnreachable
from altmonitor.core.types import Venue
from altmonitor.exchanges.venues import cohorts_of
from altmonitor.interfaces.exchange import Priority
from altmonitor.interfaces.positioning import Cohorts, TakerBucket, TakerFlows
from altmonitor.positioning.divergence import Histories

if TYPE_CHECKING:  # imported with the first question
    from altmonitor.exchanges.bybit.cohorts import BybitCohorts
    from altmonitor.exchanges.okx.cohorts import OkxCohorts

VENUES: Final[tuple[Venue, ...]] = ("okx", "bybit")
TELLING_BOTH: Final[tuple[Venue, ...]] = ("okx",)
"""Beside the main one: of crowd and top traders. Bybit tells of its crowd alone."""


class OtherCohorts:
    """Satisfies `Cohorts`. Connected with the first question; `stop` ends that."""

    def __init__(self, venue: str, config: Config, clock: Clock) -> None:
        self.venue = venue
        self._config = config
        self._clock = clock
        self._turn = asyncio.Lock()
        self._source: OkxCohorts | BybitCohorts | None = None

    async def cohorts(self, symbol: str, *, period: str, limit: int, priority: Priority) -> Histories:
        async with self._turn:
            source = self._source or await self._started()
        return await source.cohorts(symbol, period=period, limit=limit, priority=priority)

    async def taker_day(self, symbol: str, *, priority: Priority) -> Sequence[TakerBucket]:
        """As `TakerFlows`, which not every venue is. Raises: ExchangeUnreachable where it tells none."""
        async with self._turn:
            source = self._source or await self._started()
        if isinstance(source, TakerFlows):
            return await source.taker_day(symbol, priority=priority)
        raise ExchangeUnreachable(f"{self.venue} does not tell who took the price")

    async def stop(self) -> None:
        source, self._source = self._source, None
        if source is not None:
            await source.stop()

    async def _started(self) -> OkxCohorts | BybitCohorts:
        build = cohorts_of(self.venue)
        if build is None:
            raise ExchangeUnreachable(f"{self.venue} tells no ratios")
        source = build(self._config, self._clock)
        await source.start()
        self._source = source
        return source


@asynccontextmanager
async def other_cohorts(config: Config, *, clock: Clock) -> AsyncIterator[Mapping[str, Cohorts]]:
    """By venue."""
    sources: dict[str, OtherCohorts] = {venue: OtherCohorts(venue, config, clock) for venue in VENUES}
    try:
        yield dict(sources)
    finally:
        for source in sources.values():
            await source.stop()
