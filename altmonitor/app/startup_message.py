"""The first message of a run: what is watched, what was restored, and how loud it will be."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from msgspec import structs

from altmonitor import __version__
from altmonitor.collect.backfill import ROWS_PER_REQUEST, Backfill
from altmonitor.core.clock import Clock
from altmonitor.market.candles import Candle
from altmonitor.render.notices import Restored, Started
from altmonitor.settings.settings import Settings

if TYPE_CHECKING:  # handed in by the composition root
    from altmonitor.replay.estimate import Estimator

WAIT_S = 60.0
"""With the usual number of contracts the baselines are loaded after about 40 s."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StartupDeps:
    """What the startup message needs. settings: those in force now. is_blind: there is no market data now.

    wait_s: it is told so long after the symbols are known at the latest.
    """

    clock: Clock
    backfill: Backfill
    estimator: Estimator
    settings: Callable[[], Settings]
    is_blind: Callable[[], bool]
    notify: Callable[[Started], None]
    wait_s: float = WAIT_S


class StartupMessage:
    """Told when the baselines are loaded and the first market data is there, or when it has waited long enough.

    restored: set by whoever restored something, before the symbols are known.
    """

    def __init__(self, deps: StartupDeps) -> None:
        self._deps = deps
        self._symbols = 0
        self._begun = asyncio.Event()
        self._has_seen = asyncio.Event()
        self._is_told = False
        self._taken: set[str] = set()
        self.restored = Restored()

    def follow(self, symbols: int) -> None:
        """So many symbols are watched now. The first time their history is asked for: as much as costs no more."""
        self._symbols = symbols
        if symbols and not self._begun.is_set():
            self._begun.set()
            lookback = self._deps.settings().vol_burst_lookback
            self._deps.backfill.request_all(max(ROWS_PER_REQUEST, lookback + 1))

    def take(self, symbol: str, candles: Sequence[Candle]) -> None:
        """History of a symbol, as it comes."""
        if not self._is_told and symbol not in self._taken:
            self._taken.add(symbol)
            self._deps.estimator.take(symbol, candles, self._deps.settings())

    def seen(self) -> None:
        """The first market data has come."""
        self._has_seen.set()

    async def run(self) -> None:
        """Returns when it is told."""
        await self._begun.wait()
        try:
            async with self._deps.clock.timeout(self._deps.wait_s):
                await self._deps.backfill.settled()
                await self._has_seen.wait()
        except TimeoutError:
            pass  # an exchange that refuses us: both may come later, the message does not wait for it
        if not self._is_told:
            self._is_told = True
            self._deps.notify(self._started())

    def _started(self) -> Started:
        estimate = self._deps.estimator.estimate(self._deps.settings(), symbols=self._symbols)
        return Started(
            at_ms=self._deps.clock.now_ms(),
            version=__version__,
            symbols=self._symbols,
            is_blind=self._deps.is_blind(),
            settings=self._deps.settings(),
            restored=structs.replace(self.restored, candles=self._deps.backfill.status().candles),
            alerts_per_day=None if estimate is None else estimate.alerts_per_day,
            history_s=None if estimate is None else estimate.history_s,
        )
