"""The form of state.json. Reading is all or nothing: one wrong value, and the file as a whole is damaged.

Version 2 holds several destinations; versions before it, and files without one, held the main destination only.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal, TypeVar

import msgspec
from msgspec import UNSET, UnsetType

from altmonitor.core.alert import DETECTED_KINDS
from altmonitor.core.errors import NewerSchemaError
from altmonitor.core.types import LANGUAGES, Destination, Venue
from altmonitor.settings.audience import QUIET_OFF, BudgetSetting, Overrides, Quiet, QuietHours
from altmonitor.settings.conditions import (
    CONDITION_METRICS,
    COOLDOWN_MIN_MAX,
    METRIC_OPERATORS,
    MOVE_WINDOWS,
    NAME_CHARS_MAX,
    USUAL_COOLDOWN_MIN,
    Condition,
    FundingCrosses,
    MetricCrosses,
    Predicate,
    PriceCrosses,
    PriceMoves,
)
from altmonitor.settings.input import spelled
from altmonitor.settings.presets import BUDGET_MAX
from altmonitor.settings.settings import EVERY_SYMBOL, SETTING_OF, VENUE_MARKS, Numbers
from altmonitor.settings.state import DestinationOverrides, State
from altmonitor.settings.zones import is_zone_name

# ---
# One destination's overrides as they stand in JSON, checked value by value on the way in.


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
    """numbers: what stood beside it. Raises Damaged."""
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
    """Those keys of `SETTINGS` that are set. Raises Damaged."""
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


# ---
# A condition as it stands in JSON, checked value by value on the way in.


TEXT_CHARS_MAX = 200


class SavedCondition(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """when: what is compared; level: price, percent, or rate; window: of a move."""

    id: int
    destination: str = msgspec.field(name="place")
    owner_id: int | None = None
    owner: str = ""
    text: str
    created: int
    symbol: str
    when: Literal["price_above", "price_below", "move", "funding_above", "funding_below", "metric"]
    level: float
    window: str = ""
    metric: str = ""
    operator: str = ""
    cooldown_min: int = USUAL_COOLDOWN_MIN
    name: str = ""
    venue: Venue | None = None


def condition_row(condition: Condition) -> SavedCondition:
    row = SavedCondition(
        id=condition.id,
        destination=str(condition.destination),
        owner_id=condition.owner_id,
        owner=condition.owner_name,
        text=condition.text,
        created=condition.created_s,
        symbol=condition.symbol,
        when="move",
        level=0.0,
        venue=condition.venue,
    )
    match condition.predicate:
        case PriceCrosses(side=side, level=level):
            row.when, row.level = ("price_above" if side == "above" else "price_below"), level
        case FundingCrosses(side=side, rate=rate):
            row.when, row.level = ("funding_above" if side == "above" else "funding_below"), rate
        case PriceMoves(window=window, pct=pct):
            row.window, row.level = window, pct
        case MetricCrosses() as asked:
            row.when, row.level, row.metric = "metric", asked.threshold, asked.metric
            row.operator, row.cooldown_min, row.name = asked.operator, asked.cooldown_min, asked.name
    return row


def condition_of(row: SavedCondition) -> Condition:
    """Raises Damaged."""
    if not 0 < row.id < 10**9 or not 0 <= row.created <= LAST_SECOND or len(row.text) > TEXT_CHARS_MAX:
        raise StateDamaged(f"condition {row.id} cannot be")
    return Condition(
        id=row.id,
        destination=destination_named(row.destination),
        owner_id=row.owner_id,
        owner_name=row.owner,
        text=row.text,
        created_s=row.created,
        symbol=symbol_of(row.symbol),
        predicate=_predicate_of(row),
        venue=row.venue,
    )


def _metric_of(row: SavedCondition) -> MetricCrosses:
    metric = next((one for one in CONDITION_METRICS if one == row.metric), None)
    operator = next((one for one in METRIC_OPERATORS if one == row.operator), None)
    is_fine = abs(row.level) < 1e15 and 0 <= row.cooldown_min <= COOLDOWN_MIN_MAX and len(row.name) <= NAME_CHARS_MAX
    if metric is None or operator is None or not is_fine:
        raise StateDamaged(f"condition {row.id} about {row.metric!r} cannot be")
    return MetricCrosses(
        metric=metric, operator=operator, threshold=row.level, cooldown_min=row.cooldown_min, name=row.name
    )


def _predicate_of(row: SavedCondition) -> Predicate:
    if row.when == "metric":
        return _metric_of(row)
    if row.when.startswith("funding"):
        if abs(row.level) > 1:
            raise StateDamaged(f"a funding rate of {row.level}")
        return FundingCrosses(side="above" if row.when == "funding_above" else "below", rate=row.level)
    if not 0 < row.level < 1e15:
        raise StateDamaged(f"a level of {row.level}")
    if row.when == "move":
        window = next((window for window in MOVE_WINDOWS if window == row.window), None)
        if window is None:
            raise StateDamaged(f"{row.window!r} is no window")
        return PriceMoves(window=window, pct=row.level)
    return PriceCrosses(side="above" if row.when == "price_above" else "below", level=row.level)


# ---


VERSION = 2
BYTES_MAX = 4_000_000
"""Six hundred symbols twice are 20 kB a destination; what is larger was not written by us."""

CONDITIONS_MAX = 10_000

_T = TypeVar("_T")


class _State(SavedOverrides, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """The file's shape: what the main destination has of its own, then the others."""

    version: int
    chats: dict[str, dict[str, Any]] = msgspec.field(default_factory=dict)
    conditions: list[SavedCondition] = msgspec.field(default_factory=list)


class _Own(SavedOverrides, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    conditions: list[SavedCondition] = msgspec.field(default_factory=list)


class _OldState(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """Version 1, and the form before there were versions; `muted` was a list then."""

    version: int | UnsetType = UNSET
    pump_threshold: float | UnsetType = UNSET
    dump_threshold: float | UnsetType = UNSET
    cooldown_sec: int | UnsetType = UNSET
    oi_surge_1m: float | UnsetType = UNSET
    oi_surge_5m: float | UnsetType = UNSET
    vol_burst_mult: float | UnsetType = UNSET
    watchlist: list[str] | UnsetType = UNSET
    muted: dict[str, int | None] | list[str] | UnsetType = UNSET


class _Version(msgspec.Struct):
    version: int = 1


def encode(state: State) -> bytes:
    """Only what was changed."""
    row = _State(version=VERSION)
    _copy(overrides_row(state.main), row)
    row.chats = {
        str(destination): _with_numbers(overrides_row(overrides), overrides.numbers)
        for destination, overrides in state.chats.items()
    }
    row.conditions = [condition_row(condition) for condition in state.conditions]
    content = msgspec.json.encode(_with_numbers(row, state.main.numbers))
    return msgspec.json.format(content, indent=1) + b"\n"


def decode(content: bytes) -> State:
    """Raises Damaged, or NewerSchemaError for a version beyond ours."""
    if len(content) > BYTES_MAX:
        raise StateDamaged(f"larger than {BYTES_MAX} bytes")
    content = content.removeprefix(b"\xef\xbb\xbf")
    version = _json(content, _Version).version
    if version > VERSION:
        raise NewerSchemaError(f"has version {version}, this altmonitor knows {VERSION}")
    if version == VERSION:
        return _current(*_read(_json(content, dict[str, Any]), _State))
    old = _json(content, _OldState)
    if version != 1:
        raise StateDamaged(f"version {version} never existed")
    return State(main=_old_overrides(old))


def encode_own(own: DestinationOverrides) -> str:
    """The same form for one destination, for the record of changes."""
    row = _Own(conditions=[condition_row(condition) for condition in own.conditions])
    _copy(overrides_row(own.overrides), row)
    return msgspec.json.encode(_with_numbers(row, own.overrides.numbers)).decode()


def decode_own(text: str) -> DestinationOverrides:
    """Raises Damaged."""
    row, numbers = _read(_json(text.encode("utf-8", "replace"), dict[str, Any]), _Own)
    return DestinationOverrides(
        overrides=overrides_of(row, numbers), conditions=tuple(condition_of(condition) for condition in row.conditions)
    )


def _current(row: _State, numbers: Mapping[str, Any]) -> State:
    chats = {destination_named(name): overrides_of(*_read(chat, SavedOverrides)) for name, chat in row.chats.items()}
    if len(chats) < len(row.chats):
        raise StateDamaged("one chat stands there twice")
    if len(row.conditions) > CONDITIONS_MAX:
        raise StateDamaged(f"more than {CONDITIONS_MAX} conditions")
    conditions = sorted((condition_of(condition) for condition in row.conditions), key=lambda condition: condition.id)
    if len({condition.id for condition in conditions}) < len(conditions):
        raise StateDamaged("two conditions have the same id")
    present = {destination: overrides for destination, overrides in chats.items() if overrides != Overrides()}
    order = sorted(present.items(), key=lambda item: (item[0].chat_id, item[0].topic_id or 0))
    main = overrides_of(row, numbers)
    return State(main=main, chats=MappingProxyType(dict(order)), conditions=tuple(conditions))


def _old_overrides(old: _OldState) -> Overrides:
    """An empty list meant then what its absence means now."""
    watchlist = [] if isinstance(old.watchlist, UnsetType) else old.watchlist
    muted: Mapping[str, int | None] | list[str] = {} if isinstance(old.muted, UnsetType) else old.muted
    return Overrides(
        numbers=numbers_of(msgspec.structs.asdict(old)),
        watchlist=frozenset(map(symbol_of, watchlist)) or None,
        muted=muted_of(muted) or None,
    )


def _copy(source: SavedOverrides, target: SavedOverrides) -> None:
    for name in SavedOverrides.__struct_fields__:
        setattr(target, name, getattr(source, name))


def _with_numbers(row: SavedOverrides, numbers: Numbers) -> dict[str, Any]:
    rest: dict[str, Any] = msgspec.to_builtins(row)
    return {**{key: numbers[key] for key in SETTING_OF if key in numbers}, **rest}


def _read(found: Mapping[str, Any], kind: type[_T]) -> tuple[_T, dict[str, Any]]:
    """The row, and the numbers that stood beside it. Raises Damaged."""
    numbers = {key: value for key, value in found.items() if key in SETTING_OF}
    try:
        return msgspec.convert({key: value for key, value in found.items() if key not in numbers}, kind), numbers
    except (msgspec.ValidationError, RecursionError) as problem:
        raise StateDamaged(str(problem)) from problem


def _json(content: bytes, kind: type[_T]) -> _T:
    try:
        return msgspec.json.decode(content, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as problem:
        raise StateDamaged(str(problem)) from problem
