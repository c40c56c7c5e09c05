"""Every way python-telegram-bot can fail → exactly one of our errors, without the token in its text."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Final

from telegram.error import (
    BadRequest,
    ChatMigrated,
    Conflict,
    Forbidden,
    InvalidToken,
    NetworkError,
    RetryAfter,
    TelegramError,
    TimedOut,
)

from altmonitor.core.causes import CauseCode
from altmonitor.core.errors import (
    ChatClosed,
    ChatMoved,
    ChatUnreachable,
    DeliveryError,
    MessageRefused,
    RetryLater,
    SecondPoller,
    TokenRefused,
    TopicClosed,
)
from altmonitor.core.http_errors import connection_failure

TEXT_LIMIT = 300
_TOKEN = re.compile(r"(?:bot)?\d+:[A-Za-z0-9_-]{8,}")
_TOPIC_CLOSED = re.compile(r"message thread not found|topic_deleted|topic_closed|topic_id_invalid|topic (?:is )?closed")
_CHAT_CLOSED = re.compile(
    r"(?:not enough|have no) rights to send (?:a |text )?messages?|need administrator rights|have no write access"
    r"|chat_write_forbidden|chat_restricted|chat_admin_required|chat_send_plain_forbidden|chat_guest_send_forbidden"
    r"|chat_forbidden|chat not found|peer_id_invalid|channel_private|channel_invalid|chat_id_invalid|deactivated"
    r"|not a (?:member|participant)|user_not_participant|user_is_blocked|user_banned|blocked by the user|was kicked"
)
"""A 400 that says of the chat what a 403 does, and that may be over when somebody there changes a setting. Rights that
only pictures lack are a refused picture. Source: the descriptions of Telegram's server, and its errors in capitals."""
_CODES: Final = tuple(
    (re.compile(pattern), code)
    for pattern, code in (
        (r"blocked by the user|user_is_blocked", CauseCode.BLOCKED_BY_USER),
        (r"deactivated", CauseCode.DEACTIVATED),
        (
            r"was kicked|not a (?:member|participant)|user_not_participant|channel_private|chat_forbidden",
            CauseCode.KICKED,
        ),
        (
            r"(?:enough|no|administrator|need) rights|rights to |chat_write_forbidden|chat_restricted"
            r"|chat_admin_required|have no write access|chat_send_plain_forbidden|chat_guest_send_forbidden"
            r"|user_banned",
            CauseCode.NO_RIGHTS,
        ),
        (r"chat not found|peer_id_invalid|chat_id_invalid|channel_invalid", CauseCode.CHAT_UNKNOWN),
        (r"topic_closed|topic (?:is )?closed", CauseCode.TOPIC_CLOSED),
        (r"message thread not found|topic_deleted|topic_id_invalid", CauseCode.TOPIC_DELETED),
        (r"message is too long", CauseCode.TOO_LONG),
        (r"can't parse entities|entit", CauseCode.MARKUP),
    )
)
"""What the words of a refusal mean to a reader; the first that fits."""
_WAYS_OUT = {
    "message thread not found": "the forum topic does not exist (any more): correct the part of TG_CHAT_ID after the /",
    "topic_deleted": "the forum topic does not exist any more: correct the part of TG_CHAT_ID after the /",
    "chat not found": "the bot does not know this chat: write /start to it or add it to the group; check TG_CHAT_ID",
    "not enough rights": "the bot may not write there: let it send messages in the group's permissions",
    "topic_closed": "the forum topic is closed: open it or choose another one",
}


WEBHOOK_SET = (
    "a webhook is set for this bot, so commands are never seen: `altmonitor setup` offers to remove it, and "
    "so does opening https://api.telegram.org/bot<token>/deleteWebhook; or make a bot of its own with @BotFather"
)


def typed(error: Exception) -> DeliveryError:
    """What a failed call means for the message and the bot. The caller raises it `from None`: the original, and what it
    was raised from, may hold the token."""
    cause = error.__cause__
    if isinstance(error, RetryAfter):
        return RetryLater("Telegram asks to wait", retry_after_s=_seconds(error.retry_after))
    if isinstance(error, ChatMigrated):
        return ChatMoved(
            f"the group became a supergroup, its new id is {error.new_chat_id}", new_chat_id=error.new_chat_id
        )
    if isinstance(cause, TelegramError) or _is_page(error):
        return _of_stranger(error)
    if isinstance(error, Forbidden):
        text = redacted(str(error))
        return ChatClosed(f"Telegram does not let the bot write there: {text}", code=_code_of(text))
    if isinstance(error, InvalidToken):
        return TokenRefused("Telegram refuses the bot token: get a valid one from @BotFather and set TG_BOT_TOKEN")
    if isinstance(error, Conflict):
        return _of_conflict(redacted(str(error)))
    if isinstance(error, BadRequest):  # before NetworkError, of which it is a kind
        return _of_bad_request(str(error))
    if isinstance(error, TimedOut | TimeoutError):
        if connection_failure(cause) is None:
            return ChatUnreachable("Telegram did not answer in time", outcome_unknown=True)
        return _without_connection("no connection to Telegram in time")
    if isinstance(error, NetworkError) and connection_failure(cause) is not None:
        return _without_connection(f"no connection to Telegram: {redacted(str(error))}")
    if isinstance(error, TelegramError):
        return ChatUnreachable(f"no usable answer from Telegram: {redacted(str(error))}", outcome_unknown=True)
    return ChatUnreachable(f"Telegram's answer was not understood ({type(error).__name__})", outcome_unknown=True)


def _without_connection(text: str) -> ChatUnreachable:
    return ChatUnreachable(text, outcome_unknown=False, code=CauseCode.NO_CONNECTION_TELEGRAM)


def _of_conflict(text: str) -> SecondPoller:
    if "webhook" in text.lower():
        return SecondPoller(f"{WEBHOOK_SET}: {text}", is_webhook=True)
    return SecondPoller(f"another program reads this bot's messages: stop it, or make a bot for each; {text}")


def _of_bad_request(text: str) -> DeliveryError:
    kind: type[DeliveryError] = MessageRefused
    if _TOPIC_CLOSED.search(text.lower()):
        kind = TopicClosed
    elif _CHAT_CLOSED.search(text.lower()):
        kind = ChatClosed
    return kind(_with_way_out(redacted(text)), code=_code_of(text))


def _code_of(text: str) -> CauseCode | None:
    """None: nothing more is known than the kind of refusal."""
    lowered = text.lower()
    return next((code for pattern, code in _CODES if pattern.search(lowered)), None)


def is_not_modified(error: Exception) -> bool:
    """An edit that changes nothing: for us a success."""
    return isinstance(error, BadRequest) and "message is not modified" in str(error).lower()


def redacted(text: str) -> str:
    """One line of at most `TEXT_LIMIT` characters in which no bot token is left."""
    line = " ".join(_TOKEN.sub("***", text).split())
    return line if len(line) <= TEXT_LIMIT else line[: TEXT_LIMIT - 1] + "…"


def _is_page(error: BaseException) -> bool:
    """200 with a web page in place of JSON. (JSON that breaks off is another thing: Telegram did speak.)"""
    decoding = error.__cause__
    return isinstance(decoding, json.JSONDecodeError) and decoding.doc.lstrip().startswith("<")


def _of_stranger(error: Exception) -> ChatUnreachable:
    """Something between us and Telegram answered; its status says nothing about the chat or the bot.

    The library chains a TelegramError to the error of a status whose body is not JSON, and to nothing else.
    """
    # A 5xx may come from Telegram's own front, behind which the call may have been carried out.
    is_server_fault = isinstance(error, NetworkError) and not isinstance(error, BadRequest)
    return ChatUnreachable(
        "something else answered instead of Telegram (a proxy, a login page of the network) or Telegram is down",
        outcome_unknown=is_server_fault,
        code=CauseCode.NOT_TELEGRAM,
    )


def _with_way_out(text: str) -> str:
    lowered = text.lower()
    hint = next((way_out for words, way_out in _WAYS_OUT.items() if words in lowered), "")
    return f"{text} – {hint}" if hint else text


def _seconds(wait: int | timedelta) -> float:
    return wait.total_seconds() if isinstance(wait, timedelta) else float(wait)
