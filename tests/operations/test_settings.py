"""Settings as programs see and change them: the same numbers, checks and record as in the chat."""

from __future__ import annotations

import msgspec
import pytest

from altmonitor.config import load
from altmonitor.core.types import Destination
from altmonitor.operations.errors import BadArgument, Forbidden, Unavailable
from altmonitor.operations.settings import AdaptiveBounds, NoArguments, get_settings, set_settings, settings_in_force
from altmonitor.operations.table import OPERATION_OF
from altmonitor.settings.settings import SETTINGS
from altmonitor.settings.state import EnvironmentDefaults, SettingsStore
from altmonitor.storage.state_file import base_settings
from tests.operations.operations_kit import Bench

SET = OPERATION_OF["set_settings"]


async def test_every_number_of_the_table_is_there_with_unit_range_and_what_the_environment_says() -> None:
    bench = Bench()
    await bench.desk("/set_pump 5")
    await bench.desk("/mute doge")
    found = await get_settings(bench.context(), NoArguments())
    assert [number.key for number in found.numbers] == [setting.key for setting in SETTINGS]
    pump = found.numbers[0]
    assert (pump.key, pump.unit, pump.value, pump.environment) == ("pump_threshold", "%", 5.0, 3.0)
    assert (pump.low, pump.high, pump.has_off, pump.command) == (0.1, 100, False, "set_pump")
    assert (found.muted, found.watchlist, found.lang) == ({"DOGEUSDT": None}, (), "en")


def test_bounds_that_follow_the_contract_are_said_with_what_they_follow_from() -> None:
    home = EnvironmentDefaults(destinations=(Destination(chat_id=1),))
    asked = {
        "THRESHOLD_MODE": "adaptive",
        "ADAPTIVE_SIGMAS": "5",
        "ADAPTIVE_VOLUME_MULT": "2.5",
        "ADAPTIVE_VOLUME_FLOOR": "4",
    }
    found = []
    for environment in ({}, asked, asked | {"THRESHOLD_MODE": "fixed"}):
        config, _ = load(environment, env_file=None)
        found.append(settings_in_force(SettingsStore(base_settings(config), home=home)).adaptive)
    assert found == [None, AdaptiveBounds(sigmas=5.0, floor_pct=1.0, volume_mult=2.5, volume_floor=4.0), None]


async def test_a_change_is_saved_in_force_recorded_and_can_be_taken_back_in_the_chat() -> None:
    bench = Bench()
    arguments = SET.read({"pump_threshold": 5, "dump_threshold": -4.5, "cooldown_sec": 300})
    found = await set_settings(bench.context(), arguments)
    assert [(change.key, change.old, change.new) for change in found.changes] == [
        ("pump_threshold", 3.0, 5.0),
        ("dump_threshold", -3.0, -4.5),
        ("cooldown_sec", 180, 300),
    ]
    assert found.warning is None
    assert (bench.desk.settings.pump_threshold, bench.desk.settings.cooldown_sec) == (5.0, 300)
    assert len(bench.desk.store.states) == 1
    (row,) = bench.desk.changes.rows
    assert row.made.command == "pump_threshold=5 dump_threshold=-4.5 cooldown_sec=300"
    await bench.desk("/undo")
    assert (bench.desk.settings.pump_threshold, bench.desk.settings.cooldown_sec) == (3.0, 180)


def test_what_the_chat_would_refuse_is_refused() -> None:
    findings = [
        {"pump_threshold": 0},
        {"pump_threshold": 101},
        {"pump_threshold": -5},
        {"dump_threshold": 5},
        {"cooldown_sec": 1.5},
        {"cooldown_sec": "300"},
        {"pump": 5},
        {"watchlist": []},
        {"pump_threshold": None},
    ]
    for given in findings:
        with pytest.raises(BadArgument):
            SET.read(given)


async def test_between_off_and_the_smallest_there_is_nothing() -> None:
    bench = Bench()
    with pytest.raises(BadArgument, match="oi_surge_1m"):
        await set_settings(bench.context(), SET.read({"oi_surge_1m": 0.05}))
    await set_settings(bench.context(), SET.read({"oi_surge_1m": 0}))
    assert bench.desk.settings.oi_surge_1m == 0


async def test_nothing_named_changes_nothing_and_is_not_recorded() -> None:
    bench = Bench()
    assert (await set_settings(bench.context(), SET.read({}))).changes == ()
    assert bench.desk.store.states == []


async def test_a_disk_that_refuses_leaves_everything_as_it_was() -> None:
    bench = Bench()
    bench.desk.store.problem = "read-only file system"
    with pytest.raises(Unavailable, match="read-only"):
        await SET.answer(bench.context(), SET.read({"pump_threshold": 5}))
    assert bench.desk.settings.pump_threshold == 3.0


async def test_a_change_that_cannot_be_recorded_holds_and_says_so() -> None:
    bench = Bench()
    bench.desk.changes.problem = "disk full"
    found = await set_settings(bench.context(), SET.read({"pump_threshold": 5}))
    assert found.warning == "the change is in force but not recorded: disk full"
    assert bench.desk.settings.pump_threshold == 5.0


async def test_who_may_only_read_changes_nothing() -> None:
    with pytest.raises(Forbidden):
        await set_settings(Bench().context(may_write=False), SET.read({"pump_threshold": 5}))


def test_the_schema_of_a_change_holds_the_ranges_of_the_table() -> None:
    schema = msgspec.json.schema(SET.arguments)["$defs"]["SettingsChange"]["properties"]
    assert (schema["pump_threshold"]["minimum"], schema["pump_threshold"]["maximum"]) == (0.1, 100)
    assert (schema["dump_threshold"]["minimum"], schema["dump_threshold"]["maximum"]) == (-100, -0.1)
    assert schema["oi_surge_1m"]["anyOf"] == [{"const": 0}, {"minimum": 0.1}]
    assert schema["cooldown_sec"]["type"] == "integer"
