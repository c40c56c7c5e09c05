"""`/test`: sample alerts with the market's present numbers, on the very way real ones take."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from statistics import median

from altmonitor.core.alert import DETECTED_KINDS, SAMPLE_KEY, Alert, Details, Kind
from altmonitor.core.clock import Clock
from altmonitor.core.types import Destination
from altmonitor.detectors.kinds import KINDS
from altmonitor.detectors.sampled import Readings, Sampling
from altmonitor.interfaces.alerts import AlertSink
from altmonitor.interfaces.exchange import MarketContext
from altmonitor.market.book import SymbolBook
from altmonitor.market.candles import ClosedCandle
from altmonitor.market.math import change_pct
from altmonitor.market.open_interest import OpenInterestRing
from altmonitor.settings.audience import Audience

USUAL_MINUTES = 20
PREFERRED = ("BTCUSDT", "ETHUSDT", "SOLUSDT")


class SampleAlerts:
    """Puts sample alerts on the real way. audience_at: who is told at a place."""

    def __init__(
        self,
        *,
        clock: Clock,
        book: Callable[[str], SymbolBook | None],
        oi_ring: OpenInterestRing,
        context: MarketContext,
        listed: Callable[[], Iterable[str]],
        sink: AlertSink,
        audience_at: Callable[[Destination], Audience],
    ) -> None:
        self._clock = clock
        self._book = book
        self._oi_ring = oi_ring
        self._context = context
        self._listed = listed
        self._sink = sink
        self._audience_at = audience_at

    async def send(self, destination: Destination) -> Sequence[Kind]:
        """One of every kind routed there. They are stored and delivered like any alert, and counted nowhere."""
        audience = self._audience_at(destination)
        kinds = [kind for kind in DETECTED_KINDS if kind in audience.kinds]
        symbol, book = self._liveliest()
        for kind in kinds:
            self._sink.put(self._sample(kind, symbol, book), to=(audience.destination,))
        return kinds

    def _liveliest(self) -> tuple[str, SymbolBook | None]:
        """A contract everybody knows and that trades; the first listed one else."""
        listed = list(self._listed())
        for symbol in (*PREFERRED, *listed):
            book = self._book(symbol)
            if book is not None and book.price > 0:
                return symbol, book
        return (listed or list(PREFERRED))[0], None

    def _sampled(self, sampling: Sampling, symbol: str, now_ms: int) -> float | None:
        readings = Readings(oi_ring=self._oi_ring, context=self._context, now_ms=now_ms)
        sample = next(sampling.measure(readings, [symbol]), None)
        return None if sample is None else sample.values.get(sampling.windows[0], (None, 0.0))[0]

    def _sample(self, kind: Kind, symbol: str, book: SymbolBook | None) -> Alert:
        now_ms, spec = self._clock.now_ms(), KINDS[kind]
        kline = None if book is None else book.kline
        newest = self._oi_ring.newest(symbol)
        median_usdt, count = (None, None) if book is None else _usual_usdt(book.closed)
        metric = None
        if spec.sampling is not None:
            metric = self._sampled(spec.sampling, symbol, now_ms)
        elif spec.of_candle is not None and kline is not None:
            metric = spec.of_candle(kline, median_usdt)
        upwards, downwards = spec.directions
        return Alert(
            key=f"{SAMPLE_KEY}{kind}:{symbol}:{now_ms}",
            ts=now_ms / 1000,
            event_ms=now_ms,
            symbol=symbol,
            kind=kind,
            direction=downwards if (metric or 0) < 0 else upwards,
            candle_ms=None if spec.sampling is not None or kline is None else kline.open_ms,
            price=None if book is None or book.price <= 0 else book.price,
            change_pct=None if kline is None or kline.open <= 0 else change_pct(kline.open, kline.close),
            metric=metric,
            oi_change=metric if spec.column == "oi_change" else None,
            note=spec.windows[0] if spec.sampling is None else spec.sampling.windows[0],
            details=Details(
                is_sample=True,
                quote_usdt=None if kline is None else kline.quote_usdt,
                median_usdt=median_usdt,
                baseline_count=count,
                oi_contracts=None if newest is None else newest[1],
                oi_usd=None if newest is None or book is None or book.price <= 0 else newest[1] * book.price,
            ),
        )


def _usual_usdt(closed: Sequence[ClosedCandle]) -> tuple[float | None, int | None]:
    """Median quote volume of the last closed minutes, and how many they are."""
    volumes = [candle.quote_usdt for candle in closed[-USUAL_MINUTES:]]
    return (median(volumes), len(volumes)) if volumes else (None, None)
