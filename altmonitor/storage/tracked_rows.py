"""A tracker's file as the monitor reads it: opened for each look, because it may come, go and be replaced."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from altmonitor.core.errors import NoSnapshotsYet
from altmonitor.positioning.history import Snapshot
from altmonitor.storage.snapshot_queries import snapshot_reader


class TrackedFile:
    """Satisfies `monitor.position_news.TrackedRows`."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def snapshots(self, symbol: str, *, since_ms: int) -> Sequence[Snapshot]:
        try:
            async with snapshot_reader(self._path) as tracked:
                return await tracked.snapshots(symbol, since_ms=since_ms)
        except NoSnapshotsYet:
            return ()

    async def was_told(self, symbol: str, fingerprint: str, *, since_ms: int) -> bool:
        try:
            async with snapshot_reader(self._path) as tracked:
                return await tracked.was_told(symbol, fingerprint, since_ms=since_ms)
        except NoSnapshotsYet:
            return False
