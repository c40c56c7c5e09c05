"""Lists of contracts: what is watched, what is muted, and what people mean by a word."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Annotated

import msgspec

from altmonitor.commands.arguments import SymbolWord, Words, cut, listed_symbols, named_symbols, unreadable
from altmonitor.commands.outcome import CommandContext, Outcome, StateChange
from altmonitor.commands.replies import (
    Bad,
    MutedChanged,
    MutedShown,
    PlainReply,
    Refused,
    WatchlistChanged,
    WatchlistShown,
)
from altmonitor.commands.replies_settings import ConfirmAsked
from altmonitor.settings.changes import NOT_MUTED, Difference
from altmonitor.settings.input import (
    DURATION_MAX_S,
    NotRead,
    is_duration,
    read_duration,
    split_words,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListArguments:
    """symbols: as typed; empty asks for the list. is_all: the single word `all`; is_confirmed: with `yes` behind it."""

    symbols: tuple[SymbolWord, ...] = ()
    is_all: bool = False
    is_confirmed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MuteArguments:
    """symbols: as typed; empty asks for the list. seconds: None mutes for good."""

    symbols: tuple[SymbolWord, ...] = ()
    seconds: Annotated[int, msgspec.Meta(ge=1, le=DURATION_MAX_S)] | None = None


def read_list(command: str, words: Words) -> ListArguments | Refused:
    names = split_words(words)
    if names and names[0].lower() == "all" and [name.lower() for name in names[1:]] in ([], ["yes"]):
        return ListArguments(is_all=True, is_confirmed=len(names) > 1)
    refused = unreadable(command, names)
    return refused or ListArguments(symbols=names)


def read_mute(command: str, words: Words) -> MuteArguments | Refused:
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
    return refused or MuteArguments(symbols=names, seconds=seconds)


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
    if not request.symbols:
        return MutedShown(muted=before)
    found = listed_symbols("mute", request.symbols, now.listed)
    if not isinstance(found, tuple):
        return found
    until_s = None if request.seconds is None else int(now.now_s) + request.seconds
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
    words = tuple(sorted(before)) if request.is_all else request.symbols
    found = named_symbols("unmute", words, set(before), now.listed)
    if not isinstance(found, tuple):
        return found
    after = {symbol: until_s for symbol, until_s in before.items() if symbol not in found}
    reply = MutedChanged(
        changes=tuple((symbol, before[symbol], NOT_MUTED) for symbol in found if symbol in before),
        absent=tuple(symbol for symbol in found if symbol not in before),
        muted_count=len(after),
    )
    return _muted_change(now, after, reply) if reply.changes else reply


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
