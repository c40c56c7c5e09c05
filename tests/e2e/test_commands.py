"""A trader retunes from the chat; it counts from the next frame and survives a restart."""

from __future__ import annotations

import json
from pathlib import Path

from altmonitor.sim.script import Pump
from tests.e2e.stage import READER, START_MS, SYMBOLS, stage


async def test_a_threshold_set_in_the_chat_counts_at_once_and_after_a_restart(tmp_path: Path) -> None:
    pump = Pump(SYMBOLS[0], START_MS + 130_000, 4.0, over_s=5)
    async with stage(tmp_path, pump) as here:
        await here.is_live()
        here.telegram.inject_message(READER, "/set_pump 5", user_id=READER)
        await here.said("3 % → 5 %", within_s=30)
        await here.until(lambda: here.since_start_s() > 200, within_s=300)
        assert await here.alerts() == []
    saved = json.loads((tmp_path / "state.json").read_text("utf-8"))
    assert saved == {"version": 2, "pump_threshold": 5.0}
    async with stage(tmp_path, pump, start_s=210) as here:
        await here.said("PUMP +5 %", within_s=60)


async def test_status_tells_the_live_health(tmp_path: Path) -> None:
    async with stage(tmp_path) as here:
        await here.is_live()
        here.telegram.inject_message(READER, "/status", user_id=READER)
        message = await here.said("Feed", within_s=30)
        assert f"{len(SYMBOLS)}/{len(SYMBOLS)}" in message.text or f"{len(SYMBOLS)} of {len(SYMBOLS)}" in message.text


async def test_a_muted_symbol_stays_silent_and_history_shows_the_others(tmp_path: Path) -> None:
    script = [Pump(symbol, START_MS + 130_000, 4.0, over_s=5) for symbol in SYMBOLS[:2]]
    async with stage(tmp_path, *script) as here:
        await here.is_live()
        here.telegram.inject_message(READER, f"/mute {SYMBOLS[0]} 2h", user_id=READER)
        await here.until(lambda: SYMBOLS[0] in here.app.market.engine.settings.muted, within_s=30)
        await here.said(f"PUMP {SYMBOLS[1]}", within_s=300)
        await here.clock.sleep(20)
        assert here.count(f"PUMP {SYMBOLS[0]}") == 0
        here.telegram.inject_message(READER, "/history 5", user_id=READER)
        await here.until(lambda: SYMBOLS[1] in here.messages[-1].text and "sent" in here.messages[-1].text, within_s=30)


async def test_strangers_get_silence(tmp_path: Path) -> None:
    async with stage(tmp_path) as here:
        await here.is_live()
        here.telegram.inject_message(666, "/set_pump 99", user_id=666)
        here.telegram.inject_message(READER, "/help", user_id=READER)
        await here.said("/set_pump", within_s=30)
        assert here.telegram.chats.get(666, []) == []
        assert here.app.market.engine.settings.pump_threshold == 3.0
