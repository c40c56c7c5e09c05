"""The JSON values of positioning, divergence, history and meta."""

from __future__ import annotations

import pytest

from altmonitor.positioning.divergence import Histories
from altmonitor.positioning.json_values import (
    Asked,
    JsonObject,
    divergence_values,
    envelope,
    error_envelope,
    history_values,
    meta_values,
    positioning_values,
    read_limit,
    read_period,
)
from altmonitor.positioning.open_interest import BAR_MS
from tests.positioning.samples import T0, bucket

ASKED = Asked(symbol="ETHUSDT", period="5m", venue="binance", now_ms=T0 + 90_500)
SAMPLE = Histories(
    retail=[bucket(65.75, ratio=1.9197)],
    top_accounts=[bucket(60.2, ratio=1.5126)],
    top_positions=[bucket(55.54, ratio=1.2493)],
)


def rows(values: JsonObject, name: str) -> list[JsonObject]:
    found = values[name]
    assert isinstance(found, list)
    return found


def test_positioning_lists_three_cohorts_in_order() -> None:
    values = positioning_values(ASKED, SAMPLE)
    cohorts = rows(values, "cohorts")
    assert [(row["cohort"], row["is_smart_money"]) for row in cohorts] == [
        ("retail_crowd", False),
        ("top_traders_by_accounts", True),
        ("top_traders_by_position", True),
    ]
    assert cohorts[1] == {
        "cohort": "top_traders_by_accounts",
        "label": "Top traders, by accounts",
        "is_smart_money": True,
        "timestamp": T0,
        "long_account_pct": 60.2,
        "short_account_pct": 39.8,
        "long_short_ratio": 1.5126,
    }
    assert {"note", "period", "source", "symbol", "cohorts", "divergence"} <= set(values)
    assert (values["symbol"], values["period"], values["venue"], values["age_s"]) == ("ETHUSDT", "5m", "binance", 90)


def test_divergence_reproduces_the_known_sample() -> None:
    values = divergence_values(ASKED, SAMPLE)
    assert (values["long_pct_gap"], values["ratio_gap"], values["signal"]) == (-10.21, -0.6704, "crowd_over_long")
    assert (values["retail_long_pct"], values["smart_money_long_pct"]) == (65.75, 55.54)
    assert values["read"] == (
        "The crowd's accounts are longer than the top traders' positions by 10.21 percentage points."
    )


def test_the_other_signals_read_as_plainly() -> None:
    other_way = Histories(retail=[bucket(50)], top_accounts=[], top_positions=[bucket(60)])
    assert divergence_values(ASKED, other_way)["read"] == (
        "The top traders' positions are longer than the crowd's accounts by 10.00 percentage points."
    )
    close = Histories(retail=[bucket(50)], top_accounts=[], top_positions=[bucket(51.5)])
    assert divergence_values(ASKED, close)["read"] == (
        "The crowd's accounts and the top traders' positions lie 1.50 percentage points apart."
    )


def test_a_venue_without_top_traders_keeps_the_shape_with_nulls() -> None:
    asked = Asked(symbol="ETHUSDT", period="5m", venue="bybit", now_ms=T0)
    only_crowd = Histories(retail=[bucket(60)], top_accounts=[], top_positions=[])
    values = positioning_values(asked, only_crowd)
    assert [row["long_account_pct"] for row in rows(values, "cohorts")] == [60.0, None, None]
    assert values["divergence"] is None
    gap = divergence_values(asked, only_crowd)
    assert set(gap) == set(divergence_values(ASKED, SAMPLE))
    assert (gap["signal"], gap["read"], gap["long_pct_gap"], gap["ratio_gap"]) == (None, None, None, None)


def test_history_runs_from_old_to_new_and_a_hole_is_null() -> None:
    series = [bucket(60, at=at) for at in range(48)]
    holed = Histories(retail=series, top_accounts=series, top_positions=series[:5] + series[6:])
    values = history_values(ASKED, holed, limit=48)
    points = rows(values, "points")
    assert values["count"] == len(points) == 48
    assert [point["timestamp"] for point in points] == [T0 + at * BAR_MS for at in range(48)]
    assert points[5] == {
        "timestamp": T0 + 5 * BAR_MS,
        "long_pct_gap": None,
        "retail_crowd_long_pct": 60.0,
        "retail_crowd_ls_ratio": 1.5,
        "top_traders_by_accounts_long_pct": 60.0,
        "top_traders_by_accounts_ls_ratio": 1.5,
        "top_traders_by_position_long_pct": None,
        "top_traders_by_position_ls_ratio": None,
    }


def test_no_data_is_null_everywhere_and_no_age() -> None:
    nothing = Histories(retail=[], top_accounts=[], top_positions=[])
    assert positioning_values(ASKED, nothing)["age_s"] is None
    assert history_values(ASKED, nothing, limit=48)["points"] == []


def test_meta_lists_nine_periods_the_commands_there_are_and_the_limits_in_force() -> None:
    values = meta_values(venues=["binance", "okx", "bybit"], endpoints={"meta": "/v1/meta"})
    assert values["periods"] == ["5m", "15m", "30m", "1h", "2h", "4h", "6h", "12h", "1d"]
    assert values["commands"] == {
        "positioning": "altmonitor positioning show SYMBOL",
        "divergence": "altmonitor positioning divergence SYMBOL",
        "history": "altmonitor positioning history SYMBOL",
        "meta": "altmonitor positioning meta",
    }
    assert values["endpoints"] == {"meta": "/v1/meta"}
    assert values["default_period"] == "5m"
    assert values["limit"] == {"default": 48, "min": 1, "max": 500}


def test_an_answer_is_wrapped_with_time_and_id() -> None:
    assert envelope({"a": 1}, thing="Divergence", now_ms=1_790_000_100_007, request_id="x-1") == {
        "data": {"a": 1},
        "meta": {"timestamp": "2026-09-21T14:15:00.007Z", "request_id": "x-1"},
        "status": "ok",
        "message": "Divergence retrieved successfully",
        "success": True,
    }
    problem = error_envelope("limit '501' is not a whole number 1 to 500", now_ms=T0, request_id="x-2")
    assert (problem["data"], problem["status"], problem["success"]) == (None, "error", False)


@pytest.mark.parametrize(("given", "limit"), [(None, 48), ("", 48), ("1", 1), (500, 500), (" 7 ", 7)])
def test_a_limit_is_read_as_number_or_text(given: str | int | None, limit: int) -> None:
    assert read_limit(given) == limit


@pytest.mark.parametrize("given", [0, 501, "501", "-1", "1.5", "1e2", "many", "٣", True, "9" * 400])
def test_a_limit_that_is_none_is_refused(given: str | int) -> None:
    with pytest.raises(ValueError, match="is not a whole number 1 to 500"):
        read_limit(given)


def test_a_period_is_five_minutes_only_when_none_is_given() -> None:
    assert read_period(None) == "5m"
    assert read_period("1d") == "1d"
    with pytest.raises(ValueError, match="period '5M' is none of"):
        read_period("5M")
