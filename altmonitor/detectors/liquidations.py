"""Liquidations: the USD of positions of one side that were closed by force within a minute reach a bound."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from altmonitor.core.alert import Alert, Direction
from altmonitor.detectors.sampled import Readings, Sample, SampledDetector, SampleFinding, Sampling
from altmonitor.detectors.verdict import Verdict
from altmonitor.market.math import reaches
from altmonitor.settings.settings import Settings

WINDOW = "1m"
LONGEST_MS = 60_000
DOUBLED = 2.0


def measure(readings: Readings, symbols: Sequence[str]) -> Iterator[Sample]:
    """USD of the larger side, below 0 for longs; symbols without any are left out."""
    for symbol in symbols:
        found = None if readings.liquidations is None else readings.liquidations.larger_side(symbol)
        if found is not None:
            usd, at_ms = found
            yield Sample(symbol=symbol, values={WINDOW: (usd, 60.0)}, at_ms=at_ms, now_ms=at_ms, contracts=None)


class LiquidationCascade(SampledDetector):
    """One that goes on is told again whenever it has doubled since it was told, within the cooldown too."""

    def __init__(self, sampling: Sampling) -> None:
        super().__init__(sampling)
        self._told_usd: dict[tuple[str, Direction], float] = {}

    def evaluate(self, sample: Sample, settings: Settings) -> SampleFinding | None:
        finding = super().evaluate(sample, settings)
        if finding is None or finding.verdict.is_raised:
            return finding
        told = self._told_usd.get((sample.symbol, finding.direction))
        if told is not None and reaches(abs(finding.value), DOUBLED * told):
            return replace(finding, verdict=Verdict.ESCALATE, until_ms=None)
        return finding

    def remember(self, alert: Alert) -> None:
        super().remember(alert)
        self._told_usd[alert.symbol, alert.direction] = abs(alert.metric or 0.0)

    def forget(self, symbol: str) -> None:
        super().forget(symbol)
        for at in [at for at in self._told_usd if at[0] == symbol]:
            del self._told_usd[at]


LIQUIDATIONS = Sampling(
    source="liquidations",
    windows=(WINDOW,),
    threshold_of=lambda window, settings: settings.liquidations_usd,
    measure=measure,
    longest_ms=LONGEST_MS,
    detector=LiquidationCascade,
)
