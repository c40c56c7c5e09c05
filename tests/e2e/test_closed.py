"""Chats and topics that are closed and opened again, and a token that is refused for a while: the whole program."""

from __future__ import annotations

from pathlib import Path

from altmonitor.core.types import Destination
from altmonitor.sim.script import Pump
from tests.e2e.stage import GROUP, READER, START_MS, SYMBOLS, Stage, stage

FIRST, SECOND, THIRD = SYMBOLS[:3]


def pump(symbol: str, at_s: float) -> Pump:
    return Pump(symbol, START_MS + int(at_s * 1000), 4.0, over_s=5)


def texts(here: Stage, chat_id: int = GROUP) -> list[str]:
    return [message.text for message in here.telegram.chats[chat_id]]


async def arrives(here: Stage, text: str, *, within_s: float, chat_id: int = GROUP) -> None:
    await here.until(lambda: any(text in said for said in texts(here, chat_id)), within_s=within_s)


async def test_a_group_without_rights_or_without_the_bot_gets_its_alerts_the_moment_it_takes_it_back(
    tmp_path: Path,
) -> None:
    for status in ("restricted", "kicked"):
        folder = tmp_path / status
        folder.mkdir()
        where = f"{READER},{GROUP}"
        async with stage(folder, pump(FIRST, 150), pump(SECOND, 900), speed=40, TG_CHAT_ID=where) as here:
            await here.is_live()
            await arrives(here, "watches", within_s=60)
            here.telegram.change_membership(GROUP, status, can_send_messages=False)
            await here.said(f"PUMP {FIRST}", within_s=300)
            await here.said(f"does not take messages for chat Group {GROUP} ({GROUP})", within_s=60)
            await here.until(lambda: here.clock.now_ms() > START_MS + 850_000, within_s=900)
            assert here.app.store.outbox_status().failed == 0
            assert here.app.store.outbox_status().queued >= 1
            here.telegram.change_membership(GROUP, "member")
            opened_ms = here.clock.now_ms()
            await arrives(here, FIRST, within_s=30)
            (alert, *_) = [message for message in here.telegram.chats[GROUP] if FIRST in message.text]
            assert alert.date_ms - opened_ms < 15_000
            assert "late" in alert.text.lower()
            await arrives(here, "Messages get through to this chat again", within_s=60)
            assert any("Alerts that waited: " in text for text in texts(here))
            await here.said(f"takes messages for chat Group {GROUP} ({GROUP}) again", within_s=60)
            await arrives(here, f"PUMP {SECOND}", within_s=200)
            assert not any(str(READER) in text for text in texts(here))


async def test_a_topic_that_is_reopened_gets_the_next_alert(tmp_path: Path) -> None:
    where = Destination(chat_id=GROUP, topic_id=7)
    for is_told in (True, False):
        folder = tmp_path / str(is_told)
        folder.mkdir()
        script = (pump(FIRST, 150), pump(SECOND, 400), pump(THIRD, 700))
        async with stage(folder, *script, speed=40, destination=where) as here:
            here.telegram.add_topic(GROUP, 7)
            await here.is_live()
            await arrives(here, "watches", within_s=60)
            here.telegram.close_topic(GROUP, 7)
            for symbol in (FIRST, SECOND):
                assert (await here.said(f"PUMP {symbol}", within_s=500)).thread_id is None
            here.telegram.reopen_topic(GROUP, 7, is_told=is_told)
            if not is_told:  # only somebody's words
                here.telegram.inject_message(GROUP, "back again", user_id=9, thread_id=7)
            assert (await here.said(f"PUMP {THIRD}", within_s=500)).thread_id == 7
            assert (await here.said("can be written to again", within_s=60)).thread_id == 7


async def test_a_button_under_an_alert_of_a_closed_topic_acts_for_that_topic(tmp_path: Path) -> None:
    where = Destination(chat_id=GROUP, topic_id=7)
    async with stage(tmp_path, pump(FIRST, 150), speed=15, destination=where, GROUP_ADMINS_ONLY="false") as here:
        here.telegram.add_topic(GROUP, 7)
        await here.is_live()
        await arrives(here, "watches", within_s=60)
        here.telegram.close_topic(GROUP, 7)
        alert = await here.said(f"PUMP {FIRST}", within_s=300)
        assert alert.thread_id is None
        for label, shown in (("1 h", "muted"), ("Why", "")):
            query = here.telegram.press(alert, label, user_id=READER, user_name="anna")
            await here.until(lambda query=query: query in here.telegram.answered, within_s=30)
            assert shown in here.telegram.answered[query].text
        assert list(here.app.market.engine.settings.muted) == [FIRST]
        why = await here.said(f"Why {FIRST}", within_s=30)
        assert why.thread_id is None
        assert f"PUMP {FIRST}" in why.text
        await here.until(lambda: "🔇 muted 1 h · anna" in alert.text and "❔ why · anna" in alert.text, within_s=30)


async def test_a_token_that_is_refused_for_a_while_ends_nothing(tmp_path: Path) -> None:
    async with stage(tmp_path, pump(FIRST, 150), pump(SECOND, 400), speed=40) as here:
        await here.is_live()
        await here.said("watches", within_s=60)
        for method, code in (("getUpdates", 401), ("sendMessage", 404)):
            here.telegram.faults.refuse_next(method, code, times=6)
        await here.said(f"PUMP {FIRST}", within_s=400)
        await here.said(f"PUMP {SECOND}", within_s=500)
        here.telegram.inject_message(READER, "/status", user_id=READER)
        await here.said("Feed", within_s=200)
        assert here.app.supervisor.fatal_error is None
