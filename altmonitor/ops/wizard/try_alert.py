"""Step 5: one alert through the path every alert takes, and the person's word that it is there."""

from __future__ import annotations

from dataclasses import replace

from altmonitor.core.errors import AltmonitorError, ChatMoved
from altmonitor.ops import test_alert as trial
from altmonitor.ops.wizard.session import Session
from altmonitor.ops.wizard.terminal import Back
from altmonitor.ops.wizard.values import Answers, message_language
from altmonitor.telegram.bot import TelegramChannel


def try_alert(session: Session, answers: Answers) -> Answers:
    session.say("test_title")
    while True:
        destination = answers.destination
        if destination is None:
            raise Back("ask_chat")
        look = trial.Look(
            lang=message_language(answers.lang),
            zone=session.setting("ALERT_TZ"),
            banner=session.text("test_banner"),
        )

        async def send(channel: TelegramChannel, look: trial.Look = look) -> int:
            return await trial.send_test_alert(channel, destination, look=look, clock=session.clock)  # noqa: B023

        try:
            session.ask_bot(answers.token, send)
        except ChatMoved as moved:
            answers = replace(answers, destination=replace(destination, chat_id=moved.new_chat_id))
            session.say("chat_moved", sign="!", chat=moved.new_chat_id)
            continue
        except AltmonitorError as problem:
            session.say("test_failed", sign="✗", why=problem)
            if session.menu(session.text("go_on"), "try_again", "other_chat") == "other_chat":
                raise Back("ask_chat") from None
            continue
        session.say("test_sent", sign="✓", symbol=trial.SYMBOL)
        if session.terminal.confirm(session.text("test_seen")):
            return answers
        session.say("test_where")
        if session.menu(session.text("go_on"), "try_again", "other_chat") == "other_chat":
            raise Back("ask_chat")
