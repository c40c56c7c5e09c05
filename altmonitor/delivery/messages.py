"""What is said to a chat beside alerts: answers to commands, operator notices, and edits of what was told."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection
from dataclasses import dataclass

from altmonitor.core.errors import DeliveryError
from altmonitor.interfaces.delivery import Keyboard

REPLIES_WAITING = 30
NOTICES_WAITING = 50
REPLY_AGE_S = 120.0
"""An answer that could not be given for so long is not given any more."""
NOTICE_AGE_S = 6 * 3600.0
EDIT_AGE_S = 30.0
PRESS_EDIT_AGE_S = 600.0
"""What was pressed shall be seen, also when the chat was busy for a while."""
EDIT_INTERVAL_S = 2.0
OWN_MESSAGES = 500
PICTURES_WAITING = 3
PICTURE_AGE_S = 20.0
"""A picture that nobody asked for and that could not follow its alert sooner does not follow it."""


@dataclass(slots=True, kw_only=True, eq=False)
class Aside:
    """A message that is nobody's alert. since_s: when it was handed in, monotonic. png: a picture; html is then its
    caption, '' for none."""

    topic_id: int | None
    html: str
    since_s: float
    reply_to: int | None = None
    is_plain: bool = False
    is_silent: bool = False
    buttons: Keyboard = ()
    png: bytes | None = None
    on_sent: Callable[[int], None] | None = None  # told the message id


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptEdit:
    """The new text of a message that somebody keeps up to date; None: the text stays, and what was a question has no
    buttons any more. on_end: None, or why it was not edited."""

    topic_id: int | None
    message_id: int
    html: str | None
    on_end: Callable[[DeliveryError | None], None]


class Asides:
    """Bounded queues: answers first, then notices, and when there is nothing else pictures. What is too old or too much
    is dropped; all but pictures are counted."""

    def __init__(self) -> None:
        self.replies: deque[Aside] = deque()
        self.notices: deque[Aside] = deque()
        self.pictures: deque[Aside] = deque(maxlen=PICTURES_WAITING)
        self.dropped = 0

    def reply(self, aside: Aside) -> None:
        self._append(self.replies, aside, REPLIES_WAITING)

    def notice(self, aside: Aside) -> None:
        self._append(self.notices, aside, NOTICES_WAITING)

    def take_over(self, other: Asides) -> None:
        for aside in other.replies:
            self.reply(aside)
        for aside in other.notices:
            self.notice(aside)

    def drop_old(self, now_s: float) -> None:
        for queue, age_s in ((self.replies, REPLY_AGE_S), (self.notices, NOTICE_AGE_S)):
            while queue and now_s - queue[0].since_s > age_s:
                queue.popleft()
                self.dropped += 1
        while self.pictures and now_s - self.pictures[0].since_s > PICTURE_AGE_S:
            self.pictures.popleft()

    def _append(self, queue: deque[Aside], aside: Aside, limit: int) -> None:
        queue.append(aside)
        if len(queue) > limit:
            queue.popleft()
            self.dropped += 1


@dataclass(slots=True, kw_only=True)
class OwnMessage:
    """An alert that went out as a message of its own; changed_s: when it was sent or last edited, monotonic.

    maybe_repeated: None when an earlier run sent it and nobody has asked the outbox yet.
    """

    message_id: int
    maybe_repeated: bool | None
    changed_s: float


EditKey = tuple[int | None, str]
"""Topic and alert key."""


class Edits:
    """Which messages shall be brought up to date. An edit is a courtesy: it is dropped rather than queued up, unless a
    reader waits for it."""

    def __init__(self) -> None:
        self._own: dict[EditKey, OwnMessage] = {}
        self._wanted: dict[EditKey, float] = {}  # until when, monotonic
        self._awaited: set[EditKey] = set()

    def told(self, key: EditKey, message: OwnMessage) -> None:
        self._own[key] = message
        if len(self._own) > OWN_MESSAGES:
            oldest = next(iter(self._own))
            del self._own[oldest]
            self._drop(oldest)

    def knows(self, key: EditKey) -> bool:
        return key in self._own

    def pressed(self, key: EditKey, message_id: int, now_s: float) -> None:
        """A reader pressed a button under this message and shall see it there."""
        if key not in self._own:
            self.told(key, OwnMessage(message_id=message_id, maybe_repeated=None, changed_s=float("-inf")))
        self._awaited.add(key)
        self._wanted[key] = now_s + PRESS_EDIT_AGE_S

    def awaited_until_s(self, key: EditKey) -> float | None:
        """None: no reader waits for this one."""
        return self._wanted.get(key) if key in self._awaited else None

    def want_again(self, key: EditKey, until_s: float) -> None:
        self._awaited.add(key)
        self._wanted[key] = until_s

    def lost(self, key: EditKey) -> None:
        """The message is gone or cannot be edited."""
        self._own.pop(key, None)
        self._drop(key)

    def want(self, key: EditKey, now_s: float, *, in_flight: Collection[EditKey]) -> bool:
        """False: there is no message of its own to edit (it still waits, or left inside a digest).

        in_flight: messages that are being sent; once they are `told` they can be edited.
        """
        if key not in self._own and key not in in_flight:
            return False
        self._wanted.setdefault(key, now_s + EDIT_AGE_S)
        return True

    def due(self, now_s: float) -> tuple[EditKey, OwnMessage] | None:
        """The next one that may be edited now."""
        for key, until_s in list(self._wanted.items()):
            own = self._own.get(key)
            if own is None or now_s > until_s:
                self._drop(key)
            elif now_s - own.changed_s >= EDIT_INTERVAL_S:
                return key, own
        return None

    def next_due_s(self) -> float | None:
        """When `due` can have an answer; None: nothing is wanted."""
        return min(
            (self._own[key].changed_s + EDIT_INTERVAL_S for key in self._wanted if key in self._own), default=None
        )

    def edited(self, key: EditKey, now_s: float) -> None:
        self._drop(key)
        if key in self._own:
            self._own[key].changed_s = now_s

    def drop_courtesies(self) -> None:
        for key in list(self._wanted):
            if key not in self._awaited:
                del self._wanted[key]

    def forget(self) -> None:
        """The chat has a new id: messages told under the old one cannot be edited."""
        self._own.clear()
        self._wanted.clear()
        self._awaited.clear()

    def _drop(self, key: EditKey) -> None:
        self._wanted.pop(key, None)
        self._awaited.discard(key)
