"""Thresholds: one, several, one symbol's own, a preset, a budget of alerts a day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from types import MappingProxyType
from typing import Annotated, Literal

import msgspec

from altmonitor.commands.arguments import (
    YES_WORDS,
    SymbolWord,
    Words,
    cut,
    extra,
    listed_symbols,
    named_symbols,
    one_of,
    unreadable,
    venue_among,
    window_word,
    with_units,
)
from altmonitor.commands.outcome import CommandContext, Deferred, Outcome, Queries, StateChange
from altmonitor.commands.replies import (
    Bad,
    NumbersChanged,
    Refused,
    SymbolsRefused,
    UniverseUnknown,
    number_change,
)
from altmonitor.commands.replies_settings import (
    BudgetAccepted,
    BudgetProposed,
    BudgetShown,
    BudgetUnknown,
    Changed,
    PresetsShown,
    SymbolNumbersShown,
)
from altmonitor.commands.venues import NotAtThatVenue, counted_beside
from altmonitor.core.types import Venue
from altmonitor.settings.audience import BudgetSetting
from altmonitor.settings.changes import Difference, in_force
from altmonitor.settings.input import OFF_WORDS, NotRead, read_number, read_setting, read_whole
from altmonitor.settings.presets import (
    BUDGET_MAX,
    BUDGET_MIN,
    PRESETS,
    NotEnoughHistory,
    preset_in_force,
)
from altmonitor.settings.settings import SETTING_OF, SETTINGS, Numbers, Setting

SYMBOLS_MAX = 300
_SETTING_WORDS = {
    local: word
    for word, names in {
        "pump": "памп 拉升",
        "dump": "дамп 砸盘",
        "cooldown": "пауза 冷却",
        "oi": "ои 持仓 持仓量",
        "vol": "volume объём объем 放量 成交量",
        "funding": "фандинг 资金费率",
    }.items()
    for local in names.split()
}
"""What answers in the other languages call a symbol's settings."""

_PRESET_WORDS = {name: name for name in PRESETS} | {
    **dict.fromkeys(("спокойный", "спокойно", "平静"), "calm"),
    **dict.fromkeys(("обычный", "обычно", "普通"), "normal"),
    **dict.fromkeys(("активный", "активно", "活跃"), "active"),
    **dict.fromkeys(("исходный", "первоначальный", "原始"), "original"),
}
_BACK_TO_DEFAULT = (["default"], ["по", "умолчанию"], ["默认"])


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberArguments:
    """values: (key of SETTINGS, value to be kept), in the order of the table, never empty."""

    values: tuple[tuple[str, float | int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SymbolArguments:
    """symbol: as typed, '' asks for all. key: of SETTINGS; None asks, or with value `default` means all of them."""

    symbol: SymbolWord = ""
    key: str | None = None
    value: float | int | Literal["default"] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PresetArguments:
    """name: '' asks."""

    name: Annotated[str, one_of(("", *PRESETS))] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetArguments:
    """per_day: None asks what is in force, 0 ends it. is_confirmed: with `yes` behind it. venue: that was named; only
    the main one's candles can be counted."""

    per_day: Annotated[int, msgspec.Meta(ge=0, le=BUDGET_MAX)] | None = None
    is_confirmed: bool = False
    venue: Venue | None = None


# --- for every symbol --------------------------------------------------------------------------------


def read_numbers(command: str, words: Words) -> NumberArguments | Refused:
    """One number per setting of this command; those after the first may be left out."""
    settings = [setting for setting in SETTINGS if setting.command == command]
    words = _plain_words(words)
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
    return NumberArguments(values=tuple(values))


def read_pairs(command: str, words: Words) -> NumberArguments | Refused:
    """`5m 4`, `24h 2M oi 5M`: a word of this command's settings and a value, each setting at most once."""
    settings = {setting.word: setting for setting in SETTINGS if setting.command == command}
    values: dict[str, float | int] = {}
    words = _plain_words(words)
    for name, *given in (words[at : at + 2] for at in range(0, len(words), 2)):
        setting = settings.get(name.lower()) or settings.get(window_word(name))
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
    return NumberArguments(values=tuple((s.key, values[s.key]) for s in SETTINGS if s.key in values))


def _plain_words(words: Words) -> Words:
    """`= 5`, `3 min`: signs people put between a name and its value go, units stand with their number."""
    return with_units(tuple(word for word in words if word not in ("=", ":", "→", "->")))


def set_numbers(request: NumberArguments, now: CommandContext) -> Outcome:
    overrides = now.overrides.with_numbers(dict(request.values))
    would_be = now.would_be(overrides)
    changes = tuple(number_change(key, now.settings, would_be.settings) for key, _ in request.values)
    if all(change.old == change.new for change in changes):  # confirmed, so a budget goes on
        overrides = replace(overrides, budget=now.overrides.budget)
    is_ending = now.would_be(overrides).is_budget_over and not now.audience.is_budget_over
    budget_was = now.audience.budget_per_day if is_ending else 0
    return StateChange(own=now.with_overrides(overrides), reply=NumbersChanged(changes=changes, budget_was=budget_was))


# --- for one symbol --------------------------------------------------------------------------------


def read_set(command: str, words: Words) -> SymbolArguments | Refused:
    if not words:
        return SymbolArguments()
    refused = unreadable(command, words[:1])
    if refused is not None:
        return refused
    symbol, *rest = _plain_words(words)
    of_all = _per_symbol(symbol)
    if of_all is not None and rest and read_number(rest[0].rstrip("%x×")) is not NotRead.NOT_A_NUMBER:
        return Refused(command=command, reason=Bad.NO_CONTRACT, meant=(f"/{of_all.command} {' '.join(rest)}",))
    if len(rest) > 2:
        return Refused(command=command, reason=Bad.EXTRA, word=cut(rest[2]))
    if not rest:
        return SymbolArguments(symbol=symbol)
    if [word.lower() for word in rest] in _BACK_TO_DEFAULT:
        return SymbolArguments(symbol=symbol, value="default")
    setting = _per_symbol(rest[0])
    if setting is None:
        return Refused(command=command, reason=Bad.NO_SUCH_WORD, word=cut(rest[0]))
    if len(rest) == 1:
        return Refused(command=command, reason=Bad.MISSING, setting=setting)
    if [rest[1].lower()] in _BACK_TO_DEFAULT:
        return SymbolArguments(symbol=symbol, key=setting.key, value="default")
    value = read_setting(rest[1], setting)
    if isinstance(value, NotRead):
        return Refused(command=command, reason=value, word=cut(rest[1]), setting=setting)
    return SymbolArguments(symbol=symbol, key=setting.key, value=value)


def set_symbol(request: SymbolArguments, now: CommandContext) -> Outcome:
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
    request: SymbolArguments, before: Mapping[str, Numbers], now: CommandContext
) -> tuple[str, ...] | SymbolsRefused | UniverseUnknown:
    """What is only read or taken away may be delisted meanwhile."""
    if request.value is None or request.value == "default":
        return named_symbols("set", (request.symbol,), frozenset(before), now.listed)
    return listed_symbols("set", (request.symbol,), now.listed)


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
    name = _SETTING_WORDS.get(word.lower(), word.lower())
    return next((s for s in SETTING_OF.values() if s.is_per_symbol and s.word == name), None)


# --- presets and budget --------------------------------------------------------------------------------


def read_preset(command: str, words: Words) -> PresetArguments | Refused:
    refused = extra(command, words, 1)
    if refused is not None:
        return refused
    name = _PRESET_WORDS.get(words[0].lower(), "") if words else ""
    if words and not name:
        meant = tuple(f"/{command} {known}" for known in PRESETS)
        return Refused(command=command, reason=Bad.NO_SUCH_WORD, word=cut(words[0]), meant=meant)
    return PresetArguments(name=name)


def use_preset(request: PresetArguments, now: CommandContext) -> Outcome:
    """Also ends a budget: its thresholds are replaced."""
    if not request.name:
        return PresetsShown(current=preset_in_force(now.settings))
    overrides = now.overrides.with_numbers(PRESETS[request.name])
    if now.audience.budget_per_day:
        overrides = replace(overrides, budget=BudgetSetting(per_day=0))
    after = now.would_be(overrides).settings
    changes = tuple(number_change(key, now.settings, after) for key in PRESETS[request.name])
    return StateChange(own=now.with_overrides(overrides), reply=NumbersChanged(changes=changes))


def read_budget(command: str, words: Words) -> BudgetArguments | Refused:
    words, venue = venue_among(words)
    if not words:
        return BudgetArguments(venue=venue)
    rest = [word.lower() for word in words[1:]]
    if rest and (len(rest) > 1 or rest[0] not in YES_WORDS):
        return Refused(command=command, reason=Bad.EXTRA, word=cut(words[-1]))
    if words[0].lower() in OFF_WORDS or words[0] == "0":
        return BudgetArguments(per_day=0, is_confirmed=bool(rest), venue=venue)
    number = read_whole(words[0], low=BUDGET_MIN, high=BUDGET_MAX)
    if isinstance(number, NotRead):
        return Refused(command=command, reason=number, word=cut(words[0]), low=BUDGET_MIN, high=BUDGET_MAX)
    return BudgetArguments(per_day=number, is_confirmed=bool(rest), venue=venue)


def budget(request: BudgetArguments, now: CommandContext) -> Outcome:
    if request.venue not in (None, now.main_venue):
        return NotAtThatVenue(command="budget", venue=request.venue, main=now.main_venue, about="counted")
    if request.per_day is None:
        numbers = {} if now.overrides.budget is None else now.overrides.budget.numbers
        return BudgetShown(per_day=now.audience.budget_per_day, numbers=numbers, is_over=now.audience.is_budget_over)
    if request.per_day:
        return Deferred(decide=partial(_budget, request.per_day, is_accepted=request.is_confirmed))
    if not now.audience.budget_per_day:
        return BudgetShown(per_day=0, numbers={})
    # Of its own: back to what was set by hand. Followed: a zero of its own, or it would go on being followed.
    without = replace(now.overrides, budget=None)
    if now.would_be(without).budget_per_day:
        without = replace(now.overrides, budget=BudgetSetting(per_day=0))
    told = in_force(now.audience, now.would_be(without))
    return StateChange(own=now.with_overrides(without), reply=Changed(differences=told))


async def _budget(per_day: int, now: CommandContext, queries: Queries, *, is_accepted: bool) -> Outcome:
    """Raises ValueError for a proposal with numbers out of range."""
    proposal = await queries.propose_budget(per_day, now.audience)
    if isinstance(proposal, NotEnoughHistory):
        return BudgetUnknown(missing=proposal)
    if not is_accepted:
        return BudgetProposed(proposal=proposal, beside=counted_beside(now))
    overrides = replace(now.overrides, budget=BudgetSetting(per_day=proposal.per_day, numbers=proposal.numbers))
    now.would_be(overrides)
    return StateChange(own=now.with_overrides(overrides), reply=BudgetAccepted(proposal=proposal))
