"""Followed traders of a venue: what can be asked of whoever knows some, one request each.

Three providers stand behind it, and none can do all: what one cannot give it refuses with `NotOffered`, which names
those that can. Nothing that was asked for is left out silently.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Generic, Literal, Protocol, TypeVar, get_args

from altmonitor.positioning.trader_pool import PoolFilter, SortBy
from altmonitor.positioning.traders import (
    ClosedPosition,
    CoinSignal,
    CoinSignalPoint,
    PoolCoverage,
    Trader,
    TraderName,
    TraderOrder,
    TraderPosition,
    TraderSource,
)

R_co = TypeVar("R_co", covariant=True)

ProviderName = Literal["hyperliquid", "okx_copy", "okx_key"]
PROVIDERS: Final[tuple[ProviderName, ...]] = get_args(ProviderName)
"""In the order in which they are tried where none is named, but a configured key goes first."""

Granularity = Literal["1h", "1d"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaderboardRequest:
    """min_*, max_drawdown: None where not asked for; ratios as fractions. update_time: yyyyMMddHHmm in UTC+8, None for
    the newest. after, before: an author id, of the last (first) row of a page."""

    sort_by: SortBy
    period_days: int
    min_pnl: Decimal | None = None
    min_win_rate: Decimal | None = None
    max_drawdown: Decimal | None = None
    min_aum: Decimal | None = None
    update_time: str | None = None
    after: str | None = None
    before: str | None = None
    limit: int = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedTraders:
    """Certain traders, and the period over which their success is counted."""

    author_ids: tuple[str, ...]
    sort_by: SortBy
    period_days: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionsRequest:
    """base: a coin such as BTC; None: all."""

    author_id: str
    base: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TraderHistoryRequest:
    """after, before: the id of a row; older (newer) ones are wanted."""

    author_id: str
    base: str | None = None
    after: str | None = None
    before: str | None = None
    limit: int = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class OverviewRequest:
    """Either bases, or the top_instruments coins that most traders of the pool hold."""

    pool: PoolFilter | NamedTraders
    bases: tuple[str, ...] = ()
    top_instruments: int = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalTrendRequest:
    """as_of: the newest UTC hour wanted, yyyyMMddHH; None: this one. limit: buckets."""

    pool: PoolFilter | NamedTraders
    base: str
    granularity: Granularity
    as_of: str | None = None
    limit: int = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class TraderAnswer(Generic[R_co]):
    """rows: in the order asked for. notes: why something in them is null, missing, or not what one would think.

    next_after: what to ask for as `after` to go on; None: nothing follows. update_time: of a ranking, yyyyMMddHHmm in
    UTC+8. coverage: where a pool was read trader by trader.
    """

    rows: tuple[R_co, ...]
    sources: tuple[TraderSource, ...]
    notes: tuple[str, ...] = ()
    next_after: str | None = None
    update_time: str | None = None
    coverage: PoolCoverage | None = None


class TraderProvider(Protocol):
    """Every method may raise ExchangeError, and NotOffered for what it cannot give.

    name: one of PROVIDERS.
    """

    name: ProviderName

    def is_ready(self) -> bool:
        """False where a key is needed and none is set."""

    def knows(self, author_id: str) -> bool:
        """An id of this shape may be one of its traders."""

    async def leaderboard(self, request: LeaderboardRequest) -> TraderAnswer[Trader]: ...
    async def performance(self, request: NamedTraders) -> TraderAnswer[Trader]:
        """Unknown ids have no row, but a note."""

    async def search(self, keyword: str) -> TraderAnswer[TraderName]:
        """At most 10, the most followed first."""

    async def positions(self, request: PositionsRequest) -> TraderAnswer[TraderPosition]: ...
    async def positions_history(self, request: TraderHistoryRequest) -> TraderAnswer[ClosedPosition]:
        """Newest first."""

    async def orders_history(self, request: TraderHistoryRequest) -> TraderAnswer[TraderOrder]:
        """Newest first."""

    async def overview(self, request: OverviewRequest) -> TraderAnswer[CoinSignal]:
        """One row per coin, of the current UTC hour."""

    async def trend(self, request: SignalTrendRequest) -> TraderAnswer[CoinSignalPoint]:
        """Newest first."""


def in_turn(traders: Mapping[ProviderName, TraderProvider], ids: Sequence[str]) -> list[TraderProvider]:
    """Those that can be asked about such ids: whoever has a key first, then as `PROVIDERS` has them."""
    order = sorted(traders.values(), key=lambda one: (one.name != "okx_key", PROVIDERS.index(one.name)))
    return [one for one in order if one.is_ready() and all(map(one.knows, ids))]


# ---
# What a chat asks.


@dataclass(frozen=True, slots=True, kw_only=True)
class CoinOfPool:
    """What the best traders by `period_days` hold of one coin. signal: None where the provider tells nothing of it."""

    base: str
    provider: ProviderName
    period_days: int
    signal: CoinSignal | None
    coverage: PoolCoverage | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TraderPicture:
    """performance: None where the id is not ranked. missing: parts that the provider does not offer."""

    author_id: str
    provider: ProviderName
    period_days: int
    performance: Trader | None
    positions: tuple[TraderPosition, ...]
    orders: tuple[TraderOrder, ...]
    missing: tuple[Literal["performance", "positions", "orders"], ...]


class TraderQueries(Protocol):
    """Whoever can answers. May raise ExchangeError."""

    async def whales(self, base: str) -> CoinOfPool | None:
        """None: nobody can tell."""

    async def trader(self, author_id: str) -> TraderPicture | None:
        """Its three questions at once. None: nobody knows such an id."""
