"""One update of the Bot API → what it means to us. Pure: nothing is asked, nothing is answered.

Read by hand, field by field, and not by the library: that drops a whole update for one optional field it does not
expect, and nobody answers whoever wrote it. Only what is needed to decide must be there and of its type.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from altmonitor.core.types import Destination
from altmonitor.settings.input import plain_text
from altmonitor.telegram.types import Incoming

_COMMAND = re.compile(r"/(\w+)(?:@([A-Za-z0-9_]+))?(?=[\s=:.,!?;]|$)")
_NO_TEXT = (
    "photo",
    "sticker",
    "voice",
    "video",
    "video_note",
    "audio",
    "document",
    "animation",
    "location",
    "contact",
    "poll",
)
"""What people send beside text; service messages are not among them."""
_GONE = ("left", "kicked")
_TOPIC_ENDS = {"forum_topic_closed", "general_forum_topic_hidden", "left_chat_member"}
_TOPIC_BEGINS = {"forum_topic_reopened", "forum_topic_created", "general_forum_topic_unhidden"}
_CHAT_TYPES = ("private", "group", "supergroup", "channel")
_MESSAGES = ("message", "edited_message", "channel_post", "edited_channel_post")
_LARGEST = 2**63 - 1
_LAST_SECOND = 253_402_300_799

Fields = Mapping[str, object]


class Ignored(Enum):
    """Why an update is none of our business."""

    UNREADABLE = "the update cannot be read"
    OTHER_KIND = "neither text, nor a press, nor news about the bot's membership"
    OTHER_BOT = "the command names another bot"
    CHATTER = "people talking in a group"


@dataclass(frozen=True, slots=True, kw_only=True)
class Membership:
    """The bot was let into `chat_id` or out of it."""

    chat_id: int
    may_write: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """The group `chat_id` is now the supergroup `new_chat_id`."""

    chat_id: int
    new_chat_id: int


def read_update(raw: Fields, *, bot_username: str, now_ms: int) -> Incoming | Membership | Moved | Ignored:
    """bot_username: without @, compared without regard to case. now_ms: stands in for the time of a press."""
    if (change := _part(raw, "my_chat_member")) is not None:
        return _membership(change)
    if (query := _part(raw, "callback_query")) is not None:
        return _press(query, now_ms)
    for kind in _MESSAGES:
        if (message := _part(raw, kind)) is not None:
            return _message(message, kind, bot_username)
    return Ignored.OTHER_KIND if set(raw).isdisjoint(_MESSAGES) else Ignored.UNREADABLE


def written_in(raw: Fields) -> tuple[Destination, bool] | None:
    """Where somebody wrote, whatever it was, and whether it says that a topic was opened again; None: nowhere. Of the
    service messages of a topic only this one: a bot that may not read groups is told them all the same."""
    message = _part(raw, "message") or {}
    chat_id = _whole(_part(message, "chat") or {}, "id")
    if chat_id is None or not message.keys().isdisjoint(_TOPIC_ENDS):
        return None
    return _destination(message, chat_id), not message.keys().isdisjoint(_TOPIC_BEGINS)


def names_in(raw: Fields) -> dict[Destination, str]:
    """What the update says about the names of its chat and of the topic it was written in; a private chat is called
    like the person."""
    change = _part(raw, "my_chat_member") or {}
    message = next((found for kind in _MESSAGES if (found := _part(raw, kind)) is not None), None) or change
    message = message or _part(_part(raw, "callback_query") or {}, "message") or {}
    chat = _part(message, "chat") or {}
    chat_id = _whole(chat, "id")
    if chat_id is None:
        return {}
    title = _text(chat, "title") or f"{_text(chat, 'first_name')} {_text(chat, 'last_name')}".strip()
    names = {Destination(chat_id=chat_id): title} if title else {}
    topic_id = _whole(message, "message_thread_id")
    # Every message of a topic that is no other reply is a reply to the one that opened it.
    opened = _part(message, "forum_topic_created") or _part(message, "forum_topic_edited")
    opened = opened or _part(_part(message, "reply_to_message") or {}, "forum_topic_created") or {}
    if topic_id is not None and topic_id > 0 and _text(opened, "name"):
        names[Destination(chat_id=chat_id, topic_id=topic_id)] = _text(opened, "name")
    return names


def _message(message: Fields, kind: str, bot_username: str) -> Incoming | Moved | Ignored:
    chat = _part(message, "chat") or {}
    chat_id = _whole(chat, "id")
    if chat_id is None:
        return Ignored.UNREADABLE
    if (new_chat_id := _whole(message, "migrate_to_chat_id") or 0) < 0:
        return Moved(chat_id=chat_id, new_chat_id=new_chat_id)
    if (old_chat_id := _whole(message, "migrate_from_chat_id") or 0) < 0:
        return Moved(chat_id=old_chat_id, new_chat_id=chat_id)
    text = plain_text(_text(message, "text") or _text(message, "caption"))
    chat_type = "channel" if kind.endswith("channel_post") else _chat_type(chat, chat_id)
    if not text and (chat_type != "private" or message.keys().isdisjoint(_NO_TEXT)):
        return Ignored.OTHER_KIND
    command = _COMMAND.match(text)
    if command is not None and command[2] is not None:
        if command[2].lower() != bot_username.lower() and chat_type != "private":  # there is nobody else
            return Ignored.OTHER_BOT
        text = f"/{command[1]}{text[command.end() :]}"
    if command is None and chat_type != "private":
        return Ignored.CHATTER
    writer = _part(message, "from")
    is_edited, written_ms = kind.startswith("edited_"), _moment_ms(message, "date")
    return Incoming(
        text=text,
        destination=_destination(message, chat_id),
        user_id=None if writer is None else _whole(writer, "id"),
        user_name=_text(chat, "title") if writer is None else _name(writer),
        message_id=_whole(message, "message_id") or 0,
        date_ms=(_moment_ms(message, "edit_date") or written_ms) if is_edited else written_ms,
        written_ms=written_ms,
        is_edited=is_edited,
        chat_type=chat_type,
        sender_chat_id=_whole(_part(message, "sender_chat") or {}, "id"),
    )


def _press(query: Fields, now_ms: int) -> Incoming | Ignored:
    carrier, data = _part(query, "message"), _text(query, "data")
    if carrier is None or not data:
        return Ignored.OTHER_KIND
    chat, by = _part(carrier, "chat") or {}, _part(query, "from") or {}
    chat_id = _whole(chat, "id")
    if chat_id is None:
        return Ignored.UNREADABLE
    return Incoming(
        text=data,
        destination=_destination(carrier, chat_id),
        user_id=_whole(by, "id"),
        user_name=_name(by),
        message_id=_whole(carrier, "message_id") or 0,
        date_ms=now_ms,
        chat_type=_chat_type(chat, chat_id),
        press_id=_text(query, "id") or str(_whole(query, "id") or ""),
    )


def _membership(change: Fields) -> Membership | Ignored:
    chat_id, member = _whole(_part(change, "chat") or {}, "id"), _part(change, "new_chat_member") or {}
    status = _text(member, "status")
    if chat_id is None or not status:
        return Ignored.UNREADABLE
    right = {"restricted": "can_send_messages", "administrator": "can_post_messages"}.get(status, "")
    is_silenced = member.get(right) is False  # the right to post is told of channels alone
    return Membership(chat_id=chat_id, may_write=status not in _GONE and not is_silenced)


def _destination(message: Fields, chat_id: int) -> Destination:
    # Replies in an ordinary supergroup carry a thread id too; only in a forum is it a place to write to.
    topic_id = _whole(message, "message_thread_id") if message.get("is_topic_message") is True else None
    return Destination(chat_id=chat_id, topic_id=topic_id if topic_id is not None and topic_id > 0 else None)


def _chat_type(chat: Fields, chat_id: int) -> str:
    """Ids of groups and channels are negative; what is not named is treated like a group, where least is allowed."""
    told = _text(chat, "type")
    if told in _CHAT_TYPES:
        return told
    return "private" if chat_id > 0 else "supergroup"


def _name(person: Fields) -> str:
    full = f"{_text(person, 'first_name')} {_text(person, 'last_name')}".strip()
    return _text(person, "username") or full


# --- one field: its value where it has the type it should have, else as if it were not there ------------------------


def _part(fields: Fields, key: str) -> Fields | None:
    value = fields.get(key)
    return value if isinstance(value, Mapping) else None


def _text(fields: Fields, key: str) -> str:
    """Half of a surrogate pair, which no answer could be sent with, becomes a question mark."""
    value = fields.get(key)
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else ""


def _whole(fields: Fields, key: str) -> int | None:
    value = fields.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) <= _LARGEST else None


def _moment_ms(fields: Fields, key: str) -> int:
    """Unix milliseconds; 0: not known."""
    seconds = _whole(fields, key)
    return seconds * 1000 if seconds is not None and 0 < seconds <= _LAST_SECOND else 0
