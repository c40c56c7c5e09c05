"""Of a venue that is watched and not asked who is positioned: every question about that is refused in one line."""

from __future__ import annotations

from collections.abc import Sequence

from altmonitor.core.causes import CauseCode
from altmonitor.core.errors import BadAnswer
from altmonitor.core.types import VENUE_TITLES, Venue
from altmonitor.interfaces.exchange import Priority
from altmonitor.market.quotes import DayTicker, Funding
from altmonitor.positioning.divergence import Histories
from altmonitor.positioning.open_interest import OiBar
from altmonitor.positioning.ratios import TopTraders


class NoPositioning:
    """`interfaces.positioning.Positioning`; every method raises BadAnswer."""

    def __init__(self, venue: Venue) -> None:
        self.venue: str = venue
        self._refusal = f"{VENUE_TITLES[venue]} is not asked who is positioned"

    def _refused(self) -> BadAnswer:
        return BadAnswer(self._refusal, code=CauseCode.NOT_OFFERED)

    async def cohorts(self, symbol: str, *, period: str, limit: int, priority: Priority) -> Histories:
        raise self._refused()

    async def top_traders(
        self, symbol: str, *, period: str, priority: Priority, is_fresh: bool = False
    ) -> TopTraders | None:
        raise self._refused()

    async def open_interest_bars(self, symbol: str, *, priority: Priority, is_fresh: bool = False) -> Sequence[OiBar]:
        raise self._refused()

    async def day_ticker(self, symbol: str, *, priority: Priority) -> DayTicker:
        raise self._refused()

    async def funding(self, symbol: str, *, priority: Priority) -> Funding:
        raise self._refused()

    async def funding_hours_of(self, symbol: str) -> float | None:
        raise self._refused()
