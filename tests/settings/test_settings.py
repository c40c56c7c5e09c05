from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from altmonitor.core.types import Destination
from altmonitor.settings.audience import Overrides
from altmonitor.settings.settings import SETTING_OF, SETTINGS, Settings
from altmonitor.settings.state import EnvironmentDefaults, SettingsStore, State
from altmonitor.settings.variables import VARIABLES
from tests.commands.executor_kit import MAIN


@pytest.mark.parametrize("setting", [s for s in SETTINGS if s.variable], ids=lambda setting: setting.key)
def test_the_chat_and_the_environment_allow_the_same(setting: object) -> None:
    """Bounds are declared in both tables; they must not drift apart."""
    row = next(row for row in SETTINGS if row is setting)
    variable = next(variable for variable in VARIABLES if variable.name == row.variable)
    sign = -1 if row.key == "dump_threshold" else 1
    probes = [row.low * 0.99, row.low, row.high, row.high * 1.01, 0.0]
    for probe in probes:
        value = sign * (round(probe) if row.is_whole else probe)
        try:
            read = variable.read(str(value))
        except ValueError:
            assert not row.accepts(value), value
        else:
            assert row.accepts(read), value


@given(value=st.floats())
def test_what_is_kept_is_finite_in_range_and_would_be_read_back(value: float) -> None:
    for setting in SETTINGS:
        kept = setting.stored(value)
        if kept is None:
            continue
        assert math.isfinite(kept)
        assert setting.accepts(kept)
        assert setting.low <= abs(kept) <= setting.high or (setting.has_off and kept == 0)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("pump_threshold", -3.0),
        ("pump_threshold", math.nan),
        ("pump_threshold", "3"),
        ("pump_threshold", True),
        ("pump_threshold", None),
        ("dump_threshold", 3.0),
        ("oi_surge_1m", -1.0),
        ("oi_surge_1m", 0.05),
        ("vol_burst_mult", math.inf),
        ("cooldown_sec", 1.5),
        ("cooldown_sec", 10**400),
        ("pump_threshold", 10**400),
    ],
)
def test_what_no_command_could_have_kept_is_not_accepted(key: str, value: object) -> None:
    assert not SETTING_OF[key].accepts(value)


def test_overrides_lie_over_the_environment() -> None:
    base = Settings(pump_threshold=8.0, vol_burst_lookback=30)
    merged = Overrides(numbers={"dump_threshold": -4.0}, watchlist=frozenset({"SOLUSDT"})).over(base)
    assert (merged.pump_threshold, merged.dump_threshold, merged.vol_burst_lookback) == (8.0, -4.0, 30)
    assert merged.is_watched("SOLUSDT")
    assert not merged.is_watched("BTCUSDT")


def test_an_override_out_of_range_never_comes_into_force() -> None:
    settings_store = SettingsStore(Settings(), home=EnvironmentDefaults(destinations=(MAIN,)))
    with pytest.raises(ValueError, match="pump_threshold"):
        settings_store.swap(State(main=Overrides(numbers={"pump_threshold": 0.0})))
    assert settings_store.current == Settings()
    assert settings_store.overrides == Overrides()


def test_settings_cannot_be_changed_from_outside() -> None:
    mutable: dict[str, int | None] = {"DOGEUSDT": None}
    settings = Overrides(muted=mutable).over(Settings())
    mutable["SOLUSDT"] = None
    assert not settings.is_muted("SOLUSDT", 0)


def test_the_longest_cooldown_is_that_of_the_most_patient_symbol() -> None:
    slow = Settings(cooldown_sec=900)
    assert Settings(cooldown_sec=180).longest_cooldown_s == 180
    assert Settings(cooldown_sec=180, of_symbol={"SOLUSDT": slow, "BTCUSDT": Settings()}).longest_cooldown_s == 900
    assert Settings(cooldown_sec=0).longest_cooldown_s == 0


def test_a_channel_starts_from_its_preset_follows_nothing_of_the_main_chat_and_may_be_changed_like_any_other() -> None:
    channel, moved = Destination(chat_id=-1007001), Destination(chat_id=-1007002)
    home = EnvironmentDefaults(destinations=(MAIN, channel), presets={channel: "calm"}, budget_per_day=20)
    store = SettingsStore(Settings(oi_min_usd=7.0e6), home=home)
    main = Overrides(numbers={"pump_threshold": 40.0, "move_5m_pct": 2.0}, muted={"*": None}, lang="ru")
    store.swap(State(main=main))
    told = store.audience_at(channel)
    assert (told.settings.pump_threshold, told.settings.vol_burst_mult, told.settings.cooldown_sec) == (8.0, 100.0, 900)
    assert (told.settings.move_5m_pct, told.settings.oi_min_usd) == (0.0, 7.0e6), "the rest is the environment's"
    assert (dict(told.settings.muted), told.lang, told.budget_per_day) == ({}, "en", 0)
    store.swap(State(main=main, chats={channel: Overrides(numbers={"pump_threshold": 6.0})}))
    assert store.audience_at(channel).settings.pump_threshold == 6.0
    assert store.would_be(channel, Overrides()).settings.pump_threshold == 8.0, "a reset goes back to the preset"
    store.moved(channel, moved)
    assert [audience.destination for audience in store.audiences] == [MAIN, moved]
    assert store.audience_at(moved).settings.pump_threshold == 6.0
    assert store.would_be(moved, Overrides()).settings.pump_threshold == 8.0
