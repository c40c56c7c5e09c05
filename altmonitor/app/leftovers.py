"""Alerts that a feed found while it led and could not store before another one did.

Who answers for such an alert:

- While this feed leads, the queue of its store. A database that is away changes nothing of that, as long as nobody else
  takes the lead meanwhile.
- When another feed leads: this process, whatever becomes of its monitor, until the alert stands in the table of what is
  handed over. `Leftovers` holds it so long.
- From there on whoever leads, this process or any other: it decides whether the alert is news, stores it, and takes it
  out of the table in the same turn. One that dies before leaves it to the next.
- A process that dies with what it holds leaves it to those who watched as well, and to the closed minutes: until when
  everything is stored the database knows (`GapLog`), and whoever leads looks through what came after.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

from altmonitor.core.clock import Clock
from altmonitor.core.errors import StorageError
from altmonitor.core.log import FailureLog
from altmonitor.interfaces.cluster import FoundAlert, HandOver
from altmonitor.storage.database_store import MOST_IN_MEMORY

log = logging.getLogger(__name__)

TRY_EVERY_S = 0.5
TAKE_EVERY_S = 1.0
AT_ONCE = 500
LEAVE_WITHIN_S = 1.0


class Leftovers:
    """Of one process, longer than its monitor, which begins again when it has lost the lead."""

    def __init__(self, hand_over: HandOver, *, clock: Clock) -> None:
        self._hand_over = hand_over
        self._clock = clock
        self._found: dict[str, FoundAlert] = {}
        self._work = asyncio.Event()

    @property
    def waiting(self) -> int:
        return len(self._found)

    def keep(self, found: Sequence[FoundAlert]) -> None:
        """For `StoreOptions.on_unwritten`. Beyond what a store keeps in memory the oldest are dropped."""
        if not found:
            return
        for one in found:
            self._found.setdefault(one.alert.key, one)
        while len(self._found) > MOST_IN_MEMORY:
            del self._found[next(iter(self._found))]
        log.warning("%d alerts that could not be stored are handed over to the feed that leads", len(self._found))
        self._work.set()

    async def run(self) -> None:
        """Until cancelled."""
        failures = FailureLog(log, "alerts cannot be handed over, trying again: %s", of=StorageError)
        while True:
            await self._work.wait()
            with failures:
                await self.flush()
            if failures.is_failing:
                await self._clock.sleep(TRY_EVERY_S)

    async def leave(self) -> None:
        """For an orderly end, bounded: once more."""
        with suppress(StorageError, TimeoutError):
            async with self._clock.timeout(LEAVE_WITHIN_S):
                await self.flush()
        if self._found:
            log.error("stopped with %d alerts that could not be handed over", len(self._found))

    async def flush(self) -> None:
        """Hands over what there is. Raises StorageError."""
        while self._found:
            batch = list(self._found.values())[:AT_ONCE]
            await self._hand_over.put(batch)
            for one in batch:
                del self._found[one.alert.key]
            log.info("%d alerts are handed over", len(batch))
        self._work.clear()


class TakenOver:
    """Of the feed that leads. adopt: stores what of it is news. done: its keys need not be handed over any more, once
    what was put into the store before is stored."""

    def __init__(
        self,
        hand_over: HandOver,
        *,
        clock: Clock,
        adopt: Callable[[FoundAlert], bool],
        done: Callable[[Sequence[str]], Awaitable[None]],
    ) -> None:
        self._hand_over = hand_over
        self._clock = clock
        self._adopt = adopt
        self._done = done

    async def run(self) -> None:
        """Until cancelled. A database that does not answer is asked again."""
        failures = FailureLog(log, "what other feeds hand over cannot be taken, trying again: %s", of=StorageError)
        while True:
            with failures:
                await self.take()
            await self._clock.sleep(TAKE_EVERY_S)

    async def take(self) -> None:
        """What is handed over now. Raises StorageError."""
        found = await self._hand_over.waiting()
        if not found:
            return
        news = [self._adopt(one) for one in found]
        log.info("%d alerts were handed over by another feed, %d of them are news", len(found), sum(news))
        await self._done([one.alert.key for one in found])
