"""Live settings: what the detectors obey now. Changed only by commands, kept in state.json as overrides (overrides.py).

`SETTINGS` is the one table of what the chat can set: commands, validation, state.json, `/status` and help read it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType

from altmonitor.core.types import VENUE_NAMES, Venue

Numbers = Mapping[str, float | int]
"""Key of `SETTINGS` → value as it is kept."""

EVERY_SYMBOL = "*"
"""Stands in `Settings.muted` for all contracts, also those that are listed later."""


def venue_mark(venue: Venue) -> str:
    """Stands there for everything that happens at one venue."""
    return f"@{venue}"


VENUE_MARKS: Mapping[str, Venue] = MappingProxyType({venue_mark(venue): venue for venue in VENUE_NAMES})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """A frozen value; a change makes a new one and the reference is swapped.

    Percent are percent (3.0 = 3 %). A threshold of 0 (oi_surge_*, move_*, funding_*, vol_burst_mult, *_usd*) switches
    it off.
    watchlist: empty means every symbol. muted: symbol (or `EVERY_SYMBOL`) → unix second it ends, None = for good. Muted
        beats watched.
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
    funding_extreme_pct: float = 0.0  # size of a rate per 8 hours, either direction
    liquidations_usd: float = 0.0  # of one side within a minute
    basis_extreme_pct: float = 0.0  # size of the distance between mark and index, either direction
    watchlist: frozenset[str] = frozenset()
    muted: Mapping[str, int | None] = field(default_factory=lambda: MappingProxyType({}))
    vol_burst_min_usdt: float = 50_000.0
    oi_min_usd: float = 1_000_000.0
    min_24h_usdt: float = 0.0
    # set by the environment only
    vol_burst_lookback: int = 20
    rolling: bool = True
    vol_burst_early: bool = True  # as soon as the running candle has reached the bound, not at its close
    adaptive_sigmas: float = 0.0  # bounds of prices are so many sigmas of the contract's own minutes; 0: they are fixed
    adaptive_floor_pct: float = 1.0  # and at least so much
    adaptive_volume_mult: float = 0.0  # the bound of volume is so many of the contract's busy minutes; 0: it is fixed
    adaptive_volume_floor: float = 3.0  # and at least so many medians
    # of the settings of one contract whose bounds follow from it, 0: not known
    sigma_pct: float = 0.0  # its usual minute, percent
    busy_multiple: float = 0.0  # volume of its busy minute, in medians
    of_symbol: Mapping[str, Settings] = field(default_factory=lambda: MappingProxyType({}))

    def for_symbol(self, symbol: str) -> Settings:
        return self.of_symbol.get(symbol, self) if self.of_symbol else self

    @property
    def is_adaptive(self) -> bool:
        """Some bounds follow from what a contract does anyway."""
        return bool(self.adaptive_sigmas or self.adaptive_volume_mult)

    @property
    def longest_cooldown_s(self) -> int:
        """Of any symbol."""
        return max(self.cooldown_sec, *(own.cooldown_sec for own in self.of_symbol.values()), 0)

    def is_muted(self, symbol: str, now_s: float) -> bool:
        return bool(self.muted) and now_s < self.muted_until_s(symbol)

    def muted_until_s(self, symbol: str) -> float:
        """Unix second, infinity for good; 0: it never was. The later end counts where every contract is muted too."""
        ends = [self.muted[name] for name in (symbol, EVERY_SYMBOL) if name in self.muted]
        return max((math.inf if end_s is None else end_s for end_s in ends), default=0.0)

    def is_watched(self, symbol: str) -> bool:
        return not self.watchlist or symbol in self.watchlist


class Unit(Enum):
    """How a setting is written; the value holds the suffixes a person may type behind the number."""

    PERCENT = ("%", "％")
    MULTIPLE = ("x", "×")
    SECONDS = ("s",)
    USD = ("usdt", "usd", "$")

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

    key: its name in state.json and in `Settings`; also the key of its texts. variable: the environment's name, '' when
        the environment cannot set it.
    word: what it is called behind its command and behind `/set SYMBOL`. is_named: its command takes the word before the
        value. example: a value, as the command's usage shows it.
    is_per_symbol: one symbol may have another.
    presets: name → its value in that preset; empty: presets leave it as it is.
    low, high: inclusive bounds of the absolute value. has_off: 0 switches it off.
    """

    key: str
    variable: str
    command: str
    word: str
    example: str
    unit: Unit
    low: float
    high: float
    presets: Numbers = field(default_factory=lambda: MappingProxyType({}))
    is_named: bool = False
    is_per_symbol: bool = False
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

    @property
    def is_optional(self) -> bool:
        """Off as long as nobody asked for it."""
        return self.has_off and self.of(Settings()) == 0

    def of(self, settings: Settings) -> float:
        value = getattr(settings, self.key)
        if not isinstance(value, int | float):
            raise TypeError(self.key)
        return value


def _presets(*, calm: float, normal: float, active: float, original: float) -> Numbers:
    """See `presets.py`."""
    return MappingProxyType({"calm": calm, "normal": normal, "active": active, "original": original})


SETTINGS: tuple[Setting, ...] = (
    Setting(
        key="pump_threshold",
        variable="PUMP_THRESHOLD",
        command="set_pump",
        word="pump",
        example="5",
        presets=_presets(calm=8.0, normal=5.0, active=3.0, original=3.0),
        is_per_symbol=True,
        unit=Unit.PERCENT,
        low=0.1,
        high=100,
        sign=Sign.DROPPED,
    ),
    Setting(
        key="dump_threshold",
        variable="DUMP_THRESHOLD",
        command="set_dump",
        word="dump",
        example="5",
        presets=_presets(calm=-8.0, normal=-5.0, active=-3.0, original=-3.0),
        is_per_symbol=True,
        unit=Unit.PERCENT,
        low=0.1,
        high=100,
        sign=Sign.NEGATED,
    ),
    Setting(
        key="oi_surge_1m",
        variable="OI_SURGE_PCT_1M",
        command="set_oi",
        word="oi",
        example="3",
        presets=_presets(calm=8.0, normal=5.0, active=3.0, original=3.0),
        is_per_symbol=True,
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
        word="oi5",
        example="6",
        presets=_presets(calm=15.0, normal=10.0, active=6.0, original=6.0),
        is_per_symbol=True,
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
        word="vol",
        example="5",
        presets=_presets(calm=100.0, normal=50.0, active=25.0, original=5.0),
        is_per_symbol=True,
        unit=Unit.MULTIPLE,
        low=1,
        high=1000,
        has_off=True,
    ),
    Setting(
        key="funding_extreme_pct",
        variable="FUNDING_EXTREME_PCT",
        command="set_funding",
        word="funding",
        example="0.1",
        presets=_presets(calm=0.5, normal=0.3, active=0.1, original=0.0),
        is_per_symbol=True,
        unit=Unit.PERCENT,
        low=0.01,
        high=10,
        sign=Sign.DROPPED,
        has_off=True,
    ),
    Setting(
        key="liquidations_usd",
        variable="LIQUIDATIONS_USD",
        command="set_liquidations",
        word="liq",
        example="500k",
        presets=_presets(calm=5e6, normal=1e6, active=250e3, original=0.0),
        is_per_symbol=True,
        unit=Unit.USD,
        low=1_000,
        high=1e12,
        has_off=True,
    ),
    Setting(
        key="basis_extreme_pct",
        variable="BASIS_EXTREME_PCT",
        command="set_basis",
        word="basis",
        example="1",
        presets=_presets(calm=3.0, normal=2.0, active=1.0, original=0.0),
        is_per_symbol=True,
        unit=Unit.PERCENT,
        low=0.05,
        high=100,
        sign=Sign.DROPPED,
        has_off=True,
    ),
    Setting(
        key="cooldown_sec",
        variable="COOLDOWN_SEC",
        command="cooldown",
        word="cooldown",
        example="180",
        presets=_presets(calm=900, normal=300, active=180, original=180),
        is_per_symbol=True,
        unit=Unit.SECONDS,
        low=0,
        high=86_400,
        is_whole=True,
    ),
    *(
        Setting(
            key=f"move_{window}_pct",
            variable="",
            command="set_move",
            word=window,
            example=example,
            presets=presets,
            is_named=True,
            unit=Unit.PERCENT,
            low=0.1,
            high=100,
            sign=Sign.DROPPED,
            has_off=True,
        )
        for window, example, presets in (
            ("5m", "4", _presets(calm=0.0, normal=8.0, active=5.0, original=0.0)),
            ("15m", "8", _presets(calm=12.0, normal=0.0, active=0.0, original=0.0)),
        )
    ),
    *(
        Setting(
            key=key,
            variable=key.upper(),
            command="set_liq",
            word=word,
            example=example,
            is_named=True,
            unit=Unit.USD,
            low=0,
            high=1e12,
            has_off=True,
        )
        for key, word, example in (
            ("min_24h_usdt", "24h", "2M"),
            ("oi_min_usd", "oi", "1M"),
            ("vol_burst_min_usdt", "vol", "50k"),
        )
    ),
)

ADAPTIVE_SETTINGS: tuple[Setting, ...] = tuple(
    Setting(
        key=key,
        variable=key.upper(),
        command="budget",
        word=word,
        example=example,
        unit=Unit.MULTIPLE,
        low=low,
        high=100,
    )
    for key, word, example, low in (
        ("adaptive_sigmas", "sigmas", "6", 1),
        ("adaptive_volume_mult", "busy", "2", 0.25),
    )
)
"""What a budget chooses where bounds follow from each contract. No command sets them one by one, and they hold only
where the environment says so (`THRESHOLD_MODE=adaptive`)."""

SETTING_OF: Mapping[str, Setting] = MappingProxyType(
    {setting.key: setting for setting in (*SETTINGS, *ADAPTIVE_SETTINGS)}
)

SETTING_BY_WORD: Mapping[str, Setting] = MappingProxyType(
    {setting.word: setting for setting in SETTINGS}
    | {setting.word: setting for setting in reversed(SETTINGS)}
    | {setting.key: setting for setting in SETTINGS}
)
"""What a person may call each of them. A floor that shares its word with a threshold is meant by its key alone."""
