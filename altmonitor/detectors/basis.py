"""Basis: how far the mark price stands from the index of the spot markets crosses a bound, upwards or downwards."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from altmonitor.detectors.sampled import CrossingDetector, Readings, Sample, Sampling
from altmonitor.market.math import change_pct

WINDOW = "1m"
"""Tables of all symbols are read once a minute."""

LONGEST_MS = 3_600_000


def measure(readings: Readings, symbols: Sequence[str]) -> Iterator[Sample]:
    """Percent of the index; symbols of which one of the two prices is not known are left out."""
    now_ms = readings.now_ms
    for symbol in symbols:
        funding = readings.context.funding(symbol)
        if funding is not None and funding.index_price and funding.mark_price > 0:
            values = {WINDOW: (change_pct(funding.index_price, funding.mark_price), 0.0)}
            at_ms = now_ms if funding.time_ms is None else funding.time_ms
            yield Sample(symbol=symbol, values=values, at_ms=at_ms, now_ms=now_ms, contracts=None)


BASIS = Sampling(
    source="tables",
    windows=(WINDOW,),
    threshold_of=lambda window, settings: settings.basis_extreme_pct,
    measure=measure,
    longest_ms=LONGEST_MS,
    detector=CrossingDetector,
)
