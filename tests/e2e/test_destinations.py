"""Two destinations with thresholds of their own, over one pass of the market."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec

from altmonitor.engine.restore import CONDITIONS
from altmonitor.sim.script import Pump
from tests.e2e.stage import GROUP, READER, START_MS, SYMBOLS, Stage, stage

SMALL, LARGE = SYMBOLS[:2]
STATE = {"version": 2, "chats": {str(GROUP): {"kinds": ["price"], "pump_threshold": 6.0}}}


def told(here: Stage, chat_id: int, symbol: str) -> int:
    return sum(f"PUMP {symbol}" in message.text for message in here.telegram.chats[chat_id])


async def test_each_chat_is_told_by_its_own_thresholds_also_after_a_restart(tmp_path: Path) -> None:
    (tmp_path / "state.json").write_text(json.dumps(STATE), "utf-8")
    moves = (
        Pump(SMALL, START_MS + 130_000, 4.5, over_s=5),
        Pump(LARGE, START_MS + 140_000, 9.0, over_s=5),
    )
    async with stage(tmp_path, *moves, speed=20) as here:
        await here.until(lambda: told(here, GROUP, LARGE) > 0 and told(here, READER, SMALL) > 0, within_s=300)
        await here.clock.sleep(30)
        assert told(here, GROUP, SMALL) == 0
        rows = {(alert.symbol, alert.details.threshold) for alert in await here.alerts() if alert.kind == "price"}
        assert rows == {(SMALL, 3.0), (LARGE, 3.0), (LARGE, 6.0)}
        owned = [alert.key for alert in await here.alerts() if alert.details.threshold == 6.0]
        assert all(key.endswith(f"@{GROUP}") for key in owned)
        keys = [alert.key for alert in await here.alerts()]
        last_s = here.since_start_s()
    async with stage(tmp_path, *moves, speed=20, start_s=last_s) as here:
        await here.is_live()
        await here.clock.sleep(20)
        again = [alert.key for alert in await here.alerts() if alert.symbol in (SMALL, LARGE)]
        assert sorted(again) == sorted(key for key in keys if SMALL in key or LARGE in key)
        assert here.telegram.violations == []


async def test_the_first_message_of_a_move_learns_how_it_ended(tmp_path: Path) -> None:
    async with stage(tmp_path, Pump(SMALL, START_MS + 130_000, 4.5, over_s=5), speed=40, frames_per_s=10) as here:
        message = await here.said(f"PUMP {SMALL}", within_s=300)
        (told,) = [alert for alert in await here.alerts() if alert.symbol == SMALL]
        await here.app.store.update_alert(msgspec.structs.replace(told, lsr=1.25))
        await here.until(lambda: "🏁" in message.text, within_s=1_500)
        (first, *_) = [alert for alert in await here.alerts() if alert.symbol == SMALL]
        assert first.details.ended is not None
        assert first.details.ended.peak_pct is not None
        assert first.details.ended.peak_pct >= 3.0
        assert first.lsr == 1.25, "what was learned about it in between is still there"


async def test_a_condition_set_in_the_chat_is_told_there_although_its_symbol_is_muted(tmp_path: Path) -> None:
    pump = Pump(SMALL, START_MS + 150_000, 4.5, over_s=5)
    async with stage(tmp_path, pump, speed=20) as here:
        await here.is_live()
        here.telegram.inject_message(READER, f"/mute {SMALL}", user_id=READER)
        here.telegram.inject_message(READER, f"/alert {SMALL} move 1m 3", user_id=READER)
        while "1@" not in (await here.app.store.meta_get(CONDITIONS) or ""):
            await here.clock.sleep(0.1)
        await here.said("CONDITION", within_s=300)
        (alert,) = await here.alerts()
        assert (alert.kind, alert.symbol, alert.note, alert.details.threshold) == ("condition", SMALL, "1m", 3.0)


CALM, NORMAL, SECOND_NORMAL = -1002000001, -1002000002, -1002000003
CHANNELS = f"calm={CALM}, normal={NORMAL}, normal={SECOND_NORMAL}"


async def test_each_channel_is_told_by_its_preset_and_two_of_one_preset_are_judged_once(tmp_path: Path) -> None:
    state = {"version": 2, "pump_threshold": 50.0, "dump_threshold": -50.0, "watchlist": ["BTCUSDT"]}
    (tmp_path / "state.json").write_text(json.dumps(state), "utf-8")
    moves = (
        Pump(SMALL, START_MS + 130_000, 6.5, over_s=5),
        Pump(LARGE, START_MS + 140_000, 11.0, over_s=5),
    )
    async with stage(tmp_path, *moves, speed=20, PRESET_CHANNELS=CHANNELS) as here:
        chats = (CALM, NORMAL, SECOND_NORMAL)
        await here.until(lambda: all(told(here, chat, LARGE) for chat in chats), within_s=300)
        await here.clock.sleep(30)
        assert [told(here, chat, SMALL) for chat in (READER, *chats)] == [0, 0, 1, 1]
        assert told(here, READER, LARGE) == 0, "the owner's own chat is set to what the owner wants"
        rows = [(one.symbol, one.details.threshold) for one in await here.alerts() if one.kind == "price"]
        firsts = sorted(set(rows))
        assert firsts == sorted([(SMALL, 5.0), (LARGE, 5.0), (LARGE, 8.0)])
        assert rows.count((SMALL, 5.0)) == 1, "one row serves both channels of that preset"
        assert here.telegram.violations == []
