"""Which messages of one chat shall be brought up to date, and until when that is worth an edit. Pure."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from altmonitor.delivery.split_digests import Parts
from altmonitor.interfaces.delivery import Keyboard

EDIT_AGE_S = 30.0
AWAITED_EDIT_AGE_S = 600.0
"""What was pressed, and how a candle ended, shall be seen, also when the chat was busy for a while."""
EDIT_INTERVAL_S = 2.0
OWN_MESSAGES = 500

Shown = tuple[str, Keyboard]
"""The text and the buttons of a message."""


@dataclass(slots=True, kw_only=True)
class OwnMessage:
    """An alert that went out as a message of its own; changed_s: when it was sent or last edited, monotonic.

    maybe_repeated: None when an earlier run sent it and nobody has asked the outbox yet.
    shown: the text and the buttons that stand in the chat; None when that is not known. is_unfinished: it says what a
    candle had so far, and a reader waits for the close. parts: of a digest the keys that each of its messages names;
    this is the one of that number. wait_line: as of `AlertMessage`.
    """

    message_id: int
    maybe_repeated: bool | None
    changed_s: float
    shown: Shown | None = None
    is_unfinished: bool = False
    parts: Parts = ()
    number: int = 0
    wait_line: str = ""

    @property
    def named(self) -> tuple[str, ...]:
        """Of a digest the keys of the alerts that stand in this message."""
        return self.parts[self.number] if self.parts else ()

    @property
    def free_at_s(self) -> float:
        """When it may be edited again, monotonic."""
        return self.changed_s + EDIT_INTERVAL_S


EditKey = tuple[int | None, str]
"""Topic and alert key, of a digest `_digest_key`."""


class PendingEdits:
    """Which messages shall be brought up to date. An edit is an extra: it is dropped rather than queued up, unless a
    reader waits for it."""

    def __init__(self) -> None:
        self._own: dict[EditKey, OwnMessage] = {}
        self._digests: dict[EditKey, EditKey] = {}  # of alerts whose candle ran when their digest was sent
        self._wanted: dict[EditKey, float] = {}  # until when, monotonic
        self._awaited: set[EditKey] = set()

    def sent(self, key: EditKey, message: OwnMessage) -> None:
        self._own[key] = message
        if len(self._own) > OWN_MESSAGES:
            oldest = next(iter(self._own))
            self.lost(oldest)

    def joined(self, key: EditKey, digest: EditKey) -> None:
        """The alert of this key is told by that digest, and its candle runs."""
        self._digests[key] = digest

    def knows(self, key: EditKey) -> bool:
        return key in self._own

    def pressed(self, key: EditKey, message_id: int, now_s: float) -> None:
        """A reader pressed a button under this message and shall see it there."""
        if key not in self._own:
            self.sent(key, OwnMessage(message_id=message_id, maybe_repeated=None, changed_s=float("-inf")))
        self._awaited.add(key)
        self._wanted[key] = now_s + AWAITED_EDIT_AGE_S

    def awaited_until_s(self, key: EditKey) -> float | None:
        """None: no reader waits for this one."""
        return self._wanted.get(key) if key in self._awaited else None

    def want_again(self, key: EditKey, until_s: float) -> None:
        self._awaited.add(key)
        self._wanted[key] = until_s

    def lost(self, key: EditKey) -> None:
        """The message is gone or cannot be edited."""
        own = self._own.pop(key, None)
        for member in () if own is None else own.named:
            self._digests.pop((key[0], member), None)
        self._drop(key)

    def want(self, key: EditKey, now_s: float, *, in_flight: Collection[EditKey]) -> bool:
        """False: there is no message of its own to edit (it still waits, or left inside a digest).

        in_flight: messages that are being sent; once they are `sent` they can be edited.
        """
        key = self._digests.get(key, key)
        own = self._own.get(key)
        if own is None and key not in in_flight:
            return False
        if own is not None and own.is_unfinished:
            self.want_again(key, now_s + AWAITED_EDIT_AGE_S)
        self._wanted.setdefault(key, now_s + EDIT_AGE_S)
        return True

    def due(self, now_s: float) -> tuple[EditKey, OwnMessage] | None:
        """The next one that may be edited now."""
        for key, until_s in list(self._wanted.items()):
            own = self._own.get(key)
            if own is None or now_s > until_s:
                self._drop(key)
            elif now_s >= own.free_at_s:
                return key, own
        return None

    def next_due_s(self) -> float | None:
        """When `due` can have an answer; None: nothing is wanted."""
        return min((self._own[key].free_at_s for key in self._wanted if key in self._own), default=None)

    def edited(self, key: EditKey, now_s: float) -> None:
        self._drop(key)
        if key in self._own:
            self._own[key].changed_s = now_s

    def drop_extras(self) -> None:
        for key in list(self._wanted):
            if key not in self._awaited:
                del self._wanted[key]

    def forget(self) -> None:
        """The chat has a new id: messages sent under the old one cannot be edited."""
        self._own.clear()
        self._digests.clear()
        self._wanted.clear()
        self._awaited.clear()

    def _drop(self, key: EditKey) -> None:
        self._wanted.pop(key, None)
        self._awaited.discard(key)
