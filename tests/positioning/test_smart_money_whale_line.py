"""What an alert says about whales, and when it says nothing."""

from __future__ import annotations

from altmonitor.positioning.smart_money import whale_line
from tests.positioning.samples import OVERVIEW, T0, with_sides


def test_both_sides_entries_profit_shares_and_the_share_of_open_interest() -> None:
    found = whale_line(OVERVIEW, oi_usd=17_375.0, at_ms=T0 + 42_000)
    assert found is not None
    assert (found.long_entry, found.short_entry) == (9.4, 10.6)
    assert (found.long_profit_share, found.short_profit_share) == (0.6, 6 / 9)
    assert (found.oi_share, found.age_s) == (0.1, 42.0)


def test_a_side_without_whales_is_absent_and_the_other_is_told() -> None:
    found = whale_line(
        with_sides(long={"whales": 0, "whales_avg_entry": None, "profit_whales": 0}), oi_usd=None, at_ms=T0 - 5
    )
    assert found is not None
    assert (found.long_entry, found.long_profit_share, found.short_entry) == (None, None, 10.6)
    assert (found.oi_share, found.age_s) == (None, 0.0)


def test_without_any_whale_there_is_no_line() -> None:
    nobody = with_sides(long={"whales_avg_entry": None}, short={"whales_avg_entry": 0.0})
    assert whale_line(nobody, oi_usd=1e9, at_ms=T0) is None
