"""The Bot API's methods: parameters in, the `result` of the answer out, or a Refusal."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field

from altmonitor.core.clock import Clock
from altmonitor.sim.telegram.chats import CAPTION_LIMIT, TEXT_LIMIT, Chats, SimChat, accepted_keyboard
from altmonitor.sim.telegram.html import EntityError, ParsedHtml, parse_html, plain
from altmonitor.sim.telegram.updates import UpdateQueue
from altmonitor.sim.telegram.values import (
    FloodLimits,
    Params,
    SimAnswer,
    SimMessage,
    Violation,
    bad_request,
    check_photo,
    too_many_requests,
)

# ---
# Menus of commands by scope and language, as a bot sets them.
#
# Source: https://core.telegram.org/bots/api#botcommandscope (read 2026-11-21)


COMMANDS_MAX = 100
SCOPES = (
    "default",
    "all_private_chats",
    "all_group_chats",
    "all_chat_administrators",
    "chat",
    "chat_administrators",
    "chat_member",
)
_NAME = re.compile(r"[a-z0-9_]{1,32}")
_LANGUAGE = re.compile(r"[a-z]{2}")


class CommandMenus:
    """commands: (scope as JSON text, language code or '') → [{command, description}]."""

    def __init__(self) -> None:
        self.commands: dict[tuple[str, str], list[dict[str, str]]] = {}

    def set(self, params: Params) -> None:
        given = params.structure("commands")
        if not isinstance(given, list):
            raise bad_request("can't parse list of commands")
        if len(given) > COMMANDS_MAX:
            raise bad_request("BOT_COMMANDS_TOO_MUCH")
        self.commands[_key(params)] = [_command(Params(row if isinstance(row, dict) else {})) for row in given]

    def get(self, params: Params) -> list[dict[str, str]]:
        return self.commands.get(_key(params), [])

    def delete(self, params: Params) -> None:
        self.commands.pop(_key(params), None)


def _command(command: Params) -> dict[str, str]:
    name, description = command.text("command"), command.text("description")
    if not _NAME.fullmatch(name):
        raise bad_request("BOT_COMMAND_INVALID")
    if not 1 <= len(description) <= 256:
        raise bad_request("BOT_COMMAND_DESCRIPTION_INVALID")
    return {"command": name, "description": description}


def _key(params: Params) -> tuple[str, str]:
    scope = params.structure("scope") or {"type": "default"}
    if not isinstance(scope, dict) or scope.get("type") not in SCOPES:
        raise bad_request("can't parse BotCommandScope: invalid value specified")
    language = params.text("language_code")
    if language and not _LANGUAGE.fullmatch(language):
        raise bad_request("invalid language code specified")
    return json.dumps(scope, sort_keys=True), language


# ---


WRITING = frozenset({"sendMessage", "sendPhoto", "editMessageText", "editMessageReplyMarkup", "deleteMessage"})
QUERY_LIFE_MS = 15_000  # a button press can be answered for about this long


@dataclass(slots=True, kw_only=True)
class Methods:
    """One bot's state and what its token may do with it.

    queries: id → ms it was pressed at. answered: id → what the reader was shown.
    """

    clock: Clock
    bot: dict[str, object]
    chats: Chats
    updates: UpdateQueue
    on_change: Callable[[SimMessage | None], None]
    limits: FloodLimits = field(default_factory=FloodLimits)
    violations: list[Violation] = field(default_factory=list)
    menus: CommandMenus = field(default_factory=CommandMenus)
    queries: dict[str, int] = field(default_factory=dict)
    answered: dict[str, SimAnswer] = field(default_factory=dict)

    def call(self, method: str, params: Params) -> object:
        """Everything but getUpdates. Raises KeyError for a method that does not exist, Refusal for a refused call."""
        return _METHODS[method](self, params)

    def get_me(self, params: Params) -> object:
        return self.bot | {
            "can_join_groups": True,
            "can_read_all_group_messages": False,
            "supports_inline_queries": False,
        }

    def send_message(self, params: Params) -> object:
        parsed = _parsed(params, "text", TEXT_LIMIT)
        return self._write(params, params.text("text"), parsed, photo=None)

    def send_photo(self, params: Params) -> object:
        photo = params.get("photo")
        if not photo:
            raise bad_request("there is no photo in the request")
        if not isinstance(photo, bytes):
            raise bad_request("wrong remote file identifier specified")  # addresses and file ids are not simulated
        check_photo(photo)
        return self._write(params, params.text("caption"), _parsed(params, "caption", CAPTION_LIMIT), photo=photo)

    def edit_message_text(self, params: Params) -> object:
        message = self._editable(params)
        parsed = _parsed(params, "text", TEXT_LIMIT)
        if message.photo is not None:
            raise bad_request("there is no text in the message to edit")
        markup = accepted_keyboard(params.structure("reply_markup"))
        self._admit(message.chat_id, is_edit=True)
        self.chats.edit(message, params.text("text"), parsed, markup=markup, at_ms=self.clock.now_ms())
        self.on_change(message)
        return self.chats.message_object(message)

    def edit_message_reply_markup(self, params: Params) -> object:
        message = self._editable(params)
        markup = accepted_keyboard(params.structure("reply_markup"))
        self._admit(message.chat_id, is_edit=True)
        self.chats.edit(message, message.html, message.parsed, markup=markup, at_ms=self.clock.now_ms())
        self.on_change(message)
        return self.chats.message_object(message)

    def pin_chat_message(self, params: Params) -> object:
        message, chat = self._pinnable(params)
        if message.message_id not in chat.pinned:
            chat.pinned.append(message.message_id)
        self.on_change(None)
        return True

    def unpin_chat_message(self, params: Params) -> object:
        message, chat = self._pinnable(params)
        if message.message_id not in chat.pinned:
            raise bad_request("message to unpin not found")
        chat.pinned.remove(message.message_id)
        self.on_change(None)
        return True

    def _pinnable(self, params: Params) -> tuple[SimMessage, SimChat]:
        chat = self.chats.writable(params.chat_id())
        if not chat.may_pin():
            raise bad_request("not enough rights to manage pinned messages in the chat")
        return self._editable(params), chat

    def delete_message(self, params: Params) -> object:
        self.chats.delete(params.chat_id(), params.integer("message_id") or 0)
        self.on_change(None)
        return True

    def send_chat_action(self, params: Params) -> object:
        self.chats.writable(params.chat_id(), params.integer("message_thread_id"))
        return True

    def answer_callback_query(self, params: Params) -> object:
        query_id = params.text("callback_query_id")
        pressed_ms = self.queries.pop(query_id, None)
        if pressed_ms is None or self.clock.now_ms() - pressed_ms > QUERY_LIFE_MS:
            raise bad_request("query is too old and response timeout expired or query ID is invalid")
        if len(params.text("text")) > 200:
            raise bad_request("MESSAGE_TOO_LONG")
        self.answered[query_id] = SimAnswer(
            at_ms=self.clock.now_ms(), text=params.text("text"), is_loud=params.flag("show_alert")
        )
        self.on_change(None)
        return True

    def set_my_commands(self, params: Params) -> object:
        self.menus.set(params)
        self.on_change(None)
        return True

    def get_my_commands(self, params: Params) -> object:
        return self.menus.get(params)

    def delete_my_commands(self, params: Params) -> object:
        self.menus.delete(params)
        self.on_change(None)
        return True

    def get_chat(self, params: Params) -> object:
        chat_id = params.chat_id()
        self.chats.writable(chat_id)
        return self.chats.chat_object(chat_id) | {"accent_color_id": 0, "max_reaction_count": 11}

    def get_chat_member(self, params: Params) -> object:
        chat = self.chats.writable(params.chat_id())
        user_id = params.integer("user_id")
        if user_id == self.bot["id"]:
            return chat.bot_member() | {"user": self.bot}
        return {"status": "member", "user": _user(user_id)}

    def get_chat_administrators(self, params: Params) -> object:
        chat = self.chats.writable(params.chat_id())
        if chat.type == "private":
            raise bad_request("there are no administrators in the private chat")
        rights = dict.fromkeys(_ADMIN_RIGHTS, False)
        return [
            {"status": "administrator", "user": _user(user_id), "can_be_edited": False, "is_anonymous": False} | rights
            for user_id in sorted(chat.admins)
        ]

    def set_webhook(self, params: Params) -> object:
        self.updates.webhook_url = params.text("url")
        self.updates.wake()
        return True

    def delete_webhook(self, params: Params) -> object:
        self.updates.webhook_url = ""
        if params.flag("drop_pending_updates"):
            self.updates.clear()
        return True

    def get_webhook_info(self, params: Params) -> object:
        return {
            "url": self.updates.webhook_url,
            "has_custom_certificate": False,
            "pending_update_count": self.updates.pending,
        }

    def punish(self, chat_id: int, wait_s: int) -> None:
        """A scripted 429 counts like a real one: whoever writes before it ends breaks the limit."""
        self.limits.punish(chat_id, self.clock.monotonic(), wait_s)

    def _write(self, params: Params, html: str, parsed: ParsedHtml, *, photo: bytes | None) -> object:
        chat_id, thread_id = params.chat_id(), params.integer("message_thread_id")
        if self.chats.writable(chat_id, thread_id).is_muted:
            raise bad_request("not enough rights to send text messages to the chat")
        reply_to = self._reply_target(chat_id, params)
        markup = accepted_keyboard(params.structure("reply_markup"))
        self._admit(chat_id, is_edit=False)
        message = SimMessage(
            message_id=self.chats.next_message_id(chat_id, is_foreign=False),
            chat_id=chat_id,
            thread_id=thread_id,
            html=html,
            parsed=parsed,
            date_ms=self.clock.now_ms(),
            reply_to=reply_to,
            silent=params.flag("disable_notification"),
            is_preview_off=params.fields("link_preview_options").flag("is_disabled"),
            photo=photo,
            reply_markup=markup,
        )
        self.chats.messages[chat_id].append(message)
        self.on_change(message)
        return self.chats.message_object(message)

    def _reply_target(self, chat_id: int, params: Params) -> int | None:
        """The older reply_to_message_id is read too. None: no reply, or the target is gone and that was allowed."""
        reply = params.fields("reply_parameters")
        target = reply.integer("message_id") or params.integer("reply_to_message_id")
        if target is None or self.chats.exists(chat_id, target):
            return target
        if reply.flag("allow_sending_without_reply") or params.flag("allow_sending_without_reply"):
            return None
        raise bad_request("message to be replied not found")

    def _editable(self, params: Params) -> SimMessage:
        message_id = params.integer("message_id")
        if message_id is None:
            raise bad_request("message identifier is not specified")
        return self.chats.editable(params.chat_id(), message_id)

    def _admit(self, chat_id: int, *, is_edit: bool) -> None:
        broken = self.limits.admit(chat_id, self.clock.monotonic(), is_edit=is_edit)
        if broken is None:
            return
        rule, retry_after_s = broken
        self.violations.append(
            Violation(at_ms=self.clock.now_ms(), chat_id=chat_id, rule=rule, retry_after_s=retry_after_s)
        )
        self.on_change(None)
        raise too_many_requests(retry_after_s)


def _parsed(params: Params, name: str, limit: int) -> ParsedHtml:
    text = params.text(name)
    if not text and name == "text":
        raise bad_request("message text is empty")
    mode = params.text("parse_mode")
    if mode.lower() not in ("", "html"):
        raise bad_request("unsupported parse_mode")  # the Markdown modes are not simulated
    try:
        parsed = parse_html(text) if mode else plain(text)
    except EntityError as problem:
        raise bad_request(f"can't parse entities: {problem}") from None
    if not parsed.text and name == "text":
        raise bad_request("text must be non-empty")
    if parsed.utf16_length > limit:
        raise bad_request("message is too long" if name == "text" else "message caption is too long")
    return parsed


def _user(user_id: int | None) -> dict[str, object]:
    return {"id": user_id, "is_bot": False, "first_name": f"User {user_id}"}


_ADMIN_RIGHTS = (
    "can_manage_chat",
    "can_delete_messages",
    "can_manage_video_chats",
    "can_restrict_members",
    "can_promote_members",
    "can_change_info",
    "can_invite_users",
    "can_post_stories",
    "can_edit_stories",
    "can_delete_stories",
)

_METHODS: dict[str, Callable[[Methods, Params], object]] = {
    "getMe": Methods.get_me,
    "sendMessage": Methods.send_message,
    "sendPhoto": Methods.send_photo,
    "editMessageText": Methods.edit_message_text,
    "editMessageReplyMarkup": Methods.edit_message_reply_markup,
    "deleteMessage": Methods.delete_message,
    "pinChatMessage": Methods.pin_chat_message,
    "unpinChatMessage": Methods.unpin_chat_message,
    "sendChatAction": Methods.send_chat_action,
    "answerCallbackQuery": Methods.answer_callback_query,
    "setMyCommands": Methods.set_my_commands,
    "getMyCommands": Methods.get_my_commands,
    "deleteMyCommands": Methods.delete_my_commands,
    "getChatAdministrators": Methods.get_chat_administrators,
    "getChat": Methods.get_chat,
    "getChatMember": Methods.get_chat_member,
    "setWebhook": Methods.set_webhook,
    "deleteWebhook": Methods.delete_webhook,
    "getWebhookInfo": Methods.get_webhook_info,
}
METHOD_NAMES: dict[str, str] = {name.lower(): name for name in (*_METHODS, "getUpdates")}
