"""Which notifier has which chats: a fair share each, by leases, moved when one joins or dies.

Every notifier holds a lease under its own name, so that each sees the same list of those that live. Whose a part of the
chats is follows from that list alone (the highest hash of notifier and part), so nobody has to decide it: who has a
part that is another's by now gives it up, and who misses one of its own takes it as soon as it is free.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Collection
from hashlib import blake2b

from altmonitor.core.clock import Clock
from altmonitor.core.errors import StorageError
from altmonitor.core.log import FailureLog
from altmonitor.interfaces.cluster import SHARDS, shard_lease
from altmonitor.interfaces.leases import Leases

log = logging.getLogger(__name__)

MEMBER = "notifier:"
LEASE_S = 3.0
RENEW_EVERY_S = 0.5


def owner_of(shard: int, members: Collection[str]) -> str:
    """Of a part of the chats, among these notifiers. One that joins or leaves moves only what it gains or loses."""
    return max(members, key=lambda name: blake2b(f"{name}/{shard}".encode(), digest_size=8).digest())


class ChatLeases:
    """Of one notifier. name: no other process has it.

    on_gained: these parts are this notifier's from now on. on_lost: they are no longer; it returns when nothing of them
    is under way any more, and only then others may take them.
    """

    def __init__(
        self,
        leases: Leases,
        *,
        name: str,
        clock: Clock,
        on_gained: Callable[[], None],
        on_lost: Callable[[Collection[int]], Awaitable[None]],
    ) -> None:
        self._leases = leases
        self._clock = clock
        self._on_gained = on_gained
        self._on_lost = on_lost
        self.name = name
        self.members: tuple[str, ...] = ()
        self.tokens: dict[int, int] = {}
        self.renewed_s: float | None = None

    async def run(self) -> None:
        """Until cancelled. A database that does not answer takes no chat away: what is said is claimed there first."""
        failures = FailureLog(log, "which chats are ours cannot be asked: %s", of=StorageError)
        while True:
            with failures:
                await self.round()
            await self._clock.sleep(RENEW_EVERY_S)

    async def round(self) -> None:
        """Raises StorageError."""
        await self._leases.acquire([f"{MEMBER}{self.name}"], holder=self.name, for_s=LEASE_S)
        living = await self._leases.holders(MEMBER)
        self.members = tuple(sorted(lease.holder for lease in living.values() if lease.left_s > 0))
        wanted = {shard for shard in range(SHARDS) if owner_of(shard, self.members or (self.name,)) == self.name}
        await self._renew()
        await self.give_up(self.tokens.keys() - wanted)
        await self._take(wanted - self.tokens.keys())
        self.renewed_s = self._clock.monotonic()

    async def give_up(self, shards: Collection[int]) -> None:
        """Others may have them. Raises StorageError: they cannot be told, and will have them when the lease ends."""
        if not shards:
            return
        held = {shard_lease(shard): self.tokens.pop(shard) for shard in list(shards)}
        await self._on_lost(list(shards))
        await self._leases.release(held)
        log.info("%d parts of the chats are given to other notifiers, %d are ours", len(held), len(self.tokens))

    async def leave(self) -> None:
        """For an orderly end: the others have all of it at once. Raises StorageError."""
        await self.give_up(list(self.tokens))
        member = f"{MEMBER}{self.name}"
        token = (await self._leases.holders(member)).get(member)
        if token is not None:
            await self._leases.release({member: token.token})

    async def _renew(self) -> None:
        if not self.tokens:
            return
        held = {shard_lease(shard): token for shard, token in self.tokens.items()}
        kept = await self._leases.renew(held, for_s=LEASE_S)
        lost = [shard for shard in self.tokens if shard_lease(shard) not in kept]
        for shard in lost:
            del self.tokens[shard]
        if lost:
            log.warning("the leases of %d parts of the chats ran out before they could be renewed", len(lost))
            await self._on_lost(lost)

    async def _take(self, shards: Collection[int]) -> None:
        if not shards:
            return
        names = {shard_lease(shard): shard for shard in shards}
        taken = await self._leases.acquire(list(names), holder=self.name, for_s=LEASE_S)
        self.tokens |= {names[name]: token for name, token in taken.items()}
        if taken:
            log.info("%d parts of the chats are taken, %d are ours", len(taken), len(self.tokens))
            self._on_gained()
