"""Traders that never change, behind the interface of a provider."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TypeVar

from altmonitor.core.errors import NotOffered
from altmonitor.interfaces.traders import (
    LeaderboardRequest,
    NamedTraders,
    OverviewRequest,
    PositionsRequest,
    ProviderName,
    SignalTrendRequest,
    TraderAnswer,
    TraderHistoryRequest,
)
from altmonitor.positioning.trader_pool import (
    PoolFilter,
    PoolPosition,
    PoolTrader,
    chosen_coins,
    coin_point,
    coin_signal,
    coin_sums,
    in_order,
    qualified,
)
from altmonitor.positioning.traders import (
    ClosedPosition,
    CoinSignal,
    CoinSignalPoint,
    PnlPoint,
    PoolCoverage,
    Trader,
    TraderName,
    TraderOrder,
    TraderPosition,
    TraderSource,
)

V = TypeVar("V")

HOUR = "2026092114"
CODES = tuple(f"AB99563B2FB291{number:02X}" for number in range(0x55, 0x55 + 25))
TRADERS = tuple(
    Trader(
        author_id=code,
        nick_name=f"Trader {number}",
        pnl=str(50_000 - 1_000 * number),
        pnl_ratio="0.25",
        asset="150000.5",
        win_rate="0.6957",
        max_drawdown=None,
        onboard_duration="156",
        rates=(PnlPoint(stat_time="260920", value="0.2"), PnlPoint(stat_time="260921", value="0.25")),
    )
    for number, code in enumerate(CODES)
)
POSITION = TraderPosition(
    pos_id="649582930998104064",
    inst_id="ETH-USDT-SWAP",
    inst_type="SWAP",
    pos_side="net",
    direction="short",
    pos_ccy="ETH",
    quote_ccy="USDT",
    pos="-4",
    lever="5",
    avg_px="2029.13",
    last="2027.31",
    notional_usd="81.0924",
    entry_notional_usd="81.1652",
    upl="0.0728",
    pnl=None,
    c_time="1789990000000",
    position_intensity=None,
)
CLOSED = tuple(
    ClosedPosition(
        pos_id=str(635126416883355648 - number),
        inst_id="BTC-USDT-SWAP",
        inst_type="SWAP",
        pos_side="long",
        lever="20",
        mgn_mode="isolated",
        quote_ccy="USDT",
        open_avg_px="28301.9",
        close_avg_px="28385.9",
        close_amount="3",
        realized_pnl="0.252",
        pnl="0.252",
        pnl_ratio="0.0593",
        fee=None,
        funding_fee=None,
        close_type=None,
        c_time="1789980000000",
        u_time="1789990000000",
    )
    for number in range(25)
)
ORDERS = tuple(
    TraderOrder(
        ord_id=str(735126416883355648 - number),
        inst_id="BTC-USDT-SWAP",
        inst_type="SWAP",
        side="buy",
        pos_side="long",
        ord_type="market",
        lever="20",
        px=None,
        avg_px="28301.9",
        sz="3",
        value="849.057",
        c_time="1789980000000",
        fill_time="1789980000000",
        u_time="1789980000000",
    )
    for number in range(25)
)
HELD = (
    PoolPosition(
        author_id=CODES[0], base="BTC", is_long=True, entry_notional=Decimal(300), entry_price=Decimal(60_000)
    ),
    PoolPosition(
        author_id=CODES[1], base="BTC", is_long=False, entry_notional=Decimal(100), entry_price=Decimal(61_000)
    ),
    PoolPosition(author_id=CODES[1], base="ETH", is_long=True, entry_notional=Decimal(50), entry_price=Decimal(2_000)),
)


@dataclass
class StandingTraders:
    """Satisfies `TraderProvider`. refuses: methods that it does not offer. asked: every request."""

    name: ProviderName = "okx_copy"
    refuses: frozenset[str] = frozenset()
    is_set: bool = True
    asked: list[object] = field(default_factory=list)

    def is_ready(self) -> bool:
        return self.is_set

    def knows(self, author_id: str) -> bool:
        return author_id.startswith("0x") is (self.name == "hyperliquid")

    def _note(self, method: str, request: object) -> None:
        self.asked.append(request)
        if method in self.refuses:
            raise NotOffered(self.name, f"{method} here", who_can=("hyperliquid", "okx_key"))

    async def leaderboard(self, request: LeaderboardRequest) -> TraderAnswer[Trader]:
        self._note("leaderboard", request)
        return _paged(TRADERS, [one.author_id for one in TRADERS], request, update_time="202609212210")

    async def performance(self, request: NamedTraders) -> TraderAnswer[Trader]:
        self._note("performance", request)
        found = [one for one in TRADERS if one.author_id in request.author_ids]
        unknown = [one for one in request.author_ids if one not in CODES]
        return _answer(found, notes=tuple(f"{one}: not known" for one in unknown), update_time="202609212210")

    async def search(self, keyword: str) -> TraderAnswer[TraderName]:
        self._note("search", keyword)
        return _answer(
            [
                TraderName(author_id=one.author_id, nick_name=one.nick_name, follower_count=str(100 - number))
                for number, one in enumerate(TRADERS)
            ]
        )

    async def positions(self, request: PositionsRequest) -> TraderAnswer[TraderPosition]:
        self._note("positions", request)
        return _answer([POSITION] if request.base in (None, "ETH") else [])

    async def positions_history(self, request: TraderHistoryRequest) -> TraderAnswer[ClosedPosition]:
        self._note("positions_history", request)
        return _paged(CLOSED, [one.pos_id for one in CLOSED], request)

    async def orders_history(self, request: TraderHistoryRequest) -> TraderAnswer[TraderOrder]:
        self._note("orders_history", request)
        return _paged(ORDERS, [one.ord_id for one in ORDERS], request)

    async def overview(self, request: OverviewRequest) -> TraderAnswer[CoinSignal]:
        self._note("overview", request)
        traders = {one.author_id: one for one in _pool(request.pool)}
        sums = coin_sums(one for one in HELD if one.author_id in traders)
        found = chosen_coins(sums, bases=request.bases, top=request.top_instruments)
        signals = [coin_signal(one, traders=traders, data_version=HOUR) for one in found]
        return _answer(signals, coverage=PoolCoverage(read=len(traders), of=len(traders)))

    async def trend(self, request: SignalTrendRequest) -> TraderAnswer[CoinSignalPoint]:
        self._note("trend", request)
        traders = {one.author_id: one for one in _pool(request.pool)}
        sums = coin_sums(one for one in HELD if one.author_id in traders)
        (found,) = chosen_coins(sums, bases=(request.base,), top=1)
        newest = int(request.as_of or HOUR)
        return _answer(
            [
                coin_point(found, traders_qualified=len(traders), data_version=str(newest - back))
                for back in range(min(3, request.limit))
            ]
        )


def _pool(pool: PoolFilter | NamedTraders) -> list[PoolTrader]:
    known = [PoolTrader(author_id=one.author_id, pnl=Decimal(one.pnl or 0), win_rate=Decimal("0.7")) for one in TRADERS]
    if isinstance(pool, NamedTraders):
        return in_order([one for one in known if one.author_id in pool.author_ids], pool.sort_by)
    return qualified(known, pool)


def _paged(
    rows: Sequence[V],
    ids: Sequence[str],
    request: LeaderboardRequest | TraderHistoryRequest,
    *,
    update_time: str | None = None,
) -> TraderAnswer[V]:
    start = 0 if request.after is None else ids.index(request.after) + 1
    end = start + request.limit
    return _answer(rows[start:end], next_after=ids[end - 1] if end < len(ids) else None, update_time=update_time)


def _answer(
    rows: Sequence[V],
    *,
    notes: tuple[str, ...] = (),
    next_after: str | None = None,
    update_time: str | None = None,
    coverage: PoolCoverage | None = None,
) -> TraderAnswer[V]:
    source = TraderSource(venue="okx", endpoint="/api/v5/copytrading/public-lead-traders", age_s=12.0)
    return TraderAnswer(
        rows=tuple(rows),
        sources=(source,),
        notes=notes,
        next_after=next_after,
        update_time=update_time,
        coverage=coverage,
    )
