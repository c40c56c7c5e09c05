"""Questions about the market and about who is positioned."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo
from typing import Annotated, Literal

import msgspec

from altmonitor.commands.arguments import (
    DayWord,
    OneContract,
    SymbolWord,
    Words,
    cut,
    extra,
    listed_symbols,
    one_of,
    read_units,
    unreadable,
    venue_among,
    window_word,
    with_days,
    with_units,
    without_venue,
)
from altmonitor.commands.outcome import CommandContext, Queries
from altmonitor.commands.replies import Bad, PlainReply, Refused, SymbolsRefused, UniverseUnknown
from altmonitor.commands.replies_market import (
    ChangeShown,
    ChartShown,
    CompareShown,
    DivergenceShown,
    Explained,
    FundingShown,
    NothingKnown,
    OpenInterestShown,
    PriceShown,
    ScanShown,
    TooFewRows,
    TopShown,
    TrendShown,
    WhoShown,
)
from altmonitor.commands.venues import NotAtThatVenue, VenueContract, VenueNotWatched, contract_at
from altmonitor.core.types import Venue, named_venue
from altmonitor.interfaces.queries import TOP_WINDOWS, TopWindow
from altmonitor.positioning.history import DEFAULT_ENTRIES, NotEnoughSnapshots
from altmonitor.positioning.units import DEFAULT_PERIOD, PERIODS
from altmonitor.settings.days import is_day, past_day
from altmonitor.settings.input import NotRead, spelled
from altmonitor.settings.zones import zone_of

TOP_DEFAULT: TopWindow = "1h"
TOP_ROWS = 10
DEFAULT_MIN, MOST_MIN = 60, 10_080

_TIME = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?", re.ASCII)
_ABOUTS: dict[str, Literal["change", "trend"]] = {"change": "change", "trend": "trend"}


@dataclass(frozen=True, slots=True, kw_only=True)
class TopArguments:
    """venue: None: the first of VENUES."""

    window: TopWindow = TOP_DEFAULT
    venue: Venue | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WhyWords:
    """symbol, day: as typed. at: local time of the reader, None asks about now. day: None: the last time it was so.
    is_utc: both are UTC. venue: as of OneContract."""

    symbol: SymbolWord
    at: time | None = None
    day: DayWord | None = None
    is_utc: bool = False
    venue: Venue | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WhoArguments:
    """symbol: as typed, '' for a scan of all. about: None asks for everything known now. venue: None: the main one,
    the only one of which it is known."""

    symbol: SymbolWord = ""
    about: Literal["change", "trend", "scan"] | None = None
    minutes: Annotated[int, msgspec.Meta(ge=1, le=MOST_MIN)] = DEFAULT_MIN
    venue: Venue | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DivergenceArguments:
    """symbol: as typed. period: of PERIODS. venue: whose crowd and top traders; None: the main one's."""

    symbol: SymbolWord
    period: Annotated[str, one_of(PERIODS)] = DEFAULT_PERIOD
    venue: Venue | None = None


# --- what the live books say -------------------------------------------------------------------------------------


def read_top(command: str, words: Words) -> TopArguments | Refused:
    words, venue = venue_among(with_units(words))
    refused = extra(command, words, 1)
    if refused is not None:
        return refused
    windows: dict[str, TopWindow] = {window: window for window in TOP_WINDOWS} | {"1d": "24h"}
    window = windows.get(window_word(words[0])) if words else TOP_DEFAULT
    if window is None:
        return Refused(command=command, reason=Bad.NO_SUCH_WORD, word=cut(words[0]))
    return TopArguments(window=window, venue=venue)


async def top(request: TopArguments, now: CommandContext, queries: Queries) -> PlainReply:
    venue = request.venue or now.main_venue
    if venue not in now.venues:
        return VenueNotWatched(command="top", venue=venue, watched=tuple(now.venues))
    return TopShown(top=await queries.venues[venue].market.top(request.window, count=TOP_ROWS), now_s=now.now_s)


async def price(request: OneContract, now: CommandContext, queries: Queries) -> PlainReply:
    found = contract_at("price", request.symbol, request.venue, now)
    if not isinstance(found, VenueContract):
        return found
    facts = await queries.venues[found.venue].market.price(found.symbol)
    return _unknown("price", found, now) if facts is None else PriceShown(facts=facts, now_s=now.now_s)


async def open_interest(request: OneContract, now: CommandContext, queries: Queries) -> PlainReply:
    found = contract_at("oi", request.symbol, request.venue, now)
    if not isinstance(found, VenueContract):
        return found
    facts = await queries.venues[found.venue].market.open_interest(found.symbol)
    return _unknown("oi", found, now) if facts is None else OpenInterestShown(facts=facts, now_s=now.now_s)


async def funding(request: OneContract, now: CommandContext, queries: Queries) -> PlainReply:
    found = contract_at("funding", request.symbol, request.venue, now)
    if not isinstance(found, VenueContract):
        return found
    facts = await queries.venues[found.venue].market.funding(found.symbol)
    return _unknown("funding", found, now) if facts is None else FundingShown(facts=facts, now_s=now.now_s)


async def chart(request: OneContract, now: CommandContext, queries: Queries) -> PlainReply:
    found = contract_at("chart", request.symbol, request.venue, now)
    if not isinstance(found, VenueContract):
        return found
    picture = await queries.venues[found.venue].market.chart(found.symbol, destination=now.destination)
    return _unknown("chart", found, now) if picture is None else ChartShown(chart=picture)


def _unknown(command: str, found: VenueContract, now: CommandContext) -> NothingKnown:
    return NothingKnown(command=command, symbol=found.symbol, venue=named_venue(found.venue, now.venues))


# --- why an alert came, or did not --------------------------------------------------------------------------------


def read_why(command: str, words: Words) -> WhyWords | Refused:
    """A symbol, then nothing, a time, or a day and a time; `UTC` behind it where it is not the reader's own."""
    if not words:
        return Refused(command=command, reason=Bad.MISSING)
    words, venue = without_venue(words)
    refused = unreadable(command, words[:1])
    if refused is not None:
        return refused
    symbol, *rest = with_days(words)
    is_utc = len(rest) > 1 and rest[-1].upper() == "UTC"
    rest = rest[:-1] if is_utc else rest
    if len(rest) > 2:
        return Refused(command=command, reason=Bad.EXTRA, word=cut(rest[2]))
    if not rest:
        return WhyWords(symbol=symbol, venue=venue)
    clock = _TIME.fullmatch(rest[-1])
    day = rest[0] if len(rest) == 2 else None
    if clock is None or (day is not None and not is_day(day)):
        return Refused(command=command, reason=Bad.NO_TIME, word=cut(" ".join(rest)))
    at = time(int(clock[1]), int(clock[2]), int(clock[3] or 0))
    return WhyWords(symbol=symbol, at=at, day=day, is_utc=is_utc, venue=venue)


async def why(request: WhyWords, now: CommandContext, queries: Queries) -> PlainReply:
    """Of a contract that left the exchange, about a minute in which something is known of it."""
    found = contract_at("why", request.symbol, request.venue, now)
    symbol = found.symbol if isinstance(found, VenueContract) else spelled(request.symbol)
    venue = found.venue if isinstance(found, VenueContract) else request.venue or now.main_venue
    is_meant = isinstance(found, SymbolsRefused | UniverseUnknown)
    if not isinstance(found, VenueContract) and (request.at is None or not symbol or not is_meant):
        return found
    at_ms = None
    if request.at is not None:
        zone = UTC if request.is_utc else zone_of(now.audience.tz)
        at_s = _was_at(request.at, request.day, zone, now_s=now.now_s)
        if at_s is None:
            word = f"{request.at:%H:%M}" if request.day is None else f"{request.day} {request.at:%H:%M}"
            return Refused(command="why", reason=Bad.NO_TIME, word=word)
        at_ms = int(at_s * 1000)
    explanation = await queries.venues[venue].explain(symbol, at_ms, now.audience.destination)
    is_known = bool(explanation.told) or any(check.verdict.is_raised for check in explanation.checks)
    if not isinstance(found, VenueContract) and not is_known:
        return found
    return Explained(explanation=explanation, now_s=now.now_s, venue=named_venue(venue, now.venues))


def _was_at(at: time, day: str | None, zone: tzinfo, *, now_s: float) -> float | None:
    """Unix seconds when the clocks of that zone last showed this time, or showed it on that day; None: they did not,
    because it is still to come, there is no such day, or they were put forward past it."""
    today = datetime.fromtimestamp(now_s, zone).date()
    days = [today - timedelta(days=ago) for ago in range(3)] if day is None else [past_day(day, today=today)]
    for on in days:
        if on is None:
            continue
        for fold in (1, 0):  # where clocks are put back they show it twice
            at_s = datetime.combine(on, at.replace(fold=fold), zone).timestamp()
            if at_s <= now_s and datetime.fromtimestamp(at_s, zone).time() == at:
                return at_s
    return None


# --- who is positioned --------------------------------------------------------------------------------


def read_who(command: str, words: Words) -> WhoArguments | Refused:
    """A symbol; or `change` or `trend`, a symbol and how far back; or `scan`."""
    if not words:
        return Refused(command=command, reason=Bad.MISSING)
    words, venue = without_venue(words)
    first = words[0].lower()
    if first == "scan":
        return extra(command, words, 1) or WhoArguments(symbol="", about="scan", venue=venue)
    if first not in _ABOUTS:
        refused = extra(command, words, 1) or unreadable(command, words[:1])
        return refused or WhoArguments(symbol=words[0], venue=venue)
    if len(words) == 1:
        return Refused(command=command, reason=Bad.MISSING)
    refused = extra(command, words, 3) or unreadable(command, words[1:2])
    if refused is not None:
        return refused
    minutes = read_units(words[2], unit_s=60, high=MOST_MIN) if len(words) == 3 else DEFAULT_MIN
    if isinstance(minutes, NotRead):
        return Refused(command=command, reason=minutes, word=cut(words[2]), low=1, high=MOST_MIN)
    return WhoArguments(symbol=words[1], about=_ABOUTS[first], minutes=minutes, venue=venue)


async def who(request: WhoArguments, now: CommandContext, queries: Queries) -> PlainReply:
    positions = queries.positions
    if request.venue not in (None, now.main_venue):
        return NotAtThatVenue(command="who", venue=request.venue, main=now.main_venue, about="who")
    if request.about == "scan":
        return ScanShown(found=await positions.scan(limit=DEFAULT_ENTRIES))
    found = listed_symbols("who", (request.symbol,), now.main_listed)
    if not isinstance(found, tuple):
        return found
    if request.about is None:
        return WhoShown(facts=await positions.who(found[0]))
    if request.about == "change":
        change = await positions.change(found[0], minutes=request.minutes)
        statistics = await positions.statistics_change(found[0], minutes=request.minutes)
        if isinstance(change, NotEnoughSnapshots) and not statistics:
            return TooFewRows(found=change)
        return ChangeShown(found=change, statistics=statistics)
    trend = await positions.trend(found[0], minutes=request.minutes)
    return TooFewRows(found=trend) if isinstance(trend, NotEnoughSnapshots) else TrendShown(found=trend)


@dataclass(frozen=True, slots=True, kw_only=True)
class TwoSymbols:
    first: SymbolWord
    second: SymbolWord


def read_two_symbols(command: str, words: Words) -> TwoSymbols | Refused:
    if len(words) < 2:
        return Refused(command=command, reason=Bad.MISSING)
    refused = extra(command, words, 2) or unreadable(command, words)
    return refused or TwoSymbols(first=words[0], second=words[1])


async def compare(request: TwoSymbols, now: CommandContext, queries: Queries) -> PlainReply:
    found = listed_symbols("compare", (request.first, request.second), now.main_listed)
    if not isinstance(found, tuple):
        return found
    if len(found) < 2:
        return Refused(command="compare", reason=Bad.TWICE, word=cut(request.second))
    first, second = await asyncio.gather(*(queries.positions.who(symbol) for symbol in found))
    return CompareShown(facts=(first, second))


def read_divergence(command: str, words: Words) -> DivergenceArguments | Refused:
    if not words:
        return Refused(command=command, reason=Bad.MISSING)
    words, venue = without_venue(words)
    refused = extra(command, words, 2) or unreadable(command, words[:1])
    if refused is not None:
        return refused
    period = words[1].lower() if len(words) == 2 else DEFAULT_PERIOD
    if period not in PERIODS:
        return Refused(command=command, reason=Bad.NO_SUCH_WORD, word=cut(words[1]))
    return DivergenceArguments(symbol=words[0], period=period, venue=venue)


async def divergence(request: DivergenceArguments, now: CommandContext, queries: Queries) -> PlainReply:
    """Also of an exchange that is not watched: it is asked for this alone."""
    venue = request.venue or now.main_venue
    if venue not in queries.positions.divergence_venues:
        return NotAtThatVenue(command="div", venue=venue, main=now.main_venue, about="div")
    found = listed_symbols("div", (request.symbol,), now.venues.get(venue, now.main_listed))
    if not isinstance(found, tuple):
        return found
    facts = await queries.positions.divergence(found[0], period=request.period, venue=venue)
    return DivergenceShown(facts=facts, now_s=now.now_s, venue=None if venue == now.main_venue else venue)
