"""One contract's followed traders, and short ways to vary them."""

from __future__ import annotations

from dataclasses import replace

from altmonitor.core.types import Fraction
from altmonitor.positioning.history import Snapshot
from altmonitor.positioning.open_interest import BAR_MS, OiBar
from altmonitor.positioning.ratios import LongShort
from altmonitor.positioning.smart_money import Overview, Side

T0 = 1_790_000_100_000  # a whole five minutes
MINUTE = 60_000
BARS = (*[1000.0] * 12, 1000.0, 1100.0)

LONG = Side(
    traders=100,
    traders_qty_coins=200.0,
    traders_avg_entry=9.5,
    whales=20,
    whales_qty_coins=180.0,
    whales_avg_entry=9.4,
    profit_traders=55,
    profit_whales=12,
)
SHORT = Side(
    traders=90,
    traders_qty_coins=150.0,
    traders_avg_entry=10.5,
    whales=9,
    whales_qty_coins=140.0,
    whales_avg_entry=10.6,
    profit_traders=60,
    profit_whales=6,
)
OVERVIEW = Overview(
    symbol="ETHUSDT",
    captured_ms=T0,
    signal_day_ms=T0 - 5 * 3_600_000 - 20 * MINUTE,
    total_positions=3500.0,
    total_traders=190,
    long_short_ratio=1.3333,
    long=LONG,
    short=SHORT,
)


def with_sides(*, long: dict[str, object] | None = None, short: dict[str, object] | None = None) -> Overview:
    return replace(OVERVIEW, long=replace(LONG, **(long or {})), short=replace(SHORT, **(short or {})))  # type: ignore[arg-type]


def snapshot(
    minutes_ago: float, *, long: dict[str, object] | None = None, short: dict[str, object] | None = None, **more: object
) -> Snapshot:
    overview = replace(with_sides(long=long, short=short), captured_ms=T0 - int(minutes_ago * MINUTE), **more)  # type: ignore[arg-type]
    return Snapshot(overview=overview, mark_price=10.0)


def bucket(long_pct: float, *, at: int = 0, ratio: float | None = None) -> LongShort:
    """`at` five-minute steps after T0."""
    share = long_pct / 100
    return LongShort(
        time_ms=T0 + at * BAR_MS,
        long_share=Fraction(share),
        short_share=Fraction(1 - share),
        long_short_ratio=share / (1 - share) if ratio is None else ratio,
    )


def bars(*coins: float | None, usd_per_coin: float = 1.0) -> list[OiBar]:
    """5-minute bars, the last at T0; None is a hole."""
    first_ms = T0 - (len(coins) - 1) * BAR_MS
    return [
        OiBar(time_ms=first_ms + destination * BAR_MS, coins=held, usd=held * usd_per_coin)
        for destination, held in enumerate(coins)
        if held is not None
    ]
