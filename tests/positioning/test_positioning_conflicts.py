"""Where descriptions of these numbers contradict each other: which reading holds here, one test each."""

from __future__ import annotations

from dataclasses import fields

import pytest

from altmonitor.positioning.divergence import Histories, divergence
from altmonitor.positioning.open_interest import BAR_MS, BARS_NEEDED, OiBar, oi_velocity
from altmonitor.positioning.smart_money import (
    Overview,
    Side,
    headcount_ratio,
    share_of_oi,
    size_ratio,
    whale_spread,
)
from tests.positioning.samples import OVERVIEW, T0, bars, bucket, with_sides


def test_the_share_of_open_interest_is_of_twice_the_open_interest() -> None:
    """0.515 would count every contract once on one side and twice on the other."""
    share = share_of_oi(1_860_314_867.0, 3_610_164_191.0)
    assert share is not None
    assert round(share, 3) == 0.258


def test_open_interest_velocity_is_of_contracts_so_that_a_price_move_alone_is_none() -> None:
    flat_coins_rising_usd = [
        OiBar(time_ms=bar.time_ms, coins=bar.coins, usd=1000.0 * (1 + destination / 10))
        for destination, bar in enumerate(bars(*[500.0] * BARS_NEEDED))
    ]
    found = oi_velocity(flat_coins_rising_usd)
    assert found is not None
    changes = (found.change_5m_pct, found.change_15m_pct, found.change_1h_pct, found.change_4h_pct)
    assert changes == (0.0, 0.0, 0.0, 0.0)


def test_the_long_short_ratio_is_of_position_sizes_and_the_ratio_of_heads_has_its_own_name() -> None:
    overview = with_sides(
        long={"traders": 263, "traders_qty_coins": 11_160_000.0}, short={"traders": 127, "traders_qty_coins": 971_279.0}
    )
    assert size_ratio(overview) == pytest.approx(11.49, abs=0.005)
    assert headcount_ratio(overview) == pytest.approx(2.07, abs=0.005)


def test_numbers_come_without_a_verdict() -> None:
    """The spread is a number, and the signal of a divergence names who is longer, not what will follow."""
    assert isinstance(whale_spread(OVERVIEW), float)
    found = divergence(Histories(retail=[bucket(70)], top_accounts=[], top_positions=[bucket(50)]))
    assert found is not None
    assert found.signal == "crowd_over_long"


def test_a_snapshot_is_keyed_by_our_capture_time_and_keeps_the_daily_stamp_beside_it() -> None:
    assert OVERVIEW.captured_ms == T0
    assert OVERVIEW.signal_day_ms == T0 - 19_200_000


def test_four_hours_are_240_minutes_not_235() -> None:
    coins = [1000.0 + destination for destination in range(BARS_NEEDED)]
    found = oi_velocity(bars(*coins))
    assert found is not None
    assert found.change_4h_pct == pytest.approx(4.8)  # 1,000 → 1,048; 47 bars back it would be from 1,001
    assert (BARS_NEEDED - 1) * BAR_MS == 240 * 60_000
    without_the_first = oi_velocity(bars(*coins[1:]))
    assert without_the_first is not None
    assert without_the_first.change_4h_pct is None


def test_an_overview_holds_19_numbers_not_17() -> None:
    of_overview = {"total_positions", "total_traders", "long_short_ratio"}
    assert of_overview < {field.name for field in fields(Overview)}
    assert len(of_overview) + 2 * len(fields(Side)) == 19


def test_the_gap_is_of_the_top_traders_positions_not_of_their_accounts() -> None:
    found = divergence(
        Histories(
            retail=[bucket(65.75, ratio=1.9197)],
            top_accounts=[bucket(60.2, ratio=1.5126)],
            top_positions=[bucket(55.54, ratio=1.2493)],
        )
    )
    assert found is not None
    assert found.long_pct_gap == -10.21
    assert found.ratio_gap == -0.6704
