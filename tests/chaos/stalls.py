"""When the machine let nobody run: the simulators' own lateness, and how long the program waited for a processor.

On a clock that runs a hundred times as fast a pause of half a second is a minute. Such a pause is nobody's fault and is
measured, so that an account can count a duration without it. What the program takes for itself is not a pause.
"""

from __future__ import annotations

from bisect import bisect_left

from tests.chaos.ledger import Span
from tests.patient_clock import waits_s

SHORTEST_S = 0.02
"""Of the machine's time: shorter pauses are every machine's, and within what everything is allowed anyway."""


class Stalls:
    """spans: oldest → newest, apart from one another, unix ms of the day's clock."""

    def __init__(self, *, speed: float) -> None:
        self.spans: list[Span] = []
        self._speed = speed
        self._waited_s: dict[str, float] = {}

    def late(self, lost_s: float, *, now_ms: float) -> None:
        """Somebody who wanted to run could not for the last `lost_s` seconds of the machine's time."""
        if lost_s < SHORTEST_S:
            return
        begin_ms = now_ms - lost_s * 1000 * self._speed
        while self.spans and self.spans[-1].end_ms >= begin_ms:
            begin_ms = min(begin_ms, self.spans.pop().begin_ms)
        self.spans.append(Span(begin_ms, now_ms))

    def look_at(self, pid: int, *, now_ms: float) -> None:
        """How much longer than at the last look each thread of this process has waited for a processor."""
        waited_s = waits_s(pid)
        longest_s = max((s - self._waited_s.get(thread, s) for thread, s in waited_s.items()), default=0.0)
        self._waited_s = waited_s
        self.late(longest_s, now_ms=now_ms)

    def lost_ms(self, begin_ms: float, end_ms: float) -> float:
        """How much of this time lies in pauses."""
        lost_ms = 0.0
        first = bisect_left(self.spans, begin_ms, key=lambda span: span.end_ms)
        for span in self.spans[first:]:
            if span.begin_ms >= end_ms:
                break
            lost_ms += min(span.end_ms, end_ms) - max(span.begin_ms, begin_ms)
        return lost_ms

    def ran_ms(self, begin_ms: float, end_ms: float) -> float:
        """How long this time was without the pauses in it."""
        return end_ms - begin_ms - self.lost_ms(begin_ms, end_ms)

    def total_s(self) -> float:
        """Of the machine's time."""
        return sum(span.end_ms - span.begin_ms for span in self.spans) / 1000 / self._speed
