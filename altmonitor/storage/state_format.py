"""The form of state.json. Reading is all or nothing: one wrong value, and the file as a whole is damaged.

Version 2 holds several destinations; versions before it, and files without one, held the main destination only.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TypeVar

import msgspec
from msgspec import UNSET, UnsetType

from altmonitor.core.errors import NewerSchemaError
from altmonitor.settings.overrides import Overrides
from altmonitor.settings.state import Own, State
from altmonitor.storage.condition_rows import ConditionRow, condition_of, condition_row
from altmonitor.storage.state_rows import (
    Damaged,
    OverridesRow,
    muted_of,
    numbers_of,
    overrides_of,
    overrides_row,
    place_of,
    symbol_of,
)

__all__ = ["BYTES_MAX", "VERSION", "Damaged", "decode", "decode_own", "encode", "encode_own"]

VERSION = 2
BYTES_MAX = 4_000_000
"""Six hundred symbols twice are 20 kB a destination; what is larger was not written by us."""

CONDITIONS_MAX = 10_000

_T = TypeVar("_T")


class _State(OverridesRow, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """The file's shape: what the main destination has of its own, then the others."""

    version: int
    chats: dict[str, OverridesRow] = msgspec.field(default_factory=dict)
    conditions: list[ConditionRow] = msgspec.field(default_factory=list)


class _Own(OverridesRow, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    conditions: list[ConditionRow] = msgspec.field(default_factory=list)


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
    row.chats = {str(place): overrides_row(overrides) for place, overrides in state.chats.items()}
    row.conditions = [condition_row(condition) for condition in state.conditions]
    return msgspec.json.format(msgspec.json.encode(row), indent=1) + b"\n"


def decode(content: bytes) -> State:
    """Raises Damaged, or NewerSchemaError for a version beyond ours."""
    if len(content) > BYTES_MAX:
        raise Damaged(f"larger than {BYTES_MAX} bytes")
    content = content.removeprefix(b"\xef\xbb\xbf")
    version = _json(content, _Version).version
    if version > VERSION:
        raise NewerSchemaError(f"has version {version}, this altmonitor knows {VERSION}")
    if version == VERSION:
        return _current(_json(content, _State))
    old = _json(content, _OldState)
    if version != 1:
        raise Damaged(f"version {version} never existed")
    return State(main=_old_overrides(old))


def encode_own(own: Own) -> str:
    """The same form for one destination, for the record of changes."""
    row = _Own(conditions=[condition_row(condition) for condition in own.conditions])
    _copy(overrides_row(own.overrides), row)
    return msgspec.json.encode(row).decode()


def decode_own(text: str) -> Own:
    """Raises Damaged."""
    row = _json(text.encode("utf-8", "replace"), _Own)
    return Own(overrides=overrides_of(row), conditions=tuple(condition_of(condition) for condition in row.conditions))


def _current(row: _State) -> State:
    chats = {place_of(name): overrides_of(chat) for name, chat in row.chats.items()}
    if len(chats) < len(row.chats):
        raise Damaged("one chat stands there twice")
    if len(row.conditions) > CONDITIONS_MAX:
        raise Damaged(f"more than {CONDITIONS_MAX} conditions")
    conditions = sorted((condition_of(condition) for condition in row.conditions), key=lambda condition: condition.id)
    if len({condition.id for condition in conditions}) < len(conditions):
        raise Damaged("two conditions have the same id")
    present = {place: overrides for place, overrides in chats.items() if overrides != Overrides()}
    order = sorted(present.items(), key=lambda item: (item[0].chat_id, item[0].topic_id or 0))
    return State(main=overrides_of(row), chats=MappingProxyType(dict(order)), conditions=tuple(conditions))


def _old_overrides(old: _OldState) -> Overrides:
    """An empty list meant then what its absence means now."""
    watchlist = [] if isinstance(old.watchlist, UnsetType) else old.watchlist
    muted: Mapping[str, int | None] | list[str] = {} if isinstance(old.muted, UnsetType) else old.muted
    return Overrides(
        numbers=numbers_of(msgspec.structs.asdict(old)),
        watchlist=frozenset(map(symbol_of, watchlist)) or None,
        muted=muted_of(muted) or None,
    )


def _copy(source: OverridesRow, target: OverridesRow) -> None:
    for name in OverridesRow.__struct_fields__:
        setattr(target, name, getattr(source, name))


def _json(content: bytes, kind: type[_T]) -> _T:
    try:
        return msgspec.json.decode(content, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as problem:
        raise Damaged(str(problem)) from problem
