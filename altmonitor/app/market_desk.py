"""Answers to questions about the market: live values, the engine's own reasons, stored alerts, a picture."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import tzinfo
from typing import Protocol

from altmonitor.app.market_answers import MarketAnswers
from altmonitor.commands.facts import Chart, FundingFacts, OpenInterestFacts, PriceFacts, Top, TopWindow
from altmonitor.commands.ports import AlertQueries
from altmonitor.core.alert import Alert, ToldAlert
from altmonitor.core.clock import Clock
from altmonitor.core.types import Destination
from altmonitor.delivery.pictures import Picture
from altmonitor.detectors.verdict import Explanation
from altmonitor.market.candles import MINUTE_MS

STORED_MAX = 200
MARKED_MS = 90 * MINUTE_MS
"""Alerts of so long a time are marked on a chart that was asked for."""
AROUND_MS = 5 * MINUTE_MS
"""An alert is detected so long after its event at most, unless it was found afterwards."""


class Explains(Protocol):
    def explain(self, symbol: str, place: Destination, *, at_ms: int | None, now_ms: int) -> Explanation: ...


class SymbolPictures(Protocol):
    async def of_symbol(self, symbol: str, *, tz: tzinfo, alerts: Sequence[Alert] = ()) -> Picture | None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """alerts: None when no history is kept. zone_of: of a chat."""

    clock: Clock
    live: MarketAnswers
    engine: Explains
    alerts: AlertQueries | None
    pictures: SymbolPictures
    zone_of: Callable[[Destination], tzinfo]


class MarketDesk:
    """Satisfies `control.ports.MarketQueries`."""

    def __init__(self, sources: Sources) -> None:
        self._from = sources

    async def top(self, window: TopWindow, *, count: int) -> Top:
        return await self._from.live.top(window, count=count)

    async def price(self, symbol: str) -> PriceFacts | None:
        return await self._from.live.price(symbol)

    async def open_interest(self, symbol: str) -> OpenInterestFacts | None:
        return await self._from.live.open_interest(symbol)

    async def funding(self, symbol: str) -> FundingFacts | None:
        return await self._from.live.funding(symbol)

    async def chart(self, symbol: str, *, place: Destination) -> Chart | None:
        since_ms = self._from.clock.now_ms() - MARKED_MS
        told = [row.alert for row in await self._told(symbol, since_ms)]
        picture = await self._from.pictures.of_symbol(symbol, tz=self._from.zone_of(place), alerts=told)
        if picture is None:
            return None
        return Chart(symbol=symbol, png=picture.png, from_ms=picture.from_ms, to_ms=picture.to_ms)

    async def why(self, symbol: str, *, at_ms: int | None, place: Destination) -> Explanation:
        now_ms = self._from.clock.now_ms()
        found = self._from.engine.explain(symbol, place, at_ms=at_ms, now_ms=now_ms)
        minute_ms = found.at_ms // MINUTE_MS * MINUTE_MS
        rows = await self._told(symbol, minute_ms - AROUND_MS)
        told = tuple(row for row in rows if minute_ms <= row.alert.event_ms < minute_ms + MINUTE_MS)
        return replace(found, told=told)

    async def _told(self, symbol: str, since_ms: int) -> Sequence[ToldAlert]:
        if self._from.alerts is None:
            return ()
        return await self._from.alerts.recent(limit=STORED_MAX, symbol=symbol, since_s=since_ms / 1000)
