"""state.json in every state of damage: it is read, or it is damaged as a whole; nothing else is ever raised."""

from __future__ import annotations

import asyncio
import math
import tempfile
from pathlib import Path

from hypothesis import example, given, settings

from altmonitor.control.settings import SETTING_OF, Overrides, Settings
from altmonitor.errors import NewerSchemaError
from altmonitor.storage.state_file import StateFile
from altmonitor.storage.state_format import Damaged, decode, encode
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


def is_sound(overrides: Overrides) -> bool:
    """Every value could have been set by a command, and the settings over it are usable."""
    in_range = all(SETTING_OF[key].accepts(value) for key, value in overrides.numbers.items())
    finite = all(math.isfinite(value) for value in overrides.numbers.values())
    symbols = [*overrides.watchlist, *overrides.muted]
    named = all(symbol and symbol.isprintable() and len(symbol) <= 70 for symbol in symbols)
    settings = overrides.over(Settings())
    return in_range and finite and named and all(settings.is_muted(s, 0.0) in (True, False) for s in overrides.muted)


@settings(max_examples=800, deadline=None)
@given(broken(STATE) | broken(OLD))
@example(b"")
@example(b"\xef\xbb\xbf{}")
@example(b"[" * 100_000)
@example(b'{"version":1,"muted":' * 20_000)
@example(b'{"cooldown_sec":' + b"9" * 5_000 + b"}")
@example(b'{"pump_threshold":NaN}')
@example(b'{"pump_threshold":1e999}')
def test_what_is_not_damaged_is_sound_and_is_read_the_same_again(content: bytes) -> None:
    try:
        overrides = decode(content)
    except (Damaged, NewerSchemaError) as problem:
        assert str(problem)
        return
    assert is_sound(overrides)
    assert decode(encode(overrides)) == overrides


@settings(max_examples=60, deadline=None)
@given(broken(STATE))
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
            assert loaded.overrides == Overrides()
            assert not path.exists()
        asyncio.run(file.save(loaded.overrides, who="test"))
        assert decode(path.read_bytes()) == loaded.overrides
