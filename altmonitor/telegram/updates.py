"""One update of the Bot API → what it means to us. Pure: nothing is asked, nothing is answered."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import Enum

import msgspec
from telegram import CallbackQuery, ChatMemberRestricted, ChatMemberUpdated, Message, Update

from altmonitor.core.types import Destination
from altmonitor.telegram.types import Incoming

_COMMAND = re.compile(r"/([A-Za-z0-9_]+)(?:@([A-Za-z0-9_]+))?(?=\s|$)")
_GONE = ("left", "kicked")
_TOPIC_ENDS = {"forum_topic_closed", "general_forum_topic_hidden", "left_chat_member"}
_TOPIC_BEGINS = {"forum_topic_reopened", "forum_topic_created", "general_forum_topic_unhidden"}


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


def read_update(
    raw: Mapping[str, object], *, bot_username: str, now_ms: int
) -> Incoming | Membership | Moved | Ignored:
    """bot_username: without @, compared without regard to case. now_ms: stands in for the time of a press."""
    try:
        found = _read(Update.de_json(dict(raw), None), bot_username, now_ms)
        # The library takes over whatever stands there; whoever comes behind may trust the types.
        return found if isinstance(found, Ignored) else msgspec.convert(asdict(found), type(found))
    # Whatever a newer Bot API sends that the library cannot read costs this one update, never the loop.
    except Exception:
        return Ignored.UNREADABLE


def written_in(raw: Mapping[str, object]) -> tuple[Destination, bool] | None:
    """Where somebody wrote, whatever it was, and whether it says that a topic was opened again; None: nowhere. Of the
    service messages of a topic only this one: a bot that may not read groups is told them all the same."""
    message = raw.get("message")
    chat = message.get("chat") if isinstance(message, dict) else None
    chat_id = chat.get("id") if isinstance(chat, dict) else None
    if not isinstance(message, dict) or not isinstance(chat_id, int) or not message.keys().isdisjoint(_TOPIC_ENDS):
        return None
    topic_id = message.get("message_thread_id") if message.get("is_topic_message") is True else None
    where = Destination(chat_id=chat_id, topic_id=topic_id if isinstance(topic_id, int) else None)
    return where, not message.keys().isdisjoint(_TOPIC_BEGINS)


def _read(update: Update, bot_username: str, now_ms: int) -> Incoming | Membership | Moved | Ignored:
    if update.my_chat_member is not None:
        return _membership(update.my_chat_member)
    if update.callback_query is not None:
        return _press(update.callback_query, now_ms)
    message = update.effective_message
    if message is None:
        return Ignored.OTHER_KIND
    if message.migrate_to_chat_id is not None:
        return Moved(chat_id=message.chat.id, new_chat_id=message.migrate_to_chat_id)
    if message.migrate_from_chat_id is not None:
        return Moved(chat_id=message.migrate_from_chat_id, new_chat_id=message.chat.id)
    return _message(message, bot_username)


def _message(message: Message, bot_username: str) -> Incoming | Ignored:
    if not message.text:
        return Ignored.OTHER_KIND
    text = message.text
    command = _COMMAND.match(text)
    if command is not None and command[2] is not None:
        if command[2].lower() != bot_username.lower():
            return Ignored.OTHER_BOT
        text = f"/{command[1]}{text[command.end() :]}"
    if command is None and message.chat.type != "private":
        return Ignored.CHATTER
    writer = message.from_user
    return Incoming(
        text=text,
        destination=_destination(message),
        user_id=None if writer is None else writer.id,
        user_name=(message.chat.title or "") if writer is None else (writer.username or writer.full_name),
        message_id=message.message_id,
        date_ms=_ms(message.edit_date or message.date),
        is_edited=message.edit_date is not None,
        chat_type=str(message.chat.type),
        sender_chat_id=None if message.sender_chat is None else message.sender_chat.id,
    )


def _press(query: CallbackQuery, now_ms: int) -> Incoming | Ignored:
    if query.message is None or query.data is None:
        return Ignored.OTHER_KIND
    carrier = query.message
    return Incoming(
        text=query.data,
        destination=_destination(carrier) if isinstance(carrier, Message) else Destination(chat_id=carrier.chat.id),
        user_id=query.from_user.id,
        user_name=query.from_user.username or query.from_user.full_name,
        message_id=carrier.message_id,
        date_ms=now_ms,
        chat_type=str(carrier.chat.type),
        press_id=query.id,
    )


def _membership(update: ChatMemberUpdated) -> Membership:
    member = update.new_chat_member
    is_silenced = isinstance(member, ChatMemberRestricted) and not member.can_send_messages
    return Membership(chat_id=update.chat.id, may_write=member.status not in _GONE and not is_silenced)


def _destination(message: Message) -> Destination:
    # Replies in an ordinary supergroup carry a thread id too; only in a forum is it a place to write to.
    topic_id = message.message_thread_id if message.is_topic_message else None
    return Destination(chat_id=message.chat.id, topic_id=topic_id)


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
