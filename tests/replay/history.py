"""Candles made up for tests of history."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from altmonitor.market.candles import MINUTE_MS, Candle, ClosedCandle
from altmonitor.replay.columns import (
    CandleColumns,
    OpenInterestColumns,
    Source,
    candle_columns,
    open_interest_columns,
)
from altmonitor.replay.live_tape import closed_columns

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


def minutes_of(
    open_ms: Sequence[int],
    *,
    highs: Sequence[float] | None = None,
    lows: Sequence[float] | None = None,
    quotes: Sequence[float] | None = None,
) -> CandleColumns:
    """Candles that open and close at 100. highs, lows: percent from there."""
    blank = [0.0] * len(open_ms)
    rows = zip(open_ms, highs or blank, lows or blank, quotes or [100_000.0] * len(open_ms), strict=True)
    return closed_columns(
        [ClosedCandle(ms, 100.0, 100.0 + high, 100.0 + low, 100.0, quote) for ms, high, low, quote in rows]
    )


def wild_columns(count: int, *, seed: int = 1, begin_ms: int = FEB_2025, holes: float = 0.0) -> CandleColumns:
    return candle_columns(wild_candles(count, seed=seed, begin_ms=begin_ms, holes=holes), Source.ARCHIVE)


def wild_interest(candles: CandleColumns, *, seed: int, every_s: int = 60) -> OpenInterestColumns:
    dice = np.random.default_rng(seed)
    stamps = np.arange(int(candles.open_ms[0]), int(candles.open_ms[-1]) + MINUTE_MS, every_s * 1000) + 7_000
    steps = np.where(dice.random(len(stamps)) < 0.03, dice.uniform(-0.15, 0.15, len(stamps)), 0.001)
    return open_interest_columns(stamps, np.round(1e6 * np.exp(np.cumsum(steps)), 3), Source.RECORDED)
