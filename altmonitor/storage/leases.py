"""Leases of a cluster of one process, which has every one of them; and of several in one process, for tests."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from altmonitor.core.clock import Clock
from altmonitor.interfaces.leases import HeldLease


class MemoryLeases:
    """`Leases`; gone at the end."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._rows: dict[str, tuple[str, int, float]] = {}  # name → holder, token, end

    async def acquire(self, names: Collection[str], *, holder: str, for_s: float) -> Mapping[str, int]:
        now_s = self._clock.monotonic()
        taken: dict[str, int] = {}
        for name in dict.fromkeys(names):
            before, token, end_s = self._rows.get(name, ("", 0, now_s))
            if before != holder and end_s > now_s:
                continue
            taken[name] = token if before == holder and end_s > now_s else token + 1
            self._rows[name] = holder, taken[name], now_s + for_s
        return taken

    async def renew(self, held: Mapping[str, int], *, for_s: float) -> frozenset[str]:
        now_s = self._clock.monotonic()
        kept = [name for name, token in held.items() if self._is_held(name, token, now_s)]
        for name in kept:
            holder, token, _ = self._rows[name]
            self._rows[name] = holder, token, now_s + for_s
        return frozenset(kept)

    async def release(self, held: Mapping[str, int]) -> None:
        now_s = self._clock.monotonic()
        for name, token in held.items():
            if self._is_held(name, token, now_s):
                self._rows[name] = self._rows[name][0], token, now_s

    async def holders(self, prefix: str = "") -> Mapping[str, HeldLease]:
        now_s = self._clock.monotonic()
        return {
            name: HeldLease(holder=holder, token=token, left_s=end_s - now_s)
            for name, (holder, token, end_s) in self._rows.items()
            if name.startswith(prefix)
        }

    async def prune(self, prefixes: Collection[str], *, ended_s: float) -> None:
        before_s = self._clock.monotonic() - ended_s
        self._rows = {
            name: row for name, row in self._rows.items() if row[2] >= before_s or not name.startswith(tuple(prefixes))
        }

    def _is_held(self, name: str, token: int, now_s: float) -> bool:
        row = self._rows.get(name)
        return row is not None and row[1] == token and row[2] > now_s
