"""Thresholds beyond the five plain ones: windows, floors, one symbol's own, presets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Literal

from altmonitor.commands.arguments import SetNumbers, Words, cut, unreadable
from altmonitor.commands.outcome import CommandContext, Outcome, StateChange
from altmonitor.commands.replies import Bad, NumbersChanged, Refused, SymbolsRefused, UniverseUnknown
from altmonitor.commands.replies_settings import Changed, PresetsShown, SymbolNumbersShown
from altmonitor.commands.settings import listed_symbols, named_symbols, number_change
from altmonitor.settings.audience import BudgetSetting
from altmonitor.settings.changes import Difference
from altmonitor.settings.input import NotRead, read_setting
from altmonitor.settings.presets import PRESETS, preset_in_force
from altmonitor.settings.settings import SETTING_OF, SETTINGS, Numbers, Setting

SYMBOLS_MAX = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class SetSymbol:
    """symbol: as typed, '' asks for all. key: of SETTINGS; None asks, or with value `default` means all of them."""

    symbol: str = ""
    key: str | None = None
    value: float | int | Literal["default"] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UsePreset:
    """name: '' asks."""

    name: str = ""


def read_pairs(command: str, words: Words) -> SetNumbers | Refused:
    """`5m 4`, `24h 2M oi 5M`: a word of this command's settings and a value, each setting at most once."""
    settings = {setting.word: setting for setting in SETTINGS if setting.command == command}
    values: dict[str, float | int] = {}
    for name, *given in (words[at : at + 2] for at in range(0, len(words), 2)):
        setting = settings.get(name.lower())
        if setting is None:
            return Refused(command=command, reason=Bad.NO_SUCH_WORD, word=cut(name))
        if setting.key in values:
            return Refused(command=command, reason=Bad.TWICE, word=cut(name))
        if not given:
            return Refused(command=command, reason=Bad.MISSING, setting=setting)
        value = read_setting(given[0], setting)
        if isinstance(value, NotRead):
            return Refused(command=command, reason=value, word=cut(given[0]), setting=setting)
        values[setting.key] = value
    if not values:
        return Refused(command=command, reason=Bad.MISSING)
    return SetNumbers(values=tuple((s.key, values[s.key]) for s in SETTINGS if s.key in values))


def read_set(command: str, words: Words) -> SetSymbol | Refused:
    if not words:
        return SetSymbol()
    refused = unreadable(command, words[:1])
    if refused is not None:
        return refused
    symbol, *rest = words
    if len(rest) > 2:
        return Refused(command=command, reason=Bad.EXTRA, word=cut(rest[2]))
    if not rest:
        return SetSymbol(symbol=symbol)
    if rest == ["default"]:
        return SetSymbol(symbol=symbol, value="default")
    setting = _per_symbol(rest[0])
    if setting is None:
        return Refused(command=command, reason=Bad.NO_SUCH_WORD, word=cut(rest[0]))
    if len(rest) == 1:
        return Refused(command=command, reason=Bad.MISSING, setting=setting)
    if rest[1].lower() == "default":
        return SetSymbol(symbol=symbol, key=setting.key, value="default")
    value = read_setting(rest[1], setting)
    if isinstance(value, NotRead):
        return Refused(command=command, reason=value, word=cut(rest[1]), setting=setting)
    return SetSymbol(symbol=symbol, key=setting.key, value=value)


def set_symbol(request: SetSymbol, now: CommandContext) -> Outcome:
    before = _own_numbers(now)
    if not request.symbol:
        return SymbolNumbersShown(rows=before)
    found = _found(request, before, now)
    if not isinstance(found, tuple):
        return found
    symbol = found[0]
    own = dict(before.get(symbol, {}))
    if request.value is None:
        return SymbolNumbersShown(rows={symbol: own} if own else {}, symbol=symbol)
    if request.value != "default" and request.key is not None:
        own[request.key] = request.value
    elif request.key is None:
        own = {}
    else:
        own.pop(request.key, None)
    return _symbol_changed(now, symbol, own)


def _found(
    request: SetSymbol, before: Mapping[str, Numbers], now: CommandContext
) -> tuple[str, ...] | SymbolsRefused | UniverseUnknown:
    """What is only read or taken away may be delisted meanwhile."""
    if request.value is None or request.value == "default":
        return named_symbols("set", (request.symbol,), frozenset(before), now.listed)
    return listed_symbols("set", (request.symbol,), now.listed)


def read_preset(command: str, words: Words) -> UsePreset | Refused:
    if len(words) > 1:
        return Refused(command=command, reason=Bad.EXTRA, word=cut(words[1]))
    name = words[0].lower() if words else ""
    if name and name not in PRESETS:
        return Refused(command=command, reason=Bad.NO_SUCH_WORD, word=cut(words[0]))
    return UsePreset(name=name)


def use_preset(request: UsePreset, now: CommandContext) -> Outcome:
    """Also ends a budget: its thresholds are replaced."""
    if not request.name:
        return PresetsShown(current=preset_in_force(now.settings))
    overrides = now.overrides.with_numbers(PRESETS[request.name])
    if now.audience.budget_per_day:
        overrides = replace(overrides, budget=BudgetSetting(per_day=0))
    after = now.would_be(overrides).settings
    changes = tuple(number_change(key, now.settings, after) for key in PRESETS[request.name])
    return StateChange(own=now.with_overrides(overrides), reply=NumbersChanged(changes=changes))


def _symbol_changed(now: CommandContext, symbol: str, own: Numbers) -> Outcome:
    before = _own_numbers(now)
    was = before.get(symbol, {})
    differs = tuple(
        Difference(key=setting.key, old=was.get(setting.key), new=own.get(setting.key), symbol=symbol)
        for setting in SETTINGS
        if was.get(setting.key) != own.get(setting.key)
    )
    if not differs:
        return SymbolNumbersShown(rows={symbol: own} if own else {}, symbol=symbol)
    after = {name: numbers for name, numbers in before.items() if name != symbol}
    if own:
        after[symbol] = MappingProxyType(dict(own))
    if len(after) > SYMBOLS_MAX:
        return Refused(command="set", reason=Bad.TOO_MANY, word=symbol, low=0, high=SYMBOLS_MAX)
    overrides = replace(now.overrides, symbols=MappingProxyType(dict(sorted(after.items()))))
    return StateChange(own=now.with_overrides(overrides), reply=Changed(differences=differs))


def _own_numbers(now: CommandContext) -> Mapping[str, Numbers]:
    """Symbols with numbers of their own, as in force here: those followed count as long as there are none here."""
    if now.overrides.symbols is not None:
        return now.overrides.symbols
    return {} if now.is_main else now.state.main.symbols or {}


def _per_symbol(word: str) -> Setting | None:
    return next((s for s in SETTING_OF.values() if s.is_per_symbol and s.word == word.lower()), None)
