"""What the running program is asked by commands and servers: values, and the Protocols behind which they are known."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from altmonitor.core.types import Destination, Venue
from altmonitor.positioning.divergence import Divergence
from altmonitor.positioning.funding import DEFAULT_NOTIONAL_USD, VenueFunding
from altmonitor.positioning.history import ExtremeScan, NotEnoughSnapshots, PositionChange, ProfitTrend
from altmonitor.positioning.picture import PositionPicture
from altmonitor.positioning.statistics_history import StoredOiChange, StoredRatioChange
from altmonitor.positioning.units import DEFAULT_PERIOD

# ---
# The market, from the live books. Each answer is of one exchange; its `venue` is None where only Binance is watched.

TopWindow = Literal["1m", "5m", "1h", "24h"]
TOP_WINDOWS: tuple[TopWindow, ...] = ("1m", "5m", "1h", "24h")


@dataclass(frozen=True, slots=True, kw_only=True)
class TopRow:
    """change_pct: over the window asked for. day_quote_usdt: quote volume of 24 h; None: not known."""

    symbol: str
    change_pct: float
    price: float
    day_quote_usdt: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Top:
    """rising, falling: the largest move first, each at most as many as asked. symbols: how many were compared.

    as_of_ms: event time of the newest price among them; None without any.
    """

    window: TopWindow
    rising: Sequence[TopRow]
    falling: Sequence[TopRow]
    symbols: int
    as_of_ms: int | None
    venue: Venue | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceFacts:
    """changes: (window such as `1m`, percent or None where it is not known), shortest first. *_age_s: of the sample."""

    symbol: str
    price: float
    event_ms: int
    changes: tuple[tuple[str, float | None], ...]
    day_quote_usdt: float | None = None
    day_high: float | None = None
    day_low: float | None = None
    mark_price: float | None = None
    venue: Venue | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenInterestFacts:
    """contracts: base coins. usd: at the last price. change_*_pct: None where no honest value exists."""

    symbol: str
    contracts: float
    usd: float | None
    sampled_ms: int
    change_1m_pct: float | None = None
    change_5m_pct: float | None = None
    span_1m_s: float | None = None  # what was really measured
    span_5m_s: float | None = None
    venue: Venue | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FundingFacts:
    """rate: fraction per interval (0.0001 = 0.01 %), as it stands for the next settlement. interval_h: hours.

    venues: of the coin at every venue where it is known, also this one.
    """

    symbol: str
    rate: float
    as_of_ms: int
    interval_h: float | None = None
    next_ms: int | None = None
    mark_price: float | None = None
    venues: tuple[VenueFunding, ...] = ()
    venue: Venue | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartPicture:
    """png: the picture. from_ms … to_ms: what it shows."""

    symbol: str
    png: bytes
    from_ms: int
    to_ms: int
    venue: Venue | None = None


class MarketQueries(Protocol):
    """None: nothing is known of that symbol (yet). All may raise StorageError and ExchangeError."""

    async def top(self, window: TopWindow, *, count: int) -> Top: ...
    async def price(self, symbol: str) -> PriceFacts | None: ...
    async def open_interest(self, symbol: str) -> OpenInterestFacts | None: ...
    async def funding(self, symbol: str) -> FundingFacts | None: ...
    async def chart(self, symbol: str, *, destination: Destination) -> ChartPicture | None:
        """destination: whose zone the times are in."""


# ---
# Who is positioned.

Part = Literal["smartMoney", "topTrader", "openInterest", "funding"]
PARTS: tuple[Part, ...] = ("smartMoney", "topTrader", "openInterest", "funding")


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionScope:
    """What is asked of one contract: each part costs requests.

    period: of the top traders' buckets. notional_usd: of the position whose funding is computed.
    """

    parts: frozenset[Part] = frozenset(PARTS)
    period: str = DEFAULT_PERIOD
    notional_usd: float = DEFAULT_NOTIONAL_USD


EVERYTHING = PositionScope()


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingPart:
    """reason: one line for a person, '' when there is no more to say. cause: `blocked` (not asked before until_ms),
    `unreachable`, `no data` (for this symbol), `not tracked`."""

    part: Part
    cause: str
    until_ms: int | None = None
    reason: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class WhoFacts:
    """day_*: of the last 24 h, percent and USDT; None when not known. missing: why a part of the picture is None."""

    picture: PositionPicture
    day_change_pct: float | None = None
    day_quote_usdt: float | None = None
    missing: tuple[MissingPart, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DivergenceFacts:
    """found: None when crowd and top traders have no bucket in common."""

    symbol: str
    period: str
    found: Divergence | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StatisticsChange:
    """What moved beside the followed traders; None with fewer than two stored rows in the time asked for."""

    open_interest: StoredOiChange | None = None
    top_traders: StoredRatioChange | None = None

    def __bool__(self) -> bool:
        return self.open_interest is not None or self.top_traders is not None


class PositionQueries(Protocol):
    """Questions to the exchange, its website and what a tracker stored.

    May raise ExchangeError; the last four StorageError.
    """

    @property
    def divergence_venues(self) -> Collection[Venue]:
        """Exchanges that tell of both, their crowd and their top traders."""

    async def who(self, symbol: str, scope: PositionScope = EVERYTHING) -> WhoFacts: ...
    async def divergence(self, symbol: str, *, period: str, venue: Venue | None = None) -> DivergenceFacts:
        """venue: of `divergence_venues`; None: the one that all else is about."""

    async def change(self, symbol: str, *, minutes: int) -> PositionChange | NotEnoughSnapshots: ...
    async def statistics_change(self, symbol: str, *, minutes: int) -> StatisticsChange: ...
    async def trend(self, symbol: str, *, minutes: int) -> ProfitTrend | NotEnoughSnapshots: ...
    async def scan(self, *, limit: int) -> ExtremeScan: ...
