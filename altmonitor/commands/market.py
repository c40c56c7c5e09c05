"""Commands that ask: the market, the record of changes, and what a budget would mean."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from typing import Literal
from zoneinfo import ZoneInfo

from altmonitor.commands.arguments import Words, cut, unreadable
from altmonitor.commands.outcome import (
    BudgetQuery,
    ChangesQuery,
    CommandContext,
    DivergenceQuery,
    Outcome,
    StateChange,
    StoredQuery,
    SymbolQuery,
    TopQuery,
    UndoQuery,
    WhoQuery,
    WhyQuery,
)
from altmonitor.commands.replies import Bad, Refused
from altmonitor.commands.replies_market import TOP_WINDOWS, TopWindow
from altmonitor.commands.replies_settings import BudgetShown, Changed
from altmonitor.commands.settings import listed_symbols
from altmonitor.positioning.units import DEFAULT_PERIOD, PERIODS
from altmonitor.settings.audience import BudgetSetting
from altmonitor.settings.changes import in_force
from altmonitor.settings.input import NotRead, is_duration, read_duration, read_whole
from altmonitor.settings.presets import BUDGET_MAX, BUDGET_MIN

CHANGES_DEFAULT, CHANGES_MAX = 10, 50
TOP_DEFAULT: TopWindow = "1h"
DAY_S = 86_400

_TIME = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?", re.ASCII)
_DATE = re.compile(r"(20\d\d)-([01]\d)-([0-3]\d)", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class AskSymbol:
    """symbol: as typed."""

    about: Literal["price", "oi", "funding", "chart"]
    symbol: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AskTop:
    window: TopWindow = TOP_DEFAULT


@dataclass(frozen=True, slots=True, kw_only=True)
class AskWhy:
    """symbol: as typed. at: local time of the reader, None asks about now. day: None: the last time it was so."""

    symbol: str
    at: time | None = None
    day: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AskBudget:
    """per_day: None asks what is in force, 0 ends it. is_confirmed: with `yes` behind it."""

    per_day: int | None = None
    is_confirmed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AskChanges:
    limit: int = CHANGES_DEFAULT


@dataclass(frozen=True, slots=True, kw_only=True)
class Undo:
    pass


# --- the market --------------------------------------------------------------------------------------------------


def read_symbol(command: str, words: Words) -> AskSymbol | Refused:
    if not words:
        return Refused(command=command, reason=Bad.MISSING)
    if len(words) > 1:
        return Refused(command=command, reason=Bad.EXTRA, word=cut(words[1]))
    abouts: dict[str, Literal["price", "oi", "funding", "chart"]] = {
        "price": "price",
        "oi": "oi",
        "funding": "funding",
        "chart": "chart",
    }
    return unreadable(command, words) or AskSymbol(about=abouts[command], symbol=words[0])


def ask_symbol(request: AskSymbol, now: CommandContext) -> Outcome:
    found = listed_symbols(request.about, (request.symbol,), now.listed)
    return SymbolQuery(about=request.about, symbol=found[0]) if isinstance(found, tuple) else found


def read_top(command: str, words: Words) -> AskTop | Refused:
    if len(words) > 1:
        return Refused(command=command, reason=Bad.EXTRA, word=cut(words[1]))
    windows: dict[str, TopWindow] = {window: window for window in TOP_WINDOWS}
    window = windows.get(words[0].lower()) if words else TOP_DEFAULT
    if window is None:
        return Refused(command=command, reason=Bad.NO_SUCH_WORD, word=cut(words[0]))
    return AskTop(window=window)


def ask_top(request: AskTop, now: CommandContext) -> Outcome:
    return TopQuery(window=request.window)


def read_why(command: str, words: Words) -> AskWhy | Refused:
    """A symbol, then nothing, a time, or a date and a time."""
    if not words:
        return Refused(command=command, reason=Bad.MISSING)
    refused = unreadable(command, words[:1])
    if refused is not None:
        return refused
    symbol, *rest = words
    if len(rest) > 2:
        return Refused(command=command, reason=Bad.EXTRA, word=cut(rest[2]))
    if not rest:
        return AskWhy(symbol=symbol)
    clock = _TIME.fullmatch(rest[-1])
    day = _DATE.fullmatch(rest[0]) if len(rest) == 2 else None
    if clock is None or (len(rest) == 2 and day is None):
        return Refused(command=command, reason=Bad.NO_TIME, word=cut(" ".join(rest)))
    at = time(int(clock[1]), int(clock[2]), int(clock[3] or 0))
    try:
        return AskWhy(symbol=symbol, at=at, day=None if day is None else date(*(int(day[i]) for i in (1, 2, 3))))
    except ValueError:  # the 31st of February
        return Refused(command=command, reason=Bad.NO_TIME, word=cut(" ".join(rest)))


def ask_why(request: AskWhy, now: CommandContext) -> Outcome:
    found = listed_symbols("why", (request.symbol,), now.listed)
    if not isinstance(found, tuple):
        return found
    if request.at is None:
        return WhyQuery(symbol=found[0], at_ms=None)
    zone = ZoneInfo(now.audience.tz)
    today = datetime.fromtimestamp(now.now_s, zone).date()
    at_s = datetime.combine(request.day or today, request.at, zone).timestamp()
    if request.day is None and at_s > now.now_s:
        at_s -= DAY_S
    if at_s > now.now_s:
        return Refused(command="why", reason=Bad.NO_TIME, word=f"{request.day} {request.at}")
    return WhyQuery(symbol=found[0], at_ms=int(at_s * 1000))


# --- budget ------------------------------------------------------------------------------------------------------


def read_budget(command: str, words: Words) -> AskBudget | Refused:
    if not words:
        return AskBudget()
    rest = [word.lower() for word in words[1:]]
    if rest not in ([], ["yes"]):
        return Refused(command=command, reason=Bad.EXTRA, word=cut(words[-1]))
    if words[0].lower() == "off" or words[0] == "0":
        return AskBudget(per_day=0, is_confirmed=bool(rest))
    number = read_whole(words[0], low=BUDGET_MIN, high=BUDGET_MAX)
    if isinstance(number, NotRead):
        return Refused(command=command, reason=number, word=cut(words[0]), low=BUDGET_MIN, high=BUDGET_MAX)
    return AskBudget(per_day=number, is_confirmed=bool(rest))


def ask_budget(request: AskBudget, now: CommandContext) -> Outcome:
    if request.per_day is None:
        numbers = {} if now.overrides.budget is None else now.overrides.budget.numbers
        return BudgetShown(per_day=now.audience.budget_per_day, numbers=numbers)
    if request.per_day:
        return BudgetQuery(per_day=request.per_day, is_accepted=request.is_confirmed)
    if not now.audience.budget_per_day:
        return BudgetShown(per_day=0, numbers={})
    # Of its own: back to what was set by hand. Followed: a zero of its own, or it would go on being followed.
    without = replace(now.overrides, budget=None)
    if now.would_be(without).budget_per_day:
        without = replace(now.overrides, budget=BudgetSetting(per_day=0))
    told = in_force(now.audience, now.would_be(without))
    return StateChange(own=now.with_overrides(without), reply=Changed(differences=told))


# --- the record of changes ---------------------------------------------------------------------------------------


def read_changes(command: str, words: Words) -> AskChanges | Refused:
    if not words:
        return AskChanges()
    if len(words) > 1:
        return Refused(command=command, reason=Bad.EXTRA, word=cut(words[1]))
    number = read_whole(words[0], low=1, high=CHANGES_MAX)
    if isinstance(number, NotRead):
        return Refused(command=command, reason=number, word=cut(words[0]), low=1, high=CHANGES_MAX)
    return AskChanges(limit=number)


def ask_changes(request: AskChanges, now: CommandContext) -> Outcome:
    return ChangesQuery(limit=request.limit)


def read_undo(command: str, words: Words) -> Undo | Refused:
    return Refused(command=command, reason=Bad.NOT_TAKEN, word=cut(words[0])) if words else Undo()


def undo(request: Undo, now: CommandContext) -> Outcome:
    return UndoQuery()


# ---
# Commands about who is positioned: /who and /div.


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


def ask_who(request: AskWho, now: CommandContext) -> Outcome:
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


def ask_divergence(request: AskDivergence, now: CommandContext) -> Outcome:
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
