"""Digests that need several messages, remembered over a restart.

The outbox knows which alerts a message told, but not which messages are one digest: the number in the title and the
counts of the first message are those of all of them. So the digest is remembered before its first message leaves.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import msgspec

from altmonitor.core.clock import Clock
from altmonitor.core.errors import StorageError
from altmonitor.core.types import Destination
from altmonitor.interfaces.delivery import Outbox

log = logging.getLogger(__name__)

KEPT_MS = 15 * 60_000
"""So long after it was written the candles of its alerts are closed, and the edits that say so are made."""
MOST_KEPT = 20

Parts = tuple[tuple[str, ...], ...]
"""Keys of the alerts that each message of a digest names."""


class _Kept(msgspec.Struct, frozen=True):
    """written_ms: unix ms."""

    written_ms: int
    parts: Parts


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestMessage:
    """One message of a digest. number: which of `parts` it names, from 0. written_ms: when its text was made."""

    parts: Parts
    number: int
    written_ms: int


_decoder = msgspec.json.Decoder(list[_Kept])


class SplitDigests:
    """Of all destinations of one chat."""

    def __init__(self, outbox: Outbox, clock: Clock) -> None:
        self._outbox = outbox
        self._clock = clock
        self._newest: dict[Destination, Parts] = {}

    async def remember(self, at: Destination, parts: Parts) -> None:
        """Once for each digest. While it cannot be stored, its messages stay as they are after a restart."""
        if self._newest.get(at) == parts:
            return
        self._newest[at] = parts
        now_ms = self._clock.now_ms()
        try:
            kept = [one for one in await self._kept(at) if now_ms - one.written_ms <= KEPT_MS]
            kept = [*kept, _Kept(now_ms, parts)][-MOST_KEPT:]
            await self._outbox.meta_set(_key(at), msgspec.json.encode(kept).decode())
        except StorageError as problem:
            log.warning("a restart would not know which messages are one digest: %s", problem)

    async def find(self, at: Destination, named: Collection[str]) -> DigestMessage | None:
        """The message that names exactly these alerts. None: it is no part of a remembered digest. Raises
        StorageError."""
        for kept in reversed(await self._kept(at)):
            for number, keys in enumerate(kept.parts):
                if set(keys) == set(named):
                    return DigestMessage(parts=kept.parts, number=number, written_ms=kept.written_ms)
        return None

    async def _kept(self, at: Destination) -> Sequence[_Kept]:
        text = await self._outbox.meta_get(_key(at))
        try:
            return [] if text is None else _decoder.decode(text)
        except msgspec.MsgspecError as problem:
            log.warning("the digests of chat %s that were split cannot be read: %s", at, problem)
            return []


def _key(at: Destination) -> str:
    return f"digests:{at}"
