"""`/help` by topic, and the menu of commands a chat offers while typing."""

from __future__ import annotations

from altmonitor.commands.replies import HelpShown
from altmonitor.commands.table import COMMANDS, TOPICS, Scope
from altmonitor.render import format as n
from altmonitor.render.style import Style
from altmonitor.render.texts.reply_texts import say_reply

MENU_CHARS_MAX = 256
"""Source: https://core.telegram.org/bots/api#botcommand"""


def command_menu(lang: str, scope: Scope = "all") -> list[tuple[str, str]]:
    """(name, description) of the commands a chat of that scope offers, plain text; "all": of every command."""
    return [
        (row.name, say_reply(lang, row.help_key)[:MENU_CHARS_MAX])
        for row in COMMANDS
        if scope == "all" or row.scope in ("all", scope)
    ]


def help_lines(reply: HelpShown, style: Style) -> list[str]:
    lang = style.lang
    lines = [say_reply(lang, "welcome")] if reply.is_start else []
    lines.append(say_reply(lang, "help"))
    for topic in TOPICS:
        lines += ["", say_reply(lang, f"topic_{topic}")]
        lines += [
            say_reply(lang, "help_row", usage=n.escape(row.usage), meaning=say_reply(lang, row.help_key))
            for row in COMMANDS
            if row.topic == topic and row.name != "start"
        ]
    return lines
