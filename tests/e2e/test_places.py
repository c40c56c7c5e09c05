"""Several chats, each with its own language, bell and night."""

from __future__ import annotations

from pathlib import Path

from altmonitor.core.types import Destination
from altmonitor.sim.script import Pump
from tests.e2e.stage import GROUP, READER, START_MS, SYMBOLS, Stage, stage

FIRST, SECOND = SYMBOLS[:2]


def pump(symbol: str, at_s: float) -> Pump:
    return Pump(symbol, START_MS + int(at_s * 1000), 4.0, over_s=5)


def texts(here: Stage, chat_id: int) -> list[str]:
    return [message.text for message in here.telegram.chats[chat_id]]


async def test_a_chat_routed_to_by_a_command_is_told_at_once_in_its_own_language_and_without_a_bell(
    tmp_path: Path,
) -> None:
    async with stage(tmp_path, pump(FIRST, 150), speed=20, ALLOWED_CHAT_IDS=str(GROUP)) as here:
        await here.is_live()
        here.telegram.set_admins(GROUP, 9)
        here.telegram.inject_message(GROUP, "/route all silent", user_id=9)
        await here.until(lambda: bool(texts(here, GROUP)), within_s=200)
        here.telegram.inject_message(GROUP, "/lang zh", user_id=9)
        await here.said(f"PUMP {FIRST}", within_s=300)
        await here.until(lambda: any(f"拉升 {FIRST}" in text for text in texts(here, GROUP)), within_s=200)
        (routed,) = [message for message in here.telegram.chats[GROUP] if f"拉升 {FIRST}" in message.text]
        (main,) = [message for message in here.messages if f"PUMP {FIRST}" in message.text]
        assert (routed.silent, main.silent) == (True, False)


async def test_a_night_holds_alerts_over_a_restart_and_its_end_by_command_lets_them_go_together(tmp_path: Path) -> None:
    night = "00:00-23:59"
    script = (pump(FIRST, 150), pump(SECOND, 160))
    async with stage(tmp_path, *script, speed=20) as here:
        await here.is_live()
        here.telegram.inject_message(READER, f"/quiet {night}", user_id=READER)
        await here.until(lambda: here.app.store.outbox_status().queued >= 2, within_s=300)
        assert here.count(f"PUMP {FIRST}") == 0
        assert here.app.store.outbox_status().oldest_age_s == 0
    async with stage(tmp_path, *script, start_s=230, speed=20) as here:
        here.telegram.updates.renumber(200_000_001)  # another server than before, which begins to count anew
        started = await here.said("altmonitor", within_s=200)
        assert started.silent
        await here.clock.sleep(30)
        assert here.count(FIRST) == 0
        here.telegram.inject_message(READER, "/quiet off", user_id=READER)
        digest = await here.said("Quiet hours", within_s=200)
        assert FIRST in digest.text
        assert SECOND in digest.text


async def test_a_deleted_topic_costs_no_alert_and_is_told_in_the_chat(tmp_path: Path) -> None:
    where = Destination(chat_id=GROUP, topic_id=7)
    async with stage(tmp_path, pump(FIRST, 150), speed=20, destination=where) as here:
        here.telegram.add_topic(GROUP, 7)
        await here.is_live()
        await here.until(lambda: bool(texts(here, GROUP)), within_s=200)
        here.telegram.delete_topic(GROUP, 7)
        alert = await here.said(f"PUMP {FIRST}", within_s=300)
        assert alert.thread_id is None
        lost = await here.said("cannot be written to", within_s=200)
        assert f"{GROUP}/7" in lost.text
        assert here.count("cannot be written to") == 1
