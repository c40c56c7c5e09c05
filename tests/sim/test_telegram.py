"""The Bot API's methods as they answer on the wire."""

from __future__ import annotations

import io

import pytest

from altmonitor.sim.telegram.values import SimMessage
from tests.movable_clock import T0, MovableClock
from tests.sim.telegram_client import GROUP, TOKEN, png, telegram


async def test_a_message_is_kept_as_it_is_read_and_answered_with_its_entities() -> None:
    async with telegram() as (sim, client):
        answer = await client.call(
            "sendMessage",
            chat_id=5,
            text="🚀 <b>PUMP</b> &lt;3",
            parse_mode="HTML",
            disable_notification=True,
            link_preview_options={"is_disabled": True},
        )

        assert answer["result"]["message_id"] == 1
        assert answer["result"]["date"] == T0 // 1000
        assert answer["result"]["text"] == "🚀 PUMP <3"
        assert answer["result"]["entities"] == [{"type": "bold", "offset": 3, "length": 4}]
        kept = sim.chats[5][0]
        assert (kept.html, kept.text, kept.silent, kept.is_preview_off) == (
            "🚀 <b>PUMP</b> &lt;3",
            "🚀 PUMP <3",
            True,
            True,
        )


async def test_forms_are_read_like_json_and_methods_without_regard_to_case() -> None:
    async with telegram() as (sim, client):
        first = await client.form("SENDMESSAGE", {"chat_id": "5", "text": "one"})
        reply = {"chat_id": "5", "text": "two", "reply_parameters": '{"message_id": 1}'}
        second = await client.form("sendmessage", reply)

        assert first["result"]["message_id"] == 1
        assert second["result"]["reply_to_message"]["text"] == "one"
        assert sim.chats[5][1].reply_to == 1


@pytest.mark.parametrize(
    ("params", "description"),
    [
        ({"text": ""}, "Bad Request: message text is empty"),
        ({"text": "<b> </b>", "parse_mode": "HTML"}, "Bad Request: text must be non-empty"),
        ({"text": "x" * 4097}, "Bad Request: message is too long"),
        ({"text": "🚀" * 2049}, "Bad Request: message is too long"),
        (
            {"text": "<b>", "parse_mode": "HTML"},
            "Bad Request: can't parse entities: Can't find end tag corresponding to start tag \"b\"",
        ),
        ({"text": "x", "parse_mode": "Wiki"}, "Bad Request: unsupported parse_mode"),
        ({"text": "x", "message_thread_id": 9}, "Bad Request: message thread not found"),
        ({"text": "x", "reply_parameters": {"message_id": 77}}, "Bad Request: message to be replied not found"),
        ({"text": "x", "chat_id": 0}, "Bad Request: chat not found"),
        ({"text": "x", "chat_id": "@nobody"}, "Bad Request: chat not found"),
    ],
)
async def test_a_message_that_cannot_be_sent_is_refused(params: dict[str, object], description: str) -> None:
    async with telegram() as (sim, client):
        answer = await client.call("sendMessage", **({"chat_id": GROUP} | params))

        assert answer == {"ok": False, "error_code": 400, "description": description}
        assert not sim.chats[GROUP]


async def test_exactly_4096_characters_after_parsing_are_accepted() -> None:
    async with telegram() as (_, client):
        text = f"<b>{'x' * 4096}</b>"
        assert (await client.call("sendMessage", chat_id=5, text=text, parse_mode="HTML"))["ok"]


async def test_a_reply_whose_target_is_gone_can_be_sent_without_it() -> None:
    async with telegram() as (sim, client):
        reply = {"message_id": 77, "allow_sending_without_reply": True}
        assert (await client.call("sendMessage", chat_id=5, text="x", reply_parameters=reply))["ok"]
        assert sim.chats[5][0].reply_to is None


async def test_topics_exist_only_when_made() -> None:
    async with telegram() as (sim, client):
        sim.add_topic(GROUP, 9)
        answer = await client.call("sendMessage", chat_id=GROUP, text="x", message_thread_id=9)

        assert (answer["result"]["message_thread_id"], answer["result"]["is_topic_message"]) == (9, True)
        assert sim.chats[GROUP][0].thread_id == 9


async def test_an_edit_is_kept_beside_what_stood_there_before() -> None:
    clock = MovableClock()
    async with telegram(clock) as (sim, client):
        await client.call("sendMessage", chat_id=5, text="one")
        await clock.advance(2)
        answer = await client.call("editMessageText", chat_id=5, message_id=1, text="<i>two</i>", parse_mode="HTML")

        assert answer["result"]["edit_date"] == T0 // 1000 + 2
        assert sim.chats[5][0].text == "two"
        edit = sim.chats[5][0].edits[0]
        assert (edit.before_text, edit.text, edit.html, edit.at_ms) == ("one", "two", "<i>two</i>", T0 + 2000)


@pytest.mark.parametrize(
    ("message_id", "text", "description"),
    [
        (
            1,
            "one",
            "Bad Request: message is not modified: specified new message content and reply markup are exactly the "
            "same as a current content and reply markup of the message",
        ),
        (2, "x", "Bad Request: message can't be edited"),
        (3, "x", "Bad Request: message to edit not found"),
        (1, "", "Bad Request: message text is empty"),
    ],
)
async def test_an_edit_that_cannot_be_made_is_refused(message_id: int, text: str, description: str) -> None:
    async with telegram() as (sim, client):
        await client.call("sendMessage", chat_id=5, text="one")
        sim.inject_message(5, "of a user")  # gets id 2

        answer = await client.call("editMessageText", chat_id=5, message_id=message_id, text=text)
        assert (answer["error_code"], answer["description"]) == (400, description)


async def test_a_deleted_message_is_gone() -> None:
    async with telegram() as (sim, client):
        await client.call("sendMessage", chat_id=5, text="one")
        assert (await client.call("deleteMessage", chat_id=5, message_id=1))["result"] is True
        assert not sim.chats[5]
        again = await client.call("deleteMessage", chat_id=5, message_id=1)
        assert again["description"] == "Bad Request: message to delete not found"


async def test_a_photo_is_uploaded_with_its_caption() -> None:
    async with telegram() as (sim, client):
        picture = png(90, 60)
        answer = await client.form("sendPhoto", {"chat_id": "5", "caption": "chart", "photo": io.BytesIO(picture)})

        assert answer["result"]["caption"] == "chart"
        (size,) = answer["result"]["photo"]
        assert (size["width"], size["height"], size["file_size"]) == (90, 60, len(picture))
        assert (sim.chats[5][0].photo, sim.chats[5][0].text) == (picture, "chart")


async def test_a_wrong_token_is_401_and_a_malformed_one_404() -> None:
    async with telegram() as (sim, client):
        wrong = await client.call("getMe", token="123456:BBHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw")
        malformed = await client.call("getMe", token="hello")
        unknown = await client.call("makeCoffee")

        assert wrong == {"ok": False, "error_code": 401, "description": "Unauthorized"}
        assert malformed == {"ok": False, "error_code": 404, "description": "Not Found"}
        assert unknown["error_code"] == 404
        assert not sim.calls


async def test_the_bot_knows_itself_and_its_chats() -> None:
    async with telegram() as (_, client):
        me = (await client.call("getMe"))["result"]
        assert (me["id"], me["username"], me["is_bot"]) == (123456, "AltmonitorBot", True)
        assert (await client.call("getChat", chat_id=GROUP))["result"]["type"] == "supergroup"
        assert (await client.call("getChat", chat_id=5))["result"]["type"] == "private"
        assert (await client.call("getChatMember", chat_id=5, user_id=5))["result"]["status"] == "member"
        assert (await client.call("sendChatAction", chat_id=5, action="typing"))["result"] is True


async def test_commands_are_kept_per_language() -> None:
    async with telegram() as (sim, client):
        rows = [{"command": "status", "description": "状态"}]
        await client.call("setMyCommands", commands=rows, language_code="zh")

        assert (await client.call("getMyCommands", language_code="zh"))["result"] == rows
        assert (await client.call("getMyCommands"))["result"] == []
        assert sim.commands['{"type": "default"}', "zh"] == rows
        bad = await client.call("setMyCommands", commands=[{"command": "Set Pump", "description": "x"}])
        assert bad["description"] == "Bad Request: BOT_COMMAND_INVALID"


async def test_a_group_that_became_a_supergroup_names_its_new_id() -> None:
    async with telegram() as (sim, client):
        sim.migrate(-77, GROUP)
        answer = await client.call("sendMessage", chat_id=-77, text="x")

        assert (answer["error_code"], answer["parameters"]) == (400, {"migrate_to_chat_id": GROUP})
        assert (await client.call("sendMessage", chat_id=GROUP, text="x"))["ok"]
        told = [update["message"] for update in (await client.call("getUpdates"))["result"]]
        assert (told[0]["migrate_to_chat_id"], told[1]["migrate_from_chat_id"]) == (GROUP, -77)


async def test_a_chat_that_threw_the_bot_out_answers_403() -> None:
    async with telegram() as (sim, client):
        sim.close_chat(GROUP)
        answer = await client.call("sendMessage", chat_id=GROUP, text="x")
        assert (answer["error_code"], answer["description"]) == (
            403,
            "Forbidden: bot was kicked from the supergroup chat",
        )
        sim.open_chat(GROUP)
        assert (await client.call("sendMessage", chat_id=GROUP, text="x"))["ok"]


async def test_a_pressed_button_is_answered_once_and_in_time() -> None:
    clock = MovableClock()
    async with telegram(clock) as (sim, client):
        await client.call("sendMessage", chat_id=5, text="x")
        query = sim.inject_callback(5, "m:1", message_id=1, user_id=5)
        update = (await client.call("getUpdates"))["result"][0]["callback_query"]
        assert (update["id"], update["data"], update["message"]["message_id"]) == (query, "m:1", 1)

        assert (await client.call("answerCallbackQuery", callback_query_id=query, text="muted"))["result"] is True
        assert sim.answered[query].text == "muted"
        assert (await client.call("answerCallbackQuery", callback_query_id=query))["error_code"] == 400

        late = sim.inject_callback(5, "m:1", message_id=1)
        await clock.advance(16)
        assert (await client.call("answerCallbackQuery", callback_query_id=late))["error_code"] == 400


async def test_the_hook_sees_new_and_edited_messages() -> None:
    async with telegram() as (sim, client):
        seen: list[tuple[str, int]] = []

        def see(message: SimMessage) -> None:
            seen.append((message.text, len(message.edits)))

        sim.on_message = see
        await client.call("sendMessage", chat_id=5, text="one")
        await client.call("editMessageText", chat_id=5, message_id=1, text="two")
        assert seen == [("one", 0), ("two", 1)]


async def test_calls_are_kept_with_their_time() -> None:
    async with telegram() as (sim, client):
        await client.call("sendMessage", chat_id=5, text="one")
        call = sim.sent("sendMessage")[0]
        assert (call.at_ms, call.params["text"]) == (T0, "one")
        assert TOKEN not in repr(call)
