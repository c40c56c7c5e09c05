"""How many alerts a day the thresholds in force would have raised over history that was loaded anyway."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from altmonitor.core.clock import Clock
from altmonitor.engine.context import anybody
from altmonitor.interfaces.exchange import MarketContext
from altmonitor.market.candles import MINUTE_MS, Candle
from altmonitor.replay.live_tape import LiveTape, closed_columns
from altmonitor.settings.settings import Settings

FEWEST_MINUTES: Final = 15
FEWEST_SHARE: Final = 0.5
"""Of the symbols: fewer than these say too little about the others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """alerts_per_day: of price and volume, over all symbols."""

    alerts_per_day: float
    history_s: float


class Estimator:
    """Counts on a tape of its own, because the message of a start does not wait for anything else."""

    def __init__(self, *, clock: Clock, context: MarketContext) -> None:
        self._clock = clock
        self._context = context
        self._tape = LiveTape()
        self._symbols = 0
        self._longest_minutes = 0

    def take(self, symbol: str, candles: Sequence[Candle], settings: Settings) -> None:
        """candles: closed, oldest → newest, each once; a symbol is taken once."""
        self._symbols += 1
        self._longest_minutes = max(self._longest_minutes, len(candles))
        self._tape.take_candles(symbol, closed_columns(candles), lookback=settings.vol_burst_lookback)

    def estimate(self, settings: Settings, *, symbols: int) -> Estimate | None:
        """For that many symbols; None when too little was loaded to say."""
        if self._longest_minutes < FEWEST_MINUTES or self._symbols < symbols * FEWEST_SHARE:
            return None

        def hears(symbol: str) -> bool:
            day = self._context.day(symbol)
            return day is None or day.quote_usdt >= settings.for_symbol(symbol).min_24h_usdt

        tape, (audience,), now_s = self._tape.tape(), anybody(settings), self._clock.now_ms() / 1000
        per_day = sum(
            len(tape.told(audience, kinds=[kind], hears=hears, now_s=now_s)) / minutes * symbols * 1_440
            for kind in ("price", "vol")
            if (minutes := self._tape.symbol_minutes(kind))
        )
        return Estimate(alerts_per_day=per_day, history_s=self._longest_minutes * MINUTE_MS / 1000)
