"""The buttons an answer carries → a keyboard whose presses come back signed."""

from __future__ import annotations

from collections.abc import Sequence

from altmonitor.commands.reply_buttons import Button
from altmonitor.interfaces.delivery import InlineButton, Keyboard
from altmonitor.render.signed_buttons import Seal
from altmonitor.render.style import Style
from altmonitor.render.texts.reply_texts import say_reply

_ROW_CHARS_MAX = 28
"""So much text stands side by side on a phone without being cut."""


def reply_keyboard(buttons: Sequence[Button], style: Style, seal: Seal, *, now_ms: int) -> Keyboard:
    """In their order, as many in a row as can be read."""
    rows: list[list[InlineButton]] = []
    for button in buttons:
        data = seal.command(button.action, now_ms=now_ms)
        if data is None:  # no button of ours is so long; the command can be typed
            continue
        shown = InlineButton(text=_label(button, style), data=data)
        if rows and sum(len(one.text) for one in (*rows[-1], shown)) <= _ROW_CHARS_MAX:
            rows[-1].append(shown)
        else:
            rows.append([shown])
    return tuple(tuple(row) for row in rows)


def _label(button: Button, style: Style) -> str:
    """A name that is the same in every language, such as that of a time zone, is its own label."""
    try:
        return say_reply(style.lang, button.label_key)
    except KeyError:
        return button.label_key
