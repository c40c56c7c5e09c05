"""Conditions about scores: operators, crossings told once, hysteresis, cooldown, and what a restart remembers."""

from __future__ import annotations

from altmonitor.core.types import Destination
from altmonitor.detectors.conditions import Conditions
from altmonitor.settings.conditions import Condition, ConditionMetric, MetricCrosses, MetricOperator

MINUTE = 60_000


def condition(
    operator: MetricOperator, threshold: float, *, metric: ConditionMetric = "long_pct", cooldown_min: int = 0
) -> Condition:
    return Condition(
        id=1,
        destination=Destination(chat_id=1),
        owner_id=None,
        owner_name="",
        text="",
        created_s=1,
        symbol="BTCUSDT",
        predicate=MetricCrosses(metric=metric, operator=operator, threshold=threshold, cooldown_min=cooldown_min),
    )


def told(operator: MetricOperator, threshold: float, values: list[float], *, cooldown_min: int = 0) -> list[int]:
    """At which of the values, a minute apart."""
    judged = Conditions(lambda text: None)
    judged.apply([condition(operator, threshold, cooldown_min=cooldown_min)])
    return [
        at
        for at, value in enumerate(values)
        if judged.look_at_metrics("BTCUSDT", {"long_pct": value}, (at + 1) * MINUTE)
    ]


def test_j29_each_operator_is_told_once_per_crossing() -> None:
    found = {
        "gt": told("gt", 60.0, [50, 60, 60.1, 61, 50, 61]),
        "gte": told("gte", 60.0, [50, 60, 61, 50, 60]),
        "lt": told("lt", 40.0, [50, 40, 39.9, 50, 39]),
        "lte": told("lte", 40.0, [50, 40, 39, 50, 40]),
        "eq": told("eq", 50.0, [60, 50.2, 50.0, 51.0, 50.1]),
        "crosses_above": told("crosses_above", 60.0, [61, 62, 50, 61]),
        "crosses_below": told("crosses_below", 40.0, [39, 50, 39]),
    }
    assert found == {
        "gt": [2, 5],
        "gte": [1, 4],
        "lt": [2, 4],
        "lte": [1, 4],
        "eq": [1, 4],
        "crosses_above": [3],
        "crosses_below": [2],
    }


def test_what_is_true_at_the_first_look_is_told_but_is_no_crossing() -> None:
    assert told("gte", 60.0, [70, 71]) == [0]
    assert told("crosses_above", 60.0, [70, 71]) == []


def test_a_value_that_trembles_around_the_threshold_is_told_once() -> None:
    assert told("gte", 60.0, [50, 60.1, 59.9, 60.1, 59.5, 60.2]) == [1]


def test_within_the_cooldown_a_second_crossing_is_not_told() -> None:
    assert told("gte", 60.0, [50, 61, 50, 61, 50, 61], cooldown_min=3) == [1, 5]
    assert told("gte", 60.0, [50, 61, 50, 61], cooldown_min=60) == [1]


def test_a_restart_remembers_the_cooldown_and_which_side_was_told() -> None:
    kept: list[str] = []
    first = Conditions(kept.append)
    first.apply([condition("gte", 60.0, cooldown_min=60)])
    assert len(first.look_at_metrics("BTCUSDT", {"long_pct": 61.0}, MINUTE)) == 1
    second = Conditions(kept.append)
    second.apply([condition("gte", 60.0, cooldown_min=60)])
    second.restore(kept[-1])
    assert second.look_at_metrics("BTCUSDT", {"long_pct": 61.0}, 2 * MINUTE) == []
    second.look_at_metrics("BTCUSDT", {"long_pct": 50.0}, 3 * MINUTE)
    assert second.look_at_metrics("BTCUSDT", {"long_pct": 61.0}, 4 * MINUTE) == []


def test_j30_a_funding_rate_of_0_0005_fires_at_0_05_percent() -> None:
    judged = Conditions(lambda text: None)
    judged.apply([condition("gte", 0.0005, metric="funding_rate")])
    assert judged.look_at_metrics("BTCUSDT", {"funding_rate": 0.00049}, MINUTE) == []
    crossing = judged.look_at_metrics("BTCUSDT", {"funding_rate": 0.0005}, 2 * MINUTE)[0]
    assert (crossing.value, crossing.level, crossing.side, crossing.note) == (0.0005, 0.0005, "up", "score")


def test_a_number_that_is_not_known_changes_nothing_and_prices_do_not_ask_for_scores() -> None:
    judged = Conditions(lambda text: None)
    judged.apply([condition("gte", 60.0)])
    assert judged.look_at_metrics("BTCUSDT", {"taker_ratio": 70.0}, MINUTE) == []
    assert judged.look_at_metrics("ETHUSDT", {"long_pct": 70.0}, MINUTE) == []
    assert judged.evaluate("BTCUSDT", 70.0, lambda minutes: None, MINUTE) == ([], False)
