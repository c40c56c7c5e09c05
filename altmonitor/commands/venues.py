"""`/venues` and `/venue off bybit`: which exchanges are watched, how they are, and which of them this chat hears of."""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final, Literal

from altmonitor.commands.arguments import VENUE_WORDS, NoWords, Words, extra, listed_symbols
from altmonitor.commands.outcome import CommandContext, Outcome, Queries, StateChange
from altmonitor.commands.replies import Bad, MutedChanged, PlainReply, Refused, SymbolsRefused, UniverseUnknown
from altmonitor.core.status import VenueStatus
from altmonitor.core.types import Venue
from altmonitor.core.venue_names import coin_of
from altmonitor.settings.changes import NOT_MUTED
from altmonitor.settings.input import OFF_WORDS, find, spelled
from altmonitor.settings.settings import venue_mark

_ON_WORDS: Final = ("on", "yes", "вкл", "开")


class VenuesShown(PlainReply, frozen=True, kw_only=True):
    """off: those whose alerts this chat does not get."""

    venues: tuple[VenueStatus, ...]
    off: tuple[Venue, ...]
    now_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueArguments:
    """is_on: alerts of that exchange are wanted in this chat."""

    venue: Venue
    is_on: bool


async def venues(request: NoWords, now: CommandContext, queries: Queries) -> VenuesShown:
    found = tuple(queries.health().vitals.venues)
    off = tuple(one.venue for one in found if now.settings.is_muted(venue_mark(one.venue), now.now_s))
    return VenuesShown(venues=found, off=off, now_s=now.now_s)


def read_venue(command: str, words: Words) -> VenueArguments | Refused:
    """`off bybit` or `bybit off`."""
    refused = extra(command, words, 2)
    if refused is not None:
        return refused
    venue: Venue | None = None
    state: Literal["on", "off"] | None = None
    for word in words:
        name = word.lower()
        if name in VENUE_WORDS and venue is None:
            venue = VENUE_WORDS[name]
        elif (name in OFF_WORDS or name in _ON_WORDS) and state is None:
            state = "on" if name in _ON_WORDS else "off"
        else:
            return Refused(command=command, reason=Bad.NO_SUCH_WORD, word=word[:32])
    if venue is None or state is None:
        return Refused(command=command, reason=Bad.MISSING)
    return VenueArguments(venue=venue, is_on=state == "on")


def switch_venue(request: VenueArguments, now: CommandContext) -> Outcome:
    """Off is a mute of everything that happens there; its rows and its account of gaps go on."""
    mark, muted = venue_mark(request.venue), now.settings.muted
    before = {symbol: until_s for symbol, until_s in muted.items() if now.settings.is_muted(symbol, now.now_s)}
    after = {symbol: until_s for symbol, until_s in before.items() if symbol != mark}
    if not request.is_on:
        after[mark] = None
    was, becomes = before.get(mark, NOT_MUTED), after.get(mark, NOT_MUTED)
    reply = MutedChanged(changes=((mark, was, becomes),), muted_count=len(after))
    if was == becomes:
        return reply
    changed = MappingProxyType(dict(sorted(after.items())))
    return StateChange(own=now.with_overrides(replace(now.overrides, muted=changed)), reply=reply)


# --- which exchange a question is about -----------------------------------------------------------------------------


class VenueNotWatched(PlainReply, frozen=True, kw_only=True):
    """An exchange that is known, and that VENUES does not name. watched: those that are, the main one first."""

    command: str
    venue: Venue
    watched: tuple[Venue, ...]


class AtOtherVenues(PlainReply, frozen=True, kw_only=True):
    """main does not list the contract and several others do: which one is meant must be said."""

    command: str
    symbol: str
    main: Venue
    venues: tuple[Venue, ...]


class NotAtThatVenue(PlainReply, frozen=True, kw_only=True):
    """What is asked is known of other exchanges only. about: `who` is positioned, `div`, or what is `counted` over past
    candles. main: the first of VENUES."""

    command: str
    venue: Venue
    main: Venue
    about: Literal["who", "div", "counted"]


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueContract:
    """symbol: as listed at the venue."""

    symbol: str
    venue: Venue


def counted_beside(now: CommandContext) -> tuple[Venue, ...]:
    """Exchanges that are watched and that no count over past candles knows: the main one first, then those; empty
    where there are none."""
    return tuple(now.venues) if len(now.venues) > 1 else ()


Unplaced = SymbolsRefused | UniverseUnknown | VenueNotWatched | AtOtherVenues


def contract_at(command: str, word: str, venue: Venue | None, now: CommandContext) -> VenueContract | Unplaced:
    """What a word means at an exchange. Without one: at the first of VENUES, and where that does not list it, at the
    only other one that does. A coin that an exchange lists under another multiple is meant by it too."""
    watched = tuple(now.venues)
    if venue is not None:
        return _listed_at(command, word, venue, now)
    found = listed_symbols(command, (word,), now.venues[watched[0]])
    if isinstance(found, tuple):
        return VenueContract(symbol=found[0], venue=watched[0])
    others = {other: symbol for other in watched[1:] if (symbol := find(word, now.venues[other])) is not None}
    if len(others) > 1:
        symbol = next(iter(others.values()))
        return AtOtherVenues(command=command, symbol=symbol, main=watched[0], venues=tuple(others))
    return next((VenueContract(symbol=symbol, venue=other) for other, symbol in others.items()), found)


def _listed_at(command: str, word: str, venue: Venue, now: CommandContext) -> VenueContract | Unplaced:
    if venue not in now.venues:
        return VenueNotWatched(command=command, venue=venue, watched=tuple(now.venues))
    listed = now.venues[venue]
    found = listed_symbols(command, (word,), listed)
    if isinstance(found, tuple):
        return VenueContract(symbol=found[0], venue=venue)
    symbol = spelled(word)
    same = sorted(other for other in listed if coin_of(other) == coin_of(symbol)) if symbol else []
    return VenueContract(symbol=same[0], venue=venue) if same and isinstance(found, SymbolsRefused) else found
