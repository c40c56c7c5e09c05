"""Commands about who is positioned: /who and /div."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from altmonitor.commands.arguments import Words, cut, unreadable
from altmonitor.commands.outcome import DivergenceQuery, Outcome, Situation, StoredQuery, WhoQuery
from altmonitor.commands.replies import Bad, Refused
from altmonitor.commands.settings import listed_symbols
from altmonitor.positioning.periods import DEFAULT_PERIOD, PERIODS
from altmonitor.settings.input import NotRead, is_duration, read_duration, read_whole

DEFAULT_MIN, MOST_MIN = 60, 10_080

_ABOUTS: dict[str, Literal["change", "trend"]] = {"change": "change", "trend": "trend"}


@dataclass(frozen=True, slots=True, kw_only=True)
class AskWho:
    """symbol: as typed, '' for a scan of all. about: None asks for everything known now."""

    symbol: str
    about: Literal["change", "trend", "scan"] | None = None
    minutes: int = DEFAULT_MIN


@dataclass(frozen=True, slots=True, kw_only=True)
class AskDivergence:
    """symbol: as typed."""

    symbol: str
    period: str = DEFAULT_PERIOD


def read_who(command: str, words: Words) -> AskWho | Refused:
    """A symbol; or `change` or `trend`, a symbol and how far back; or `scan`."""
    if not words:
        return Refused(command=command, reason=Bad.MISSING)
    first = words[0].lower()
    if first == "scan":
        return _extra(command, words, 1) or AskWho(symbol="", about="scan")
    if first not in _ABOUTS:
        return _extra(command, words, 1) or unreadable(command, words[:1]) or AskWho(symbol=words[0])
    if len(words) == 1:
        return Refused(command=command, reason=Bad.MISSING)
    refused = _extra(command, words, 3) or unreadable(command, words[1:2])
    if refused is not None:
        return refused
    minutes = _minutes(words[2]) if len(words) == 3 else DEFAULT_MIN
    if isinstance(minutes, NotRead):
        return Refused(command=command, reason=minutes, word=cut(words[2]), low=1, high=MOST_MIN)
    return AskWho(symbol=words[1], about=_ABOUTS[first], minutes=minutes)


def ask_who(request: AskWho, now: Situation) -> Outcome:
    if request.about == "scan":
        return StoredQuery(about="scan", symbol="", minutes=request.minutes)
    found = listed_symbols("who", (request.symbol,), now.listed)
    if not isinstance(found, tuple):
        return found
    if request.about is None:
        return WhoQuery(symbol=found[0])
    return StoredQuery(about=request.about, symbol=found[0], minutes=request.minutes)


def read_divergence(command: str, words: Words) -> AskDivergence | Refused:
    if not words:
        return Refused(command=command, reason=Bad.MISSING)
    refused = _extra(command, words, 2) or unreadable(command, words[:1])
    if refused is not None:
        return refused
    period = words[1].lower() if len(words) == 2 else DEFAULT_PERIOD
    if period not in PERIODS:
        return Refused(command=command, reason=Bad.NO_SUCH_WORD, word=cut(words[1]))
    return AskDivergence(symbol=words[0], period=period)


def ask_divergence(request: AskDivergence, now: Situation) -> Outcome:
    found = listed_symbols("div", (request.symbol,), now.listed)
    return DivergenceQuery(symbol=found[0], period=request.period) if isinstance(found, tuple) else found


def _extra(command: str, words: Words, most: int) -> Refused | None:
    return Refused(command=command, reason=Bad.EXTRA, word=cut(words[most])) if len(words) > most else None


def _minutes(word: str) -> int | NotRead:
    """Bare minutes, or a time such as `2h`."""
    if not is_duration(word):
        return read_whole(word, low=1, high=MOST_MIN)
    seconds = read_duration(word)
    if isinstance(seconds, NotRead):
        return seconds
    if seconds % 60:
        return NotRead.NOT_WHOLE
    return seconds // 60 if 60 <= seconds <= MOST_MIN * 60 else NotRead.OUT_OF_RANGE
