"""Hyperliquid's wallets as followed traders: provider `hyperliquid`, which needs no key.

The pool that is watched answers what many do together; one wallet, watched or not, is asked about by itself. What the
venue does not tell is refused with the providers that can, never left out of a filter.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeVar

from altmonitor.core.clock import Clock
from altmonitor.core.errors import ExchangeError, NotOffered, UnknownTrader
from altmonitor.core.json_text import decimal_of
from altmonitor.exchanges.hyperliquid import trader_values as values
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
from altmonitor.interfaces.wallets import HourOfPool, WalletLookup, WalletQueries
from altmonitor.positioning.trader_pool import (
    CoinBefore,
    CoinPast,
    PoolFilter,
    PoolTrader,
    chosen_coins,
    coin_point,
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
from altmonitor.positioning.wallet_fills import closed_trades
from altmonitor.positioning.wallet_pool import PoolSnapshot
from altmonitor.positioning.wallets import ADDRESS, WalletState

V = TypeVar("V", bound=TraderValue)

MOST_NAMED: Final = 10
MOST_WITH_FILLS: Final = 3
"""Fills of one wallet weigh up to 120 of the 700 that may be spent in a minute."""
MOST_FILLS: Final = 2_000

_OKX: Final = ("okx_copy", "okx_key")
_WITH_KEY: Final = ("okx_key",)
NOT_RANKED: Final = "winRate, maxDrawdown: not on the leaderboard, get_performance_by_trader works them out"
NO_WIN_RATES: Final = "winRate: fills of a whole pool are not read"
NO_FUNDING: Final = "fundingFee: fills do not tell it; pnl is realizedPnl less fees"
NO_ORDER_FACTS: Final = "px, ordType, lever: fills do not tell them; an order is the sum of its fills"
NO_OPENING: Final = (
    "cTime: known where a watched wallet opened it while it was watched; pnl: what it realised is not told"
)


class HyperliquidTraders:
    """Satisfies `TraderProvider`. pool: the watched wallets. lookup: one wallet."""

    name: ProviderName = "hyperliquid"

    def __init__(self, pool: WalletQueries, lookup: WalletLookup, *, clock: Clock) -> None:
        self._pool = pool
        self._lookup = lookup
        self._clock = clock

    def is_ready(self) -> bool:
        return True

    def knows(self, author_id: str) -> bool:
        return ADDRESS.fullmatch(author_id.lower()) is not None

    # --- traders ---

    async def leaderboard(self, request: LeaderboardRequest) -> TraderAnswer[Trader]:
        window = values.WINDOW_OF_DAYS.get(request.period_days)
        if window is None:
            raise self._wrong_period("a ranking", request.period_days)
        if request.update_time is not None:
            raise NotOffered(self.name, "an older ranking", who_can=_WITH_KEY)
        if request.min_win_rate is not None:
            raise NotOffered(self.name, "minWinRate of a ranking", who_can=_OKX)
        if request.max_drawdown is not None:
            raise NotOffered(self.name, "maxDrawdown of a ranking", who_can=_WITH_KEY)
        seen = await self._seen()
        wallets = values.counted(seen)
        traders = [values.pool_trader(wallet, window) for wallet in wallets]
        passed = [
            one
            for one in traders
            if (request.min_pnl is None or (one.pnl is not None and one.pnl >= request.min_pnl))
            and (request.min_aum is None or (one.asset is not None and one.asset >= request.min_aum))
        ]
        order = [one.author_id for one in in_order(passed, request.sort_by)]
        page, following = page_of(order, _lower(request.after), _lower(request.before), request.limit)
        return self._answer(
            "leaderboard",
            [values.ranked_trader(seen.wallets[address], window) for address in page],
            age_s=self._list_age_s(seen),
            notes=(NOT_RANKED, *values.pool_notes(seen, page)),
            next_after=following,
            update_time=None if seen.leaderboard_ms is None else values.minute_utc8(seen.leaderboard_ms),
            coverage=values.coverage_of(seen),
        )

    async def performance(self, request: NamedTraders) -> TraderAnswer[Trader]:
        """From the curve of each account, and the win rate from its fills."""
        addresses = self._addresses(request.author_ids, most=MOST_NAMED)
        has_fills = len(addresses) <= MOST_WITH_FILLS
        seen = await self._pool.snapshot()
        notes = [] if has_fills else [f"winRate: for at most {MOST_WITH_FILLS} traders at once"]
        found: list[Trader] = []
        for address in addresses:
            curve = await self._lookup.equity(address)
            if not any(curve.pnl_usd.values()):
                notes.append(f"{address}: no account of that address")
                continue
            period = values.period_of(curve, request.period_days, self._clock.now_ms())
            fills = await self._lookup.fills(address) if has_fills else None
            account = curve.account_usd.get("day", ())
            found.append(
                values.trader_over(
                    seen.wallets.get(address),
                    address,
                    period,
                    fills,
                    account_usd=account[-1][1] if account else None,
                )
            )
            if period is None:
                notes.append(f"{address}: its curve does not tell the last {request.period_days} days")
            elif fills is not None and len(fills) >= MOST_FILLS and fills[-1].time_ms > period.from_ms:
                notes.append(f"{address}: winRate is of its newest {MOST_FILLS} fills, which do not reach back so far")
        pool = [
            PoolTrader(author_id=one.author_id, pnl=decimal_of(one.pnl), pnl_ratio=decimal_of(one.pnl_ratio))
            for one in found
        ]
        by_id = {one.author_id: one for one in found}
        ordered = [by_id[one.author_id] for one in in_order(pool, request.sort_by)]
        notes.append("winRate: of ten closed trades or more; pnl counts spot too, as the leaderboard does")
        return self._answer("portfolio, userFills" if has_fills else "portfolio", ordered, notes=tuple(notes))

    async def search(self, keyword: str) -> TraderAnswer[TraderName]:
        seen, word = await self._seen(), keyword.strip().casefold()
        found = [
            wallet
            for wallet in seen.wallets.values()
            if word in wallet.name.casefold() or wallet.address.startswith(word)
        ]
        found.sort(key=lambda wallet: (-wallet.account_usd, wallet.address))
        named = [
            TraderName(author_id=wallet.address, nick_name=wallet.name or None, follower_count=None)
            for wallet in found[:10]
        ]
        notes = ("followerCount: nobody is followed there, the largest account comes first; only watched wallets",)
        return self._answer("leaderboard", named, age_s=self._list_age_s(seen), notes=notes)

    async def positions(self, request: PositionsRequest) -> TraderAnswer[TraderPosition]:
        (address,) = self._addresses((request.author_id,), most=1)
        state = await self._lookup.state(address)
        seen = await self._pool.snapshot()
        known = seen.states.get(address)
        found = [
            values.trader_position(values.with_since(position, known), state.account_usd)
            for position in state.positions
            if request.base is None or values.base_of_coin(position).casefold() == request.base.casefold()
        ]
        found.sort(key=lambda one: (-float(one.notional_usd or 0), one.pos_id))
        notes = [NO_OPENING, *values.role_notes(seen, [address])]
        if not state.positions and not state.account_usd:
            notes.append(f"{address}: an empty account")
        return self._answer(
            "clearinghouseState", found, age_s=(self._clock.now_ms() - state.as_of_ms) / 1000, notes=tuple(notes)
        )

    async def positions_history(self, request: TraderHistoryRequest) -> TraderAnswer[ClosedPosition]:
        (address,) = self._addresses((request.author_id,), most=1)
        fills = await self._lookup.fills(address)
        rows = [
            values.closed_position(trade)
            for trade in closed_trades(fills)
            if request.base is None or values.base_of_coin(trade).casefold() == request.base.casefold()
        ]
        return self._page(rows, [row.pos_id for row in rows], request, fills, (NO_FUNDING,), of="position")

    async def orders_history(self, request: TraderHistoryRequest) -> TraderAnswer[TraderOrder]:
        (address,) = self._addresses((request.author_id,), most=1)
        fills = await self._lookup.fills(address)
        rows = values.orders_of(
            fill
            for fill in fills
            if request.base is None or values.base_of_coin(fill).casefold() == request.base.casefold()
        )
        return self._page(rows, [row.ord_id for row in rows], request, fills, (NO_ORDER_FACTS,), of="order")

    # --- pools ---

    async def overview(self, request: OverviewRequest) -> TraderAnswer[CoinSignal]:
        seen = await self._seen()
        traders, states, notes = await self._pool_of(seen, request.pool)
        by_id = {one.author_id: one for one in traders}
        hour_ms = seen.now_ms // values.HOUR_MS * values.HOUR_MS
        back = {
            "hour": hour_ms - values.HOUR_MS,
            "day": hour_ms - 24 * values.HOUR_MS,
            "week": hour_ms - 168 * values.HOUR_MS,
        }
        kept = {hour.hour_ms: hour for hour in await self._pool.hours(back.values())}
        before = {
            name: coin_sums(values.pool_positions(kept[ms].states, by_id)) for name, ms in back.items() if ms in kept
        }
        missing = [name for name in back if name not in before]
        if missing:
            notes.append(f"no record of the pool one {', one '.join(missing)} ago: what compares with it is null")
        sums = coin_sums(values.pool_positions(states, by_id))
        rows = []
        for one in chosen_coins(sums, bases=request.bases, top=request.top_instruments):
            past = {
                name: CoinBefore(total_notional=found.total_notional, long_ratio=found.long_ratio)
                for name, told in before.items()
                if (found := told.get(one.base)) is not None
            }
            signal = coin_signal(one, traders=by_id, data_version=values.utc_hour(seen.now_ms), past=CoinPast(**past))
            rows.append(signal)
        return self._answer(
            "clearinghouseState",
            rows,
            age_s=seen.oldest_age_s or 0.0,
            notes=(*notes, NO_WIN_RATES),
            coverage=PoolCoverage(read=sum(1 for state in states if state.address in by_id), of=len(by_id)),
        )

    async def trend(self, request: SignalTrendRequest) -> TraderAnswer[CoinSignalPoint]:
        seen = await self._seen()
        traders, states, notes = await self._pool_of(seen, request.pool)
        by_id = {one.author_id: one for one in traders}
        now_ms = seen.now_ms // values.HOUR_MS * values.HOUR_MS
        anchor_ms = now_ms if request.as_of is None else values.hour_ms_of(request.as_of)
        wanted = values.buckets(anchor_ms, request.granularity, request.limit)
        kept = {
            hour.hour_ms: hour
            for hour in await self._pool.hours([ms for ms in wanted if ms < now_ms], base=request.base)
        }
        if anchor_ms >= now_ms and now_ms in wanted:
            kept[now_ms] = HourOfPool(hour_ms=now_ms, wallets=len(seen.wallets), states=tuple(states))
        rows = []
        for ms in wanted:
            if ms in kept:
                sums = coin_sums(values.pool_positions(kept[ms].states, by_id))
                (one,) = chosen_coins(sums, bases=(request.base,), top=1)
                rows.append(coin_point(one, traders_qualified=len(by_id), data_version=values.utc_hour(ms)))
        if len(rows) < len(wanted):
            since_ms = await self._pool.watched_since_ms()
            since = "" if since_ms is None else f" (watched since {values.utc_hour(since_ms)} UTC)"
            notes.append(f"{len(wanted) - len(rows)} of {len(wanted)} buckets have no record{since}")
        notes.append("who belongs to the pool: by today's leaderboard, in every bucket")
        return self._answer(
            "clearinghouseState",
            rows,
            age_s=seen.oldest_age_s or 0.0,
            notes=tuple(notes),
            coverage=values.coverage_of(seen),
        )

    async def _pool_of(
        self, seen: PoolSnapshot, pool: PoolFilter | NamedTraders
    ) -> tuple[list[PoolTrader], Sequence[WalletState], list[str]]:
        """Those who qualify, what they hold, and notes."""
        if isinstance(pool, NamedTraders):
            return await self._named_pool(seen, pool)
        window = values.WINDOW_OF_DAYS.get(pool.period_days)
        if window is None:
            raise self._wrong_period("a pool", pool.period_days)
        if pool.win_rate_tier != "WR_ANY":
            raise NotOffered(self.name, "winRateTier", who_can=_OKX)
        if pool.max_drawdown_tier != "MR_ANY":
            raise NotOffered(self.name, "maxDrawdownTier", who_can=_WITH_KEY)
        traders = qualified([values.pool_trader(wallet, window) for wallet in values.counted(seen)], pool)
        return traders, list(seen.states.values()), list(values.pool_notes(seen, ()))

    async def _named_pool(
        self, seen: PoolSnapshot, named: NamedTraders
    ) -> tuple[list[PoolTrader], Sequence[WalletState], list[str]]:
        """Whoever is not watched is asked now; of the past only what was watched is known."""
        addresses = self._addresses(named.author_ids, most=100)
        states, notes = list[WalletState](), list[str]()
        unwatched = [address for address in addresses if address not in seen.states]
        if len(unwatched) > MOST_NAMED:
            raise NotOffered(self.name, f"more than {MOST_NAMED} traders that are not watched at once")
        for address in addresses:
            known = seen.states.get(address)
            try:
                states.append(known or await self._lookup.state(address))
            except ExchangeError as problem:
                notes.append(f"{address}: {problem}")
        if unwatched:
            notes.append(f"not watched, so without a past: {', '.join(unwatched)}")
        return [PoolTrader(author_id=address) for address in addresses], states, notes

    # --- what all have in common ---

    async def _seen(self) -> PoolSnapshot:
        """Raises: NotOffered where no wallet is watched, with the way out; whoever named no provider asks the next."""
        seen = await self._pool.snapshot()
        if seen.unavailable:
            raise NotOffered(self.name, f"a pool now ({seen.unavailable})", who_can=_WITH_KEY)
        return seen

    def _addresses(self, author_ids: Sequence[str], *, most: int) -> list[str]:
        """Raises: UnknownTrader for what is no address, NotOffered for too many."""
        if len(author_ids) > most:
            raise NotOffered(self.name, f"more than {most} traders at once", who_can=_WITH_KEY)
        wrong = next((one for one in author_ids if not self.knows(one)), None)
        if wrong is not None:
            raise UnknownTrader(f"hyperliquid knows traders by an address of 0x and 40 digits, not by {wrong[:50]!r}")
        return list(dict.fromkeys(one.lower() for one in author_ids))

    def _wrong_period(self, what: str, days: int) -> NotOffered:
        who = _OKX if days == 90 else _WITH_KEY
        return NotOffered(self.name, f"{what} by the last {days} days, only by 7 and 30", who_can=who)

    def _list_age_s(self, seen: PoolSnapshot) -> float:
        return 0.0 if seen.leaderboard_ms is None else max(0.0, (seen.now_ms - seen.leaderboard_ms) / 1000)

    def _page(
        self,
        rows: Sequence[V],
        ids: Sequence[str],
        request: TraderHistoryRequest,
        fills: Sequence[object],
        notes: tuple[str, ...],
        *,
        of: str,
    ) -> TraderAnswer[V]:
        page, following = page_of(ids, request.after, request.before, request.limit, of=of)
        by_id = dict(zip(ids, rows, strict=True))
        if len(fills) >= MOST_FILLS:
            notes = (*notes, f"made of its newest {MOST_FILLS} fills: what is older is not told")
        return self._answer("userFills", [by_id[one] for one in page], notes=notes, next_after=following)

    @staticmethod
    def _answer(
        endpoint: str,
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
            sources=(TraderSource(venue="hyperliquid", endpoint=endpoint, age_s=round(age_s, 1)),),
            notes=notes,
            next_after=next_after,
            update_time=update_time,
            coverage=coverage,
        )


def _lower(cursor: str | None) -> str | None:
    return None if cursor is None else cursor.lower()
