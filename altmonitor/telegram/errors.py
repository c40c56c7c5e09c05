"""Every way python-telegram-bot can fail → exactly one of our errors, without the token in its text."""

from __future__ import annotations

import json
import re
from datetime import timedelta

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
)
from altmonitor.core.http_errors import connection_failure
from altmonitor.telegram.descriptions import CONFLICT, FORBIDDEN, REFUSED, code_of, refusal_of

TEXT_LIMIT = 300
_TOKEN = re.compile(r"(?:bot)?\d+:[A-Za-z0-9_-]{8,}")


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
        return ChatClosed(f"Telegram does not let the bot write there: {text}", code=code_of(FORBIDDEN, text))
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
    row = refusal_of(CONFLICT, text)
    return SecondPoller(f"{row.way_out}: {text}" if row else text, code=row.code if row else None)


def _of_bad_request(description: str) -> DeliveryError:
    row, text = refusal_of(REFUSED, description), redacted(description)
    if row is None:
        return MessageRefused(text)
    return row.kind(f"{text} – {row.way_out}" if row.way_out else text, code=row.code)


def is_not_modified(error: Exception) -> bool:
    """An edit that changes nothing: for us a success."""
    return isinstance(error, BadRequest) and code_of(REFUSED, str(error)) is CauseCode.NOT_MODIFIED


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


def _seconds(wait: int | timedelta) -> float:
    return wait.total_seconds() if isinstance(wait, timedelta) else float(wait)
