"""Hand-over between parts of one process, for tests; gone at the end."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from altmonitor.interfaces.cluster import FoundAlert


class MemoryHandOver:
    """`interfaces.cluster.HandOver`."""

    def __init__(self) -> None:
        self._found: dict[str, FoundAlert] = {}

    async def put(self, found: Sequence[FoundAlert]) -> None:
        for one in found:
            self._found.setdefault(one.alert.key, one)

    async def waiting(self) -> Sequence[FoundAlert]:
        return sorted(self._found.values(), key=lambda one: (one.alert.event_ms, one.alert.key))

    def take(self, keys: Collection[str]) -> None:
        """Whoever leads has stored them."""
        for key in keys:
            self._found.pop(key, None)
