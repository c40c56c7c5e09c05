"""`/venues` and `/venue off bybit`: which exchanges are watched, how they are, and which of them this chat hears of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final, Literal

from altmonitor.commands.arguments import NoWords, Words, extra
from altmonitor.commands.outcome import CommandContext, Outcome, Queries, StateChange
from altmonitor.commands.replies import Bad, MutedChanged, PlainReply, Refused
from altmonitor.core.status import VenueStatus
from altmonitor.core.types import VENUE_NAMES, VENUE_TITLES, Venue
from altmonitor.settings.changes import NOT_MUTED
from altmonitor.settings.input import OFF_WORDS
from altmonitor.settings.settings import venue_mark

_WORDS: Final[Mapping[str, Venue]] = MappingProxyType(
    {name: name for name in VENUE_NAMES}
    | {title.lower(): name for name, title in VENUE_TITLES.items()}
    | {"hl": "hyperliquid"}
)
_ON_WORDS: Final = ("on", "yes", "вкл", "开")


class VenuesShown(PlainReply, frozen=True, kw_only=True):
    """off: those whose alerts this chat does not get."""

    venues: tuple[VenueStatus, ...]
    off: tuple[Venue, ...]
    now_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueArguments:
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
        if name in _WORDS and venue is None:
            venue = _WORDS[name]
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
