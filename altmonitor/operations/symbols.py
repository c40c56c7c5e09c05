"""The argument that most operations take: a contract as people write it."""

from __future__ import annotations

from typing import Annotated

import msgspec

from altmonitor.core.types import Venue
from altmonitor.operations.arguments import WORDS, shown
from altmonitor.operations.context import OperationContext
from altmonitor.operations.errors import BadArgument, UnknownContract
from altmonitor.settings.input import find, nearest, spelled

SymbolWord = Annotated[
    str,
    msgspec.Meta(
        min_length=1,
        max_length=40,
        description="A contract as people write it: SOLUSDT, sol, SOL/USDT.",
        examples=["SOLUSDT"],
        extra={WORDS: "a contract such as SOLUSDT"},
    ),
]


VenueWord = Annotated[Venue, msgspec.Meta(description="First of VENUES without it.")]


class OneSymbol(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    symbol: SymbolWord


class OneContractAt(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    symbol: SymbolWord
    venue: VenueWord | None = None


def spelled_symbol(word: str) -> str:
    """Only its spelling: what is stored may be delisted meanwhile. Raises: BadArgument."""
    if "," in word:
        raise BadArgument(f"symbol must be one contract such as SOLUSDT, not {shown(word)}")
    symbol = spelled(word)
    if not symbol:
        raise BadArgument(f"symbol must be a contract such as SOLUSDT, not {shown(word)}")
    return symbol


def listed_symbol(word: str, context: OperationContext, venue: Venue | None = None) -> str:
    """venue: None: the main one. Raises: BadArgument, UnknownContract for one that is not watched there now."""
    monitor = context.monitor
    listed = () if monitor is None else monitor.at(venue).board.listed()
    if word in listed:  # opaque text: what the exchange calls it need not look like a name
        return word
    symbol = spelled_symbol(word)
    if monitor is None or not listed:
        return symbol
    found = find(word, frozenset(listed))
    if found is not None:
        return found
    others = [name for name, view in monitor.venues.items() if find(word, frozenset(view.board.listed()))]
    if others:
        raise UnknownContract(f"no contract {shown(word)} is watched there; with venue={others[0]} it is")
    near = nearest(word, listed)
    meant = f"; perhaps {', '.join(near)}" if near else ""
    raise UnknownContract(f"no contract {shown(word)} is watched{meant}")


def stored_symbol(word: str, context: OperationContext, venue: Venue | None = None) -> str:
    """As it is listed, else as it would be spelled: what is stored may be delisted meanwhile. Raises: BadArgument."""
    try:
        return listed_symbol(word, context, venue)
    except UnknownContract:
        return spelled_symbol(word)


def must_be_known(word: str | None, context: OperationContext, *, is_stored: bool) -> None:
    """Nothing is stored of a contract: then it is one that is watched. Raises: BadArgument, UnknownContract."""
    if word is not None and not is_stored:
        listed_symbol(word, context)
