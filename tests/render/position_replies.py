"""One contract's positions as the renderers get them, and the longest answers about who is positioned."""

from __future__ import annotations

from dataclasses import replace

from altmonitor.commands.replies import Reply
from altmonitor.commands.replies_market import (
    ChangeShown,
    CompareShown,
    DivergenceShown,
    ScanShown,
    TooFewRows,
    TrendShown,
    WhoShown,
)
from altmonitor.core.types import Fraction
from altmonitor.interfaces.queries import DivergenceFacts, MissingPart, StatisticsChange, WhoFacts
from altmonitor.positioning.divergence import Histories, divergence
from altmonitor.positioning.funding import funding_cost
from altmonitor.positioning.history import (
    ExtremeScan,
    NotEnoughSnapshots,
    PositionChange,
    ProfitTrend,
    ScanEntry,
    change,
    profit_trend,
)
from altmonitor.positioning.open_interest import OiVelocity
from altmonitor.positioning.picture import PositionPicture
from altmonitor.positioning.ratios import TakerFlow, TopTraders
from altmonitor.positioning.statistics_history import stored_oi_change, stored_ratio_change
from altmonitor.positioning.units import Percent
from tests.positioning.samples import MINUTE, OVERVIEW, T0, bucket, snapshot
from tests.tracker.samples import top_traders as top_traders_stored

LONG_NAME = "<&\"'币安人生>USDT" + "X" * 60

TOP = TopTraders(
    symbol="ETHUSDT",
    period="5m",
    captured_ms=T0,
    accounts=bucket(62.15),
    positions=bucket(55.54),
    taker=TakerFlow(time_ms=T0, buy_coins=3.0, sell_coins=2.0, buy_sell_ratio=1.5),
)
OI = OiVelocity(
    time_ms=T0,
    coins=1000.0,
    usd=10_000.0,
    change_5m_pct=Percent(0.5),
    change_15m_pct=None,
    change_1h_pct=Percent(-1.25),
    change_4h_pct=Percent(4.05),
)
PICTURE = PositionPicture(
    symbol="ETHUSDT",
    now_ms=T0 + 30_000,
    overview=OVERVIEW,
    top_traders=TOP,
    open_interest=OI,
    funding=funding_cost(Fraction(0.00005), interval_h=None),
    mark_price=10.0,
    next_funding_ms=T0 + 30_000 + 27 * MINUTE + 8_000,
)
FACTS = WhoFacts(picture=PICTURE, day_change_pct=1.58, day_quote_usdt=1.35e9)
NOTHING = WhoFacts(
    picture=PositionPicture(symbol="ETHUSDT", now_ms=T0),
    missing=(
        MissingPart(part="smartMoney", cause="blocked", until_ms=T0 + 4 * 3_600_000),
        MissingPart(part="topTrader", cause="unreachable"),
        MissingPart(part="openInterest", cause="no data"),
        MissingPart(part="funding", cause="not tracked"),
    ),
)
ROWS = [snapshot(60), snapshot(0, long={"traders_qty_coins": 240.0, "profit_traders": 40, "whales_qty_coins": None})]


def _change() -> PositionChange:
    found = change("ETHUSDT", ROWS, minutes=60, now_ms=T0)
    assert isinstance(found, PositionChange)
    return found


def _trend() -> ProfitTrend:
    found = profit_trend("ETHUSDT", ROWS, minutes=60, now_ms=T0)
    assert isinstance(found, ProfitTrend)
    return found


CHANGE, TREND = _change(), _trend()
GAP = divergence(Histories(retail=[bucket(65.75)], top_accounts=[bucket(62.15)], top_positions=[bucket(55.54)]))
assert GAP is not None


def entry(symbol: str, ratio: float) -> ScanEntry:
    return ScanEntry(
        symbol=symbol,
        long_short_ratio=ratio,
        long_profit_pct=Percent(55),
        short_profit_pct=None,
        long_traders=100,
        short_traders=0,
        age_min=12.0,
    )


STATISTICS = StatisticsChange(
    open_interest=stored_oi_change(
        [
            replace(OI, time_ms=T0 - ago * 60_000, coins=coins, usd=coins * 10)
            for ago, coins in ((50, 1_000.0), (1, 1_035.0))
        ],
        minutes=60,
        now_ms=T0,
    ),
    top_traders=stored_ratio_change(
        [top_traders_stored("ETHUSDT", T0 - ago * 60_000, long=long) for ago, long in ((50, 0.6215), (1, 0.5954))],
        minutes=60,
        now_ms=T0,
    ),
)

LONGEST: list[Reply] = [
    WhoShown(facts=replace(FACTS, picture=replace(PICTURE, symbol=LONG_NAME), missing=NOTHING.missing)),
    WhoShown(facts=NOTHING),
    CompareShown(facts=(replace(FACTS, picture=replace(PICTURE, symbol=LONG_NAME)), NOTHING)),
    DivergenceShown(facts=DivergenceFacts(symbol=LONG_NAME, period="12h", found=GAP), now_s=T0 / 1000),
    DivergenceShown(facts=DivergenceFacts(symbol=LONG_NAME, period="12h", found=None), now_s=T0 / 1000),
    ChangeShown(found=replace(CHANGE, symbol=LONG_NAME, is_span_off=True), statistics=STATISTICS),
    ChangeShown(found=NotEnoughSnapshots(symbol=LONG_NAME, rows=1, minutes=60), statistics=STATISTICS),
    TrendShown(found=replace(TREND, symbol=LONG_NAME, is_span_off=True)),
    ScanShown(found=ExtremeScan(scanned=0, most_long=(), most_short=())),
    ScanShown(
        found=ExtremeScan(
            scanned=99, most_long=(entry(LONG_NAME, 1234.5678),) * 30, most_short=(entry(LONG_NAME, 0.0),) * 30
        )
    ),
    TooFewRows(found=NotEnoughSnapshots(symbol=LONG_NAME, minutes=10_080, rows=1)),
]
