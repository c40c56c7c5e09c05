"""Liquidations over sockets of their own, open only while somebody has set a bound for them.

The feed of candles knows nothing of it: what it carries, and what a frame of it costs, does not change. Nothing that is
missed here is fetched afterwards, for no venue tells it later.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from altmonitor.core.backoff import backoff_s
from altmonitor.core.clock import Clock
from altmonitor.core.errors import ExchangeError
from altmonitor.exchanges.ws.transport import OpenTransport, Transport, TransportOptions
from altmonitor.market.liquidations import Liquidation

log = logging.getLogger(__name__)

LOOK_EVERY_S: Final = 1.0
FIRST_PAUSE_S: Final = 2.0
LONGEST_PAUSE_S: Final = 300.0
SEND_WITHIN_S: Final = 10.0
SEND_INTERVAL_S: Final = 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class LiquidationStreams:
    """How a venue tells liquidations. subscriptions: symbols → connections, each the messages to send once it is open.

    decode: a frame's liquidations, none for any other frame; never raises. heartbeat: as in `Dialect`.
    is_sampled: the venue tells one a second of a contract at most, so that sums are a lower bound.
    """

    path: str
    subscriptions: Callable[[Sequence[str]], list[list[str]]]
    decode: Callable[[bytes], list[Liquidation]]
    is_sampled: bool
    heartbeat: str = ""
    heartbeat_s: float = 20.0


class LiquidationFeed:
    """is_wanted, symbols: asked once a second. on_liquidations: synchronous; gets what one read of a socket held."""

    def __init__(
        self,
        url: str,
        *,
        streams: LiquidationStreams,
        clock: Clock,
        open_transport: OpenTransport,
        options: TransportOptions,
        is_wanted: Callable[[], bool],
        symbols: Callable[[], Sequence[str]],
        on_liquidations: Callable[[Sequence[Liquidation]], None],
    ) -> None:
        self._url = url + streams.path
        self._streams = streams
        self._clock = clock
        self._open_transport = open_transport
        self._options = options
        self._is_wanted = is_wanted
        self._symbols = symbols
        self._on_liquidations = on_liquidations
        self.connections = 0
        self.received = 0

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            if self._is_wanted() and (symbols := self._symbols()):
                async with asyncio.TaskGroup() as tasks:
                    for number, messages in enumerate(self._streams.subscriptions(symbols), 1):
                        tasks.create_task(self._keep_open(messages, symbols), name=f"liquidations {number}")
            await self._clock.sleep(LOOK_EVERY_S)

    def _is_current(self, symbols: Sequence[str]) -> bool:
        return self._is_wanted() and self._symbols() is symbols

    async def _keep_open(self, messages: Sequence[str], symbols: Sequence[str]) -> None:
        """Until nobody asks any more, or other symbols are watched."""
        failures = 0
        while self._is_current(symbols):
            opened_s = self._clock.monotonic()
            try:
                transport = await self._open_transport(self._url, on_frames=self._on_frames, options=self._options)
            except ExchangeError as problem:
                log.debug("liquidations: %s", problem)
            else:
                self.connections += 1
                try:
                    await self._hold(transport, messages, symbols)
                finally:
                    self.connections -= 1
                    transport.abort()
            failures = 1 if self._clock.monotonic() - opened_s > LONGEST_PAUSE_S else failures + 1
            pause_s = backoff_s(failures, first_s=FIRST_PAUSE_S, longest_s=LONGEST_PAUSE_S)
            await self._clock.sleep(pause_s * random.uniform(0.5, 1.0))

    async def _hold(self, transport: Transport, messages: Sequence[str], symbols: Sequence[str]) -> None:
        async with asyncio.TaskGroup() as tasks:
            driver = tasks.create_task(self._drive(transport, messages, symbols), name="liquidation requests")
            await transport.wait_closed()
            driver.cancel()

    async def _drive(self, transport: Transport, messages: Sequence[str], symbols: Sequence[str]) -> None:
        try:
            for message in messages:
                await self._send(transport, message)
                await self._clock.sleep(SEND_INTERVAL_S)
            heard_s = self._clock.monotonic()
            while self._is_current(symbols):
                await self._clock.sleep(LOOK_EVERY_S)
                if self._streams.heartbeat and self._clock.monotonic() - heard_s >= self._streams.heartbeat_s:
                    heard_s = self._clock.monotonic()
                    await self._send(transport, self._streams.heartbeat)
        except TimeoutError:
            pass
        transport.abort()

    async def _send(self, transport: Transport, text: str) -> None:
        async with self._clock.timeout(SEND_WITHIN_S):
            await transport.send_text(text)

    def _on_frames(self, frames: list[bytes]) -> None:
        found = [one for frame in frames for one in self._streams.decode(frame)]
        if found:
            self.received += len(found)
            self._on_liquidations(found)
