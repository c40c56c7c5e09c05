"""Open interest: the change over 5 minutes, else over 1 minute."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import isnan

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
    columns = []
    for window_ms in WINDOWS_MS.values():
        changes, spans = ring.changes_pct(symbols, window_ms=window_ms, now_ms=now_ms, stale_ms=stale_ms)
        columns.append(zip(changes.tolist(), spans.tolist(), strict=True))
    times_ms, contracts = (column.tolist() for column in ring.newest_of(symbols))
    for symbol, at_ms, held, *measured in zip(symbols, times_ms, contracts, *columns, strict=True):
        if at_ms != NEVER:
            values = {window: pair for window, pair in zip(WINDOWS_MS, measured, strict=True) if not isnan(pair[0])}
            yield Sample(symbol=symbol, values=values, at_ms=at_ms, now_ms=now_ms, contracts=held)


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
