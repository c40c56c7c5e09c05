"""Wallets, their positions and fills → traders as every provider tells of them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Final

from altmonitor.core.json_text import decimal_text
from altmonitor.core.venue_names import coin_of, multiple_of
from altmonitor.interfaces.traders import Granularity
from altmonitor.positioning.trader_pool import RATIO_PLACES, USD_PLACES, PoolPosition, PoolTrader
from altmonitor.positioning.traders import ClosedPosition, PnlPoint, PoolCoverage, Trader, TraderOrder, TraderPosition
from altmonitor.positioning.wallet_fills import ClosedTrade, EquityCurve, Fill, closed_trades, max_drawdown, win_rate
from altmonitor.positioning.wallet_pool import FILTER_ROLES, PoolSnapshot
from altmonitor.positioning.wallets import Wallet, WalletPosition, WalletState, Window

HOUR_MS: Final = 3_600_000
DAY_MS: Final = 86_400_000
WINDOW_OF_DAYS: Final[Mapping[int, Window]] = {7: "week", 30: "month"}
"""Of the leaderboard."""
CURVE_OF_DAYS: Final[Mapping[int, Window]] = {3: "week", 7: "week", 30: "month", 90: "allTime"}
"""In which curve of an account a period lies."""
INST_TYPE: Final = "SWAP"
QUOTE: Final = "USDC"
_UTC8: Final = timezone(timedelta(hours=8))


def text(value: float | None, places: int | None = None) -> str | None:
    """places: after the point; None: all there are. None stays None."""
    return None if value is None else decimal_text(Decimal(repr(value)), places=places)


def usd(value: float | None) -> str | None:
    """None stays None."""
    return text(value, USD_PLACES)


def price_text(value: float | None) -> str | None:
    """To eight digits that count: a coin may cost less than a millionth of a dollar."""
    return None if value is None else decimal_text(Decimal(f"{value:.8g}"))


def utc_hour(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y%m%d%H")


def minute_utc8(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, _UTC8).strftime("%Y%m%d%H%M")


# --- rankings


def pool_trader(wallet: Wallet, window: Window) -> PoolTrader:
    told = wallet.over(window)
    return PoolTrader(
        author_id=wallet.address,
        pnl=_decimal(told.pnl_usd),
        pnl_ratio=_decimal(told.roi),
        asset=_decimal(wallet.account_usd),
    )


def _decimal(value: float | None) -> Decimal | None:
    return None if value is None else Decimal(repr(value))


def ranked_trader(wallet: Wallet, window: Window) -> Trader:
    told = wallet.over(window)
    return Trader(
        author_id=wallet.address,
        nick_name=wallet.name or None,
        pnl=usd(told.pnl_usd),
        pnl_ratio=text(told.roi, RATIO_PLACES),
        asset=usd(wallet.account_usd),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """What an account's curve tells of the last days. from_ms: of the point it is counted from."""

    from_ms: int
    pnl_usd: float
    start_usd: float | None
    points: tuple[tuple[int, float], ...]


def period_of(curve: EquityCurve, days: int, now_ms: int) -> Period | None:
    """None where its points do not reach back so far, or lie too far apart to tell."""
    window = CURVE_OF_DAYS[days]
    points, worth = curve.pnl_usd.get(window, ()), dict(curve.account_usd.get(window, ()))
    wanted_ms = now_ms - days * DAY_MS
    if window == WINDOW_OF_DAYS.get(days):
        start = 0
    else:
        before = [at for at, (ms, _) in enumerate(points) if ms <= wanted_ms]
        if not before or wanted_ms - points[before[-1]][0] > days * DAY_MS / 4:
            return None
        start = before[-1]
    if len(points) - start < 2:
        return None
    from_ms, base = points[start]
    return Period(
        from_ms=from_ms,
        pnl_usd=points[-1][1] - base,
        start_usd=worth.get(from_ms),
        points=tuple((ms, value - base) for ms, value in points[start:]),
    )


def trader_over(
    wallet: Wallet | None,
    address: str,
    period: Period | None,
    fills: Sequence[Fill] | None,
    *,
    account_usd: float | None,
) -> Trader:
    """wallet: None for one that is not watched. fills: newest first; None: not read."""
    start_usd = None if period is None or period.start_usd is None or period.start_usd <= 0 else period.start_usd
    rate = None
    if fills is not None and period is not None:
        rate = win_rate([trade for trade in closed_trades(fills) if trade.closed_ms >= period.from_ms])
    return Trader(
        author_id=address,
        nick_name=None if wallet is None else wallet.name or None,
        pnl=None if period is None else usd(period.pnl_usd),
        pnl_ratio=None if period is None or start_usd is None else text(period.pnl_usd / start_usd, RATIO_PLACES),
        asset=usd(account_usd),
        win_rate=text(rate, RATIO_PLACES),
        max_drawdown=None
        if period is None or start_usd is None
        else text(max_drawdown(period.points, start_usd), RATIO_PLACES),
        rates=() if period is None or start_usd is None else _days(period, start_usd),
    )


def _days(period: Period, start_usd: float) -> tuple[PnlPoint, ...]:
    """The last point of each UTC day."""
    last = {datetime.fromtimestamp(ms / 1000, UTC).strftime("%y%m%d"): value for ms, value in period.points}
    return tuple(
        PnlPoint(stat_time=day, value=text(value / start_usd, RATIO_PLACES) or "0") for day, value in last.items()
    )


# --- one wallet


def base_of_coin(position: WalletPosition | Fill | ClosedTrade) -> str:
    """`PEPE` for `kPEPE`."""
    return coin_of(position.symbol)


def trader_position(position: WalletPosition, account_usd: float | None) -> TraderPosition:
    share = position.notional_usd / account_usd if account_usd is not None and account_usd > 0 else None
    return TraderPosition(
        pos_id=position.coin,
        inst_id=position.coin,
        inst_type=INST_TYPE,
        pos_side="net",
        direction="long" if position.is_long else "short",
        pos_ccy=base_of_coin(position),
        quote_ccy=QUOTE,
        pos=text(position.size),
        lever=text(position.leverage),
        avg_px=text(position.entry),
        last=price_text(position.mark_price),
        notional_usd=usd(position.notional_usd),
        entry_notional_usd=usd(position.entry_usd),
        upl=usd(position.upnl_usd),
        pnl=None,
        c_time=None if position.since_ms is None else str(position.since_ms),
        position_intensity=text(share, RATIO_PLACES),
        liquidation_px=text(position.liquidation_price),
    )


def closed_position(trade: ClosedTrade) -> ClosedPosition:
    return ClosedPosition(
        pos_id=trade.id,
        inst_id=trade.coin,
        inst_type=INST_TYPE,
        pos_side="long" if trade.is_long else "short",
        lever=None,
        mgn_mode=None,
        quote_ccy=QUOTE,
        open_avg_px=price_text(trade.open_avg),
        close_avg_px=price_text(trade.close_avg),
        close_amount=text(trade.closed_size, 8),
        realized_pnl=usd(trade.pnl_usd),
        pnl=usd(trade.pnl_usd - trade.fee_usd),
        pnl_ratio=text(trade.pnl_ratio, RATIO_PLACES),
        fee=text(-trade.fee_usd, 6),
        funding_fee=None,
        close_type=trade.close_type,
        c_time=str(trade.opened_ms),
        u_time=str(trade.closed_ms),
    )


def orders_of(fills: Iterable[Fill]) -> list[TraderOrder]:
    """fills: newest first, and so are the orders, by their last fill."""
    by_id: dict[str, list[Fill]] = {}
    for fill in fills:
        by_id.setdefault(fill.order_id, []).append(fill)
    return [_order(order_id, parts) for order_id, parts in by_id.items()]


def _order(order_id: str, parts: Sequence[Fill]) -> TraderOrder:
    newest, oldest = parts[0], parts[-1]
    size = sum(part.size for part in parts)
    value = sum(part.size * part.price for part in parts)
    return TraderOrder(
        ord_id=order_id,
        inst_id=newest.coin,
        inst_type=INST_TYPE,
        side="buy" if newest.is_buy else "sell",
        pos_side="net",
        ord_type=None,
        lever=None,
        px=None,
        avg_px=price_text(value / size) if size > 0 else None,
        sz=text(size, 8),
        value=usd(value),
        c_time=None,
        fill_time=str(newest.time_ms),
        u_time=str(max(newest.time_ms, oldest.time_ms)),
    )


# --- pools


def pool_positions(states: Iterable[WalletState], addresses: Mapping[str, object]) -> list[PoolPosition]:
    """Of these wallets. At entry prices; a position without one is left out."""
    found: list[PoolPosition] = []
    for state in states:
        if state.address not in addresses:
            continue
        for position in state.positions:
            entry, worth = position.entry, position.entry_usd
            if entry is not None and worth is not None:
                found.append(
                    PoolPosition(
                        author_id=state.address,
                        base=base_of_coin(position),
                        is_long=position.is_long,
                        entry_notional=Decimal(repr(worth)),
                        entry_price=Decimal(repr(entry / multiple_of(position.symbol))),
                    )
                )
    return found


def with_since(position: WalletPosition, known: WalletState | None) -> WalletPosition:
    """Since when it stands on its side, where the wallet is watched and still holds it."""
    before = None if known is None else known.position(position.coin)
    if before is None or before.is_long is not position.is_long:
        return position
    return replace(position, since_ms=before.since_ms)


def buckets(anchor_ms: int, granularity: Granularity, limit: int) -> list[int]:
    """Hours whose record is wanted, newest first. A day is told by its last hour, that of the anchor by the anchor."""
    if granularity == "1h":
        return [anchor_ms - at * HOUR_MS for at in range(limit)]
    midnight_ms = anchor_ms // DAY_MS * DAY_MS
    return [anchor_ms, *(midnight_ms - HOUR_MS - at * DAY_MS for at in range(limit - 1))]


def hour_ms_of(text: str) -> int:
    """yyyyMMddHH, UTC. Raises: ValueError."""
    return int(datetime.strptime(text, "%Y%m%d%H").replace(tzinfo=UTC).timestamp() * 1000)


def counted(seen: PoolSnapshot) -> list[Wallet]:
    return [wallet for wallet in seen.wallets.values() if wallet.role in FILTER_ROLES]


def coverage_of(seen: PoolSnapshot) -> PoolCoverage:
    return PoolCoverage(read=len(seen.states), of=len(seen.wallets))


def pool_notes(seen: PoolSnapshot, addresses: Iterable[str]) -> tuple[str, ...]:
    makers = seen.marked("market_maker")
    notes = [f"of {len(seen.wallets)} watched wallets; {makers} market makers are left out"]
    if len(seen.states) < len(seen.wallets):
        notes.append(f"{len(seen.wallets) - len(seen.states)} wallets have not answered lately")
    return (*notes, *role_notes(seen, addresses))


def role_notes(seen: PoolSnapshot, addresses: Iterable[str]) -> tuple[str, ...]:
    marked = [
        f"{address}: {'a vault' if wallet.role == 'vault' else 'a market maker'}"
        for address in addresses
        if (wallet := seen.wallets.get(address)) is not None and wallet.role != "trader"
    ]
    return tuple(marked)
