"""Single traders' positions taken together."""

from __future__ import annotations

import pytest

from altmonitor.positioning.ratios import OpenPosition, crowd, entry_notional_usd, ratio_delta, relative_change


def position(trader: str, usd: float) -> OpenPosition:
    return OpenPosition(trader=trader, qty=usd, entry_price=1.0)


def test_heads_and_sizes_give_two_different_shares() -> None:
    found = crowd([position("a", 100), position("b", 50), position("c", -50)])
    assert (found.traders, found.long_traders, found.short_traders) == (3, 2, 1)
    assert found.long_share == pytest.approx(0.667, abs=5e-4)
    assert found.weighted_long_share == 0.75


def test_who_holds_both_sides_is_one_head_and_counts_on_each() -> None:
    found = crowd([position("a", 100), position("a", -100)])
    assert (found.traders, found.long_traders, found.short_traders, found.weighted_long_share) == (1, 1, 1, 0.5)


def test_nobody_has_no_share() -> None:
    assert (crowd([]).long_share, crowd([]).weighted_long_share) == (None, None)


def test_notional_at_entry_uses_the_contracts_value_and_not_the_price() -> None:
    assert entry_notional_usd(OpenPosition(trader="a", qty=-3.0, entry_price=100.0, contract_value=0.01)) == 3.0


def test_changes_need_a_then() -> None:
    assert ratio_delta(0.6, 0.5) == pytest.approx(0.1)
    assert ratio_delta(0.6, None) is None
    assert relative_change(150.0, 100.0) == 0.5
    assert relative_change(150.0, 0.0) is None
    assert relative_change(150.0, None) is None
