"""One venue as the monitor meets it, whichever it is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from altmonitor.config import Config
from altmonitor.core.clock import Clock
from altmonitor.core.status import GuardStatus
from altmonitor.core.types import Venue
from altmonitor.exchanges.exchange_clock import ExchangeClock
from altmonitor.exchanges.rest.client import venue_guard
from altmonitor.exchanges.rest.guard import Guard
from altmonitor.exchanges.ws.dialect import Dialect
from altmonitor.exchanges.ws.feed import FeedOptions, KlineFeed
from altmonitor.exchanges.ws.liquidations import LiquidationStreams
from altmonitor.interfaces.exchange import Feed, FeedSink, MarketRest, OpenInterestTable
from altmonitor.interfaces.positioning import Positioning
from altmonitor.interfaces.wallets import WalletSource
from altmonitor.positioning.funding import VenueFunding


@dataclass(frozen=True, slots=True, kw_only=True)
class AdapterDeps:
    """on_guard: told when the venue refuses us and when it no longer does. answer_s: how long an answer may take."""

    config: Config
    clock: Clock
    on_guard: Callable[[GuardStatus], None]
    answer_s: float
    feed: FeedOptions

    def gate(self, venue: Venue, base_url: str, *, requests: int, per_s: float, probe: str) -> Guard:
        """As of `venue_guard`. Its block file is shared with whatever else asks that venue from here."""
        return venue_guard(
            base_url,
            clock=self.clock,
            requests=requests,
            per_s=per_s,
            probe=probe,
            block_file=self.config.db_file.with_name(f"{venue}-block.json"),
            on_change=self.on_guard,
        )

    def feed_over(self, url: str, dialect: Dialect, exchange_clock: ExchangeClock) -> Callable[[FeedSink], Feed]:
        return lambda sink: KlineFeed(
            url, dialect=dialect, sink=sink, clock=self.clock, exchange_clock=exchange_clock, options=self.feed
        )

    def file(self, name: str, venue: Venue) -> Path:
        """Beside DB_FILE, one for each venue: `exchange-block.json`, `exchange-block-bybit.json`."""
        path = self.config.db_file.with_name(name)
        return path if venue == "binance" else path.with_stem(f"{path.stem}-{venue}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Units:
    """In what a venue counts, and what its letters mean. Proofs: tests/exchanges/test_venues_units.py, docs/venues.md.

    oi_sides: 2 where its open interest counts buyers and sellers, so that half of it is what others tell.
    long_liquidated: the letter of a liquidation by which a long position ended.
    funding_hours: between two settlements where it names no other for a symbol.
    """

    venue: Venue
    oi_sides: Literal[1, 2]
    long_liquidated: str
    funding_hours: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeAdapter:
    """rest and positioning share one connection and one gate. feed: built once, around whoever listens.

    clock: the venue's own, set by what `rest` is told. oi_table: where open interest of all symbols comes in one
    answer; None where each is asked for by itself. liquidations: address and streams; None where it tells none.
    predicted_fundings: symbol → what other venues will charge too; None where it tells only its own.
    wallets: through the same gate; None where the venue shows no accounts.
    """

    rest: MarketRest
    clock: ExchangeClock
    positioning: Positioning
    feed: Callable[[FeedSink], Feed]
    units: Units
    oi_table: OpenInterestTable | None = None
    liquidations: tuple[str, LiquidationStreams] | None = None
    predicted_fundings: Callable[[], Awaitable[Mapping[str, Sequence[VenueFunding]]]] | None = None
    wallets: Callable[[], WalletSource] | None = None
