"""Growing pauses between attempts at something that failed."""

from __future__ import annotations

import random


def backoff_s(attempt: int, *, first_s: float, longest_s: float) -> float:
    """Seconds after the n-th failure in a row, n ≥ 1: first_s, then doubled each time up to longest_s; shortened by up
    to half at random, so that several who failed together do not ask in step."""
    return min(longest_s, first_s * 2.0 ** min(attempt - 1, 30)) * random.uniform(0.5, 1.0)


class Backoff:
    """The same, counted. 1 s, 2 s, 4 s … 60 s unless said otherwise."""

    def __init__(self, *, first_s: float = 1.0, longest_s: float = 60.0) -> None:
        self._first_s = first_s
        self._longest_s = longest_s
        self.failures = 0

    def next_s(self) -> float:
        """It failed once more."""
        self.failures += 1
        return backoff_s(self.failures, first_s=self._first_s, longest_s=self._longest_s)

    def reset(self) -> None:
        """It worked."""
        self.failures = 0
