"""HTML → the same text without markup, for a message whose markup the chat service refused."""

from __future__ import annotations

import html
import re

_TAG = re.compile(r"</?[a-zA-Z][^<>]*>")


def without_markup(text: str) -> str:
    """Escaped again, so that it may be sent as HTML."""
    return html.escape(html.unescape(_TAG.sub("", text)), quote=False)


def one_line(text: str) -> str:
    """What a person would read in it, on one line, for the log. Not escaped."""
    return " · ".join(line for line in html.unescape(_TAG.sub("", text)).splitlines() if line.strip())
