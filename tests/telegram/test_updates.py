from __future__ import annotations

from typing import Any

import pytest

from altmonitor.core.types import Destination
from altmonitor.telegram.types import Incoming
from altmonitor.telegram.updates import Ignored, Membership, Moved, read_update, written_in

NOW_MS = 1_790_000_040_000
ANN = {"id": 7, "is_bot": False, "first_name": "Ann", "last_name": "Li"}
PRIVATE = {"id": 7, "type": "private", "first_name": "Ann"}
GROUP = {"id": -100, "type": "supergroup", "title": "Traders"}
CHANNEL = {"id": -200, "type": "channel", "title": "Signals"}


def read(kind: str, content: dict[str, Any]) -> object:
    return read_update({"update_id": 1, kind: content}, bot_username="AltmonitorBot", now_ms=NOW_MS)


def message(text: str, chat: dict[str, Any] = GROUP, **more: Any) -> dict[str, Any]:
    return {"message_id": 3, "date": 1_790_000_000, "chat": chat, "from": ANN, "text": text} | more


def test_where_somebody_wrote_is_known_whatever_was_written() -> None:
    in_topic = {"message_thread_id": 5, "is_topic_message": True}
    topic, group = Destination(chat_id=-100, topic_id=5), Destination(chat_id=-100)
    found = [
        written_in({"update_id": 1, "message": content})
        for content in (
            message("hello", **in_topic),
            {"chat": GROUP, "sticker": {}, **in_topic},
            {"chat": GROUP, "forum_topic_reopened": {}, **in_topic},
            {"chat": GROUP, "forum_topic_closed": {}, **in_topic},
            {"chat": GROUP, "general_forum_topic_unhidden": {}},
            message("a reply in a group without topics", message_thread_id=5),
            {"chat": GROUP, "message_thread_id": "5", "is_topic_message": True},
            {"chat": {"id": "x"}},
            {"chat": None},
            None,
            7,
        )
    ]
    assert found == [
        *((topic, False), (topic, False), (topic, True), None, (group, True)),
        *((group, False), (group, False), None, None, None, None),
    ]
    assert written_in({"update_id": 1, "edited_message": message("x")}) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/status", "/status"),
        ("/status@AltmonitorBot", "/status"),
        ("/status@ALTMONITORBOT  x", "/status  x"),
        ("/set_pump@altmonitorbot 2,5", "/set_pump 2,5"),
        ("/mute 币安人生USDT", "/mute 币安人生USDT"),
        ("/status\n5", "/status\n5"),
        ("/status@OtherBot", Ignored.OTHER_BOT),
        ("/status@AltmonitorBot2", Ignored.OTHER_BOT),
        ("status", Ignored.CHATTER),
        ("/", Ignored.CHATTER),
        ("/a/b", Ignored.CHATTER),
        ("@AltmonitorBot /status", Ignored.CHATTER),
    ],
)
def test_commands_in_a_group(text: str, expected: object) -> None:
    found = read("message", message(text))
    assert (found.text if isinstance(found, Incoming) else found) == expected


def test_talk_in_a_private_chat_is_handed_on() -> None:
    found = read("message", message("hello", PRIVATE))
    assert isinstance(found, Incoming)
    assert (found.text, found.user_name, found.chat_type) == ("hello", "Ann Li", "private")
    assert found.date_ms == 1_790_000_000_000


def test_captions_and_the_signs_of_a_chinese_keyboard_are_read_as_text() -> None:
    photo = {key: value for key, value in message("").items() if key != "text"} | {"photo": [{}]}
    read_as = {
        "／status": read("message", message("／status")),
        "／mute　sol": read("message", message("／mute　sol")),
        "caption": read("message", photo | {"caption": "/status"}),
        "/статус": read("message", message("/статус")),
        "/status!": read("message", message("/status!")),
    }
    texts = {key: found.text if isinstance(found, Incoming) else found for key, found in read_as.items()}
    assert texts == {
        "／status": "/status",
        "／mute　sol": "/mute sol",
        "caption": "/status",
        "/статус": "/статус",
        "/status!": "/status!",
    }


def test_what_is_no_text_is_handed_on_in_a_private_chat_alone_and_service_messages_never() -> None:
    nothing = {key: value for key, value in message("", PRIVATE).items() if key != "text"}
    sticker = read("message", nothing | {"sticker": {"emoji": "👍"}})
    assert isinstance(sticker, Incoming)
    assert (sticker.text, sticker.chat_type) == ("", "private")
    assert read("message", nothing | {"pinned_message": {}}) is Ignored.OTHER_KIND
    assert read("message", nothing | {"chat": GROUP, "sticker": {}}) is Ignored.OTHER_KIND


def test_in_a_private_chat_a_command_for_another_bot_is_for_us() -> None:
    found = read("message", message("/status@SomeOtherBot", PRIVATE))
    assert isinstance(found, Incoming)
    assert found.text == "/status"


def test_the_thread_of_a_reply_is_a_topic_only_in_a_forum() -> None:
    reply = read("message", message("/status", message_thread_id=9))
    topic = read("message", message("/status", message_thread_id=9, is_topic_message=True))
    assert isinstance(reply, Incoming)
    assert isinstance(topic, Incoming)
    assert reply.destination == Destination(chat_id=-100)
    assert topic.destination == Destination(chat_id=-100, topic_id=9)


def test_an_edited_command_counts_from_its_edit() -> None:
    found = read("edited_message", message("/status", edit_date=1_790_000_030))
    assert isinstance(found, Incoming)
    assert (found.is_edited, found.date_ms) == (True, 1_790_000_030_000)


@pytest.mark.parametrize("kind", ["channel_post", "edited_channel_post"])
def test_a_channel_post_has_no_user(kind: str) -> None:
    post = {"message_id": 3, "date": 1_790_000_000, "chat": CHANNEL, "sender_chat": CHANNEL, "text": "/status"}
    found = read(kind, post)
    assert isinstance(found, Incoming)
    assert (found.user_id, found.user_name) == (None, "Signals")


def test_a_press_belongs_to_the_message_that_carries_the_button() -> None:
    carrier = message("x", message_thread_id=9, is_topic_message=True)
    found = read("callback_query", {"id": "77", "from": ANN, "chat_instance": "1", "data": "m:1", "message": carrier})
    assert found == Incoming(
        text="m:1",
        destination=Destination(chat_id=-100, topic_id=9),
        user_id=7,
        user_name="Ann Li",
        message_id=3,
        date_ms=NOW_MS,
        chat_type="supergroup",
        press_id="77",
    )


def test_a_press_under_a_message_too_old_to_be_seen_still_names_its_chat() -> None:
    carrier = {"message_id": 3, "date": 0, "chat": GROUP}
    found = read("callback_query", {"id": "77", "from": ANN, "chat_instance": "1", "data": "m:1", "message": carrier})
    assert isinstance(found, Incoming)
    assert found.destination == Destination(chat_id=-100)


@pytest.mark.parametrize(
    ("member", "may_write"),
    [
        ({"status": "member"}, True),
        ({"status": "left"}, False),
        ({"status": "kicked", "until_date": 0}, False),
        ({"status": "restricted", "can_send_messages": False}, False),
        ({"status": "restricted", "can_send_messages": True}, True),
        ({"status": "administrator", "can_post_messages": False}, False),
        ({"status": "administrator", "can_post_messages": None}, True),
        ({"status": "administrator"}, True),
    ],
)
def test_being_let_in_and_thrown_out_is_noticed(member: dict[str, Any], may_write: bool) -> None:
    bot = {"id": 1, "is_bot": True, "first_name": "altmonitor"}
    change = {
        "chat": GROUP,
        "from": ANN,
        "date": 1_790_000_000,
        "old_chat_member": {"status": "member", "user": bot},
        "new_chat_member": member | {"user": bot},
    }
    assert read("my_chat_member", change) == Membership(chat_id=-100, may_write=may_write)


def test_both_service_messages_of_a_move_say_the_same() -> None:
    before = {"message_id": 3, "date": 0, "chat": {"id": -77, "type": "group", "title": "T"}, "from": ANN}
    after = {"message_id": 1, "date": 0, "chat": GROUP, "from": ANN}
    assert read("message", before | {"migrate_to_chat_id": -100}) == Moved(chat_id=-77, new_chat_id=-100)
    assert read("message", after | {"migrate_from_chat_id": -77}) == Moved(chat_id=-77, new_chat_id=-100)


@pytest.mark.parametrize(
    ("kind", "content", "why"),
    [
        ("message", {"message_id": 3, "date": 0, "chat": GROUP, "from": ANN}, Ignored.OTHER_KIND),
        ("poll", {"id": "1"}, Ignored.OTHER_KIND),
        ("message", {"message_id": 3}, Ignored.UNREADABLE),
        ("message", {"chat": 7, "date": "soon"}, Ignored.UNREADABLE),
        ("a_kind_of_next_year", {"x": 1}, Ignored.OTHER_KIND),
    ],
)
def test_what_is_not_understood_is_skipped_with_its_reason(kind: str, content: dict[str, Any], why: Ignored) -> None:
    assert read(kind, content) is why
