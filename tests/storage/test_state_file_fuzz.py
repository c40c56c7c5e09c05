"""state.json in every state of damage: it is read, or it is damaged as a whole; nothing else is ever raised."""

from __future__ import annotations

import asyncio
import math
import tempfile
from pathlib import Path

from hypothesis import example, given, settings

from altmonitor.core.errors import NewerSchemaError
from altmonitor.core.types import Destination
from altmonitor.settings.settings import SETTING_OF, Settings
from altmonitor.settings.state import EnvironmentDefaults, SettingsStore, State
from altmonitor.storage.overrides_format import StateDamaged
from altmonitor.storage.state_file import StateFile
from altmonitor.storage.state_format import decode, encode
from tests.effort import examples
from tests.fakes import ManualClock
from tests.fuzz import broken

STATE = {
    "version": 1,
    "pump_threshold": 5.0,
    "dump_threshold": -3.5,
    "cooldown_sec": 180,
    "oi_surge_1m": 3.0,
    "oi_surge_5m": 6.0,
    "vol_burst_mult": 5.0,
    "watchlist": ["SOLUSDT", "币安人生USDT"],
    "muted": {"DOGEUSDT": None, "PEPEUSDT": 1_790_000_000},
}
OLD = {"pump_threshold": 4.0, "muted": ["DOGEUSDT", "SOLUSDT"]}


NEW = {
    "version": 2,
    "pump_threshold": 5.0,
    "move_15m_pct": 8.0,
    "min_24h_usdt": 2_000_000.0,
    "watchlist": ["SOLUSDT"],
    "symbols": {"SOLUSDT": {"pump_threshold": 8.0, "cooldown_sec": 60}},
    "kinds": ["price", "vol"],
    "silent": False,
    "quiet": "23:00-07:00",
    "lang": "zh",
    "tz": "Asia/Shanghai",
    "outcome_line": False,
    "budget": {"per_day": 20, "thresholds": {"oi_surge_1m": 7.5}},
    "chats": {"-1002/7": {"kinds": ["oi"], "muted": {"DOGEUSDT": None}, "dump_threshold": -6.0}},
    "conditions": [
        {
            "id": 3,
            "place": "77",
            "owner_id": 7,
            "owner": "ann",
            "text": "btc > 70k",
            "created": 1_790_000_000,
            "symbol": "BTCUSDT",
            "when": "price_above",
            "level": 70000.0,
        }
    ],
}


def is_sound(state: State) -> bool:
    """Every value could have been set by a command, and the audiences that come of it are usable."""
    for overrides in (state.main, *state.chats.values()):
        numbers = [overrides.numbers_in_force, *(overrides.symbols or {}).values()]
        for key, value in (item for of in numbers for item in of.items()):
            assert SETTING_OF[key].accepts(value)
            assert math.isfinite(value)
        for symbol in (*(overrides.watchlist or ()), *(overrides.muted or {}), *(overrides.symbols or {})):
            assert symbol
            assert symbol.isprintable()
            assert len(symbol) <= 70
    settings_store = SettingsStore(
        Settings(), state, home=EnvironmentDefaults(destinations=(Destination(chat_id=-1001),))
    )
    assert settings_store.audiences[0].destination == Destination(chat_id=-1001)
    assert all(condition.destination in settings_store.destinations for condition in state.conditions)
    return True


@settings(max_examples=examples(800))
@given(broken(STATE) | broken(OLD) | broken(NEW))
@example(b"")
@example(b"\xef\xbb\xbf{}")
@example(b"[" * 100_000)
@example(b'{"version":1,"muted":' * 20_000)
@example(b'{"cooldown_sec":' + b"9" * 5_000 + b"}")
@example(b'{"pump_threshold":NaN}')
@example(b'{"pump_threshold":1e999}')
def test_what_is_not_damaged_is_sound_and_is_read_the_same_again(content: bytes) -> None:
    try:
        state = decode(content)
    except (StateDamaged, NewerSchemaError) as problem:
        assert str(problem)
        return
    assert is_sound(state)
    assert decode(encode(state)) == state


@settings(max_examples=examples(60))
@given(broken(STATE) | broken(NEW))
def test_the_program_starts_with_any_file_and_a_damaged_one_is_kept(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "state.json"
        path.write_bytes(content)
        file = StateFile(path, ManualClock())
        try:
            loaded = asyncio.run(file.load())
        except NewerSchemaError:
            assert path.read_bytes() == content
            return
        if loaded.aside is None:
            assert path.read_bytes() == content
            assert loaded.problem == ""
        else:
            assert loaded.aside.read_bytes() == content
            assert loaded.state == State()
            assert not path.exists()
        asyncio.run(file.save(loaded.state, who="test"))
        assert decode(path.read_bytes()) == loaded.state
