"""How a host answered lately: requests of the last hour, those that failed, and how long answers took."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from statistics import median
from typing import Final

MINUTES: Final = 60
ANSWERS: Final = 100


@dataclass(slots=True)
class _HostMinute:
    number: int
    sent: int = 0
    failed: int = 0


class HostHistory:
    """Times are seconds of one clock that only goes forward."""

    def __init__(self) -> None:
        self._minutes: deque[_HostMinute] = deque(maxlen=MINUTES)
        self._took_s: deque[float] = deque(maxlen=ANSWERS)

    def add(self, *, now_s: float, took_s: float | None) -> None:
        """took_s: until the answer was read; None: it failed."""
        number = int(now_s // 60)
        if not self._minutes or self._minutes[-1].number != number:
            self._minutes.append(_HostMinute(number))
        self._minutes[-1].sent += 1
        if took_s is None:
            self._minutes[-1].failed += 1
        else:
            self._took_s.append(took_s)

    def of_hour(self, now_s: float) -> tuple[int, int]:
        """(requests, those of them that failed) of this minute and the 59 before it."""
        since = int(now_s // 60) - MINUTES
        counted = [one for one in self._minutes if one.number > since]
        return sum(one.sent for one in counted), sum(one.failed for one in counted)

    @property
    def usual_s(self) -> float | None:
        """Median of the last hundred answers; None before the first."""
        return median(self._took_s) if self._took_s else None
