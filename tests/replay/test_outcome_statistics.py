"""A known effect is found, chance is called chance, and a storm counts once."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from altmonitor.core.alert import Direction
from altmonitor.core.outcome import HORIZONS_MIN, OutcomeRow
from altmonitor.replay.columns import Floats, Ints
from altmonitor.replay.outcome_statistics import (
    LEVEL,
    OutcomeAlerts,
    corrected,
    holm,
    interval,
    moments,
    outcome_table,
    sign_flip_p,
)
from altmonitor.replay.outcomes import Outcomes, measure, rows_of
from tests.replay.made_market import BEGIN_MS, MadeSymbol, made_market

SEEDS = 200
HOUR_MS = 3_600_000
DELAY_MS = 1_500


def table(made: list[MadeSymbol], *, pumps_only: bool = False) -> list[OutcomeRow]:
    parts = []
    for one in made:
        chosen = one.sign > 0 if pumps_only else np.ones(len(one.sign), dtype=bool)
        parts.append(measure(one.grid, one.event_ms[chosen] + DELAY_MS, one.sign[chosen], btc=None))
    return outcome_table(alerts_of(rows_of(parts)), fee_pct=0.05)


def alerts_of(outcomes: Outcomes) -> OutcomeAlerts:
    directions: list[Direction] = ["PUMP" if sign > 0 else "DUMP" for sign in outcomes.sign]
    return OutcomeAlerts(
        kinds=["price"] * len(outcomes), directions=directions, quadrants=[None] * len(outcomes), outcomes=outcomes
    )


def whole(rows: list[OutcomeRow]) -> dict[int, OutcomeRow]:
    """Of the kind, by horizon."""
    return {row.horizon_min: row for row in rows if row.direction is None}


@pytest.mark.timeout(400)  # 200 markets, beside whatever else the machine does
def test_without_an_effect_at_most_one_market_in_twenty_says_otherwise() -> None:
    """The whole family of a table counts: any horizon that claims something is a false claim."""
    claimed = [
        seed
        for seed in range(SEEDS)
        if any(row.verdict == "more_than_chance" for row in table(made_market(seed, symbols=3)))
    ]
    assert len(claimed) <= LEVEL * SEEDS, claimed


def test_a_known_effect_is_found_where_it_is() -> None:
    found = [whole(table(made_market(seed, effect_pct=0.5))) for seed in range(20)]
    by_horizon = {at: sum(rows[at].verdict == "more_than_chance" for rows in found) for at in HORIZONS_MIN}
    assert by_horizon[15] >= 17
    assert by_horizon[5] >= 16
    assert by_horizon[1_440] <= 2  # half a percent drowns in a day
    mean = np.mean([rows[15].mean_pct for rows in found])
    assert mean == pytest.approx(0.5, abs=0.08)  # less the half minute before the entry


def test_what_comes_back_is_found_as_well_with_its_sign() -> None:
    row = whole(table(made_market(3, effect_pct=-0.5)))[15]
    assert row.verdict == "more_than_chance"
    assert (row.mean_pct or 0) < -0.3
    assert (row.hit or 1) < 0.4


def test_a_market_that_rises_by_itself_is_no_merit_of_pumps() -> None:
    made = []
    for one in made_market(5, symbols=3):
        drift = np.exp(np.arange(len(one.grid)) * 0.00002)  # 2.9 % a day
        columns = {name: getattr(one.grid, name) * drift for name in ("open", "high", "low")}
        made.append(replace(one, grid=replace(one.grid, **columns)))
    rows = whole(table(made, pumps_only=True))
    assert (rows[240].mean_pct or 0) > 0.2
    assert [row.verdict for row in rows.values() if row.verdict == "more_than_chance"] == []


def test_a_storm_of_five_hundred_alerts_is_one_moment() -> None:
    dice = np.random.default_rng(1)
    storm = BEGIN_MS + 5 * HOUR_MS + dice.integers(0, 40 * 60_000, 500)
    assert set(moments(storm, HOUR_MS)) == {0}
    alone = BEGIN_MS + np.arange(24) * 30 * HOUR_MS
    found = moments(np.concatenate([alone, storm]), HOUR_MS)
    assert len(set(found)) == 25


def test_a_storm_that_went_on_does_not_make_a_kind_look_good() -> None:
    """Five hundred alerts of one storm, each followed by +5 %, beside forty of which half go either way."""
    storm = np.full(500, 5.0)
    others = np.tile([0.3, -0.3], 20)
    at_ms = np.concatenate([np.full(500, BEGIN_MS), BEGIN_MS + np.arange(1, 41) * 20 * HOUR_MS])
    row = whole(outcome_table(alerts_of(flat(at_ms, np.concatenate([storm, others]))), fee_pct=0.05))[15]
    assert (row.alerts, row.moments) == (540, 41)
    assert row.verdict == "like_chance"
    assert row.mean_pct == pytest.approx(5 / 41)


def flat(at_ms: Ints, pct: Floats) -> Outcomes:
    """The same return after each horizon, and controls that go nowhere."""
    shape = (len(at_ms), len(HORIZONS_MIN))
    whole_table, nothing = np.tile(pct[:, None], (1, shape[1])), np.zeros(shape)
    count, known = np.full(shape, 100, dtype=np.int64), np.zeros(shape, dtype=np.int8)
    return Outcomes(
        sign=np.ones(len(at_ms), dtype=np.int8),
        entry_ms=at_ms,
        entry=np.ones(len(at_ms)),
        raw_pct=whole_table,
        best_pct=whole_table,
        worst_pct=nothing,
        btc_pct=nothing,
        control_pct=nothing,
        control_up=nothing + 0.5,
        control_count=count,
        control_hours=count * 0,
        unknown=known,
        unknown_reach=known,
        unknown_btc=known,
        unknown_control=known,
    )


def test_too_few_moments_or_days_are_not_judged() -> None:
    nineteen = flat(BEGIN_MS + np.arange(19) * 30 * HOUR_MS, np.full(19, 1.0))
    one_day = flat(BEGIN_MS + np.arange(24) * HOUR_MS, np.full(24, 1.0))
    for outcomes in (nineteen, one_day):
        row = whole(outcome_table(alerts_of(outcomes), fee_pct=0.05))[15]
        assert (row.verdict, row.p) == ("too_few", None)
        assert row.mean_pct == 1.0


def test_directions_and_quadrants_are_described_and_not_tested() -> None:
    rows = table(made_market(1, effect_pct=0.5))
    described = [row for row in rows if row.direction is not None]
    assert {row.direction for row in described} == {"PUMP", "DUMP"}
    assert all(row.p is None and row.verdict is None for row in described)
    assert all((row.hit_low is not None) == (row.blocks >= 8) for row in described)


def test_fees_are_paid_on_both_sides() -> None:
    row = whole(
        outcome_table(alerts_of(flat(BEGIN_MS + np.arange(30) * 30 * HOUR_MS, np.full(30, 0.08))), fee_pct=0.05)
    )[5]
    assert row.net_pct == pytest.approx(-0.02)


def test_holm_corrects_the_smallest_most() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.6, 0.9]) == [1.0, 1.0]
    assert holm([]) == []
    made = whole(table(made_market(1)))
    rows = [replace(made[5], p=p, p_holm=None) for p in (0.004, 0.011, 0.02, 0.03, 0.5)]
    assert [row.verdict for row in corrected(rows)] == ["more_than_chance", "more_than_chance"] + ["like_chance"] * 3


def test_the_same_outcomes_give_the_same_numbers() -> None:
    made = made_market(7, symbols=2)
    assert table(made) == table(made)


def test_an_interval_of_days_is_wider_than_one_of_alerts_where_days_hang_together() -> None:
    day = np.repeat(np.arange(20), 50)
    values = np.repeat(np.random.default_rng(2).normal(0, 1, 20), 50)
    widths = []
    for block in (day, np.arange(1_000)):
        low, high = interval(values, block)
        widths.append((high or 0) - (low or 0))
    assert widths[0] > 4 * widths[1]
    assert interval(np.ones(7), np.arange(7)) == (None, None)


def test_one_wild_day_is_no_evidence() -> None:
    values, day = np.concatenate([np.full(1, 100.0), np.zeros(19)]), np.arange(20)
    assert sign_flip_p(values, day) == 1.0
    assert sign_flip_p(np.ones(20), day) < 0.001
