"""Funding cost and countdown."""

from __future__ import annotations

import math

import pytest

from altmonitor.core.types import Fraction, Venue
from altmonitor.positioning.funding import (
    FundingCost,
    SizedFunding,
    VenueFunding,
    funding_average,
    funding_cost,
    funding_countdown,
)
from tests.positioning.samples import T0


def cost(rate: float, hours: float | None = 8.0, notional: float = 10_000.0) -> FundingCost:
    found = funding_cost(Fraction(rate), interval_h=hours, notional_usd=notional)
    assert found is not None
    return found


def test_a_hundredth_of_a_percent_per_8_h_costs_1095_a_year_on_10000() -> None:
    found = cost(0.0001)
    assert (found.rate_pct, found.settlements_per_day, found.annualized_pct) == (0.01, 3.0, 10.95)
    assert (found.per_settlement_usd, found.daily_usd, found.annual_usd) == (1.0, 3.0, 1095.0)
    assert found.long_pays is True
    assert found.is_interval_assumed is False


def test_a_4_h_contract_pays_twice_as_often() -> None:
    assert cost(0.0001, 4.0).annualized_pct == 21.9


def test_a_negative_rate_is_paid_by_the_short() -> None:
    found = cost(-0.0002)
    assert found.annualized_pct == -21.9
    assert found.per_settlement_usd == -2.0
    assert found.long_pays is False
    assert cost(0.0).long_pays is None


def test_a_contract_that_is_not_listed_as_differing_settles_every_8_h() -> None:
    found = cost(0.0001, None)
    assert (found.interval_h, found.is_interval_assumed) == (8.0, False)


@pytest.mark.parametrize("hours", [0.0, -4.0, 25.0, math.nan, math.inf])
def test_what_is_no_interval_is_taken_as_8_h_and_said_to_be(hours: float) -> None:
    found = cost(0.0001, hours)
    assert (found.interval_h, found.annualized_pct, found.is_interval_assumed) == (8.0, 10.95, True)


@pytest.mark.parametrize("rate", [None, math.nan, math.inf])
def test_an_unknown_rate_costs_nobody_knows_what_not_nothing(rate: float | None) -> None:
    assert funding_cost(None if rate is None else Fraction(rate), interval_h=8.0) is None


@pytest.mark.parametrize("notional", [-1.0, math.nan, math.inf])
def test_a_notional_that_is_no_amount_is_refused(notional: float) -> None:
    with pytest.raises(ValueError, match="is no amount of USD"):
        funding_cost(Fraction(0.0001), interval_h=8.0, notional_usd=notional)


def test_the_countdown_reads_hours_minutes_seconds() -> None:
    assert funding_countdown(T0 + 1_628_000, T0) == "00:27:08"
    assert funding_countdown(T0 + 8 * 3_600_000 - 1, T0) == "07:59:59"
    assert funding_countdown(T0, T0) is None
    assert funding_countdown(T0 - 1, T0) is None
    assert funding_countdown(None, T0) is None


def sized(venue: Venue, rate: float, oi_usd: float | None) -> SizedFunding:
    row = VenueFunding(
        venue=venue,
        symbol="SOLUSDT",
        rate_8h=Fraction(rate),
        interval_h=8.0,
        next_ms=None,
        as_of_ms=T0,
        source="own",
    )
    return SizedFunding(funding=row, oi_usd=oi_usd, oi_ms=None if oi_usd is None else T0 - 5_000)


def test_an_average_of_venues_is_weighted_by_what_is_open_there() -> None:
    found = funding_average(
        [sized("binance", 0.0001, 3_000.0), sized("bybit", 0.0005, 1_000.0), sized("okx", 9.0, None)]
    )
    assert found is not None
    assert found.rate_8h == pytest.approx(0.0002)
    assert (found.venues, found.oi_usd, found.at_ms) == (("binance", "bybit"), 4_000.0, T0 - 5_000)
    assert funding_average([sized("okx", 0.0001, None), sized("bybit", 0.0001, 0.0)]) is None
    assert funding_average([]) is None
