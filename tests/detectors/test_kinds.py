from __future__ import annotations

from typing import get_args

from altmonitor.core.alert import DETECTED_KINDS, Kind
from altmonitor.detectors.kinds import KINDS, RULES, WINDOW_S
from altmonitor.detectors.verdict import Rule
from altmonitor.replay.tape import SMALLEST


def test_every_kind_has_a_row_under_its_own_name() -> None:
    assert set(KINDS) == set(get_args(Kind))
    assert [kind for kind, spec in KINDS.items() if spec.name != kind] == []


def test_a_kind_that_is_detected_is_measured_over_a_window_in_a_unit() -> None:
    findings = []
    for kind in DETECTED_KINDS:
        spec = KINDS[kind]
        findings += [f"{kind} has no unit"] if spec.unit is None else []
        findings += [f"{kind} has no window"] if not spec.windows else []
        findings += [f"{kind}: {window} has no length" for window in spec.windows if window not in WINDOW_S]
    assert findings == []


def test_the_headline_says_which_way_it_went_also_for_a_direction_that_an_older_database_holds() -> None:
    assert [KINDS["price"].headline_key(direction) for direction in ("PUMP", "DUMP", "UP", "DOWN")] == [
        "PUMP",
        "DUMP",
        "PUMP",
        "DUMP",
    ]
    assert [KINDS["oi"].headline_key(direction) for direction in ("UP", "DOWN")] == ["OI_UP", "OI_DOWN"]
    assert KINDS["vol"].headline_key("DOWN") == "VOLUME"


def test_every_rule_is_a_kind_that_is_detected_over_one_of_its_windows() -> None:
    assert [str(rule) for rule in RULES] == [
        "price_1m",
        "price_60s",
        "price_5m",
        "price_15m",
        "price_episode",
        "oi_1m",
        "oi_5m",
        "vol_1m",
        "funding_8h",
        "liq_1m",
        "basis_1m",
    ]
    assert {rule.kind for rule in RULES} == set(DETECTED_KINDS)


def test_what_the_detectors_raise_is_remembered_by_their_audiences_and_nothing_else_is() -> None:
    remembered = [kind for kind, spec in KINDS.items() if spec.remembered_by == "audiences"]
    assert remembered == list(DETECTED_KINDS)


def test_every_figure_that_is_sampled_is_on_the_tape_from_which_budgets_are_chosen() -> None:
    sampled = {
        Rule(kind, window)
        for kind, spec in KINDS.items()
        if spec.sampling is not None and spec.budget is not None
        for window in spec.sampling.windows
    }
    assert sampled <= set(SMALLEST)
