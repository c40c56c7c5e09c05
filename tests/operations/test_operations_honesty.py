"""No number without a source and an age, no null without a reason: all answers of the Smart Money API are walked."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec

from altmonitor.operations.context import OperationContext
from altmonitor.operations.errors import OperationError
from altmonitor.operations.operation import Operation
from altmonitor.operations.table import OPERATIONS
from tests.operations.operations_kit import Bench
from tests.operations.score_kit import refused, whole

KEYED = [row for row in OPERATIONS if row.keyed and not row.writes]

NOT_MEASURED = {
    *("ts", "risk_pct", "hours", "days", "coverage", "weight", "notional_usd", "frozen_ts", "size_mult", "uptime_s"),
    *("horizon_min", "fee_pct", "slippage_pct", "scorer_frozen_ts", "min_resolved_sample", "account_size"),
}
"""Of the question, of the design, or the moment of the answer."""
LOCAL = {"get_preferences", "api_usage", "list_webhooks", "list_conditions", "condition_metrics"}
"""What somebody set or did here: there is nothing measured in it."""


def flaws(answer: Any, path: str = "", *, ages: dict[str, float] | None = None, is_sourced: bool = True) -> list[str]:
    """ages: of the sources of the whole answer. is_sourced: a source stands around it."""
    if isinstance(answer, list):
        return [flaw for at, one in enumerate(answer) for flaw in flaws(one, f"{path}[{at}]", ages=ages)]
    if not isinstance(answer, dict):
        return []
    if ages is None:
        given = answer.get("sources")
        ages = {one["name"]: one["age_s"] for one in given} if isinstance(given, list) else {}
        is_sourced = bool(ages)
    found = []
    if isinstance(answer.get("sources"), list) and answer["sources"]:
        ages = {**ages, **{one["name"]: one["age_s"] for one in answer["sources"]}}
        is_sourced = True
    source = answer.get("source")
    if isinstance(source, str):
        names = source.split(", ")
        is_sourced = all(name in ages or "age_s" in answer or "lag_s" in answer for name in names) or (
            names[0].startswith(("scorer:", "own ")) or names[0].endswith((":own measurement", ":own record"))
        )
    elif "source" in answer:
        is_sourced = False
    reasons = answer.get("unavailable") or {}
    for name, value in answer.items():
        here = f"{path}.{name}"
        if name in ("unavailable", "source") or (name in ("age_s", "sources") and is_sourced):
            continue
        if value is None:
            if isinstance(reasons, dict) and not reasons.get(name):
                found.append(f"{here} is null without a reason")
        elif isinstance(value, (dict, list)):
            found += flaws(value, here, ages=ages, is_sourced=is_sourced)
        elif is_number(value) and name not in NOT_MEASURED and not is_sourced and not _is_of_design(path):
            found.append(f"{here} = {value} has no source with an age")
    return found


def is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_of_design(path: str) -> bool:
    return path.endswith((".coverage", ".scorer"))


async def told(row: Operation[Any, Any], context: OperationContext) -> list[str]:
    found = []
    for example in row.examples:
        arguments = row.read(dict(example.arguments))
        try:
            answer = await row.answer(context, arguments)
        except OperationError as problem:
            if not problem.detail:
                found.append(f"{row.name}: refused without a reason")
            continue
        found += [f"{row.name}{flaw}" for flaw in flaws(msgspec.json.decode(msgspec.json.encode(answer)))]
    return found


async def test_every_number_has_a_source_with_an_age_and_every_null_a_reason() -> None:
    bench = Bench()
    settings: dict[str, OperationContext] = {
        "everything": whole(bench),
        "no wallets": whole(bench, wallets=None),
        "no monitor": whole(bench, monitor=None),
        "no venue": whole(Bench(), **refused()),
        "nobody asks": replace(Bench().context(), rest=None, positions=None, cohorts={}),
        "bare": replace(Bench().context(is_running=False), rest=None, positions=None, cohorts={}, scores=None),
    }
    wrong = []
    for name, context in settings.items():
        for row in KEYED:
            if row.name not in LOCAL:
                wrong += [f"{name}: {flaw}" for flaw in await told(row, context)]
    assert wrong == [], "\n".join(wrong)


def test_the_walk_finds_what_it_is_there_for() -> None:
    assert flaws({"ts": 1, "price": 3.0, "sources": []}) == [".price = 3.0 has no source with an age"]
    assert flaws({"price": None, "unavailable": {}, "sources": []}) == [".price is null without a reason"]
    metric = {"value": 1.0, "source": None, "unavailable": "x"}
    bare = {"metrics": {"a": metric}, "sources": [{"name": "n", "age_s": 1}]}
    assert flaws(bare) == [".metrics.a.value = 1.0 has no source with an age"]
    other = {"rows": [{"usd": 1.0, "source": "unknown"}], "sources": [{"name": "n", "age_s": 1}]}
    assert flaws(other) == [".rows[0].usd = 1.0 has no source with an age"]
