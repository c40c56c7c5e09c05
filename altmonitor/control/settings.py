"""Live settings: what the detectors obey now. Changed only by commands, kept in state.json as overrides.

`SETTINGS` is the one table of what the chat can set: commands, validation, state.json, `/status` and help read it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from types import MappingProxyType


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """A frozen value; a change makes a new one and the reference is swapped.

    Percent are percent (3.0 = 3 %). A threshold of 0 (oi_surge_*, move_*, vol_burst_mult, *_usd*) switches that part off.
    watchlist: empty means every symbol. muted: symbol → unix second it ends, None = for good. Muted beats watched.
    of_symbol: symbol → the settings in force for it alone, where it has thresholds of its own; read by `for_symbol`.
    """

    pump_threshold: float = 3.0
    dump_threshold: float = -3.0
    oi_surge_1m: float = 3.0
    oi_surge_5m: float = 6.0
    vol_burst_mult: float = 5.0
    cooldown_sec: int = 180
    move_5m_pct: float = 0.0  # size of a move over 5 minutes, either direction
    move_15m_pct: float = 0.0
    watchlist: frozenset[str] = frozenset()
    muted: Mapping[str, int | None] = field(default_factory=lambda: MappingProxyType({}))
    # set by the environment only
    vol_burst_lookback: int = 20
    vol_burst_min_usdt: float = 50_000.0
    oi_min_usd: float = 1_000_000.0
    min_24h_usdt: float = 0.0
    rolling: bool = True
    of_symbol: Mapping[str, Settings] = field(default_factory=lambda: MappingProxyType({}))

    def for_symbol(self, symbol: str) -> Settings:
        return self.of_symbol.get(symbol, self) if self.of_symbol else self

    def is_muted(self, symbol: str, now_s: float) -> bool:
        if symbol not in self.muted:
            return False
        until_s = self.muted[symbol]
        return until_s is None or now_s < until_s

    def is_watched(self, symbol: str) -> bool:
        return not self.watchlist or symbol in self.watchlist


class Unit(Enum):
    """How a setting is written; the value holds the suffixes a person may type behind the number."""

    PERCENT = ("%", "％")
    MULTIPLE = ("x", "×")
    SECONDS = ("s",)

    @property
    def suffixes(self) -> tuple[str, ...]:
        suffixes: tuple[str, ...] = self.value
        return suffixes


class Sign(Enum):
    """What a typed sign means."""

    DROPPED = "stored as the absolute value"
    NEGATED = "stored as minus the absolute value"
    OFF_BELOW_ZERO = "anything below zero switches off"
    REFUSED = "a negative number is out of range"


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One number the chat can set.

    key: its name in state.json and in `Settings`; also the key of its texts. variable: the environment's name.
    low, high: inclusive bounds of the absolute value. has_off: 0 switches it off.
    """

    key: str
    variable: str
    command: str
    unit: Unit
    low: float
    high: float
    sign: Sign = Sign.REFUSED
    has_off: bool = False
    is_whole: bool = False

    def stored(self, typed: float) -> float | int | None:
        """What a typed number is kept as; None when it is out of range."""
        if not math.isfinite(typed):
            return None
        size = abs(typed) if self.sign in (Sign.DROPPED, Sign.NEGATED) else typed
        if self.sign is Sign.OFF_BELOW_ZERO:
            size = max(0.0, size)
        if self.has_off and size == 0:
            return 0.0
        if not self.low <= size <= self.high or (self.is_whole and size != int(size)):
            return None
        if self.is_whole:
            return int(size)
        return -size if self.sign is Sign.NEGATED else size

    def accepts(self, value: object) -> bool:
        """True for a value that `stored` could have given: what may stand in state.json."""
        if isinstance(value, bool) or not isinstance(value, int if self.is_whole else (int, float)):
            return False
        try:
            return self.stored(value) == value
        except OverflowError:  # an int beyond every float
            return False

    def of(self, settings: Settings) -> float:
        value = getattr(settings, self.key)
        if not isinstance(value, int | float):
            raise TypeError(self.key)
        return value


SETTINGS: tuple[Setting, ...] = (
    Setting(
        key="pump_threshold",
        variable="PUMP_THRESHOLD",
        command="set_pump",
        unit=Unit.PERCENT,
        low=0.1,
        high=100,
        sign=Sign.DROPPED,
    ),
    Setting(
        key="dump_threshold",
        variable="DUMP_THRESHOLD",
        command="set_dump",
        unit=Unit.PERCENT,
        low=0.1,
        high=100,
        sign=Sign.NEGATED,
    ),
    Setting(
        key="oi_surge_1m",
        variable="OI_SURGE_PCT_1M",
        command="set_oi",
        unit=Unit.PERCENT,
        low=0.1,
        high=1000,
        sign=Sign.OFF_BELOW_ZERO,
        has_off=True,
    ),
    Setting(
        key="oi_surge_5m",
        variable="OI_SURGE_PCT_5M",
        command="set_oi",
        unit=Unit.PERCENT,
        low=0.1,
        high=1000,
        sign=Sign.OFF_BELOW_ZERO,
        has_off=True,
    ),
    Setting(
        key="vol_burst_mult",
        variable="VOL_BURST_MULT",
        command="set_vol",
        unit=Unit.MULTIPLE,
        low=1,
        high=1000,
        has_off=True,
    ),
    Setting(
        key="cooldown_sec",
        variable="COOLDOWN_SEC",
        command="cooldown",
        unit=Unit.SECONDS,
        low=0,
        high=86_400,
        is_whole=True,
    ),
)

SETTING_OF: Mapping[str, Setting] = MappingProxyType({setting.key: setting for setting in SETTINGS})


@dataclass(frozen=True, slots=True, kw_only=True)
class Overrides:
    """What commands changed, and nothing else. `numbers`: key of `SETTINGS` → value; absent: the environment's."""

    numbers: Mapping[str, float | int] = field(default_factory=lambda: MappingProxyType({}))
    watchlist: frozenset[str] = frozenset()
    muted: Mapping[str, int | None] = field(default_factory=lambda: MappingProxyType({}))

    def with_numbers(self, changed: Mapping[str, float | int]) -> Overrides:
        return replace(self, numbers=MappingProxyType({**self.numbers, **changed}))

    def without_numbers(self, keys: frozenset[str]) -> Overrides:
        kept = {key: value for key, value in self.numbers.items() if key not in keys}
        return replace(self, numbers=MappingProxyType(kept))

    def over(self, base: Settings) -> Settings:
        """The settings in force: `base` is what the environment says."""
        for key, value in self.numbers.items():
            if key not in SETTING_OF or not SETTING_OF[key].accepts(value):
                raise ValueError(f"{key}={value!r}")
        numbers = {key: value if SETTING_OF[key].is_whole else value + 0.0 for key, value in self.numbers.items()}
        merged: Settings = replace(
            base,
            watchlist=self.watchlist,
            muted=MappingProxyType(dict(self.muted)),
            **numbers,  # type: ignore[arg-type]  # keys and types were checked above
        )
        return merged


class SettingsHolder:
    """The one reference to the settings in force. Whoever decides reads `current` once per decision.

    base: what the environment says; a reset goes back to it.
    """

    def __init__(self, base: Settings, overrides: Overrides | None = None) -> None:
        self.base = base
        self.overrides = overrides or Overrides()
        self.current = self.overrides.over(base)
        self._subscribers: list[Callable[[Settings], None]] = []

    def on_change(self, subscriber: Callable[[Settings], None]) -> None:
        """`subscriber` is called with the new settings, synchronously, after every swap."""
        self._subscribers.append(subscriber)

    def swap(self, overrides: Overrides) -> None:
        """Only after the overrides were saved."""
        self.current = overrides.over(self.base)
        self.overrides = overrides
        for subscriber in self._subscribers:
            subscriber(self.current)
