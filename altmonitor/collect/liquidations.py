"""What is closed by force at one venue: listened to, handed on, and kept, because no venue tells it afterwards."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from altmonitor.core.clock import Clock
from altmonitor.core.errors import StorageError
from altmonitor.core.log import FailureLog
from altmonitor.exchanges.ws.feed import FeedOptions
from altmonitor.exchanges.ws.liquidations import LiquidationFeed, LiquidationStreams
from altmonitor.exchanges.ws.transport import TransportOptions
from altmonitor.market.liquidations import Liquidation, LiquidationMinute, LiquidationMinutes

log = logging.getLogger(__name__)

EVERY_S: Final = 60.0

KeepLiquidations = Callable[[Sequence[LiquidationMinute], int, int], Awaitable[None]]
"""(what came, from when until when it was listened to, unix ms). Raises: StorageError."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LiquidationDeps:
    """url, streams: of the venue. now_ms: by its clock, unix ms. is_wanted, symbols: asked once a second.
    on_liquidations: synchronous; gets what one read of a socket held. is_kept: False while another process of a cluster
    keeps the same. price_of: of a contract, 0 where it is not known."""

    url: str
    streams: LiquidationStreams
    options: FeedOptions
    clock: Clock
    now_ms: Callable[[], float]
    is_wanted: Callable[[], bool]
    symbols: Callable[[], Sequence[str]]
    on_liquidations: Callable[[Sequence[Liquidation]], None]
    keep: KeepLiquidations
    is_kept: Callable[[], bool]
    price_of: Callable[[str], float] = lambda symbol: 0.0


class LiquidationWatch:
    """One venue's stream, and the log of what it told."""

    def __init__(self, deps: LiquidationDeps) -> None:
        options = deps.options
        self._pass_on = deps.on_liquidations
        self.feed = LiquidationFeed(
            deps.url,
            streams=deps.streams,
            clock=deps.clock,
            now_ms=deps.now_ms,
            open_transport=options.open_transport,
            options=TransportOptions(gather_ms=options.gather_ms, proxy=options.proxy, ssl=options.ssl),
            is_wanted=deps.is_wanted,
            symbols=deps.symbols,
            on_liquidations=self._on_liquidations,
            price_of=deps.price_of,
        )
        self._log = LiquidationLog(
            deps.keep, clock=deps.clock, is_listening=lambda: self.feed.connections > 0, is_kept=deps.is_kept
        )

    def loops(self) -> dict[str, Callable[[], Awaitable[None]]]:
        return {"liquidations": self.feed.run, "liquidations of the past": self._log.run}

    def _on_liquidations(self, liquidations: Sequence[Liquidation]) -> None:
        self._log.on_liquidations(liquidations)
        self._pass_on(liquidations)


class LiquidationLog:
    """put: gets every minute what came. is_listening: a stream is open now.
    is_kept: False while another process of a cluster keeps the same."""

    def __init__(
        self,
        put: KeepLiquidations,
        *,
        clock: Clock,
        is_listening: Callable[[], bool],
        is_kept: Callable[[], bool],
    ) -> None:
        self._put = put
        self._clock = clock
        self._is_listening = is_listening
        self._is_kept = is_kept
        self._minutes = LiquidationMinutes()
        self._since_ms: int | None = None
        self._failures = FailureLog(log, "liquidations are heard and cannot be kept: %s", of=StorageError)

    def on_liquidations(self, liquidations: Sequence[Liquidation]) -> None:
        self._minutes.add(liquidations)

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._clock.sleep(EVERY_S)
            await self.keep()

    async def keep(self) -> None:
        """What came since the last time. What cannot be kept is lost, and that is told once."""
        came, now_ms, since_ms = self._minutes.take(), self._clock.now_ms(), self._since_ms
        self._since_ms = now_ms if self._is_listening() else None
        if (since_ms is None and not came) or not self._is_kept():
            return
        first_ms = min((one.minute_ms for one in came), default=now_ms)
        with self._failures:
            await self._put(came, first_ms if since_ms is None else since_ms, now_ms)
