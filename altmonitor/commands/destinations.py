"""Where and how a destination is told: route, quiet hours, language, zone, and a sample over the real way."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Annotated, Literal

from altmonitor.commands.arguments import KIND_WORDS, NoArguments, Words, cut, extra, one_of
from altmonitor.commands.outcome import CommandContext, Deferred, Outcome, Queries, StateChange
from altmonitor.commands.replies import Bad, PlainReply, Refused
from altmonitor.commands.replies_settings import (
    Changed,
    LanguageShown,
    NoRoute,
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
from altmonitor.settings.audience import QUIET_OFF, Overrides, QuietHours
from altmonitor.settings.changes import Difference, in_force
from altmonitor.settings.input import OFF_WORDS, split_words
from altmonitor.settings.state import DestinationOverrides
from altmonitor.settings.zones import find_zone, nearest_zones

_CLOCK = r"([0-2]?\d)(?:(?:[:.]|(?<=\d\d))([0-5]\d)|h|ч)?"
_HOURS = re.compile(rf"(?:from|с|从)?{_CLOCK}(?:[-–—−~～]|to|until|до|по|到|至){_CLOCK}", re.ASCII | re.IGNORECASE)
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
    """kinds: None leaves them. is_silent: None leaves it. is_off: no destination any more. All left: asks."""

    kinds: frozenset[Kind] | None = None
    is_silent: bool | None = None
    is_off: bool = False


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


# --- route -------------------------------------------------------------------------------------------------------


def read_route(command: str, words: Words) -> RouteArguments | Refused:
    kinds: frozenset[Kind] | None = None
    is_silent: bool | None = None
    names = split_words(words)
    if [name.lower() for name in names] == ["off"]:
        return RouteArguments(is_off=True)
    for name in names:
        word = name.lower()
        if word in ("loud", "silent"):
            if is_silent is not None:
                return Refused(command=command, reason=Bad.TWICE, word=cut(name))
            is_silent = word == "silent"
        elif word == "all":
            kinds = frozenset(DETECTED_KINDS)
        elif word in KIND_WORDS:
            kinds = (kinds or frozenset()) | {KIND_WORDS[word]}
        else:
            return Refused(command=command, reason=Bad.NO_SUCH_WORD, word=cut(name))
    return RouteArguments(kinds=kinds, is_silent=is_silent)


def route(request: RouteArguments, now: CommandContext) -> Outcome:
    """About the very place it was typed in, also where that is no destination yet."""
    here = next((audience for audience in now.audiences if audience.destination == now.destination), None)
    if request.is_off:
        return _route_off(now) if here is not None else RouteRefused(reason=NoRoute.NONE_HERE)
    if request.kinds is None and request.is_silent is None:
        return RouteShown(audiences=now.audiences, here=here)
    if here is None and request.kinds is None:
        request = replace(request, kinds=frozenset(DETECTED_KINDS))
    own = now.own_here.overrides
    after = replace(
        own,
        kinds=own.kinds if request.kinds is None else request.kinds,
        is_silent=own.is_silent if request.is_silent is None else request.is_silent,
    )
    would_be = now.would_be_at(now.destination, after)
    if here is None:
        told: tuple[Difference, ...] = (
            Difference(key="kinds", old=frozenset(), new=frozenset(would_be.kinds)),
            *((Difference(key="is_silent", old=0, new=1),) if would_be.is_silent else ()),
        )
    else:
        told = in_force(here, would_be)
    if after == own or not told:
        return RouteShown(audiences=now.audiences, here=here)
    return StateChange(
        own=replace(now.own_here, overrides=after), reply=Changed(differences=told), destination=now.destination
    )


def _route_off(now: CommandContext) -> Outcome:
    if now.destination == now.audiences[0].destination:
        return RouteRefused(reason=NoRoute.MAIN_STAYS)
    # Named by the environment: an empty route must be remembered, or the next start would bring it back.
    overrides = Overrides(kinds=frozenset()) if now.is_home else Overrides()
    return StateChange(
        own=DestinationOverrides(overrides=overrides, conditions=now.own_here.conditions),
        reply=RouteEnded(),
        destination=now.destination,
    )


# --- quiet hours, language, zone -----------------------------------------------------------------------------------


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


def _changed(now: CommandContext, after: Overrides, key: str, shown: PlainReply) -> Outcome:
    """Setting what is followed anyway is a change too: it stays when what is followed changes."""
    if after == now.overrides:
        return shown
    told = [difference for difference in in_force(now.audience, now.would_be(after)) if difference.key == key]
    if not told:
        old: QuietHours | str = {"quiet": now.audience.quiet or QUIET_OFF, "lang": now.audience.lang}.get(
            key, now.audience.tz
        )
        told = [Difference(key=key, old=old, new=old)]
    return StateChange(own=now.with_overrides(after), reply=Changed(differences=tuple(told)))


# --- sample --------------------------------------------------------------------------------------------------------


def send_sample(request: NoArguments, now: CommandContext) -> Outcome:
    return Deferred(decide=_send_sample)


async def _send_sample(now: CommandContext, queries: Queries) -> Outcome:
    return SamplesSent(kinds=tuple(await queries.send_samples(now.audience.destination)))
