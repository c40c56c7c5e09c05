"""One status message per chat that asked for it, pinned, kept up to date by edits and remembered over restarts."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import msgspec

from altmonitor.core.clock import Clock
from altmonitor.core.errors import (
    ChatClosed,
    ChatUnreachable,
    DeliveryError,
    MessageRefused,
    RetryLater,
    StorageError,
    TopicClosed,
)
from altmonitor.core.types import Destination
from altmonitor.delivery.other_messages import REPLY_AGE_S
from altmonitor.interfaces.delivery import ChatBot, ChatMessages
from altmonitor.interfaces.storage import MetaStore
from altmonitor.render.status import Board

log = logging.getLogger(__name__)

MEMORY_KEY: Final = "status_messages"
EDIT_EVERY_S: Final = 60.0
LOOK_EVERY_S: Final = 5.0
SEND_AGAIN_S: Final = REPLY_AGE_S + 30.0
"""An answer that could not be given is dropped some day; then the message is sent anew, ever more rarely."""
LONGEST_SEND_PAUSE_S: Final = 6 * 3_600.0
LONGEST_EDIT_PAUSE_S: Final = 3_600.0


@dataclass(slots=True, eq=False)
class _Message:
    """message_id: None until the chat has it. asked_s: when it was last handed over, monotonic. sends: so often.

    essence: of what the chat shows, '' when that is not known. pause_s: between two edits. is_to_pin: it is in the chat
    and not pinned yet.
    """

    message_id: int | None = None
    asked_s: float = float("-inf")
    sends: int = 0
    essence: str = ""
    pause_s: float = EDIT_EVERY_S
    is_to_pin: bool = False


class StatusBoard:
    """board: asked for the status now, as it is to be told there."""

    def __init__(
        self,
        *,
        clock: Clock,
        chats: ChatMessages,
        bot: ChatBot,
        memory: MetaStore,
        board: Callable[[Destination], Board],
    ) -> None:
        self._clock = clock
        self._chats = chats
        self._bot = bot
        self._memory = memory
        self._board = board
        self._to_unpin: list[tuple[Destination, int]] = []
        self._messages: dict[Destination, _Message] = {}
        self._is_loaded = False
        self._has_changed = asyncio.Event()

    def keep(self, destination: Destination, *, reply_to: int | None) -> None:
        """Send a new status message and keep that one up to date from now on, instead of an older one."""
        self.end(destination)
        self._messages[destination] = message = _Message()
        self._send(destination, message, reply_to=reply_to)

    def end(self, destination: Destination) -> bool:
        """False when there is none. The message stays and says that it is the last word."""
        message = self._messages.pop(destination, None)
        self._has_changed.set()
        if message is None:
            return False
        if message.message_id is not None:
            html = self._board(destination).ended_html
            self._chats.update(destination, message.message_id, html, on_end=lambda problem: None)
            self._to_unpin.append((destination, message.message_id))
        return True

    def moved(self, old: Destination, new: Destination) -> None:
        """The group has a new id; messages under the old one cannot be edited."""
        if self._messages.pop(old, None) is not None:
            self._messages[new] = message = _Message()
            self._send(new, message)

    async def run(self) -> None:
        """Until cancelled."""
        if not self._is_loaded:
            await self._load()
        while True:
            self._look()
            try:
                async with self._clock.timeout(LOOK_EVERY_S):
                    await self._has_changed.wait()
            except TimeoutError:
                await self._pin_all()  # what an outage kept from being pinned
                continue
            self._has_changed.clear()
            await self._save()
            await self._pin_all()

    def _look(self) -> None:
        now_s = self._clock.monotonic()
        for destination, message in list(self._messages.items()):
            if message.message_id is None:
                if now_s - message.asked_s >= min(LONGEST_SEND_PAUSE_S, SEND_AGAIN_S * 2 ** (message.sends - 1)):
                    self._send(destination, message)
            elif now_s - message.asked_s >= message.pause_s:
                self._edit(destination, message, message.message_id)

    async def _pin_all(self) -> None:
        """Once each; only what may come to an answer later is tried again."""
        unpinned, self._to_unpin = self._to_unpin, []
        for destination, message_id in unpinned:
            try:
                await self._bot.unpin(destination, message_id)
            except DeliveryError as problem:
                log.info("a status message of chat %s is not unpinned: %s", destination, problem)
        for destination, message in list(self._messages.items()):
            if not message.is_to_pin or message.message_id is None:
                continue
            try:
                await self._bot.pin(destination, message.message_id)
            except (ChatUnreachable, RetryLater) as problem:
                log.info("a status message of chat %s is not pinned yet: %s", destination, problem)
                return
            except DeliveryError as problem:
                log.info("a status message of chat %s cannot be pinned: %s", destination, problem)
                self._chats.reply(destination, [self._board(destination).not_pinned_html])
            message.is_to_pin = False

    def _send(self, destination: Destination, message: _Message, *, reply_to: int | None = None) -> None:
        message.asked_s = self._clock.monotonic()
        message.sends = min(message.sends + 1, 10)
        board = self._board(destination)

        def on_sent(message_id: int) -> None:
            message.message_id, message.essence, message.is_to_pin = message_id, board.essence, True
            self._has_changed.set()

        self._chats.post(destination, board.html, reply_to=reply_to, on_sent=on_sent)
        self._has_changed.set()

    def _edit(self, destination: Destination, message: _Message, message_id: int) -> None:
        board = self._board(destination)
        if board.essence == message.essence:
            return

        def on_end(problem: DeliveryError | None) -> None:
            if problem is None:
                message.essence, message.pause_s = board.essence, EDIT_EVERY_S
            elif isinstance(problem, ChatClosed | TopicClosed):  # perhaps for a while: edited again, ever more rarely
                message.pause_s = min(LONGEST_EDIT_PAUSE_S, message.pause_s * 2)
            elif isinstance(problem, MessageRefused) and self._messages.get(destination) is message:
                log.info("the status message of chat %s is gone, it is not kept any more: %s", destination, problem)
                del self._messages[destination]
                self._has_changed.set()

        message.asked_s = self._clock.monotonic()
        self._chats.update(destination, message_id, board.html, on_end=on_end)

    async def _load(self) -> None:
        """What was asked for before it was loaded stays as it is asked for."""
        text = await self._memory.meta_get(MEMORY_KEY)
        try:
            known = msgspec.json.decode(text or "{}", type=dict[str, int | None])
            found = {Destination.parse(where): message_id for where, message_id in known.items()}
        except (msgspec.DecodeError, ValueError) as problem:
            log.warning("the status messages of the last run are not known any more: %s", problem)
            found = {}
        for destination, message_id in found.items():
            self._messages.setdefault(destination, _Message(message_id=message_id))
        self._is_loaded = True

    async def _save(self) -> None:
        messages = {str(where): message.message_id for where, message in self._messages.items()}
        try:
            await self._memory.meta_set(MEMORY_KEY, msgspec.json.encode(messages).decode())
        except StorageError as problem:
            log.warning("the status messages are not remembered over a restart: %s", problem)
