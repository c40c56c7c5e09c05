"""The form of state.json. Reading is all or nothing: one wrong value, and the file as a whole is damaged."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TypeVar

import msgspec
from msgspec import UNSET, UnsetType

from altmonitor.control.settings import SETTING_OF, Overrides
from altmonitor.control.symbols import spelled
from altmonitor.errors import NewerSchemaError

VERSION = 1
BYTES_MAX = 1_000_000
"""Six hundred symbols twice are 20 kB; what is larger was not written by us."""

LAST_SECOND = 253_402_300_799  # the last of the year 9999: later mutes cannot be shown as a date

_T = TypeVar("_T")


class _State(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """The file's shape. Version absent: written before there were versions; `muted` was a list then."""

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
    version: int = VERSION


class Damaged(Exception):
    """Not what we write; `str()` says what is wrong with it."""


def encode(overrides: Overrides) -> bytes:
    """Only what was changed."""
    state = _State(version=VERSION)
    for key, value in overrides.numbers.items():
        setattr(state, key, value)
    if overrides.watchlist:
        state.watchlist = sorted(overrides.watchlist)
    if overrides.muted:
        state.muted = dict(sorted(overrides.muted.items()))
    return msgspec.json.format(msgspec.json.encode(state), indent=1) + b"\n"


def decode(content: bytes) -> Overrides:
    """Raises Damaged, or NewerSchemaError for a version beyond ours."""
    if len(content) > BYTES_MAX:
        raise Damaged(f"larger than {BYTES_MAX} bytes")
    content = content.removeprefix(b"\xef\xbb\xbf")
    version = _json(content, _Version).version
    if version > VERSION:
        raise NewerSchemaError(f"has version {version}, this altmonitor knows {VERSION}")
    state = _json(content, _State)
    if version != VERSION:
        raise Damaged(f"version {version} never existed")
    return Overrides(
        numbers=_numbers(state),
        watchlist=frozenset(_symbol(name) for name in _given(state.watchlist, [])),
        muted=_muted(state.muted),
    )


def _json(content: bytes, kind: type[_T]) -> _T:
    try:
        return msgspec.json.decode(content, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as problem:
        raise Damaged(str(problem)) from problem


def _given(value: _T | UnsetType, default: _T) -> _T:
    return default if isinstance(value, UnsetType) else value


def _numbers(state: _State) -> Mapping[str, float | int]:
    numbers: dict[str, float | int] = {}
    for key, setting in SETTING_OF.items():
        value = getattr(state, key)
        if isinstance(value, UnsetType):
            continue
        if not setting.accepts(value):
            raise Damaged(f"{key} is {value!r}, which is out of range")
        numbers[key] = value
    return MappingProxyType(numbers)


def _muted(given: dict[str, int | None] | list[str] | UnsetType) -> Mapping[str, int | None]:
    muted: dict[str, int | None] = dict.fromkeys(given) if isinstance(given, list) else _given(given, {})
    for until_s in muted.values():
        if until_s is not None and not 0 <= until_s <= LAST_SECOND:
            raise Damaged(f"muted until {until_s}, which is no unix second")
    return MappingProxyType({_symbol(name): until_s for name, until_s in muted.items()})


def _symbol(name: str) -> str:
    """Hand-written `sol` means SOLUSDT here too."""
    symbol = spelled(name)
    if not symbol or len(name) > 64 or not name.isprintable():
        raise Damaged(f"{name[:64]!r} is no symbol")
    return symbol
