"""Volume: a candle against the median of the closed candles before it.

The volume of a candle only grows. So a burst is certain as soon as the running candle has reached the bound, up to a
minute before its close; only its multiple and its direction are known at the close.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf

import msgspec

from altmonitor.core.alert import Alert, Direction
from altmonitor.detectors.verdict import Verdict
from altmonitor.market.candles import MINUTE_MS, ClosedCandle, Kline, Usual
from altmonitor.market.math import TOLERANCE, reaches
from altmonitor.market.plausibility import is_volume
from altmonitor.settings.settings import Settings

FEWEST_CANDLES = 5
DIRECTIONS: tuple[Direction, ...] = ("UP", "DOWN")
TOLD_CANDLES = 8


class VolumeFinding(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """ratio and median_usdt are None when there is nothing to compare with. direction: that of the candle, UP too where
    it is exactly flat.

    verdict: FIRE where there is a ratio, else why there is none; `verdict_of` says what settings make of it.
    """

    verdict: Verdict
    quote_usdt: float = 0.0
    direction: Direction = "UP"
    ratio: float | None = None
    median_usdt: float | None = None
    baseline_count: int = 0


def measure(baseline: Usual, kline: Kline | ClosedCandle) -> VolumeFinding:
    """A candle beside the closed ones before it; the same for every audience.

    baseline: of the consecutive closed minutes that end where the candle opens; of none after a hole.
    """
    quote_usdt, (count, middle) = kline.quote_usdt, baseline
    if not is_volume(quote_usdt) or not 0.0 < kline.open < inf:
        return VolumeFinding(verdict=Verdict.NO_VALUE)
    if count < FEWEST_CANDLES:
        return VolumeFinding(verdict=Verdict.FEW_CANDLES, baseline_count=count)
    if middle <= 0:  # an exchange outage leaves flat candles of volume 0: no multiple of nothing
        return VolumeFinding(verdict=Verdict.MEDIAN_ZERO, median_usdt=0.0, baseline_count=count)
    ratio = quote_usdt / middle
    if ratio == inf:
        return VolumeFinding(verdict=Verdict.NO_VALUE, baseline_count=count)
    return VolumeFinding(
        verdict=Verdict.FIRE,
        quote_usdt=quote_usdt,
        direction=direction_of(kline),
        ratio=ratio,
        median_usdt=middle,
        baseline_count=count,
    )


def direction_of(kline: Kline | ClosedCandle) -> Direction:
    """UP too where it is exactly flat."""
    return "UP" if kline.close >= kline.open else "DOWN"


def bound_usdt(median_usdt: float, settings: Settings) -> float:
    """Quote volume from which on a candle may be a burst, a hair too small: the exact comparison follows."""
    if not settings.vol_burst_mult:
        return inf
    return max(settings.vol_burst_mult * median_usdt * (1 - 2 * TOLERANCE), settings.vol_burst_min_usdt)


class _Running(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A burst that was told while its candle ran. before_ms: when its direction had been raised last, None: never."""

    alert: Alert
    before_ms: int | None


class VolumeBurst:
    """Holds which candles were told, and when each direction was raised last: at the nominal end of a candle, because
    closing frames come 0.2 to 2 s late and a running candle has none yet."""

    def __init__(self) -> None:
        self._raised_ms: dict[tuple[str, Direction], int] = {}
        self._candles: dict[str, tuple[int, ...]] = {}
        self._running: dict[str, _Running] = {}

    def judge(
        self, symbol: str, candle_ms: int, directions: Sequence[Direction], settings: Settings
    ) -> tuple[Verdict, int | None]:
        """Of a burst, with the moment when its reason ends. directions: all that its candle can still take. Changes
        nothing."""
        if candle_ms in self._candles.get(symbol, ()):
            return Verdict.RAISED_THIS_CANDLE, candle_ms + MINUTE_MS
        cooldown_ms = settings.cooldown_sec * 1000
        for direction in directions:
            raised_ms = self._raised_ms.get((symbol, direction))
            if raised_ms is not None and abs(candle_ms + MINUTE_MS - raised_ms) < cooldown_ms:
                return Verdict.COOLING_DOWN, raised_ms + cooldown_ms
        return Verdict.FIRE, None

    def cools_until(self, symbol: str, settings: Settings) -> tuple[int, int]:
        """Candles that end before then and close UP, and those that close DOWN, are none to tell of."""
        cooldown_ms, raised_ms = settings.cooldown_sec * 1000, self._raised_ms
        up_ms, down_ms = raised_ms.get((symbol, "UP")), raised_ms.get((symbol, "DOWN"))
        return 0 if up_ms is None else up_ms + cooldown_ms, 0 if down_ms is None else down_ms + cooldown_ms

    def remember(self, alert: Alert) -> None:
        """It was told."""
        symbol, at = alert.symbol, (alert.symbol, alert.direction)
        before_ms = self._raised_ms.get(at)
        self._raised_ms[at] = max(_end_ms(alert), before_ms or 0)
        if alert.candle_ms is not None:
            self._candles[symbol] = (*self._candles.get(symbol, ()), alert.candle_ms)[-TOLD_CANDLES:]
        if alert.is_running:
            self._running[symbol] = _Running(alert=alert, before_ms=before_ms)

    def is_news(self, alert: Alert, settings: Settings) -> bool:
        """Of an alert that another process found: nothing of its burst was told by this one."""
        candle_ms = alert.event_ms if alert.candle_ms is None else alert.candle_ms
        return self.judge(alert.symbol, candle_ms, (alert.direction,), settings)[0] is Verdict.FIRE

    def running(self, symbol: str, candle_ms: int) -> Alert | None:
        """What was told of this candle while it ran and is not complete; None: nothing."""
        found = self._running.get(symbol)
        return found.alert if found is not None and found.alert.candle_ms == candle_ms else None

    def is_running(self, symbol: str) -> bool:
        """Something was told of a candle while it ran, and is not complete."""
        return symbol in self._running

    def complete(self, final: Alert) -> None:
        """The candle of what was told while it ran is closed: only now its direction is known."""
        known = self._running.pop(final.symbol)
        if known.alert.direction != final.direction:
            before = final.symbol, known.alert.direction
            del self._raised_ms[before]
            if known.before_ms is not None:
                self._raised_ms[before] = known.before_ms
            at = final.symbol, final.direction
            self._raised_ms[at] = max(_end_ms(final), self._raised_ms.get(at, 0))

    def forget(self, symbol: str) -> None:
        self.forget_raised(symbol)

    def forget_raised(self, symbol: str) -> None:
        """Nothing of it was told."""
        self._candles.pop(symbol, None)
        self._running.pop(symbol, None)
        for direction in DIRECTIONS:
            self._raised_ms.pop((symbol, direction), None)


def _end_ms(alert: Alert) -> int:
    """Nominal end of its candle; rows of older databases may have none."""
    return alert.event_ms if alert.candle_ms is None else alert.candle_ms + MINUTE_MS


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
