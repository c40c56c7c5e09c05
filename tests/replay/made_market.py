"""Whole markets of random walks for the calibration of outcome statistics: columns alone, thousands of minutes a ms."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from altmonitor.replay.columns import Floats, Ints
from altmonitor.replay.outcomes import PriceGrid, Small, swing_of

BEGIN_MS = 1_738_368_000_000  # 2025-02-01, a midnight
MINUTES_A_DAY = 1_440


@dataclass(frozen=True, kw_only=True)
class MadeSymbol:
    """event_ms: moments of alerts, those of minutes that moved far; sign: their directions."""

    grid: PriceGrid
    event_ms: Ints
    sign: Small


def made_market(
    seed: int, *, symbols: int = 4, days: int = 28, effect_pct: float = 0.0, for_min: int = 15
) -> list[MadeSymbol]:
    """Volatility comes in spells that all symbols share, most of every move is the market's, there are storms, and some
    minutes of single symbols jump. An alert is a minute that moved by 0.6 % or more. effect_pct: the drift that follows
    each alert in its direction, spread over so many minutes; 0: what comes after an alert knows nothing of it.
    """
    dice = np.random.default_rng(seed)
    count = days * MINUTES_A_DAY
    spell = np.clip(np.exp(np.cumsum(dice.normal(0, 0.04, count // 30 + 1))), 0.5, 3)
    size = 0.0005 * np.repeat(spell, 30)[:count]
    market = dice.standard_normal(count, dtype=np.float32) * size
    for begin in dice.integers(0, count - 120, 2):  # storms
        market[begin : begin + 120] *= 8
    made = []
    for _ in range(symbols):
        own = dice.standard_normal(count, dtype=np.float32) * size
        own[dice.integers(0, count, days * 6)] *= 15
        steps = 0.8 * market + 0.6 * own
        at = np.flatnonzero(np.abs(steps) > 0.006)
        sign = np.sign(steps[at]).astype(np.int8)
        if effect_pct:
            for step in range(1, for_min + 1):
                later = at + step
                np.add.at(steps, later[later < count], sign[later < count] * effect_pct / 100 / for_min)
        made.append(MadeSymbol(grid=_grid(steps), event_ms=BEGIN_MS + at * 60_000 + 30_000, sign=sign))
    return made


def _grid(steps: Floats) -> PriceGrid:
    close = 100.0 * np.exp(np.cumsum(steps))
    opened = np.concatenate([[100.0], close[:-1]])
    return PriceGrid(
        begin_ms=BEGIN_MS,
        open=opened,
        high=np.maximum(opened, close),
        low=np.minimum(opened, close),
        swing=swing_of(opened),
    )
