"""What Telegram's refusals mean: the one table of its statuses and descriptions → our reason code and kind of error.

The Bot API documents the statuses only. The descriptions are those of its server (tdlib/telegram-bot-api 01a3679:
`fail_query_with_error` and the checks before a call); behind it stand errors of Telegram in capitals, which come
through as they are. Everything else asks for the code.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from altmonitor.core.causes import CauseCode
from altmonitor.core.errors import ChatClosed, DeliveryError, MessageRefused, SecondPoller, TopicClosed

REFUSED = 400
FORBIDDEN = 403
CONFLICT = 409


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownRefusal:
    """pattern: of the description in small letters. kind: the error it is; with 403 it is ChatClosed in any case.
    way_out: what a person can do, '' for nothing. statuses: with which it comes."""

    pattern: re.Pattern[str]
    code: CauseCode
    kind: type[DeliveryError] = MessageRefused
    way_out: str = ""
    statuses: tuple[int, ...] = (REFUSED, FORBIDDEN)


def _row(
    pattern: str,
    code: CauseCode,
    kind: type[DeliveryError] = MessageRefused,
    way_out: str = "",
    statuses: tuple[int, ...] = (REFUSED, FORBIDDEN),
) -> KnownRefusal:
    return KnownRefusal(pattern=re.compile(pattern), code=code, kind=kind, way_out=way_out, statuses=statuses)


REFUSALS: Final = (
    # the chat: what a 403 says comes as a 400, too, and may be over when somebody there changes a setting
    _row(r"blocked by the user|user_is_blocked", CauseCode.BLOCKED_BY_USER, ChatClosed),
    _row(r"deactivated|group chat was deleted", CauseCode.DEACTIVATED, ChatClosed),
    _row(
        r"was kicked|not a (?:member|participant)|user_not_participant|channel_private|chat_forbidden",
        CauseCode.KICKED,
        ChatClosed,
    ),
    _row(
        r"(?:not enough|have no) rights to send (?:a |text )?messages?|administrator rights|have no write access"
        r"|chat_write_forbidden|chat_restricted|chat_admin_required|chat_send_plain_forbidden"
        r"|chat_guest_send_forbidden|user_banned",
        CauseCode.NO_RIGHTS,
        ChatClosed,
        "the bot may not write there: let it send messages in the group's permissions",
    ),
    _row(  # a right that only pictures or pins need
        r"(?:enough|no) rights|chat_send_\w+_forbidden",
        CauseCode.NO_RIGHTS,
        MessageRefused,
        "give the bot that right in the group's permissions",
    ),
    _row(
        r"chat not found|peer_id_invalid|chat_id_invalid|channel_invalid",
        CauseCode.CHAT_UNKNOWN,
        ChatClosed,
        "the bot does not know this chat: write /start to it or add it to the group; check TG_CHAT_ID",
    ),
    _row(
        r"topic_closed|topic (?:is )?closed",
        CauseCode.TOPIC_CLOSED,
        TopicClosed,
        "the forum topic is closed: open it or choose another one",
    ),
    _row(
        r"message thread not found|topic_deleted|topic_id_invalid",
        CauseCode.TOPIC_DELETED,
        TopicClosed,
        "the forum topic does not exist (any more): correct the part of TG_CHAT_ID after the /",
    ),
    # the message
    _row(r"message is not modified|message_not_modified", CauseCode.NOT_MODIFIED, statuses=(REFUSED,)),
    _row(
        r"message to be replied|repl(?:y|ied) message not found|reply_message_id_invalid|reply_to_invalid",
        CauseCode.REPLY_GONE,
    ),
    _row(
        r"message to \w+ not found|message_id_invalid|message not found|message can't be (?:edited|deleted)",
        CauseCode.MESSAGE_GONE,
    ),
    _row(r"button|keyboard|reply.markup", CauseCode.BUTTONS),
    _row(r"parse (?:entities|message)|entit(?:y|ies)", CauseCode.MARKUP),
    _row(r"message is too long|message_too_long|caption is too long|caption_too_long", CauseCode.TOO_LONG),
    # the bot
    _row(
        r"webhook",
        CauseCode.WEBHOOK,
        SecondPoller,
        "a webhook is set for this bot, so commands are never seen: `altmonitor setup` offers to remove it, and "
        "so does opening https://api.telegram.org/bot<token>/deleteWebhook; or make a bot of its own with @BotFather",
        statuses=(CONFLICT,),
    ),
    _row(
        r"",
        CauseCode.SECOND_POLLER,
        SecondPoller,
        "another program reads this bot's messages: stop it, or make a bot for each",
        statuses=(CONFLICT,),
    ),
)
"""The first row that fits counts."""


def refusal_of(status: int, description: str) -> KnownRefusal | None:
    """None: nothing more is known of it than its status."""
    lowered = description.lower()
    return next((row for row in REFUSALS if status in row.statuses and row.pattern.search(lowered)), None)


def code_of(status: int, description: str) -> CauseCode | None:
    """None for a refusal that is not known."""
    row = refusal_of(status, description)
    return None if row is None else row.code
