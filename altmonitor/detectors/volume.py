"""Volume: a closed candle against the median of the closed candles before it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

from altmonitor.core.alert import Alert, Direction
from altmonitor.detectors.verdict import Verdict
from altmonitor.market.candles import ClosedCandle, Kline
from altmonitor.market.math import reaches
from altmonitor.settings.settings import Settings

FEWEST_CANDLES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeFinding:
    """ratio and median_usdt are None when there is nothing to compare with. direction: that of the candle.

    verdict: FIRE where there is a ratio, else why there is none; `verdict_of` says what settings make of it.
    """

    verdict: Verdict
    quote_usdt: float = 0.0
    direction: Direction = "UP"
    ratio: float | None = None
    median_usdt: float | None = None
    baseline_count: int = 0


def median(volumes: Sequence[float]) -> float:
    """Of at least one volume."""
    ordered = sorted(volumes)
    middle = len(ordered) // 2
    if len(ordered) % 2:
        return ordered[middle]
    return (ordered[middle - 1] + ordered[middle]) / 2


def measure(baseline: Sequence[float], kline: Kline | ClosedCandle) -> VolumeFinding:
    """A closed candle beside those before it; the same for every audience.

    baseline: quote volumes of the consecutive closed minutes that end where the candle opens; empty after a hole.
    """
    if not 0.0 <= kline.quote_usdt < inf or not 0.0 < kline.open < inf:
        return VolumeFinding(verdict=Verdict.NO_VALUE)
    if len(baseline) < FEWEST_CANDLES:
        return VolumeFinding(verdict=Verdict.FEW_CANDLES, baseline_count=len(baseline))
    middle = median(baseline)
    if middle <= 0:  # an exchange outage leaves flat candles of volume 0: no multiple of nothing
        return VolumeFinding(verdict=Verdict.MEDIAN_ZERO, median_usdt=0.0, baseline_count=len(baseline))
    if kline.quote_usdt / middle == inf:
        return VolumeFinding(verdict=Verdict.NO_VALUE, baseline_count=len(baseline))
    return VolumeFinding(
        verdict=Verdict.FIRE,
        quote_usdt=kline.quote_usdt,
        direction="UP" if kline.close >= kline.open else "DOWN",
        ratio=kline.quote_usdt / middle,
        median_usdt=middle,
        baseline_count=len(baseline),
    )


class VolumeBurst:
    """Holds when a burst was last raised, per symbol and direction."""

    def __init__(self) -> None:
        self._raised_ms: dict[tuple[str, Direction], int] = {}

    def judge(self, symbol: str, direction: Direction, event_ms: int, settings: Settings) -> tuple[Verdict, int | None]:
        """Of a burst, with the moment when its reason ends. Changes nothing."""
        raised_ms = self._raised_ms.get((symbol, direction))
        cooldown_ms = settings.cooldown_sec * 1000
        if raised_ms is not None and abs(event_ms - raised_ms) < cooldown_ms:
            return Verdict.COOLING_DOWN, raised_ms + cooldown_ms
        return Verdict.FIRE, None

    def remember(self, alert: Alert) -> None:
        at = alert.symbol, alert.direction
        self._raised_ms[at] = max(alert.event_ms, self._raised_ms.get(at, 0))

    def forget(self, symbol: str) -> None:
        for direction in ("UP", "DOWN"):
            self._raised_ms.pop((symbol, direction), None)


def verdict_of(measured: VolumeFinding, settings: Settings) -> Verdict:
    """What these settings make of it."""
    if settings.vol_burst_mult == 0:
        return Verdict.SWITCHED_OFF
    if measured.ratio is None:
        return measured.verdict
    if not reaches(measured.ratio, settings.vol_burst_mult):
        return Verdict.BELOW_THRESHOLD
    if measured.quote_usdt < settings.vol_burst_min_usdt:
        return Verdict.THIN_CANDLE
    return Verdict.FIRE
