"""/reset: back to the environment in the main destination, to the main destination in all others."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec

from altmonitor.commands.arguments import (
    ALL_WORDS,
    YES_WORDS,
    Words,
    cut,
)
from altmonitor.commands.outcome import CommandContext, Outcome, StateChange
from altmonitor.commands.replies import (
    Bad,
    NothingToReset,
    NumbersChanged,
    OverridesShown,
    Refused,
    number_change,
)
from altmonitor.commands.replies_settings import (
    Changed,
    ConfirmAsked,
)
from altmonitor.settings.audience import Overrides
from altmonitor.settings.changes import differences, in_force
from altmonitor.settings.input import split_words
from altmonitor.settings.settings import SETTING_OF, SETTINGS
from altmonitor.settings.state import DestinationOverrides

PARTS = ("symbols", "budget", "quiet", "lang", "tz", "outcome_line")
_KEYS = {
    command: frozenset(setting.key for setting in SETTINGS if setting.command == command)
    for command in dict.fromkeys(setting.command for setting in SETTINGS)
}
RESET_WORDS = (*sorted((name.removeprefix("set_") for name in _KEYS), key=lambda name: name in _KEYS), *PARTS)
"""Thresholds first."""


class ResetArguments(msgspec.Struct, frozen=True, kw_only=True):
    """keys: of SETTINGS. parts: of PARTS. Both empty and not is_all: asks what differs. is_confirmed: `all yes`."""

    keys: frozenset[str] = frozenset()
    parts: frozenset[str] = frozenset()
    is_all: bool = False
    is_confirmed: bool = False


def read_reset(command: str, words: Words) -> ResetArguments | Refused:
    names = [word.lower().lstrip("/").removeprefix("set_") for word in split_words(words)]
    names = ["all" if name in ALL_WORDS else "yes" if name in YES_WORDS else name for name in names]
    if "all" in names:
        unknown = next((name for name in names if name not in ("all", "yes", *PARTS, *_words())), None)
        if unknown is not None:
            return Refused(command=command, reason=Bad.NO_SUCH_WORD, word=cut(unknown))
        return ResetArguments(is_all=True, is_confirmed=names[-1] == "yes")
    keys: frozenset[str] = frozenset()
    parts: frozenset[str] = frozenset()
    for name, word in zip(names, split_words(words), strict=True):
        if name in PARTS:
            parts |= {name}
        elif name in _words():
            keys |= _words()[name]
        else:
            return Refused(command=command, reason=Bad.NO_SUCH_WORD, word=cut(word))
    return ResetArguments(keys=keys, parts=parts)


def reset(request: ResetArguments, now: CommandContext) -> Outcome:
    after = _without(now.overrides, request)
    lost = differences(now.own, now.with_overrides(after))
    if not lost and (request.keys or request.parts):
        return NothingToReset(keys=tuple(s.key for s in SETTINGS if s.key in request.keys), parts=_in_order(request))
    if not lost:
        return _shown(now)
    if request.is_all and not request.is_confirmed:
        told = in_force(now.audience, now.would_be(after))
        return ConfirmAsked(command="reset", action="/reset all", losses=told or lost)
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
    """Only what differs from what would hold without it."""
    overridden = now.overrides.numbers_in_force
    changes = (number_change(s.key, now.base, now.settings) for s in SETTING_OF.values() if s.key in overridden)
    told = (
        *in_force(now.followed, now.audience),
        *(one for one in differences(DestinationOverrides(), now.own) if one.key == "condition"),
    )
    return OverridesShown(
        changes=tuple(change for change in changes if change.old != change.new),
        others=tuple(other for other in told if other.symbol or other.key not in overridden),
    )


def _in_order(request: ResetArguments) -> tuple[str, ...]:
    return tuple(part for part in PARTS if part in request.parts)


def _without(overrides: Overrides, request: ResetArguments) -> Overrides:
    if request.is_all:  # but for the route: that it is a destination at all is not a matter of taste
        return Overrides(kinds=overrides.kinds, is_silent=overrides.is_silent, silent_kinds=overrides.silent_kinds)
    kept = overrides.without_numbers(request.keys)
    gone: dict[str, Any] = dict.fromkeys(request.parts)
    return replace(kept, **gone)


def _words() -> dict[str, frozenset[str]]:
    return {command.removeprefix("set_"): keys for command, keys in _KEYS.items()}
