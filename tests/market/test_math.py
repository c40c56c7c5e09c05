"""Signs of two changes; minutes nobody watched: added, joined, filled piece by piece."""

from __future__ import annotations

from math import nan

import pytest

from altmonitor.market.math import MinuteRanges, change_pct, factor_of, quadrant, reaches

MINUTE = 60_000


def minutes(holes: MinuteRanges) -> list[int]:
    return [number for number in range(20) if holes.covers("SOLUSDT", number * MINUTE)]


def holes(*spans: tuple[int, int]) -> MinuteRanges:
    made = MinuteRanges()
    for begin, end in spans:
        made.add("SOLUSDT", begin * MINUTE, end * MINUTE)
    return made


def test_an_end_is_no_part_of_its_hole() -> None:
    assert minutes(holes((3, 6))) == [3, 4, 5]


def test_holes_of_one_symbol_stay_apart_unless_they_touch() -> None:
    made = holes((3, 5), (8, 9))
    assert minutes(made) == [3, 4, 8]
    made.add("SOLUSDT", 5 * MINUTE, 8 * MINUTE)
    assert minutes(made) == [3, 4, 5, 6, 7, 8]


def test_a_hole_is_filled_from_either_end_and_in_its_middle() -> None:
    made = holes((2, 12))
    made.fill("SOLUSDT", 0, 4 * MINUTE)
    made.fill("SOLUSDT", 10 * MINUTE, 30 * MINUTE)
    made.fill("SOLUSDT", 6 * MINUTE, 7 * MINUTE)
    assert minutes(made) == [4, 5, 7, 8, 9]
    assert made.oldest_ms() == 4 * MINUTE
    made.fill("SOLUSDT", 4 * MINUTE, 10 * MINUTE)
    assert minutes(made) == []
    assert made.oldest_ms() is None


def test_an_empty_stretch_is_no_hole() -> None:
    assert holes((5, 5), (7, 6)).oldest_ms() is None


def test_what_is_missing_lies_between_the_stretches_and_within_what_is_asked_for() -> None:
    made = holes((8, 10), (3, 5), (12, 15))
    expected = {
        (0, 20): [(0, 3), (5, 8), (10, 12), (15, 20)],
        (4, 9): [(5, 8)],
        (12, 14): [],
        (5, 8): [(5, 8)],
        (6, 6): [],
    }
    found = {
        (first, after): [
            (begin // MINUTE, end // MINUTE) for begin, end in made.missing("SOLUSDT", first * MINUTE, after * MINUTE)
        ]
        for first, after in expected
    }
    assert found == expected
    assert made.missing("ETHUSDT", 0, MINUTE) == [(0, MINUTE)]


def test_symbols_do_not_share_holes() -> None:
    made = holes((1, 2))
    made.add("ETHUSDT", 0, MINUTE)
    made.fill("ETHUSDT", 0, 20 * MINUTE)
    assert minutes(made) == [1]
    made.forget("SOLUSDT")
    assert made.oldest_ms() is None


@pytest.mark.parametrize(
    ("price_pct", "oi_pct", "named"),
    [
        (3.0, 2.0, "up_up"),
        (3.0, -2.0, "up_down"),
        (-3.0, 2.0, "down_up"),
        (-3.0, -2.0, "down_down"),
        (0.005, -0.005, "up_down"),  # shown as 0.01 %
        (3.0, 0.0, None),
        (0.0, 2.0, None),
        (3.0, 0.0049, None),  # shown as 0.00 %
        (-0.0049, 2.0, None),
        (0.0, 0.0, None),
        (None, 2.0, None),
        (3.0, None, None),
        (nan, 2.0, None),
    ],
)
def test_what_is_shown_as_zero_is_neither_up_nor_down(
    price_pct: float | None, oi_pct: float | None, named: str | None
) -> None:
    assert quadrant(price_pct, oi_pct) == named


def test_a_bound_in_prices_hides_nothing_that_reaches_its_percentage() -> None:
    price = 40.00000005  # −59.99999995 %, which is 60 % to a billionth
    assert reaches(change_pct(100.0, price), -60.0)
    assert price <= 100.0 * factor_of(-60.0)
    assert [factor_of(pct) < 1 + pct / 100 + 1e-8 for pct in (3.0, -3.0, -99.0)] == [True, True, True]
    assert factor_of(-100.0) < 1e-8
