"""Wallets of Hyperliquid: watched in this process, or read from the file into which another one watches them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from typing import Final

from altmonitor.collect.wallets import WalletCollector, WalletLookups, WalletWatchDeps
from altmonitor.config import Config
from altmonitor.core.clock import Clock, timeouts
from altmonitor.core.errors import StorageError
from altmonitor.core.log import FailureLog
from altmonitor.core.status import WalletPoolStatus
from altmonitor.exchanges.venues import wallets_of
from altmonitor.interfaces.wallets import HourOfPool, WalletQueries, WalletSource
from altmonitor.positioning.wallet_pool import PoolSnapshot
from altmonitor.positioning.wallets import WalletEvent
from altmonitor.storage.wallets import WalletsDb, WalletsFile

log = logging.getLogger(__name__)

AGAIN_S: Final = 60.0
"""How soon this process takes over when the one that watches has ended."""
ANSWER_WITHIN_S: Final = 10.0


class WalletSide:
    """`interfaces.wallets.WalletQueries` of whoever watches: this process, or another by way of the file.

    build: the venue's accounts, through the gate of its market where that is watched in this process. `stop` after the
    last question. lookup: one wallet, asked for now.
    """

    def __init__(self, config: Config, *, clock: Clock, build: Callable[[], WalletSource] | None = None) -> None:
        self._config = config
        self._clock = clock
        self._build = build or (lambda: wallets_of("hyperliquid")(config, clock))
        self._turn = asyncio.Lock()
        self._source: WalletSource | None = None
        self._seen: WalletQueries = WalletsFile(config.smart_money_db_path, clock=clock)
        self.lookup = WalletLookups(self.source, clock=clock, answer_within_s=timeouts(clock, ANSWER_WITHIN_S))

    async def snapshot(self) -> PoolSnapshot:
        return await self._seen.snapshot()

    def status(self) -> WalletPoolStatus | None:
        """None where another process watches, or nobody."""
        if not isinstance(self._seen, WalletCollector):
            return None
        pool = self._seen.now()
        return WalletPoolStatus(
            watched=len(pool.wallets),
            answered=len(pool.states),
            oldest_age_s=pool.oldest_age_s,
            failing=pool.failing,
        )

    async def events(
        self, *, since_ms: int, coin: str | None = None, address: str | None = None, limit: int = 500
    ) -> Sequence[WalletEvent]:
        return await self._seen.events(since_ms=since_ms, coin=coin, address=address, limit=limit)

    async def watched_since_ms(self) -> int | None:
        """Unix ms; None: nobody watches."""
        return await self._seen.watched_since_ms()

    async def hours(self, hours_ms: Collection[int], *, base: str | None = None) -> Sequence[HourOfPool]:
        return await self._seen.hours(hours_ms, base=base)

    async def source(self) -> WalletSource:
        """Connected with the first call. Raises: ConfigError for a proxy that cannot be used."""
        async with self._turn:
            if self._source is None:
                source = self._build()
                await source.start()
                self._source = source
            return self._source

    async def stop(self) -> None:
        source, self._source = self._source, None
        if source is not None:
            await source.stop()

    def loops(self) -> dict[str, Callable[[], Awaitable[None]]]:
        """Name → loop; none where no wallets shall be watched."""
        return {"wallets": self._watch} if self._config.wallets_watched else {}

    async def _watch(self) -> None:
        config, failures = self._config, FailureLog(log, "wallets are not watched here: %s", of=StorageError)
        while True:
            store = WalletsDb(config.smart_money_db_path, clock=self._clock)
            with failures:
                await store.open()
            if failures.is_failing:
                await self._clock.sleep(AGAIN_S)
                continue
            collector = WalletCollector(
                WalletWatchDeps(
                    source=await self.source(),
                    store=store,
                    clock=self._clock,
                    count=config.wallets_watched,
                    keep_days=config.smart_money_keep_days,
                )
            )
            before = self._seen
            try:
                await collector.restore()
                self._seen = collector
                await collector.run()
            finally:
                self._seen = before
                await store.close()


@asynccontextmanager
async def wallet_side(
    config: Config, *, clock: Clock, build: Callable[[], WalletSource] | None = None
) -> AsyncIterator[WalletSide]:
    side = WalletSide(config, clock=clock, build=build)
    try:
        yield side
    finally:
        await side.stop()
