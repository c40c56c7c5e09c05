"""What the followed traders hold and how they moved, beside alerts of every kind."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import msgspec

from altmonitor.collect.enrichment import AlertEnricher, EnrichmentDeps, Unanswered, WaitingAlert, learned_about
from altmonitor.core.alert import Alert, Details, TrackedMove, TrackedSide
from altmonitor.core.errors import ExchangeError, StorageError
from altmonitor.interfaces.exchange import Priority
from altmonitor.interfaces.positioning import SmartMoney
from altmonitor.positioning.history import (
    SLACK_MS,
    NotEnoughSnapshots,
    ShareMove,
    SideChange,
    Snapshot,
    change,
    profit_trend,
)
from altmonitor.positioning.smart_money import Overview, whale_line

log = logging.getLogger(__name__)


class WhaleEnricher(AlertEnricher):
    """An answer that comes too late for its alert is there for the next one of the symbol.

    oi_usd(symbol, price): open interest now, USD; None when it is not known. has_line, has_link: what alerts show.
    """

    at_once = 64
    """The guard lets about ten questions a minute through; more would only wait for nothing."""

    def __init__(
        self,
        deps: EnrichmentDeps,
        *,
        smart_money: SmartMoney,
        oi_usd: Callable[[str, float | None], float | None],
        has_line: bool = True,
        has_link: bool = True,
    ) -> None:
        super().__init__(deps)
        self._smart_money = smart_money
        self._oi_usd = oi_usd
        self._has_line = has_line
        self._has_link = has_link
        self._asked: dict[str, asyncio.Task[Overview | ExchangeError | None]] = {}

    def put(self, alert: Alert) -> None:
        """As many as are asked about at once; those beyond them would only wait for nothing."""
        if self.wants(alert) and self._under_way + len(self._waiting) >= self.at_once:
            self._given_up["too_many"] += 1
        else:
            super().put(alert)

    def wants(self, alert: Alert) -> bool:
        """What was found afterwards is left alone: positions are those of now."""
        return not alert.late and (self._has_line or self._has_link)

    async def run(self) -> None:
        """Until cancelled."""
        try:
            await super().run()
        finally:
            asked = list(self._asked.values())
            for question in asked:
                question.cancel()
            await asyncio.gather(*asked, return_exceptions=True)

    async def ask(self, waiting: WaitingAlert) -> Alert | None:
        alert = waiting.alert
        found = await self.within(waiting, self._overview(alert.symbol))
        whales = whale_line(found, oi_usd=self._oi_usd(alert.symbol, alert.price), at_ms=alert.event_ms)
        learned = Details(whales=whales if self._has_line else None, has_followed=self._has_link)
        if learned == Details():
            return None
        return msgspec.structs.replace(learned_about(alert), details=learned)

    async def _overview(self, symbol: str) -> Overview:
        """Raises: ExchangeError; Unanswered where nobody is followed."""
        asked = self._asked.get(symbol)
        if asked is None:
            asked = self._asked[symbol] = asyncio.create_task(self._question(symbol), name=f"overview of {symbol}")
        await asyncio.wait([asked])
        found = asked.result()
        if isinstance(found, ExchangeError):
            raise found
        if found is None:
            raise Unanswered("nobody_followed")
        return found

    async def _question(self, symbol: str) -> Overview | ExchangeError | None:
        """The failure is handed back: it outlives the alert that asked, and would end the others."""
        try:
            return await self._smart_money.overview(symbol, priority=Priority.ENRICH)
        except ExchangeError as problem:
            return problem
        except Exception:
            log.exception("overview of %s", symbol)
            return ExchangeError("the lookup failed")
        finally:
            self._asked.pop(symbol, None)


WINDOW_MIN: Final = 60.0

RowsSince = Callable[[str, int], Awaitable[Sequence[Snapshot]]]
"""(symbol, unix ms) → stored rows since then; none where nothing is tracked. Raises: StorageError."""


class TrackedEnricher(AlertEnricher):
    """Asks no exchange: the rows are a tracker's, in a file of its own."""

    at_once = 4

    def __init__(self, deps: EnrichmentDeps, *, rows_since: RowsSince) -> None:
        super().__init__(deps)
        self._rows_since = rows_since

    def wants(self, alert: Alert) -> bool:
        """What tells of positions itself, and what was found afterwards, is left alone."""
        return not alert.late and alert.details.positions is None

    async def ask(self, waiting: WaitingAlert) -> Alert | None:
        alert, now_ms = waiting.alert, self._clock.now_ms()
        since_ms = now_ms - round(WINDOW_MIN * 60_000) - SLACK_MS
        try:
            rows = await self.within(waiting, self._rows_since(alert.symbol, since_ms))
        except StorageError as problem:
            raise Unanswered("storage") from problem
        moved = tracked_move(alert.symbol, rows, now_ms=now_ms)
        if moved is None:
            raise Unanswered("not_tracked")
        return msgspec.structs.replace(learned_about(alert), details=Details(tracked=moved))


def tracked_move(symbol: str, rows: Sequence[Snapshot], *, now_ms: int) -> TrackedMove | None:
    """None with fewer than two rows in the last hour."""
    moved = change(symbol, rows, minutes=WINDOW_MIN, now_ms=now_ms)
    trend = profit_trend(symbol, rows, minutes=WINDOW_MIN, now_ms=now_ms)
    if isinstance(moved, NotEnoughSnapshots) or isinstance(trend, NotEnoughSnapshots):
        return None
    return TrackedMove(
        minutes=moved.span_minutes,
        long=_side(moved.long, trend.long.traders),
        short=_side(moved.short, trend.short.traders),
    )


def _side(moved: SideChange, profit: ShareMove) -> TrackedSide:
    return TrackedSide(
        from_coins=moved.qty.from_coins,
        to_coins=moved.qty.to_coins,
        change_pct=moved.qty.change_pct,
        from_profit_pct=profit.from_pct,
        to_profit_pct=profit.to_pct,
    )
