"""What requests about thresholds, lists and stored alerts come to."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from types import MappingProxyType

from altmonitor.commands.arguments import (
    Mute,
    PinStatus,
    SetNumbers,
    ShowHelp,
    ShowHistory,
    ShowStats,
    ShowStatus,
    Symbols,
)
from altmonitor.commands.outcome import Change, HistoryQuery, Outcome, Situation, StatsQuery, StatusQuery
from altmonitor.commands.replies import (
    HelpShown,
    MutedChanged,
    MutedShown,
    NumberChange,
    NumbersChanged,
    PlainReply,
    StatusPin,
    SymbolsRefused,
    UniverseUnknown,
    WatchlistChanged,
    WatchlistShown,
)
from altmonitor.commands.replies_settings import ConfirmAsked
from altmonitor.settings.differences import NOT_MUTED, Difference
from altmonitor.settings.settings import SETTING_OF, Settings
from altmonitor.settings.symbols import WORD_CHARS_MAX, Unlisted, find, nearest, spelled

SUGGESTED_WORDS_MAX = 5
"""Words of one message that get suggestions; each costs a walk over all symbols."""


def set_numbers(request: SetNumbers, now: Situation) -> Outcome:
    overrides = now.overrides.with_numbers(dict(request.values))
    after = now.would_be(overrides).settings
    return Change(
        own=now.with_overrides(overrides),
        reply=NumbersChanged(changes=tuple(number_change(key, now.settings, after) for key, _ in request.values)),
    )


def watch(request: Symbols, now: Situation) -> Outcome:
    before = now.settings.watchlist
    if request.is_all:
        return _watch_all(request, now)
    if not request.words:
        return WatchlistShown(symbols=tuple(sorted(before)))
    found = listed_symbols(request.command, request.words, now.listed)
    if not isinstance(found, tuple):
        return found
    already = tuple(symbol for symbol in found if symbol in before)
    return _watchlist_change(now, before | set(found), already=already)


def unwatch(request: Symbols, now: Situation) -> Outcome:
    before = now.settings.watchlist
    if request.is_all:
        return _watch_all(request, now)
    if not request.words:
        return WatchlistShown(symbols=tuple(sorted(before)))
    found = named_symbols(request.command, request.words, before, now.listed)
    if not isinstance(found, tuple):
        return found
    absent = tuple(symbol for symbol in found if symbol not in before)
    return _watchlist_change(now, before - set(found), absent=absent)


def mute(request: Mute, now: Situation) -> Outcome:
    before = _in_force(now)
    if not request.words:
        return MutedShown(muted=before)
    found = listed_symbols("mute", request.words, now.listed)
    if not isinstance(found, tuple):
        return found
    until_s = None if request.seconds is None else int(now.now_s) + request.seconds
    after = {**before, **dict.fromkeys(found, until_s)}
    changes = tuple((symbol, before.get(symbol, NOT_MUTED), until_s) for symbol in found)
    return _muted_change(now, after, MutedChanged(changes=changes, muted_count=len(after)))


def unmute(request: Symbols, now: Situation) -> Outcome:
    before = _in_force(now)
    if not request.words and not request.is_all:
        return MutedShown(muted=before)
    if request.is_all and before and not request.is_confirmed:
        losses = tuple(Difference(key="muted", old=before[s], new=NOT_MUTED, symbol=s) for s in sorted(before))
        return ConfirmAsked(command="unmute", action="/unmute all", losses=losses)
    words = tuple(sorted(before)) if request.is_all else request.words
    found = named_symbols(request.command, words, set(before), now.listed)
    if not isinstance(found, tuple):
        return found
    after = {symbol: until_s for symbol, until_s in before.items() if symbol not in found}
    reply = MutedChanged(
        changes=tuple((symbol, before[symbol], NOT_MUTED) for symbol in found if symbol in before),
        absent=tuple(symbol for symbol in found if symbol not in before),
        muted_count=len(after),
    )
    return _muted_change(now, after, reply) if reply.changes else reply


def history(request: ShowHistory, now: Situation) -> Outcome:
    """A delisted symbol still has a history, so an unlisted one is asked for as spelled."""
    if request.symbol is None:
        return HistoryQuery(limit=request.limit, symbol=None, kind=request.kind)
    symbol = find(request.symbol, now.listed)
    if symbol is not None:
        return HistoryQuery(limit=request.limit, symbol=symbol, kind=request.kind)
    return HistoryQuery(
        limit=request.limit,
        symbol=spelled(request.symbol),
        kind=request.kind,
        suggestions=nearest(request.symbol, now.listed),
    )


def stats(request: ShowStats, now: Situation) -> Outcome:
    return StatsQuery(hours=request.hours)


def status(request: ShowStatus, now: Situation) -> Outcome:
    return StatusQuery()


def pin_status(request: PinStatus, now: Situation) -> Outcome:
    return StatusPin(is_on=request.is_on)


def show_help(request: ShowHelp, now: Situation) -> Outcome:
    return HelpShown(is_start=request.is_start)


def number_change(key: str, before: Settings, after: Settings) -> NumberChange:
    setting = SETTING_OF[key]
    return NumberChange(setting=setting, old=setting.of(before), new=setting.of(after))


def _watch_all(request: Symbols, now: Situation) -> Outcome:
    before = now.settings.watchlist
    if before and not request.is_confirmed:
        lost = Difference(key="watchlist", old=before, new=frozenset())
        return ConfirmAsked(command=request.command, action=f"/{request.command} all", losses=(lost,))
    return _watchlist_change(now, frozenset())


def _watchlist_change(
    now: Situation, after: frozenset[str], *, already: tuple[str, ...] = (), absent: tuple[str, ...] = ()
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
    return Change(own=now.with_overrides(replace(now.overrides, watchlist=after)), reply=reply)


def _in_force(now: Situation) -> dict[str, int | None]:
    muted = now.settings.muted
    return {symbol: until_s for symbol, until_s in muted.items() if now.settings.is_muted(symbol, now.now_s)}


def _muted_change(now: Situation, after: Mapping[str, int | None], reply: PlainReply) -> Change:
    muted = MappingProxyType(dict(sorted(after.items())))
    return Change(own=now.with_overrides(replace(now.overrides, muted=muted)), reply=reply)


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
