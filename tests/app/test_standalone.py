"""Operations beside a monitor, or without one: what is stored, and the exchange behind the shared guard."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from altmonitor import config as configuration
from altmonitor.app.positioning import positioning_deps
from altmonitor.app.standalone import WEBSITE_QUESTIONS, KeptOutcomes, asking_context, stored_context
from altmonitor.config import Config
from altmonitor.core.clock import ScaledClock
from altmonitor.core.errors import NoSnapshotsYet, StorageError
from altmonitor.core.outcome import OutcomeSummary
from altmonitor.interfaces.exchange import Priority
from altmonitor.operations.context import OperationContext
from altmonitor.operations.errors import OperationError, Unavailable
from altmonitor.operations.table import OPERATION_OF
from altmonitor.sim.exchange import SimExchange
from altmonitor.sim.market import SeededMarket
from tests.movable_clock import MovableClock
from tests.storage.samples import pump
from tests.storage.test_store import kept

T0 = 1_790_000_100_000


def configured(folder: Path, **more: str) -> Config:
    given = {
        "DB_FILE": str(folder / "alerts.db"),
        "STATE_FILE": str(folder / "state.json"),
        "SMART_MONEY_DB_PATH": str(folder / "snapshots.db"),
        **more,
    }
    return configuration.load(given, env_file=None)[0]


@asynccontextmanager
async def asking(folder: Path) -> AsyncIterator[tuple[SimExchange, OperationContext]]:
    os.makedirs(folder, exist_ok=True)
    clock = ScaledClock(start_ms=T0, speed=1.0)
    market = SeededMarket(seed=7, start_ms=T0, symbols=60, frames_per_s=10)
    async with SimExchange(market, clock=clock) as exchange:
        config = configured(folder, BINANCE_REST_URL=exchange.rest_url, BINANCE_WEB_URL=exchange.web_url)
        async with asking_context(config, clock=clock) as context:
            yield exchange, context


async def test_without_anything_stored_each_look_says_what_to_run(tmp_path: Path) -> None:
    context = stored_context(configured(tmp_path), clock=ScaledClock(start_ms=T0, speed=1.0))
    with pytest.raises(StorageError, match="altmonitor run"):
        await context.history().recent(limit=1)
    with pytest.raises(NoSnapshotsYet, match="altmonitor track"):
        async with context.snapshots():
            pass
    with pytest.raises(Unavailable):
        context.running()
    assert (await context.settings()).main.pump_threshold == 3.0
    assert os.listdir(tmp_path) == []


async def test_alerts_of_a_monitor_are_read_while_it_runs(tmp_path: Path) -> None:
    async with kept(tmp_path / "alerts.db") as monitor:
        monitor.store.put(pump("AUSDT"))
        await monitor.until(lambda: monitor.store.outbox_status().queued == 1)
        context = stored_context(configured(tmp_path), clock=monitor.clock)
        found = await context.history().recent(limit=5)
        assert [(row.alert.symbol, row.delivery) for row in found] == [("AUSDT", "queued")]
        assert (await context.history().stats(since_s=0, top=3)).total == 1


async def test_settings_are_those_a_command_saved_and_a_damaged_file_is_left_as_it_is(tmp_path: Path) -> None:
    context = stored_context(configured(tmp_path), clock=ScaledClock(start_ms=T0, speed=1.0))
    state = tmp_path / "state.json"
    state.write_text(json.dumps({"version": 1, "pump_threshold": 5.5}), "utf-8")
    assert (await context.settings()).main.pump_threshold == 5.5
    state.write_text("{", "utf-8")
    with pytest.raises(StorageError, match="state"):
        await context.settings()
    assert os.listdir(tmp_path) == ["state.json"]
    assert state.read_text("utf-8") == "{"


async def test_the_exchange_answers_through_the_guard(tmp_path: Path) -> None:
    async with asking(tmp_path) as (_, context):
        assert context.positions is not None
        facts = await context.positions.who("ETHUSDT")
        assert facts.missing == ()
        row = OPERATION_OF["get_settings"]
        assert (await row.answer(context, row.read({}))).numbers


async def test_whatever_is_asked_here_the_website_hears_four_questions_a_minute_and_alerts_still_get_theirs(
    tmp_path: Path,
) -> None:
    async with asking(tmp_path) as (_, context):
        row = OPERATION_OF["get_smart_money"]
        names = ["BTC", "ETH", "SOL", "XRP", "DOGE", "ADA", "LINK", "AVAX", "BNB", "TRX"]

        async def ask(name: str) -> str:
            try:
                await row.answer(context, row.read({"symbol": name}))
            except OperationError as problem:
                return problem.detail
            return "told"

        told = await asyncio.gather(*(ask(name) for name in names))
        assert told.count("told") <= WEBSITE_QUESTIONS
        assert sum("our own share of its requests is used up" in one for one in told) == 6
        assert await ask(names[0]) == "told", "what is kept costs nothing"
        config = context.config
        async with positioning_deps(config, clock=context.clock) as monitor:  # another process of this machine
            found = await monitor.smart_money.overview("BNBUSDT", priority=Priority.ENRICH)
            held = await monitor.rest.open_interest("BNBUSDT", priority=Priority.ENRICH)
    assert found is not None
    assert held.contracts > 0


async def test_what_followed_is_reckoned_once_a_minute_however_many_look_and_anew_for_other_settings() -> None:
    clock, asked = MovableClock(), []

    async def read(settings: str) -> OutcomeSummary:
        asked.append(settings)
        await asyncio.sleep(0)
        if settings == "broken":
            raise StorageError("alerts.db cannot be read")
        return OutcomeSummary(since_ms=None, alerts=len(asked), pending=0, earlier=0, fee_pct=0.05, rows=(), forward=())

    kept_outcomes = KeptOutcomes(read, clock=clock)
    found = await asyncio.gather(*(kept_outcomes.of("a") for _ in range(5)))
    assert [one.alerts for one in found] == [1] * 5
    await clock.advance(59.0)
    assert (await kept_outcomes.of("a")).alerts == 1
    await clock.advance(2.0)
    assert (await kept_outcomes.of("a")).alerts == 2
    assert (await kept_outcomes.of("b")).alerts == 3
    for _ in range(2):
        with pytest.raises(StorageError):
            await kept_outcomes.of("broken")
    assert asked == ["a", "a", "b", "broken", "broken"]
