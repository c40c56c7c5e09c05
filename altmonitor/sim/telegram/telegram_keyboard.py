"""Inline keyboards: what Telegram accepts, and what it sends when one of the buttons is pressed.

Source: https://core.telegram.org/bots/api#inlinekeyboardmarkup (read 2026-11-21). The limits of rows and buttons are
not documented; these are what servers refused in practice.
"""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from altmonitor.sim.telegram.values import SimMessage, bad_request

DATA_BYTES_MAX = 64
BUTTONS_MAX = 100
ROW_BUTTONS_MAX = 8
_ONE_OF = ("callback_data", "url")


def accepted_keyboard(markup: object) -> object:
    """None for no keyboard, an empty one included. Raises Refusal."""
    if markup is None or markup == {}:
        return None
    if not isinstance(markup, dict) or not isinstance(markup.get("inline_keyboard"), list):
        raise bad_request("object expected as reply markup")
    rows = markup["inline_keyboard"]
    if not all(isinstance(row, list) for row in rows):
        raise bad_request("can't parse inline keyboard button: expected an Array of InlineKeyboardButton")
    if sum(map(len, rows)) > BUTTONS_MAX or any(len(row) > ROW_BUTTONS_MAX for row in rows):
        raise bad_request("reply markup is too long")
    for row in rows:
        for button in row:
            _check(button)
    return markup if any(rows) else None


def buttons(message: SimMessage) -> Iterator[tuple[str, str]]:
    """(label, data or address) of every button under it, in reading order."""
    markup = message.reply_markup
    rows = markup.get("inline_keyboard", []) if isinstance(markup, dict) else []
    for row in rows:
        for button in row:
            yield str(button["text"]), str(button.get("callback_data") or button.get("url"))


def data_of(message: SimMessage, label: str) -> str:
    """Of the first button whose label holds this text. Raises LookupError."""
    for text, data in buttons(message):
        if label in text:
            return data
    raise LookupError(f"message {message.message_id} has no button {label!r}: {list(buttons(message))}")


def _check(button: object) -> None:
    if not isinstance(button, dict) or not isinstance(button.get("text"), str) or not button["text"]:
        raise bad_request("can't parse inline keyboard button: text buttons are unallowed in the inline keyboard")
    given = [name for name in _ONE_OF if button.get(name)]
    if len(given) != 1:
        raise bad_request("can't parse inline keyboard button: text buttons are unallowed in the inline keyboard")
    data = button.get("callback_data")
    if data is not None and not 1 <= len(str(data).encode()) <= DATA_BYTES_MAX:
        raise bad_request("BUTTON_DATA_INVALID")
    url = button.get("url")
    if url is not None and not _is_address(str(url)):
        raise bad_request("BUTTON_URL_INVALID")


def _is_address(url: str) -> bool:
    """Telegram wants an address it can make a link of: a known scheme, a host, and no bare non-ASCII or spaces."""
    parts = urlsplit(url)
    is_plain = url.isascii() and not any(char.isspace() for char in url)
    return is_plain and parts.scheme in ("http", "https", "tg") and bool(parts.netloc)
