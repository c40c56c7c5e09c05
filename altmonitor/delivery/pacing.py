"""When may the next message leave? Pure: every moment is handed in, in seconds of one monotonic clock.

Telegram's limits are about one message a second per chat, 20 a minute per group and 30 a second over all chats, and
edits count. Source: https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this
"""

from __future__ import annotations

from collections import deque

from altmonitor.core.durations import DurationCounts

PRIVATE_INTERVAL_S = 1.05
GROUP_INTERVAL_S = 3.2
GROUP_LIMIT = 20
GROUP_WINDOW_S = 60.5
"""Half a second more than a minute, because the other side counts with its own clock."""
OVERALL_LIMIT = 25
OVERALL_WINDOW_S = 1.0
RETRY_MARGIN_S = 0.25
EDITS_NEED = 4
"""An edit leaves only while this many messages are still allowed in the running minute."""
GROWTH_NEEDS = 9
"""The same for an edit that adds alerts to a digest: at a message every 6 s, the rest of the minute is provided for."""


class ChatPace:
    """The limits of one chat.

    A message is noted when its answer came, not when it left: whenever the chat service counted it, that was before,
    so two noted messages are at least as far apart over there.
    """

    def __init__(self, *, is_group: bool, min_interval_s: float | None) -> None:
        """min_interval_s: None = 3.2 s for groups, 1.05 s for private chats."""
        self.interval_s = (
            min_interval_s if min_interval_s is not None else GROUP_INTERVAL_S if is_group else PRIVATE_INTERVAL_S
        )
        self._gap_s = min(self.interval_s, PRIVATE_INTERVAL_S)
        self._limit = GROUP_LIMIT if is_group else None
        self._said: deque[float] = deque(maxlen=GROUP_LIMIT)
        self._last_message_s = float("-inf")
        self._held_until_s = float("-inf")

    def record(self, at_s: float, *, is_edit: bool = False) -> None:
        """Something was said; `at_s` never goes backwards."""
        self._said.append(at_s)
        if not is_edit:
            self._last_message_s = at_s

    def hold(self, now_s: float, retry_after_s: float) -> None:
        """The chat service asked to wait. A longer wait that was asked for earlier stays in force."""
        self._held_until_s = max(self._held_until_s, now_s + retry_after_s + RETRY_MARGIN_S)

    def free_at_s(self, now_s: float, *, is_edit: bool = False) -> float:
        """The earliest moment ≥ now_s at which something may leave.

        Between two messages lies the whole interval; an edit needs only the gap of a second before and after it, so
        that it arrives soon and holds up no alert, but it counts in the minute like a message.
        """
        moments = [now_s, self._held_until_s]
        if self._said:
            moments.append(self._said[-1] + self._gap_s)
        if not is_edit:
            moments.append(self._last_message_s + self.interval_s)
        if self._limit is not None and len(self._said) == self._limit:
            moments.append(self._said[0] + GROUP_WINDOW_S)
        return max(moments)

    def allowance(self, now_s: float) -> int:
        """How many messages the running minute still allows; for private chats always the limit of a group."""
        if self._limit is None:
            return GROUP_LIMIT
        return self._limit - sum(1 for at_s in self._said if at_s + GROUP_WINDOW_S > now_s)

    def can_leave_within(self, now_s: float, count: int, horizon_s: float) -> bool:
        """True when `count` messages leave one by one, each with its interval, before `horizon_s` has passed."""
        if count * self.interval_s > horizon_s:
            return False
        end_s = max(self.free_at_s(now_s), self._last_message_s + self.interval_s) + count * self.interval_s
        return end_s - now_s <= horizon_s and count <= self.allowance(now_s)


class OverallPace:
    """The limit over all chats of one bot together; noted when a request leaves.

    limit: requests a second; less than Telegram allows where several processes speak for one bot.
    """

    def __init__(self, limit: int = OVERALL_LIMIT) -> None:
        self.limit = limit
        self._said: deque[float] = deque(maxlen=OVERALL_LIMIT)

    def record(self, at_s: float) -> None:
        self._said.append(at_s)

    def free_at_s(self, now_s: float, *, reserved: int = 0) -> float:
        """reserved: so many more may leave at any moment."""
        room = self.limit - reserved
        if room <= 0:
            return now_s + OVERALL_WINDOW_S
        if len(self._said) < room:
            return now_s
        return max(now_s, self._said[-room] + OVERALL_WINDOW_S)


# ---
# How long the last alerts took.


SAMPLES = 1000


class Latency:
    """The last 1,000 durations, milliseconds, and how all of them were spread. speed: of the clock they are of."""

    def __init__(self, *, speed: float = 1.0) -> None:
        self.durations = DurationCounts(speed=speed)
        self._samples_ms: deque[float] = deque(maxlen=SAMPLES)

    def add(self, duration_ms: float) -> None:
        """Below 0 (the machine's clock was set back) counts as 0."""
        self._samples_ms.append(max(0.0, duration_ms))
        self.durations.add(duration_ms)

    def percentile(self, share: float) -> float | None:
        """Nearest rank, share in 0…1; None before the first sample."""
        if not self._samples_ms:
            return None
        ordered = sorted(self._samples_ms)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
