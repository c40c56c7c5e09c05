"""Pressing what stands under an alert, through the whole program and over the wire."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from altmonitor.sim.script import Pump
from altmonitor.sim.telegram.chats import buttons
from altmonitor.sim.telegram.values import SimAnswer, SimMessage
from tests.e2e.stage import READER, START_MS, SYMBOLS, Stage, stage

SYMBOL = SYMBOLS[0]


def pump(at_s: float = 75.0, percent: float = 4.0) -> Pump:
    return Pump(SYMBOL, START_MS + int(at_s * 1000), percent, over_s=5)


async def press(here: Stage, message: SimMessage, label: str, *, name: str = "anna") -> SimAnswer:
    return await answered(here, here.telegram.press(message, label, user_id=READER, user_name=name))


async def answered(here: Stage, query: str) -> SimAnswer:
    pressed_ms = here.clock.now_ms()
    await here.until(lambda: query in here.telegram.answered, within_s=200)
    answer = here.telegram.answered[query]
    assert answer.at_ms - pressed_ms < 15_000
    return answer


async def test_mute_under_an_alert_mutes_is_shown_by_name_and_pressing_twice_does_no_harm(tmp_path: Path) -> None:
    async with stage(tmp_path, pump(), speed=10) as here:
        alert = await here.said(f"PUMP {SYMBOL}", within_s=300)
        assert [label for label, _ in buttons(alert)] == ["🔇 1 h", "📊 Chart", "❔ Why", "Binance", "TradingView"]
        first = await press(here, alert, "1 h")
        assert SYMBOL in first.text
        assert not first.is_loud
        await here.until(lambda: "muted 1 h · anna" in alert.text, within_s=200)
        assert SYMBOL in json.loads((tmp_path / "state.json").read_text("utf-8"))["muted"]
        await press(here, alert, "1 h", name="bob")
        await here.until(lambda: "muted 1 h · bob" in alert.text, within_s=200)
        assert "muted 1 h · anna" in alert.text
        assert len(list(buttons(alert))) == 5


async def test_a_press_that_telegram_calls_too_old_does_what_it_says_and_harms_nothing(tmp_path: Path) -> None:
    async with stage(tmp_path, pump(), speed=10) as here:
        alert = await here.said(f"PUMP {SYMBOL}", within_s=300)
        too_old = "Bad Request: query is too old and response timeout expired or query ID is invalid"
        here.telegram.faults.refuse_next("answerCallbackQuery", 400, text=too_old)
        here.telegram.press(alert, "1 h", user_id=READER, user_name="anna")
        await here.until(lambda: "muted 1 h · anna" in alert.text, within_s=200)
        assert SYMBOL in json.loads((tmp_path / "state.json").read_text("utf-8"))["muted"]
        assert (await press(here, alert, "Why", name="bob")).text == ""


async def test_why_answers_below_and_is_shown_at_the_alert(tmp_path: Path) -> None:
    async with stage(tmp_path, pump(), speed=10) as here:
        alert = await here.said(f"PUMP {SYMBOL}", within_s=300)
        answer = await press(here, alert, "Why")
        assert answer.text == ""
        await here.until(lambda: any(m.reply_to == alert.message_id for m in here.messages), within_s=200)
        await here.until(lambda: "why · anna" in alert.text, within_s=200)
        again = await press(here, alert, "Why", name="bob")
        assert again.text == "Already shown below."
        assert sum(m.reply_to == alert.message_id for m in here.messages) == 1


@pytest.mark.parametrize("data", ["mute:1:AAAAAAAAAAAA", "garbled", "😀" * 16, "!0:/reset all yes:AAAAAAAAAAAA"])
async def test_what_this_program_did_not_sign_is_answered_and_changes_nothing(tmp_path: Path, data: str) -> None:
    async with stage(tmp_path, pump(), speed=10) as here:
        alert = await here.said(f"PUMP {SYMBOL}", within_s=300)
        query = here.telegram.inject_callback(READER, data, message_id=alert.message_id, user_id=READER)
        answer = await answered(here, query)
        assert answer == SimAnswer(
            at_ms=answer.at_ms, text="This button is not known here. Use a newer message.", is_loud=True
        )
        assert not (tmp_path / "state.json").exists()


async def test_who_may_only_read_is_told_so_and_may_still_ask_why(tmp_path: Path) -> None:
    async with stage(tmp_path, pump(), speed=10, ALLOWED_USER_IDS="4242") as here:
        alert = await here.said(f"PUMP {SYMBOL}", within_s=300)
        answer = await press(here, alert, "1 h")
        assert (answer.text, answer.is_loud) == ("You may read here, but not change anything.", True)
        assert not (tmp_path / "state.json").exists()
        await press(here, alert, "Why")
        await here.until(lambda: "why · anna" in alert.text, within_s=200)
        assert "muted" not in alert.text


async def test_buttons_of_an_earlier_run_still_work(tmp_path: Path) -> None:
    async with stage(tmp_path, pump(), speed=10) as here:
        alert = await here.said(f"PUMP {SYMBOL}", within_s=300)
        data = next(data for label, data in buttons(alert) if "1 h" in label)
    async with stage(tmp_path, pump(), start_s=160, speed=10) as here:
        await here.said("altmonitor", within_s=200)
        newest = here.messages[-1]
        await here.until(lambda: len(here.telegram.sent("getUpdates")) >= 2, within_s=200)
        query = here.telegram.inject_callback(READER, data, message_id=newest.message_id, user_id=READER)
        answer = await answered(here, query)
        assert SYMBOL in answer.text
        await here.until(lambda: (tmp_path / "state.json").exists(), within_s=30)


async def test_a_question_is_answered_once_and_its_buttons_go(tmp_path: Path) -> None:
    async with stage(tmp_path, speed=10) as here:
        await here.is_live()
        here.telegram.inject_message(READER, f"/watch {SYMBOL}", user_id=READER)
        await here.until(lambda: here.app.market.engine.settings.watchlist == {SYMBOL}, within_s=200)
        here.telegram.inject_message(READER, "/watch all", user_id=READER)
        await here.until(lambda: bool(here.messages and list(buttons(here.messages[-1]))), within_s=200)
        question = here.messages[-1]
        assert len(list(buttons(question))) == 2
        confirm, _ = next(buttons(question))
        await press(here, question, confirm)
        await here.until(lambda: not here.app.market.engine.settings.watchlist, within_s=200)
        await here.until(lambda: not list(buttons(question)), within_s=200)


async def test_a_chat_that_changes_its_language_is_answered_and_alerted_in_it(tmp_path: Path) -> None:
    async with stage(tmp_path, pump(), speed=10) as here:
        await here.is_live()
        here.telegram.inject_message(READER, "/lang ru", user_id=READER)
        alert = await here.said(f"ПАМП {SYMBOL}", within_s=300)
        assert [label for label, _ in buttons(alert)][:3] == ["🔇 1 ч", "📊 График", "❔ Почему"]


async def test_every_command_of_a_flood_is_answered_in_order_at_the_chats_pace(tmp_path: Path) -> None:
    async with stage(tmp_path, speed=10) as here:
        await here.is_live()
        for number in range(26):
            here.telegram.inject_message(READER, f"/set_pump {number + 1}", user_id=READER)
        await here.said("25 % → 26 %", within_s=240)
        answers = [message.text for message in here.messages if "PUMP from" in message.text]
        assert [f"→ {number + 1} %" in answer for number, answer in enumerate(answers)] == [True] * 26
