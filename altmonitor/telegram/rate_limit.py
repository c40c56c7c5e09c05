"""So many commands a minute from one person; then one hint, then silence until the minute is over. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

COMMANDS_MAX = 20
WINDOW_S = 60.0
REMEMBERED = 1000


class Admission(Enum):
    YES = "yes"
    HINT = "hint"  # no, and that is to be said
    SILENCE = "silence"


@dataclass(slots=True)
class _Window:
    began_s: float
    count: int = 0


class RateLimit:
    """Moments are monotonic seconds. Remembers the last `REMEMBERED` people."""

    def __init__(self) -> None:
        self._windows: dict[int, _Window] = {}

    def admit(self, sender: int, now_s: float) -> Admission:
        window = self._windows.pop(sender, None)
        if window is None or now_s - window.began_s >= WINDOW_S:
            window = _Window(began_s=now_s)
        self._windows[sender] = window  # to the end: the dict is in order of the last command
        if len(self._windows) > REMEMBERED:
            del self._windows[next(iter(self._windows))]
        window.count += 1
        if window.count <= COMMANDS_MAX:
            return Admission.YES
        return Admission.HINT if window.count == COMMANDS_MAX + 1 else Admission.SILENCE

    def free_in_s(self, sender: int, now_s: float) -> float:
        """Until the next command is carried out again; 0 when it would be now."""
        window = self._windows.get(sender)
        if window is None or window.count < COMMANDS_MAX:
            return 0.0
        return max(0.0, window.began_s + WINDOW_S - now_s)
