import json

import pytest

from altmonitor.sim.telegram.chats import buttons, data_of
from tests.sim.telegram_client import GROUP, telegram


def keyboard(*row: dict[str, object]) -> dict[str, object]:
    return {"inline_keyboard": [list(row)]}


async def test_a_keyboard_is_kept_shown_in_answers_and_pressed_by_its_label() -> None:
    async with telegram() as (sim, client):
        markup = keyboard({"text": "🔇 1 h", "callback_data": "mute:1:x"}, {"text": "B", "url": "https://b.example/x"})
        answer = await client.call("sendMessage", chat_id=5, text="x", reply_markup=json.dumps(markup))
        assert answer["result"]["reply_markup"] == markup
        (message,) = sim.chats[5]
        assert list(buttons(message)) == [("🔇 1 h", "mute:1:x"), ("B", "https://b.example/x")]
        query = sim.press(message, "1 h", user_id=7, user_name="anna")
        update = (await client.call("getUpdates"))["result"][0]["callback_query"]
        assert (update["id"], update["data"], update["from"]["id"]) == (query, "mute:1:x", 7)
        with pytest.raises(LookupError, match="no button 'Chart'"):
            data_of(message, "Chart")


@pytest.mark.parametrize(
    ("button", "description"),
    [
        ({"text": "x", "callback_data": "я" * 33}, "BUTTON_DATA_INVALID"),
        ({"text": "x", "url": "https://b.example/牛"}, "BUTTON_URL_INVALID"),
        ({"text": "x", "url": "b.example"}, "BUTTON_URL_INVALID"),
        (
            {"text": "x"},
            "can't parse inline keyboard button: text buttons are unallowed in the inline keyboard",
        ),
        (
            {"text": "", "callback_data": "x"},
            "can't parse inline keyboard button: text buttons are unallowed in the inline keyboard",
        ),
    ],
)
async def test_buttons_that_cannot_be_are_refused_with_the_message(button: dict[str, object], description: str) -> None:
    async with telegram() as (sim, client):
        answer = await client.call("sendMessage", chat_id=5, text="x", reply_markup=keyboard(button))
        assert answer["description"] == f"Bad Request: {description}"
        assert not sim.chats[5]


async def test_exactly_64_bytes_of_data_are_taken() -> None:
    async with telegram() as (_, client):
        markup = keyboard({"text": "x", "callback_data": "я" * 32})
        assert (await client.call("sendMessage", chat_id=5, text="x", reply_markup=markup))["ok"]


async def test_too_many_buttons_are_refused() -> None:
    async with telegram() as (_, client):
        markup = keyboard(*[{"text": "x", "callback_data": "y"}] * 9)
        answer = await client.call("sendMessage", chat_id=5, text="x", reply_markup=markup)
        assert answer["description"] == "Bad Request: reply markup is too long"


async def test_an_edit_without_a_keyboard_takes_it_away_and_one_of_the_keyboard_alone_leaves_the_text() -> None:
    async with telegram() as (sim, client):
        markup = keyboard({"text": "x", "callback_data": "y"})
        await client.call("sendMessage", chat_id=5, text="one", reply_markup=markup)
        await client.call("editMessageText", chat_id=5, message_id=1, text="two")
        (message,) = sim.chats[5]
        assert list(buttons(message)) == []
        await client.call("editMessageReplyMarkup", chat_id=5, message_id=1, reply_markup=markup)
        assert (message.text, list(buttons(message))) == ("two", [("x", "y")])
        again = await client.call("editMessageReplyMarkup", chat_id=5, message_id=1, reply_markup=markup)
        assert again["description"].startswith("Bad Request: message is not modified")


async def test_a_menu_has_a_scope_and_a_language_and_can_be_deleted() -> None:
    async with telegram() as (sim, client):
        rows = [{"command": "help", "description": "all there is"}]
        where = {"scope": {"type": "all_private_chats"}, "language_code": "ru"}
        assert (await client.call("setMyCommands", commands=rows, **where))["ok"]
        assert sim.commands == {('{"type": "all_private_chats"}', "ru"): rows}
        assert (await client.call("deleteMyCommands", **where))["ok"]
        assert sim.commands == {}
        wrong = await client.call("setMyCommands", commands=rows, scope={"type": "everybody"})
        assert wrong["description"] == "Bad Request: can't parse BotCommandScope: invalid value specified"


async def test_a_closed_topic_takes_nothing_and_a_group_tells_its_administrators() -> None:
    async with telegram() as (sim, client):
        sim.add_topic(GROUP, 7)
        sim.close_topic(GROUP, 7)
        refused = await client.call("sendMessage", chat_id=GROUP, text="x", message_thread_id=7)
        assert refused["description"] == "Bad Request: TOPIC_CLOSED"
        sim.set_admins(GROUP, 8, 7)
        members = (await client.call("getChatAdministrators", chat_id=GROUP))["result"]
        assert [member["user"]["id"] for member in members] == [7, 8]
        private = await client.call("getChatAdministrators", chat_id=5)
        assert private["description"] == "Bad Request: there are no administrators in the private chat"
