"""The reader's language and zone, and how facts stand side by side."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import tzinfo

from altmonitor.render.texts import say

SEPARATOR = " · "


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """lang: one of `languages.LANGUAGES`. tz: zone of every time in the text."""

    lang: str
    tz: tzinfo

    def say(self, key: str, **values: object) -> str:
        return say(self.lang, key, **values)


def joined(*facts: str | None) -> str:
    """What is known, side by side; None and '' are left out."""
    return SEPARATOR.join(fact for fact in facts if fact)


def fact_line(*facts: str | None) -> str:
    """The same as a line of its own, beginning with a capital."""
    line = joined(*facts)
    return line[:1].upper() + line[1:]
