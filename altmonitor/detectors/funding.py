"""Funding: the rate per 8 hours crosses a bound, upwards or downwards."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from altmonitor.core.alert import Direction
from altmonitor.core.types import Fraction
from altmonitor.detectors.sampled import Readings, Sample, SampledDetector, SampleFinding, Sampling
from altmonitor.market.math import reaches
from altmonitor.positioning.funding import rate_8h
from altmonitor.settings.settings import Settings

WINDOW = "8h"
"""Contracts are settled every 1, 2, 4 or 8 hours; only per 8 hours can their rates be compared."""

LONGEST_MS = 3_600_000


def measure(readings: Readings, symbols: Sequence[str]) -> Iterator[Sample]:
    """Percent per 8 hours; symbols whose rate is not known are left out."""
    context, now_ms = readings.context, readings.now_ms
    for symbol in symbols:
        funding = context.funding(symbol)
        rate = None if funding is None else rate_8h(Fraction(funding.rate), interval_h=context.funding_hours(symbol))
        if rate is not None:
            values = {WINDOW: (rate * 100.0, 0.0)}
            yield Sample(symbol=symbol, values=values, at_ms=now_ms, now_ms=now_ms, contracts=None)


class FundingExtreme(SampledDetector):
    """Raised is the crossing: what is beyond the bound when it is first seen, or when the bound is moved, is not."""

    def __init__(self, sampling: Sampling) -> None:
        super().__init__(sampling)
        self._last: dict[str, float] = {}

    def evaluate(self, sample: Sample, settings: Settings) -> SampleFinding | None:
        value, _ = sample.values[WINDOW]
        before = self._last.get(sample.symbol)
        self._last[sample.symbol] = value
        bound, direction = settings.funding_extreme_pct, _direction_of(value)
        if bound and reaches(abs(value), bound):
            is_crossing = before is not None and not (
                _direction_of(before) == direction and reaches(abs(before), bound)
            )
            if not is_crossing:
                self.hold(sample.symbol, direction)
        return super().evaluate(sample, settings)

    def forget(self, symbol: str) -> None:
        super().forget(symbol)
        self._last.pop(symbol, None)


def _direction_of(value: float) -> Direction:
    return "UP" if value > 0 else "DOWN"


FUNDING = Sampling(
    source="tables",
    windows=(WINDOW,),
    threshold_of=lambda window, settings: settings.funding_extreme_pct,
    measure=measure,
    longest_ms=LONGEST_MS,
    detector=FundingExtreme,
)
