"""Followed traders from OKX's public copy trading, which needs no key: provider `okx_copy`.

Source: https://www.okx.com/docs-v5/en/#order-book-trading-copy-trading (2026-10): lead traders ranked by their last 90
days, 20 a page, a new ranking every 10 minutes; their open and closed positions one trader at a time; 5 requests per 2
seconds of each path. Some lead no more (code 60004), some hide what is open (empty fields).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final, TypeVar

from altmonitor.core.clock import Clock
from altmonitor.core.errors import BudgetExhausted, NotOffered, UnknownTrader
from altmonitor.core.json_text import decimal_of
from altmonitor.exchanges.okx.copy_rest import (
    CURRENT,
    HISTORY,
    HISTORY_PAGE,
    LAST_DAYS,
    RANKS,
    STATS,
    OkxCopyRest,
)
from altmonitor.exchanges.okx.copy_rows import RankedTrader, lead_closed_position, lead_performance, pool_positions
from altmonitor.exchanges.okx.trader_rows import GONE
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
    coin_signal,
    coin_sums,
    in_order,
    page_of,
    qualified,
)
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
    TraderValue,
)

V = TypeVar("V", bound=TraderValue)

RANKED_DAYS: Final = 90
MOST_NAMED: Final = 10
"""Each costs two requests, and half a second each."""
MOST_HISTORY_PAGES: Final = 5
READ_WITHIN_S: Final = 12.0
"""How long an answer about a pool reads on before it tells what it has."""

_CODE: Final = re.compile(r"[0-9A-Za-z]{16}|\d{18}", re.ASCII)
_WITH_KEY: Final = ("okx_key",)
_OTHERS: Final = ("hyperliquid", "okx_key")
NO_ASSETS: Final = "positionIntensity: copy trading does not tell what a trader owns"
NO_FEES: Final = "fee, fundingFee, closeType: copy trading does not tell them; pnl is of the price alone"
NO_HISTORY: Final = "longRatioVs1h, Vs24h, Vs7d, totalNotionalVs24h: okx_copy keeps no history"
AUM_NOTE: Final = "asset: what copiers have under management; winRate: as the ranking tells it"


class OkxCopyTraders:
    """Satisfies `TraderProvider`. `start` before the first question, `stop` after the last."""

    name: ProviderName = "okx_copy"

    def __init__(self, rest: OkxCopyRest, *, clock: Clock, read_within_s: float = READ_WITHIN_S) -> None:
        self._rest = rest
        self._clock = clock
        self._read_within_s = read_within_s

    async def start(self) -> None:
        """Raises: ConfigError for a proxy that cannot be used."""
        await self._rest.start()

    async def stop(self) -> None:
        await self._rest.stop()

    def is_ready(self) -> bool:
        return True

    def knows(self, author_id: str) -> bool:
        return _CODE.fullmatch(author_id) is not None

    # --- traders ---

    async def leaderboard(self, request: LeaderboardRequest) -> TraderAnswer[Trader]:
        if request.period_days != RANKED_DAYS:
            raise self._wrong_period(
                f"a ranking by the last {request.period_days} days, only by 90", request.period_days
            )
        if request.max_drawdown is not None:
            raise NotOffered(self.name, "maxDrawdown of a ranking", who_can=_WITH_KEY)
        ranking = await self._rest.ranking(request.update_time)
        passed = [one for one in ranking.traders.values() if _passes(one, request)]
        order = [one.author_id for one in in_order([one.pool for one in passed], request.sort_by)]
        page, following = page_of(order, request.after, request.before, request.limit)
        return self._answer(
            RANKS,
            [ranking.traders[author_id].row for author_id in page],
            age_s=self._clock.monotonic() - ranking.read_s,
            notes=("maxDrawdown: not in the ranking of copy trading", AUM_NOTE, *ranking.notes()),
            next_after=following,
            update_time=ranking.version[:12],
        )

    async def performance(self, request: NamedTraders) -> TraderAnswer[Trader]:
        if request.period_days not in LAST_DAYS:
            raise self._wrong_period(
                f"a period of {request.period_days} days, only of 7, 30 and 90", request.period_days
            )
        self._check_count(request.author_ids)
        ranking = await self._rest.ranking(None)
        found: list[Trader] = []
        notes = ["maxDrawdown: from profit at the end of each day; " + AUM_NOTE.replace("the ranking", "public-stats")]
        for author_id in request.author_ids:
            try:
                stats = await self._rest.stats(self._code(author_id), days=request.period_days)
                days = await self._rest.daily_pnl(author_id, days=request.period_days)
            except UnknownTrader as problem:
                notes.append(f"{author_id}: {problem}")
                continue
            found.append(lead_performance(author_id, stats, days, ranking.traders.get(author_id)))
        pool = [
            PoolTrader(author_id=one.author_id, pnl=decimal_of(one.pnl), pnl_ratio=decimal_of(one.pnl_ratio))
            for one in found
        ]
        by_id = {one.author_id: one for one in found}
        ordered = [by_id[one.author_id] for one in in_order(pool, request.sort_by)]
        return self._answer(STATS, ordered, notes=tuple(notes), update_time=ranking.version[:12])

    async def search(self, keyword: str) -> TraderAnswer[TraderName]:
        ranking, word = await self._rest.ranking(None), keyword.strip().casefold()
        found = [
            one
            for one in ranking.traders.values()
            if word in (one.row.nick_name or "").casefold() or one.row.author_id.casefold().startswith(word)
        ]
        found.sort(key=lambda one: (-one.followers, one.row.author_id))
        named = [
            TraderName(author_id=one.row.author_id, nick_name=one.row.nick_name, follower_count=str(one.followers))
            for one in found[:10]
        ]
        notes = ("followerCount: those who copy now", *ranking.notes())
        return self._answer(RANKS, named, age_s=self._clock.monotonic() - ranking.read_s, notes=notes)

    async def positions(self, request: PositionsRequest) -> TraderAnswer[TraderPosition]:
        book = await self._rest.book(self._code(request.author_id), is_fresh=True)
        if book.is_gone:
            raise UnknownTrader(GONE)
        found = [one for one in book.positions if request.base in (None, one.pos_ccy)]
        hidden = (f"{book.hidden} positions are open that the trader hides",) if book.hidden else ()
        return self._answer(CURRENT, found, notes=(NO_ASSETS, *hidden))

    async def positions_history(self, request: TraderHistoryRequest) -> TraderAnswer[ClosedPosition]:
        """Copy trading has no filter by coin: where one is asked for, pages are read on until enough are found."""
        code = self._code(request.author_id)
        found: list[ClosedPosition] = []
        cursor, is_all = request.after, False
        size = HISTORY_PAGE if request.base else min(HISTORY_PAGE, request.limit + 1)
        for _ in range(MOST_HISTORY_PAGES):
            page = await self._rest.history_page(code, after=cursor, before=request.before, size=size)
            read = [one for one in (lead_closed_position(row) for row in page) if one is not None]
            found += [one for one in read if request.base in (None, one.inst_id.partition("-")[0])]
            cursor, is_all = (read[-1].pos_id if read else cursor), len(page) < size
            if is_all or len(found) > request.limit or (request.base is None and len(found) >= request.limit):
                break
        shown = found[: request.limit]
        following = shown[-1].pos_id if len(found) > request.limit else None if is_all else cursor
        return self._answer(HISTORY, shown, notes=(NO_FEES,), next_after=following)

    async def orders_history(self, request: TraderHistoryRequest) -> TraderAnswer[TraderOrder]:
        raise NotOffered(self.name, "orders of a trader, only positions", who_can=_OTHERS)

    # --- pools ---

    async def overview(self, request: OverviewRequest) -> TraderAnswer[CoinSignal]:
        """Positions are read one trader at a time; what is not read in time comes with the next question."""
        end_s = self._clock.monotonic() + self._read_within_s
        pool, notes = await self._pool(request.pool)
        traders = {one.author_id: one for one in pool}
        held, silent, oldest_s = await self._held(traders, end_s=end_s)
        read = len(held) + silent
        positions = [one for found in held.values() for one in found]
        now_ms = self._rest.exchange_now_ms()
        hour = datetime.fromtimestamp(now_ms / 1000, UTC).strftime("%Y%m%d%H")
        sums = chosen_coins(coin_sums(positions), bases=request.bases, top=request.top_instruments)
        notes = [*notes, NO_HISTORY]
        if silent:
            notes.append(f"{silent} traders of the pool lead no more or hide what is open")
        if read < len(traders):
            notes.append(f"{read} of {len(traders)} traders were read so far: ask again to go on")
        return self._answer(
            CURRENT,
            [coin_signal(one, traders=traders, data_version=hour) for one in sums],
            age_s=oldest_s,
            notes=tuple(notes),
            coverage=PoolCoverage(read=read, of=len(traders)),
        )

    async def _pool(self, pool: PoolFilter | NamedTraders) -> tuple[list[PoolTrader], list[str]]:
        if isinstance(pool, NamedTraders):
            return await self._named_pool(pool)
        if pool.period_days != RANKED_DAYS:
            raise self._wrong_period(f"a pool by the last {pool.period_days} days, only by 90", pool.period_days)
        if pool.max_drawdown_tier != "MR_ANY":
            raise NotOffered(self.name, "maxDrawdownTier", who_can=_WITH_KEY)
        ranking = await self._rest.ranking(None)
        return qualified([one.pool for one in ranking.traders.values()], pool), list(ranking.notes())

    async def _named_pool(self, named: NamedTraders) -> tuple[list[PoolTrader], list[str]]:
        if named.period_days not in LAST_DAYS:
            raise self._wrong_period(f"a period of {named.period_days} days, only of 7, 30 and 90", named.period_days)
        self._check_count(named.author_ids)
        pool, notes = list[PoolTrader](), list[str]()
        for author_id in named.author_ids:
            try:
                stats = await self._rest.stats(self._code(author_id), days=named.period_days)
            except UnknownTrader as problem:
                notes.append(f"{author_id}: {problem}")
                continue
            pool.append(
                PoolTrader(author_id=author_id, win_rate=decimal_of(stats[0].get("winRatio")) if stats else None)
            )
        return pool, notes

    async def _held(
        self, traders: Mapping[str, PoolTrader], *, end_s: float
    ) -> tuple[dict[str, list[PoolPosition]], int, float]:
        """By trader; how many tell nothing; seconds since the oldest was read. Asks nobody after `end_s`."""
        sizes = await self._rest.contract_values()
        held: dict[str, list[PoolPosition]] = {}
        silent, oldest_s = 0, 0.0
        for author_id in traders:
            is_late = self._clock.monotonic() >= end_s
            book = self._rest.kept_book(author_id)
            if book is None and is_late:
                continue
            try:
                book = book or await self._rest.book(author_id)
            except BudgetExhausted:
                break
            if book.is_gone or (book.hidden and not book.positions):
                silent += 1
                continue
            oldest_s = max(oldest_s, self._clock.monotonic() - book.read_s)
            held[author_id] = pool_positions(author_id, book.positions, sizes)
        return held, silent, oldest_s

    async def trend(self, request: SignalTrendRequest) -> TraderAnswer[CoinSignalPoint]:
        raise NotOffered(self.name, "a trend: it keeps no history", who_can=_OTHERS)

    def _code(self, author_id: str) -> str:
        """Raises: UnknownTrader for what cannot be one of its ids, before anything is asked."""
        if not self.knows(author_id):
            raise UnknownTrader(f"okx_copy knows traders by a code of 16 letters and digits, not by {author_id[:40]!r}")
        return author_id

    def _check_count(self, author_ids: Sequence[str]) -> None:
        if len(author_ids) > MOST_NAMED:
            raise NotOffered(self.name, f"more than {MOST_NAMED} traders at once", who_can=_OTHERS)

    def _wrong_period(self, what: str, days: int) -> NotOffered:
        """Hyperliquid tells a day, a week and a month."""
        return NotOffered(self.name, what, who_can=_OTHERS if days in (7, 30) else _WITH_KEY)

    @staticmethod
    def _answer(
        path: str,
        found: Sequence[V],
        *,
        age_s: float = 0.0,
        notes: tuple[str, ...] = (),
        next_after: str | None = None,
        update_time: str | None = None,
        coverage: PoolCoverage | None = None,
    ) -> TraderAnswer[V]:
        return TraderAnswer(
            rows=tuple(found),
            sources=(TraderSource(venue="okx", endpoint=path, age_s=round(age_s, 1)),),
            notes=notes,
            next_after=next_after,
            update_time=update_time,
            coverage=coverage,
        )


def _passes(one: RankedTrader, request: LeaderboardRequest) -> bool:
    """What is not known is below any bound."""
    bounds = (
        (one.pool.pnl, request.min_pnl),
        (one.pool.win_rate, request.min_win_rate),
        (one.pool.asset, request.min_aum),
    )
    return all(least is None or (value is not None and value >= least) for value, least in bounds)
