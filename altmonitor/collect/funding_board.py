"""Funding of one coin at every venue, side by side and per 8 hours: what is watched, and what Hyperliquid tells of the
rest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from altmonitor.collect.tickers import MarketSnapshots
from altmonitor.core.clock import Clock
from altmonitor.core.types import VENUE_NAMES, Fraction, Venue
from altmonitor.core.venue_names import coin_of
from altmonitor.market.quotes import Funding
from altmonitor.positioning.funding import VenueFunding, rate_8h

_ORDER: Final = {venue: place for place, venue in enumerate(VENUE_NAMES)}


class FundingBoard:
    """tables: of the venues that are watched. A venue's own table goes before what another tells of it.

    Rates are compared by coin: `1000PEPEUSDT` and `PEPEUSDT` are the same. Rows older than five minutes are left out.
    """

    def __init__(self, tables: Mapping[Venue, MarketSnapshots], *, clock: Clock) -> None:
        self._tables = tables
        self._clock = clock
        self._coins: dict[int, tuple[Mapping[str, object], Mapping[str, str]]] = {}

    def of(self, symbol: str) -> tuple[VenueFunding, ...]:
        """Of the contract's coin, one row a venue, the contract itself where the venue lists it."""
        coin = coin_of(symbol)
        found: dict[Venue, VenueFunding] = {}
        for table in self._tables.values():
            told = table.predicted_fundings()
            at = symbol if symbol in told else self._by_coin(told).get(coin)
            found |= {row.venue: row for row in (() if at is None else told[at])}
        for venue, table in self._tables.items():
            fundings = table.fundings()
            at = symbol if symbol in fundings else self._by_coin(fundings).get(coin)
            row = None if at is None else self._own(venue, table, fundings[at])
            if row is not None:
                found[venue] = row
        return tuple(found[venue] for venue in sorted(found, key=_ORDER.__getitem__))

    def coins(self) -> Sequence[str]:
        """All that any venue has a rate of, in alphabetical order."""
        known: set[str] = set()
        for table in self._tables.values():
            known |= self._by_coin(table.fundings()).keys() | self._by_coin(table.predicted_fundings()).keys()
        return sorted(known)

    def of_coin(self, coin: str) -> tuple[VenueFunding, ...]:
        """coin: as `coins` names it."""
        return self.of(f"{coin}USDT")

    def _own(self, venue: Venue, table: MarketSnapshots, funding: Funding) -> VenueFunding | None:
        hours, age_s = table.funding_hours(funding.symbol), table.ages().funding_s
        rate = rate_8h(Fraction(funding.rate), interval_h=hours)
        if rate is None or age_s is None:
            return None
        return VenueFunding(
            venue=venue,
            symbol=funding.symbol,
            rate_8h=rate,
            interval_h=hours,
            next_ms=funding.next_ms or None,
            as_of_ms=self._clock.now_ms() - round(age_s * 1000),
            source="own",
        )

    def _by_coin(self, rows: Mapping[str, object]) -> Mapping[str, str]:
        """Coin → symbol, made once for each table that was read; of two contracts of one coin the first by name."""
        if not rows:  # a new one whenever it is asked for: it would push out those that took long to make
            return {}
        kept = self._coins.get(id(rows))
        if kept is None or kept[0] is not rows:
            if len(self._coins) > 2 * len(VENUE_NAMES):
                self._coins.clear()
            kept = self._coins[id(rows)] = rows, {coin_of(symbol): symbol for symbol in sorted(rows, reverse=True)}
        return kept[1]
