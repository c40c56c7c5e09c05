"""Candles made up for tests of history."""

from __future__ import annotations

import math
import random
from pathlib import Path

import pytest

from altmonitor.market.candles import MINUTE_MS, Candle
from altmonitor.replay.columns import CandleColumns, Source, candle_columns

FEB_2025 = 1_738_368_000_000
REAL = Path(__file__).parents[3] / "shared" / "data" / "klines"


def real_file(name: str) -> Path:
    """A month of the exchange's public archive, kept beside the checkout."""
    if not (REAL / name).exists():
        pytest.skip(f"no archive file {name} beside this checkout")
    return REAL / name


def wild_candles(count: int, *, seed: int = 1, begin_ms: int = FEB_2025, holes: float = 0.0) -> list[Candle]:
    """Minutes with heavy tails, flat ones of volume 0 among them; holes: share of minutes that are left out."""
    dice, price, made = random.Random(seed), 100.0, []
    for number in range(count):
        size = 0.4 if dice.random() > 0.05 else 4.0
        opened, close = price, max(0.5, round(price * (1 + dice.gauss(0, size) / 100), 3))
        high = round(max(opened, close) * (1 + abs(dice.gauss(0, size)) / 150), 3)
        low = max(0.4, round(min(opened, close) * (1 - abs(dice.gauss(0, size)) / 150), 3))
        quote = round(20_000 * math.exp(dice.gauss(0, 0.8)) * (8 if dice.random() < 0.03 else 1), 4)
        if dice.random() < 0.02:
            high = low = close = opened
            quote = 0.0
        if dice.random() >= holes:
            made.append(
                Candle(
                    open_ms=begin_ms + number * MINUTE_MS,
                    open=opened,
                    high=max(high, opened, close),
                    low=min(low, opened, close),
                    close=close,
                    quote_usdt=quote,
                    taker_quote_usdt=round(quote / 2, 4),
                    trades=int(quote / 100),
                )
            )
        price = close
    return made


def wild_columns(count: int, *, seed: int = 1, begin_ms: int = FEB_2025, holes: float = 0.0) -> CandleColumns:
    return candle_columns(wild_candles(count, seed=seed, begin_ms=begin_ms, holes=holes), Source.ARCHIVE)
