"""Everything a score of one contract is made of, asked at once; each number may be missing for its own reason."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeVar

from altmonitor.core.errors import AltmonitorError, ExchangeError
from altmonitor.interfaces.exchange import Priority
from altmonitor.interfaces.queries import Part, PositionScope, WhoFacts
from altmonitor.market.candles import MINUTE_MS, Candle
from altmonitor.operations.context import OperationContext
from altmonitor.operations.known_fundings import NO_FUNDINGS, OI_STALE_MS, CoinFundings, fundings_of
from altmonitor.operations.score_levels import STEPS_MS, closed_since, levels_of, past_of
from altmonitor.positioning.divergence import Histories
from altmonitor.positioning.funding import USUAL_INTERVAL_H, VenueFunding
from altmonitor.positioning.smart_money import Overview, Side, entry_usd
from altmonitor.positioning.wallet_pool import CoinTotals, PoolSnapshot, coin_totals, held
from altmonitor.positioning.wallets import WalletPosition
from altmonitor.scores.composite import MarketScore, score_market
from altmonitor.scores.liquidation_levels import ClosedByForce, ExitMap
from altmonitor.scores.readings import Metric, MetricReading, NoReading, Readings, value_of
from altmonitor.scores.regimes import RegimeName, regime
from altmonitor.storage.liquidation_records import PastLiquidations

V = TypeVar("V")

MINUTES: Final = 480
PERIOD: Final = "5m"
NO_ONCHAIN: Final = "needs on-chain data; no on-chain provider is configured"
NO_WALLETS: Final = "no wallets are watched in this process"
NOBODY_ASKS: Final = "this process asks no exchange"

TICKER = "/fapi/v1/klines"
FUNDING = "/fapi/v1/premiumIndex"
HELD = "/futures/data/openInterestHist"
CROWD = "/futures/data/globalLongShortAccountRatio"
TOP_POSITIONS = "/futures/data/topLongShortPositionRatio"
TOP_ACCOUNTS = "/futures/data/topLongShortAccountRatio"
TAKER = "/futures/data/takerlongshortRatio"
FOLLOWED = "smart-money overview"
WALLETS = "clearinghouseState"
SWEEP = "open-interest sweep"


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreInputs:
    """readings: of one contract, each with its source. minutes: oldest → newest. fundings: of its coin at every venue.

    open_interests: USD of one side by venue; open_interests_missing: venues that list it and told none lately.
    levels: None where neither wallets nor open interest are known, `levels_reason` says which. wallet_positions:
    (address, position) of the watched wallets that hold it. closed: what the estimate was told had ended by force.
    past: what was closed by force while somebody listened, of the last day; past_reason: why that cannot be read, ''
    where it can. failures: why venues gave no answer.
    """

    symbol: str
    now_ms: int
    readings: Readings
    minutes: Sequence[Candle] = ()
    minutes_source: str = ""
    fundings: CoinFundings = ()
    fundings_reason: str = ""
    open_interests: Mapping[str, MetricReading] = field(default_factory=dict)
    open_interests_missing: Sequence[str] = ()
    wallets: CoinTotals | None = None
    wallet_positions: Sequence[tuple[str, WalletPosition]] = ()
    levels: ExitMap | None = None
    levels_reason: str = ""
    closed: ClosedByForce | None = None
    past: PastLiquidations = field(default_factory=PastLiquidations)
    past_reason: str = ""
    failures: tuple[str, ...] = ()

    @property
    def score(self) -> MarketScore:
        cascade = None if self.levels is None else self.levels.score
        return score_market(self.readings, now_ms=self.now_ms, cascade_score=cascade)

    @property
    def open_interest_all_usd(self) -> float | None:
        """Over all venues that list it; None where one of them has not told it lately: a part is not the whole."""
        if self.open_interests_missing or not self.open_interests:
            return None
        return sum(one.value for one in self.open_interests.values())

    @property
    def regime(self) -> RegimeName:
        return regime(self.readings)

    @property
    def price(self) -> float | None:
        """USD; None when it is not known."""
        return value_of(self.readings, "price")


@dataclass(frozen=True, slots=True)
class _Missing:
    """What one question gave, or why nothing."""

    reason: str = ""
    is_failure: bool = False


async def _asked(ask: Callable[[], Awaitable[V]]) -> V | _Missing:
    try:
        return await ask()
    except ExchangeError as problem:
        return _Missing(str(problem), is_failure=True)
    except AltmonitorError as problem:
        return _Missing(str(problem))


async def inputs_of(context: OperationContext, symbol: str) -> ScoreInputs:
    """At most 20 s old."""
    return await context.score_cache.of(
        symbol, gather=lambda: gather_inputs(context, symbol), now_ms=context.clock.now_ms
    )


async def gather_inputs(context: OperationContext, symbol: str) -> ScoreInputs:
    """Six questions at once. Never raises for a venue that does not answer."""
    who, crowd, minutes, pool, heard, known = await asyncio.gather(
        _asked(lambda: _who(context, symbol)),
        _asked(lambda: _cohorts(context, symbol)),
        _asked(lambda: _minutes(context, symbol)),
        _asked(lambda: _pool(context)),
        _asked(lambda: past_of(context, symbol)),
        _asked(lambda: fundings_of(context, symbol)),
    )
    now_ms = context.clock.now_ms()
    readings: dict[Metric, MetricReading | NoReading] = {}
    failures = [found.reason for found in (who, crowd, minutes) if isinstance(found, _Missing) and found.is_failure]
    failures += _read_who(readings, who, now_ms)
    _read_crowd(readings, crowd)
    candles = [] if isinstance(minutes, _Missing) else minutes
    _read_minutes(readings, candles, minutes.reason if isinstance(minutes, _Missing) else "", now_ms)
    _prefer_live_price(readings, context, symbol)
    totals, positions = _read_wallets(readings, pool, symbol)
    past = PastLiquidations() if isinstance(heard, _Missing) else heard
    fundings, no_fundings = _found_fundings(known)
    rates = [row.funding for row in fundings]
    _read_spread(readings, rates, no_fundings, now_ms)
    readings["mvrv"] = readings["sopr"] = NoReading(reason=NO_ONCHAIN)
    held, not_told = _open_interests(context, symbol, fundings, now_ms)
    closed = closed_since(past, since_ms=now_ms - STEPS_MS, venue="binance")
    levels, why = levels_of(readings, candles, [position for _, position in positions], now_ms, closed)
    return ScoreInputs(
        symbol=symbol,
        now_ms=now_ms,
        readings=readings,
        minutes=candles,
        minutes_source=f"binance:{TICKER}",
        fundings=fundings,
        fundings_reason=no_fundings,
        open_interests=held,
        open_interests_missing=not_told,
        wallets=totals,
        wallet_positions=positions,
        levels=levels,
        levels_reason=why,
        closed=closed,
        past=past,
        past_reason=heard.reason if isinstance(heard, _Missing) else "",
        failures=tuple(dict.fromkeys(failures)),
    )


def _found_fundings(known: CoinFundings | _Missing | None) -> tuple[CoinFundings, str]:
    """And why there are none."""
    if isinstance(known, _Missing):
        return (), known.reason
    if known is None:
        return (), NO_FUNDINGS
    return known, "" if known else "no venue that is watched lists it"


# --- questions ----------------------------------------------------------------------------------------------------


async def _who(context: OperationContext, symbol: str) -> WhoFacts | _Missing:
    if context.positions is None:
        return _Missing(NOBODY_ASKS)
    return await context.positions.who(symbol, PositionScope(period=PERIOD))


async def _cohorts(context: OperationContext, symbol: str) -> Histories | _Missing:
    source = context.cohorts.get("binance")
    if source is None:
        return _Missing(NOBODY_ASKS)
    return await source.cohorts(symbol, period=PERIOD, limit=3, priority=Priority.TRACKING)


async def _minutes(context: OperationContext, symbol: str) -> list[Candle] | _Missing:
    if context.rest is None:
        return _Missing(NOBODY_ASKS)
    end_ms = context.clock.now_ms()
    return await context.rest.klines(
        symbol,
        start_ms=end_ms // MINUTE_MS * MINUTE_MS - (MINUTES - 1) * MINUTE_MS,
        end_ms=end_ms,
        limit=MINUTES,
        priority=Priority.TRACKING,
    )


async def _pool(context: OperationContext) -> PoolSnapshot | _Missing:
    if context.wallets is None:
        return _Missing(NO_WALLETS)
    found = await context.wallets.snapshot()
    return _Missing(found.unavailable) if found.unavailable else found


# --- answers → readings -------------------------------------------------------------------------------------------


def _read_who(readings: dict[Metric, MetricReading | NoReading], who: WhoFacts | _Missing, now_ms: int) -> list[str]:
    """Returns why parts could not be had."""
    names: tuple[Metric, ...] = (
        *("funding_rate", "oi_change_1h_pct", "oi_change_4h_pct", "open_interest_usd"),
        *("top_trader_lsr", "top_account_lsr", "taker_ratio", "followed_whales_long_pct"),
    )
    if isinstance(who, _Missing):
        readings.update(dict.fromkeys(names, NoReading(reason=who.reason)))
        return []
    reasons = {one.part: one.reason or one.cause for one in who.missing}

    def put(metric: Metric, value: float | None, at_ms: int | None, endpoint: str, part: Part) -> None:
        if value is None or at_ms is None:
            readings[metric] = NoReading(reason=reasons.get(part, "the venue has no such number of it"))
        else:
            readings[metric] = MetricReading(value=value, at_ms=at_ms, venue="binance", endpoint=endpoint)

    picture = who.picture
    cost, held_now, top = picture.funding, picture.open_interest, picture.top_traders
    rate = None if cost is None else cost.rate_pct / 100 * USUAL_INTERVAL_H / cost.interval_h
    put("funding_rate", rate, picture.funding_told_ms or now_ms, FUNDING, "funding")
    held_ms = None if held_now is None else held_now.time_ms
    put("open_interest_usd", None if held_now is None else held_now.usd, held_ms, HELD, "openInterest")
    put("oi_change_1h_pct", None if held_now is None else held_now.change_1h_pct, held_ms, HELD, "openInterest")
    put("oi_change_4h_pct", None if held_now is None else held_now.change_4h_pct, held_ms, HELD, "openInterest")
    for metric, bucket, endpoint in (
        ("top_trader_lsr", None if top is None else top.positions, TOP_POSITIONS),
        ("top_account_lsr", None if top is None else top.accounts, TOP_ACCOUNTS),
    ):
        ratio, time_ms = (None, None) if bucket is None else (bucket.long_short_ratio, bucket.time_ms)
        put(metric, ratio, time_ms, endpoint, "topTrader")  # type: ignore[arg-type]  # of the two above
    taken, taken_ms = (None, None) if top is None else (top.taker.buy_sell_ratio, top.taker.time_ms)
    put("taker_ratio", taken, taken_ms, TAKER, "topTrader")
    seen = picture.overview
    put(
        "followed_whales_long_pct",
        _whales_long_pct(seen),
        None if seen is None else seen.captured_ms,
        FOLLOWED,
        "smartMoney",
    )
    return [reasons[one.part] for one in who.missing if one.cause in ("blocked", "unreachable")]


def _whales_long_pct(seen: Overview | None) -> float | None:
    if seen is None:
        return None

    def usd(side: Side) -> float | None:
        return entry_usd(side.whales_qty_coins, side.whales_avg_entry)

    long, short = usd(seen.long), usd(seen.short)
    if long is None or short is None or long + short <= 0:
        return None
    return 100.0 * long / (long + short)


def _read_crowd(readings: dict[Metric, MetricReading | NoReading], crowd: Histories | _Missing) -> None:
    newest = None if isinstance(crowd, _Missing) or not crowd.retail else crowd.retail[-1]
    if newest is None:
        reason = crowd.reason if isinstance(crowd, _Missing) else "the venue has no such number of it"
        readings["global_lsr"] = readings["long_pct"] = NoReading(reason=reason)
        return
    for metric, value in (("global_lsr", newest.long_short_ratio), ("long_pct", newest.long_share * 100.0)):
        readings[metric] = MetricReading(  # type: ignore[index]  # of the two above
            value=value, at_ms=newest.time_ms, venue="binance", endpoint=CROWD
        )


def _read_minutes(
    readings: dict[Metric, MetricReading | NoReading], candles: Sequence[Candle], reason: str, now_ms: int
) -> None:
    names: tuple[Metric, ...] = ("price", "price_change_1h_pct", "price_change_4h_pct", "volatility_1h_pct")
    if not candles:
        readings.update(dict.fromkeys(names, NoReading(reason=reason or "the venue has no candles of it")))
        return
    newest = candles[-1]
    at_ms = min(now_ms, newest.open_ms + MINUTE_MS)
    by_open = {one.open_ms: one for one in candles}

    def put(metric: Metric, value: float | None) -> None:
        readings[metric] = (
            NoReading(reason="too few minutes are known")
            if value is None
            else MetricReading(value=value, at_ms=at_ms, venue="binance", endpoint=TICKER)
        )

    def change(minutes: int) -> float | None:
        then = by_open.get(newest.open_ms - minutes * MINUTE_MS)
        return None if then is None or then.close <= 0 else (newest.close / then.close - 1) * 100

    hour = [one for one in candles if one.open_ms > newest.open_ms - 60 * MINUTE_MS]
    put("price", newest.close)
    put("price_change_1h_pct", change(60))
    put("price_change_4h_pct", change(240))
    low = min(one.low for one in hour)
    put("volatility_1h_pct", (max(one.high for one in hour) / low - 1) * 100 if len(hour) >= 55 and low > 0 else None)


def _prefer_live_price(
    readings: dict[Metric, MetricReading | NoReading], context: OperationContext, symbol: str
) -> None:
    book = None if context.monitor is None else context.monitor.main.board.book(symbol)
    if book is not None and book.kline is not None and book.price > 0:
        venue = context.config.venues[0]
        readings["price"] = MetricReading(value=book.price, at_ms=book.event_ms, venue=venue, endpoint="kline stream")


def _read_wallets(
    readings: dict[Metric, MetricReading | NoReading], pool: PoolSnapshot | _Missing, symbol: str
) -> tuple[CoinTotals | None, list[tuple[str, WalletPosition]]]:
    names: tuple[Metric, ...] = ("whale_long_pct", "whale_notional_long_pct", "whale_n_wallets")
    if isinstance(pool, _Missing):
        readings.update(dict.fromkeys(names, NoReading(reason=pool.reason)))
        return None, []
    states = pool.of_roles()
    coin = next((one.coin for state in states for one in state.positions if one.symbol == symbol), None)
    if coin is None:
        reason = f"none of {len(states)} watched wallets holds it"
        readings.update(dict.fromkeys(names, NoReading(reason=reason)))
        return None, []
    totals = coin_totals(states, coin)
    at_ms = totals.oldest_ms or pool.now_ms
    values = (
        None if totals.long_share is None else totals.long_share * 100,
        None if totals.weighted_long_share is None else totals.weighted_long_share * 100,
        float(totals.wallets),
    )
    for metric, value in zip(names, values, strict=True):
        readings[metric] = (
            NoReading(reason="no wallet holds it")
            if value is None
            else MetricReading(value=value, at_ms=at_ms, venue=pool.venue, endpoint=WALLETS)
        )
    return totals, [(state.address, position) for state, position in held(states, coin)]


def _read_spread(
    readings: dict[Metric, MetricReading | NoReading], rates: Sequence[VenueFunding], reason: str, now_ms: int
) -> None:
    if len(rates) < 2:
        readings["funding_spread"] = NoReading(reason=reason or "its funding is known at one venue only")
        return
    per_8h = [row.rate_8h for row in rates]
    oldest_s = max(row.age_s(now_ms) for row in rates)
    readings["funding_spread"] = MetricReading(
        value=max(per_8h) - min(per_8h),
        at_ms=now_ms - round(oldest_s * 1000),
        venue="all",
        endpoint="funding tables",
    )


def _open_interests(
    context: OperationContext, symbol: str, fundings: CoinFundings, now_ms: int
) -> tuple[dict[str, MetricReading], list[str]]:
    """USD of one side at each venue that is watched, of the contract it has of this coin; and the venues that list it
    and have not told it lately. Without a monitor in this process: what one beside it keeps."""
    found: dict[str, MetricReading] = {}
    missing: list[str] = []
    if context.monitor is None:
        for row in fundings:
            if row.oi_usd is not None and row.oi_ms is not None:
                found[row.funding.venue] = _held(row.funding.venue, row.oi_usd, row.oi_ms)
        return found, missing
    names: dict[str, str] = {row.funding.venue: row.funding.symbol for row in fundings}
    for venue, view in context.monitor.venues.items():
        there = names.get(venue, symbol)
        held = view.board.open_interest_usd(there)
        if held is not None and now_ms - held[1] < OI_STALE_MS:
            found[venue] = _held(venue, *held)
        elif there in view.board.listed():
            missing.append(venue)
    return found, missing


def _held(venue: str, usd: float, at_ms: int) -> MetricReading:
    return MetricReading(value=usd, at_ms=at_ms, venue=venue, endpoint=SWEEP)
