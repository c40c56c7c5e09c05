"""The environment's budget only ever raises, and knows what the program knows."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from altmonitor.app.kept_budget import KeptBudget, KeptBudgetDeps, raised
from altmonitor.core.errors import UnknownSymbol
from altmonitor.core.types import Destination
from altmonitor.replay.budget import AlertBudget, BudgetDeps
from altmonitor.settings.settings import Settings
from altmonitor.settings.state import EnvironmentDefaults, SettingsStore
from tests.replay.test_recorder import SYMBOLS, Stage


def test_a_threshold_of_a_budget_is_never_nearer_to_zero_than_the_environments() -> None:
    base = Settings(pump_threshold=3.0, dump_threshold=-4.0, oi_surge_5m=6.0, vol_burst_mult=5.0)
    proposed = {"pump_threshold": 6.0, "dump_threshold": -1.0, "oi_surge_5m": 2.0, "vol_burst_mult": 60.0}
    assert raised(base, proposed) == {
        "pump_threshold": 6.0,
        "dump_threshold": -4.0,
        "oi_surge_5m": 6.0,
        "vol_burst_mult": 60.0,
    }


async def test_thresholds_follow_at_once_from_the_candles_that_a_start_has_fetched(tmp_path: Path) -> None:
    """They come after the recorder has looked for the first time, and before it looks again."""
    stage = Stage(tmp_path)
    stage.rest.failing = lambda what, symbol: UnknownSymbol(symbol)
    watched: Sequence[str] = []
    settings_store = SettingsStore(
        Settings(pump_threshold=3.0), home=EnvironmentDefaults(destinations=(Destination(chat_id=5),))
    )
    budget = AlertBudget(
        BudgetDeps(
            live_tape=stage.live_tape,
            listed=lambda: SYMBOLS,
            day_usdt=lambda symbol: None,
            now_s=lambda: stage.clock.now_ms() / 1000,
        )
    )
    kept = KeptBudget(
        KeptBudgetDeps(
            per_day=20,
            settings_store=settings_store,
            recorder=stage.recorder,
            propose=budget.propose,
            listed=lambda: watched,
            clock=stage.clock,
        )
    )
    async with stage.running(is_day_wanted=False):
        await stage.clock.advance(1)
        task = asyncio.create_task(kept.run())
        for symbol in SYMBOLS:
            stage.close_minutes(symbol, 90, high=1.2)  # a wild market: each minute's candle reaches 20 %
        watched = SYMBOLS
        await stage.clock.advance(1)
        task.cancel()
    assert settings_store.base.pump_threshold > 3.0
