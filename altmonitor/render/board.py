"""The status message that is kept up to date: what lasts, and when it was so."""

from __future__ import annotations

from dataclasses import dataclass

from altmonitor.commands.replies import StatusShown
from altmonitor.render import format as n
from altmonitor.render.blocks import packed
from altmonitor.render.status import lasting_lines
from altmonitor.render.style import Style
from altmonitor.render.texts.reply_texts import say_reply

TAIL_UNITS = 200
"""Room for the closing lines under a long list of mutes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """html, ended_html: the message, and the same when it is the last word; ≤ 4,096 UTF-16 units each.

    essence: the message is worth an edit when this differs. It does at least once an hour: a message that stands still
    for longer says that nobody keeps it up to date.
    """

    html: str
    ended_html: str
    essence: str


def status_board(reply: StatusShown, style: Style) -> Board:
    title, *rest = lasting_lines(reply, style)
    uptime_s = reply.health.uptime_s
    as_of = say_reply(
        style.lang,
        "board_as_of",
        time=n.date_and_time(reply.now_s * 1000, style.tz),
        uptime=n.duration(uptime_s, style.lang),
    )
    return Board(
        html=_message([title, as_of, *rest], say_reply(style.lang, "board_hint"), style),
        ended_html=_message([say_reply(style.lang, "board_ended"), title, as_of, *rest], "", style),
        essence="\n".join([title, *rest, str(int(uptime_s // 3600))]),
    )


def _message(lines: list[str], closing: str, style: Style) -> str:
    """One message, whatever the number of lines: those at the end give way."""
    closings = [line for line in (closing,) if line]
    parts = packed([*lines, *closings])
    if len(parts) == 1:
        return parts[0]
    kept: list[str] = []
    room = n.MESSAGE_UNITS_MAX - TAIL_UNITS
    for line in lines:
        room -= n.utf16_len(line) + 1
        if room < 0:
            break
        kept.append(line)
    return "\n".join([*kept, say_reply(style.lang, "board_more"), *closings])
