"""All parts of one contract together: each may be missing, none is made up."""

from __future__ import annotations

from altmonitor.core.types import Fraction
from altmonitor.positioning.funding import funding_cost
from altmonitor.positioning.open_interest import oi_velocity
from altmonitor.positioning.picture import PositionPicture, picture_values
from altmonitor.positioning.ratios import TakerFlow, TopTraders
from tests.positioning.samples import BARS, OVERVIEW, T0, bars, bucket

TOP = TopTraders(
    symbol="ETHUSDT",
    period="5m",
    captured_ms=T0,
    accounts=bucket(60.2, ratio=1.5126),
    positions=bucket(55.54, ratio=1.2493),
    taker=TakerFlow(time_ms=T0 - 60_000, buy_coins=114.0, sell_coins=73.0, buy_sell_ratio=1.5586),
)
WHOLE = PositionPicture(
    symbol="ETHUSDT",
    now_ms=T0 + 30_000,
    overview=OVERVIEW,
    top_traders=TOP,
    open_interest=oi_velocity(bars(*BARS, usd_per_coin=10.0)),
    funding=funding_cost(Fraction(0.0001), interval_h=None),
    mark_price=10.0,
    next_funding_ms=T0 + 30_000 + 1_628_000,
    funding_told_ms=T0 + 23_000,
)


def test_a_whole_picture_reads_as_nested_values() -> None:
    values = picture_values(WHOLE)
    assert (values["price"], values["priceBasis"], values["smartMoneyShareOfOI"]) == (10.0, "mark", 0.158)
    smart_money = values["smartMoney"]
    assert isinstance(smart_money, dict)
    assert smart_money["totalNotionalUsd"] == 3475.0
    assert smart_money["long"] == {
        "traders": 100,
        "smartMoneyUsd": 1900,
        "avgEntry": 9.5,
        "profitPct": 55,
        "whales": 20,
        "whalesUsd": 1692,
        "whaleAvgEntry": 9.4,
        "whaleProfitPct": 60,
    }
    assert (smart_money["signalDayAgeHours"], smart_money["ageSec"]) == (5.3, 30)
    assert (smart_money["headcountRatio"], smart_money["notionalRatio"]) == (1.1111, 1.21)
    assert values["openInterest"] == {
        "oiNowUsd": 11000.0,
        "oiNowCoins": 1100.0,
        "oiChg5m": 10.0,
        "oiChg15m": 10.0,
        "oiChg1h": 10.0,
        "oiChg4h": None,
        "timestamp": T0,
        "ageSec": 30,
    }
    assert values["funding"] == {
        "ratePct": 0.01,
        "intervalHours": 8.0,
        "annualizedPct": 10.95,
        "per10kPerSettlementUsd": 1.0,
        "longPays": True,
        "nextFundingCountdown": "00:27:08",
        "ageSec": 7,
    }
    top_trader = values["topTrader"]
    assert isinstance(top_trader, dict)
    assert (top_trader["topPositionLsr"], top_trader["ageSec"]) == (1.2493, 90)


def test_missing_parts_are_null_and_the_rest_is_told() -> None:
    values = picture_values(PositionPicture(symbol="ETHUSDT", now_ms=T0, top_traders=TOP))
    nulls = {name for name, value in values.items() if value is None}
    assert nulls == {"price", "priceBasis", "smartMoney", "openInterest", "funding", "smartMoneyShareOfOI"}


def test_only_without_anybodys_positions_is_a_picture_empty() -> None:
    assert PositionPicture(symbol="ETHUSDT", now_ms=T0, funding=WHOLE.funding, mark_price=10.0).is_empty
    for part in ({"overview": OVERVIEW}, {"top_traders": TOP}, {"open_interest": WHOLE.open_interest}):
        assert not PositionPicture(symbol="ETHUSDT", now_ms=T0, **part).is_empty


def test_without_a_mark_the_price_says_what_it_rests_on() -> None:
    found = PositionPicture(symbol="ETHUSDT", now_ms=T0, overview=OVERVIEW, open_interest=WHOLE.open_interest).price
    assert found is not None
    assert (found.price, found.basis) == (10.0, "open_interest")
    assert PositionPicture(symbol="ETHUSDT", now_ms=T0, top_traders=TOP).price is None
