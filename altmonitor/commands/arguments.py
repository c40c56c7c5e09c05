"""What commands take: the words of a chat message as checked values. Only the shape is judged here.

A command's arguments are one frozen dataclass; a limit stands in its field's annotation, from where
`web.commands.schema_of` reads it for programs.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, Final

import msgspec

from altmonitor.commands.replies import Bad, Refused, SymbolsRefused, UniverseUnknown
from altmonitor.core.alert import DETECTED_KINDS, Kind
from altmonitor.core.types import VENUE_NAMES, VENUE_TITLES, Venue
from altmonitor.settings.days import DAY_CHARS_MAX, is_day
from altmonitor.settings.input import (
    WORD_CHARS_MAX,
    NotRead,
    Unlisted,
    find,
    is_duration,
    is_time_unit,
    nearest,
    read_duration,
    read_whole,
    spelled,
)

SUGGESTED_WORDS_MAX = 5
"""Words of one message that get suggestions; each costs a walk over all symbols."""

Words = tuple[str, ...]

KIND_WORDS: dict[str, Kind] = {
    **{kind: kind for kind in DETECTED_KINDS},
    **dict.fromkeys(("volume", "объём", "объем", "成交量", "放量"), "vol"),
    **dict.fromkeys(("цена", "价格"), "price"),
    **dict.fromkeys(("ои", "持仓", "持仓量"), "oi"),
    **dict.fromkeys(("фандинг", "资金费率"), "funding"),
}
ALL_WORDS = frozenset({"all", "everything", "*", "все", "всё", "全部", "所有"})
YES_WORDS = frozenset({"yes", "y", "да", "是", "确定"})
_SPACED_SUFFIXES = frozenset({"%", "x", "×", "х", "$", "k", "m", "b", "usd", "usdt"})

VENUE_WORDS: Final[Mapping[str, Venue]] = MappingProxyType(
    {name: name for name in VENUE_NAMES}
    | {title.lower(): name for name, title in VENUE_TITLES.items()}
    | {"hl": "hyperliquid", "币安": "binance"}
)
_BEFORE_VENUE: Final = frozenset({"on", "at", "на"})

SymbolWord = Annotated[
    str, msgspec.Meta(description="a contract as people write it: SOLUSDT, sol", max_length=WORD_CHARS_MAX)
]

DayWord = Annotated[
    str,
    msgspec.Meta(
        description="a day as people write it, in the chat's zone: 2026-11-29, 29.11, yesterday",
        max_length=DAY_CHARS_MAX,
    ),
]


def one_of(words: Iterable[str]) -> msgspec.Meta:
    """For a program: the words a person may type there."""
    return msgspec.Meta(extra_json_schema={"enum": list(words)})


@dataclass(frozen=True, slots=True, kw_only=True)
class NoWords:
    """Of a command that takes none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OneContract:
    """symbol: as typed. venue: None: wherever it is traded, the first exchange of VENUES before the others."""

    symbol: SymbolWord
    venue: Venue | None = None


def read_nothing(command: str, words: Words) -> NoWords | Refused:
    """For a command that takes no words."""
    return Refused(command=command, reason=Bad.NOT_TAKEN, word=cut(words[0])) if words else NoWords()


def read_symbol(command: str, words: Words) -> OneContract | Refused:
    if not words:
        return Refused(command=command, reason=Bad.MISSING)
    words, venue = without_venue(words)
    if venue is None and len(words) == 2:
        return Refused(command=command, reason=Bad.NO_VENUE, word=cut(words[1]))
    return extra(command, words, 1) or unreadable(command, words) or OneContract(symbol=words[0], venue=venue)


def without_venue(words: Words) -> tuple[Words, Venue | None]:
    """`sol bybit`, `sol on bybit`, `bybit sol` and `bybit:sol` name a venue; a single word never is one: it may be a
    coin. Only the first that is named counts, the rest stays."""
    if words and ":" in words[0]:
        head, _, name = words[0].partition(":")
        if head.lower() in VENUE_WORDS and name:
            return (name, *words[1:]), VENUE_WORDS[head.lower()]
    if len(words) < 2:
        return words, None
    at = next((at for at in (*range(1, len(words)), 0) if words[at].lower() in VENUE_WORDS), None)
    if at is None:
        return words, None
    before = words[:at]
    if before and before[-1].lower() in _BEFORE_VENUE:
        before = before[:-1]
    return (*before, *words[at + 1 :]), VENUE_WORDS[words[at].lower()]


def venue_among(words: Words) -> tuple[Words, Venue | None]:
    """The same where no coin is asked for, so that a single word may be an exchange."""
    words, venue = without_venue(words)
    if venue is None and len(words) == 1 and words[0].lower() in VENUE_WORDS:
        return (), VENUE_WORDS[words[0].lower()]
    return words, venue


def read_count(command: str, words: Words, *, default: int, high: int) -> int | Refused:
    """At most one word, a whole number from 1 to `high`."""
    refused = extra(command, words, 1)
    if refused is not None or not words:
        return refused or default
    number = read_whole(words[0], low=1, high=high)
    if isinstance(number, NotRead):
        return Refused(command=command, reason=number, word=cut(words[0]), low=1, high=high)
    return number


def is_all(words: Words) -> bool:
    """`all`, perhaps with `yes` behind it."""
    return (
        bool(words)
        and words[0].lower() in ALL_WORDS
        and (len(words) == 1 or (len(words) == 2 and words[1].lower() in YES_WORDS))
    )


def with_units(words: Words) -> Words:
    """`2 h` and `2 часа` are one word: a number takes what can only be its unit."""
    joined: list[str] = []
    for word in words:
        is_unit = is_time_unit(word) or word.lower() in _SPACED_SUFFIXES
        if joined and is_unit and joined[-1].replace(".", "").replace(",", "").isdecimal():
            joined[-1] += word
        else:
            joined.append(word)
    return tuple(joined)


def with_days(words: Words) -> Words:
    """`28 Nov`, `Nov 28 2026` and `28 ноября` are one word."""
    joined: list[str] = []
    at = 0
    while at < len(words):
        length = next((n for n in (3, 2) if at + n <= len(words) and is_day(" ".join(words[at : at + n]))), 1)
        joined.append(" ".join(words[at : at + length]))
        at += length
    return tuple(joined)


def window_word(word: str) -> str:
    """`5min`, `5мин`, `60m` → `5m`, `1h`: how windows are called here. What is no time stays as it is, in small
    letters."""
    seconds = read_duration(word)
    if isinstance(seconds, NotRead):
        return word.lower()
    if seconds in (86_400, 7 * 86_400) or seconds % 3600:
        return f"{seconds // 60}m" if seconds % 3600 else f"{seconds // 86_400}d"
    return f"{seconds // 3600}h"


def read_units(word: str, *, unit_s: int, high: int) -> int | NotRead:
    """A whole number of units, bare or as a duration (`2h`); 1 to `high`."""
    if not is_duration(word):
        return read_whole(word, low=1, high=high)
    seconds = read_duration(word)
    if isinstance(seconds, NotRead):
        return seconds
    if seconds % unit_s:
        return NotRead.NOT_WHOLE
    return seconds // unit_s if unit_s <= seconds <= high * unit_s else NotRead.OUT_OF_RANGE


def extra(command: str, words: Words, most: int) -> Refused | None:
    """None when there are no more words than `most`."""
    return Refused(command=command, reason=Bad.EXTRA, word=cut(words[most])) if len(words) > most else None


def unreadable(command: str, names: Words) -> Refused | None:
    """The first word that can be no name of a contract; None: all can."""
    word = next((name for name in names if not spelled(name)), None)
    return None if word is None else Refused(command=command, reason=Bad.NO_SUCH_WORD, word=cut(word))


def cut(word: str) -> str:
    """As shown back to whoever typed it."""
    return word if len(word) <= WORD_CHARS_MAX else word[: WORD_CHARS_MAX - 1] + "…"


def listed_symbols(
    command: str, words: tuple[str, ...], listed: frozenset[str]
) -> tuple[str, ...] | SymbolsRefused | UniverseUnknown:
    """Every word as a listed symbol, each once, in the order typed; or why not."""
    if not listed:
        return UniverseUnknown(command=command)
    return _resolve(command, words, listed, suggest_from=listed)


def named_symbols(
    command: str, words: tuple[str, ...], on_list: Collection[str], listed: frozenset[str]
) -> tuple[str, ...] | SymbolsRefused:
    """Like `listed_symbols`, but what stands on the user's own list counts although it is delisted or the universe is
    unknown."""
    return _resolve(command, words, listed | frozenset(on_list), suggest_from=frozenset(on_list) or listed)


def _resolve(
    command: str, words: tuple[str, ...], known: frozenset[str], *, suggest_from: frozenset[str]
) -> tuple[str, ...] | SymbolsRefused:
    found: dict[str, None] = {}
    unlisted: list[Unlisted] = []
    for word in words:
        match = find(word, known)
        if match is not None:
            found[match] = None
        else:
            suggestions = nearest(word, suggest_from) if len(unlisted) < SUGGESTED_WORDS_MAX else ()
            unlisted.append(Unlisted(given=word[:WORD_CHARS_MAX], suggestions=suggestions))
    return SymbolsRefused(command=command, unlisted=tuple(unlisted)) if unlisted else tuple(found)
