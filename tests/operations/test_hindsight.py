"""What followed alerts, and what other thresholds would have told, as operations."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
import pytest

from altmonitor.core.outcome import OutcomeRow, OutcomeSummary
from altmonitor.operations.errors import BadArgument, NoMonitor, NotFound, Unavailable
from altmonitor.operations.table import OPERATION_OF
from altmonitor.settings.audience import Audience
from altmonitor.settings.presets import NotEnoughHistory, Trial
from tests.operations.operations_kit import Bench


async def told(bench: Bench, name: str, *, is_running: bool = True, **arguments: object) -> Any:
    row = OPERATION_OF[name]
    return msgspec.to_builtins(await row.answer(bench.context(is_running=is_running), row.read(arguments)))


async def test_outcomes_are_of_whole_kinds_after_the_minutes_that_were_asked_for() -> None:
    bench = Bench()
    usual = await told(bench, "get_outcomes", is_running=False)
    assert usual["horizon_min"] == 15
    assert {row["horizon_min"] for row in (*usual["kinds"], *usual["forward"])} <= {15}
    assert all(row["direction"] is None for row in usual["kinds"])
    with pytest.raises(BadArgument, match="horizon_min must be one of 5, 15, 60, 240, 1440"):
        await told(bench, "get_outcomes", horizon_min=7)
    row = OPERATION_OF["get_outcomes"]
    context = bench.context()
    object.__setattr__(context, "outcomes", None)
    with pytest.raises(NotFound, match="HISTORY_ENABLED"):
        await row.answer(context, row.read({}))


async def test_outcomes_are_told_by_direction_too_also_where_no_number_is_known_yet() -> None:
    def row(**fields: object) -> OutcomeRow:
        known = OutcomeRow(
            kind="oi", direction=None, quadrant=None, horizon_min=15, alerts=2, unknown=0, moments=2, blocks=1
        )
        return replace(known, **fields)  # type: ignore[arg-type]

    rows = (
        row(),
        row(direction="UP"),
        row(direction="DOWN", alerts=0, unknown=3, moments=0),
        row(direction="UP", quadrant="long_build"),
        row(direction="UP", horizon_min=60),
    )

    async def outcomes() -> OutcomeSummary:
        return OutcomeSummary(since_ms=1, alerts=2, pending=0, earlier=0, fee_pct=0.05, rows=rows, forward=())

    operation = OPERATION_OF["get_outcomes"]
    found = await operation.answer(replace(Bench().context(), outcomes=outcomes), operation.read({}))
    assert (found.kinds, found.directions) == (rows[:1], rows[1:3])


async def test_a_trial_says_what_is_tried_and_changes_nothing() -> None:
    bench = Bench()
    found = await told(bench, "try_thresholds", words="pump 4 last 7d")
    assert found["changes"] == ({"key": "pump_threshold", "unit": "%", "now": 3.0, "then": 4.0},)
    assert found["kinds"]
    assert bench.words == []
    for words in ("pump", "pump many", "nosuch 4"):
        with pytest.raises(BadArgument, match="such as pump 4 oi 2 5 last 7d"):
            await told(bench, "try_thresholds", words=words)


async def test_a_trial_says_over_whose_candles_it_counted_and_refuses_another_exchanges() -> None:
    bench = Bench()
    alone = await told(bench, "try_thresholds", words="pump 4")
    assert (alone["counted_over"], alone["not_counted"]) == ("binance", ())
    context = bench.context()
    assert context.monitor is not None
    venues = {"binance": context.monitor.main, "okx": context.monitor.main}
    context = replace(context, monitor=replace(context.monitor, venues=venues))
    row = OPERATION_OF["try_thresholds"]
    found = msgspec.to_builtins(await row.answer(context, row.read({"words": "pump 4 binance"})))
    assert (found["counted_over"], found["not_counted"]) == ("binance", ("okx",))
    for words in ("pump 4 okx", "bybit pump 4 last 7d"):
        with pytest.raises(BadArgument, match="past candles are kept of Binance alone"):
            await row.answer(context, row.read({"words": words}))


async def test_without_a_monitor_or_enough_days_it_says_what_to_do() -> None:
    class Fresh(Bench):
        async def tried(self, now: Audience, then: Audience, last_s: int | None) -> Trial | NotEnoughHistory:
            return NotEnoughHistory(has_days=0.2, needs_days=1.0)

    with pytest.raises(NoMonitor):
        await told(Bench(), "try_thresholds", is_running=False, words="pump 4")
    with pytest.raises(Unavailable, match=r"0\.2 days of history are loaded, 1\.0 are needed"):
        await told(Fresh(), "try_thresholds", words="pump 4")
