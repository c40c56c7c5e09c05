"""Windows, floors, one symbol's own thresholds, presets and the budget."""

from __future__ import annotations

from dataclasses import replace

import pytest

from altmonitor.commands.replies import NumbersChanged, SymbolsRefused, plain
from altmonitor.commands.replies_settings import (
    BudgetAccepted,
    BudgetProposed,
    BudgetShown,
    BudgetUnknown,
    Changed,
    PresetsShown,
    SymbolNumbersShown,
)
from altmonitor.settings.audience import BudgetSetting, Overrides
from altmonitor.settings.changes import Difference
from altmonitor.settings.presets import (
    PRESETS,
    BudgetProposal,
    BudgetRow,
    NotEnoughHistory,
    ThresholdRow,
    preset_in_force,
)
from altmonitor.settings.settings import SETTING_OF, Settings
from altmonitor.settings.state import EnvironmentDefaults, SettingsStore, State
from altmonitor.storage.state_format import decode, encode
from tests.commands.executor_kit import GROUP, MAIN, Desk


@pytest.mark.parametrize(
    ("text", "key", "value"),
    [
        ("/set_move 5m 4", "move_5m_pct", 4.0),
        ("/set_move 15M 7,5 %", "move_15m_pct", 7.5),
        ("/set_move 5m off", "move_5m_pct", 0.0),
        ("/set_liq 24h 2M", "min_24h_usdt", 2_000_000.0),
        ("/set_liq 24h $500k", "min_24h_usdt", 500_000.0),
        ("/set_liq OI 1.5b", "oi_min_usd", 1_500_000_000.0),
        ("/set_liq vol 75000usdt", "vol_burst_min_usdt", 75_000.0),
        ("/set_liq oi off", "oi_min_usd", 0.0),
    ],
)
async def test_windows_and_floors(text: str, key: str, value: float) -> None:
    desk = Desk(base=Settings(move_5m_pct=9.0, oi_min_usd=5.0))
    reply = await desk(text)
    assert isinstance(reply, NumbersChanged)
    assert getattr(desk.settings, key) == value


async def test_two_windows_at_once() -> None:
    desk = Desk()
    await desk("/set_move 15m 8 5m 4")
    assert (desk.settings.move_5m_pct, desk.settings.move_15m_pct) == (4.0, 8.0)


async def test_one_symbol_gets_thresholds_of_its_own_and_loses_them_again() -> None:
    desk = Desk()
    reply = await desk("/set sol pump 8")
    assert reply == Changed(differences=(Difference(key="pump_threshold", old=None, new=8.0, symbol="SOLUSDT"),))
    await desk("/set SOL/USDT oi5 off")
    await desk("/set sol cooldown 0")
    own = desk.settings.for_symbol("SOLUSDT")
    assert (own.pump_threshold, own.oi_surge_5m, own.cooldown_sec, own.dump_threshold) == (8.0, 0.0, 0, -3.0)
    assert desk.settings.for_symbol("BTCUSDT") is desk.settings
    shown = await desk("/set sol")
    assert shown == SymbolNumbersShown(
        rows={"SOLUSDT": {"pump_threshold": 8.0, "oi_surge_5m": 0.0, "cooldown_sec": 0}}, symbol="SOLUSDT"
    )
    await desk("/set sol pump default")
    await desk("/set sol default")
    assert desk.settings.of_symbol == {}
    assert await desk("/set") == SymbolNumbersShown(rows={})


async def test_what_a_delisted_symbol_has_of_its_own_can_be_taken_away() -> None:
    desk = Desk(overrides=Overrides(symbols={"GONEUSDT": {"pump_threshold": 8.0}}))
    assert isinstance(await desk("/set gone pump 9"), SymbolsRefused)
    await desk("/set gone default")
    assert desk.settings_store.state.main.symbols == {}


async def test_a_chat_that_changes_one_symbol_keeps_the_others_it_followed() -> None:
    desk = Desk(destinations=(MAIN, GROUP))
    await desk("/set sol pump 8")
    await desk("/set btc pump 1", at=GROUP)
    group = desk.settings_store.audiences[1].settings
    assert (group.for_symbol("SOLUSDT").pump_threshold, group.for_symbol("BTCUSDT").pump_threshold) == (8.0, 1.0)
    assert desk.settings.for_symbol("BTCUSDT").pump_threshold == 3.0


# --- presets -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PRESETS)
async def test_a_preset_sets_all_its_thresholds_at_once(name: str) -> None:
    desk = Desk(base=Settings(pump_threshold=99.0))
    reply = await desk(f"/preset {name}")
    assert isinstance(reply, NumbersChanged)
    assert len(desk.store.states) == 1
    assert await desk("/preset") == PresetsShown(current=name)


def test_the_original_values_are_those_everybody_knows() -> None:
    assert dict(PRESETS["original"]) == {
        "pump_threshold": 3.0,
        "dump_threshold": -3.0,
        "oi_surge_1m": 3.0,
        "oi_surge_5m": 6.0,
        "vol_burst_mult": 5.0,
        "funding_extreme_pct": 0.0,
        "liquidations_usd": 0.0,
        "basis_extreme_pct": 0.0,
        "cooldown_sec": 180,
        "move_5m_pct": 0.0,
        "move_15m_pct": 0.0,
    }


def test_every_preset_could_have_been_typed() -> None:
    for numbers in PRESETS.values():
        assert all(SETTING_OF[key].accepts(value) for key, value in numbers.items())
    assert preset_in_force(Settings(pump_threshold=3.3)) == ""


# --- budget ------------------------------------------------------------------------------------------------------


async def test_a_budget_is_shown_first_and_used_when_accepted() -> None:
    desk = Desk()
    shown = await desk("/budget 20")
    assert isinstance(shown, BudgetProposed)
    assert desk.store.states == []
    accept, cancel = plain(shown).buttons
    assert (accept.action, cancel.action) == ("/budget 20 yes", "cancel")
    assert await desk(cancel.action) is None
    assert isinstance(await desk(accept.action), BudgetAccepted)
    assert desk.settings.pump_threshold == 6.0
    assert await desk("/budget") == BudgetShown(per_day=20, numbers={"pump_threshold": 6.0})


async def test_multiples_that_a_budget_chose_hold_over_a_restart_as_long_as_bounds_follow_from_the_contract() -> None:
    adaptive = Settings(adaptive_sigmas=6.0, adaptive_volume_mult=2.0)
    chosen = Overrides(budget=BudgetSetting(per_day=20, numbers={"adaptive_sigmas": 8.0, "adaptive_volume_mult": 2.5}))
    kept = decode(encode(State(main=chosen))).main
    assert kept == chosen
    in_force = Desk(base=adaptive, overrides=kept).settings
    assert (in_force.adaptive_sigmas, in_force.adaptive_volume_mult) == (8.0, 2.5)
    assert Desk(base=Settings(), overrides=kept).settings == Settings(), "the environment says: fixed bounds"
    half = Desk(base=replace(adaptive, adaptive_volume_mult=0.0), overrides=kept).settings
    assert (half.adaptive_sigmas, half.adaptive_volume_mult) == (8.0, 0.0)


async def test_without_a_budget_the_thresholds_set_by_hand_hold_again() -> None:
    desk = Desk()
    await desk("/set_pump 4")
    await desk("/budget 20 yes")
    assert desk.settings.pump_threshold == 8.0
    reply = await desk("/budget off")
    assert reply == Changed(
        differences=(
            Difference(key="pump_threshold", old=8.0, new=4.0),
            Difference(key="budget", old=20, new=0),
        )
    )
    assert desk.settings.pump_threshold == 4.0
    assert await desk("/budget off") == BudgetShown(per_day=0, numbers={})


async def test_a_threshold_set_by_hand_wins_over_the_budgets() -> None:
    desk = Desk()
    await desk("/budget 20 yes")
    reply = await desk("/set_pump 4")
    assert isinstance(reply, NumbersChanged)
    assert reply.budget_was == 20
    assert desk.settings.pump_threshold == 4.0
    assert desk.settings_store.state.main.budget == BudgetSetting(per_day=20, is_over=True)
    assert await desk("/budget") == BudgetShown(per_day=20, numbers={}, is_over=True)
    again = await desk("/set_pump 5")
    assert isinstance(again, NumbersChanged)
    assert again.budget_was == 0


async def test_a_threshold_confirmed_by_hand_leaves_the_budget_as_it_is() -> None:
    desk = Desk()
    await desk("/budget 20 yes")
    await desk("/set_pump 6")
    assert await desk("/budget") == BudgetShown(per_day=20, numbers={"pump_threshold": 6.0})


async def test_the_environments_budget_is_over_once_a_threshold_is_set_by_hand() -> None:
    home = EnvironmentDefaults(destinations=(MAIN,), budget_per_day=20)
    for numbers, is_over in (({}, False), ({"pump_threshold": 4.0}, True)):
        state = State(main=Overrides(numbers=numbers))
        assert SettingsStore(Settings(), state, home=home).audiences[0].is_budget_over is is_over


def test_a_proposal_names_what_would_be_more_sensitive_than_now() -> None:
    rows = [ThresholdRow(key="dump_threshold", before=-8.0, after=-3.0), ThresholdRow(key="oi", before=3.0, after=4.0)]
    row = BudgetRow(kind="price", thresholds=tuple(rows), before_per_day=1.0, after_per_day=9.0)
    proposal = BudgetProposal(per_day=20, rows=(row,), history_days=7.0)
    assert [threshold.key for threshold in proposal.more_sensitive] == ["dump_threshold"]


async def test_a_preset_ends_a_budget() -> None:
    desk = Desk(destinations=(MAIN, GROUP))
    await desk("/budget 20 yes")
    await desk("/preset original", at=GROUP)
    main, group = desk.settings_store.audiences
    assert (main.budget_per_day, group.budget_per_day) == (20, 0)
    assert (main.settings.pump_threshold, group.settings.pump_threshold) == (6.0, 3.0)


async def test_a_chat_may_refuse_the_budget_it_follows() -> None:
    desk = Desk(destinations=(MAIN, GROUP))
    await desk("/budget 20 yes")
    await desk("/budget off", at=GROUP)
    assert [a.settings.pump_threshold for a in desk.settings_store.audiences] == [6.0, 3.0]
    assert desk.settings_store.state.chats[GROUP] == Overrides(budget=BudgetSetting(per_day=0))


async def test_too_little_history_changes_nothing() -> None:
    desk = Desk()
    desk.budget.missing = NotEnoughHistory(has_days=0.5, needs_days=3.0)
    assert await desk("/budget 20 yes") == BudgetUnknown(missing=NotEnoughHistory(has_days=0.5, needs_days=3.0))
    assert desk.settings_store.state == State()


async def test_a_proposal_out_of_range_is_never_saved() -> None:
    desk = Desk(base=Settings(pump_threshold=0.01))  # twice that is below what can be set
    with pytest.raises(ValueError, match="pump_threshold"):
        await desk("/budget 20 yes")
    assert desk.store.states == []
