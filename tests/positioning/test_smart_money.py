"""The followed traders of one contract: sizes, ratios, shares, and what is unknown."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from altmonitor.core.types import Fraction
from altmonitor.positioning.smart_money import (
    band,
    entry_usd,
    filled_cells,
    headcount_ratio,
    long_bar_share,
    long_usd,
    notional_ratio,
    notional_usd,
    profit_gap,
    profit_share,
    share_of_oi,
    short_usd,
    side_block,
    signal_day_age_hours,
    size_ratio,
    standing,
    whale_notional_ratio,
    whale_spread,
    whale_usd,
)
from tests.positioning.samples import LONG, OVERVIEW, T0, with_sides


def test_both_sides_are_added_at_their_entry_prices() -> None:
    overview = with_sides(
        long={"traders_qty_coins": 10.0, "traders_avg_entry": 100.0},
        short={"traders_qty_coins": 5.0, "traders_avg_entry": 200.0},
    )
    assert notional_usd(overview) == 2000.0
    assert long_usd(overview) == 1000.0
    assert short_usd(overview) == 1000.0


def test_the_total_of_unknown_unit_is_never_part_of_a_number() -> None:
    assert notional_usd(replace(OVERVIEW, total_positions=1e12)) == notional_usd(OVERVIEW) == 200 * 9.5 + 150 * 10.5


@pytest.mark.parametrize("entry", [None, 0.0, -1.0, math.nan, math.inf])
def test_a_side_without_an_entry_makes_the_notional_unknown_not_smaller(entry: float | None) -> None:
    assert notional_usd(with_sides(long={"traders_avg_entry": entry})) is None
    assert notional_usd(with_sides(long={"traders_qty_coins": None})) is None


def test_an_empty_side_is_worth_nothing_whatever_its_entry() -> None:
    assert entry_usd(0.0, None) == 0.0
    assert notional_usd(with_sides(long={"traders_qty_coins": 0.0, "traders_avg_entry": None})) == 1575.0


def test_the_notional_ratio_is_a_plain_ratio() -> None:
    overview = with_sides(
        long={"traders_qty_coins": 3.0, "traders_avg_entry": 10.0},
        short={"traders_qty_coins": 2.0, "traders_avg_entry": 10.0},
    )
    assert notional_ratio(overview) == 1.5
    assert notional_ratio(with_sides(short={"traders_qty_coins": 0.0})) is None


def test_whales_are_compared_at_the_mark_price() -> None:
    overview = with_sides(long={"whales_qty_coins": 500_000.0}, short={"whales_qty_coins": 300_000.0})
    assert whale_usd(overview, 2.9) == pytest.approx(2_320_000.0)
    assert whale_notional_ratio(overview, 2.9) == pytest.approx(1.6667, abs=1e-4)
    assert whale_usd(overview, None) is None
    assert whale_notional_ratio(overview, math.nan) is None


def test_a_side_is_shown_in_whole_dollars_and_whole_percents() -> None:
    block = side_block(LONG)
    assert (block.traders, block.smart_money_usd, block.avg_entry, block.profit_pct) == (100, 1900, 9.5, 55.0)
    assert (block.whales, block.whales_usd, block.whale_avg_entry, block.whale_profit_pct) == (20, 1692, 9.4, 60.0)
    half = side_block(replace(LONG, traders_qty_coins=2.5, traders_avg_entry=5.0, traders=8, profit_traders=1))
    assert (half.smart_money_usd, half.profit_pct) == (13, 13.0)


def test_a_side_without_traders_has_no_percent_in_profit() -> None:
    block = side_block(replace(LONG, traders=0, profit_traders=0, whales=0, profit_whales=0))
    assert (block.traders, block.profit_pct, block.whales, block.whale_profit_pct) == (0, None, 0, None)


@pytest.mark.parametrize(
    ("in_profit", "count", "share"),
    [(55, 100, 0.55), (12, 20, 0.6), (0, 20, 0.0), (999, 347, 1.0), (3, 0, None), (None, 9, None), (4, None, None)],
)
def test_a_profit_share_is_within_0_and_1_or_unknown(
    in_profit: int | None, count: int | None, share: float | None
) -> None:
    assert profit_share(in_profit, count) == share


def test_a_profit_gap_does_not_depend_on_the_order() -> None:
    assert profit_gap(Fraction(0.05), Fraction(0.92)) == pytest.approx(0.87)
    assert profit_gap(Fraction(0.92), Fraction(0.05)) == pytest.approx(0.87)
    assert profit_gap(None, Fraction(0.92)) is None


@pytest.mark.parametrize(("share", "cells"), [(0.87, 9), (0.85, 9), (0.84, 8), (0.0, 0), (1.0, 10), (7.0, 10)])
def test_a_bar_of_ten_cells_is_filled_by_halves_up(share: float, cells: int) -> None:
    assert filled_cells(Fraction(share)) == cells
    assert filled_cells(None) is None


@pytest.mark.parametrize(
    ("long", "short", "word"),
    [
        (0.05, 0.92, "shorts_far_ahead"),
        (0.71, 0.41, "longs_far_ahead"),
        (0.60, 0.45, "longs_ahead"),
        (0.45, 0.60, "shorts_ahead"),
        (0.50, 0.40, "even"),
        (0.70, 0.50, "longs_ahead"),
        (None, 0.5, None),
    ],
)
def test_the_sides_stand_as_far_apart_as_their_profit_shares(
    long: float | None, short: float | None, word: str | None
) -> None:
    assert standing(None if long is None else Fraction(long), None if short is None else Fraction(short)) == word


@pytest.mark.parametrize(("long", "short", "spread"), [(0.034, 0.042, 0.235), (0.085, 0.092, 0.082), (2.0, 1.0, -0.5)])
def test_the_whale_spread_is_measured_from_the_long_entry(long: float, short: float, spread: float) -> None:
    overview = with_sides(long={"whales_avg_entry": long}, short={"whales_avg_entry": short})
    assert whale_spread(overview) == pytest.approx(spread, abs=5e-4)


@pytest.mark.parametrize("entry", [None, 0.0])
def test_without_a_whale_entry_there_is_no_spread(entry: float | None) -> None:
    assert whale_spread(with_sides(long={"whales_avg_entry": entry})) is None
    assert whale_spread(with_sides(short={"whales_avg_entry": entry})) is None


@pytest.mark.parametrize(
    ("long", "short", "share"),
    [
        (30.0, 10.0, 0.75),
        (0.0, 10.0, 0.02),
        (10.0, 0.0, 0.98),
        (0.0, 0.0, 0.5),
        (None, None, 0.5),
        (math.nan, 1.0, 0.5),
    ],
)
def test_a_split_bar_keeps_both_ends_visible(long: float | None, short: float | None, share: float) -> None:
    assert long_bar_share(long, short) == share


def test_the_age_of_the_daily_stamp_has_one_decimal() -> None:
    assert signal_day_age_hours(OVERVIEW, T0) == 5.3
    assert signal_day_age_hours(replace(OVERVIEW, signal_day_ms=None), T0) is None
    assert signal_day_age_hours(OVERVIEW, T0 - 6 * 3_600_000) is None


def test_a_share_of_open_interest_needs_both_numbers() -> None:
    assert share_of_oi(1000.0, 4000.0) == 0.125
    assert share_of_oi(9000.0, 4000.0) == 1.0
    for missing in (None, 0.0, -1.0, math.nan):
        assert share_of_oi(missing, 4000.0) is None
        assert share_of_oi(1000.0, missing) is None


@pytest.mark.parametrize(
    ("share", "name"),
    [
        (0.04, "small"),
        (0.05, "typical"),
        (0.10, "typical"),
        (0.15, "typical"),
        (0.17, None),
        (0.20, None),
        (0.21, "dominant"),
    ],
)
def test_shares_of_open_interest_have_bands(share: float, name: str | None) -> None:
    assert band(Fraction(share)) == name
    assert band(None) is None


def test_all_short_is_a_ratio_of_zero_and_no_shorts_is_none() -> None:
    assert size_ratio(with_sides(long={"traders_qty_coins": 0.0})) == 0.0
    assert size_ratio(with_sides(short={"traders_qty_coins": 0.0})) is None
    assert headcount_ratio(with_sides(short={"traders": 0})) is None
    assert headcount_ratio(with_sides(long={"traders": None})) is None
