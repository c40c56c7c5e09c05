"""No number without a source and an age, no null without a reason: all answers of the Smart Money API are walked."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec

from altmonitor.market.liquidations import LiquidationMinute
from altmonitor.operations.context import OperationContext
from altmonitor.operations.errors import OperationError
from altmonitor.operations.known_fundings import live_fundings
from altmonitor.operations.operation import Operation
from altmonitor.operations.table import OPERATIONS
from altmonitor.operations.trader_detail import TRADER_DETAIL_OPERATIONS
from altmonitor.operations.trader_signals import SIGNAL_OPERATIONS
from altmonitor.operations.traders import TRADER_OPERATIONS
from tests.operations.operations_kit import NOW_MS, Bench
from tests.operations.score_kit import refused, whole
from tests.operations.standing_traders import StandingTraders
from tests.operations.test_confirm import asked

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


MORE: dict[str, list[dict[str, Any]]] = {
    "confirm_trade": [{"symbol": "SOLUSDT", "direction": "short"}, {"symbol": "BTCUSDT", "direction": "long"}],
    "score_snapshot": [{"symbol": "BTCUSDT"}],
    "liquidation_levels": [{"symbol": "BTCUSDT"}],
    "smart_stop": [{"symbol": "BTCUSDT", "direction": "short"}],
    "whale_split": [{"symbol": "BTCUSDT"}],
    "whale_events": [{"significance": "all", "hours": 48}, {"symbol": "BTCUSDT"}],
    "funding_arb": [{"min_spread": 0}, {"min_spread": 50}],
    "taker_flows": [{}],
    "score_signals": [{"confidence": "all"}],
    "regime_history": [{}, {"days": 365, "regime": "breakout"}],
    "score_analysis": [{"symbol": "BTCUSDT"}],
}
"""Questions beside the examples of a row, where the answer has other parts."""


async def told(row: Operation[Any, Any], context: OperationContext) -> list[str]:
    found = []
    for given in (*(one.arguments for one in row.examples), *MORE.get(row.name, ())):
        arguments = row.read(dict(given))
        try:
            answer = await row.answer(context, arguments)
        except OperationError as problem:
            if not problem.detail:
                found.append(f"{row.name}: refused without a reason")
            continue
        found += [f"{row.name}{flaw}" for flaw in flaws(msgspec.json.decode(msgspec.json.encode(answer)))]
    return found


async def kept() -> Bench:
    """What a monitor has stored: past liquidations of two venues, fundings, a look."""
    bench = Bench()
    one = LiquidationMinute(symbol="SOLUSDT", is_long=True, minute_ms=NOW_MS - 600_000, usd=5e4, price=101.0, count=2)
    for venue, is_sampled in (("binance", True), ("bybit", False)):
        await bench.scores.liquidations.add(
            venue,  # type: ignore[arg-type]
            [one],
            from_ms=NOW_MS - 3_600_000,
            to_ms=NOW_MS,
            is_sampled=is_sampled,
        )
    running = bench.context().monitor
    assert running is not None
    fundings = await live_fundings(running, NOW_MS)
    await bench.scores.fundings.replace([row for rows in fundings.values() for row in rows])
    await asked("set_preferences", whole(bench), watchlist=["SOLUSDT", "BTCUSDT"])
    return bench


def test_the_questions_beside_the_examples_are_of_rows_that_are_walked() -> None:
    assert set(MORE) <= {row.name for row in KEYED}
    assert len(KEYED) - len(LOCAL) >= 17


async def test_every_answer_about_traders_names_where_it_is_from_and_why_a_part_is_null() -> None:
    """K's numbers are text, and one list of sources and notes stands for the whole of an answer."""
    few = StandingTraders(refuses=frozenset({"orders_history"}))
    wrong, walked = [], 0
    for traders in ([StandingTraders()], [StandingTraders(name="okx_key")], [few]):
        bench = Bench()
        bench.traders = traders
        for row in (*TRADER_OPERATIONS, *TRADER_DETAIL_OPERATIONS, *SIGNAL_OPERATIONS):
            for example in row.examples:
                try:
                    answer = await row.answer(bench.context(), row.read(dict(example.arguments)))
                except OperationError as problem:
                    assert problem.detail
                    continue
                walked += 1
                shown = msgspec.to_builtins(answer)
                if not shown["sources"] or any(one["ageS"] is None or one["ageS"] < 0 for one in shown["sources"]):
                    wrong.append(f"{row.name}: {shown['sources']}")
                wrong += [
                    f"{row.name}.{name} is null without a note"
                    for name in ("performance", "positions", "orders")
                    if name in shown and shown[name] is None and not any(name in note for note in shown["notes"])
                ]
    assert wrong == []
    assert walked >= 30


async def test_every_number_has_a_source_with_an_age_and_every_null_a_reason() -> None:
    bench = Bench()
    stored = await kept()
    settings: dict[str, OperationContext] = {
        "everything": whole(bench),
        "stored": whole(stored, wallets=None),
        "beside a monitor": whole(stored, monitor=None, wallets=None),
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
