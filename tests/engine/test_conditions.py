"""Conditions: a crossing is told, once; then it must come back by the hysteresis."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from altmonitor.core.alert import Alert
from altmonitor.core.types import Destination
from altmonitor.market.candles import Candle
from altmonitor.market.quotes import Funding
from altmonitor.settings.conditions import Condition, FundingCrosses, Predicate, PriceCrosses, PriceMoves
from altmonitor.settings.settings import Settings
from tests.effort import examples
from tests.fakes import MINUTE, T0, Market

PLACE = Destination(chat_id=-5, topic_id=9)
ABOVE_110 = PriceCrosses(side="above", level=110.0)
NOBODY = Settings(pump_threshold=100.0, dump_threshold=-100.0)


def asked(predicate: Predicate, number: int = 1) -> Condition:
    return Condition(
        id=number,
        destination=PLACE,
        owner_id=7,
        owner_name="anna",
        text="SOL > 110",
        created_s=1_790_000_000,
        symbol="SOLUSDT",
        predicate=predicate,
    )


def market_with(*predicates: Predicate, settings: Settings = NOBODY) -> Market:
    market = Market("SOLUSDT", "DOGEUSDT", settings=settings)
    market.engine.apply_conditions([asked(one, number) for number, one in enumerate(predicates, 1)])
    return market


def run(market: Market, *prices: float, start_s: float = 1.0, open: float = 100.0) -> list[Alert]:
    for index, price in enumerate(prices):
        market.push(price, at_s=start_s + index, open=open)
    return market.sink.alerts


def test_a_crossing_is_told_to_its_place_with_what_was_asked_for() -> None:
    market = market_with(ABOVE_110)
    (alert,) = run(market, 109.0, 110.0, 111.0)
    assert (alert.kind, alert.direction, alert.note, alert.metric, alert.price) == (
        "condition",
        "UP",
        "price",
        110.0,
        110.0,
    )
    assert (alert.details.threshold, alert.details.condition, alert.details.condition_id) == (110.0, "SOL > 110", 1)
    assert alert.key == f"condition:1@1790000000:SOLUSDT:{T0 + 2000}"
    assert market.sink.to[alert.key] == (PLACE,)


@pytest.mark.parametrize(
    ("predicate", "prices", "told_at"),
    [
        (ABOVE_110, [111.0, 112.0], []),  # true when it is first looked at
        (ABOVE_110, [111.0, 109.0, 110.5], [110.5]),
        (ABOVE_110, [109.0, 110.0, 109.95, 110.0], [110.0]),  # within 0.1 % of the level: not armed again
        (ABOVE_110, [109.0, 110.0, 109.89, 110.0], [110.0, 110.0]),
        (PriceCrosses(side="below", level=90.0), [91.0, 90.0, 90.05, 89.0, 90.1, 89.0], [90.0, 89.0]),
        (PriceMoves(window="1m", pct=4.0), [103.9, 104.0, 103.7, 104.5, 103.59, 104.0], [104.0, 104.0]),
        (PriceMoves(window="1m", pct=4.0), [100.0, 104.0, 96.0], [104.0, 96.0]),  # the other direction is another move
    ],
)
def test_crossings(predicate: Predicate, prices: list[float], told_at: list[float]) -> None:
    assert [alert.price for alert in run(market_with(predicate), *prices)] == told_at


def test_a_move_of_five_minutes_needs_its_candles() -> None:
    market = market_with(PriceMoves(window="5m", pct=4.0))
    for minute in range(4):
        market.close(minute, 1_000.0)
    (alert,) = run(market, 100.0, 104.0, start_s=241.0)
    assert (alert.note, alert.metric, alert.change_pct) == ("5m", 4.0, 4.0)


def test_neither_mute_nor_watchlist_nor_route_keeps_it_back() -> None:
    settings = Settings(muted={"SOLUSDT": None}, watchlist=frozenset({"BTCUSDT"}))
    assert len(run(market_with(ABOVE_110, settings=settings), 109.0, 110.0)) == 1


def test_it_joins_no_episode() -> None:
    market = market_with(ABOVE_110, settings=Settings(rolling=False))
    run(market, 104.0, 110.0)
    assert [(alert.kind, alert.details.episode_key) for alert in market.sink.alerts] == [
        ("price", None),
        ("price", f"price:SOLUSDT:PUMP:1m:{T0}"),
        ("condition", None),
    ]


@pytest.mark.parametrize(
    ("side", "rates", "told"),
    [
        ("above", [0.0004, 0.0005, 0.00048, 0.0005, 0.000475, 0.0006], [0.0005, 0.0006]),
        ("below", [0.001, 0.0005, 0.00052, 0.0004, 0.000525, 0.0005], [0.0005, 0.0005]),
    ],
)
def test_funding_is_looked_at_when_rates_are_read(side: str, rates: list[float], told: list[float]) -> None:
    market = market_with(FundingCrosses(side=side, rate=0.0005))  # type: ignore[arg-type]
    market.engine.on_fundings()
    for index, rate in enumerate(rates):
        market.clock.ms = T0 + index * MINUTE
        market.context.fundings["SOLUSDT"] = Funding(symbol="SOLUSDT", rate=rate, mark_price=101.0, next_ms=T0)
        market.engine.on_fundings()
    assert [(alert.metric, alert.note, alert.price) for alert in market.sink.alerts] == [
        (rate, "funding", 101.0) for rate in told
    ]


def test_what_is_armed_survives_a_restart() -> None:
    before = market_with(ABOVE_110)
    run(before, 109.0)
    after = market_with(ABOVE_110)
    after.engine.restore_conditions(before.remembered[-1])
    assert len(run(after, 111.0, start_s=30.0)) == 1


def test_what_was_told_is_not_told_again_although_it_was_not_remembered_in_time() -> None:
    before = market_with(ABOVE_110)
    run(before, 109.0)
    armed = before.remembered[-1]
    run(before, 111.0, start_s=5.0)
    after = market_with(ABOVE_110)
    after.engine.restore_conditions(armed)
    after.engine.restore(before.sink.told, firsts={})
    assert run(after, 112.0, start_s=30.0) == []
    assert len(run(after, 109.0, 110.0, start_s=40.0)) == 1


@pytest.mark.parametrize("text", [None, "", "{", "[]", '{"1@1790000000": 3}'])
def test_what_cannot_be_read_is_as_if_nothing_was_remembered(text: str | None) -> None:
    market = market_with(ABOVE_110)
    market.engine.restore_conditions(text)
    assert [alert.price for alert in run(market, 111.0, 109.0, 112.0)] == [112.0]


def test_a_deleted_condition_is_silent_and_not_remembered_any_more() -> None:
    market = market_with(ABOVE_110, PriceCrosses(side="above", level=120.0))
    run(market, 109.0)
    market.engine.apply_conditions([asked(PriceCrosses(side="above", level=120.0), 2)])
    assert [alert.price for alert in run(market, 111.0, 121.0, start_s=5.0)] == [121.0]
    assert "1@" not in market.remembered[-1]


def test_a_level_that_was_touched_while_nobody_watched_is_told_as_late() -> None:
    market = market_with(ABOVE_110)
    run(market, 100.0)
    market.engine.after_blind(T0 + MINUTE, T0 + 3 * MINUTE)
    market.push(100.0, at_s=185.0)
    market.engine.refill(
        "SOLUSDT",
        [Candle(open_ms=T0 + 2 * MINUTE, open=100.0, high=111.0, low=100.0, close=100.0, quote_usdt=1.0)],
    )
    assert [(alert.price, alert.late, alert.event_ms) for alert in market.sink.alerts] == [
        (111.0, True, T0 + 3 * MINUTE)
    ]


def test_what_was_told_live_before_its_history_came_is_not_told_again() -> None:
    market = market_with(ABOVE_110)
    run(market, 100.0)
    market.engine.after_blind(T0 + MINUTE, T0 + 3 * MINUTE)
    market.push(112.0, at_s=185.0)
    market.engine.refill(
        "SOLUSDT",
        [Candle(open_ms=T0 + 2 * MINUTE, open=100.0, high=112.0, low=100.0, close=112.0, quote_usdt=1.0)],
    )
    assert [(alert.price, alert.late) for alert in market.sink.alerts] == [(112.0, False)]


@given(st.lists(st.integers(1080, 1120), min_size=1, max_size=80))
@effort(max_examples=examples(60))
def test_the_bounds_of_the_book_hide_no_crossing(ticks: list[int]) -> None:
    """A plain look at every frame, and the engine, which sees only those beyond the bounds."""
    market = market_with(ABOVE_110)
    told: list[float] = []
    is_armed: bool | None = None
    for tick in ticks:
        price = tick / 10
        if price >= 110.0:
            told += [price] if is_armed else []
            is_armed = False
        elif is_armed is None or price <= 110.0 * (1 - 0.001):
            is_armed = True
    assert [alert.price for alert in run(market, *(tick / 10 for tick in ticks))] == told
