"""Who may do what only one process of a cluster may: lead the feed, serve a chat."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldLease:
    """token: grows each time the lease changes hands, so that who lost it without noticing is told from who has it.
    left_s: until it ends by itself, at the moment of asking; ≤ 0: it is over and nobody took it since."""

    holder: str
    token: int
    left_s: float


class Leases(Protocol):
    """Time is that of the store, never of the machine that asks. holder: a name no other process has. All may raise
    StorageError; a lease must then be regarded as lost when its time is over."""

    async def acquire(self, names: Collection[str], *, holder: str, for_s: float) -> Mapping[str, int]:
        """Those of the names that this holder has now, each with its token: they were free or its own already."""

    async def renew(self, held: Mapping[str, int], *, for_s: float) -> frozenset[str]:
        """held: name → token. Returns the names that are still held; the others were lost, for good."""

    async def release(self, held: Mapping[str, int]) -> None:
        """Others may take them at once. What is not held any more stays as it is."""

    async def holders(self, prefix: str = "") -> Mapping[str, HeldLease]:
        """name → who had it last, of all whose name begins so."""

    async def prune(self, prefixes: Collection[str], *, ended_s: float) -> None:
        """Forgets those whose names begin so and that ended longer ago. Their tokens begin anew: only for names that
        nobody writes under."""
