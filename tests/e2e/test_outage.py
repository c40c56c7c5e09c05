"""Telegram is down for two hours in the middle of a run."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from altmonitor.sim.script import Pump
from tests.e2e.stage import GROUP, READER, START_MS, SYMBOLS, stage

BEGIN_S, END_S = 900, 8_100
WHILE_DOWN = {SYMBOLS[1]: 2_130, SYMBOLS[2]: 4_950, SYMBOLS[3]: 6_990}
"""Symbol → seconds after the start at which it jumps."""
SHORTLY_BEFORE_THE_END = (SYMBOLS[4], 7_890)


async def test_two_hours_without_telegram_change_nothing_but_when_things_are_told(tmp_path: Path) -> None:
    jumps = [(SYMBOLS[0], 750), *WHILE_DOWN.items(), SHORTLY_BEFORE_THE_END]
    script = [Pump(symbol, START_MS + at_s * 1000, 5.0, over_s=10) for symbol, at_s in jumps]
    async with stage(tmp_path, *script, speed=200, frames_per_s=6, stall_s=2.0) as here:
        await here.said(SYMBOLS[0], within_s=900)
        await here.until(lambda: here.since_start_s() > BEGIN_S, within_s=BEGIN_S)
        said = len(here.messages)
        await here.telegram.refuse_connections()
        await here.until(lambda: here.since_start_s() > END_S - 60, within_s=END_S)
        assert here.app.health().outbox.queued == 4
        assert not here.app.market.feed.status().is_blind
        assert len(here.messages) == said
        await here.until(lambda: here.since_start_s() > END_S, within_s=120)
        await here.telegram.accept_connections()
        await here.until(lambda: here.app.store.outbox_status().queued == 0, within_s=300)

        told = {alert.symbol: alert for alert in await here.alerts()}
        for symbol, at_s in jumps:
            assert not told[symbol].late, "it was seen when it happened"
            assert here.at(at_s) < told[symbol].event_ms < here.at(at_s + 30)
        (late,) = [message.text for message in here.messages if "LATE: " in message.text]
        assert late.startswith("⏳ LATE: 3 alerts")
        assert [symbol for symbol in SYMBOLS if symbol in late] == sorted(WHILE_DOWN, key=SYMBOLS.index)
        assert here.count("may have reached you already") == 0, "no attempt reached Telegram"
        assert here.count(f"PUMP {SHORTLY_BEFORE_THE_END[0]}") == 1, "what is young enough is told as ever"
        assert here.count("BLIND") == 0
        assert here.telegram.violations == []
    with closing(sqlite3.connect(tmp_path / "alerts.db")) as database:
        assert database.execute("SELECT count(*) FROM deliveries WHERE state = 'sent'").fetchone() == (5,)
        assert database.execute("SELECT count(*) FROM deliveries WHERE uncertain").fetchone() == (0,)


async def test_after_an_outage_each_chat_hears_once_about_itself_and_of_nobody_else(tmp_path: Path) -> None:
    chats = {READER: "en", GROUP: "zh", GROUP - 1: "ru"}
    where = ",".join(map(str, chats))
    script = [Pump(SYMBOLS[0], START_MS + 400_000, 5.0, over_s=10)]
    environ = {"TG_CHAT_ID": where, "GROUP_ADMINS_ONLY": "false", "CHART": "false"}
    async with stage(tmp_path, *script, speed=40, **environ) as here:
        await here.is_live()
        await here.said("watches", within_s=60)
        for chat_id, lang in chats.items():
            here.telegram.inject_message(chat_id, f"/lang {lang}", user_id=9)
        await here.until(lambda: all(len(here.telegram.chats[chat]) >= 2 for chat in chats), within_s=100)
        said = {chat: len(here.telegram.chats[chat]) for chat in chats}
        here.telegram.faults.outage = "abort"
        await here.until(lambda: here.since_start_s() > 600, within_s=600)
        here.telegram.faults.outage = ""
        await here.until(lambda: here.app.store.outbox_status().queued == 0, within_s=200)
        await here.clock.sleep(30)
        new = {chat: [message.text for message in here.telegram.chats[chat][said[chat] :]] for chat in chats}
    resumed = {READER: "Messages get through", GROUP: "消息已可送达", GROUP - 1: "Сообщения снова доходят"}
    for chat, texts in new.items():
        assert len(texts) == 2, texts
        (notice,) = [text for text in texts if resumed[chat] in text]
        assert len(notice.splitlines()) == 4, "what, why, how many, when"
        assert not [text for text in texts if "Error" in text or "http" in text]
        assert not [other for other in chats if str(other) in notice]
        assert chat == READER or "Reason" not in notice
