"""What is said to a chat beside alerts: answers to commands, operator notices, and edits of what was told."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection
from dataclasses import dataclass

from altmonitor.errors import DeliveryError

REPLIES_WAITING = 30
NOTICES_WAITING = 50
REPLY_AGE_S = 120.0
"""An answer that could not be given for so long is not given any more."""
NOTICE_AGE_S = 6 * 3600.0
EDIT_AGE_S = 30.0
EDIT_INTERVAL_S = 2.0
OWN_MESSAGES = 500


@dataclass(slots=True, kw_only=True, eq=False)
class Aside:
    """A message that is nobody's alert. since_s: when it was handed in, monotonic."""

    topic_id: int | None
    html: str
    since_s: float
    reply_to: int | None = None
    is_plain: bool = False
    on_sent: Callable[[int], None] | None = None  # told the message id


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptEdit:
    """The new text of a message that somebody keeps up to date. on_end: None, or why it was not edited."""

    topic_id: int | None
    message_id: int
    html: str
    on_end: Callable[[DeliveryError | None], None]


class Asides:
    """Two bounded queues: answers first, then notices. What is too old or too much is dropped and counted."""

    def __init__(self) -> None:
        self.replies: deque[Aside] = deque()
        self.notices: deque[Aside] = deque()
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

    def _append(self, queue: deque[Aside], aside: Aside, limit: int) -> None:
        queue.append(aside)
        if len(queue) > limit:
            queue.popleft()
            self.dropped += 1


@dataclass(slots=True, kw_only=True)
class OwnMessage:
    """An alert that went out as a message of its own; changed_s: when it was sent or last edited, monotonic."""

    message_id: int
    maybe_repeated: bool
    changed_s: float


EditKey = tuple[int | None, str]
"""Topic and alert key."""


class Edits:
    """Which messages shall be brought up to date. An edit is a courtesy: it is dropped rather than queued up."""

    def __init__(self) -> None:
        self._own: dict[EditKey, OwnMessage] = {}
        self._wanted: dict[EditKey, float] = {}

    def told(self, key: EditKey, message: OwnMessage) -> None:
        self._own[key] = message
        if len(self._own) > OWN_MESSAGES:
            oldest = next(iter(self._own))
            del self._own[oldest]
            self._wanted.pop(oldest, None)

    def want(self, key: EditKey, now_s: float, *, in_flight: Collection[EditKey]) -> bool:
        """False: there is no message of its own to edit (it still waits, or left inside a digest).

        in_flight: messages that are being sent; once they are `told` they can be edited.
        """
        if key not in self._own and key not in in_flight:
            return False
        self._wanted.setdefault(key, now_s)
        return True

    def due(self, now_s: float) -> tuple[EditKey, OwnMessage] | None:
        """The next one that may be edited now."""
        for key, since_s in list(self._wanted.items()):
            own = self._own.get(key)
            if own is None or now_s - since_s > EDIT_AGE_S:
                del self._wanted[key]
            elif now_s - own.changed_s >= EDIT_INTERVAL_S:
                return key, own
        return None

    def next_due_s(self) -> float | None:
        """When `due` can have an answer; None: nothing is wanted."""
        return min(
            (self._own[key].changed_s + EDIT_INTERVAL_S for key in self._wanted if key in self._own), default=None
        )

    def edited(self, key: EditKey, now_s: float) -> None:
        self._wanted.pop(key, None)
        if key in self._own:
            self._own[key].changed_s = now_s

    def drop_wanted(self) -> None:
        self._wanted.clear()

    def forget(self) -> None:
        """The chat has a new id: messages told under the old one cannot be edited."""
        self._own.clear()
        self._wanted.clear()
