"""Where and how a destination is told: route, quiet hours, language, zone, and a sample over the real way."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Annotated, Literal

from altmonitor.commands.arguments import ALL_WORDS, KIND_WORDS, YES_WORDS, NoWords, Words, cut, extra, one_of
from altmonitor.commands.outcome import CommandContext, Deferred, Outcome, Queries, StateChange
from altmonitor.commands.replies import Bad, PlainReply, Refused
from altmonitor.commands.replies_settings import (
    Changed,
    ConfirmAsked,
    LanguageShown,
    NoRoute,
    OutcomeLineChosen,
    QuietShown,
    RouteEnded,
    RouteRefused,
    RouteShown,
    SamplesSent,
    ZoneShown,
    ZoneUnknown,
)
from altmonitor.core.alert import DETECTED_KINDS, Kind
from altmonitor.core.types import LANGUAGES
from altmonitor.settings.audience import QUIET_OFF, Audience, Overrides, QuietHours
from altmonitor.settings.changes import Difference, in_force, sound_of
from altmonitor.settings.input import OFF_WORDS, ON_WORDS, split_words
from altmonitor.settings.state import DestinationOverrides
from altmonitor.settings.zones import find_zone, nearest_zones

_CLOCK = r"([0-2]?\d)(?:(?:[:.]|(?<=\d\d))([0-5]\d)|h|ч)?"
_HOURS = re.compile(rf"(?:from|с|从)?{_CLOCK}(?:[-–—−~～]|to|until|до|по|到|至){_CLOCK}", re.ASCII | re.IGNORECASE)
_SOUND_WORDS = {
    **dict.fromkeys(("loud", "громко", "有声"), "loud"),
    **dict.fromkeys(("silent", "quiet", "тихо", "静默"), "silent"),
}
_LANGUAGE_WORDS: Mapping[str, str] = MappingProxyType(
    {
        word: lang
        for lang, words in {
            "en": "en eng english en-us en-gb английский англ 英语 英文 英",
            "zh": "zh cn chn chinese zh-cn zh-hans zh-hant zh-tw китайский 中文 汉语 简体 简体中文 中 华语",
            "ru": "ru rus russian ru-ru русский рус русском 俄语 俄文 俄",
        }.items()
        for word in words.split()
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteArguments:
    """kinds: all that shall come; None leaves them. loud, silent: these shall come so, the others stay as they are;
    off: these no more. is_silent: of all that comes; None leaves it. is_off: no destination any more. is_confirmed:
    with `yes` behind it. All left: asks."""

    kinds: frozenset[Kind] | None = None
    loud: frozenset[Kind] = frozenset()
    silent: frozenset[Kind] = frozenset()
    off: frozenset[Kind] = frozenset()
    is_silent: bool | None = None
    is_off: bool = False
    is_confirmed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class QuietArguments:
    """quiet: None asks."""

    quiet: QuietHours | Literal["off"] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LanguageArguments:
    lang: Annotated[str, one_of(("", *LANGUAGES))] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneArguments:
    """word: as typed, '' asks."""

    word: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeLineArguments:
    """is_on: None asks."""

    is_on: bool | None = None


# --- route -------------------------------------------------------------------------------------------------------


def read_route(command: str, words: Words) -> RouteArguments | Refused:
    names = [name.lower() for name in split_words(words)]
    is_confirmed = bool(names) and names[-1] in YES_WORDS
    names = names[:-1] if is_confirmed else names
    if len(names) == 1 and names[0] in OFF_WORDS:
        return RouteArguments(is_off=True, is_confirmed=is_confirmed)
    of_word: dict[str, set[Kind]] = {"loud": set(), "silent": set(), "off": set()}
    waiting: set[Kind] = set()
    sound_of_all: str | None = None
    for name in names:
        word = "off" if name in OFF_WORDS else _SOUND_WORDS.get(name, name)
        if word in of_word:
            if not waiting and (sound_of_all is not None or any(of_word.values()) or word == "off"):
                return Refused(command=command, reason=Bad.TWICE, word=cut(name))
            if not waiting:
                sound_of_all = word
            of_word[word] |= waiting
            waiting = set()
        elif name in ALL_WORDS:
            waiting |= set(DETECTED_KINDS)
        elif name in KIND_WORDS:
            waiting.add(KIND_WORDS[name])
        else:
            return Refused(command=command, reason=Bad.NO_SUCH_WORD, word=cut(name))
    if sound_of_all is not None and waiting:  # the other way round: `silent vol`
        of_word[sound_of_all], waiting, sound_of_all = waiting, set(), None
    return RouteArguments(
        kinds=frozenset(waiting) or None,
        loud=frozenset(of_word["loud"]),
        silent=frozenset(of_word["silent"]),
        off=frozenset(of_word["off"]),
        is_silent=None if sound_of_all is None else sound_of_all == "silent",
        is_confirmed=is_confirmed,
    )


def route(request: RouteArguments, now: CommandContext) -> Outcome:
    """About the very place it was typed in, also where that is no destination yet. What is taken away there is said
    before it is done."""
    here = next((audience for audience in now.audiences if audience.destination == now.destination), None)
    if here is None and (request.is_off or request.off):
        return RouteRefused(reason=NoRoute.NONE_HERE)
    if request == RouteArguments(is_confirmed=request.is_confirmed):
        return RouteShown(audiences=now.audiences, here=here)
    before = here.kinds if here is not None else frozenset()
    kinds = _kinds_after(request, before)
    if here is not None and (request.is_off or not kinds):
        if now.destination == now.audiences[0].destination:
            return RouteRefused(reason=NoRoute.MAIN_STAYS)
        kinds = frozenset()
    lost = Difference(key="kinds", old=before, new=kinds)
    if before - kinds and not request.is_confirmed:
        return ConfirmAsked(command="route", action=_typed(request), losses=(lost,))
    if not kinds:
        return _route_off(now)
    own = now.own_here.overrides
    after = own if here is not None and kinds == here.kinds else replace(own, kinds=kinds)
    after = _with_sound(after, request, here)
    would_be = now.would_be_at(now.destination, after)
    if here is None:
        sound = sound_of(would_be)
        told: tuple[Difference, ...] = (
            Difference(key="kinds", old=frozenset(), new=frozenset(would_be.kinds)),
            *((Difference(key="is_silent", old=0, new=sound),) if sound else ()),
        )
    else:
        told = in_force(here, would_be)
    if after == own or not told:
        return RouteShown(audiences=now.audiences, here=here)
    return StateChange(
        own=replace(now.own_here, overrides=after), reply=Changed(differences=told), destination=now.destination
    )


def _kinds_after(request: RouteArguments, before: frozenset[Kind]) -> frozenset[Kind]:
    """`/route price` names all that shall come; where a sound is named with the kinds, the others stay."""
    if request.is_off:
        return frozenset()
    sounded = request.loud | request.silent
    if request.kinds is not None:
        return request.kinds | sounded
    if not before:
        return sounded or frozenset(DETECTED_KINDS)
    return (before | sounded) - request.off


def _with_sound(own: Overrides, request: RouteArguments, here: Audience | None) -> Overrides:
    if request.is_silent is not None:
        return own.with_sound(frozenset(DETECTED_KINDS) if request.is_silent else frozenset())
    if not request.loud and not request.silent:
        return own
    if here is None:
        return own.with_sound(
            frozenset(DETECTED_KINDS) if request.silent and not request.loud else request.silent - request.loud
        )
    before = frozenset(kind for kind in DETECTED_KINDS if here.is_silent_for(kind))
    return own.with_sound((before | request.silent) - request.loud)


def _typed(request: RouteArguments) -> str:
    """The command again, as short as it can be."""
    words = ["off"] if request.is_off else []
    for kinds, word in (
        (request.loud, "loud"),
        (request.silent, "silent"),
        (request.off, "off"),
        (request.kinds or frozenset(), ""),
    ):
        named = [kind for kind in DETECTED_KINDS if kind in kinds]
        words += [*named, *([word] if named and word else [])]
    return f"/route {' '.join(words)}"


def _route_off(now: CommandContext) -> Outcome:
    # Named by the environment: an empty route must be remembered, or the next start would bring it back.
    overrides = Overrides(kinds=frozenset()) if now.is_home else Overrides()
    return StateChange(
        own=DestinationOverrides(overrides=overrides, conditions=now.own_here.conditions),
        reply=RouteEnded(),
        destination=now.destination,
    )


# --- quiet hours, language, zone, the line of outcomes -------------------------------------------------------------


def read_quiet(command: str, words: Words) -> QuietArguments | Refused:
    """`23:00-07:00`, `23-7`, `23:00 - 07:00`, `off`."""
    text = "".join(words)
    if not text:
        return QuietArguments()
    if text.lower() in OFF_WORDS:
        return QuietArguments(quiet=QUIET_OFF)
    match = _HOURS.fullmatch(text)
    if match is None:
        return Refused(command=command, reason=Bad.NO_SPAN, word=cut(" ".join(words)))
    begin, end = (int(match[at]) * 60 + int(match[at + 1] or 0) for at in (1, 3))
    end %= 1440 if end == 1440 else 10_000  # 24:00 is the day's end
    if begin >= 1440 or end >= 1440 or begin == end:
        return Refused(command=command, reason=Bad.NO_SPAN, word=cut(" ".join(words)))
    return QuietArguments(quiet=QuietHours(begin_minute=begin, end_minute=end))


def set_quiet(request: QuietArguments, now: CommandContext) -> Outcome:
    shown = QuietShown(quiet=now.audience.quiet)
    if request.quiet is None:
        return shown
    return _changed(now, replace(now.overrides, quiet=request.quiet), "quiet", shown)


def read_lang(command: str, words: Words) -> LanguageArguments | Refused:
    refused = extra(command, words, 1)
    if refused is not None:
        return refused
    lang = _LANGUAGE_WORDS.get(words[0].lower().replace("_", "-"), "") if words else ""
    if words and not lang:
        meant = tuple(f"/{command} {known}" for known in LANGUAGES)
        return Refused(command=command, reason=Bad.NO_SUCH_WORD, word=cut(words[0]), meant=meant)
    return LanguageArguments(lang=lang)


def set_lang(request: LanguageArguments, now: CommandContext) -> Outcome:
    shown = LanguageShown(lang=now.audience.lang)
    if not request.lang:
        return shown
    return _changed(now, replace(now.overrides, lang=request.lang), "lang", shown)


def read_zone(command: str, words: Words) -> ZoneArguments | Refused:
    return extra(command, words, 4) or ZoneArguments(word=" ".join(words))  # `rio de janeiro`


def set_zone(request: ZoneArguments, now: CommandContext) -> Outcome:
    shown = ZoneShown(tz=now.audience.tz, now_s=now.now_s)
    if not request.word:
        return shown
    zone = find_zone(request.word)
    if zone is None:
        return ZoneUnknown(word=cut(request.word), suggestions=nearest_zones(request.word))
    return _changed(now, replace(now.overrides, tz=zone), "tz", shown)


def read_outcome_line(command: str, words: Words) -> OutcomeLineArguments | Refused:
    refused = extra(command, words, 1)
    if refused is not None or not words:
        return refused or OutcomeLineArguments()
    word = words[0].lower()
    if word not in OFF_WORDS and word not in ON_WORDS:
        meant = (f"/{command} on", f"/{command} off")
        return Refused(command=command, reason=Bad.NO_SUCH_WORD, word=cut(words[0]), meant=meant)
    return OutcomeLineArguments(is_on=word in ON_WORDS)


def set_outcome_line(request: OutcomeLineArguments, now: CommandContext) -> Outcome:
    shown = OutcomeLineChosen(is_on=now.audience.outcome_line)
    if request.is_on is None:
        return shown
    return _changed(now, replace(now.overrides, outcome_line=request.is_on), "outcome_line", shown)


def _changed(now: CommandContext, after: Overrides, key: str, shown: PlainReply) -> Outcome:
    """Setting what is followed anyway is a change too: it stays when what is followed changes."""
    if after == now.overrides:
        return shown
    told = [difference for difference in in_force(now.audience, now.would_be(after)) if difference.key == key]
    if not told:
        held: dict[str, QuietHours | str | bool] = {
            "quiet": now.audience.quiet or QUIET_OFF,
            "lang": now.audience.lang,
            "tz": now.audience.tz,
            "outcome_line": now.audience.outcome_line,
        }
        old = held[key]
        told = [Difference(key=key, old=old, new=old)]
    return StateChange(own=now.with_overrides(after), reply=Changed(differences=tuple(told)))


# --- sample --------------------------------------------------------------------------------------------------------


def send_sample(request: NoWords, now: CommandContext) -> Outcome:
    return Deferred(decide=_send_sample)


async def _send_sample(now: CommandContext, queries: Queries) -> Outcome:
    return SamplesSent(kinds=tuple(await queries.send_samples(now.audience.destination)))
