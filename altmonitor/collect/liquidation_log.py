"""Keeps what was closed by force while a venue's stream is listened to: no venue tells it afterwards."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from altmonitor.core.clock import Clock
from altmonitor.core.errors import StorageError
from altmonitor.market.liquidations import Liquidation, LiquidationMinute, LiquidationMinutes

log = logging.getLogger(__name__)

EVERY_S: Final = 60.0


class LiquidationLog:
    """put: (what came, from when until when it was listened to, unix ms). is_listening: a stream is open now.
    is_kept: False while another process of a cluster keeps the same."""

    def __init__(
        self,
        put: Callable[[Sequence[LiquidationMinute], int, int], Awaitable[None]],
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
        self._told = False

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
        try:
            await self._put(came, first_ms if since_ms is None else since_ms, now_ms)
        except StorageError as problem:
            if not self._told:
                self._told = True
                log.warning("liquidations are heard and cannot be kept: %s", problem)
        else:
            self._told = False
