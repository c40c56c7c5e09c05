"""What chats and topics are called, as Telegram told it beside what people wrote; remembered over restarts."""

from __future__ import annotations

import logging
from collections.abc import Mapping

import msgspec

from altmonitor.core.errors import StorageError
from altmonitor.core.types import Destination
from altmonitor.interfaces.storage import MetaStore
from altmonitor.telegram.updates import names_in

log = logging.getLogger(__name__)

MEMORY_KEY = "chat_names"
NAMES_KEPT = 500
NAME_CHARS_MAX = 60


class ChatNames:
    """Of the last `NAMES_KEPT` places; the same topic of another chat is another place."""

    def __init__(self, memory: MetaStore) -> None:
        self._memory = memory
        self._names: dict[str, str] = {}

    def of(self, destination: Destination) -> str:
        """`Desk`, `Desk · Majors`; '' when the chat's name is not known."""
        chat = self._names.get(str(Destination(chat_id=destination.chat_id)), "")
        topic = "" if destination.topic_id is None else self._names.get(str(destination), "")
        return " · ".join(name for name in (chat, topic) if name) if chat else ""

    async def load(self) -> None:
        """May raise StorageError."""
        text = await self._memory.meta_get(MEMORY_KEY)
        try:
            self._names = msgspec.json.decode(text or "{}", type=dict[str, str]) | self._names
        except msgspec.DecodeError as problem:
            log.warning("the names of chats are not known any more: %s", problem)

    async def learn(self, update: Mapping[str, object]) -> None:
        """From any update of a chat that is ours."""
        told = {str(where): " ".join(name.split())[:NAME_CHARS_MAX] for where, name in names_in(update).items()}
        if all(self._names.get(where) == name for where, name in told.items()):
            return
        for where, name in told.items():
            self._names.pop(where, None)  # to the end: the dict is in order of learning
            self._names[where] = name
        while len(self._names) > NAMES_KEPT:
            del self._names[next(iter(self._names))]
        try:
            await self._memory.meta_set(MEMORY_KEY, msgspec.json.encode(self._names).decode())
        except StorageError as problem:
            log.warning("the names of chats are not remembered over a restart: %s", problem)
