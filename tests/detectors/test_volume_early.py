"""A burst is told as soon as the running candle has reached the bound, and completed when it closes."""

from __future__ import annotations

from dataclasses import replace
from math import inf

import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from altmonitor.core.alert import Alert
from altmonitor.core.types import Destination
from altmonitor.detectors.verdict import Verdict
from altmonitor.market.candles import Candle
from altmonitor.settings.audience import Audience
from altmonitor.settings.settings import Settings
from altmonitor.storage.rows import merged
from tests.effort import examples
from tests.fakes import MINUTE, T0, Market

HERE, THERE = Destination(chat_id=1), Destination(chat_id=2)


def market_after(minutes: int, *audiences: Audience, **changes: object) -> Market:
    settings = replace(Settings(), **changes)  # type: ignore[arg-type]
    market = Market(settings=settings, audiences=audiences)
    for minute in range(minutes):
        market.close(minute, 100_000.0)
    return market


def final(market: Market) -> Alert:
    """The one alert as it stands when all is known."""
    (alert,) = market.sink.alerts
    for learned in market.completed:
        alert = merged(alert, learned)
    return alert


def test_nine_times_the_median_after_23_seconds_is_told_then_and_completed_at_the_close() -> None:
    market = market_after(12)
    market.push(101.0, at_s=720 + 22, quote=499_999.0)
    assert market.told == []
    market.push(101.0, at_s=720 + 23, quote=900_000.0, taker=450_000.0)
    (alert,) = market.sink.alerts
    assert (alert.key, alert.event_ms) == (f"vol:SOLUSDT:UP:1m:{T0 + 720_000}", T0 + 743_000)
    assert (alert.metric, alert.details.running_s, alert.details.quote_usdt) == (9.0, 23.0, 900_000.0)
    market.push(99.5, at_s=720 + 40, quote=1_500_000.0)
    market.close(12, 1_800_000.0, close=99.0, taker=600_000.0)
    whole = final(market)
    assert (whole.key, whole.direction, whole.metric, whole.price) == (alert.key, "DOWN", 18.0, 99.0)
    assert (whole.change_pct, whole.amplitude) == (pytest.approx(-1.0), pytest.approx(1.0))
    assert (whole.details.quote_usdt, whole.details.taker_buy_share) == (1_800_000.0, pytest.approx(1 / 3))
    assert (whole.details.running_s, whole.details.is_completed, whole.event_ms) == (23.0, True, T0 + 743_000)
    assert market.engine.verdicts["vol", Verdict.RAISED_THIS_CANDLE] == 1


def test_the_bound_counts_and_the_floor_too() -> None:
    market = market_after(12, vol_burst_min_usdt=600_000.0)
    for second, quote in ((10, 500_000.0), (20, 599_999.0)):
        market.push(100.0, at_s=720 + second, quote=quote)
    assert market.told == []
    market.push(100.0, at_s=720 + 30, quote=600_000.0)
    assert [alert.details.running_s for alert in market.sink.alerts] == [30.0]
    exactly = market_after(12)
    exactly.push(100.0, at_s=720 + 10, quote=500_000.0)
    assert [alert.metric for alert in exactly.sink.alerts] == [5.0]


def test_a_direction_that_cools_down_leaves_the_candle_to_its_close() -> None:
    """The candle may end in either direction as long as it runs."""
    market = market_after(12)
    market.close(12, 900_000.0, close=101.0)
    market.push(99.0, at_s=780 + 20, quote=5_000_000.0)
    assert [(alert.direction, alert.candle_ms) for alert in market.sink.alerts] == [("UP", T0 + 12 * MINUTE)]
    market.close(13, 6_000_000.0, close=99.0)
    assert [alert.direction for alert in market.sink.alerts] == ["UP", "DOWN"]
    assert market.completed == []


def test_the_direction_of_the_close_is_the_one_that_cools_down() -> None:
    market = market_after(12)
    market.push(101.0, at_s=720 + 20, quote=900_000.0)
    market.close(12, 900_000.0, close=99.0)
    market.close(13, 5_000_000.0, close=99.0)
    market.close(14, 50_000_000.0, close=101.0)
    assert [(alert.key.split(":")[2], alert.candle_ms) for alert in market.sink.alerts] == [
        ("UP", T0 + 12 * MINUTE),  # told while it was up; it closed down
        ("UP", T0 + 14 * MINUTE),
    ]


def test_how_long_a_direction_cools_down_is_known_beforehand() -> None:
    market = market_after(12, cooldown_sec=180)
    market.close(12, 900_000.0, close=101.0)
    expected = market.engine.expects("SOLUSDT")
    assert (expected.up_quiet_ms, expected.down_quiet_ms) == (T0 + 16 * MINUTE, 0)
    market.close(13, 900_000.0, close=101.0)
    market.close(14, 900_000.0, close=101.0)
    assert len(market.told) == 1
    market.close(15, 900_000.0, close=101.0)  # it ends at that moment
    assert len(market.told) == 2


def test_a_direction_is_quiet_only_where_everybody_who_hears_of_volume_has_been_told() -> None:
    market = market_after(
        12,
        Audience(destination=HERE, settings=Settings(vol_burst_mult=5.0, cooldown_sec=180)),
        Audience(destination=THERE, settings=Settings(vol_burst_mult=10.0, cooldown_sec=60)),
        Audience(destination=Destination(chat_id=3), settings=Settings(), kinds=frozenset({"price"})),
    )
    market.close(12, 900_000.0, close=101.0)
    assert market.engine.expects("SOLUSDT").up_quiet_ms == 0
    market.close(13, 1_500_000.0, close=101.0)
    assert market.engine.expects("SOLUSDT").up_quiet_ms == T0 + 15 * MINUTE
    deaf = market_after(1, Audience(destination=HERE, settings=Settings(vol_burst_mult=0.0)))
    assert deaf.engine.expects("SOLUSDT").up_quiet_ms == inf


def test_each_audience_is_told_at_its_own_bound_and_once() -> None:
    audiences = [
        Audience(destination=HERE, settings=Settings(vol_burst_mult=5.0)),
        Audience(destination=THERE, settings=Settings(vol_burst_mult=8.0)),
        Audience(destination=Destination(chat_id=3), settings=Settings(vol_burst_early=False)),
    ]
    market = market_after(12, *audiences)
    for second, quote in ((10, 500_000.0), (11, 700_000.0), (20, 800_000.0), (21, 900_000.0)):
        market.push(100.0, at_s=720 + second, quote=quote)
    key = f"vol:SOLUSDT:UP:1m:{T0 + 720_000}"
    assert [(alert.key, alert.details.running_s, to) for alert, to in market.sink.told] == [
        (key, 10.0, (HERE,)),
        (f"{key}@2", 20.0, (THERE,)),
    ]
    market.close(12, 1_000_000.0)
    assert [(alert.key, alert.metric) for alert in market.completed] == [(key, 10.0), (f"{key}@2", 10.0)]
    assert [(alert.metric, to) for alert, to in market.sink.told[2:]] == [(10.0, (Destination(chat_id=3),))]


def test_after_a_restart_within_the_minute_there_is_no_second_alert_and_the_close_completes_the_first() -> None:
    before = market_after(12, vol_burst_mult=5.0)
    before.push(101.0, at_s=720 + 20, quote=900_000.0)
    market = Market()
    history = [
        Candle(open_ms=T0 + minute * MINUTE, open=100.0, high=100.0, low=100.0, close=100.0, quote_usdt=100_000.0)
        for minute in range(12)
    ]
    market.engine.refill("SOLUSDT", history)
    market.engine.restore(before.sink.told, firsts={})
    market.push(99.0, at_s=720 + 40, quote=1_200_000.0)
    market.close(12, 1_400_000.0, close=98.0)
    assert market.told == []
    assert [(alert.key, alert.direction, alert.metric) for alert in market.completed] == [
        (before.sink.alerts[0].key, "DOWN", 14.0)
    ]


def test_a_close_that_nobody_saw_completes_it_when_history_brings_it() -> None:
    market = market_after(12)
    market.push(101.0, at_s=720 + 20, quote=900_000.0)
    market.push(101.0, at_s=900.0, quote=1_000.0)
    missed = [
        Candle(open_ms=T0 + minute * MINUTE, open=100.0, high=103.0, low=100.0, close=102.0, quote_usdt=1_100_000.0)
        for minute in (12, 13)
    ]
    market.engine.after_blind(T0 + 745_000, T0 + 890_000)
    market.engine.refill("SOLUSDT", missed)
    assert [(alert.key, alert.metric) for alert in market.completed] == [(market.sink.alerts[0].key, 11.0)]
    assert [alert.candle_ms for alert in market.sink.alerts if alert.kind == "vol"] == [T0 + 12 * MINUTE]


def test_a_close_that_came_while_the_program_was_away_completes_it_too() -> None:
    before = market_after(12)
    before.push(101.0, at_s=720 + 20, quote=900_000.0)
    market = Market()
    market.engine.restore(before.sink.told, firsts={})
    history = [
        Candle(open_ms=T0 + minute * MINUTE, open=100.0, high=103.0, low=100.0, close=102.0, quote_usdt=quote)
        for minute, quote in enumerate([*[100_000.0] * 12, 1_300_000.0])
    ]
    market.engine.refill("SOLUSDT", history)
    assert [(alert.key, alert.metric) for alert in market.completed] == [(before.sink.alerts[0].key, 13.0)]
    assert market.told == []


def test_a_candle_that_was_told_is_not_told_in_its_other_direction_by_history() -> None:
    market = market_after(12, cooldown_sec=0)
    market.push(101.0, at_s=720 + 20, quote=900_000.0)
    market.close(12, 1_100_000.0, close=99.0)
    market.engine.after_blind(T0 + 725_000, T0 + 790_000)
    seen = Candle(open_ms=T0 + 12 * MINUTE, open=100.0, high=101.0, low=99.0, close=99.0, quote_usdt=1_100_000.0)
    market.engine.refill("SOLUSDT", [seen])
    assert [alert.key for alert in market.sink.alerts if alert.kind == "vol"] == [
        f"vol:SOLUSDT:UP:1m:{T0 + 12 * MINUTE}"
    ]


def test_behind_a_hole_nothing_is_certain_before_the_close() -> None:
    market = market_after(12)
    market.push(100.0, at_s=13 * 60 + 20, quote=5_000_000.0)
    assert market.told == []


def test_it_is_certain_too_where_the_close_of_the_minute_before_comes_after_the_first_frame() -> None:
    market = market_after(12)
    market.push(100.0, at_s=720 + 50, quote=90_000.0)
    market.push(100.0, at_s=780.1, quote=600_000.0)
    market.push(100.0, at_s=780.3, candle_s=720.0, quote=100_000.0, closed=True)
    market.push(100.0, at_s=780.5, quote=600_001.0)
    assert [alert.details.running_s for alert in market.sink.alerts] == [0.5]


def test_settings_and_mutes_count_for_the_running_candle_at_once() -> None:
    market = market_after(12, Audience(destination=HERE, settings=Settings()))
    market.push(100.0, at_s=720 + 10, quote=300_000.0)
    market.engine.apply([Audience(destination=HERE, settings=Settings(muted={"SOLUSDT": None}))])
    market.push(100.0, at_s=720 + 20, quote=900_000.0)
    assert market.told == []
    market.engine.apply([Audience(destination=HERE, settings=Settings(vol_burst_mult=9.0))])
    market.push(100.0, at_s=720 + 30, quote=910_000.0)
    assert [(alert.metric, alert.details.running_s) for alert in market.sink.alerts] == [(9.1, 30.0)]


CANDLES = st.lists(
    st.tuples(
        st.sampled_from([0.0, 20_000.0, 100_000.0, 100_000.0, 300_000.0, 700_000.0, 2_000_000.0]),
        st.sampled_from([99.0, 100.0, 101.0]),
        st.lists(st.tuples(st.floats(0.0, 1.0), st.sampled_from([99.0, 100.5])), max_size=4),
        st.sampled_from([0.2, 2.0]),
    ),
    min_size=10,
    max_size=40,
)


@given(CANDLES, st.sampled_from([0, 60, 90, 180]), st.sampled_from([5, 20]))
@effort(max_examples=examples(100))
def test_the_same_candles_are_told_as_at_their_close_once_each_and_end_alike(
    candles: list[tuple[float, float, list[tuple[float, float]], float]], cooldown_s: int, lookback: int
) -> None:
    found = []
    for is_early in (True, False):
        market = Market(
            settings=Settings(cooldown_sec=cooldown_s, vol_burst_lookback=lookback, vol_burst_early=is_early)
        )
        for minute, (quote, close, frames, late_s) in enumerate(candles):
            for number, (share, price) in enumerate(sorted(frames)):
                market.push(price, at_s=minute * 60 + 5 + number * 10, quote=quote * share)
            end_s = (minute + 1) * 60 + late_s
            market.push(close, at_s=end_s, candle_s=minute * 60, quote=quote, closed=True)
        told = {alert.key: alert for alert in market.sink.alerts if alert.kind == "vol"}
        assert len({alert.candle_ms for alert in told.values()}) == len(told)
        for learned in market.completed:
            told[learned.key] = merged(told[learned.key], learned)
        found.append([(one.candle_ms, one.direction, one.metric, one.price, one.change_pct) for one in told.values()])
    early, at_close = found
    assert early == at_close
