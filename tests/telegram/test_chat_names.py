"""What chats and topics are called, learned from what Telegram says beside the messages."""

from __future__ import annotations

from typing import Any

from altmonitor.core.types import Destination
from altmonitor.storage.memory import MemoryStore
from altmonitor.telegram.chat_names import NAMES_KEPT, ChatNames
from tests.movable_clock import MovableClock

GROUP = Destination(chat_id=-1001)
TOPIC = Destination(chat_id=-1001, topic_id=7)


def memory() -> MemoryStore:
    return MemoryStore(clock=MovableClock(), destinations=(GROUP,))


def message(**more: Any) -> dict[str, object]:
    return {"message": {"message_id": 5, "chat": {"id": -1001, "type": "supergroup", "title": "Desk"}, **more}}


async def test_a_chat_and_its_topic_are_known_by_what_is_written_in_them_also_after_a_restart() -> None:
    store = memory()
    names = ChatNames(store)
    await names.learn(message())
    assert (names.of(GROUP), names.of(TOPIC)) == ("Desk", "Desk")
    opened = {"message_id": 7, "forum_topic_created": {"name": "Majors  and more"}}
    await names.learn(message(message_thread_id=7, is_topic_message=True, reply_to_message=opened))
    assert names.of(TOPIC) == "Desk · Majors and more"
    again = ChatNames(store)
    await again.load()
    assert again.of(TOPIC) == "Desk · Majors and more"
    await again.learn(message(message_thread_id=7, forum_topic_edited={"name": "Alts"}))
    assert again.of(TOPIC) == "Desk · Alts"


async def test_a_private_chat_is_called_like_the_person_and_a_group_as_it_says_when_the_bot_is_let_in() -> None:
    names = ChatNames(memory())
    await names.learn({"message": {"chat": {"id": 77, "type": "private", "first_name": "Ann", "last_name": "Lee"}}})
    await names.learn({"my_chat_member": {"chat": {"id": -5, "title": "News"}, "new_chat_member": {}}})
    await names.learn({"callback_query": {"message": {"chat": {"id": -6, "title": "Desk"}}}})
    found = [names.of(Destination(chat_id=chat_id)) for chat_id in (77, -5, -6, -7)]
    assert found == ["Ann Lee", "News", "Desk", ""]


async def test_odd_updates_teach_nothing() -> None:
    names = ChatNames(memory())
    for odd in ({}, {"message": None}, {"message": {"chat": {"id": "x"}}}, message(message_thread_id="7")):
        await names.learn(odd)  # type: ignore[arg-type]
    assert names.of(GROUP) == "Desk"


async def test_only_the_last_names_are_kept() -> None:
    names = ChatNames(memory())
    for number in range(NAMES_KEPT + 1):
        await names.learn({"message": {"chat": {"id": -number - 1, "title": f"n{number}"}}})
    assert names.of(Destination(chat_id=-1)) == ""
    assert names.of(Destination(chat_id=-2)) == "n1"
