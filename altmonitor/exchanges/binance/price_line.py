"""Closing prices of a symbol over a span, for charts: candles of any length."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from altmonitor.exchanges.binance.bodies import KlineWire
from altmonitor.exchanges.binance.rest import BinanceRest
from altmonitor.exchanges.rest.readers import Rows
from altmonitor.interfaces.exchange import Priority

MOST_CANDLES: Final = 1_000
WEIGHT: Final = 5
_KLINES = Rows(KlineWire)


async def closes(
    rest: BinanceRest, symbol: str, *, interval: str, from_ms: int, to_ms: int
) -> Sequence[tuple[int, float]]:
    """(open ms, close), oldest → newest, at most `MOST_CANDLES`. Raises: ExchangeError."""
    body = await rest.get(
        "/fapi/v1/klines",
        Priority.UNIVERSE,
        weight=WEIGHT,
        symbol=symbol,
        interval=interval,
        startTime=from_ms,
        endTime=to_ms,
        limit=MOST_CANDLES,
    )
    return sorted((candle.open_ms, candle.close) for candle, _ in rest.rows("klines", _KLINES, body))
