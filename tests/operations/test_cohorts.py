"""Cohorts as the positioning interface shows them: shapes, formulas and what it says of itself."""

from __future__ import annotations

import msgspec
import pytest

from altmonitor.operations.cohorts import CohortArguments, CohortHistoryArguments, endpoints, get_divergence
from altmonitor.operations.errors import BadArgument, Unavailable
from altmonitor.operations.table import OPERATION_OF, OPERATIONS
from tests.app.test_market_answers import MINUTE, T0
from tests.operations.operations_kit import Bench

STAMP = T0 - 5 * MINUTE


async def told(name: str, **given: object) -> dict[str, object]:
    row = OPERATION_OF[name]
    answer: dict[str, object] = msgspec.to_builtins(await row.answer(Bench().context(), row.read(given)))
    return answer


async def test_three_cohorts_in_order_and_the_gap_between_crowd_and_top_traders() -> None:
    found = await told("get_positioning", coin="sol")
    assert (found["symbol"], found["period"], found["venue"], found["age_s"]) == ("SOLUSDT", "5m", "binance", 330)
    assert found["cohorts"][0] == {  # type: ignore[index]
        "cohort": "retail_crowd",
        "label": "All accounts",
        "is_smart_money": False,
        "timestamp": STAMP,
        "long_account_pct": 65.75,
        "short_account_pct": 34.25,
        "long_short_ratio": 1.9197,
    }
    names = [row["cohort"] for row in found["cohorts"]]  # type: ignore[attr-defined]
    assert names == ["retail_crowd", "top_traders_by_accounts", "top_traders_by_position"]
    gap = found["divergence"]
    assert (gap["signal"], gap["long_pct_gap"], gap["ratio_gap"]) == ("crowd_over_long", -10.21, -0.6705)  # type: ignore[index]


async def test_a_coin_and_its_contract_are_the_same_and_one_of_them_is_needed() -> None:
    assert await told("get_divergence", coin="SOL") == await told("get_divergence", symbol="SOLUSDT")
    for given in ({}, {"coin": "SOL", "symbol": "SOLUSDT"}):
        with pytest.raises(BadArgument, match="one of coin"):
            await get_divergence(Bench().context(), CohortArguments(**given))


async def test_a_bucket_that_is_missing_in_one_series_is_null_and_shifts_nothing() -> None:
    found = await told("get_cohort_history", coin="SOL", limit=5)
    assert found["count"] == 2
    older, newer = found["points"]  # type: ignore[misc]
    assert (older["timestamp"], older["retail_crowd_long_pct"], older["long_pct_gap"]) == (
        STAMP - 5 * MINUTE,
        None,
        None,
    )
    assert older["top_traders_by_position_long_pct"] == 55.0
    assert (newer["timestamp"], newer["long_pct_gap"]) == (STAMP, -10.21)


def test_limits_and_periods_are_refused_with_their_range() -> None:
    row = OPERATION_OF["get_cohort_history"]
    assert row.read({"coin": "SOL", "limit": "12"}, is_text=True) == CohortHistoryArguments(coin="SOL", limit=12)
    for given, words in (
        ({"limit": "501"}, "limit must be a whole number from 1 to 500"),
        ({"limit": "0"}, "limit must be a whole number from 1 to 500"),
        ({"period": "7m"}, "period must be one of"),
        ({"venue": "hyperliquid"}, "venue must be one of binance, bybit, okx"),
    ):
        with pytest.raises(BadArgument, match=words):
            row.read({"coin": "SOL", **given}, is_text=True)


async def test_meta_names_nine_periods_and_only_addresses_that_exist() -> None:
    found = await told("get_cohort_meta")
    assert list(found["periods"]) == ["5m", "15m", "30m", "1h", "2h", "4h", "6h", "12h", "1d"]
    assert (found["default_period"], found["limit"]) == ("5m", {"default": 48, "min": 1, "max": 500})
    routes = {row.route for row in OPERATIONS}
    assert found["endpoints"] == endpoints()
    assert set(endpoints()) == {"positioning", "divergence", "history", "meta"}
    assert all(f"GET {path}" in routes for path in endpoints().values())


async def test_a_venue_that_is_not_asked_here_is_said_to_be_so() -> None:
    with pytest.raises(Unavailable, match="does not ask okx"):
        await get_divergence(Bench().context(), CohortArguments(coin="SOL", venue="okx"))
