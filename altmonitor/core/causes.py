"""Why something went wrong: a code with its numbers, so that every face says it in its reader's language, and one
English line with the details for the log and `/health`."""

from __future__ import annotations

import errno
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from types import MappingProxyType


class CauseCode(Enum):
    """The value is what scripts may match; `render/texts/reasons.py` has the words of each. OTHER: nothing more is
    known than the line says."""

    OTHER = "other"
    # Telegram
    TOKEN = "token"  # noqa: S105 — no secret
    FLOOD = "flood"
    NOT_TELEGRAM = "not_telegram"
    NO_ANSWER_TELEGRAM = "no_answer_telegram"
    NO_CONNECTION_TELEGRAM = "no_connection_telegram"
    BLOCKED_BY_USER = "blocked_by_user"
    DEACTIVATED = "deactivated"
    KICKED = "kicked"
    NO_RIGHTS = "no_rights"
    CHAT_UNKNOWN = "chat_unknown"
    TOPIC_CLOSED = "topic_closed"
    TOPIC_DELETED = "topic_deleted"
    TOO_LONG = "too_long"
    MARKUP = "markup"
    BUTTONS = "buttons"
    REPLY_GONE = "reply_gone"
    MESSAGE_GONE = "message_gone"
    NOT_MODIFIED = "not_modified"
    WEBHOOK = "webhook"
    SECOND_POLLER = "second_poller"
    NOT_LET_WRITE = "not_let_write"
    # the exchange
    REGION = "region"
    FIREWALL = "firewall"
    BANNED = "banned"
    TOO_MANY = "too_many"
    BUDGET = "budget"
    HTTP = "http"
    NOT_ROUTED = "not_routed"
    NO_DATA = "no_data"
    REFUSED_CONTROL = "refused_control"
    CLOSED = "closed"
    PROXY = "proxy"
    NO_SOCKET = "no_socket"
    CONNECTING = "connecting"
    NO_ANSWER = "no_answer"
    NO_CONNECTION = "no_connection"
    LOST_SYMBOLS = "lost_symbols"
    NO_SYMBOLS = "no_symbols"
    UNKNOWN_SYMBOL = "unknown_symbol"
    NOT_OFFERED = "not_offered"
    OLD_BAR = "old_bar"
    UNREADABLE = "unreadable"
    # the disk
    LOCKED = "locked"
    DISK_FULL = "disk_full"
    READ_ONLY = "read_only"
    NOT_PERMITTED = "not_permitted"
    NOT_THERE = "not_there"
    DISK_SILENT = "disk_silent"
    DISK_ERROR = "disk_error"
    DROPPED = "dropped"
    DAMAGED = "damaged"
    DATABASE_AWAY = "database_away"
    # the broker
    BROKER_AWAY = "broker_away"
    BROKER_WITHOUT_JETSTREAM = "broker_without_jetstream"
    BROKER_JETSTREAM_GONE = "broker_jetstream_gone"
    BROKER_FULL = "broker_full"
    BROKER_OLD = "broker_old"
    BROKER_REFUSES = "broker_refuses"
    BROKER_SILENT = "broker_silent"


CAUSE_VALUES: Mapping[CauseCode, tuple[str, ...]] = MappingProxyType(
    {
        CauseCode.FLOOD: ("seconds",),
        CauseCode.HTTP: ("status",),
        CauseCode.NOT_ROUTED: ("seconds",),
        CauseCode.NO_DATA: ("seconds",),
        CauseCode.CLOSED: ("status",),
        CauseCode.LOST_SYMBOLS: ("lost", "known"),
        CauseCode.OLD_BAR: ("minutes",),
        CauseCode.DROPPED: ("count",),
        CauseCode.BROKER_OLD: ("major", "minor"),
    }
)
"""The numbers that belong to a code; the others have none."""


@dataclass(frozen=True, slots=True)
class Cause:
    """text: one English line, without secrets. values: by the names of `CAUSE_VALUES`."""

    code: CauseCode
    text: str
    values: Mapping[str, int] = field(default_factory=dict, hash=False)

    def __str__(self) -> str:
        return self.text

    def within(self, context: str) -> Cause:
        """The same, and the line says first where: `BTCUSDT: no answer within 10 s`."""
        return replace(self, text=f"{context}: {self.text}")


def cause_json(cause: Cause) -> dict[str, object]:
    return {"code": cause.code.value, "values": dict(cause.values)}


_STATUS_CODES = {
    403: CauseCode.FIREWALL,
    418: CauseCode.BANNED,
    429: CauseCode.TOO_MANY,
    451: CauseCode.REGION,
}


def http_cause(status: int, text: str) -> Cause:
    """Of an answer of an exchange that is no answer to the question."""
    if (code := _STATUS_CODES.get(status)) is not None:
        return Cause(code, text)
    return Cause(CauseCode.HTTP, text, {"status": status})


_ERRNO_CODES = {
    errno.ENOSPC: CauseCode.DISK_FULL,
    errno.EDQUOT: CauseCode.DISK_FULL,
    errno.EROFS: CauseCode.READ_ONLY,
    errno.EACCES: CauseCode.NOT_PERMITTED,
    errno.EPERM: CauseCode.NOT_PERMITTED,
    errno.ENOENT: CauseCode.NOT_THERE,
    errno.ENOTDIR: CauseCode.NOT_THERE,
    errno.EIO: CauseCode.DISK_ERROR,
}


def file_cause_code(problem: OSError) -> CauseCode:
    return _ERRNO_CODES.get(problem.errno or 0, CauseCode.OTHER)
