"""Small values that configuration and several rooms share."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, NewType, get_args

Fraction = NewType("Fraction", float)
"""1.0 is the whole: 0.6215 = 62.15 %. Called a share where it lies in 0…1."""


TOKEN_SHAPE = re.compile(r"\d{5,}:[A-Za-z0-9_-]{30,}")


_DESTINATION = re.compile(r"(-?\d{1,16})(?:/(\d{1,10}))?", re.ASCII)


GENERAL_TOPIC = 1


class Secret:
    """A string that shows itself only through `reveal()`."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        return self._value

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __repr__(self) -> str:
        return "Secret(***)" if self._value else "Secret(empty)"

    __str__ = __repr__


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """Where messages go: a chat, and inside a forum group a topic. Written `-1001234` or `-1001234/56`."""

    chat_id: int
    topic_id: int | None = None

    @property
    def is_group(self) -> bool:
        return self.chat_id < 0

    def __str__(self) -> str:
        return str(self.chat_id) if self.topic_id is None else f"{self.chat_id}/{self.topic_id}"

    @classmethod
    def parse(cls, text: str) -> Destination:
        """Topic 1 is the general one, which Telegram knows by no number: it is the group itself.

        Raises ValueError for anything but `id` or `id/topic`.
        """
        match = _DESTINATION.fullmatch(text.strip())
        if match is None or int(match[1]) == 0:
            raise ValueError(text)
        topic_id = int(match[2]) if match[2] else None
        return cls(chat_id=int(match[1]), topic_id=None if topic_id == GENERAL_TOPIC else topic_id)


# ---
# The languages of the texts.


LANGUAGES = ("en", "zh", "ru")


# ---
# The exchanges that can be watched.


Venue = Literal["binance", "bybit", "okx", "hyperliquid"]
VENUE_NAMES: tuple[Venue, ...] = get_args(Venue)
VENUE_TITLES: Mapping[Venue, str] = MappingProxyType(
    {"binance": "Binance", "bybit": "Bybit", "okx": "OKX", "hyperliquid": "Hyperliquid"}
)
"""As they write themselves, in any language."""


def of_venue(venue: Venue, name: str) -> str:
    """A name that is one venue's own. Binance's stand without it, as they did when there was no other."""
    return name if venue == "binance" else f"{venue}:{name}"


def named_venue(venue: Venue, watched: Collection[Venue]) -> Venue | None:
    """None where an answer need not say whose it is: Binance alone, as it was when there was no other."""
    return None if venue == "binance" and len(watched) == 1 else venue
