"""What the whole market does, from the feed to the notifiers: the line that stands in their digests."""

from __future__ import annotations

import logging
from collections.abc import Callable

import msgspec

from altmonitor.core.clock import Clock
from altmonitor.core.errors import StorageError
from altmonitor.interfaces.storage import MetaStore
from altmonitor.render.digest import DigestContext

log = logging.getLogger(__name__)

MARKET_KEY = "market_line"
WRITE_EVERY_S = 1.0
OLDEST_MS = 10_000
"""What was so long ago is said of no digest."""


class _Written(msgspec.Struct, frozen=True):
    at_ms: int
    context: DigestContext


class MarketLineWriter:
    """The feed's end. Run `run` while it leads. context: of this moment; None: not known."""

    def __init__(self, memory: MetaStore, *, clock: Clock, context: Callable[[], DigestContext | None]) -> None:
        self._memory = memory
        self._clock = clock
        self._context = context

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            context = self._context()
            if context is not None:
                written = _Written(at_ms=self._clock.now_ms(), context=context)
                try:
                    await self._memory.meta_set(MARKET_KEY, msgspec.json.encode(written).decode())
                except StorageError as problem:
                    log.debug("what the market does is not written for digests: %s", problem)
            await self._clock.sleep(WRITE_EVERY_S)


class MarketLineReader:
    """A notifier's end. `load` again and again; `current` is what a renderer asks."""

    def __init__(self, memory: MetaStore, *, clock: Clock) -> None:
        self._memory = memory
        self._clock = clock
        self._known: _Written | None = None

    async def load(self) -> None:
        """Raises StorageError."""
        try:
            self._known = msgspec.json.decode(await self._memory.meta_get(MARKET_KEY) or "null", type=_Written | None)
        except msgspec.MsgspecError as problem:
            log.warning("what the market does was written by another version: %s", problem)

    def current(self) -> DigestContext | None:
        """None: nobody has written one, or it is too old."""
        known = self._known
        return None if known is None or self._clock.now_ms() - known.at_ms > OLDEST_MS else known.context
