"""The form of state.json. Reading is all or nothing: one wrong value, and the file as a whole is damaged.

Version 2 holds several destinations; versions before it, and files without one, held the main destination only.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, TypeVar

import msgspec
from msgspec import UNSET, UnsetType

from altmonitor.core.errors import NewerSchemaError
from altmonitor.settings.audience import Overrides
from altmonitor.settings.settings import SETTING_OF, Numbers
from altmonitor.settings.state import DestinationOverrides, State
from altmonitor.storage.condition_format import SavedCondition, condition_of, condition_row
from altmonitor.storage.overrides_format import (
    SavedOverrides,
    StateDamaged,
    destination_named,
    muted_of,
    numbers_of,
    overrides_of,
    overrides_row,
    symbol_of,
)

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
    """Raises StateDamaged, or NewerSchemaError for a version beyond ours."""
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
    """Raises StateDamaged."""
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
    """The row, and the numbers that stood beside it. Raises StateDamaged."""
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
