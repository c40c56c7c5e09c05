"""Telegram's flood limits: who has to wait, how long, and what happens to those who do not.

About 1 message a second per chat (a short burst is allowed), 20 a minute per group with edits counted, 30 a second
for a bot as a whole. Source: https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this
(read 2026-11-21).
"""

from __future__ import annotations

import math
from collections import defaultdict, deque
from dataclasses import dataclass

CHAT_PER_S = 1.0
CHAT_BURST = 3
GROUP_PER_MINUTE = 20
BOT_PER_S = 30
EXTENSION_S = 5.0  # added for every message sent while told to wait


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """A call that broke a limit. rule: `chat` (1/s), `group` (20/min), `bot` (30/s), `flood` (came before the end of
    a wait it had been told). retry_after_s: what it was answered."""

    at_ms: int
    chat_id: int
    rule: str
    retry_after_s: int


@dataclass(slots=True)
class _Bucket:
    tokens: float = float(CHAT_BURST)
    filled_at_s: float = 0.0


class FloodLimits:
    """All times in the clock's monotonic seconds."""

    def __init__(self) -> None:
        self._buckets: defaultdict[int, _Bucket] = defaultdict(_Bucket)
        self._group_times: defaultdict[int, deque[float]] = defaultdict(deque)
        self._bot_times: deque[float] = deque()
        self._flooded_until_s: dict[int, float] = {}

    def admit(self, chat_id: int, now_s: float, *, is_edit: bool) -> tuple[str, int] | None:
        """None: counted and let through. Else the rule that was broken and the whole seconds to wait."""
        until_s = self._flooded_until_s.get(chat_id)
        if until_s is not None and now_s < until_s:
            return "flood", self.punish(chat_id, now_s, until_s - now_s + EXTENSION_S)
        broken = self._broken_rule(chat_id, now_s, is_edit=is_edit)
        if broken is not None:
            rule, wait_s = broken
            return rule, self.punish(chat_id, now_s, wait_s)
        self._count(chat_id, now_s, is_edit=is_edit)
        return None

    def punish(self, chat_id: int, now_s: float, wait_s: float) -> int:
        """Nothing is accepted for this chat until the wait is over; returns it in whole seconds (≥ 1)."""
        whole_s = max(1, math.ceil(wait_s))
        self._flooded_until_s[chat_id] = now_s + whole_s
        return whole_s

    def _broken_rule(self, chat_id: int, now_s: float, *, is_edit: bool) -> tuple[str, float] | None:
        _forget(self._bot_times, now_s - 1.0)
        if len(self._bot_times) >= BOT_PER_S:
            return "bot", self._bot_times[0] + 1.0 - now_s
        if chat_id < 0:
            times = self._group_times[chat_id]
            _forget(times, now_s - 60.0)
            if len(times) >= GROUP_PER_MINUTE:
                return "group", times[0] + 60.0 - now_s
        tokens = self._tokens(chat_id, now_s)
        if not is_edit and tokens < 1.0:
            return "chat", (1.0 - tokens) / CHAT_PER_S
        return None

    def _count(self, chat_id: int, now_s: float, *, is_edit: bool) -> None:
        self._bot_times.append(now_s)
        if chat_id < 0:
            self._group_times[chat_id].append(now_s)
        if not is_edit:
            self._buckets[chat_id] = _Bucket(self._tokens(chat_id, now_s) - 1.0, now_s)

    def _tokens(self, chat_id: int, now_s: float) -> float:
        bucket = self._buckets[chat_id]
        return min(float(CHAT_BURST), bucket.tokens + (now_s - bucket.filled_at_s) * CHAT_PER_S)


def _forget(times: deque[float], before_s: float) -> None:
    while times and times[0] <= before_s:
        times.popleft()
