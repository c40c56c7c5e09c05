"""How it is, what was raised, what was changed: status, stored alerts, the record of changes and taking them back."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Annotated, get_args

import msgspec

from altmonitor.commands.arguments import (
    KIND_WORDS,
    VENUE_WORDS,
    DayWord,
    NoWords,
    SymbolWord,
    Words,
    cut,
    extra,
    read_count,
    read_units,
    venue_among,
    with_days,
    with_units,
)
from altmonitor.commands.outcome import CommandContext, Deferred, Outcome, Queries, StateChange
from altmonitor.commands.replies import (
    Bad,
    HelpShown,
    HistoryOff,
    HistoryShown,
    PlainReply,
    Refused,
    StatsShown,
    StatusPin,
    StatusShown,
)
from altmonitor.commands.replies_settings import (
    ChangesShown,
    NothingToUndo,
    Undone,
    UndoRefused,
)
from altmonitor.core.alert import Kind
from altmonitor.core.health import Health
from altmonitor.core.outcome import LINE_HORIZON_MIN
from altmonitor.core.types import Destination, Venue
from altmonitor.settings.audience import Audience, Overrides
from altmonitor.settings.changes import ChangeMade, Difference, differences, in_force, undoable
from altmonitor.settings.days import bounds_ms, is_day, past_day
from altmonitor.settings.input import OFF_WORDS, NotRead, find, is_duration, nearest, read_whole, spelled, split_words
from altmonitor.settings.state import DestinationOverrides
from altmonitor.settings.zones import zone_of

HISTORY_DEFAULT, HISTORY_MAX = 10, 50
STATS_DEFAULT_H, STATS_MAX_H, STATS_TOP = 24, 720, 10
CHANGES_DEFAULT, CHANGES_MAX = 10, 50
UNDO_LOOKS_BACK = 200

HISTORY_KINDS: dict[str, Kind] = {**{kind: kind for kind in get_args(Kind)}, **KIND_WORDS}
_DATE_LIKE = re.compile(r"\d+[./-]\d+(?:[./-]\d*)?|\d+[年月日号].*", re.ASCII)
_NUMBER_LIKE = re.compile(r"[+\-−]?[\d.,]+\W?|nan|inf|infinity", re.IGNORECASE)


class HistoryArguments(msgspec.Struct, frozen=True, kw_only=True):
    """symbol, day: as typed. limit: None: HISTORY_DEFAULT, of a named day HISTORY_MAX. venue: None: all exchanges."""

    limit: Annotated[int, msgspec.Meta(ge=1, le=HISTORY_MAX)] | None = None
    symbol: SymbolWord | None = None
    kind: Kind | None = None
    day: DayWord | None = None
    venue: Venue | None = None


class StatsWords(msgspec.Struct, frozen=True, kw_only=True):
    """venue: None: all exchanges."""

    hours: Annotated[int, msgspec.Meta(ge=1, le=STATS_MAX_H)] = STATS_DEFAULT_H
    venue: Venue | None = None


class ChangesArguments(msgspec.Struct, frozen=True, kw_only=True):
    limit: Annotated[int, msgspec.Meta(ge=1, le=CHANGES_MAX)] = CHANGES_DEFAULT


class PinArguments(msgspec.Struct, frozen=True, kw_only=True):
    """is_on: keep a status message in this chat up to date; False ends that."""

    is_on: bool = True


class HelpArguments(msgspec.Struct, frozen=True, kw_only=True):
    is_start: bool = False


# --- status and help ---------------------------------------------------------------------------------------------


async def status(request: NoWords, now: CommandContext, queries: Queries) -> PlainReply:
    return status_shown(now.audience, now.overrides, queries.health(), now_s=now.now_s, listed=now.listed)


def status_shown(
    audience: Audience, own: Overrides, health: Health, *, now_s: float, listed: Collection[str]
) -> StatusShown:
    """own: what the audience's destination has of its own. listed: empty while the contracts are not known yet."""
    watched = audience.settings.watchlist
    return StatusShown(
        settings=audience.settings,
        overridden=frozenset(own.numbers_in_force),
        health=health,
        now_s=now_s,
        audience=audience,
        unlisted=tuple(sorted(watched - frozenset(listed))) if listed else (),
    )


class UptimeShown(PlainReply, frozen=True, kw_only=True):
    """restarts: of loops that did not run through, by name. blind_s: without market data, after the first frame."""

    since_ms: int
    now_s: float
    version: str
    restarts: Mapping[str, int]
    blind_s: float


async def uptime(request: NoWords, now: CommandContext, queries: Queries) -> UptimeShown:
    health = queries.health()
    return UptimeShown(
        since_ms=int((now.now_s - health.uptime_s) * 1000),
        now_s=now.now_s,
        version=health.version,
        restarts={loop.name: loop.restarts for loop in health.loops if loop.restarts},
        blind_s=health.blind_s,
    )


def read_pin_status(command: str, words: Words) -> PinArguments | Refused:
    refused = extra(command, words, 1)
    if refused is not None:
        return refused
    word = words[0].lower() if words else "on"
    word = "off" if word in OFF_WORDS else word
    if word not in ("on", "off"):
        return Refused(command=command, reason=Bad.NO_SUCH_WORD, word=cut(words[0]))
    return PinArguments(is_on=word == "on")


def pin_status(request: PinArguments, now: CommandContext) -> Outcome:
    return StatusPin(is_on=request.is_on)


def read_help(command: str, words: Words) -> HelpArguments:
    """Words are let pass: a link that opens the bot puts its own behind /start."""
    return HelpArguments(is_start=command == "start")


async def show_help(request: HelpArguments, now: CommandContext, queries: Queries) -> PlainReply:
    return HelpShown(is_start=request.is_start)


# --- stored alerts --------------------------------------------------------------------------------


def read_history(command: str, words: Words) -> HistoryArguments | Refused:
    """A count, a symbol, a kind, an exchange and a day, each at most once, in any order."""
    venue: Venue | None = None
    limit: int | None = None
    symbol: str | None = None
    kind: Kind | None = None
    day: str | None = None
    for word in with_days(split_words(words)):
        is_second = False
        if is_day(word):
            is_second, day = day is not None, word
        elif word.lower() in VENUE_WORDS:
            is_second, venue = venue is not None, VENUE_WORDS[word.lower()]
        elif word.lower() in HISTORY_KINDS:
            is_second, kind = kind is not None, HISTORY_KINDS[word.lower()]
        elif _NUMBER_LIKE.fullmatch(word):
            count = read_whole(word, low=1, high=HISTORY_MAX)
            if isinstance(count, NotRead):
                return Refused(command=command, reason=count, word=cut(word), low=1, high=HISTORY_MAX)
            is_second, limit = limit is not None, count
        elif not spelled(word):
            return Refused(command=command, reason=Bad.NO_SUCH_WORD, word=cut(word))
        elif _DATE_LIKE.fullmatch(word) or is_duration(word):  # `24h` is no coin that anybody asks for
            return Refused(command=command, reason=Bad.NO_DAY, word=cut(word))
        else:
            is_second, symbol = symbol is not None, word
        if is_second:
            return Refused(command=command, reason=Bad.TWICE, word=cut(word))
    return HistoryArguments(limit=limit, symbol=symbol, kind=kind, day=day, venue=venue)


async def history(request: HistoryArguments, now: CommandContext, queries: Queries) -> PlainReply:
    """What this place received, of a named day by the exchange's time in the reader's zone. A delisted symbol still has
    a history, so an unlisted one is asked for as spelled."""
    if queries.alerts is None:
        return HistoryOff(command="history")
    zone = zone_of(now.audience.tz)
    day = None
    if request.day is not None:
        day = past_day(request.day, today=datetime.fromtimestamp(now.now_s, zone).date())
        if day is None:
            return Refused(command="history", reason=Bad.NO_DAY, word=cut(request.day))
    limit = request.limit or (HISTORY_DEFAULT if day is None else HISTORY_MAX)
    symbol: str | None = None
    suggestions: tuple[str, ...] = ()
    if request.symbol is not None:
        symbol = find(request.symbol, now.listed)
        if symbol is None:
            symbol, suggestions = spelled(request.symbol), nearest(request.symbol, now.listed)
    rows = await queries.alerts.recent(
        limit=limit if day is None else limit + 1,
        symbol=symbol,
        kind=request.kind,
        venue=request.venue,
        event_between_ms=None if day is None else bounds_ms(day, zone),
        destinations=_places(now),
    )
    return HistoryShown(
        alerts=rows[:limit],
        limit=limit,
        symbol=symbol,
        kind=request.kind,
        now_s=now.now_s,
        suggestions=() if rows else suggestions,
        day=day,
        has_more=len(rows) > limit,
        kept_days=queries.kept_days,
        venue=request.venue,
    )


def read_stats(command: str, words: Words) -> StatsWords | Refused:
    """Whole hours, bare or as a duration (`24h`, `7d`), and an exchange."""
    words, venue = venue_among(with_units(words))
    refused = extra(command, words, 1)
    if refused is not None or not words:
        return refused or StatsWords(venue=venue)
    hours = read_units(words[0], unit_s=3600, high=STATS_MAX_H)
    if isinstance(hours, NotRead):
        return Refused(command=command, reason=hours, word=cut(words[0]), low=1, high=STATS_MAX_H)
    return StatsWords(hours=hours, venue=venue)


async def stats(request: StatsWords, now: CommandContext, queries: Queries) -> PlainReply:
    if queries.alerts is None:
        return HistoryOff(command="stats")
    since_s = now.now_s - request.hours * 3600
    found = await queries.alerts.stats(since_s=since_s, top=STATS_TOP, destinations=_places(now), venue=request.venue)
    summary = None if queries.outcomes is None or request.venue is not None else await queries.outcomes()
    rows = () if summary is None else tuple(row for row in summary.whole if row.horizon_min == LINE_HORIZON_MIN)
    return StatsShown(hours=request.hours, stats=found, outcomes=rows, venue=request.venue)


# --- changes --------------------------------------------------------------------------------


def read_changes(command: str, words: Words) -> ChangesArguments | Refused:
    limit = read_count(command, words, default=CHANGES_DEFAULT, high=CHANGES_MAX)
    return limit if isinstance(limit, Refused) else ChangesArguments(limit=limit)


async def changes(request: ChangesArguments, now: CommandContext, queries: Queries) -> PlainReply:
    """All of them in the main destination; elsewhere only those of the place itself."""
    destinations = None if now.destination == now.audiences[0].destination else _places(now)
    found = await queries.changes.recent(destinations, limit=request.limit)
    rows = tuple((change, differences(change.made.before, change.made.after)) for change in found)
    return ChangesShown(rows=rows, now_s=now.now_s)


def _places(now: CommandContext) -> set[Destination]:
    """Whose alerts and changes are a matter of the place a command is typed in."""
    return {now.destination, now.audience.destination} if now.is_destination else {now.destination}


def undo(request: NoWords, now: CommandContext) -> Outcome:
    return Deferred(decide=_undo)


async def _undo(now: CommandContext, queries: Queries) -> Outcome:
    """The newest change that has an effect; what was typed after it and has none is taken back with it. Refused when
    what holds at the destination now is not what the change made of it."""
    standing = undoable(await queries.changes.recent(_places(now), limit=UNDO_LOOKS_BACK))
    if not standing:
        return NothingToUndo()
    change = next((row for row in standing if _was_noticed(now, row.made)), standing[-1])
    destination = change.made.destination  # where the group is now; what it was called then stands in the record
    own = now.own if destination == now.audience.destination else now.own_here
    before, after = change.made.before.at(destination), change.made.after.at(destination)
    if own == before:
        return NothingToUndo()
    in_between = _effect(now, after, own, destination)
    if in_between:
        return UndoRefused(change=change, differences=in_between, now_s=now.now_s)
    taken_back = _effect(now, own, before, destination) or differences(own, before)
    reply = Undone(change=change, differences=taken_back, now_s=now.now_s)
    return StateChange(own=before, reply=reply, destination=destination, undoes=change.id)


def _was_noticed(now: CommandContext, made: ChangeMade) -> bool:
    return bool(_effect(now, made.before, made.after, made.destination))


def _effect(
    now: CommandContext, before: DestinationOverrides, after: DestinationOverrides, destination: Destination
) -> tuple[Difference, ...]:
    """What a change makes a reader of the destination notice; being a destination of its own counts."""
    before, after = before.at(destination), after.at(destination)
    of_own = differences(before, after)
    noticed = (
        *in_force(
            now.would_be_at(destination, before.overrides),
            now.would_be_at(destination, after.overrides),
        ),
        *(one for one in of_own if one.key == "condition"),
    )
    is_routed_as_before = (before.overrides.kinds is None) is (after.overrides.kinds is None)
    return noticed if noticed or is_routed_as_before else of_own
