"""One destination's overrides as they stand in JSON, checked value by value on the way in."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from altmonitor.core.alert import DETECTED_KINDS
from altmonitor.core.types import LANGUAGES, Destination
from altmonitor.settings.audience import QUIET_OFF, BudgetSetting, Overrides, Quiet, QuietHours
from altmonitor.settings.input import spelled
from altmonitor.settings.presets import BUDGET_MAX
from altmonitor.settings.settings import EVERY_SYMBOL, SETTING_OF, VENUE_MARKS, Numbers
from altmonitor.settings.zones import is_zone_name

LAST_SECOND = 253_402_300_799  # the last of the year 9999: later moments cannot be shown as a date
SYMBOL_CHARS_MAX = 64


class StateDamaged(Exception):
    """Not what we write; `str()` says what is wrong with it."""


class SavedBudget(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    per_day: int
    thresholds: dict[str, float] = {}
    is_over: bool = False


class SavedOverrides(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """Absent: nothing of its own. Numbers stand beside these under the keys of `SETTINGS`."""

    watchlist: list[str] | UnsetType = UNSET
    muted: dict[str, int | None] | list[str] | UnsetType = UNSET
    symbols: dict[str, dict[str, float]] | UnsetType = UNSET
    kinds: list[str] | UnsetType = UNSET
    silent: bool | list[str] | UnsetType = UNSET
    quiet: str | UnsetType = UNSET
    lang: str | UnsetType = UNSET
    tz: str | UnsetType = UNSET
    budget: SavedBudget | UnsetType = UNSET
    outcome_line: bool | UnsetType = UNSET


def overrides_row(own: Overrides) -> SavedOverrides:
    row = SavedOverrides()
    if own.watchlist is not None:
        row.watchlist = sorted(own.watchlist)
    if own.muted is not None:
        row.muted = dict(sorted(own.muted.items()))
    if own.symbols is not None:
        row.symbols = {symbol: dict(numbers) for symbol, numbers in sorted(own.symbols.items())}
    if own.kinds is not None:
        row.kinds = [kind for kind in DETECTED_KINDS if kind in own.kinds]
    if own.is_silent is not None:
        silent: list[str] = [kind for kind in DETECTED_KINDS if kind in (own.silent_kinds or ())]
        row.silent = silent or own.is_silent
    if own.quiet is not None:
        row.quiet = str(own.quiet)
    if own.lang is not None:
        row.lang = own.lang
    if own.tz is not None:
        row.tz = own.tz
    if own.budget is not None:
        row.budget = SavedBudget(
            per_day=own.budget.per_day, thresholds=dict(own.budget.numbers), is_over=own.budget.is_over
        )
    if own.outcome_line is not None:
        row.outcome_line = own.outcome_line
    return row


def overrides_of(row: SavedOverrides, numbers: Mapping[str, Any]) -> Overrides:
    """numbers: what stood beside it. Raises StateDamaged."""
    return Overrides(
        numbers=numbers_of(numbers),
        watchlist=None if isinstance(row.watchlist, UnsetType) else frozenset(map(symbol_of, row.watchlist)),
        muted=None if isinstance(row.muted, UnsetType) else muted_of(row.muted),
        symbols=None if isinstance(row.symbols, UnsetType) else _symbols_of(row.symbols),
        kinds=None if isinstance(row.kinds, UnsetType) else frozenset(_kind_of(kind) for kind in row.kinds),
        is_silent=None if isinstance(row.silent, UnsetType) else row.silent is True,
        silent_kinds=frozenset(map(_kind_of, row.silent)) or None if isinstance(row.silent, list) else None,
        quiet=None if isinstance(row.quiet, UnsetType) else quiet_of(row.quiet),
        lang=None if isinstance(row.lang, UnsetType) else _lang_of(row.lang),
        tz=None if isinstance(row.tz, UnsetType) else _zone_of(row.tz),
        budget=None if isinstance(row.budget, UnsetType) else _budget_of(row.budget),
        outcome_line=None if isinstance(row.outcome_line, UnsetType) else row.outcome_line,
    )


def numbers_of(given: Mapping[str, Any]) -> Numbers:
    """Those keys of `SETTINGS` that are set. Raises StateDamaged."""
    numbers: dict[str, float | int] = {}
    for key, setting in SETTING_OF.items():
        value = given.get(key, UNSET)
        if isinstance(value, UnsetType):
            continue
        if setting.is_whole and isinstance(value, float) and value.is_integer():
            value = int(value)  # inside `symbols` and `budget` all numbers are read as floats
        if not setting.accepts(value):
            raise StateDamaged(f"{key} is {value!r}, which is out of range")
        numbers[key] = value if setting.is_whole else float(value)
    return MappingProxyType(numbers)


def muted_of(given: Mapping[str, int | None] | list[str]) -> Mapping[str, int | None]:
    muted: Mapping[str, int | None] = dict.fromkeys(given) if isinstance(given, list) else given
    for until_s in muted.values():
        if until_s is not None and not 0 <= until_s <= LAST_SECOND:
            raise StateDamaged(f"muted until {until_s}, which is no unix second")
    return MappingProxyType(
        {
            name if name == EVERY_SYMBOL or name in VENUE_MARKS else symbol_of(name): until_s
            for name, until_s in muted.items()
        }
    )


def symbol_of(name: str) -> str:
    """Hand-written `sol` means SOLUSDT here too."""
    symbol = spelled(name)
    if not symbol or len(name) > SYMBOL_CHARS_MAX or not name.isprintable():
        raise StateDamaged(f"{name[:SYMBOL_CHARS_MAX]!r} is no symbol")
    return symbol


def destination_named(text: str) -> Destination:
    try:
        return Destination.parse(text)
    except ValueError as problem:
        raise StateDamaged(f"{text[:40]!r} is no chat") from problem


def quiet_of(text: str) -> Quiet:
    if text == QUIET_OFF:
        return QUIET_OFF
    try:
        begin, end = (_minute(part) for part in text.split("-"))
    except ValueError as problem:
        raise StateDamaged(f"{text[:40]!r} are no quiet hours") from problem
    if begin == end:
        raise StateDamaged(f"{text!r} are no quiet hours")
    return QuietHours(begin_minute=begin, end_minute=end)


def _minute(text: str) -> int:
    hours, minutes = text.split(":")
    if not (len(hours) == len(minutes) == 2 and (hours + minutes).isascii() and (hours + minutes).isdigit()):
        raise ValueError(text)
    if int(hours) > 23 or int(minutes) > 59:
        raise ValueError(text)
    return int(hours) * 60 + int(minutes)


def _symbols_of(given: Mapping[str, Mapping[str, float]]) -> Mapping[str, Numbers]:
    for numbers in given.values():
        unknown = [key for key in numbers if key not in SETTING_OF or not SETTING_OF[key].is_per_symbol]
        if unknown or not numbers:
            raise StateDamaged(f"{unknown[0][:40] if unknown else ''!r} cannot be set for one symbol")
    return MappingProxyType({symbol_of(name): numbers_of(numbers) for name, numbers in sorted(given.items())})


def _kind_of(text: str) -> Any:
    if text not in DETECTED_KINDS:
        raise StateDamaged(f"{text[:40]!r} is no kind of alert")
    return text


def _lang_of(text: str) -> str:
    if text not in LANGUAGES:
        raise StateDamaged(f"{text[:40]!r} is no language")
    return text


def _zone_of(text: str) -> str:
    if not is_zone_name(text) and text != "UTC":
        raise StateDamaged(f"{text[:40]!r} is no time zone")
    return text


def _budget_of(row: SavedBudget) -> BudgetSetting:
    unknown = [key for key in row.thresholds if key not in SETTING_OF]
    if unknown or not 0 <= row.per_day <= BUDGET_MAX:
        raise StateDamaged(f"a budget of {row.per_day} with {unknown}")
    return BudgetSetting(per_day=row.per_day, numbers=numbers_of(row.thresholds), is_over=row.is_over)
