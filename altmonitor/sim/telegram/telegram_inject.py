"""What users do, as the updates a bot receives of it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from altmonitor.sim.telegram.chats import Chats
from altmonitor.sim.telegram.html import utf16_units

_GROUP_ANONYMOUS_BOT = {"id": 1087968824, "is_bot": True, "first_name": "Group", "username": "GroupAnonymousBot"}
_COMMAND = re.compile(r"/\w+(?:@\w+)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Injection:
    """A message somebody writes. user_id None: the chat itself (a channel post). is_anonymous: an administrator of the
    group who hides behind it."""

    chat_id: int
    text: str
    user_id: int | None
    user_name: str
    is_edited: bool
    date_ms: int
    thread_id: int | None
    message_id: int
    is_anonymous: bool = False


def message_update(chats: Chats, written: Injection) -> tuple[str, dict[str, object]]:
    """Kind of update and its content."""
    content: dict[str, object] = {
        "message_id": written.message_id,
        "chat": chats.chat_object(written.chat_id),
        "date": written.date_ms // 1000,
        "text": written.text,
    }
    is_post = chats.chat(written.chat_id).type == "channel"
    if written.is_anonymous:
        content |= {"sender_chat": chats.chat_object(written.chat_id), "from": _GROUP_ANONYMOUS_BOT}
    elif is_post or written.user_id is None:
        content["sender_chat"] = chats.chat_object(written.chat_id)
    else:
        content["from"] = _user(written.user_id, written.user_name)
    if written.thread_id is not None:
        content |= {"message_thread_id": written.thread_id, "is_topic_message": True}
    command = _COMMAND.match(written.text)
    if command is not None:
        content["entities"] = [{"type": "bot_command", "offset": 0, "length": utf16_units(command[0])}]
    if written.is_edited:
        content["edit_date"] = written.date_ms // 1000
    kind = "channel_post" if is_post else "message"
    return f"edited_{kind}" if written.is_edited else kind, content


def callback_update(
    message: dict[str, object], query_id: str, data: str, user_id: int, user_name: str
) -> dict[str, object]:
    return {
        "id": query_id,
        "from": _user(user_id, user_name),
        "message": message,
        "chat_instance": "1",
        "data": data,
    }


def migration_updates(chats: Chats, old: int, new: int, *, date_ms: int) -> list[tuple[str, dict[str, object]]]:
    """The service messages of a group that became a supergroup: one in the old chat, one in the new."""
    return [
        (
            "message",
            {
                "message_id": chats.next_message_id(chat_id, is_foreign=True),
                "chat": chats.chat_object(chat_id),
                "date": date_ms // 1000,
                "from": _user(1, "reader"),
                key: value,
            },
        )
        for chat_id, key, value in ((old, "migrate_to_chat_id", new), (new, "migrate_from_chat_id", old))
    ]


def _user(user_id: int, user_name: str) -> dict[str, object]:
    return {"id": user_id, "is_bot": False, "first_name": user_name, "username": user_name, "language_code": "en"}
