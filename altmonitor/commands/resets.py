"""/reset: back to what is followed – the environment for the main destination, the main destination for all others."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from altmonitor.commands.arguments import Words, cut
from altmonitor.commands.outcome import Change, Outcome, Situation
from altmonitor.commands.replies import Bad, NumbersChanged, OverridesShown, Refused
from altmonitor.commands.replies_settings import Changed, ConfirmAsked
from altmonitor.commands.settings import number_change
from altmonitor.settings.differences import differences, in_force
from altmonitor.settings.overrides import Overrides
from altmonitor.settings.settings import SETTINGS
from altmonitor.settings.symbols import split_words

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


def reset(request: Reset, now: Situation) -> Outcome:
    after = _without(now.overrides, request)
    lost = differences(now.own, now.with_overrides(after))
    if not lost:
        return _shown(now)
    if request.is_all and not request.is_confirmed:
        return ConfirmAsked(command="reset", action="/reset all", losses=lost)
    would_be = now.would_be(after)
    if request.is_all or request.parts:
        told = in_force(now.audience, would_be) or lost
        return Change(own=now.with_overrides(after), reply=Changed(differences=told, is_reset=True))
    changes = tuple(
        number_change(setting.key, now.settings, would_be.settings)
        for setting in SETTINGS
        if setting.key in request.keys and setting.key in now.overrides.numbers_in_force
    )
    return Change(own=now.with_overrides(after), reply=NumbersChanged(changes=changes, is_reset=True))


def _shown(now: Situation) -> OverridesShown:
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
