"""Conditions about scores over HTTP: the chat's own, with units, refusals, and what was told."""

from __future__ import annotations

import pytest

from altmonitor.operations.errors import BadArgument, Forbidden
from altmonitor.storage.state_format import decode, encode
from tests.operations.operations_kit import Bench
from tests.operations.score_kit import whole
from tests.operations.test_confirm import asked

FUNDING = {
    "name": "funding too high",
    "metric": "funding_rate",
    "operator": "gte",
    "threshold": 0.0005,
    "symbol": "sol",
    "cooldown_minutes": 30,
}


async def test_j28_a_condition_is_created_listed_and_deleted_and_the_chat_knows_it() -> None:
    bench = Bench()
    context = whole(bench)
    made = await asked("add_condition", context, **FUNDING)
    assert (made.symbol, made.metric, made.operator, made.cooldown_minutes) == ("SOLUSDT", "funding_rate", "gte", 30)
    assert made.name == "funding too high"
    assert made.threshold_shown == "0.05 % per 8 h"
    assert [one.id for one in (await asked("list_conditions", context)).conditions] == [made.id]
    kept = bench.desk.settings_store.state
    assert decode(encode(kept)).conditions == kept.conditions
    again = await asked("add_condition", context, **FUNDING)
    assert again.id == made.id
    assert (await asked("delete_condition", context, id=str(made.id))).is_deleted
    assert (await asked("list_conditions", context)).conditions == ()
    assert not (await asked("delete_condition", context, id=str(made.id))).is_deleted


async def test_j32_on_chain_metrics_and_unknown_ones_are_refused_with_the_reason() -> None:
    context = whole()
    for metric, why in (("mvrv", "no on-chain provider"), ("sopr", "no on-chain"), ("beauty", "must be one of")):
        with pytest.raises(BadArgument, match=why):
            await asked("add_condition", context, **{**FUNDING, "metric": metric})
    with pytest.raises(BadArgument, match="operator must be one of"):
        await asked("add_condition", context, **{**FUNDING, "operator": "near"})
    with pytest.raises(BadArgument, match="name must be text of 1 to 64"):
        await asked("add_condition", context, **{**FUNDING, "name": "x" * 65})


async def test_negative_thresholds_and_small_ones_arrive_as_they_were_sent() -> None:
    context = whole()
    for threshold in (-0.5, 1e-05, 123456789.25, 0.0):
        made = await asked("add_condition", context, **{**FUNDING, "metric": "composite_short", "threshold": threshold})
        assert made.threshold == threshold


async def test_where_nothing_may_be_changed_a_condition_is_refused() -> None:
    with pytest.raises(Forbidden):
        await asked("add_condition", whole(run_command=None), **FUNDING)
