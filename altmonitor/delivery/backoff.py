"""Growing pauses between attempts."""

from __future__ import annotations

import random

FIRST_S = 1.0
LONGEST_S = 60.0


class Backoff:
    """1 s, 2 s, 4 s … 60 s, each shortened by up to half at random, so that several chats do not ask in step."""

    def __init__(self) -> None:
        self._ceiling_s = FIRST_S

    def next_s(self) -> float:
        pause_s = self._ceiling_s * random.uniform(0.5, 1.0)
        self._ceiling_s = min(LONGEST_S, self._ceiling_s * 2)
        return pause_s

    def reset(self) -> None:
        self._ceiling_s = FIRST_S
