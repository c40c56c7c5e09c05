"""Which buttons were pressed under which alert: so that the message says so, also after it was edited for other reasons
and after a restart."""

from __future__ import annotations

import logging

import msgspec

from altmonitor.core.types import Destination
from altmonitor.interfaces.delivery import Press
from altmonitor.interfaces.storage import MetaStore

log = logging.getLogger(__name__)

MEMORY_KEY = "presses"
MESSAGES_KEPT = 200
PRESSES_SHOWN = 5
NAME_CHARS_MAX = 32


class _KeptPress(msgspec.Struct, frozen=True):
    action: str
    by: str
    at_ms: int


class PressMemory:
    """Of the last `MESSAGES_KEPT` alerts somebody pressed something under, the last `PRESSES_SHOWN` presses each."""

    def __init__(self, memory: MetaStore) -> None:
        self._memory = memory
        self._presses: dict[str, list[Press]] | None = None

    async def of(self, destination: Destination, alert_id: int) -> tuple[Press, ...]:
        """Oldest → newest. Raises StorageError."""
        return tuple((await self._loaded()).get(_key(destination, alert_id), ()))

    async def add(self, destination: Destination, alert_id: int, press: Press) -> None:
        """The same person's second press of the same button takes the place of the first. Raises StorageError: it is
        remembered, but not over a restart."""
        presses, key = await self._loaded(), _key(destination, alert_id)
        press = Press(action=press.action, by=press.by[:NAME_CHARS_MAX], at_ms=press.at_ms)
        before = presses.pop(key, [])
        others = [known for known in before if (known.action, known.by) != (press.action, press.by)]
        presses[key] = [*others, press][-PRESSES_SHOWN:]
        while len(presses) > MESSAGES_KEPT:
            del presses[next(iter(presses))]
        kept = {at: [_KeptPress(one.action, one.by, one.at_ms) for one in of] for at, of in presses.items()}
        await self._memory.meta_set(MEMORY_KEY, msgspec.json.encode(kept).decode())

    def forget(self) -> None:
        """Another process has changed what is kept: it is read again."""
        self._presses = None

    async def _loaded(self) -> dict[str, list[Press]]:
        if self._presses is None:
            text = await self._memory.meta_get(MEMORY_KEY)
            try:
                kept = msgspec.json.decode(text or "{}", type=dict[str, list[_KeptPress]])
            except msgspec.DecodeError as problem:
                log.warning("what was pressed under older alerts is not known any more: %s", problem)
                kept = {}
            self._presses = {
                at: [Press(action=one.action, by=one.by, at_ms=one.at_ms) for one in of] for at, of in kept.items()
            }
        return self._presses


def _key(destination: Destination, alert_id: int) -> str:
    # Topics share the message ids of their chat, and an alert goes out once per topic.
    return f"{destination}:{alert_id}"
