"""Buttons an answer may carry, as values; delivery makes a keyboard of them."""

from __future__ import annotations

from dataclasses import dataclass

CANCEL = "cancel"
ACTION_BYTES_MAX = 40
"""Of the 64 bytes Telegram gives to a button; the rest is for a signature.
Source: https://core.telegram.org/bots/api#inlinekeyboardbutton"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Button:
    """label_key: key of its text. action: the command that a press means, as it would be typed (`/watch all yes`), or
    `CANCEL`: nothing is done and the question is closed. At most `ACTION_BYTES_MAX` bytes."""

    label_key: str
    action: str


def confirm(action: str, *, label_key: str = "confirm") -> tuple[Button, Button]:
    """action: without the `yes` that makes it so."""
    return Button(label_key=label_key, action=f"{action} yes"), Button(label_key="cancel", action=CANCEL)
