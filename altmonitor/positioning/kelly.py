"""The share of an account that maximises its long-run growth, for known odds: a calculation, not a recommendation."""

from __future__ import annotations

import math
from typing import Final

from altmonitor.positioning.units import Fraction

FEWEST_SAMPLES: Final = 30
"""Below this a win rate is mostly chance: its standard error is 9 points and more."""


def kelly_share(*, win_rate: Fraction, reward_risk: float, samples: int) -> Fraction | None:
    """p − (1 − p) / b, at least 0. None with too few samples. Raises: ValueError for impossible odds.

    win_rate: 0…1. reward_risk: average win / average loss, > 0. 0.68 and 2.1 → 0.5276 (2p − 1 would be 0.36, which is
    right only when wins are as large as losses). Source: https://en.wikipedia.org/wiki/Kelly_criterion
    """
    if not 0.0 <= win_rate <= 1.0 or not 0.0 < reward_risk < math.inf:
        raise ValueError(f"a win rate of {win_rate} at {reward_risk} to one is impossible")
    if samples < FEWEST_SAMPLES:
        return None
    return Fraction(max(0.0, win_rate - (1.0 - win_rate) / reward_risk))
