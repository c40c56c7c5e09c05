"""The wizard at a real terminal: whose chat it is, and the test alert there."""

from __future__ import annotations

from pathlib import Path

from tests.ops.stage import (
    CHANNEL,
    GROUP,
    OWNER,
    STRANGER,
    code_shown,
    from_the_thresholds,
    gives_token,
    stage,
    through_the_rest,
    to_the_test_alert,
)


async def test_a_stranger_who_writes_first_gets_nothing(tmp_path: Path) -> None:
    async with stage(tmp_path) as here, here.wizard() as screen:
        here.telegram.inject_message(STRANGER, "mine!", user_id=STRANGER, user_name="mallory")
        await gives_token(screen)
        code = await code_shown(screen, here)
        here.telegram.inject_message(STRANGER, "hello", user_id=STRANGER, user_name="mallory")
        here.telegram.inject_message(STRANGER, "/start ABCDEF", user_id=STRANGER, user_name="mallory")
        here.telegram.inject_message(OWNER, code.lower(), user_id=OWNER, user_name="ann")
        await screen.sees("2 message(s) without the code were ignored")
        await screen.sees("written by ann (@ann), id 77")
        assert "mallory" not in screen.all
        await through_the_rest(screen, here, question="Is that right?")
        assert here.settings()["TG_CHAT_ID"] == "77"
        assert here.said(STRANGER) == []


async def test_a_stranger_who_saw_the_code_is_listed_and_not_taken_for_the_owner(tmp_path: Path) -> None:
    async with stage(tmp_path) as here, here.wizard() as screen:
        await gives_token(screen)
        code = await code_shown(screen, here)
        here.telegram.name_chat(GROUP, "Traders\x1b[2J")
        here.telegram.inject_message(GROUP, f"/pair {code}", user_id=OWNER, user_name="ann")
        here.telegram.inject_message(STRANGER, code, user_id=STRANGER, user_name="mallory")
        await screen.sees("written in more than one place")
        await screen.sees("1) group “Traders�[2J” (-1001234567890) · ann (@ann), id 77")
        await screen.sees("2) private chat “Reader” (666) · mallory (@mallory), id 666")
        await screen.answers("Number:", "")  # nobody is the owner for having been first
        await screen.sees("A number from 1 to 2")
        await screen.answers("Number:", "1")
        await screen.answers("Is that right?", "y")
        await screen.answers("May commands be written in private chat “Reader” (666) as well?", "")
        await screen.sees("Only I, who wrote the code")
        await screen.answers("Number [1]", "1")
        await screen.answers("How sensitive", "2")
        await screen.answers("Do you see it?", "y")
        await screen.sees("Written")
        settings = here.settings()
        assert (settings["TG_CHAT_ID"], settings["ALLOWED_USER_IDS"]) == (str(GROUP), "77")
        assert "ALLOWED_CHAT_IDS" not in settings


async def test_a_forum_topic_is_recognised_and_the_alert_goes_into_it(tmp_path: Path) -> None:
    async with stage(tmp_path) as here, here.wizard() as screen:
        here.telegram.add_topic(GROUP, 42)
        await gives_token(screen)
        code = await code_shown(screen, here)
        here.telegram.inject_message(GROUP, f"/pair@MyAltBot {code}", user_id=OWNER, user_name="ann", thread_id=42)
        await screen.answers("topic 42 (-1001234567890/42), written by ann (@ann), id 77. Is that right?", "y")
        await screen.answers("Number [1]", "2")
        await screen.answers("How sensitive", "2")
        await screen.answers("Do you see it?", "y")
        await screen.sees("Written")
        assert here.settings()["TG_CHAT_ID"] == "-1001234567890/42"
        (message,) = here.telegram.chats[GROUP]
        assert message.thread_id == 42


async def test_a_channel_where_the_bot_may_not_post_is_refused_until_it_may(tmp_path: Path) -> None:
    async with stage(tmp_path) as here, here.wizard() as screen:
        await gives_token(screen)
        code = await code_shown(screen, here)
        here.telegram.set_bot_status(CHANNEL, "administrator", can_post_messages=False)
        here.telegram.inject_message(CHANNEL, code, user_id=None, chat_type="channel")
        await screen.answers("written by the chat itself. Is that right?", "y")
        await screen.sees("with the right to post messages")
        here.telegram.set_bot_status(CHANNEL, "administrator", can_post_messages=True)
        await screen.answers("Number [1]", "1")
        await screen.sees("The bot may write there.")
        await from_the_thresholds(screen)
        assert here.settings()["TG_CHAT_ID"] == str(CHANNEL)


async def test_an_id_typed_by_hand_is_looked_up_before_it_is_believed(tmp_path: Path) -> None:
    async with stage(tmp_path) as here, here.wizard() as screen:
        here.telegram.name_chat(GROUP, "Traders")
        here.telegram.close_chat(-1005)
        await gives_token(screen)
        for typed, said in (
            ("twelve", "Not a chat id"),
            ("123456", "That is the bot's own id"),
            ("-1005", "bot was kicked"),
        ):
            await screen.answers("Number [1]", "2")
            await screen.answers("Chat id, such as", typed)
            await screen.sees(said)
        await screen.answers("Number [1]", "2")
        await screen.answers("Chat id, such as", str(GROUP))
        await screen.answers("Found: group “Traders” (-1001234567890). Is that right?", "y")
        await screen.sees("The bot may write there.")
        await from_the_thresholds(screen)
        assert here.settings()["TG_CHAT_ID"] == str(GROUP)


async def test_enter_ends_the_waiting_and_the_other_way_is_offered(tmp_path: Path) -> None:
    async with stage(tmp_path) as here, here.wizard() as screen:
        await gives_token(screen)
        await code_shown(screen, here)
        screen.types("")
        await screen.sees("The code was not seen")
        await screen.sees("I type the chat id")
        assert here.said(OWNER) == []


async def test_a_test_alert_nobody_sees_leads_back_to_the_chat(tmp_path: Path) -> None:
    async with stage(tmp_path) as here, here.wizard() as screen:
        await to_the_test_alert(screen, here)
        screen.types("n")
        await screen.sees("Telegram did accept the message")
        await screen.answers("Number [1]", "2")
        await screen.answers("Alerts go to: private chat “Reader” (77)", "n")
        await screen.sees("Where should alerts go?")
        assert not here.env.exists()


async def test_a_chat_that_refuses_the_test_alert_is_told_with_its_reason(tmp_path: Path) -> None:
    async with stage(tmp_path) as here, here.wizard() as screen:
        await gives_token(screen)
        here.telegram.inject_message(OWNER, await code_shown(screen, here), user_id=OWNER, user_name="ann")
        await screen.answers("Is that right?", "y")
        await screen.sees("How sensitive")
        here.telegram.close_chat(OWNER, "bot was blocked by the user")
        screen.types("2")
        await screen.sees("It did not get through: Telegram does not let the bot write there")
        here.telegram.open_chat(OWNER)
        assert here.said(OWNER) == []
        await screen.answers("Number [1]", "1")
        await screen.sees("Do you see it?")
        assert len(here.said(OWNER)) == 1
