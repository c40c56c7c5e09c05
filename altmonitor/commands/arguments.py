"""A command's arguments as values, and how words become them. Only the shape is judged here; see changes.py."""

from __future__ import annotations

import re
from dataclasses import dataclass

from altmonitor.commands.replies import Bad, Refused
from altmonitor.core.alert import DETECTED_KINDS, Kind
from altmonitor.settings.input import (
    WORD_CHARS_MAX,
    NotRead,
    is_duration,
    read_duration,
    read_setting,
    read_whole,
    spelled,
    split_words,
)
from altmonitor.settings.settings import SETTINGS

Words = tuple[str, ...]

HISTORY_DEFAULT, HISTORY_MAX = 10, 50
STATS_DEFAULT_H, STATS_MAX_H = 24, 720

_NUMBER_LIKE = re.compile(r"[+\-−]?[\d.,]+\W?|nan|inf|infinity", re.IGNORECASE)
KIND_WORDS: dict[str, Kind] = {**{kind: kind for kind in DETECTED_KINDS}, "volume": "vol"}


@dataclass(frozen=True, slots=True, kw_only=True)
class SetNumbers:
    """values: (key of SETTINGS, value to be kept), in the order of the table, never empty."""

    values: tuple[tuple[str, float | int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Symbols:
    """command: `watch`, `unwatch` or `unmute`. words: empty asks for the list. is_all: the single word `all`;
    is_confirmed: with `yes` behind it."""

    command: str
    words: Words = ()
    is_all: bool = False
    is_confirmed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Mute:
    """words: empty asks for the list. seconds: None mutes for good."""

    words: Words = ()
    seconds: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ShowHistory:
    limit: int = HISTORY_DEFAULT
    symbol: str | None = None  # as typed
    kind: Kind | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ShowStats:
    hours: int = STATS_DEFAULT_H


@dataclass(frozen=True, slots=True, kw_only=True)
class ShowStatus:
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class PinStatus:
    """is_on: keep a status message in this chat up to date; False ends that."""

    is_on: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ShowHelp:
    is_start: bool = False


def read_numbers(command: str, words: Words) -> SetNumbers | Refused:
    """One number per setting of this command; those after the first may be left out."""
    settings = [setting for setting in SETTINGS if setting.command == command]
    if not words:
        return Refused(command=command, reason=Bad.MISSING, setting=settings[0])
    if len(words) > len(settings):
        return Refused(command=command, reason=Bad.EXTRA, word=cut(words[len(settings)]))
    values: list[tuple[str, float | int]] = []
    for setting, word in zip(settings, words, strict=False):
        value = read_setting(word, setting)
        if isinstance(value, NotRead):
            return Refused(command=command, reason=value, word=cut(word), setting=setting)
        values.append((setting.key, value))
    return SetNumbers(values=tuple(values))


def read_symbols(command: str, words: Words) -> Symbols | Refused:
    names = split_words(words)
    if names and names[0].lower() == "all" and [name.lower() for name in names[1:]] in ([], ["yes"]):
        return Symbols(command=command, is_all=True, is_confirmed=len(names) > 1)
    refused = unreadable(command, names)
    return refused or Symbols(command=command, words=names)


def read_mute(command: str, words: Words) -> Mute | Refused:
    """Symbols, then at most one duration; `2h` alone is a duration without a symbol."""
    names = split_words(words)
    seconds: int | None = None
    if names and is_duration(names[-1]):
        read = read_duration(names[-1])
        if isinstance(read, NotRead):
            return Refused(command=command, reason=Bad.BAD_DURATION, word=cut(names[-1]))
        seconds, names = read, names[:-1]
        if not names:
            return Refused(command=command, reason=Bad.MISSING)
    refused = unreadable(command, names)
    return refused or Mute(words=names, seconds=seconds)


def read_history(command: str, words: Words) -> ShowHistory | Refused:
    """A count, a symbol and a kind, each at most once, in any order."""
    limit: int | None = None
    symbol: str | None = None
    kind: Kind | None = None
    for word in split_words(words):
        is_second = False
        if word.lower() in KIND_WORDS:
            is_second, kind = kind is not None, KIND_WORDS[word.lower()]
        elif _NUMBER_LIKE.fullmatch(word):
            count = read_whole(word, low=1, high=HISTORY_MAX)
            if isinstance(count, NotRead):
                return Refused(command=command, reason=count, word=cut(word), low=1, high=HISTORY_MAX)
            is_second, limit = limit is not None, count
        elif not spelled(word):
            return Refused(command=command, reason=Bad.NO_SUCH_WORD, word=cut(word))
        else:
            is_second, symbol = symbol is not None, word
        if is_second:
            return Refused(command=command, reason=Bad.TWICE, word=cut(word))
    return ShowHistory(limit=limit or HISTORY_DEFAULT, symbol=symbol, kind=kind)


def read_stats(command: str, words: Words) -> ShowStats | Refused:
    """Whole hours, bare or as a duration (`24h`, `7d`)."""
    if not words:
        return ShowStats()
    if len(words) > 1:
        return Refused(command=command, reason=Bad.EXTRA, word=cut(words[1]))
    hours: int | NotRead
    if is_duration(words[0]):
        seconds = read_duration(words[0])
        if isinstance(seconds, NotRead):
            hours = seconds
        elif seconds % 3600:
            hours = NotRead.NOT_WHOLE
        else:
            hours = seconds // 3600 if seconds <= STATS_MAX_H * 3600 else NotRead.OUT_OF_RANGE
    else:
        hours = read_whole(words[0], low=1, high=STATS_MAX_H)
    if isinstance(hours, NotRead):
        return Refused(command=command, reason=hours, word=cut(words[0]), low=1, high=STATS_MAX_H)
    return ShowStats(hours=hours)


def read_status(command: str, words: Words) -> ShowStatus | Refused:
    return Refused(command=command, reason=Bad.NOT_TAKEN, word=cut(words[0])) if words else ShowStatus()


def read_pin_status(command: str, words: Words) -> PinStatus | Refused:
    if len(words) > 1:
        return Refused(command=command, reason=Bad.EXTRA, word=cut(words[1]))
    word = words[0].lower() if words else "on"
    if word not in ("on", "off"):
        return Refused(command=command, reason=Bad.NO_SUCH_WORD, word=cut(words[0]))
    return PinStatus(is_on=word == "on")


def read_help(command: str, words: Words) -> ShowHelp:
    """Words are let pass: a link that opens the bot puts its own behind /start."""
    return ShowHelp(is_start=command == "start")


def unreadable(command: str, names: Words) -> Refused | None:
    word = next((name for name in names if not spelled(name)), None)
    return None if word is None else Refused(command=command, reason=Bad.NO_SUCH_WORD, word=cut(word))


def cut(word: str) -> str:
    """As shown back to whoever typed it."""
    return word if len(word) <= WORD_CHARS_MAX else word[: WORD_CHARS_MAX - 1] + "…"
