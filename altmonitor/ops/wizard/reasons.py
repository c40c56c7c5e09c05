"""Why something failed, in the wizard's language and without names of errors."""

from __future__ import annotations

import errno
import re

from altmonitor.core.causes import CauseCode
from altmonitor.core.errors import (
    AltmonitorError,
    ChatClosed,
    ChatMoved,
    ChatUnreachable,
    ConfigError,
    DeliveryError,
    MessageRefused,
    RetryLater,
    SecondPoller,
    TokenRefused,
    TopicClosed,
)
from altmonitor.ops.wizard.texts import Texts

_CLOSED = {
    CauseCode.BLOCKED_BY_USER: "why_blocked",
    CauseCode.KICKED: "why_removed",
    CauseCode.CHAT_UNKNOWN: "why_no_chat",
    CauseCode.DEACTIVATED: "why_deactivated",
}
_OF_ERRNO = {
    errno.ENOSPC: "file_full",
    errno.EDQUOT: "file_full",
    errno.EROFS: "file_denied",
    errno.EACCES: "file_denied",
    errno.EPERM: "file_denied",
    errno.EBUSY: "file_mounted",
    errno.ENOENT: "file_no_folder",
    errno.ENOTDIR: "file_no_folder",
    errno.EISDIR: "file_is_folder",
}
_NAME = re.compile(r"\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b")


def reason(texts: Texts, problem: AltmonitorError) -> str:
    """Telegram's own words stand behind it for who reads English."""
    if isinstance(problem, ConfigError):
        return _of_file(texts, problem)
    if not isinstance(problem, DeliveryError):
        return str(problem) if texts.lang == "en" else texts.say("file_other")
    why = texts.say(_key(problem))
    said = str(problem).rpartition("there: ")[2].partition(" – ")[0]
    is_quoted = texts.lang == "en" and isinstance(problem, ChatClosed | MessageRefused) and said
    return f"{why} (“{said}”)" if is_quoted else why


def _key(problem: DeliveryError) -> str:
    match problem:
        case ChatClosed():
            return _CLOSED.get(problem.cause.code, "why_no_rights")
        case TopicClosed():
            return "why_topic"
        case TokenRefused():
            return "why_token"
        case SecondPoller():
            return "why_second"
        case RetryLater():
            return "why_wait"
        case ChatUnreachable() | ChatMoved():
            return "why_no_answer"
        case _:
            return "why_refused"


def _of_file(texts: Texts, problem: ConfigError) -> str:
    """English: as it is, every line with its way out. Else what is known of it, and the variables it names."""
    if texts.lang == "en":
        return str(problem)
    cause = problem.__cause__ or problem.__context__
    if isinstance(cause, UnicodeDecodeError):
        return texts.say("file_not_utf8")
    if isinstance(cause, OSError):
        return texts.say(_OF_ERRNO.get(cause.errno or 0, "file_other"))
    names = dict.fromkeys(_NAME.findall(str(problem)))
    if names:
        return texts.say("settings_wrong", names=", ".join(names))
    return texts.say("file_quote" if isinstance(cause, ValueError) else "file_other")
