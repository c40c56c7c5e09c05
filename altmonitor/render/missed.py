"""Commands that were written while nobody listened: listed, not carried out."""

from __future__ import annotations

from collections.abc import Sequence

from altmonitor.render import format as n
from altmonitor.render.blocks import outside_text, packed
from altmonitor.render.style import Style
from altmonitor.render.texts import say

SHOWN_MAX = 30


def missed_parts(commands: Sequence[tuple[str, int]], style: Style) -> list[str]:
    """commands: (text, unix ms written), oldest → newest; at least one message of at most 4,096 UTF-16 units."""
    lines = [say(style.lang, "commands_missed", count=len(commands))]
    for text, written_ms in commands[:SHOWN_MAX]:
        lines.append(f"{n.date_and_time(written_ms, style.tz)} · <code>{outside_text(text)}</code>")
    if len(commands) > SHOWN_MAX:
        lines.append("…")
    return packed(lines)
