"""Open interest: the change over 5 minutes, else over 1 minute."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from altmonitor.detectors.sampled import Readings, Sample, SampledDetector, Sampling
from altmonitor.market.open_interest import NEVER, WINDOW_TOLERANCE
from altmonitor.settings.settings import Settings

WINDOWS_MS = {"5m": 300_000, "1m": 60_000}
"""In the order in which they are asked: the longer window goes first."""

STALE_SWEEPS = 1.5


def measure(readings: Readings, symbols: Sequence[str]) -> Iterator[Sample]:
    """All at once, in their order; those without any sample are left out."""
    ring, now_ms = readings.oi_ring, readings.now_ms
    stale_ms = int(ring.period_ms * STALE_SWEEPS)
    values: list[dict[str, tuple[float, float]]] = [{} for _ in symbols]
    for window, window_ms in WINDOWS_MS.items():
        changes, spans = ring.changes_pct(symbols, window_ms=window_ms, now_ms=now_ms, stale_ms=stale_ms)
        for found, change, span_s in zip(values, changes.tolist(), spans.tolist(), strict=True):
            if change == change:
                found[window] = change, span_s
    times_ms, contracts = (column.tolist() for column in ring.newest_of(symbols))
    for symbol, at_ms, held, found in zip(symbols, times_ms, contracts, values, strict=True):
        if at_ms != NEVER:
            yield Sample(symbol=symbol, values=found, at_ms=at_ms, now_ms=now_ms, contracts=held)


def threshold_of(window: str, settings: Settings) -> float:
    return {"5m": settings.oi_surge_5m, "1m": settings.oi_surge_1m}[window]


OPEN_INTEREST = Sampling(
    source="sweep",
    windows=tuple(WINDOWS_MS),
    threshold_of=threshold_of,
    measure=measure,
    longest_ms=int(WINDOWS_MS["5m"] * (1 + WINDOW_TOLERANCE)),
    detector=SampledDetector,
)
