"""A running listener on a simulated Telegram, and what it hands on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from altmonitor.core.clock import Clock
from altmonitor.core.errors import StorageError
from altmonitor.sim.telegram.server import SimTelegram
from altmonitor.telegram.access import Admins, AllowedSenders
from altmonitor.telegram.bot import TelegramChannel
from altmonitor.telegram.poller import HANDLED_KEY, CommandListener
from altmonitor.telegram.types import Incoming, ListenerEvent
from tests.telegram.bot import connected, fast_clock

READER_CHAT = AllowedSenders(chat_ids=frozenset({5}))


@dataclass
class Recorder:
    """Handler, memory and news in one; `on_handle` may be replaced."""

    handled: list[Incoming] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    missed: list[list[Incoming]] = field(default_factory=list)
    unheard_presses: list[tuple[Incoming, bool]] = field(default_factory=list)
    events: list[ListenerEvent] = field(default_factory=list)
    words: list[tuple[str, int | None, int | None]] = field(default_factory=list)  # that somebody writes, and where
    saved_id: int | None = None
    handled_texts: str | None = None  # as kept over a restart
    is_storage_broken: bool = False
    on_handle: Callable[[Incoming], Awaitable[None]] | None = None
    change: asyncio.Event = field(default_factory=asyncio.Event)

    async def handle(self, incoming: Incoming) -> None:
        self.handled.append(incoming)
        self.change.set()
        if self.on_handle is not None:
            await self.on_handle(incoming)

    async def failed(self, incoming: Incoming) -> None:
        self.failures.append(incoming.text)
        self.change.set()

    async def unheard(self, press: Incoming, *, is_stranger: bool) -> None:
        self.unheard_presses.append((press, is_stranger))
        self.change.set()

    async def stale(self, missed: Sequence[Incoming]) -> None:
        self.missed.append(list(missed))
        self.change.set()

    async def meta_get(self, key: str) -> str | None:
        if self.is_storage_broken:
            raise StorageError("the disk is full")
        if key == HANDLED_KEY:
            return self.handled_texts
        return None if self.saved_id is None else str(self.saved_id)

    async def meta_set(self, key: str, value: str) -> None:
        if self.is_storage_broken:
            raise StorageError("the disk is full")
        if key == HANDLED_KEY:
            self.handled_texts = value
        else:
            self.saved_id = int(value)

    def on_listener_event(self, event: ListenerEvent) -> None:
        if event.kind in ("opened", "written"):
            self.words.append((event.kind, event.chat_id, event.topic_id))
        else:
            self.events.append(event)
        self.change.set()

    @property
    def texts(self) -> list[str]:
        return [incoming.text for incoming in self.handled]

    @property
    def kinds(self) -> list[str]:
        return [event.kind for event in self.events]

    async def until(self, predicate: Callable[[], object]) -> None:
        async with asyncio.timeout(60):
            while not predicate():
                self.change.clear()
                await self.change.wait()


@dataclass
class Scene:
    sim: SimTelegram
    channel: TelegramChannel
    clock: Clock
    seen: Recorder
    allowed: AllowedSenders = READER_CHAT

    def listener(self, *, is_admins_only: bool | None = None) -> CommandListener:
        """is_admins_only None: administrators are nobody's concern."""
        admins = None
        if is_admins_only is not None:
            admins = Admins(self.channel.administrators, clock=self.clock, is_required=is_admins_only)
        return CommandListener(
            self.channel,
            clock=self.clock,
            handler=self.seen,
            allowed=self.allowed,
            memory=self.seen,
            news=self.seen.on_listener_event,
            admins=admins,
        )

    @asynccontextmanager
    async def running(self, listener: CommandListener | None = None) -> AsyncIterator[CommandListener]:
        listener = listener or self.listener()
        task = asyncio.ensure_future(listener.run())
        try:
            yield listener
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def polls(self, count: int) -> None:
        """Until `count` more polls came in."""
        wanted = len(self.sim.sent("getUpdates")) + count
        await self.sim.wait_for(lambda: len(self.sim.sent("getUpdates")) >= wanted, timeout_s=600)


@asynccontextmanager
async def scene(*, allowed: AllowedSenders = READER_CHAT, speed: float = 20.0) -> AsyncIterator[Scene]:
    clock = fast_clock(speed)
    async with connected(clock) as (sim, channel):
        yield Scene(sim=sim, channel=channel, clock=clock, seen=Recorder(), allowed=allowed)
