"""What is believed: every crash, and no candle, sample or row that cannot be."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from math import inf, nan

from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from altmonitor.market.candles import Candle
from altmonitor.market.liquidations import Liquidation
from altmonitor.market.open_interest import OpenInterestRing
from altmonitor.market.plausibility import FARTHEST, believed, is_candle, is_day, is_funding, is_liquidation
from altmonitor.market.quotes import DayTicker, Funding
from altmonitor.settings.settings import Settings
from tests.fakes import MINUTE, T0, Market

STEPS = st.lists(st.floats(min_value=0.96, max_value=1.04), min_size=12, max_size=40)
ABSURD = st.one_of(st.floats(min_value=1e-9, max_value=1 / 60), st.floats(min_value=60, max_value=1e12))
DEAF_TO_WALKS = Settings(pump_threshold=30.0, dump_threshold=-30.0, vol_burst_mult=0.0, oi_min_usd=0.0)


def walk(steps: list[float], begin: float = 100.0) -> list[float]:
    prices = [begin]
    for step in steps:
        prices.append(prices[-1] * step)
    return prices


def minutes(prices: list[float], first: int = 0) -> list[Candle]:
    """Each opens where the one before closed."""
    return [
        Candle(
            open_ms=T0 + (first + minute) * MINUTE,
            open=before,
            high=max(before, close),
            low=min(before, close),
            close=close,
            quote_usdt=1e5,
        )
        for minute, (before, close) in enumerate(pairwise(prices))
    ]


def tell(market: Market, minute: int, before: float, close: float, *, quote: float = 1e5) -> None:
    """A candle in four updates, the last of which closes it after its minute."""
    for at_s, price in ((0.3, before), (20.0, close), (59.8, close)):
        market.push(price, at_s=minute * 60 + at_s, open=before, low=min(before, close), high=max(before, close))
    market.close(minute, quote, open=before, close=close)


@given(STEPS, ABSURD, st.data())
def test_a_candle_far_from_those_around_it_raises_nothing_and_leaves_nothing_behind(
    steps: list[float], times: float, data: st.DataObject
) -> None:
    market = Market(settings=replace(DEAF_TO_WALKS, cooldown_sec=0))
    prices = walk(steps)
    odd = data.draw(st.integers(min_value=3, max_value=len(steps) - 2), label="odd minute")
    keeps_open = data.draw(st.booleans(), label="only what it moves to is odd")
    for minute, (before, close) in enumerate(pairwise(prices)):
        if minute == odd:
            tell(market, minute, before if keeps_open else before * times, close * times, quote=2e5)
        else:
            tell(market, minute, before, close)
    assert market.sink.alerts == []
    book = market.engine.book("SOLUSDT")
    assert book is not None
    assert book.price == prices[-1]
    assert all(0.5 < candle.close / prices[-1] < 5 or 0.2 < candle.close / 100 < 5 for candle in book.closed)
    market.push(prices[-1] * 1.5, at_s=len(steps) * 60 + 1, open=prices[-1])
    assert market.told == [("price", "PUMP", "1m")], "and the next move is told"


@given(st.lists(st.floats(min_value=0.03, max_value=30.0), min_size=2, max_size=40))
def test_a_crash_is_believed_as_it_comes(steps: list[float]) -> None:
    """A loss of 97 % from one update to the next is worse than any that was."""
    market = Market(settings=Settings(oi_min_usd=0.0))
    prices = [min(max(price, 1e-6), 1e8) for price in walk(steps)]
    for number, price in enumerate(prices):
        market.push(price, at_s=number, open=price)
    assert market.engine.refused["NOT_BELIEVED"] == 0
    book = market.engine.book("SOLUSDT")
    assert book is not None
    assert book.price == prices[-1]


def test_the_minutes_of_luna_are_believed_and_told() -> None:
    """99.9 % in steps of up to 60 % a minute."""
    market = Market(settings=Settings(oi_min_usd=0.0, vol_burst_mult=0.0, cooldown_sec=0))
    prices = walk([1.0] * 5 + [0.4, 0.7, 0.5, 1.3, 0.4, 0.4, 0.4, 0.5, 0.4, 0.4, 0.4])
    for minute, (before, close) in enumerate(pairwise(prices)):
        tell(market, minute, before, close)
    assert (market.engine.refused["NOT_BELIEVED"], market.engine.refused["BAD_NUMBER"]) == (0, 0)
    assert prices[-1] < 0.1
    assert ("price", "DUMP", "1m") in market.told
    assert believed(minutes(prices)) == minutes(prices)


def test_a_price_that_stays_far_away_is_believed_after_90_s_and_told() -> None:
    market = Market(settings=replace(DEAF_TO_WALKS, cooldown_sec=0))
    for minute in range(6):
        tell(market, minute, 100.0, 100.0)
    for minute in (6, 7):
        tell(market, minute, 1.0, 1.0)
    assert [(alert.direction, alert.event_ms) for alert in market.sink.alerts][:1] == [
        ("DUMP", T0 + 7 * MINUTE + 59_800)
    ]
    assert market.engine.book("SOLUSDT").price == 1.0  # type: ignore[union-attr]


def test_a_price_without_trades_is_not_believed_however_long_it_stays() -> None:
    """A venue that closes no candles has its quiet minutes made up, at the last price that was told."""
    market = Market(settings=DEAF_TO_WALKS)
    for minute in range(6):
        tell(market, minute, 100.0, 100.0)
    market.push(1e-5, at_s=361, open=1e-5)
    for minute in range(6, 30):
        market.close(minute, 0.0, open=1e-5, close=1e-5)
    tell(market, 30, 100.0, 100.0)
    assert market.sink.alerts == []
    assert market.engine.book("SOLUSDT").price == 100.0  # type: ignore[union-attr]


def test_a_start_with_an_odd_candle_raises_nothing_when_the_price_is_right_again() -> None:
    market = Market(settings=DEAF_TO_WALKS)
    tell(market, 0, 1e5, 1e5)
    for minute in range(1, 6):
        tell(market, minute, 100.0, 100.0)
    assert market.sink.alerts == []
    assert market.engine.book("SOLUSDT").price == 100.0  # type: ignore[union-attr]


def test_history_says_that_the_first_update_of_a_start_was_odd() -> None:
    market = Market(settings=DEAF_TO_WALKS)
    market.push(1e5, at_s=1200.5, open=1e5)
    market.engine.refill("SOLUSDT", minutes([100.0] * 21))
    market.push(101.0, at_s=1201.0, open=100.0)
    assert market.sink.alerts == []
    assert market.engine.book("SOLUSDT").price == 101.0  # type: ignore[union-attr]


def test_a_stream_that_goes_on_at_prices_unlike_its_history_is_believed_after_5_s() -> None:
    """Somebody's mirror may make its history up; nobody waits a minute and a half for the first alert."""
    market = Market(settings=DEAF_TO_WALKS)
    market.push(100.0, at_s=1200.5)
    market.engine.refill("SOLUSDT", minutes([1.0] * 21))
    for at_s in (1201.0, 1203.0, 1205.9, 1206.1):
        market.push(100.0, at_s=at_s)
    market.push(140.0, at_s=1207.0, open=100.0)
    assert market.told == [("price", "PUMP", "1m")]
    assert market.engine.refused["NOT_BELIEVED"] == 3


def test_a_contract_that_was_away_for_long_may_come_back_at_any_price() -> None:
    """LUNA's name was listed anew at half a million times the price; between the two lay weeks."""
    market = Market(settings=DEAF_TO_WALKS)
    for minute in range(6):
        tell(market, minute, 2e-5, 2e-5)
    tell(market, 26_240, 10.0, 10.0)
    assert market.sink.alerts == []
    assert market.engine.book("SOLUSDT").price == 10.0  # type: ignore[union-attr]
    both = minutes([2e-5] * 5) + minutes([10.0] * 5, first=26_240)
    assert believed(both) == both


@given(STEPS, ABSURD, st.data())
def test_history_is_what_it_was_without_its_odd_candles(steps: list[float], times: float, data: st.DataObject) -> None:
    sane = minutes(walk(steps))
    odd = data.draw(st.sets(st.integers(0, len(sane) - 1), max_size=len(sane) // 3), label="odd minutes")
    apart = {minute for minute in odd if minute - 1 not in odd and minute + 1 not in odd}
    told = [
        structs.replace(one, open=one.open * times, high=one.high * times, low=one.low * times, close=one.close * times)
        if minute in apart
        else one
        for minute, one in enumerate(sane)
    ]
    assert believed(told) == [one for minute, one in enumerate(sane) if minute not in apart]


def test_a_candle_that_cannot_be_is_none() -> None:
    good = Candle(open_ms=T0, open=100.0, high=102.0, low=99.0, close=101.0, quote_usdt=1e5)
    assert is_candle(good)
    findings = [
        changed
        for changed in (
            {"high": 98.0},
            {"low": 100.5},
            {"close": 103.0},
            {"close": 98.0},
            {"low": 0.0},
            {"low": -1.0},
            {"high": inf},
            {"close": nan},
            {"high": 1e12},
            {"low": 1e-5},
            {"open": 1e-5, "low": 1e-5},
            {"open": 1e12, "high": 1e12, "low": 1e12, "close": 1e12},
            {"open": 1e-13, "high": 1e-13, "low": 1e-13, "close": 1e-13},
        )
        if is_candle(structs.replace(good, **changed))
    ]
    assert findings == []
    for quote in (-1.0, nan, inf, 1e12, 1e30):
        assert believed([good, structs.replace(good, open_ms=T0 + MINUTE, quote_usdt=quote)]) == [good]


@given(
    st.lists(st.floats(min_value=0.6, max_value=1.6), min_size=6, max_size=30),
    st.one_of(st.just(0.0), st.floats(min_value=1e-9, max_value=1 / 500), st.floats(min_value=500, max_value=1e12)),
    st.data(),
)
def test_one_odd_sample_of_open_interest_is_left_out(steps: list[float], times: float, data: st.DataObject) -> None:
    told = walk(steps, 1e6)
    odd = data.draw(st.integers(min_value=1, max_value=len(told) - 2), label="odd sample")
    ring = OpenInterestRing(period_s=10)
    for number, contracts in enumerate(told):
        is_kept = ring.record(
            "SOLUSDT", time_ms=T0 + number * 10_000, contracts=contracts * times if number == odd else contracts
        )
        assert is_kept is (number != odd)
    kept = dict(ring.samples("SOLUSDT", from_ms=0))
    assert kept == {T0 + number * 10_000: one for number, one in enumerate(told) if number != odd}


def test_open_interest_that_stays_far_away_is_believed_after_90_s() -> None:
    ring = OpenInterestRing(period_s=60)
    kept = [ring.record("SOLUSDT", time_ms=T0 + at * 30_000, contracts=1e6 if at < 3 else 0.0) for at in range(8)]
    assert kept == [True, True, True, False, False, False, True, True]


def test_a_first_odd_sample_of_open_interest_is_compared_with_nothing() -> None:
    ring = OpenInterestRing(period_s=60)
    for at, contracts in enumerate((1e15, 1e6, 1e6, 1e6)):
        ring.record("SOLUSDT", time_ms=T0 + at * 60_000, contracts=contracts)
    assert ring.samples("SOLUSDT", from_ms=0) == [(T0 + 3 * 60_000, 1e6)]


def test_rows_of_tables_that_cannot_be_are_none() -> None:
    good = Funding(symbol="SOLUSDT", rate=-0.04, mark_price=100.0, next_ms=0, index_price=103.0)
    assert is_funding(good)
    assert is_funding(replace(good, index_price=None))
    assert is_funding(replace(good, index_price=0.0))
    day = DayTicker(symbol="SOLUSDT", last_price=100.0, change_pct=-99.9, quote_usdt=1e9)
    assert is_day(day)
    assert is_day(replace(day, last_price=0.0))
    liquidation = Liquidation(symbol="SOLUSDT", is_long=True, price=60.0, usd=2e8, event_ms=T0)
    assert is_liquidation(liquidation, 100.0)
    assert is_liquidation(liquidation, 0.0)
    findings = [
        *(rate for rate in (0.2, -5.0, 1e9, nan) if is_funding(replace(good, rate=rate))),
        *(mark for mark in (1e12, 1e-5, 400.0, -1.0, nan) if is_funding(replace(good, mark_price=mark))),
        *(index for index in (1e-5, 1e12, 20.0) if is_funding(replace(good, index_price=index))),
        *(last for last in (1e12, 1e-20, -1.0, nan) if is_day(replace(day, last_price=last))),
        *(change for change in (-100.1, 1e9, nan) if is_day(replace(day, change_pct=change))),
        *(usd for usd in (1e14, -1.0, nan) if is_day(replace(day, quote_usdt=usd))),
        *(price for price in (1e-5, 1e12, 5.0, 2_000.0) if is_liquidation(replace(liquidation, price=price), 100.0)),
        *(usd for usd in (0.0, -5.0, 1e12, nan) if is_liquidation(replace(liquidation, usd=usd), 100.0)),
    ]
    assert findings == []


def test_the_farthest_step_that_is_believed() -> None:
    market = Market(settings=DEAF_TO_WALKS)
    market.push(100.0, at_s=0.5)
    market.push(100.0 / FARTHEST, at_s=1.0)
    market.push(1.9 / FARTHEST, at_s=1.5)
    assert (market.engine.refused["NOT_BELIEVED"], market.engine.book("SOLUSDT").price) == (1, 2.0)  # type: ignore[union-attr]


def test_one_odd_trade_in_a_minute_costs_no_alert_of_a_real_move_in_it_and_shows_no_amplitude() -> None:
    wrong = []
    for high, low in ((1e6, None), (None, 1e-5), (1e6, 1e-5)):
        market = Market(settings=Settings(rolling=False))
        market.push(100.0, at_s=1)
        market.push(100.0, at_s=2, high=high, low=low)
        market.push(104.0, at_s=9, high=high, low=low)
        alerts = [(one.direction, one.change_pct, one.amplitude) for one in market.sink.alerts]
        if alerts != [("PUMP", 4.0, None)]:
            wrong.append(f"{high}, {low}: {alerts}")
    assert wrong == []
