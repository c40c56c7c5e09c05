"""How many alerts a day the thresholds in force would have raised over history that was loaded anyway."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from msgspec import structs

from altmonitor.core.alert import Alert
from altmonitor.core.clock import Clock
from altmonitor.core.types import Destination
from altmonitor.detectors.verdict import Verdict
from altmonitor.engine.context import EngineDeps, anybody
from altmonitor.engine.engine import Engine
from altmonitor.interfaces.exchange import MarketContext
from altmonitor.market.candles import MINUTE_MS, Candle, CandleUpdate
from altmonitor.market.open_interest import OpenInterestRing
from altmonitor.settings.settings import Settings

FEWEST_MINUTES = 15
FEWEST_SHARE = 0.5
"""Of the symbols: fewer than these say too little about the others."""

MINUTES_PER_DAY = 1_440
EXTREMES_AFTER_MS = (20_000, 40_000)
_NOT_JUDGED = (Verdict.FEW_CANDLES, Verdict.NO_VALUE, Verdict.RAISED_THIS_CANDLE)
"""Of bursts: no minute that could be compared, or the close of one that was counted while it ran."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """alerts_per_day: of price and volume, over all symbols."""

    alerts_per_day: float
    history_s: float


class Estimator:
    """Runs each symbol's loaded candles through an engine of its own and keeps only the counts.

    Price is judged by a candle's extremes, a burst by its definition; moves against the price 60 s earlier and open
    interest leave no trace in candles and are not counted.
    """

    def __init__(self, *, clock: Clock, context: MarketContext) -> None:
        self._clock = clock
        self._context = context
        self._symbols = 0
        self._longest_minutes = 0
        self._candles = self._moves = 0
        self._judged = self._bursts = 0

    def take(self, symbol: str, candles: Sequence[Candle], settings: Settings) -> None:
        """candles: closed, oldest → newest, each once; a symbol is taken once."""
        engine = self._engine(settings)
        engine.set_symbols([symbol])
        for candle in candles:
            for after_ms, extreme in zip(EXTREMES_AFTER_MS, (candle.high, candle.low), strict=True):
                touched = structs.replace(candle, close=extreme, is_closed=False)
                engine.on_kline(CandleUpdate(event_ms=candle.open_ms + after_ms, symbol=symbol, kline=touched))
            engine.on_kline(CandleUpdate(event_ms=candle.open_ms + MINUTE_MS, symbol=symbol, kline=candle))
        verdicts = engine.verdicts
        self._symbols += 1
        self._longest_minutes = max(self._longest_minutes, len(candles))
        self._candles += len(candles)
        self._moves += verdicts["price", Verdict.FIRE] + verdicts["price", Verdict.ESCALATE]
        self._judged += sum(n for (kind, why), n in verdicts.items() if kind == "vol" and why not in _NOT_JUDGED)
        self._bursts += verdicts["vol", Verdict.FIRE]

    def estimate(self, *, symbols: int) -> Estimate | None:
        """For that many symbols; None when too little was loaded to say."""
        if self._longest_minutes < FEWEST_MINUTES or self._symbols < symbols * FEWEST_SHARE:
            return None
        per_candle = self._moves / self._candles + (self._bursts / self._judged if self._judged else 0.0)
        return Estimate(
            alerts_per_day=per_candle * symbols * MINUTES_PER_DAY,
            history_s=self._longest_minutes * MINUTE_MS / 1000,
        )

    def _engine(self, settings: Settings) -> Engine:
        links = EngineDeps(
            clock=self._clock, sink=_Nowhere(), context=self._context, oi_ring=OpenInterestRing(period_s=60)
        )
        return Engine(links, audiences=anybody(replace(settings, rolling=False)))


class _Nowhere:
    """An `AlertSink`: the engine's verdicts are counted, its alerts are told to nobody."""

    def put(self, alert: Alert, *, to: Sequence[Destination]) -> None:
        pass
