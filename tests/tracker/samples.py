from __future__ import annotations

from altmonitor.core.types import Fraction
from altmonitor.positioning.history import Snapshot
from altmonitor.positioning.open_interest import OiVelocity
from altmonitor.positioning.ratios import LongShort, TakerFlow, TopTraders
from altmonitor.positioning.smart_money import Overview, Side
from altmonitor.positioning.units import Percent

T0 = 1_790_000_100_000


def side(*, traders: int | None = 100, qty: float | None = 200.0, entry: float | None = 9.5) -> Side:
    return Side(
        traders=traders,
        traders_qty_coins=qty,
        traders_avg_entry=entry,
        whales=10,
        whales_qty_coins=180.0,
        whales_avg_entry=9.4,
        profit_traders=70,
        profit_whales=7,
    )


def snapshot(
    symbol: str = "ETHUSDT", at_ms: int = T0, *, long_qty: float | None = 200.0, price: float | None = 10.0
) -> Snapshot:
    overview = Overview(
        symbol=symbol,
        captured_ms=at_ms,
        signal_day_ms=None,
        total_positions=3500.0,
        total_traders=190,
        long_short_ratio=1.2,
        long=side(qty=long_qty),
        short=side(traders=90, qty=150.0, entry=None),
    )
    return Snapshot(overview=overview, mark_price=price)


def top_traders(symbol: str = "ETHUSDT", at_ms: int = T0, *, long: float = 0.6215) -> TopTraders:
    shares = LongShort(time_ms=at_ms, long_share=Fraction(long), short_share=Fraction(1 - long), long_short_ratio=1.64)
    flow = TakerFlow(time_ms=at_ms, buy_coins=10.0, sell_coins=8.0, buy_sell_ratio=1.25)
    return TopTraders(symbol=symbol, period="5m", captured_ms=at_ms, accounts=shares, positions=shares, taker=flow)


def velocity(at_ms: int = T0) -> OiVelocity:
    return OiVelocity(
        time_ms=at_ms,
        coins=1_000.0,
        usd=10_000.0,
        change_5m_pct=Percent(0.5),
        change_15m_pct=None,
        change_1h_pct=Percent(4.05),
        change_4h_pct=None,
    )
