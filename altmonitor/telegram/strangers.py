"""Silence for strangers, and one line in the log per hour for each of them."""

from __future__ import annotations

import logging

from altmonitor.telegram.types import Incoming

PERIOD_S = 3600.0
REMEMBERED = 1000

log = logging.getLogger(__name__)


class Strangers:
    """count: refused messages since the start. Remembers at most `REMEMBERED` senders, the latest ones."""

    def __init__(self) -> None:
        self.count = 0
        self._told_s: dict[int, float] = {}
        self._unsaid: dict[int, int] = {}

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
        while len(self._told_s) > REMEMBERED:
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
