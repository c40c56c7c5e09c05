"""Why something went wrong, in the reader's language.

The parts report a reason as one English line for the log and `/health`, with names of errors and addresses that say
nothing to a reader. What such a line means is looked up here by what it contains; the whole of it stays in the log.
"""

from __future__ import annotations

import re
from typing import Final

from altmonitor.render import format as n
from altmonitor.render.format import Style

REASON_CHARS_MAX = 300
_ERROR_NAME = re.compile(r"\b(?:[a-z_]+\.)*[A-Z]\w*(?:Error|Exception|Timeout)\b:?\s*")

# What comes first goes first; a part of a line that has its meaning is not looked at again.
_MEANINGS: Final = [
    (key, re.compile(pattern, re.IGNORECASE))
    for key, pattern in {
        # Telegram
        "token": r"Telegram refuses the bot token",
        "flood": r"Telegram asks to wait(?: \((?P<seconds>\d+) s\))?",
        "not_telegram": r"something else answered instead of Telegram",
        "no_answer_telegram": r"Telegram did not answer in time|no usable answer from Telegram[^;]*"
        r"|answer was not understood[^;]*",
        "no_connection_telegram": r"no connection to Telegram[^;]*",
        "blocked_by_user": r"blocked by the user|user_is_blocked",
        "deactivated": r"deactivated",
        "kicked": r"was kicked|not a (?:member|participant)|user_not_participant|channel_private|chat_forbidden",
        "no_rights": r"(?:enough|no|administrator|need) rights|rights to "
        r"|chat_write_forbidden|chat_restricted|chat_admin_required|have no write access"
        r"|chat_send_plain_forbidden|chat_guest_send_forbidden|user_banned",
        "chat_unknown": r"chat not found|peer_id_invalid|chat_id_invalid|channel_invalid",
        "topic_closed": r"topic_closed|topic (?:is )?closed",
        "topic_deleted": r"message thread not found|topic_deleted|topic_id_invalid",
        "too_long": r"message is too long",
        "markup": r"can't parse|entities",
        # the exchange
        "region": r"does not serve this location|HTTP 451",
        "firewall": r"blocked by the exchange's firewall|HTTP 403",
        "banned": r"banned for too many requests|HTTP 418",
        "too_many": r"too many requests|HTTP 429",
        "budget": r"request budget",
        "http": r"HTTP (?P<status>\d{3})",
        "not_routed": r"no data for (?P<seconds>\d+) s\b[^;]*; is the address routed[^;]*",
        "no_data": r"no data for (?P<seconds>\d+) s\b[^;]*",
        "refused_control": r"control messages were refused|streams was not answered",
        "closed": r"closed \((?P<status>\d+)[^)]*\)",
        "proxy": r"the proxy (?:refused|address)[^;]*",
        "no_socket": r"no WebSocket\b[^;]*|hung up during the handshake",
        "connecting": r"\bconnecting\b",
        "no_answer": r"no answer|without an answer|was cut off|given up after",
        "lost_symbols": r"has lost (?P<lost>\d+) of (?P<known>\d+) symbols",
        "no_symbols": r"names no symbol|no contracts",
        "old_bar": r"newest bar is (?P<minutes>\d+) min old",
        "unreadable": r"not what the endpoint promises|rows is readable|not a list|not JSON|more than \d+ bytes"
        r"|asked for \S+, got",
        # the disk
        "locked": r"database is locked",
        "disk_full": r"disk is full|no space left|disk quota",
        "read_only": r"read-?only",
        "not_permitted": r"permission denied|not permitted",
        "disk_silent": r"the disk does not answer",
        "disk_error": r"disk i/o error|input/output error",
        "dropped": r"(?P<count>\d+) alerts wait for the disk; new ones are dropped",
        "damaged": r"\bis damaged\b|malformed|not a database",
        # any address
        "no_connection": r"cannot connect|connection refused|connect call failed|name or service not known"
        r"|temporary failure in name resolution|network is unreachable|no route to host|disconnected|reset by peer"
        r"|\bssl\b|certificate|\b(?:client|connect|os)\w*error\b",
        "not_let_write": r"does not let the bot write",
    }.items()
]


def reason_text(reason: str, style: Style) -> str:
    """HTML on one line, '' for ''. A line nobody knows the meaning of is shown where it is read as it is, in English;
    elsewhere the reader is sent to the log."""
    if not reason:
        return ""
    found: list[tuple[int, str]] = []
    left = reason
    for key, pattern in _MEANINGS:
        for match in pattern.finditer(left) if not found or key != "not_let_write" else ():
            values = {name: value or "" for name, value in match.groupdict().items()}
            has_all = all(values.values())
            text = style.say(f"reason_{key}" if has_all else f"reason_{key}_bare", **values)
            found.append((match.start(), text))
        left = pattern.sub(lambda match: "\0" * len(match[0]), left)
    if found:
        return style.say("list_of_reasons").join(dict.fromkeys(text for _, text in sorted(found)))
    return one_line_of(_ERROR_NAME.sub("", reason)) if style.lang == "en" else style.say("reason_in_log")


def problem_text(problem: str, style: Style) -> str:
    """What stood in the way of a command: as it is reported where that is the reader's language, else what it means."""
    if style.lang == "en":
        return one_line_of(problem)
    return reason_text(problem, style)


def one_line_of(text: str) -> str:
    """Escaped, on one line, not longer than a person reads."""
    line = " ".join(text.split())
    return n.escape(line if len(line) <= REASON_CHARS_MAX else line[: REASON_CHARS_MAX - 1] + "…")
