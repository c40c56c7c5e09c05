"""Lists of contracts: what is watched, what is muted, and what people mean by a word."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from types import MappingProxyType
from typing import Annotated

import msgspec

from altmonitor.commands.arguments import (
    DayWord,
    SymbolWord,
    Words,
    cut,
    is_all,
    listed_symbols,
    named_symbols,
    unreadable,
    with_days,
    with_units,
)
from altmonitor.commands.outcome import CommandContext, Outcome, StateChange
from altmonitor.commands.replies import (
    Bad,
    MutedChanged,
    MutedShown,
    PlainReply,
    Refused,
    SymbolsRefused,
    UniverseUnknown,
    WatchlistChanged,
    WatchlistShown,
)
from altmonitor.commands.replies_settings import ConfirmAsked
from altmonitor.settings.changes import NOT_MUTED, Difference
from altmonitor.settings.days import is_day, next_day
from altmonitor.settings.input import (
    DURATION_MAX_S,
    NotRead,
    is_duration,
    read_duration,
    split_words,
)
from altmonitor.settings.settings import EVERY_SYMBOL, VENUE_MARKS
from altmonitor.settings.zones import zone_of

_UNTIL_WORDS = frozenset({"until", "till", "til", "до", "直到", "到"})
_FOR_WORDS = frozenset({"for", "на"})
_FOREVER_WORDS = frozenset({"forever", "навсегда", "永久"})
_CLOCK_TIME = re.compile(r"(\d{1,2})(?:[:.]([0-5]\d))?(am|pm)?", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListArguments:
    """symbols: as typed; empty asks for the list. is_all: the single word `all`; is_confirmed: with `yes` behind it."""

    symbols: tuple[SymbolWord, ...] = ()
    is_all: bool = False
    is_confirmed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MuteArguments:
    """symbols: as typed; empty asks for the list. seconds: None mutes for good, unless there is `until`: the local time
    of the reader, `day` None: the next time it is so. is_all: every contract, also one that is listed later."""

    symbols: tuple[SymbolWord, ...] = ()
    seconds: Annotated[int, msgspec.Meta(ge=1, le=DURATION_MAX_S)] | None = None
    until: time | None = None
    day: DayWord | None = None
    is_all: bool = False
    is_confirmed: bool = False


def read_list(command: str, words: Words) -> ListArguments | Refused:
    names = split_words(words)
    if is_all(names):
        return ListArguments(is_all=True, is_confirmed=len(names) > 1)
    refused = unreadable(command, names)
    return refused or ListArguments(symbols=names)


def read_mute(command: str, words: Words) -> MuteArguments | Refused:
    """Symbols, then at most one time: `2h`, `2 h`, `1d 12h`, `until 18:00`, `until tomorrow 18:00`, `forever`. A time
    alone lacks its symbol."""
    names = with_units(split_words(words))
    seconds: int | None = None
    until: tuple[str | None, time] | None = None
    begin = next((at for at, name in enumerate(names) if name.lower() in _UNTIL_WORDS), None)
    if begin is not None and begin + 1 < len(names):
        until = _read_moment(names[begin + 1 :])
        if until is None:
            return Refused(command=command, reason=Bad.NO_MOMENT, word=cut(" ".join(names[begin + 1 :])))
        names = names[:begin]
    elif names and names[-1].lower() in _FOREVER_WORDS and len(names) > 1:
        names = names[:-1]
    else:
        names, times = _without_times(names)
        if times:
            read = read_duration("".join(times))
            if isinstance(read, NotRead):
                return Refused(command=command, reason=Bad.BAD_DURATION, word=cut(" ".join(times)))
            seconds = read
    if not names and (seconds is not None or until is not None):
        return Refused(command=command, reason=Bad.NO_CONTRACT, meant=(f"/{command} all {' '.join(words)}",))
    refused = unreadable(command, names)
    if refused is not None:
        return refused
    day, at = until or (None, None)
    if is_all(names):
        return MuteArguments(is_all=True, is_confirmed=len(names) > 1, seconds=seconds, until=at, day=day)
    return MuteArguments(symbols=names, seconds=seconds, until=at, day=day)


def _without_times(names: Words) -> tuple[Words, Words]:
    """What stands before the times at the end, and those times; a `for` between them goes."""
    end = len(names)
    while end and is_duration(names[end - 1]):
        end -= 1
    times = names[end:]
    if times and end > 1 and names[end - 1].lower() in _FOR_WORDS:
        end -= 1
    return names[:end], times


def _read_moment(words: Words) -> tuple[str | None, time] | None:
    """`18:00`, `18.00`, `18`, `6pm`, `2026-12-24 18:00`, `24 Dec 18:00`, `tomorrow 9:00`; None for anything else."""
    words = with_days(words) if len(words) > 1 else words
    day = words[0] if len(words) == 2 else None
    if not words or (day is not None and not is_day(day)):
        return None
    match = _CLOCK_TIME.fullmatch(words[-1])
    if match is None or len(words) > 2:
        return None
    hour, minute, half = int(match[1]), int(match[2] or 0), (match[3] or "").lower()
    if half and not 1 <= hour <= 12:
        return None
    hour = hour % 12 + (12 if half == "pm" else 0) if half else hour
    return (day, time(hour % 24, minute)) if hour <= 24 and (hour < 24 or not minute) else None


def watch(request: ListArguments, now: CommandContext) -> Outcome:
    before = now.settings.watchlist
    if request.is_all:
        return _watch_all("watch", request, now)
    if not request.symbols:
        return WatchlistShown(symbols=tuple(sorted(before)))
    found = listed_symbols("watch", request.symbols, now.listed)
    if not isinstance(found, tuple):
        return found
    already = tuple(symbol for symbol in found if symbol in before)
    return _watchlist_change(now, before | set(found), already=already)


def unwatch(request: ListArguments, now: CommandContext) -> Outcome:
    before = now.settings.watchlist
    if request.is_all:
        return _watch_all("unwatch", request, now)
    if not request.symbols:
        return WatchlistShown(symbols=tuple(sorted(before)))
    found = named_symbols("unwatch", request.symbols, before, now.listed)
    if not isinstance(found, tuple):
        return found
    absent = tuple(symbol for symbol in found if symbol not in before)
    return _watchlist_change(now, before - set(found), absent=absent)


def mute(request: MuteArguments, now: CommandContext) -> Outcome:
    before = _in_force(now)
    if not request.symbols and not request.is_all:
        return MutedShown(muted=before)
    until_s = _until_s(request, now)
    if isinstance(until_s, Refused):
        return until_s
    if request.is_all:
        found: tuple[str, ...] | SymbolsRefused | UniverseUnknown = (EVERY_SYMBOL,)
        if until_s is None and not request.is_confirmed and before.get(EVERY_SYMBOL, NOT_MUTED) is not None:
            lost = Difference(key="muted", old=before.get(EVERY_SYMBOL, NOT_MUTED), new=None, symbol=EVERY_SYMBOL)
            return ConfirmAsked(command="mute", action="/mute all", losses=(lost,))
    else:
        found = listed_symbols("mute", request.symbols, now.listed)
    if not isinstance(found, tuple):
        *names, last = request.symbols
        if isinstance(found, SymbolsRefused) and names and last.isdecimal():
            meant = tuple(f"/mute {' '.join(names)} {last}{unit}" for unit in "mhd")
            return Refused(command="mute", reason=Bad.NO_UNIT, word=last, meant=meant)
        return found
    after = {**before, **dict.fromkeys(found, until_s)}
    changes = tuple((symbol, before.get(symbol, NOT_MUTED), until_s) for symbol in found)
    return _muted_change(now, after, MutedChanged(changes=changes, muted_count=len(after)))


def unmute(request: ListArguments, now: CommandContext) -> Outcome:
    before = _in_force(now)
    if not request.symbols and not request.is_all:
        return MutedShown(muted=before)
    if request.is_all and before and not request.is_confirmed:
        losses = tuple(Difference(key="muted", old=before[s], new=NOT_MUTED, symbol=s) for s in sorted(before))
        return ConfirmAsked(command="unmute", action="/unmute all", losses=losses)
    found = (
        tuple(sorted(before))
        if request.is_all
        else named_symbols("unmute", request.symbols, set(before) - {EVERY_SYMBOL, *VENUE_MARKS}, now.listed)
    )
    if not isinstance(found, tuple):
        return found
    after = {symbol: until_s for symbol, until_s in before.items() if symbol not in found}
    reply = MutedChanged(
        changes=tuple((symbol, before[symbol], NOT_MUTED) for symbol in found if symbol in before),
        absent=tuple(symbol for symbol in found if symbol not in before),
        muted_count=len(after),
        all_until_s=after.get(EVERY_SYMBOL, NOT_MUTED),
    )
    return _muted_change(now, after, reply) if reply.changes else reply


def _until_s(request: MuteArguments, now: CommandContext) -> int | Refused | None:
    """Unix second; None: for good. Refused: there is no such day, or it is over."""
    if request.until is None:
        return None if request.seconds is None else int(now.now_s) + request.seconds
    zone = zone_of(now.audience.tz)
    here = datetime.fromtimestamp(now.now_s, zone)
    if request.day is None:
        on = here.date() if request.until > here.time() else here.date() + timedelta(days=1)
        return int(datetime.combine(on, request.until, zone).timestamp())
    day, word = next_day(request.day, today=here.date()), f"{request.day} {request.until:%H:%M}"
    if day is None:
        return Refused(command="mute", reason=Bad.NO_MOMENT, word=cut(word))
    until_s = int(datetime.combine(day, request.until, zone).timestamp())
    return until_s if until_s > now.now_s else Refused(command="mute", reason=Bad.PAST_MOMENT, word=cut(word))


def _watch_all(command: str, request: ListArguments, now: CommandContext) -> Outcome:
    before = now.settings.watchlist
    if before and not request.is_confirmed:
        lost = Difference(key="watchlist", old=before, new=frozenset())
        return ConfirmAsked(command=command, action=f"/{command} all", losses=(lost,))
    return _watchlist_change(now, frozenset())


def _watchlist_change(
    now: CommandContext, after: frozenset[str], *, already: tuple[str, ...] = (), absent: tuple[str, ...] = ()
) -> Outcome:
    before = now.settings.watchlist
    added = tuple(sorted(after - before))
    reply = WatchlistChanged(
        old=tuple(sorted(before)),
        new=tuple(sorted(after)),
        added=added,
        removed=tuple(sorted(before - after)),
        already=already,
        absent=absent,
        muted_too=tuple(symbol for symbol in added if now.settings.is_muted(symbol, now.now_s)),
    )
    if after == before:
        return reply
    return StateChange(own=now.with_overrides(replace(now.overrides, watchlist=after)), reply=reply)


def _in_force(now: CommandContext) -> dict[str, int | None]:
    muted = now.settings.muted
    return {symbol: until_s for symbol, until_s in muted.items() if now.settings.is_muted(symbol, now.now_s)}


def _muted_change(now: CommandContext, after: Mapping[str, int | None], reply: PlainReply) -> StateChange:
    muted = MappingProxyType(dict(sorted(after.items())))
    return StateChange(own=now.with_overrides(replace(now.overrides, muted=muted)), reply=reply)
