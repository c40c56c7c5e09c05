"""Volume: a closed candle against the median of the closed candles before it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

from altmonitor.alert import Direction
from altmonitor.control.settings import Settings
from altmonitor.detectors.verdict import Verdict
from altmonitor.market.book import ClosedCandle
from altmonitor.market.kline import Kline
from altmonitor.market.percent import reaches

FEWEST_CANDLES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeFinding:
    """ratio and median_usdt are None when there is nothing to compare with. direction: that of the candle."""

    verdict: Verdict
    direction: Direction = "UP"
    ratio: float | None = None
    median_usdt: float | None = None
    baseline_count: int = 0


def median(candles: Sequence[ClosedCandle]) -> float:
    """Median quote volume, USDT. `candles` is not empty."""
    volumes = sorted(candle.quote_usdt for candle in candles)
    middle = len(volumes) // 2
    if len(volumes) % 2:
        return volumes[middle]
    return (volumes[middle - 1] + volumes[middle]) / 2


def look(before: Sequence[ClosedCandle], kline: Kline, settings: Settings) -> VolumeFinding:
    """Judge a closed candle against those before it.

    before: consecutive closed minutes that end where the candle opens, oldest → newest; empty after a hole.
    """
    if settings.vol_burst_mult == 0:
        return VolumeFinding(verdict=Verdict.SWITCHED_OFF)
    if not 0.0 <= kline.quote_usdt < inf or not 0.0 < kline.open < inf:
        return VolumeFinding(verdict=Verdict.NO_VALUE)
    baseline = before[-settings.vol_burst_lookback :]
    if len(baseline) < FEWEST_CANDLES:
        return VolumeFinding(verdict=Verdict.FEW_CANDLES, baseline_count=len(baseline))
    middle = median(baseline)
    direction: Direction = "UP" if kline.close >= kline.open else "DOWN"
    if middle <= 0:  # an exchange outage leaves flat candles of volume 0: no multiple of nothing
        return VolumeFinding(verdict=Verdict.MEDIAN_ZERO, median_usdt=0.0, baseline_count=len(baseline))
    ratio = kline.quote_usdt / middle
    if not reaches(ratio, settings.vol_burst_mult):
        verdict = Verdict.BELOW_THRESHOLD
    elif kline.quote_usdt < settings.vol_burst_min_usdt:
        verdict = Verdict.THIN_CANDLE
    else:
        verdict = Verdict.FIRE
    return VolumeFinding(
        verdict=verdict, direction=direction, ratio=ratio, median_usdt=middle, baseline_count=len(baseline)
    )
