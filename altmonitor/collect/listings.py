"""What the contract list says about comings and goings: a new contract, an announced end, an end, a new name."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from altmonitor.core.alert import Alert, Details
from altmonitor.core.clock import Clock
from altmonitor.core.types import Venue, of_venue
from altmonitor.core.venue_names import coin_of
from altmonitor.market.contracts import Contract

DAY_MS: Final = 86_400_000
ANNOUNCED_WITHIN_MS: Final = 90 * DAY_MS
"""An end that is farther away is the placeholder of a contract without one."""
MOST_AT_ONCE: Final = 20
"""More in one list are a list that changed, not listings."""


What = Literal["listed", "announced", "gone", "renamed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ListingNews:
    """what: a new contract is traded, its end is announced, it is no longer traded, or a coin goes on under another
    name. at_ms: when trading began or ends, unix ms; 0 where the venue does not say. old_name: of what was renamed."""

    symbol: str
    what: What
    at_ms: int
    old_name: str = ""

    def key(self, now_ms: int) -> str:
        """now_ms: by the exchange's clock. Without a date it is one of its day, so that whoever else reads the list, a
        moment earlier or later, gives it the same key."""
        return f"listing:{self.symbol}:{self.what}:{self.at_ms or now_ms // DAY_MS * DAY_MS}"

    def alert(self, *, venue: Venue, now_ms: int, skew_ms: float, price: float | None) -> Alert:
        """Silent. skew_ms: what now_ms is ahead of the exchange's clock."""
        return Alert(
            key=of_venue(venue, self.key(round(now_ms - skew_ms))),
            ts=now_ms / 1000,
            event_ms=now_ms,
            symbol=self.symbol,
            kind="listing",
            direction="UP" if self.what in ("listed", "renamed") else "DOWN",
            price=price,
            note=self.what,
            details=Details(contract_ms=self.at_ms or None, old_name=self.old_name or None, is_silent=True),
            venue=venue,
        )


class Listings:
    """on_news: called once for each. What is there when the list is first read is no news, but an announced end is."""

    def __init__(self, *, clock: Clock, on_news: Callable[[ListingNews], None]) -> None:
        self._clock = clock
        self._on_news = on_news
        self._known: frozenset[str] | None = None
        self._ends: dict[str, int] = {}

    def follow(self, contracts: Mapping[str, Contract], symbols: Collection[str]) -> None:
        """contracts: the whole list, by symbol. symbols: those that are watched now."""
        before, now = self._known, frozenset(symbols)
        self._known = now
        if before is not None:
            added, gone = now - before, before - now
            for old, new in _renamed(gone, added).items():
                contract = contracts.get(new)
                self._ends.pop(old, None)
                self._tell(new, "renamed", 0 if contract is None else contract.onboard_ms, old_name=old)
                added, gone = added - {new}, gone - {old}
            if len(added) <= MOST_AT_ONCE:
                for symbol in sorted(added):
                    contract = contracts.get(symbol)
                    self._tell(symbol, "listed", 0 if contract is None else contract.onboard_ms)
            if len(gone) <= MOST_AT_ONCE:
                for symbol in sorted(gone):
                    self._tell(symbol, "gone", self._ends.pop(symbol, 0))
        now_ms = self._clock.now_ms()
        for symbol in sorted(now):
            contract = contracts.get(symbol)
            end_ms = 0 if contract is None else contract.delivery_ms
            if now_ms < end_ms < now_ms + ANNOUNCED_WITHIN_MS and self._ends.get(symbol) != end_ms:
                self._ends[symbol] = end_ms
                self._tell(symbol, "announced", end_ms)

    def _tell(self, symbol: str, what: What, at_ms: int, *, old_name: str = "") -> None:
        self._on_news(ListingNews(symbol=symbol, what=what, at_ms=at_ms, old_name=old_name))


def _renamed(gone: Collection[str], added: Collection[str]) -> Mapping[str, str]:
    """Old name → new: one contract of a coin that left and one of the same coin that came, in the same list."""
    lost: dict[str, list[str]] = {}
    for symbol in gone:
        lost.setdefault(coin_of(symbol), []).append(symbol)
    came: dict[str, list[str]] = {}
    for symbol in added:
        came.setdefault(coin_of(symbol), []).append(symbol)
    return {names[0]: came[coin][0] for coin, names in lost.items() if len(names) == len(came.get(coin, ())) == 1}
