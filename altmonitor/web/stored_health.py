"""`/health` of a process that only reads: how old the newest stored rows are."""

from __future__ import annotations

from typing import Final

import msgspec

from altmonitor.core.errors import StorageError
from altmonitor.operations.context import OperationContext
from altmonitor.operations.errors import OperationError
from altmonitor.positioning.history import MAX_AGE_MIN

STALE_S: Final = MAX_AGE_MIN * 60
"""A tracker writes every contract within an hour; the same bound counts for its scans."""


class StoredHealth(msgspec.Struct, frozen=True, kw_only=True):
    """ok: what is tracked is fresh, or nothing was ever tracked. Ages in seconds, null without a row; trouble: why a
    database cannot be read. monitor: always null, none runs in this process."""

    ok: bool
    status: str
    port: int
    newest_alert_age_s: float | None
    newest_snapshot_age_s: float | None
    trouble: tuple[str, ...]
    monitor: None = None


async def stored_health(context: OperationContext, *, port: int) -> StoredHealth:
    now_ms, trouble = context.clock.now_ms(), []
    alert_age_s = snapshot_age_s = None
    try:
        rows = await context.history().recent(limit=1)
        alert_age_s = max(0.0, now_ms / 1000 - rows[0].alert.ts) if rows else None
    except (StorageError, OperationError) as problem:
        trouble.append(str(problem))
    is_stale = False
    try:
        async with context.snapshots() as tracked:
            newest_ms = max((count.newest_ms or 0 for count in await tracked.counts()), default=0)
            snapshot_age_s = max(0, now_ms - newest_ms) / 1000 if newest_ms else None
            is_stale = snapshot_age_s is not None and snapshot_age_s > STALE_S
    except StorageError as problem:
        trouble.append(str(problem))
    is_unreadable = len(trouble) == 2
    return StoredHealth(
        ok=not is_stale and not is_unreadable,
        status="down" if is_stale or is_unreadable else "ok",
        port=port,
        newest_alert_age_s=alert_age_s,
        newest_snapshot_age_s=snapshot_age_s,
        trouble=tuple(trouble),
    )
