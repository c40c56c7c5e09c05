"""An alert of a tracked symbol learns how the followed traders moved over the last hour of stored rows."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import msgspec

from altmonitor.collect.enrichment import AlertEnricher, EnrichmentDeps, Unanswered, WaitingAlert, learned_about
from altmonitor.core.alert import Alert, Details, TrackedMove, TrackedSide
from altmonitor.core.errors import StorageError
from altmonitor.positioning.history import (
    SLACK_MS,
    NotEnoughSnapshots,
    ShareMove,
    SideChange,
    Snapshot,
    change,
    profit_trend,
)

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
