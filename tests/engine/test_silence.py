"""What is known already costs next to nothing, and nothing that is news is held back for it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from altmonitor.core.types import Destination
from altmonitor.settings.audience import Audience
from altmonitor.settings.conditions import Condition, PriceCrosses, PriceMoves
from altmonitor.settings.settings import Settings
from tests.effort import examples
from tests.fakes import T0, Market

HERE, THERE = Destination(chat_id=1), Destination(chat_id=2)


def judged(market: Market) -> int:
    return sum(count for (kind, _), count in market.engine.verdicts.items() if kind == "price")


def test_a_symbol_that_was_told_is_judged_once_and_then_left_alone() -> None:
    market = Market(settings=Settings(rolling=False))
    market.push(96.0, at_s=1.0)
    for quarter in range(40):
        market.push(96.0 + quarter % 3 / 10, at_s=2.0 + quarter / 4)
    assert len(market.sink.alerts) == 1
    assert judged(market) == 2


@pytest.mark.parametrize("news", [92.0, 103.0])
def test_what_has_doubled_and_what_goes_the_other_way_is_told_at_its_first_frame(news: float) -> None:
    market = Market(settings=Settings(rolling=False))
    for second, price in ((1.0, 96.0), (2.0, 96.1), (3.0, 92.01 if news < 100 else 102.99), (3.25, news)):
        market.push(price, at_s=second)
    assert [alert.event_ms for alert in market.sink.alerts] == [T0 + 1_000, T0 + 3_250]


def test_the_end_of_a_cooldown_is_the_end_of_the_silence() -> None:
    market = Market(settings=Settings(rolling=False, cooldown_sec=10))
    market.push(104.0, at_s=55.0)
    for at_s in (60.5, 61.0, 64.75, 65.0):
        market.push(107.9, at_s=at_s, open=104.6)
    assert [alert.event_ms for alert in market.sink.alerts] == [T0 + 55_000, T0 + 65_000]


def test_a_price_of_a_minute_ago_that_comes_into_sight_ends_it() -> None:
    market = Market()
    for at_s, price, low in ((1.0, 100.0, 100.0), (31.0, 97.5, 97.5), (32.0, 99.0, 97.5)):
        market.push(price, at_s=at_s, low=low)
    market.push(100.4, at_s=81.0, open=99.0)  # beyond the cheap first look, but no more than 1.4 % in any window
    for at_s in (82.0, 90.75, 91.0, 91.25):
        market.push(100.45, at_s=at_s, open=99.0)
    assert [(alert.note, alert.event_ms) for alert in market.sink.alerts] == [("60s", T0 + 91_000)]


def test_settings_conditions_and_the_end_of_a_mute_count_at_once() -> None:
    market = Market(
        audiences=[Audience(destination=HERE, settings=Settings(rolling=False, muted={"SOLUSDT": T0 // 1000 + 5}))]
    )
    market.push(104.0, at_s=2.0)
    market.push(104.1, at_s=4.75)
    assert market.sink.alerts == []
    market.push(104.1, at_s=5.0)
    assert len(market.sink.alerts) == 1
    market.push(104.1, at_s=6.0)
    crossing = Condition(
        id=1,
        destination=HERE,
        owner_id=1,
        owner_name="anna",
        text="sol > 104.5",
        created_s=0,
        symbol="SOLUSDT",
        predicate=PriceCrosses(side="above", level=104.5),
    )
    market.engine.apply_conditions([crossing])
    market.push(104.2, at_s=6.25)
    market.push(104.6, at_s=6.5)
    assert [alert.kind for alert in market.sink.alerts] == ["price", "condition"]
    market.engine.apply(
        [Audience(destination=HERE, settings=Settings()), Audience(destination=THERE, settings=Settings())]
    )
    market.push(104.6, at_s=6.75)
    assert market.sink.to[market.sink.alerts[-1].key] == (THERE,)


SETTINGS = st.builds(
    Settings,
    pump_threshold=st.sampled_from([2.0, 3.0, 5.0]),
    dump_threshold=st.sampled_from([-2.0, -3.0]),
    cooldown_sec=st.sampled_from([0, 7, 60, 180]),
    move_5m_pct=st.sampled_from([0.0, 4.0]),
    move_15m_pct=st.sampled_from([0.0, 6.0]),
    rolling=st.booleans(),
    muted=st.sampled_from([{}, {"SOLUSDT": T0 // 1000 + 100}]),
)
PREDICATES = (
    PriceCrosses(side="above", level=104.0),
    PriceMoves(window="5m", pct=3.0),
    PriceMoves(window="1m", pct=2.5),
)
LEVELS = (
    1000,
    1010,
    1021,
    1030,
    1031,
    1034,
    1050,
    1061,
    1063,
    1066,
    1070,
    1125,
    975,
    970,
    968,
    965,
    940,
    937,
    933,
    880,
)
STEPS = st.lists(
    st.tuples(st.sampled_from(LEVELS), st.sampled_from([250, 250, 250, 500, 4_000, 9_000])), min_size=5, max_size=150
)


@given(STEPS, st.lists(SETTINGS, min_size=1, max_size=2))
@effort(max_examples=examples(200))
def test_the_same_is_told_as_when_every_frame_is_judged(steps: list[tuple[int, int]], several: list[Settings]) -> None:
    audiences = [
        Audience(destination=Destination(chat_id=number), settings=settings)
        for number, settings in enumerate(several, 1)
    ]
    asked = [
        Condition(
            id=number,
            destination=HERE,
            owner_id=1,
            owner_name="anna",
            text="asked for",
            created_s=0,
            symbol="SOLUSDT",
            predicate=predicate,
        )
        for number, predicate in enumerate(PREDICATES, 1)
    ]
    markets = [Market(audiences=audiences, is_loud=is_loud) for is_loud in (True, False)]
    for market in markets:
        market.engine.apply_conditions(asked)
        at_ms, price, opened, minute = 500, 1_000, 1_000, 0
        for level, after_ms in steps:
            at_ms += after_ms
            while at_ms // 60_000 > minute:
                market.close(minute, 1_000.0, open=opened / 10, close=price / 10)
                minute, opened = minute + 1, price
            price = level
            market.push(price / 10, at_s=at_ms / 1000, open=opened / 10)
    loud, quiet = ([(alert.key, alert.event_ms, alert.metric) for alert in market.sink.alerts] for market in markets)
    assert quiet == loud
