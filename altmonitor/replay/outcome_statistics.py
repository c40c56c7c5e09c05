"""What outcomes say together, and whether that is more than chance.

A storm raises five hundred alerts and happens once. So alerts are gathered into *moments* (alerts of all symbols within
an hour of the moment's first one, or within the horizon where that is longer, so that returns of two moments do not
overlap), a moment counts with the mean of the alerts of its first minute, and intervals and tests take whole days, or
two where the horizon is a day, as what may be drawn anew: what happens on one day hangs together. Not with the mean of
all its alerts: how many follow, and in which direction, depends on how the first ones went on. A move that goes on
raises more alerts and waters its own success down, and such a mean is below zero where nothing is to be found.

Intervals come from a block bootstrap. The test draws signs of whole blocks: without an effect a block is as likely to
have gone the one way as the other. Kinds and horizons make many tests, and the best of twenty looks good by chance:
their p-values are corrected together (Holm). An effect has to differ from nothing and from the matched control, on the
same side; else the answer is "not distinguishable from chance".

Everything that is drawn is drawn from a fixed seed: the same outcomes give the same numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

import numpy as np

from altmonitor.core.alert import Direction, Kind
from altmonitor.core.outcome import HORIZONS_MIN, OutcomeRow
from altmonitor.market.math import Quadrant
from altmonitor.replay.columns import Floats, Ints
from altmonitor.replay.outcomes import Outcomes

DAY_MS: Final = 86_400_000
MOMENT_MIN: Final = 60
FEWEST_MOMENTS: Final = 20
FEWEST_BLOCKS: Final = 8
"""With fewer moments or blocks nothing is tested: there is no saying what chance would do. Without so many blocks no
interval is given either."""
LEVEL: Final = 0.05
DRAWS: Final = 4_999
RESAMPLES: Final = 2_000
SEED: Final = 13

NOT_CHANCE: Final = "not distinguishable from chance"


def moments(at_ms: Ints, span_ms: int) -> Ints:
    """Number of the moment of each of these, in any order: a moment takes in what follows its first one by less than
    span_ms."""
    order = np.argsort(at_ms, kind="stable")
    ordered = at_ms[order]
    begins, at = [], 0
    while at < len(ordered):
        begins.append(at)
        at = int(np.searchsorted(ordered, ordered[at] + span_ms))
    numbers = np.zeros(len(at_ms), dtype=np.int64)
    marks = np.zeros(len(at_ms), dtype=np.int64)
    marks[begins[1:]] = 1
    numbers[order] = np.cumsum(marks)
    return numbers


def moment_span_ms(horizon_min: int) -> int:
    return max(MOMENT_MIN, horizon_min) * 60_000


def block_ms(horizon_min: int) -> int:
    """Returns of a day reach into the next one."""
    return DAY_MS * (2 if horizon_min * 60_000 >= DAY_MS else 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeAlerts:
    """What the rows of `outcomes` are outcomes of. quadrants: None where open interest was not known."""

    kinds: Sequence[Kind]
    directions: Sequence[Direction]
    quadrants: Sequence[Quadrant | None]
    outcomes: Outcomes


def outcome_table(found: OutcomeAlerts, *, fee_pct: float) -> list[OutcomeRow]:
    """By kind, then kind and direction, then kind, direction and quadrant; each after every horizon. Whole kinds are
    tested; the others only describe, since whoever looks at enough of them finds one that looks good."""
    groups = _groups(found)
    horizons = range(len(HORIZONS_MIN))
    return corrected([_row(found, chosen, group, number, fee_pct) for group, chosen in groups for number in horizons])


def corrected(rows: Sequence[OutcomeRow]) -> list[OutcomeRow]:
    """With Holm over kinds × horizons, and the verdicts that follow."""
    tested = [at for at, row in enumerate(rows) if row.p is not None]
    done = list(rows)
    for at, p in zip(tested, holm([rows[at].p or 0.0 for at in tested]), strict=True):
        done[at] = replace(rows[at], p_holm=p, verdict="more_than_chance" if p <= LEVEL else "like_chance")
    return done


def holm(p: Sequence[float]) -> list[float]:
    """Adjusted, in the order given."""
    order = np.argsort(np.asarray(p), kind="stable")
    steps = np.asarray(p)[order] * (len(p) - np.arange(len(p)))
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0) if len(p) else steps
    return [float(value) for value in adjusted]


Group = tuple[Kind, Direction | None, Quadrant | None]


def _groups(found: OutcomeAlerts) -> list[tuple[Group, Ints]]:
    members: dict[Group, list[int]] = {}
    for at, (kind, direction, quadrant) in enumerate(zip(found.kinds, found.directions, found.quadrants, strict=True)):
        for group in {(kind, None, None), (kind, direction, None), (kind, direction, quadrant)}:
            members.setdefault(group, []).append(at)
    ordered = sorted(members, key=lambda group: (sum(one is not None for one in group), *(one or "" for one in group)))
    return [(group, np.array(members[group], dtype=np.int64)) for group in ordered]


@dataclass(frozen=True, slots=True)
class _Moments:
    """rows: of those alerts that the moments count with; moment: the number of each. first_ms: of each moment."""

    rows: Ints
    moment: Ints
    first_ms: Ints


def _moments_of(outcomes: Outcomes, chosen: Ints, number: int) -> _Moments:
    """Of those rows whose return after that horizon is known."""
    known = chosen[np.isfinite(outcomes.raw_pct[chosen, number])]
    at_ms = outcomes.entry_ms[known]
    moment = moments(at_ms, moment_span_ms(HORIZONS_MIN[number]))
    first_ms = np.full(int(moment.max(initial=-1)) + 1, np.iinfo(np.int64).max)
    np.minimum.at(first_ms, moment, at_ms)
    is_first = at_ms == first_ms[moment]
    return _Moments(known[is_first], moment[is_first], first_ms)


def latest_moments_pct(found: OutcomeAlerts, kind: Kind, direction: Direction, number: int, most: int) -> Floats:
    """Returns of the latest independent moments of alerts like that, in their direction, oldest first."""
    is_like = [one == (kind, direction) for one in zip(found.kinds, found.directions, strict=True)]
    one = _moments_of(found.outcomes, np.flatnonzero(is_like), number)
    if not len(one.rows):
        return np.zeros(0)
    return _mean_of_groups(one.moment, found.outcomes.gross_pct[one.rows, number])[-most:]


def _row(found: OutcomeAlerts, chosen: Ints, group: Group, number: int, fee_pct: float) -> OutcomeRow:
    outcomes, horizon = found.outcomes, HORIZONS_MIN[number]
    known = int(np.isfinite(outcomes.raw_pct[chosen, number]).sum())
    begun = OutcomeRow(
        kind=group[0],
        direction=group[1],
        quadrant=group[2],
        horizon_min=horizon,
        alerts=known,
        unknown=len(chosen) - known,
        moments=0,
        blocks=0,
        verdict="too_few" if group[1] is None else None,
    )
    if not known:
        return begun
    of_moments = _moments_of(outcomes, chosen, number)
    rows, moment = of_moments.rows, of_moments.moment
    by_moment = _mean_of_groups(moment, outcomes.gross_pct[rows, number])
    block = _numbered(of_moments.first_ms // block_ms(horizon))
    control = _mean_of_groups(moment, outcomes.beyond_control_pct[rows, number])
    hits = (by_moment > 0) + 0.5 * (by_moment == 0)
    mean = interval(by_moment, block)
    beyond = interval(control, block)
    hit = interval(hits, block)
    row = replace(
        begun,
        moments=len(by_moment),
        blocks=int(block.max()) + 1,
        mean_pct=float(by_moment.mean()),
        mean_low_pct=mean[0],
        mean_high_pct=mean[1],
        median_pct=float(np.median(by_moment)),
        hit=float(hits.mean()),
        hit_low=hit[0],
        hit_high=hit[1],
        control_hit=_mean(_mean_of_groups(moment, outcomes.control_hit[rows, number])),
        net_pct=float(by_moment.mean()) - 2 * fee_pct,
        beyond_btc_pct=_mean(_mean_of_groups(moment, outcomes.beyond_btc_pct[rows, number])),
        beyond_control_pct=_mean(control),
        beyond_control_low_pct=beyond[0],
        beyond_control_high_pct=beyond[1],
        best_pct=_mean(_mean_of_groups(moment, outcomes.best_pct[rows, number])),
        worst_pct=_mean(_mean_of_groups(moment, outcomes.worst_pct[rows, number])),
    )
    return row if group[1] is not None else replace(row, p=_p(by_moment, control, block))


def _p(values: Floats, beyond_control: Floats, block: Ints) -> float | None:
    """None where too little is known to say what chance would do."""
    is_compared = np.isfinite(beyond_control)
    if is_compared.sum() < FEWEST_MOMENTS:
        return None
    values, beyond_control, block = values[is_compared], beyond_control[is_compared], _numbered(block[is_compared])
    if block.max() + 1 < FEWEST_BLOCKS:
        return None
    if values.mean() * beyond_control.mean() <= 0:
        return 1.0
    return max(sign_flip_p(values, block), sign_flip_p(beyond_control, block))


def sign_flip_p(values: Floats, block: Ints) -> float:
    """How often the signs of whole blocks, drawn anew, bring the sum as far from zero as it is. block: numbers from 0.
    A single wild block cannot carry the result: it goes the other way in half of the draws."""
    sums = np.bincount(block, weights=values)
    reached = np.abs(_signs(len(sums)) @ sums)
    return float((1 + (reached >= abs(sums.sum()) * (1 - 1e-9)).sum()) / (1 + DRAWS))


@lru_cache(maxsize=64)
def _signs(blocks: int) -> Floats:
    return np.random.default_rng([SEED, blocks]).choice(np.array([-1.0, 1.0]), (DRAWS, blocks))


def interval(values: Floats, block: Ints) -> tuple[float, float] | tuple[None, None]:
    """95 % of the mean, by blocks drawn with replacement; None of fewer than `FEWEST_BLOCKS`: what is drawn of three
    days looks certain and is not. NaN values are left out."""
    is_known = np.isfinite(values)
    values, block = values[is_known], _numbered(block[is_known])
    sums, counts = np.bincount(block, weights=values), np.bincount(block)
    if len(sums) < FEWEST_BLOCKS:
        return None, None
    drawn = _drawn(len(sums))
    means = sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)


@lru_cache(maxsize=8)
def _drawn(blocks: int) -> Ints:
    return np.random.default_rng([SEED, blocks]).integers(0, blocks, (RESAMPLES, blocks))


def _mean_of_groups(group: Ints, values: Floats) -> Floats:
    """Over what is known of each; NaN for those of which nothing is."""
    is_known = np.isfinite(values)
    size = int(group.max()) + 1
    counts = np.bincount(group[is_known], minlength=size)
    sums = np.bincount(group[is_known], weights=values[is_known], minlength=size)
    return np.asarray(np.where(counts > 0, sums / np.maximum(counts, 1), np.nan), dtype=np.float64)


def _mean(values: Floats) -> float | None:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else None


def _numbered(values: Ints) -> Ints:
    """0, 1, 2 … in the order of the values."""
    return np.unique(values, return_inverse=True)[1]
