"""Chats and the messages in them: what may be written where, and what a message looks like in an answer."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from altmonitor.sim.telegram.html import Entity, ParsedHtml, utf16_units
from altmonitor.sim.telegram.values import ApiRefusal, SimEdit, SimMessage, bad_request, photo_sizes

TEXT_LIMIT = 4096
CAPTION_LIMIT = 1024


@dataclass(slots=True, kw_only=True)
class SimChat:
    """type: private, group, supergroup or channel. topics: ids of forum topics that exist.

    closed_because: when not '', every message is refused with this text (403). is_muted: new ones are refused for want
    of rights (400). bot: what the bot is there, as getChatMember tells it; {} is a member, in a channel an
    administrator who may post.
    """

    id: int
    type: str
    title: str = ""
    topics: set[int] = field(default_factory=set)
    topic_names: dict[int, str] = field(default_factory=dict)
    closed_because: str = ""
    is_muted: bool = False
    bot: dict[str, object] = field(default_factory=dict)
    moved_to: int | None = None
    last_message_id: int = 0
    foreign_ids: set[int] = field(default_factory=set)  # messages of users: may be replied to, not edited
    admins: set[int] = field(default_factory=set)  # user ids, without the bot
    closed_topics: set[int] = field(default_factory=set)
    pinned: list[int] = field(default_factory=list)  # message ids, the newest last

    def may_pin(self) -> bool:
        """Source: https://core.telegram.org/bots/api#pinchatmessage"""
        right = "can_edit_messages" if self.type == "channel" else "can_pin_messages"
        return self.type == "private" or self.bot_member().get(right) is True

    def bot_member(self) -> dict[str, object]:
        """status and rights of the bot."""
        if self.bot:
            return self.bot
        return (
            {"status": "administrator", "can_post_messages": True} if self.type == "channel" else {"status": "member"}
        )


def chat_type_of(chat_id: int) -> str:
    if chat_id > 0:
        return "private"
    return "supergroup" if chat_id <= -1_000_000_000_000 else "group"


class Chats:
    """messages: chat id → the bot's messages that still exist, oldest → newest."""

    def __init__(self, bot: dict[str, object]) -> None:
        self._bot = bot
        self._chats: dict[int, SimChat] = {}
        self.messages: defaultdict[int, list[SimMessage]] = defaultdict(list)

    def chat(self, chat_id: int) -> SimChat:
        """Made on first use: whoever writes to an id in the simulation is assumed to have been let in."""
        if chat_id not in self._chats:
            self._chats[chat_id] = SimChat(id=chat_id, type=chat_type_of(chat_id))
        return self._chats[chat_id]

    def writable(self, chat_id: int, thread_id: int | None = None) -> SimChat:
        """Raises Refusal when nothing can be written there."""
        if chat_id == 0:
            raise bad_request("chat not found")
        chat = self.chat(chat_id)
        if chat.moved_to is not None:
            raise ApiRefusal(
                400,
                "Bad Request: group chat was upgraded to a supergroup chat",
                migrate_to_chat_id=chat.moved_to,
            )
        if chat.closed_because:
            raise ApiRefusal(403, f"Forbidden: {chat.closed_because}")
        if thread_id is not None and thread_id not in chat.topics:
            raise bad_request("message thread not found")
        if thread_id in chat.closed_topics:
            raise bad_request("TOPIC_CLOSED")
        return chat

    def next_message_id(self, chat_id: int, *, is_foreign: bool) -> int:
        chat = self.chat(chat_id)
        chat.last_message_id += 1
        if is_foreign:
            chat.foreign_ids.add(chat.last_message_id)
        return chat.last_message_id

    def exists(self, chat_id: int, message_id: int) -> bool:
        return message_id in self.chat(chat_id).foreign_ids or self.find(chat_id, message_id) is not None

    def find(self, chat_id: int, message_id: int) -> SimMessage | None:
        return next((message for message in self.messages[chat_id] if message.message_id == message_id), None)

    def editable(self, chat_id: int, message_id: int) -> SimMessage:
        self.writable(chat_id)
        message = self.find(chat_id, message_id)
        if message is not None:
            return message
        raise bad_request(
            "message can't be edited" if self.exists(chat_id, message_id) else "message to edit not found"
        )

    def edit(self, message: SimMessage, html: str, parsed: ParsedHtml, *, markup: object, at_ms: int) -> None:
        if parsed == message.parsed and markup == message.reply_markup:
            raise bad_request(
                "message is not modified: specified new message content and reply markup are exactly the same "
                "as a current content and reply markup of the message"
            )
        message.edits.append(
            SimEdit(at_ms=at_ms, before_html=message.html, before_text=message.text, html=html, text=parsed.text)
        )
        message.html, message.parsed, message.reply_markup = html, parsed, markup

    def delete(self, chat_id: int, message_id: int) -> None:
        self.writable(chat_id)
        message = self.find(chat_id, message_id)
        if message is None:
            raise bad_request("message to delete not found")
        self.messages[chat_id].remove(message)

    def chat_object(self, chat_id: int) -> dict[str, object]:
        chat = self.chat(chat_id)
        described: dict[str, object] = {"id": chat.id, "type": chat.type}
        if chat.type == "private":
            described["first_name"] = chat.title or "Reader"
        else:
            described["title"] = chat.title or f"Group {chat.id}"
            if chat.topics:
                described["is_forum"] = True
        return described

    def message_object(self, message: SimMessage) -> dict[str, object]:
        """As the Bot API describes it."""
        photo, is_caption = message.photo, message.photo is not None
        described: dict[str, object] = {
            "message_id": message.message_id,
            "from": self._bot,
            "chat": self.chat_object(message.chat_id),
            "date": message.date_ms // 1000,
            "caption" if is_caption else "text": message.text,
        }
        entities = [entity_object(message.text, entity) for entity in message.parsed.entities]
        if entities:
            described["caption_entities" if is_caption else "entities"] = entities
        if photo is not None:
            described["photo"] = photo_sizes(photo)
        if message.thread_id is not None:
            described |= {"message_thread_id": message.thread_id, "is_topic_message": True}
        if message.edits:
            described["edit_date"] = message.edits[-1].at_ms // 1000
        if message.reply_markup is not None:
            described["reply_markup"] = message.reply_markup
        answered = None if message.reply_to is None else self.find(message.chat_id, message.reply_to)
        if answered is not None and answered is not message:
            described["reply_to_message"] = self.message_object(answered) | {"reply_to_message": None}
        return described


def entity_object(text: str, entity: Entity) -> dict[str, object]:
    described: dict[str, object] = {
        "type": entity.type,
        "offset": utf16_units(text[: entity.start]),
        "length": utf16_units(text[entity.start : entity.end]),
    }
    if entity.argument:
        described |= {"text_link": {"url": entity.argument}, "pre": {"language": entity.argument}}.get(entity.type, {})
    return described


# ---
# Inline keyboards: what Telegram accepts, and what it sends when one of the buttons is pressed.
#
# Source: https://core.telegram.org/bots/api#inlinekeyboardmarkup (read 2026-11-21). The limits of rows and buttons are
# not documented; these are what servers refused in practice.


DATA_BYTES_MAX = 64
BUTTONS_MAX = 100
ROW_BUTTONS_MAX = 8
_ONE_OF = ("callback_data", "url")


def accepted_keyboard(markup: object) -> object:
    """None for no keyboard, an empty one included. Raises Refusal."""
    if markup is None or markup == {}:
        return None
    if not isinstance(markup, dict) or not isinstance(markup.get("inline_keyboard"), list):
        raise bad_request("object expected as reply markup")
    rows = markup["inline_keyboard"]
    if not all(isinstance(row, list) for row in rows):
        raise bad_request("can't parse inline keyboard button: expected an Array of InlineKeyboardButton")
    if sum(map(len, rows)) > BUTTONS_MAX or any(len(row) > ROW_BUTTONS_MAX for row in rows):
        raise bad_request("reply markup is too long")
    for row in rows:
        for button in row:
            _check(button)
    return markup if any(rows) else None


def buttons(message: SimMessage) -> Iterator[tuple[str, str]]:
    """(label, data or address) of every button under it, in reading order."""
    markup = message.reply_markup
    rows = markup.get("inline_keyboard", []) if isinstance(markup, dict) else []
    for row in rows:
        for button in row:
            yield str(button["text"]), str(button.get("callback_data") or button.get("url"))


def data_of(message: SimMessage, label: str) -> str:
    """Of the first button whose label holds this text. Raises LookupError."""
    for text, data in buttons(message):
        if label in text:
            return data
    raise LookupError(f"message {message.message_id} has no button {label!r}: {list(buttons(message))}")


def _check(button: object) -> None:
    if not isinstance(button, dict) or not isinstance(button.get("text"), str) or not button["text"]:
        raise bad_request("can't parse inline keyboard button: text buttons are unallowed in the inline keyboard")
    given = [name for name in _ONE_OF if button.get(name)]
    if len(given) != 1:
        raise bad_request("can't parse inline keyboard button: text buttons are unallowed in the inline keyboard")
    data = button.get("callback_data")
    if data is not None and not 1 <= len(str(data).encode()) <= DATA_BYTES_MAX:
        raise bad_request("BUTTON_DATA_INVALID")
    url = button.get("url")
    if url is not None and not _is_address(str(url)):
        raise bad_request("BUTTON_URL_INVALID")


def _is_address(url: str) -> bool:
    """Telegram wants an address it can make a link of: a known scheme, a host, and no bare non-ASCII or spaces."""
    parts = urlsplit(url)
    is_plain = url.isascii() and not any(char.isspace() for char in url)
    return is_plain and parts.scheme in ("http", "https", "tg") and bool(parts.netloc)
