"""`/try pump 4 oi 2 5 last 7d`: what other thresholds would have told of days that are known."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated

import msgspec

from altmonitor.commands.arguments import Words, cut, venue_among, window_word, with_units
from altmonitor.commands.outcome import CommandContext, Queries
from altmonitor.commands.replies import Bad, PlainReply, Refused, number_change
from altmonitor.commands.replies_settings import BudgetUnknown, TrialShown
from altmonitor.commands.venues import NotAtThatVenue, counted_beside
from altmonitor.core.types import Venue
from altmonitor.settings.input import NotRead, read_duration, read_number, read_setting
from altmonitor.settings.presets import NotEnoughHistory
from altmonitor.settings.settings import SETTING_BY_WORD, SETTINGS, Setting

SHORTEST_S = 3_600
LONGEST_S = 366 * 86_400
_LAST_WORDS = frozenset({"last", "за", "последние", "последний", "последнюю", "最近", "过去"})
_SIGNS = re.compile(r"[=:→]|->|,(?=\s|$)")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialArguments:
    """values: (key of SETTINGS, value to be tried), in the order of the table, never empty. last_s: so many seconds
    back; None: as far as anything is known. venue: that was named; only the main one's candles can be counted."""

    values: tuple[tuple[str, float | int], ...]
    last_s: Annotated[int, msgspec.Meta(ge=SHORTEST_S, le=LONGEST_S)] | None = None
    venue: Venue | None = None


def read_try(command: str, words: Words) -> TrialArguments | Refused:
    """A word of a setting and its value, any number of times; `oi 2 5` has two. Behind `last`, or alone, a time."""
    values: dict[str, float | int] = {}
    words, venue = venue_among(with_units(tuple(_SIGNS.sub(" ", " ".join(words)).split())))
    rest = list(words)
    last_s: int | None = None
    while rest:
        word = rest.pop(0)
        setting = setting_named(word)
        if setting is None:
            is_last = word.lower() in _LAST_WORDS
            while is_last and rest and rest[0].lower() in _LAST_WORDS:
                rest.pop(0)
            if is_last and not rest:
                return Refused(command=command, reason=Bad.MISSING)
            read = read_duration(rest.pop(0) if is_last else word, least_s=SHORTEST_S)
            if isinstance(read, NotRead):
                return Refused(command=command, reason=read if is_last else Bad.NO_SUCH_WORD, word=cut(word))
            last_s = read
            continue
        of_command = [one for one in SETTINGS if one.command == setting.command and not one.is_named] or [setting]
        following = of_command[of_command.index(setting) :] if setting in of_command else [setting]
        for number, one in enumerate(following):
            if number and (not rest or setting_named(rest[0]) is not None or not _is_number(rest[0])):
                break
            if not rest:
                return Refused(command=command, reason=Bad.MISSING, setting=one)
            if one.key in values:
                return Refused(command=command, reason=Bad.TWICE, word=cut(one.word))
            value = read_setting(rest[0], one)
            if isinstance(value, NotRead):
                return Refused(command=command, reason=value, word=cut(rest[0]), setting=one)
            values[one.key] = value
            rest.pop(0)
    if not values:
        return Refused(command=command, reason=Bad.MISSING)
    return TrialArguments(
        values=tuple((one.key, values[one.key]) for one in SETTINGS if one.key in values), last_s=last_s, venue=venue
    )


def setting_named(word: str) -> Setting | None:
    """None for a word that names no threshold."""
    return SETTING_BY_WORD.get(word.lower()) or SETTING_BY_WORD.get(window_word(word))


def _is_number(word: str) -> bool:
    return read_number(word.rstrip("%％x×")) is not NotRead.NOT_A_NUMBER


async def try_settings(request: TrialArguments, now: CommandContext, queries: Queries) -> PlainReply:
    if request.venue not in (None, now.main_venue):
        return NotAtThatVenue(command="try", venue=request.venue, main=now.main_venue, about="counted")
    then = now.would_be(now.overrides.with_numbers(dict(request.values)))
    trial = await queries.try_settings(now.audience, then, request.last_s)
    if isinstance(trial, NotEnoughHistory):
        return BudgetUnknown(missing=trial)
    changes = tuple(number_change(key, now.settings, then.settings) for key, _ in request.values)
    return TrialShown(changes=changes, trial=trial, asked_s=request.last_s, beside=counted_beside(now))
