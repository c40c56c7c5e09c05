"""Where a monitor keeps what outlives it: files beside it, or PostgreSQL when DATABASE_URL names one."""

from __future__ import annotations

import logging
import os
import secrets
import socket
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field

from altmonitor.config import Config
from altmonitor.core.clock import Clock, SystemClock
from altmonitor.core.errors import DatabaseRefused, StorageError
from altmonitor.interfaces.cluster import LEADER, SHARDS, shard_lease
from altmonitor.interfaces.leases import Leases
from altmonitor.storage.database_store import DatabaseStore, StoreOptions
from altmonitor.storage.score_file import scores_path
from altmonitor.storage.state_file import LoadableState, StateFile
from altmonitor.storage.store import SqliteStore

log = logging.getLogger(__name__)

LEASE_S = 5.0
RENEW_EVERY_S = 1.0
PRUNE_EVERY_S = 3_600.0
ASK_EVERY_S = 0.5
WAIT_S = 8.0
"""For a lease of a process that was killed to end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AppStorage:
    """Nothing is open yet; `state` is loaded before `store` is opened. loops: to be run as long as it is open."""

    store: DatabaseStore
    state: LoadableState
    loops: Mapping[str, Callable[[], Awaitable[None]]] = field(default_factory=dict)


def storage_of(config: Config, *, clock: Clock, options: StoreOptions) -> AppStorage:
    """For a process that does everything. Raises ConfigError when the extra is missing."""
    if not config.database_url:
        store = SqliteStore(config.db_file, clock=clock, options=options)
        return AppStorage(store=store, state=StateFile(config.state_file, clock))
    from altmonitor.storage.postgres.connection import DatabaseAddress, PostgresConnection
    from altmonitor.storage.postgres.leases import PostgresLeases
    from altmonitor.storage.postgres.state import PostgresState
    from altmonitor.storage.postgres.store import PostgresStore

    address = DatabaseAddress(config.database_url)
    connection = PostgresConnection(address, purpose="settings and leases")
    everything = (LEADER, *map(shard_lease, range(SHARDS)))
    sole_use = SoleUse(PostgresLeases(connection), everything, of=str(address), clock=options.disk_clock or clock)
    postgres = PostgresStore(address, cluster=config.cluster_id, clock=clock, options=options)
    postgres.on_open(sole_use.take)
    postgres.on_close(sole_use.release)
    postgres.on_close(connection.close)
    return AppStorage(
        store=postgres,
        state=PostgresState(connection, prepare=postgres.prepare),
        loops={"sole use of the database": sole_use.keep},
    )


async def clean_up(store: DatabaseStore, *, keep_days: int, clock: Clock) -> None:
    """Until cancelled."""
    while True:
        try:
            await store.prune(before_s=clock.now_ms() / 1000 - keep_days * 86_400)
        except StorageError as problem:
            log.warning("old alerts could not be removed: %s", problem)
        await clock.sleep(PRUNE_EVERY_S)


def loops_of_old_scores(
    config: Config, *, fence: Callable[[], int | None] | None
) -> dict[str, Callable[[], Awaitable[None]]]:
    """What scored into a file before scores lay in PostgreSQL. Name → loop. fence: None: it may always write."""
    if not config.database_url:
        return {}
    from altmonitor.storage.postgres.scores_file import ScoresFile

    return {"scores of the file": ScoresFile(scores_path(config.db_file), config.database_url, fence=fence).run}


class SoleUse:
    """What the lock beside a file is for SQLite: one process that does everything, and no part of a cluster beside it.

    names: the leases of all that a cluster shares out. of: the database, for texts.
    """

    def __init__(self, leases: Leases, names: Collection[str], *, of: str, clock: Clock | None = None) -> None:
        self._leases = leases
        self._names = frozenset(names)
        self._of = of
        self._clock = clock or SystemClock()
        self._holder = process_name()
        self._held: Mapping[str, int] = {}

    async def take(self) -> None:
        """Raises StorageError when another one has it and keeps it."""
        until_s = self._clock.monotonic() + WAIT_S
        while not await self._has_all():
            if self._clock.monotonic() > until_s:
                await self.release()
                raise StorageError(await self._taken())
            await self._clock.sleep(ASK_EVERY_S)

    async def keep(self) -> None:
        """Until cancelled. A server that was away is no loss as long as nobody else took it.

        Raises: DatabaseRefused when another one has it.
        """
        while True:
            await self._clock.sleep(RENEW_EVERY_S)
            try:
                if await self._leases.renew(self._held, for_s=LEASE_S) == self._names or await self._has_all():
                    continue
                text = await self._taken()
            except StorageError as problem:
                log.debug("not renewed: %s", problem)
                continue
            raise DatabaseRefused(text)

    async def release(self) -> None:
        """Bounded as the connection is. What cannot be said ends by itself."""
        held, self._held = self._held, {}
        try:
            await self._leases.release(held)
        except StorageError as problem:
            log.debug("not released: %s", problem)

    async def _has_all(self) -> bool:
        self._held = await self._leases.acquire(self._names, holder=self._holder, for_s=LEASE_S)
        return self._held.keys() == self._names

    async def _taken(self) -> str:
        found = await self._leases.holders()
        others = {one.holder for one in found.values() if one.left_s > 0 and one.holder != self._holder}
        who = ", ".join(sorted(others)) or "one that has just ended"
        return f"{self._of} is in use by another altmonitor ({who}): stop that one, or name another in DATABASE_URL"


def process_name() -> str:
    """No other process has it, on no machine: machine, process, and a sign of its own."""
    return f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(3)}"
