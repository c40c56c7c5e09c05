"""Moves over 5 and 15 minutes: against the open of the first candle, never over a hole, one move told once."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from altmonitor.detectors.verdict import Verdict
from altmonitor.market.candles import Candle
from altmonitor.settings.settings import Settings
from tests.effort import examples
from tests.fakes import MINUTE, T0, Market


def market_with(*, minutes: int = 4, is_loud: bool = False, **changes: object) -> Market:
    """So many quiet minutes at 100 were closed; one minute moves are told at 50 % and more."""
    known: dict[str, object] = {"pump_threshold": 50.0, "dump_threshold": -50.0, "move_5m_pct": 5.0, **changes}
    market = Market(settings=Settings(**known), is_loud=is_loud)  # type: ignore[arg-type]
    for minute in range(minutes):
        market.close(minute, 1_000.0)
    return market


def test_five_percent_over_five_candles_is_told_with_its_window_and_key() -> None:
    market = market_with()
    market.push(104.9, at_s=250.0)
    market.push(105.0, at_s=260.0)
    (alert,) = market.sink.alerts
    assert (alert.kind, alert.direction, alert.note) == ("price", "PUMP", "5m")
    assert alert.key == f"price:SOLUSDT:PUMP:5m:{T0 + 4 * MINUTE}"
    assert alert.change_pct == pytest.approx(5.0)
    assert (alert.details.threshold, alert.details.window_s) == (5.0, 260.0)


def test_downwards_the_threshold_is_negative() -> None:
    market = market_with()
    market.push(95.0, at_s=250.0)
    (alert,) = market.sink.alerts
    assert (alert.direction, alert.note, alert.details.threshold) == ("DUMP", "5m", -5.0)


def test_the_reference_is_the_open_of_the_candle_that_began_five_minutes_before_the_running_one_ends() -> None:
    market = market_with(minutes=0)
    for minute, open_ in enumerate([100.0, 97.0, 100.0, 100.0, 100.0]):
        market.close(minute, 1_000.0, open=open_, close=100.0)
    market.push(101.84, at_s=301.0)
    assert market.told == []
    market.push(101.85, at_s=302.0)
    assert market.told == [("price", "PUMP", "5m")]


@pytest.mark.parametrize(("minutes", "is_raised"), [(3, False), (4, True)])
def test_there_is_no_value_before_enough_candles_are_closed(minutes: int, is_raised: bool) -> None:
    market = market_with(minutes=minutes)
    market.push(106.0, at_s=minutes * 60 + 5.0)
    assert bool(market.sink.alerts) is is_raised


def test_a_hole_is_never_bridged_and_history_closes_it() -> None:
    market = market_with()
    market.close(5, 1_000.0)
    market.push(106.0, at_s=361.0)
    assert market.told == []
    history = [
        Candle(open_ms=T0 + minute * MINUTE, open=100.0, high=100.0, low=100.0, close=100.0, quote_usdt=1.0)
        for minute in range(5)
    ]
    market.engine.refill("SOLUSDT", history)
    market.push(106.0, at_s=362.0)
    assert market.told == [("price", "PUMP", "5m")]


def test_between_the_first_frame_of_a_candle_and_a_late_close_nothing_is_lost() -> None:
    market = market_with(minutes=3)
    market.push(106.0, at_s=240.5, open=106.0)
    assert market.told == []
    market.push(100.0, at_s=240.6, candle_s=180.0, closed=True)
    assert market.told == [("price", "PUMP", "5m")]


def test_a_move_that_was_told_by_one_minute_is_told_by_five_only_when_it_doubles() -> None:
    market = market_with(pump_threshold=3.0, cooldown_sec=60)
    market.push(103.0, at_s=241.0)
    market.push(105.5, at_s=350.0, candle_s=300.0, open=104.0)
    assert market.told == [("price", "PUMP", "1m")]
    market.push(106.0, at_s=351.0, candle_s=300.0, open=104.0)
    assert market.told[1:] == [("price", "PUMP", "episode")], "the candle of minute 4 is not closed: no value of 5 m"
    market.push(103.0, at_s=351.5, candle_s=240.0, closed=True)
    assert market.sink.alerts[1].details.told_before_pct == pytest.approx(3.0)
    assert len(market.told) == 2, "the whole move has said so already"


def test_the_whole_of_what_was_told_by_five_minutes_is_told_when_it_doubles() -> None:
    market = market_with(cooldown_sec=86_400)
    market.push(105.0, at_s=250.0)
    market.push(109.9, at_s=305.0, open=105.0)
    market.push(110.0, at_s=306.0, open=105.0)
    assert market.told == [("price", "PUMP", "5m"), ("price", "PUMP", "episode")]


def test_a_move_stays_in_sight_of_its_window_whatever_the_cooldown() -> None:
    market = market_with(cooldown_sec=0, is_loud=True)
    for second in range(250, 290, 4):
        market.push(106.0, at_s=second)
    assert market.told == [("price", "PUMP", "5m")]
    assert market.engine.verdicts["price", Verdict.COOLING_DOWN] == 9


def test_where_two_windows_are_reached_at_once_the_shortest_is_told_unless_another_is_twice_as_large() -> None:
    near, far = (market_with(minutes=14, move_5m_pct=5.0, move_15m_pct=5.0) for _ in range(2))
    near.push(106.0, at_s=845.0)
    assert near.told == [("price", "PUMP", "5m")]
    rising = market_with(minutes=0, move_15m_pct=5.0)
    for minute in range(14):
        rising.close(minute, 1_000.0, open=100.0 if minute < 9 else 106.0, close=106.0)
    rising.sink.alerts.clear()
    rising.push(112.0, at_s=845.0, open=106.0)
    assert [(alert.note, round(alert.change_pct or 0)) for alert in rising.sink.alerts] == [("15m", 12)]
    assert far.told == []


def test_escalations_of_one_candle_have_different_keys() -> None:
    market = market_with(pump_threshold=2.0, move_5m_pct=3.0)
    for price in (102.0, 104.1, 108.3, 117.0, 135.0):
        market.push(price, at_s=241.0 + price / 10, open=101.9)
    keys = [alert.key for alert in market.sink.alerts]
    assert len(keys) == len(set(keys)) >= 4


def test_an_unwatched_minute_that_touched_the_bound_of_a_window_is_told_as_late() -> None:
    market = market_with()
    market.engine.after_blind(T0 + 4 * MINUTE, T0 + 7 * MINUTE + 10_000)
    history = [
        Candle(open_ms=T0 + minute * MINUTE, open=o, high=h, low=100.0, close=h, quote_usdt=1.0)
        for minute, o, h in ((4, 100.0, 102.0), (5, 102.0, 104.0), (6, 104.0, 106.0))
    ]
    market.engine.refill("SOLUSDT", history)
    assert [(a.note, a.candle_ms, a.late) for a in market.sink.alerts] == [("5m", T0 + 6 * MINUTE, True)]


@given(st.lists(st.integers(900, 1100), min_size=20, max_size=120), st.sampled_from([0, 60, 180]))
@effort(max_examples=examples(40))
def test_the_cheap_first_look_never_hides_a_window(ticks: list[int], cooldown_s: int) -> None:
    """Every frame is compared by hand with the opens of five and fifteen candles."""
    market = market_with(minutes=0, is_loud=True, cooldown_sec=cooldown_s, move_15m_pct=8.0)
    opens: list[float] = []
    for index, tick in enumerate(ticks):
        price, minute = tick / 10, index // 4
        if index % 4 == 0:
            opens.append(price)
        counted = sum(market.engine.verdicts[key] for key in list(market.engine.verdicts) if key[0] == "price")
        known = len(market.sink.alerts)
        market.push(price, open=opens[-1], at_s=index * 15 + 1)
        references = [(opens[-5], 5.0)] if len(opens) >= 5 else []
        references += [(opens[-15], 8.0)] if len(opens) >= 15 else []
        reached = sum(abs(price - before) / before * 100 >= bound * (1 - 1e-9) for before, bound in references)
        now = sum(market.engine.verdicts[key] for key in list(market.engine.verdicts) if key[0] == "price")
        reached += sum(alert.note == "episode" for alert in market.sink.alerts[known:])  # the whole move, beside them
        assert now - counted == reached
        if index % 4 == 3:
            market.close(minute, 1_000.0, open=opens[-1], close=price)
            market.engine.verdicts.clear()
