"""What a replay is asked, and how far before its range it has to begin for that."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np

from altmonitor.detectors.adaptive import HOUR_MS, MEASURED_MINUTES
from altmonitor.engine.episodes import EpisodeOptions
from altmonitor.market.candles import MINUTE_MS
from altmonitor.replay.columns import Ints
from altmonitor.replay.price_path import PricePath
from altmonitor.replay.selection import OI_MEMORY_MS, Marks
from altmonitor.settings.audience import Audience
from altmonitor.settings.conditions import Condition
from altmonitor.settings.settings import Settings

DAY_MS: Final = 86_400_000
LONGEST_WINDOW_MS: Final = 15 * MINUTE_MS
WHOLE_MOVES: Final = 4
"""A whole move that doubles so often without a single minute that reaches a bound is not reckoned with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayOptions:
    """audiences: who would have been told, the main one first. price_path: which prices of a minute count.
    conditions: what was asked for by name (`/alert`); of their symbols nothing is left out, and one that is true where
    the warm-up begins is told again only after it was false. is_flipped: in minutes that reach bounds on both sides
    the other extreme comes first. is_whole: nothing is left out.
    """

    audiences: tuple[Audience, ...]
    price_path: PricePath = "touch"
    episodes: EpisodeOptions = field(default_factory=EpisodeOptions)
    conditions: tuple[Condition, ...] = ()
    is_flipped: bool = False
    is_whole: bool = False


def shortest_warm_up_ms(options: ReplayOptions) -> int:
    """No state lasts longer than this after what began it, and no comparison looks further back."""
    every = [one.settings for one in options.audiences]
    spans = [LONGEST_WINDOW_MS, OI_MEMORY_MS, int(options.episodes.episode_quiet_min * MINUTE_MS)]
    spans += [settings.longest_cooldown_s * 1000 for settings in every]
    spans += [settings.vol_burst_lookback * MINUTE_MS for settings in every]
    spans += [MEASURED_MINUTES * MINUTE_MS + HOUR_MS for settings in every if settings.is_adaptive]
    spans += [DAY_MS for settings in every if asks_for_days(settings)]
    return max(spans) + 2 * MINUTE_MS


def warm_begin(
    open_ms: Ints, options: ReplayOptions, *, from_ms: int, marks: Marks, loud_ms: Ints, calm_ms: Ints
) -> int:
    """Index of the first candle to play: a stretch in which nothing could have been told lies before it.

    What was told of prices may be told again for the whole of it in minutes that reach no bound, and every such
    alert lengthens the episode; after those a calm stretch has to be longer. Of the time before the first candle
    nothing is known, so what could have been told in it counts as well. marks, loud_ms, calm_ms: see
    `Marks` and `Samples`.
    """
    if not len(open_ms):
        return 0
    span_ms = shortest_warm_up_ms(options)
    long_ms = span_ms + whole_moves_ms(options)
    moments = np.union1d(open_ms[marks.any], loud_ms)
    prices_ms = open_ms[marks.price]
    end_ms = from_ms - span_ms
    for at in range(int(np.searchsorted(moments, end_ms, side="right")), -1, -1):
        begin_ms = int(moments[at - 1]) + 2 * MINUTE_MS if at else int(open_ms[0]) + span_ms
        is_long = end_ms - begin_ms >= long_ms or (
            at > 0 and end_ms - begin_ms >= span_ms and not _has_price(moments[:at], prices_ms, long_ms=long_ms)
        )
        is_calm = not len(calm_ms) or bool(
            np.searchsorted(calm_ms, end_ms) > np.searchsorted(calm_ms, max(begin_ms, end_ms - span_ms))
        )
        if is_long and is_calm:
            return int(np.searchsorted(open_ms, end_ms))
        end_ms = int(moments[at - 1]) if at else end_ms
    return 0


def whole_moves_ms(options: ReplayOptions) -> int:
    """So long after a price alert its whole move may be told again although no minute reaches a bound."""
    return int(WHOLE_MOVES * options.episodes.episode_quiet_min * MINUTE_MS)


def _has_price(moments: Ints, prices_ms: Ints, *, long_ms: int) -> bool:
    """Whether a price may have been told in the chain of moments that ends with the last one: none follows another
    after a stretch that is long enough by itself."""
    ends = np.flatnonzero(np.diff(moments) >= long_ms + 2 * MINUTE_MS)
    begin_ms = int(moments[ends[-1] + 1]) if len(ends) else int(moments[0])
    first, after = np.searchsorted(prices_ms, [begin_ms, int(moments[-1]) + 1])
    return bool(first < after)


def asks_for_days(settings: Settings) -> bool:
    return bool(settings.min_24h_usdt or any(own.min_24h_usdt for own in settings.of_symbol.values()))
