"""Positions of watched symbols that changed enough to be told, found in the stored rows."""

from __future__ import annotations

from altmonitor.positioning.history import SLACK_MS, NotEnoughHistory, Snapshot, change
from altmonitor.positioning.position_alerts import THRESHOLD_PCT, WINDOW_MIN, position_alerts
from altmonitor.tracker.tracker_news import PositionMoved
from altmonitor.tracker.types import SnapshotStore


class PositionWatch:
    """window_min: minutes a change is measured over, and a told one is not repeated in. threshold_pct: > 0."""

    def __init__(
        self, store: SnapshotStore, *, window_min: float = WINDOW_MIN, threshold_pct: float = THRESHOLD_PCT
    ) -> None:
        self._store = store
        self._window_min = window_min
        self._threshold_pct = threshold_pct

    async def look(self, newest: Snapshot) -> list[PositionMoved]:
        """After a new row: what is to be told and was not yet. Raises: StorageError."""
        symbol, now_ms = newest.overview.symbol, newest.time_ms
        since_ms = now_ms - round(self._window_min * 60_000) - SLACK_MS
        rows = await self._store.snapshots(symbol, since_ms=since_ms)
        found = change(symbol, rows, minutes=self._window_min, now_ms=now_ms)
        if isinstance(found, NotEnoughHistory):
            return []
        return [
            PositionMoved(alert=alert, change=found)
            for alert in position_alerts(found, threshold_pct=self._threshold_pct)
            if not await self._store.was_told(symbol, alert.fingerprint, since_ms=self._since_ms(now_ms))
        ]

    async def told(self, moved: PositionMoved) -> None:
        """To be called when it has reached its reader, and only then. Raises: StorageError."""
        alert = moved.alert
        await self._store.mark_told(alert.symbol, alert.fingerprint, told_ms=moved.change.to_ms)

    def _since_ms(self, now_ms: int) -> int:
        return now_ms - round(self._window_min * 60_000)
