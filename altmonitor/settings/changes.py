"""A change as it is recorded: who changed what, and how to put it back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from altmonitor.core.types import Destination
from altmonitor.settings.audience import QUIET_OFF, Audience, Overrides, QuietHours
from altmonitor.settings.settings import SETTING_OF, Numbers, Settings
from altmonitor.settings.state import DestinationOverrides


@dataclass(frozen=True, slots=True, kw_only=True)
class Author:
    """Who wrote a command. user_id: None for posts of a channel and for programs.

    may_change: False for those who may only read.
    """

    user_id: int | None
    name: str
    may_change: bool = True

    def __str__(self) -> str:
        return self.name if self.user_id is None else f"{self.name} ({self.user_id})"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeMade:
    """place: whose settings were changed. command: as typed. undoes: the change it took back, None for all others."""

    at_ms: int
    who: str
    user_id: int | None
    destination: Destination
    command: str
    before: DestinationOverrides
    after: DestinationOverrides
    undoes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedChange:
    """id: in the order they were made. undone_by: id of the change that took it back."""

    id: int
    made: ChangeMade
    undone_by: int | None = None


def undoable(rows: Iterable[RecordedChange]) -> list[RecordedChange]:
    """rows: newest first. Those that still stand: neither undone, nor an undoing, nor taken back together with an older
    one that was undone after they were made."""
    known = list(rows)
    undone = [row for row in known if row.undone_by is not None]

    def stands(row: RecordedChange) -> bool:
        return not any(
            other.made.destination == row.made.destination and other.id < row.id < (other.undone_by or 0)
            for other in undone
        )

    return [row for row in known if row.undone_by is None and row.made.undoes is None and stands(row)]


# ---
# What differs between two states of one destination's own settings, one by one, for people to read.


NOT_MUTED = -1
"""Stands for "was not muted" where None means for good and a unix second means until then."""

Shown = float | int | str | frozenset[str] | QuietHours | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """key: of `SETTING_OF`, or `watchlist`, `muted`, `kinds`, `is_silent` (0, 1, or the silent kinds), `quiet`, `lang`,
    `tz`, `budget` (alerts a day), `outcome_line` (0, 1), `condition` (its text).

    old, new: None: nothing of its own, so what is followed decides. But a mute: for good; a condition: not there.
    symbol: whose mute, or whose own number it is.
    """

    key: str
    old: Shown
    new: Shown
    symbol: str = ""


def differences(before: DestinationOverrides, after: DestinationOverrides) -> tuple[Difference, ...]:
    old, new = before.overrides, after.overrides
    return (
        *_numbers(old.numbers_in_force, new.numbers_in_force),
        *_of_symbols(old.symbols or {}, new.symbols or {}),
        *_plain("watchlist", old.watchlist, new.watchlist),
        *_muted(old.muted or {}, new.muted or {}),
        *_plain("kinds", _kinds(old), _kinds(new)),
        *_plain("is_silent", _silent(old), _silent(new)),
        *_plain("quiet", old.quiet, new.quiet),
        *_plain("lang", old.lang, new.lang),
        *_plain("tz", old.tz, new.tz),
        *_plain("budget", _per_day(old), _per_day(new)),
        *_plain("outcome_line", old.outcome_line, new.outcome_line),
        *_conditions(before, after),
    )


def in_force(before: Audience, after: Audience) -> tuple[Difference, ...]:
    """The same for what holds, whoever decided it."""
    old, new = before.settings, after.settings
    return (
        *_numbers(_all_numbers(old), _all_numbers(new)),
        *_of_symbols(_own_numbers(old), _own_numbers(new)),
        *_plain("watchlist", old.watchlist, new.watchlist),
        *_muted(old.muted, new.muted),
        *_plain("kinds", frozenset(before.kinds), frozenset(after.kinds)),
        *_plain("is_silent", sound_of(before), sound_of(after)),
        *_plain("quiet", before.quiet or QUIET_OFF, after.quiet or QUIET_OFF),
        *_plain("lang", before.lang, after.lang),
        *_plain("tz", before.tz, after.tz),
        *_plain("budget", before.budget_per_day, after.budget_per_day),
        *_plain("outcome_line", before.outcome_line, after.outcome_line),
    )


def _all_numbers(settings: Settings) -> dict[str, float | int]:
    return {setting.key: setting.of(settings) for setting in SETTING_OF.values()}


def _own_numbers(settings: Settings) -> dict[str, Numbers]:
    """Of each symbol, those that differ from what holds for all others."""
    general = _all_numbers(settings)
    return {
        symbol: {key: value for key, value in _all_numbers(own).items() if value != general[key]}
        for symbol, own in settings.of_symbol.items()
    }


def _plain(key: str, old: Shown, new: Shown, symbol: str = "") -> Iterator[Difference]:
    if old != new:
        yield Difference(key=key, old=old, new=new, symbol=symbol)


def _numbers(old: Numbers, new: Numbers, symbol: str = "") -> Iterator[Difference]:
    for setting in SETTING_OF.values():
        yield from _plain(setting.key, old.get(setting.key), new.get(setting.key), symbol)


def _of_symbols(old: Mapping[str, Numbers], new: Mapping[str, Numbers]) -> Iterator[Difference]:
    for symbol in sorted({*old, *new}):
        yield from _numbers(old.get(symbol, {}), new.get(symbol, {}), symbol)


def _muted(old: Mapping[str, int | None], new: Mapping[str, int | None]) -> Iterator[Difference]:
    for symbol in sorted({*old, *new}):
        yield from _plain("muted", old.get(symbol, NOT_MUTED), new.get(symbol, NOT_MUTED), symbol)


def _conditions(before: DestinationOverrides, after: DestinationOverrides) -> Iterator[Difference]:
    old, new = ({c.key: c for c in own.conditions} for own in (before, after))
    for key in (key for key in old if key not in new):
        yield Difference(key="condition", old=old[key].text, new=None)
    for key in (key for key in new if key not in old):
        yield Difference(key="condition", old=None, new=new[key].text)


def _kinds(overrides: Overrides) -> frozenset[str] | None:
    return None if overrides.kinds is None else frozenset(overrides.kinds)


def sound_of(whose: Audience | Overrides) -> int | frozenset[str]:
    """1: all is silent, 0: nothing is, else the kinds that are."""
    return 1 if whose.is_silent else frozenset(whose.silent_kinds or ()) or 0


def _silent(overrides: Overrides) -> int | frozenset[str] | None:
    return None if overrides.is_silent is None else sound_of(overrides)


def _per_day(overrides: Overrides) -> int | None:
    return None if overrides.budget is None else overrides.budget.per_day
