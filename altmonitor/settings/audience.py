"""Who is told what: every destination has settings, kinds, language, zone and quiet hours of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Final, Literal, TypeVar

from altmonitor.core.alert import DETECTED_KINDS, Kind
from altmonitor.core.types import Destination
from altmonitor.settings.settings import ADAPTIVE_SETTINGS, SETTING_OF, Numbers, Settings

MINUTES_A_DAY = 1_440


@dataclass(frozen=True, slots=True, kw_only=True)
class QuietHours:
    """begin_minute, end_minute: minutes of the local day, 0…1439, different; the end may lie on the next day."""

    begin_minute: int
    end_minute: int

    def holds(self, minute: int) -> bool:
        """minute: of the local day. The begin is inside, the end is not."""
        if self.begin_minute < self.end_minute:
            return self.begin_minute <= minute < self.end_minute
        return minute >= self.begin_minute or minute < self.end_minute

    def __str__(self) -> str:
        return "-".join(f"{at // 60:02}:{at % 60:02}" for at in (self.begin_minute, self.end_minute))


@dataclass(frozen=True, slots=True, kw_only=True)
class Audience:
    """One destination and what holds for it now. The first one of the program is the main one.

    kinds: what it wants to hear of; nothing else is queued for it. is_silent: messages ring no bell; silent_kinds:
        alerts of these do not, where the others do.
    lang: a language of the texts. tz: IANA zone name. quiet: alerts are held back and leave as a digest at its end.
    budget_per_day: alerts a day its thresholds were chosen for; 0: none. is_budget_over: some of them were set by hand
    since then, so it is about another number now. outcome_line: alerts say how those like them went on.
    """

    destination: Destination
    settings: Settings
    kinds: frozenset[Kind] = frozenset(DETECTED_KINDS)
    is_silent: bool = False
    silent_kinds: frozenset[Kind] = frozenset()
    lang: str = "en"
    tz: str = "UTC"
    quiet: QuietHours | None = None
    budget_per_day: int = 0
    is_budget_over: bool = False
    outcome_line: bool = True

    def is_silent_for(self, kind: Kind) -> bool:
        return self.is_silent or kind in self.silent_kinds


# ---
# What commands changed for one destination, and the settings that come of it over what the environment says.


QUIET_OFF: Final = "off"
Quiet = QuietHours | Literal["off"]

_NONE: Numbers = MappingProxyType({})
_T = TypeVar("_T")

_ADAPTIVE = frozenset(setting.key for setting in ADAPTIVE_SETTINGS)


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetSetting:
    """per_day: alerts a day aimed at; 0: none, also where the destination followed would have one.

    numbers: thresholds derived for it. They lie over those set by hand before; one set by hand later leaves this list.
    is_over: that happened.
    """

    per_day: int
    numbers: Numbers = field(default_factory=lambda: _NONE)
    is_over: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Overrides:
    """What commands changed for one destination, and nothing else. None or a missing key: not changed, so what is
    followed decides – the environment for the main destination, the main destination for every other.

    watchlist, muted, symbols, kinds: each counts as a whole; an empty one of its own is kept as empty.
    is_silent, silent_kinds: decided together, see `with_sound`.
    symbols: symbol → its own numbers. kinds: what is routed here; empty means that the destination was removed.
    """

    numbers: Numbers = field(default_factory=lambda: _NONE)
    watchlist: frozenset[str] | None = None
    muted: Mapping[str, int | None] | None = None
    symbols: Mapping[str, Numbers] | None = None
    kinds: frozenset[Kind] | None = None
    is_silent: bool | None = None
    silent_kinds: frozenset[Kind] | None = None
    quiet: Quiet | None = None
    lang: str | None = None
    tz: str | None = None
    budget: BudgetSetting | None = None
    outcome_line: bool | None = None

    @property
    def numbers_in_force(self) -> dict[str, float | int]:
        return {**self.numbers, **(self.budget.numbers if self.budget is not None else {})}

    def with_numbers(self, changed: Numbers) -> Overrides:
        return replace(
            self, numbers=MappingProxyType({**self.numbers, **changed}), budget=self._budget_without(frozenset(changed))
        )

    def with_sound(self, silent: frozenset[Kind]) -> Overrides:
        """silent: kinds that ring no bell; with all that can be detected conditions and news are silent too."""
        is_all = silent >= frozenset(DETECTED_KINDS)
        return replace(self, is_silent=is_all, silent_kinds=None if is_all or not silent else silent)

    def without_numbers(self, keys: frozenset[str]) -> Overrides:
        return replace(self, numbers=_without(self.numbers, keys), budget=self._budget_without(keys))

    def following(self, main: Overrides) -> Overrides:
        """What holds for a destination that has these of its own and follows `main` in everything else."""
        followed = main.numbers_in_force if self.budget is None else main.numbers
        budget = _first(self.budget, main.budget)
        return Overrides(
            numbers=MappingProxyType({**followed, **self.numbers_in_force}),
            watchlist=_first(self.watchlist, main.watchlist),
            muted=_first(self.muted, main.muted),
            symbols=_first(self.symbols, main.symbols),
            kinds=_first(self.kinds, main.kinds),
            is_silent=_first(self.is_silent, main.is_silent),
            silent_kinds=main.silent_kinds if self.is_silent is None else self.silent_kinds,
            quiet=_first(self.quiet, main.quiet),
            lang=_first(self.lang, main.lang),
            tz=_first(self.tz, main.tz),
            outcome_line=_first(self.outcome_line, main.outcome_line),
            budget=None
            if budget is None
            else BudgetSetting(  # its numbers are among the numbers
                per_day=budget.per_day,
                is_over=budget.is_over or (self.budget is None and bool(self.numbers)),
            ),
        )

    def over(self, base: Settings) -> Settings:
        """The settings in force. Raises ValueError for a value no command could have kept."""
        settings: Settings = replace(
            base,
            watchlist=frozenset() if self.watchlist is None else self.watchlist,
            muted=MappingProxyType(dict(self.muted or {})),
            **_checked({key: value for key, value in self.numbers_in_force.items() if _holds(key, base)}),
        )
        if not self.symbols:
            return settings
        of_symbol = {
            symbol: replace(settings, **_checked(numbers)) for symbol, numbers in self.symbols.items() if numbers
        }
        return replace(settings, of_symbol=MappingProxyType(of_symbol))

    def _budget_without(self, keys: frozenset[str]) -> BudgetSetting | None:
        if self.budget is None or not self.budget.per_day:
            return self.budget
        return replace(
            self.budget, numbers=_without(self.budget.numbers, keys), is_over=bool(keys) or self.budget.is_over
        )


def _without(numbers: Numbers, keys: frozenset[str]) -> Numbers:
    return MappingProxyType({key: value for key, value in numbers.items() if key not in keys})


def _holds(key: str, base: Settings) -> bool:
    """Not what a budget chose for bounds that follow from the contract, once they do not any more."""
    return key not in _ADAPTIVE or bool(getattr(base, key))


def _checked(numbers: Numbers) -> dict[str, Any]:
    for key, value in numbers.items():
        if key not in SETTING_OF or not SETTING_OF[key].accepts(value):
            raise ValueError(f"{key}={value!r}")
    return {key: value if SETTING_OF[key].is_whole else value + 0.0 for key, value in numbers.items()}


def _first(own: _T | None, followed: _T | None) -> _T | None:
    return followed if own is None else own
