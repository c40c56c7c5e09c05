"""Funding: the rate per 8 hours crosses a bound, upwards or downwards."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from altmonitor.core.types import Fraction
from altmonitor.detectors.sampled import CrossingDetector, Readings, Sample, Sampling
from altmonitor.positioning.funding import rate_8h

WINDOW = "8h"
"""Contracts are settled every 1, 2, 4 or 8 hours; only per 8 hours can their rates be compared."""

LONGEST_MS = 3_600_000


def measure(readings: Readings, symbols: Sequence[str]) -> Iterator[Sample]:
    """Percent per 8 hours; symbols whose rate is not known are left out."""
    context, now_ms = readings.context, readings.now_ms
    for symbol in symbols:
        funding = context.funding(symbol)
        if funding is None:
            continue
        rate = rate_8h(Fraction(funding.rate), interval_h=context.funding_hours(symbol))
        if rate is not None:
            values = {WINDOW: (rate * 100.0, 0.0)}
            at_ms = now_ms if funding.time_ms is None else funding.time_ms
            yield Sample(symbol=symbol, values=values, at_ms=at_ms, now_ms=now_ms, contracts=None)


FUNDING = Sampling(
    source="tables",
    windows=(WINDOW,),
    threshold_of=lambda window, settings: settings.funding_extreme_pct,
    measure=measure,
    longest_ms=LONGEST_MS,
    detector=CrossingDetector,
)
