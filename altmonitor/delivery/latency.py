"""How long the last alerts took."""

from __future__ import annotations

from collections import deque

SAMPLES = 1000


class Latency:
    """The last 1,000 durations, milliseconds."""

    def __init__(self) -> None:
        self._samples_ms: deque[float] = deque(maxlen=SAMPLES)

    def add(self, duration_ms: float) -> None:
        """Below 0 (the machine's clock was set back) counts as 0."""
        self._samples_ms.append(max(0.0, duration_ms))

    def percentile(self, share: float) -> float | None:
        """Nearest rank, share in 0…1; None before the first sample."""
        if not self._samples_ms:
            return None
        ordered = sorted(self._samples_ms)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
