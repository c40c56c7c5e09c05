"""Who may command: permitted chats and users, administrators of groups, and strangers."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum

from altmonitor.core.clock import Clock
from altmonitor.core.errors import DeliveryError
from altmonitor.telegram.types import Incoming

# ---
# Who may ask, and who may change.


class Access(Enum):
    NONE = "a stranger"
    READ = "may ask"
    CHANGE = "may change, unless only administrators may"
    NAMED = "may change: named by the operator"


@dataclass(frozen=True, slots=True, kw_only=True)
class AllowedSenders:
    """Who may command. With user_ids these users may change everything, in any chat, and everybody else in one of
    chat_ids may read; without, everybody in one of chat_ids may change everything."""

    chat_ids: frozenset[int]
    user_ids: frozenset[int] = frozenset()

    def access(self, *, chat_id: int, user_id: int | None) -> Access:
        if user_id in self.user_ids:
            return Access.NAMED
        if chat_id not in self.chat_ids:
            return Access.NONE
        return Access.READ if self.user_ids else Access.CHANGE

    def moved(self, old_chat_id: int, new_chat_id: int) -> AllowedSenders:
        """The same people after a group became a supergroup."""
        if old_chat_id not in self.chat_ids:
            return self
        return AllowedSenders(chat_ids=self.chat_ids - {old_chat_id} | {new_chat_id}, user_ids=self.user_ids)


# ---
# Who administers a group or channel, remembered for ten minutes.


REMEMBERED_S = 600.0
ASK_AGAIN_S = 60.0
"""After Telegram did not say."""
WITHIN_S = 5.0
CHATS_REMEMBERED = 200

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    users: frozenset[int]
    until_s: float


class Admins:
    """administrators: user ids of those of a chat; may raise any `errors.DeliveryError`. is_required: in groups only
    administrators may change anything.

    In a channel every reader can press a button, so there it is always asked.
    """

    def __init__(
        self, administrators: Callable[[int], Awaitable[frozenset[int]]], *, clock: Clock, is_required: bool
    ) -> None:
        self._ask = administrators
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
                users = await self._ask(chat_id)
            until_s = now_s + REMEMBERED_S
        except (DeliveryError, TimeoutError) as problem:
            log.warning("the administrators of chat %s are not known: %s", chat_id, str(problem) or "no answer in time")
            users = frozenset() if known is None else known.users
            until_s = now_s + ASK_AGAIN_S
        self._known.pop(chat_id, None)
        self._known[chat_id] = _Known(users=users, until_s=until_s)
        if len(self._known) > CHATS_REMEMBERED:
            del self._known[next(iter(self._known))]
        return users


# ---
# Silence for strangers, and one line in the log per hour for each of them.


PERIOD_S = 3600.0
STRANGERS_REMEMBERED = 1000
PRESSES_ANSWERED = 20
PRESSES_WINDOW_S = 60.0
"""So many presses of strangers end their waiting sign; each costs a request."""


class Strangers:
    """count: refused messages since the start. Remembers at most `STRANGERS_REMEMBERED` senders, the latest ones."""

    def __init__(self) -> None:
        self.count = 0
        self._told_s: dict[int, float] = {}
        self._unsaid: dict[int, int] = {}
        self._answered_s: deque[float] = deque(maxlen=PRESSES_ANSWERED)

    def may_answer_press(self, now_s: float) -> bool:
        """All of them together. now_s: monotonic seconds."""
        is_full = len(self._answered_s) == PRESSES_ANSWERED
        if is_full and now_s < self._answered_s[0] + PRESSES_WINDOW_S:
            return False
        self._answered_s.append(now_s)
        return True

    def refuse(self, incoming: Incoming, now_s: float) -> bool:
        """True when a line was written. now_s: monotonic seconds."""
        self.count += 1
        sender = incoming.destination.chat_id if incoming.user_id is None else incoming.user_id
        told_s = self._told_s.get(sender)
        if told_s is not None and now_s - told_s < PERIOD_S:
            self._unsaid[sender] = self._unsaid.get(sender, 0) + 1
            return False
        self._told_s.pop(sender, None)  # to the end: the dict is in order of telling
        self._told_s[sender] = now_s
        while len(self._told_s) > STRANGERS_REMEMBERED:
            oldest = next(iter(self._told_s))
            del self._told_s[oldest]
            self._unsaid.pop(oldest, None)
        log.warning(
            "ignored a message of %r (user %s) in chat %s: not in TG_CHAT_ID, ALLOWED_CHAT_IDS or ALLOWED_USER_IDS; "
            "%d more since the last such line",
            incoming.user_name,
            incoming.user_id,
            incoming.destination.chat_id,
            self._unsaid.pop(sender, 0),
        )
        return True
