"""What a start takes over from the store: cooldowns, episodes, counts, and which conditions are armed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Protocol

from altmonitor.core.alert import Alert
from altmonitor.core.clock import Clock
from altmonitor.core.errors import StorageError
from altmonitor.core.types import Destination
from altmonitor.engine.alert_ranks import DAY_MS, RECENT_MS
from altmonitor.engine.engine import Engine
from altmonitor.engine.venue_moves import with_firsts
from altmonitor.interfaces.alerts import AlertHistory, AlertUpdates
from altmonitor.interfaces.storage import MetaStore
from altmonitor.market.candles import KEPT_MINUTES, MINUTE_MS
from altmonitor.settings.audience import Audience

OI_MEMORY_MS = 15 * MINUTE_MS
"""An open-interest jump stays in the 5-minute window and a little beyond."""

# ---
# What the engine learns after an alert was stored, written by a loop of its own: the engine itself never waits.


log = logging.getLogger(__name__)

MOST_WAITING = 10_000
RETRY_S = 5.0
CONDITIONS = "conditions"
"""Under this name what is remembered of the conditions of the first venue is kept."""


class Bookkeeping:
    """refreshed(key): more is known about the alert with this key. conditions: the name under which theirs is kept."""

    def __init__(
        self,
        updates: AlertUpdates,
        memory: MetaStore,
        *,
        clock: Clock,
        refreshed: Callable[[str], None],
        conditions: str = CONDITIONS,
    ) -> None:
        self._updates = updates
        self._memory = memory
        self._clock = clock
        self._refreshed = refreshed
        self._conditions_name = conditions
        self._learned: dict[tuple[str, bool], Alert] = {}  # oldest → newest; a burst may learn of its close and its end
        self._conditions: str | None = None
        self._work = asyncio.Event()
        self._dropped = 0  # since everything was stored last

    def put_learned(self, alert: Alert) -> None:
        """For `EngineDeps.on_episode_end` and `on_completed`. While the disk refuses for long, the oldest are
        dropped."""
        self._learned[alert.key, alert.details.is_completed] = alert
        if len(self._learned) > MOST_WAITING:
            del self._learned[next(iter(self._learned))]
            if not self._dropped:
                log.error("how moves went on is dropped, the oldest first: %d wait for the disk already", MOST_WAITING)
            self._dropped += 1
        self._work.set()

    def put_conditions(self, text: str) -> None:
        """For `EngineDeps.on_conditions`: only the newest counts."""
        self._conditions = text
        self._work.set()

    async def run(self) -> None:
        """Until cancelled. What cannot be written is tried again."""
        is_failing = False
        while True:
            await self._work.wait()
            self._work.clear()
            try:
                await self._write()
            except StorageError as problem:
                if not is_failing:
                    log.warning("how moves ended and which conditions are armed cannot be stored: %s", problem)
                is_failing = True
                self._work.set()
                await self._clock.sleep(RETRY_S)
            else:
                is_failing = False
                if self._dropped:
                    log.error("how moves went on is stored again; of %d it was dropped", self._dropped)
                    self._dropped = 0

    async def _write(self) -> None:
        text = self._conditions
        if text is not None:
            await self._memory.meta_set(self._conditions_name, text)
            if self._conditions is text:  # else something newer came meanwhile
                self._conditions = None
        while self._learned:
            key, alert = next(iter(self._learned.items()))
            await self._updates.update_alert(alert)
            if self._learned.get(key) is alert:
                del self._learned[key]
            self._refreshed(alert.key)


# ---


EPISODES_MS = KEPT_MINUTES * MINUTE_MS
"""Episodes that have had an alert since then go on, or are told to be over: their candles are fetched at the start."""


STANDING_DAYS = (90, 14, 2)
"""What is kept; less where hundreds of thousands of alerts are more than a look at the start has time for."""


class Stored(AlertHistory, MetaStore, Protocol):
    """Alerts and small values."""


def told_matters_ms(audiences: Sequence[Audience]) -> int:
    """So far back what was told still matters to some of them."""
    return max(OI_MEMORY_MS, *(audience.settings.longest_cooldown_s * 1000 for audience in audiences))


async def restore(engine: Engine, stored: Stored, *, now_ms: int, since_ms: int, conditions: str = CONDITIONS) -> None:
    """since_ms: how far back what was told still matters to cooldowns, event time. conditions: as of `Bookkeeping`.

    Before the first frame, and when the engine knows its audiences. Raises StorageError; only what decorates an alert
    may be missing afterwards.
    """
    stored_alerts = await stored.stored_since(min(since_ms, now_ms - EPISODES_MS))
    told = [(alert, to) for alert, to in with_firsts(stored_alerts) if alert.venue == engine.venue]
    known = {alert.key for alert, _ in told}
    missing = {alert.details.episode_key for alert, _ in told if alert.details.episode_key} - known
    engine.restore_conditions(await stored.meta_get(conditions))
    engine.restore(told, firsts=await stored.alerts_of(missing))
    await _restore_ranks(engine, stored, now_ms)


async def restore_anew(
    engine: Engine,
    stored: Stored,
    symbols: Collection[str],
    *,
    held: Callable[[], Iterable[tuple[Alert, Collection[Destination]]]],
    since_ms: int,
    now_ms: int,
) -> None:
    """Some of what was raised of these symbols was told nobody, and must keep nothing back. held: will be told, though
    it is not stored. since_ms, now_ms: as of `restore`. Raises StorageError; nothing has changed then."""
    told: list[tuple[Alert, Collection[Destination]]] = [
        (alert, to)
        for alert, to in with_firsts(await stored.stored_since(min(since_ms, now_ms - EPISODES_MS)))
        if alert.symbol in symbols and alert.venue == engine.venue
    ]
    known = {alert.key for alert, _ in told}
    firsts = await stored.alerts_of({alert.details.episode_key or "" for alert, _ in told} - known - {""})
    # No await from here on: what is found meanwhile would be forgotten.
    told += [(alert, to) for alert, to in held() if alert.symbol in symbols and alert.venue == engine.venue]
    told.sort(key=lambda one: one[0].event_ms)
    for symbol in symbols:
        engine.forget_told(symbol)
    engine.restore(told, firsts=firsts)


async def _restore_ranks(engine: Engine, stored: AlertHistory, now_ms: int) -> None:
    """From as many days as the store can look through in time."""
    for days in STANDING_DAYS:
        since_ms = now_ms - days * DAY_MS
        try:
            stored_sizes = await stored.stored_sizes(since_ms=since_ms, recent_ms=now_ms - RECENT_MS)
            sizes = [size for size in stored_sizes if size.venue == engine.venue]
            first_ms = await stored.stored_first_ms()
        except StorageError as problem:
            log.warning("how alerts compare with those of %d days is not known: %s", days, problem)
        else:
            engine.restore_ranks(sizes, {at: max(since_ms, known_ms) for at, known_ms in first_ms.items()})
            return
