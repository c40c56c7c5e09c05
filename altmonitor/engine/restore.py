"""What a start takes over from the store: cooldowns, episodes, counts, and which conditions are armed."""

from __future__ import annotations

import logging
from typing import Protocol

from altmonitor.core.errors import StorageError
from altmonitor.engine.bookkeeping import CONDITIONS
from altmonitor.engine.engine import Engine
from altmonitor.engine.standing import DAY_MS, RECENT_MS
from altmonitor.interfaces.exchange import AlertHistory, Memory
from altmonitor.market.candles import MINUTE_MS
from altmonitor.market.closed_run import KEPT_MINUTES

log = logging.getLogger(__name__)

EPISODES_MS = KEPT_MINUTES * MINUTE_MS
"""Episodes that have had an alert since then go on, or are told to be over: their candles are fetched at the start."""


STANDING_DAYS = (90, 14, 2)
"""What is kept; less where hundreds of thousands of alerts are more than a look at the start has time for."""


class Stored(AlertHistory, Memory, Protocol):
    """Alerts and small values."""


async def restore(engine: Engine, stored: Stored, *, now_ms: int, since_ms: int) -> None:
    """since_ms: how far back what was told still matters to cooldowns, event time.

    Before the first frame, and when the engine knows its audiences. Raises StorageError; only what decorates an alert
    may be missing afterwards.
    """
    told = await stored.told_since(min(since_ms, now_ms - EPISODES_MS))
    known = {alert.key for alert, _ in told}
    missing = {alert.details.episode_key for alert, _ in told if alert.details.episode_key} - known
    engine.restore_conditions(await stored.meta_get(CONDITIONS))
    engine.restore(told, firsts=await stored.alerts_of(missing))
    await _restore_standing(engine, stored, now_ms)


async def _restore_standing(engine: Engine, stored: AlertHistory, now_ms: int) -> None:
    """From as many days as the store can look through in time."""
    for days in STANDING_DAYS:
        since_ms = now_ms - days * DAY_MS
        try:
            sizes = await stored.told_sizes(since_ms=since_ms, recent_ms=now_ms - RECENT_MS)
            first_ms = await stored.told_first_ms()
        except StorageError as problem:
            log.warning("how alerts compare with those of %d days is not known: %s", days, problem)
        else:
            engine.restore_standing(sizes, {at: max(since_ms, known_ms) for at, known_ms in first_ms.items()})
            return
