"""Liquidations over sockets of their own, open only while somebody has set a bound for them.

The feed of candles knows nothing of it: what it carries, and what a frame of it costs, does not change. Nothing that is
missed here is fetched afterwards, for no venue tells it later.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeVar

import msgspec

from altmonitor.core.backoff import backoff_s
from altmonitor.core.clock import Clock
from altmonitor.core.errors import ExchangeError
from altmonitor.exchanges.ws.dialect import SubscribeAnswer
from altmonitor.exchanges.ws.transport import OpenTransport, Transport, TransportOptions
from altmonitor.market.liquidations import Liquidation
from altmonitor.market.plausibility import is_liquidation

R = TypeVar("R")

log = logging.getLogger(__name__)

LOOK_EVERY_S: Final = 1.0
FIRST_PAUSE_S: Final = 2.0
LONGEST_PAUSE_S: Final = 300.0
SEND_WITHIN_S: Final = 10.0
SEND_INTERVAL_S: Final = 0.3
FAR_OFF_MS: Final = 600_000
SYMBOLS_PER_REQUEST: Final = 200
CHARS_PER_CONNECTION: Final = 18_000


@dataclass(frozen=True, slots=True, kw_only=True)
class LiquidationStreams:
    """How a venue tells liquidations. topic: the stream of a symbol; None where one request is for all of them.

    request: (symbols, its number) → what asks for their liquidations. answer: a frame → the venue's word on a request,
    None for any other frame. decode: a frame's liquidations, none for any other frame. Neither raises. heartbeat: as in
    `Dialect`. is_sampled: the venue tells one a second of a contract at most, so that sums are a lower bound.
    """

    path: str
    topic: Callable[[str], str] | None
    request: Callable[[Sequence[str], int], str]
    answer: Callable[[bytes], SubscribeAnswer | None]
    decode: Callable[[bytes], list[Liquidation]]
    is_sampled: bool
    heartbeat: str = ""
    heartbeat_s: float = 20.0

    def shares(self, symbols: Sequence[str]) -> list[list[str]]:
        """What each connection asks for."""
        if self.topic is None:
            return [list(symbols)]
        found: list[list[str]] = []
        room = 0
        for symbol in symbols:
            length = len(self.topic(symbol))
            if length > room:
                found.append([])
                room = CHARS_PER_CONNECTION
            room -= length
            found[-1].append(symbol)
        return found


def readable(rows: Iterable[msgspec.Raw], decode: Callable[[msgspec.Raw], R]) -> Iterator[R]:
    """An odd row takes none of its neighbours with it."""
    for row in rows:
        with suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            yield decode(row)


class _Requests:
    """What one open connection has asked for, and was refused. A request with one symbol that the venue does not know
    is refused whole: it is asked again in halves, until the symbol stands alone. symbols: of this connection; may grow.
    """

    def __init__(self, streams: LiquidationStreams, symbols: list[str]) -> None:
        self._streams = streams
        self._symbols = symbols
        self._asked: set[str] = set()
        self._again: list[Sequence[str]] = []
        self._open: dict[int, Sequence[str]] = {}
        self._numbers = itertools.count(1)
        self.refused = ""
        """Why the venue tells nothing here at all."""

    def due(self) -> list[str]:
        if self._streams.topic is None:
            parts: list[Sequence[str]] = [] if self._open else [()]
        else:
            new = [symbol for symbol in self._symbols if symbol not in self._asked]
            self._asked.update(new)
            parts = [new[at : at + SYMBOLS_PER_REQUEST] for at in range(0, len(new), SYMBOLS_PER_REQUEST)]
        parts, self._again = [*self._again, *parts], []
        messages = []
        for part in parts:
            number = next(self._numbers)
            self._open[number] = part
            messages.append(self._streams.request(part, number))
        return messages

    def is_followed(self, symbol: str) -> bool:
        """Here. What left goes on being told by the venue, and may be followed over another connection by now."""
        return self._streams.topic is None or symbol in self._symbols

    def on_answer(self, answer: SubscribeAnswer) -> None:
        part = self._open.get(answer.request_id or 0)
        if part is None or not answer.error:
            return
        if len(part) > 1:
            middle = len(part) // 2
            self._again += [part[:middle], part[middle:]]
            del self._open[answer.request_id or 0]
        elif part:
            log.warning("liquidations of %s are not told: %s", part[0], answer.error[:200])
        else:
            self.refused = answer.error


class LiquidationFeed:
    """now_ms: by the venue's clock. is_wanted, symbols: asked once a second. on_liquidations: synchronous; gets what
    one read of a socket held. price_of: of a contract, 0 where it is not known. received: of liquidations. refused: of
    those whose price or size cannot be, and those that happened at another time, past or to come: one of next year
    would be the newest for ever, and no minute would hold another.

    A connection stays when contracts come and go: what is missed while it is opened anew is told by nobody again. What
    came is asked for over one that has room, what left tells nothing.
    """

    def __init__(
        self,
        url: str,
        *,
        streams: LiquidationStreams,
        clock: Clock,
        now_ms: Callable[[], float],
        open_transport: OpenTransport,
        options: TransportOptions,
        is_wanted: Callable[[], bool],
        symbols: Callable[[], Sequence[str]],
        on_liquidations: Callable[[Sequence[Liquidation]], None],
        price_of: Callable[[str], float] = lambda symbol: 0.0,
    ) -> None:
        self._price_of = price_of
        self._url = url + streams.path
        self._streams = streams
        self._clock = clock
        self._open_transport = open_transport
        self._options = options
        self._is_wanted = is_wanted
        self._symbols = symbols
        self._on_liquidations = on_liquidations
        self._shares: list[list[str]] = []
        self._now_ms = now_ms
        self.connections = 0
        self.received = 0
        self.refused = 0

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            if self._is_wanted() and (symbols := self._symbols()):
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(self._follow(symbols, tasks), name="liquidation contracts")
            await self._clock.sleep(LOOK_EVERY_S)

    async def _follow(self, symbols: Sequence[str], tasks: asyncio.TaskGroup) -> None:
        """While anybody wants them. Who wants them again at once begins anew, too: no connection outlives this, not
        even one that waits to be opened."""
        self._shares = []
        connections: list[asyncio.Task[None]] = []
        followed: Sequence[str] = ()
        while self._is_wanted():
            if symbols is not followed:
                for share in self._placed(symbols):
                    self._shares.append(share)
                    task = tasks.create_task(self._keep_open(share), name=f"liquidations {len(self._shares)}")
                    connections.append(task)
                followed = symbols
            await self._clock.sleep(LOOK_EVERY_S)
            symbols = self._symbols()
        for task in connections:
            task.cancel()

    def _placed(self, symbols: Sequence[str]) -> list[list[str]]:
        """Puts what came where there is room, and takes out what left. Returns what needs a new connection."""
        listed = set(symbols)
        for share in self._shares:
            share[:] = [symbol for symbol in share if symbol in listed]
        known = {symbol for share in self._shares for symbol in share}
        new = [symbol for symbol in symbols if symbol not in known]
        for share in self._shares:
            if new and len(self._streams.shares([*share, *new])) == 1:
                share += new
                return []
        return self._streams.shares(new) if new else []

    async def _keep_open(self, share: list[str]) -> None:
        """Until cancelled."""
        failures = 0
        while True:
            opened_s = self._clock.monotonic()
            requests = _Requests(self._streams, share)
            try:
                transport = await self._open_transport(
                    self._url, on_frames=partial(self._on_frames, requests), options=self._options
                )
            except ExchangeError as problem:
                log.debug("liquidations: %s", problem)
            else:
                self.connections += 1
                try:
                    await self._hold(transport, requests)
                finally:
                    self.connections -= 1
                    transport.abort()
            if requests.refused and not failures:
                log.warning("liquidations are not told: %s", requests.refused[:200])
            failures = 1 if self._clock.monotonic() - opened_s > LONGEST_PAUSE_S else failures + 1
            pause_s = backoff_s(failures, first_s=FIRST_PAUSE_S, longest_s=LONGEST_PAUSE_S)
            await self._clock.sleep(pause_s * random.uniform(0.5, 1.0))

    async def _hold(self, transport: Transport, requests: _Requests) -> None:
        async with asyncio.TaskGroup() as tasks:
            driver = tasks.create_task(self._drive(transport, requests), name="liquidation requests")
            await transport.wait_closed()
            driver.cancel()

    async def _drive(self, transport: Transport, requests: _Requests) -> None:
        try:
            heard_s = self._clock.monotonic()
            while not requests.refused:
                for message in requests.due():
                    await self._send(transport, message)
                    await self._clock.sleep(SEND_INTERVAL_S)
                    heard_s = self._clock.monotonic()
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

    def _on_frames(self, requests: _Requests, frames: list[bytes]) -> None:
        found: list[Liquidation] = []
        for frame in frames:
            told = self._streams.decode(frame)
            if told:
                found += [one for one in told if requests.is_followed(one.symbol)]
            elif (answer := self._streams.answer(frame)) is not None:
                requests.on_answer(answer)
        now_ms = self._now_ms()
        fresh = [
            one
            for one in found
            if abs(one.event_ms - now_ms) <= FAR_OFF_MS and is_liquidation(one, self._price_of(one.symbol))
        ]
        self.refused += len(found) - len(fresh)
        if fresh:
            self.received += len(fresh)
            self._on_liquidations(fresh)
