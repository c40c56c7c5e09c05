"""Trouble with the broker, as the owner hears of it: once when it lasts, once when it is over, whichever feed leads."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from altmonitor.core.causes import Cause
from altmonitor.core.clock import Clock
from altmonitor.core.errors import StorageError
from altmonitor.delivery.signals import SignalStatus
from altmonitor.interfaces.storage import MetaStore

log = logging.getLogger(__name__)

TOLD_SINCE_KEY = "broker_trouble_ms"
LOOK_EVERY_S = 1.0
LASTS_S = 5.0
"""A restart of the broker is shorter and no news; what is over for so long is over."""
HEARD_FOR_S = 60.0
"""A notifier that has trouble says so again and again; one that died is forgotten."""


@dataclass(frozen=True, slots=True)
class _Heard:
    cause: Cause
    at_s: float


class BrokerWatch:
    """Of the feed that leads. status: of its own connection. on_trouble: with the names of the notifiers that noticed,
    none where this feed did. on_fine: since when it had been told, unix ms.

    What was told is remembered in the database, so that a feed that takes over tells it no second time.
    """

    def __init__(
        self,
        status: Callable[[], SignalStatus],
        memory: MetaStore,
        *,
        clock: Clock,
        on_trouble: Callable[[Cause, Sequence[str]], None],
        on_fine: Callable[[int], None],
    ) -> None:
        self._status = status
        self._memory = memory
        self._clock = clock
        self._on_trouble = on_trouble
        self._on_fine = on_fine
        self._notifiers: dict[str, _Heard] = {}
        self._changed_s: float | None = None  # since when it is otherwise than what was told

    def heard(self, name: str, cause: Cause | None) -> None:
        """What a notifier says of its own connection; None: all is well."""
        self._notifiers.pop(name, None)
        if cause is not None:
            self._notifiers[name] = _Heard(cause, self._clock.monotonic())

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self.look()
            except StorageError as problem:
                log.debug("what was told of the broker is not known now: %s", problem)
            await self._clock.sleep(LOOK_EVERY_S)

    async def look(self) -> None:
        """Raises StorageError."""
        now_s = self._clock.monotonic()
        self._notifiers = {name: one for name, one in self._notifiers.items() if now_s - one.at_s <= HEARD_FOR_S}
        status = self._status()
        told_ms = await self._memory.meta_get(TOLD_SINCE_KEY)
        causes = [one.cause for one in self._notifiers.values()]
        trouble = status.trouble or (causes[0] if causes else None)
        if (trouble is None) == (not told_ms) or (trouble is None and not status.is_working):
            self._changed_s = None
            return
        if self._changed_s is None:
            self._changed_s = now_s
        if now_s - self._changed_s < LASTS_S:
            return
        if trouble is None:
            await self._memory.meta_set(TOLD_SINCE_KEY, "")
            self._on_fine(int(told_ms or 0))
        else:
            began_ms = self._clock.now_ms() - round((now_s - self._changed_s) * 1000)
            await self._memory.meta_set(TOLD_SINCE_KEY, str(began_ms))
            self._on_trouble(trouble, () if status.trouble is not None else sorted(self._notifiers))
        self._changed_s = None
