"""Who administers a group or channel, remembered for ten minutes."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Protocol

from altmonitor.core.clock import Clock
from altmonitor.core.errors import DeliveryError
from altmonitor.telegram.types import Incoming

REMEMBERED_S = 600.0
ASK_AGAIN_S = 60.0
"""After Telegram did not say."""
WITHIN_S = 5.0
CHATS_REMEMBERED = 200

log = logging.getLogger(__name__)


class AdminSource(Protocol):
    async def administrators(self, chat_id: int) -> frozenset[int]:
        """User ids. May raise any `errors.DeliveryError`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    users: frozenset[int]
    until_s: float


class Admins:
    """is_required: in groups only administrators may change anything.

    In a channel every reader can press a button, so there it is always asked.
    """

    def __init__(self, source: AdminSource, *, clock: Clock, is_required: bool) -> None:
        self._source = source
        self._clock = clock
        self._is_required = is_required
        self._known: dict[int, _Known] = {}

    async def may_change(self, incoming: Incoming) -> bool:
        chat_id = incoming.destination.chat_id
        if incoming.chat_type == "channel":
            if incoming.press_id is None:
                return True  # only administrators can post
        elif incoming.chat_type == "private" or not self._is_required:
            return True
        if incoming.sender_chat_id == chat_id:
            return True  # an administrator who writes as the group
        return incoming.user_id in await self._administrators(chat_id)

    async def _administrators(self, chat_id: int) -> frozenset[int]:
        """When Telegram does not say, those who were it last; nobody when that is not known either."""
        now_s = self._clock.monotonic()
        known = self._known.get(chat_id)
        if known is not None and now_s < known.until_s:
            return known.users
        try:
            async with self._clock.timeout(WITHIN_S):
                users = await self._source.administrators(chat_id)
            until_s = now_s + REMEMBERED_S
        except (DeliveryError, TimeoutError) as problem:
            log.warning("the administrators of chat %s are not known: %s", chat_id, problem or "no answer in time")
            users = frozenset() if known is None else known.users
            until_s = now_s + ASK_AGAIN_S
        self._known.pop(chat_id, None)
        self._known[chat_id] = _Known(users=users, until_s=until_s)
        if len(self._known) > CHATS_REMEMBERED:
            del self._known[next(iter(self._known))]
        return users
