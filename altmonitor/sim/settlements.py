"""Funding that was paid in the past: the same rates in the archive and over REST."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import numpy as np

from altmonitor.sim.contracts import SimContract, key_of

HOUR_MS: Final = 3_600_000
USUAL: Final = 0.0001
DAYS_OF_A_MOOD: Final = 8
WILDEST: Final = 0.0075


def settled(contract: SimContract, from_ms: int, to_ms: int, *, hours: int, seed: int = 1) -> list[tuple[int, float]]:
    """(unix ms, fraction) of each settlement in [from_ms, to_ms). Now and then it leaves the usual rate for days."""
    span_ms = hours * HOUR_MS
    stretch = DAYS_OF_A_MOOD * 24 // hours
    found = []
    for number in range(-(-from_ms // span_ms), -(-to_ms // span_ms)):
        rates = _stretch(contract.symbol, number // stretch, stretch, hours, seed)
        found.append((number * span_ms, rates[number % stretch]))
    return found


@lru_cache(maxsize=256)
def _stretch(symbol: str, number: int, count: int, hours: int, seed: int) -> tuple[float, ...]:
    draw = np.random.default_rng(key_of(seed, symbol, "funding", number) % 2**63)
    away = np.cumsum(draw.standard_t(3, count)) * np.hanning(count + 2)[1:-1] * 0.0002
    rates = (USUAL + away) * hours / 8
    return tuple(np.clip(rates, -WILDEST, WILDEST).round(8).tolist())
