"""What requests about thresholds, lists and stored alerts come to."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from altmonitor.commands.arguments import (
    Mute,
    PinStatus,
    SetNumbers,
    ShowHelp,
    ShowHistory,
    ShowStats,
    ShowStatus,
    Symbols,
    Words,
    cut,
)
from altmonitor.commands.outcome import CommandContext, HistoryQuery, Outcome, StateChange, StatsQuery, StatusQuery
from altmonitor.commands.replies import (
    Bad,
    HelpShown,
    MutedChanged,
    MutedShown,
    NumberChange,
    NumbersChanged,
    OverridesShown,
    PlainReply,
    Refused,
    StatusPin,
    SymbolsRefused,
    UniverseUnknown,
    WatchlistChanged,
    WatchlistShown,
)
from altmonitor.commands.replies_settings import Changed, ConfirmAsked
from altmonitor.settings.audience import Overrides
from altmonitor.settings.changes import NOT_MUTED, Difference, differences, in_force
from altmonitor.settings.input import WORD_CHARS_MAX, Unlisted, find, nearest, spelled, split_words
from altmonitor.settings.settings import SETTING_OF, SETTINGS, Settings

SUGGESTED_WORDS_MAX = 5
"""Words of one message that get suggestions; each costs a walk over all symbols."""


def set_numbers(request: SetNumbers, now: CommandContext) -> Outcome:
    overrides = now.overrides.with_numbers(dict(request.values))
    after = now.would_be(overrides).settings
    return StateChange(
        own=now.with_overrides(overrides),
        reply=NumbersChanged(changes=tuple(number_change(key, now.settings, after) for key, _ in request.values)),
    )


def watch(request: Symbols, now: CommandContext) -> Outcome:
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


def unwatch(request: Symbols, now: CommandContext) -> Outcome:
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


def mute(request: Mute, now: CommandContext) -> Outcome:
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


def unmute(request: Symbols, now: CommandContext) -> Outcome:
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


def history(request: ShowHistory, now: CommandContext) -> Outcome:
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


def stats(request: ShowStats, now: CommandContext) -> Outcome:
    return StatsQuery(hours=request.hours)


def status(request: ShowStatus, now: CommandContext) -> Outcome:
    return StatusQuery()


def pin_status(request: PinStatus, now: CommandContext) -> Outcome:
    return StatusPin(is_on=request.is_on)


def show_help(request: ShowHelp, now: CommandContext) -> Outcome:
    return HelpShown(is_start=request.is_start)


def number_change(key: str, before: Settings, after: Settings) -> NumberChange:
    setting = SETTING_OF[key]
    return NumberChange(setting=setting, old=setting.of(before), new=setting.of(after))


def _watch_all(request: Symbols, now: CommandContext) -> Outcome:
    before = now.settings.watchlist
    if before and not request.is_confirmed:
        lost = Difference(key="watchlist", old=before, new=frozenset())
        return ConfirmAsked(command=request.command, action=f"/{request.command} all", losses=(lost,))
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


# ---
# /reset: back to what is followed – the environment for the main destination, the main destination for all others.


PARTS = ("symbols", "budget", "quiet", "lang", "tz")
_KEYS = {
    command: frozenset(setting.key for setting in SETTINGS if setting.command == command)
    for command in dict.fromkeys(setting.command for setting in SETTINGS)
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reset:
    """keys: of SETTINGS. parts: of PARTS. Both empty and not is_all: asks what differs. is_confirmed: `all yes`."""

    keys: frozenset[str] = frozenset()
    parts: frozenset[str] = frozenset()
    is_all: bool = False
    is_confirmed: bool = False


def read_reset(command: str, words: Words) -> Reset | Refused:
    names = [word.lower().lstrip("/").removeprefix("set_") for word in split_words(words)]
    if "all" in names:
        unknown = next((name for name in names if name not in ("all", "yes", *PARTS, *_words())), None)
        if unknown is not None:
            return Refused(command=command, reason=Bad.NO_SUCH_WORD, word=cut(unknown))
        return Reset(is_all=True, is_confirmed=names[-1] == "yes")
    keys: frozenset[str] = frozenset()
    parts: frozenset[str] = frozenset()
    for name, word in zip(names, split_words(words), strict=True):
        if name in PARTS:
            parts |= {name}
        elif name in _words():
            keys |= _words()[name]
        else:
            return Refused(command=command, reason=Bad.NO_SUCH_WORD, word=cut(word))
    return Reset(keys=keys, parts=parts)


def reset(request: Reset, now: CommandContext) -> Outcome:
    after = _without(now.overrides, request)
    lost = differences(now.own, now.with_overrides(after))
    if not lost:
        return _shown(now)
    if request.is_all and not request.is_confirmed:
        return ConfirmAsked(command="reset", action="/reset all", losses=lost)
    would_be = now.would_be(after)
    if request.is_all or request.parts:
        told = in_force(now.audience, would_be) or lost
        return StateChange(own=now.with_overrides(after), reply=Changed(differences=told, is_reset=True))
    changes = tuple(
        number_change(setting.key, now.settings, would_be.settings)
        for setting in SETTINGS
        if setting.key in request.keys and setting.key in now.overrides.numbers_in_force
    )
    return StateChange(own=now.with_overrides(after), reply=NumbersChanged(changes=changes, is_reset=True))


def _shown(now: CommandContext) -> OverridesShown:
    overridden = now.overrides.numbers_in_force
    lost = differences(replace(now.own, overrides=Overrides()), now.own)
    return OverridesShown(
        changes=tuple(number_change(s.key, now.base, now.settings) for s in SETTINGS if s.key in overridden),
        others=tuple(other for other in lost if other.symbol or other.key not in overridden),
    )


def _without(overrides: Overrides, request: Reset) -> Overrides:
    if request.is_all:  # but for the route: that it is a destination at all is not a matter of taste
        return Overrides(kinds=overrides.kinds, is_silent=overrides.is_silent)
    kept = overrides.without_numbers(request.keys)
    gone: dict[str, Any] = dict.fromkeys(request.parts)
    return replace(kept, **gone)


def _words() -> dict[str, frozenset[str]]:
    return {command.removeprefix("set_"): keys for command, keys in _KEYS.items()}
