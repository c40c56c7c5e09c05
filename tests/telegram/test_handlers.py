"""What is written to the bot is answered where it was written, also when it could not be carried out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC
from typing import Any

from altmonitor.core.types import Destination
from altmonitor.interfaces.delivery import Keyboard
from altmonitor.render.format import Style
from altmonitor.render.signed_buttons import ButtonSigner
from altmonitor.telegram.handlers import AnswerDeps, ChatAnswers, PressDeps, Presses
from altmonitor.telegram.types import Incoming
from tests.commands.executor_kit import MAIN, Desk
from tests.movable_clock import T0, MovableClock


@dataclass
class Chats:
    said: list[tuple[Destination, str, int | None]] = field(default_factory=list)
    buttons: list[Keyboard] = field(default_factory=list)
    closed: list[int] = field(default_factory=list)
    toasts: list[tuple[str, bool]] = field(default_factory=list)

    def reply(
        self,
        destination: Destination,
        html_parts: Sequence[str],
        *,
        reply_to: int | None = None,
        buttons: Keyboard = (),
    ) -> None:
        self.said.append((destination, html_parts[0], reply_to))
        self.buttons.append(buttons)

    def close_question(self, destination: Destination, message_id: int) -> None:
        self.closed.append(message_id)

    async def answer_press(self, press_id: str, text: str = "", *, is_loud: bool = False) -> None:
        self.toasts.append((text, is_loud))


def answers(chats: Chats) -> ChatAnswers:
    nothing: Any = None
    bot: Any = chats
    deps = AnswerDeps(
        executor=Desk().desk,
        clock=MovableClock(),
        style_of=lambda where: Style(lang="en", tz=UTC),
        chats=chats,  # type: ignore[arg-type]
        board=nothing,
        signer=ButtonSigner("ab" * 32),
    )
    return ChatAnswers(deps, Presses(deps, PressDeps(bot=bot, alert_of_id=nothing, sent_for=nothing, memory=nothing)))


def written(text: str, message_id: int = 9) -> Incoming:
    return Incoming(text=text, destination=MAIN, user_id=7, user_name="ann", message_id=message_id, date_ms=T0)


async def test_a_command_is_answered_as_a_reply_and_without_one_where_its_number_is_not_known() -> None:
    chats = Chats()
    await answers(chats).handle(written("/set_pump 5"))
    await answers(chats).handle(written("/set_pump 5", message_id=0))
    assert [reply_to for _, _, reply_to in chats.said] == [9, None]
    assert chats.said[0][:2] == (MAIN, "✅ PUMP from 3 % → <b>5 %</b>")


async def test_several_commands_of_one_message_are_answered_in_turn() -> None:
    chats = Chats()
    await answers(chats).handle(written("good morning\n/set_pump 5 /set_dump 6\n／cooldown ３m"))
    assert [text for _, text, _ in chats.said] == [
        "✅ PUMP from 3 % → <b>5 %</b>",
        "✅ DUMP from −3 % → <b>−6 %</b>",
        "✅ cooldown <b>180 s</b>, as before",
    ]


async def test_nothing_is_silence_in_a_private_chat_and_talk_in_a_group_is_left_alone() -> None:
    chats = Chats()
    here = answers(chats)
    for text in ("what a day", "status", "", "/ status", "ыефегы"):
        await here.handle(written(text))
    await here.handle(replace(written("what a day"), chat_type="supergroup"))
    assert [text for _, text, _ in chats.said] == [
        "❔ I only understand commands, such as <code>/status</code>. /help lists all.",
        "❔ I only understand commands. Did you mean <code>/status</code>? /help lists all.",
        "❔ I can only read text. /help lists the commands.",
        "❔ I only understand commands. Did you mean <code>/status</code>? /help lists all.",
        "❔ I only understand commands. Did you mean <code>/status</code>? /help lists all.",
    ]


async def test_what_could_not_be_carried_out_is_said_to_its_writer() -> None:
    chats = Chats()
    await answers(chats).failed(written("/set_pump 5"))
    assert chats.said == [(MAIN, "That did not work. Try again in a moment.", 9)]


# --- pressed buttons


def press_of(chats: Chats, label: str, *, by: str = "bob", may_change: bool = True) -> Incoming:
    """A press of the button with this label under the last answer, which is message 50."""
    data = next(one.data for row in chats.buttons[-1] for one in row if label in one.text)
    pressed = replace(written(data, message_id=50), user_id=8, user_name=by, press_id="77", chat_type="supergroup")
    return replace(pressed, may_change=may_change)


async def test_an_answer_to_a_button_names_who_pressed_what() -> None:
    chats = Chats()
    here = answers(chats)
    await here.handle(written("/preset"))
    await here.handle(press_of(chats, "calm"))
    assert chats.said[-1][1].splitlines()[:2] == [
        "<i>👆 bob: /preset calm</i>",
        "✅ PUMP from 3 % → <b>8 %</b>",
    ]


async def test_after_no_the_yes_is_gone_and_says_who_answered() -> None:
    chats = Chats()
    here = answers(chats)
    await here.handle(written("/watch sol"))
    await here.handle(written("/watch all"))
    yes, no = press_of(chats, "Yes", by="ann"), press_of(chats, "No")
    await here.handle(no)
    assert chats.said[-1][1:] == ("<i>👆 bob: No</i>\nNothing was changed.", 50)
    assert chats.closed == [50]
    await here.handle(yes)
    assert chats.toasts == [("Nothing was changed.", False), ("bob has answered this already.", True)]
    assert len(chats.said) == 3


async def test_after_yes_neither_button_does_anything_more() -> None:
    chats = Chats()
    here = answers(chats)
    await here.handle(written("/watch sol"))
    await here.handle(written("/watch all"))
    yes, no = press_of(chats, "Yes", by="ann"), press_of(chats, "No")
    for press in (yes, yes, no):
        await here.handle(press)
    assert chats.said[-1][1].splitlines()[0] == "<i>👆 ann: /watch all yes</i>"
    assert [text for text, _ in chats.toasts] == [
        "",
        "ann has answered this already.",
        "ann has answered this already.",
    ]
    assert chats.closed == [50]


async def test_who_may_only_read_cannot_close_a_question_and_is_told_why() -> None:
    chats = Chats()
    here = answers(chats)
    await here.handle(written("/watch sol"))
    await here.handle(written("/watch all"))
    for label in ("Yes", "No"):
        await here.handle(press_of(chats, label, may_change=False))
    await here.handle(written("/preset"))
    await here.handle(press_of(chats, "calm", may_change=False))
    assert chats.toasts == [("You may read here, but not change anything.", True)] * 3
    assert (chats.closed, len(chats.said)) == ([], 3)
