"""Rounding and what counts as a number."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from altmonitor.core.types import Fraction
from altmonitor.positioning.units import (
    PERIODS,
    Percent,
    amount,
    change_pct,
    checked_period,
    known,
    period_ms,
    positive,
    quotient,
    round_half_up,
    rounded,
    to_fraction,
    to_percent,
    whole_percent,
)
from altmonitor.settings.variables import LSR_PERIODS


@pytest.mark.parametrize(
    ("value", "decimals", "shown"),
    [
        (12.5, 0, 13.0),
        (13.5, 0, 14.0),
        (-2.5, 0, -2.0),
        (-2.51, 0, -3.0),
        (0.5, 0, 1.0),
        (-0.5, 0, 0.0),
        (2.675, 2, 2.68),
        (1.005, 2, 1.01),
        (0.00125, 4, 0.0013),
        (1_860_314_867.5, 0, 1_860_314_868.0),
    ],
)
def test_halves_are_rounded_towards_plus_infinity(value: float, decimals: int, shown: float) -> None:
    assert round_half_up(value, decimals) == shown


@given(st.floats(min_value=-1e12, max_value=1e12), st.integers(min_value=0, max_value=6))
def test_rounding_moves_a_number_by_half_a_unit_at_most(value: float, decimals: int) -> None:
    assert abs(round_half_up(value, decimals) - value) <= 0.5 * 10**-decimals * (1 + 1e-9) + abs(value) * 1e-15


def test_fractions_and_percents_are_converted_by_name() -> None:
    assert to_percent(Fraction(0.6215)) == pytest.approx(62.15)
    assert to_fraction(Percent(4.05)) == pytest.approx(0.0405)
    assert whole_percent(Fraction(0.125)) == 13
    assert whole_percent(None) is None


@pytest.mark.parametrize("value", [None, math.nan, math.inf, -math.inf])
def test_what_is_no_number_stays_absent(value: float | None) -> None:
    assert known(value) is None
    assert positive(value) is None
    assert rounded(value, 2) is None


def test_what_is_larger_than_anything_is_no_amount_and_no_quotient() -> None:
    assert (amount(1e18), amount(1.1e18), amount(-1.0), amount(0.0)) == (1e18, None, None, 0.0)
    assert positive(1e300) is None
    assert quotient(1e18, 1e-300) is None
    assert quotient(-1.0, 4.0) == -0.25
    assert quotient(1.0, 0.0) is None


def test_a_change_has_a_percent_only_from_something() -> None:
    assert change_pct(1000.0, 1100.0) == 10.0
    assert change_pct(0.0, 300.0) is None
    assert change_pct(5.0, None) is None
    assert change_pct(1e-300, 1e18) is None


def test_zero_is_a_number_and_no_price() -> None:
    assert known(0.0) == 0.0
    assert positive(0.0) is None
    assert rounded(0.0, 2) == 0.0


def test_a_period_outside_the_list_is_refused_by_name_and_not_read_as_five_minutes() -> None:
    assert checked_period("4h") == "4h"
    assert period_ms("5m") == 300_000
    assert period_ms("1d") == 86_400_000
    with pytest.raises(ValueError, match="period '99h' is none of 5m 15m 30m 1h 2h 4h 6h 12h 1d"):
        checked_period("99h")


def test_the_periods_are_those_of_the_settings() -> None:
    assert PERIODS == LSR_PERIODS
