"""state.json: atomic, all or nothing, never overwritten when it is not understood."""
# ruff: noqa: ASYNC240 – a test may block on its own small files

from __future__ import annotations

import asyncio
import json
import os
import socket
import stat
from pathlib import Path

import pytest

from altmonitor.config import load
from altmonitor.core.errors import NewerSchemaError, StorageError
from altmonitor.core.types import Destination
from altmonitor.settings.audience import BudgetSetting, Overrides, QuietHours
from altmonitor.settings.conditions import Condition, PriceCrosses, PriceMoves
from altmonitor.settings.settings import Settings
from altmonitor.settings.state import DestinationOverrides, EnvironmentDefaults, SettingsStore, State
from altmonitor.storage.state_file import StateFile, base_settings, which_won
from altmonitor.storage.state_format import decode_own, encode_own
from tests.fakes import ManualClock

SECOND = 1_790_000_040
CHAT = Destination(chat_id=-1001)
MAIN = Overrides(
    numbers={
        "pump_threshold": 5.0,
        "dump_threshold": -3.25,
        "cooldown_sec": 180,
        "oi_surge_1m": 0.0,
        "oi_surge_5m": 6.0,
        "vol_burst_mult": 5.0,
    },
    watchlist=frozenset({"SOLUSDT", "币安人生USDT"}),
    muted={"DOGEUSDT": None, "PEPEUSDT": 1_790_000_000},
)


FULL = State(main=MAIN)
COOLDOWN = State(main=Overrides(numbers={"cooldown_sec": 60}))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state.json"


def state_file(path: Path) -> StateFile:
    return StateFile(path, ManualClock(SECOND * 1000 + 999))


def files_beside(path: Path) -> list[str]:
    return sorted(entry.name for entry in path.parent.iterdir())


async def test_without_a_file_nothing_is_overridden_and_none_is_made(path: Path) -> None:
    loaded = await state_file(path).load()
    assert (loaded.overrides, loaded.problem, loaded.aside) == (Overrides(), "", None)
    assert not path.exists()


async def test_what_was_saved_is_loaded_again(path: Path) -> None:
    await state_file(path).save(FULL, who="user 7")
    assert (await state_file(path).load()).state == FULL
    assert files_beside(path) == ["state.json"]


async def test_the_file_has_the_documented_form_and_only_what_was_changed(path: Path) -> None:
    await state_file(path).save(FULL, who="user 7")
    assert json.loads(path.read_text("utf-8")) == {
        "version": 2,
        "pump_threshold": 5.0,
        "dump_threshold": -3.25,
        "cooldown_sec": 180,
        "oi_surge_1m": 0.0,
        "oi_surge_5m": 6.0,
        "vol_burst_mult": 5.0,
        "watchlist": ["SOLUSDT", "币安人生USDT"],
        "muted": {"DOGEUSDT": None, "PEPEUSDT": 1790000000},
    }
    await state_file(path).save(COOLDOWN, who="user 7")
    assert json.loads(path.read_text("utf-8")) == {"version": 2, "cooldown_sec": 60}


EVERYTHING = State(
    main=Overrides(
        numbers={"move_5m_pct": 4.0, "min_24h_usdt": 2e6, "oi_min_usd": 0.0},
        watchlist=frozenset(),
        symbols={"SOLUSDT": {"pump_threshold": 8.0, "cooldown_sec": 60}},
        kinds=frozenset({"price", "oi"}),
        is_silent=True,
        quiet=QuietHours(begin_minute=1380, end_minute=420),
        lang="ru",
        tz="Europe/Berlin",
        budget=BudgetSetting(per_day=20, numbers={"pump_threshold": 6.5, "cooldown_sec": 90}),
    ),
    chats={
        Destination(chat_id=-1002): Overrides(muted={}, quiet="off", is_silent=False, budget=BudgetSetting(per_day=0)),
        Destination(chat_id=-1002, topic_id=7): Overrides(kinds=frozenset()),
    },
    conditions=(
        Condition(
            id=3,
            destination=Destination(chat_id=77),
            owner_id=7,
            owner_name="ann",
            text="btc > 70k",
            created_s=SECOND,
            symbol="BTCUSDT",
            predicate=PriceCrosses(side="above", level=70_000.0),
        ),
        Condition(
            id=5,
            destination=Destination(chat_id=-1002, topic_id=7),
            owner_id=None,
            owner_name="channel",
            text="sol move 5m 4",
            created_s=SECOND,
            symbol="SOLUSDT",
            predicate=PriceMoves(window="5m", pct=4.0),
        ),
    ),
)


async def test_every_destination_and_condition_is_kept(path: Path) -> None:
    await state_file(path).save(EVERYTHING, who="user 7")
    assert (await state_file(path).load()).state == EVERYTHING
    assert json.loads(path.read_text("utf-8")) == {
        "version": 2,
        "move_5m_pct": 4.0,
        "min_24h_usdt": 2_000_000.0,
        "oi_min_usd": 0.0,
        "watchlist": [],
        "symbols": {"SOLUSDT": {"pump_threshold": 8.0, "cooldown_sec": 60}},
        "kinds": ["price", "oi"],
        "silent": True,
        "quiet": "23:00-07:00",
        "lang": "ru",
        "tz": "Europe/Berlin",
        "budget": {"per_day": 20, "thresholds": {"pump_threshold": 6.5, "cooldown_sec": 90}},
        "chats": {
            "-1002": {"muted": {}, "silent": False, "quiet": "off", "budget": {"per_day": 0}},
            "-1002/7": {"kinds": []},
        },
        "conditions": [
            {
                "id": 3,
                "place": "77",
                "owner_id": 7,
                "owner": "ann",
                "text": "btc > 70k",
                "created": SECOND,
                "symbol": "BTCUSDT",
                "when": "price_above",
                "level": 70000.0,
            },
            {
                "id": 5,
                "place": "-1002/7",
                "owner": "channel",
                "text": "sol move 5m 4",
                "created": SECOND,
                "symbol": "SOLUSDT",
                "when": "move",
                "level": 4.0,
                "window": "5m",
            },
        ],
    }


def test_what_one_destination_has_of_its_own_is_written_for_the_record_and_read_again() -> None:
    for destination, overrides in EVERYTHING.chats.items():
        own = DestinationOverrides(
            overrides=overrides, conditions=tuple(c for c in EVERYTHING.conditions if c.destination == destination)
        )
        assert decode_own(encode_own(own)) == own
    assert encode_own(DestinationOverrides()) == "{}"


async def test_a_file_of_the_version_before_is_upgraded_by_the_next_change(path: Path) -> None:
    path.write_text('{"version": 1, "pump_threshold": 5.0, "watchlist": [], "muted": {"DOGEUSDT": null}}', "utf-8")
    loaded = (await state_file(path).load()).state
    assert loaded == State(main=Overrides(numbers={"pump_threshold": 5.0}, muted={"DOGEUSDT": None}))
    await state_file(path).save(loaded, who="user 7")
    assert json.loads(path.read_text("utf-8")) == {
        "version": 2,
        "pump_threshold": 5.0,
        "muted": {"DOGEUSDT": None},
    }


async def test_only_the_owner_may_read_it(path: Path) -> None:
    path.write_text("{}", "utf-8")
    path.chmod(0o644)
    await state_file(path).save(FULL, who="user 7")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_the_older_form_is_read(path: Path) -> None:
    path.write_text(
        '{"pump_threshold": 4, "dump_threshold": -4, "cooldown_sec": 120, "oi_surge_1m": 3.0, "oi_surge_5m": 6.0,'
        ' "vol_burst_mult": 5, "watchlist": [], "muted": ["DOGEUSDT", "SOLUSDT"]}',
        "utf-8",
    )
    overrides = (await state_file(path).load()).overrides
    assert overrides.muted == {"DOGEUSDT": None, "SOLUSDT": None}
    assert overrides.numbers["pump_threshold"] == 4.0
    assert overrides.watchlist is None


async def test_hand_written_names_and_a_byte_order_mark_are_understood(path: Path) -> None:
    path.write_bytes(b'\xef\xbb\xbf{"watchlist": ["sol"], "muted": {"doge": null}}')
    overrides = (await state_file(path).load()).overrides
    assert overrides.watchlist == frozenset({"SOLUSDT"})
    assert overrides.muted == {"DOGEUSDT": None}


DAMAGED = [
    b"",
    b"   ",
    b"{",
    b"[]",
    b"null",
    b"5",
    b'"x"',
    b'{"version": 1, "pump_threshold": 5.0, "watchl',
    b"\x00" * 100,
    b"\xff\xfe{\x00}\x00",
    b'{"watchlist": null}',
    b'{"watchlist": "DOGE"}',
    b'{"watchlist": [1]}',
    b'{"watchlist": [""]}',
    b'{"watchlist": ["USDT"]}',
    b'{"watchlist": ["SOL\\u0007USDT"]}',
    b'{"watchlist": ["' + b"A" * 65 + b'"]}',
    b'{"muted": null}',
    b'{"muted": {"DOGEUSDT": "soon"}}',
    b'{"muted": {"DOGEUSDT": -1}}',
    b'{"muted": {"DOGEUSDT": 1e300}}',
    b'{"muted": {"DOGEUSDT": 999999999999}}',
    b'{"muted": [["DOGEUSDT"]]}',
    b'{"cooldown_sec": null}',
    b'{"cooldown_sec": 1.5}',
    b'{"cooldown_sec": "180"}',
    b'{"cooldown_sec": true}',
    b'{"cooldown_sec": -1}',
    b'{"cooldown_sec": 86401}',
    b'{"cooldown_sec": 99999999999999999999999999}',
    b'{"pump_threshold": NaN}',
    b'{"pump_threshold": Infinity}',
    b'{"pump_threshold": 1e999}',
    b'{"pump_threshold": -5.0}',
    b'{"pump_threshold": 0}',
    b'{"pump_threshold": 100.01}',
    b'{"dump_threshold": 3.0}',
    b'{"oi_surge_1m": -3.0}',
    b'{"vol_burst_mult": 0.0001}',
    b'{"pump_treshold": 5.0}',
    b'{"version": "1"}',
    b'{"version": null}',
    b'{"version": 0}',
    b'{"version": true}',
    b'{"version": 1, "lang": "en"}',
    b'{"chats": {}}',
    b'{"version": 2, "lang": "fr"}',
    b'{"version": 2, "tz": "../etc/passwd"}',
    b'{"version": 2, "tz": "berlin"}',
    b'{"version": 2, "quiet": "23-7"}',
    b'{"version": 2, "quiet": "23:00-23:00"}',
    b'{"version": 2, "quiet": "24:00-07:00"}',
    b'{"version": 2, "kinds": ["price", "whale"]}',
    b'{"version": 2, "silent": 1}',
    b'{"version": 2, "budget": 20}',
    b'{"version": 2, "budget": {"per_day": -1}}',
    b'{"version": 2, "budget": {"per_day": 20, "thresholds": {"pump_threshold": 500}}}',
    b'{"version": 2, "budget": {"per_day": 20, "thresholds": {"watchlist": 5}}}',
    b'{"version": 2, "symbols": {"SOLUSDT": {"move_5m_pct": 5}}}',
    b'{"version": 2, "symbols": {"SOLUSDT": {"pump_threshold": 0}}}',
    b'{"version": 2, "symbols": {"SOLUSDT": {"cooldown_sec": 1.5}}}',
    b'{"version": 2, "symbols": {"SOLUSDT": {}}}',
    b'{"version": 2, "symbols": {"": {"pump_threshold": 5}}}',
    b'{"version": 2, "min_24h_usdt": -1}',
    b'{"version": 2, "chats": {"here": {"lang": "en"}}}',
    b'{"version": 2, "chats": {"-5": {"version": 2}}}',
    b'{"version": 2, "chats": {"-5": {"pump_threshold": 0}}}',
    b'{"version": 2, "chats": {"-5": {}, "-05": {}}}',
    b'{"version": 2, "conditions": [{"id": 1}]}',
    b'{"version": 2, "conditions": [{"id": 0, "place": "5", "text": "", "created": 1, "symbol": "BTCUSDT",'
    b' "when": "price_above", "level": 1}]}',
    b'{"version": 2, "conditions": [{"id": 1, "place": "5", "text": "", "created": 1, "symbol": "BTCUSDT",'
    b' "when": "price_above", "level": 0}]}',
    b'{"version": 2, "conditions": [{"id": 1, "place": "5", "text": "", "created": 1, "symbol": "BTCUSDT",'
    b' "when": "move", "level": 4, "window": "7m"}]}',
    b'{"version": 2, "conditions": [{"id": 1, "place": "5", "text": "", "created": 1, "symbol": "BTCUSDT",'
    b' "when": "funding_above", "level": 2}]}',
    b'{"version": 1.0}',
    b'{"x": ' + b"[" * 100_000,
    b'{"watchlist": []}' + b" " * 4_000_000,
    b'{"pump_threshold": 5.0} {"pump_threshold": 6.0}',
]


@pytest.mark.parametrize("content", DAMAGED, ids=lambda content: ascii(content[:40]))
async def test_a_damaged_file_is_kept_aside_whole_and_reported(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    state = state_file(path)
    loaded = await state.load()
    assert loaded.overrides == Overrides()
    assert loaded.aside == path.with_name(f"state.json.corrupt-{SECOND}")
    assert loaded.aside.read_bytes() == content
    assert str(path) in loaded.problem
    assert loaded.aside.name in loaded.problem
    assert not path.exists()
    await state.save(FULL, who="user 7")
    assert (await state_file(path).load()).state == FULL


async def test_one_wrong_value_makes_the_whole_file_damaged(path: Path) -> None:
    path.write_text('{"pump_threshold": 5.0, "watchlist": ["SOLUSDT"], "cooldown_sec": null}', "utf-8")
    loaded = await state_file(path).load()
    assert loaded.overrides == Overrides()
    assert "cooldown_sec" in loaded.problem


async def test_what_was_kept_aside_is_never_overwritten(path: Path) -> None:
    for number in range(3):
        path.write_text(f"damaged {number}", "utf-8")
        await state_file(path).load()
    assert files_beside(path) == [f"state.json.corrupt-{SECOND + number}" for number in range(3)]
    assert [path.with_name(f"state.json.corrupt-{SECOND + n}").read_text("utf-8") for n in range(3)] == [
        "damaged 0",
        "damaged 1",
        "damaged 2",
    ]


async def test_a_damaged_file_that_cannot_be_kept_aside_is_left_and_changes_are_refused(tmp_path: Path) -> None:
    path = tmp_path / ("s" * 245)  # too long a name with .corrupt-… behind it: the rename fails, for root too
    path.write_text("damaged", "utf-8")
    state = state_file(path)
    loaded = await state.load()
    assert (loaded.overrides, loaded.aside) == (Overrides(), None)
    assert "could not be kept aside" in loaded.problem
    with pytest.raises(StorageError, match="move it away and start again"):
        await state.save(FULL, who="user 7")
    assert path.read_text("utf-8") == "damaged"


@pytest.mark.parametrize(
    "content", [b'{"version": 3}', b'{"version": 3, "pump_threshold": "five", "new_thing": {"a": [1]}}']
)
async def test_a_newer_file_is_refused_and_left_untouched(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    state = state_file(path)
    with pytest.raises(NewerSchemaError, match=r"has version 3, this altmonitor knows 2: update altmonitor"):
        await state.load()
    with pytest.raises(StorageError):
        await state.save(FULL, who="user 7")
    assert path.read_bytes() == content
    assert files_beside(path) == ["state.json"]


async def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "volume").mkdir()
    real, link = tmp_path / "volume" / "settings.json", tmp_path / "state.json"
    link.symlink_to(real)
    await state_file(link).save(FULL, who="user 7")
    assert link.is_symlink()
    assert json.loads(real.read_text("utf-8"))["pump_threshold"] == 5.0
    real.write_text("damaged", "utf-8")
    loaded = await state_file(link).load()
    assert loaded.aside == real.with_name(f"settings.json.corrupt-{SECOND}")
    assert link.is_symlink()


async def test_a_directory_in_its_place_is_a_clear_error(path: Path) -> None:
    path.mkdir()
    state = state_file(path)
    with pytest.raises(StorageError, match="STATE_FILE"):
        await state.load()
    with pytest.raises(StorageError):
        await state.save(FULL, who="user 7")


async def test_a_pipe_in_its_place_does_not_hold_the_start_up(path: Path) -> None:
    os.mkfifo(path)
    with pytest.raises(StorageError, match="is not a file: set STATE_FILE to a file"):
        await asyncio.wait_for(state_file(path).load(), 60)


async def test_a_socket_in_its_place_is_a_clear_error(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        with pytest.raises(StorageError, match="cannot be read"):
            await state_file(path).load()


async def test_links_in_a_circle_are_a_clear_error(path: Path) -> None:
    path.symlink_to(path)
    with pytest.raises(StorageError, match="cannot be read"):
        await state_file(path).load()


async def test_a_missing_directory_is_named_when_saving_and_nothing_is_made(tmp_path: Path) -> None:
    state = state_file(tmp_path / "missing" / "state.json")
    assert (await state.load()).overrides == Overrides()
    with pytest.raises(StorageError, match="its directory does not exist"):
        await state.save(FULL, who="user 7")
    assert list(tmp_path.iterdir()) == []


async def test_a_failed_save_leaves_the_old_file_and_no_litter(path: Path) -> None:
    state = state_file(path)
    await state.save(COOLDOWN, who="user 7")
    blocked = path.with_name("state.json.tmp")
    blocked.mkdir()  # a directory where the temporary file goes makes every write fail, for root too
    with pytest.raises(StorageError, match="cannot be written"):
        await state.save(FULL, who="user 7")
    blocked.rmdir()
    assert json.loads(path.read_text("utf-8")) == {"version": 2, "cooldown_sec": 60}
    await state.save(FULL, who="user 7")
    assert files_beside(path) == ["state.json"]


async def test_litter_of_a_crash_in_the_middle_of_a_save_is_cleaned_up(path: Path) -> None:
    path.with_name("state.json.tmp").write_text('{"version": 1, "pump', "utf-8")
    await state_file(path).save(FULL, who="user 7")
    assert files_beside(path) == ["state.json"]


async def test_a_temporary_name_that_is_a_link_is_not_followed(path: Path, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious", "utf-8")
    path.with_name("state.json.tmp").symlink_to(victim)
    await state_file(path).save(FULL, who="user 7")
    assert victim.read_text("utf-8") == "precious"


async def test_many_saves_at_once_end_with_one_whole_file(path: Path) -> None:
    state = state_file(path)
    await asyncio.gather(
        *(state.save(State(main=Overrides(numbers={"cooldown_sec": n})), who="user 7") for n in range(50))
    )
    assert files_beside(path) == ["state.json"]
    assert (await state.load()).problem == ""


async def test_only_one_holds_the_turn(path: Path) -> None:
    state = state_file(path)
    order: list[str] = []

    async def change(name: str) -> None:
        async with state.turn():
            order.append(f"{name} in")
            await asyncio.sleep(0)
            order.append(f"{name} out")

    await asyncio.gather(change("a"), change("b"))
    assert order == ["a in", "a out", "b in", "b out"]


def test_the_environment_decides_what_no_command_changed() -> None:
    config, _ = load({"PUMP_THRESHOLD": "8", "VOL_BURST_LOOKBACK": "30", "ROLLING": "false"}, env_file=None)
    base = base_settings(config)
    assert base == Settings(pump_threshold=8.0, vol_burst_lookback=30, rolling=False)
    overrides = Overrides(numbers={"cooldown_sec": 60})
    assert (
        SettingsStore(
            base, State(main=overrides), home=EnvironmentDefaults(destinations=(CHAT,))
        ).current.pump_threshold
        == 8.0
    )
    assert which_won(base, overrides) == ["cooldown_sec = 60 from state.json (the environment's COOLDOWN_SEC is 180)"]
    assert which_won(base, Overrides()) == []


async def test_a_file_of_before_and_what_was_kept_aside_are_closed_to_others(path: Path) -> None:
    aside = path.with_name("state.json.corrupt-17")
    for file in (path, aside):
        file.write_text('{"version": 1}', "utf-8")
        file.chmod(0o644)
    await state_file(path).load()
    assert [stat.S_IMODE(file.stat().st_mode) for file in (path, aside)] == [0o600, 0o600]
