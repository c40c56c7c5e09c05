"""What another process found and could not tell is told here, unless its event was told here already."""

from __future__ import annotations

import msgspec

from altmonitor.core.alert import Alert
from altmonitor.core.types import Destination
from altmonitor.engine.context import anybody
from altmonitor.settings.settings import Settings
from tests.engine.test_conditions import ABOVE_110, PLACE, market_with, run
from tests.engine.test_late_detection import blind_market, candle
from tests.fakes import MINUTE, T0, Market

ME = anybody(Settings())[0].destination


def found(*, at_s: float = 12 * 60 + 5, close: float = 103.5, **settings: object) -> Alert:
    """By a feed that watched."""
    market = Market(settings=Settings(**settings))  # type: ignore[arg-type]
    market.push(close, at_s=at_s)
    (alert,) = market.sink.alerts
    return alert


def adopt(market: Market, alert: Alert) -> bool:
    heard = market.engine.adopt(alert, [ME])
    assert heard in ([], [ME])
    return bool(heard)


def test_what_was_not_seen_here_is_news_once() -> None:
    market, alert = Market(), found()
    assert adopt(market, alert)
    assert not adopt(market, alert)


def test_the_same_move_seen_here_is_none_also_where_another_window_told_it() -> None:
    market, alert = Market(), found()
    market.push(103.5, at_s=12 * 60 + 20)
    assert market.told == [("price", "PUMP", "1m")]
    assert not adopt(market, alert)
    assert not adopt(market, msgspec.structs.replace(alert, key=alert.key.replace("1m", "60s"), note="60s"))


def test_what_is_adopted_is_not_found_again_in_the_closed_minutes() -> None:
    market = blind_market()
    assert adopt(market, found())
    market.engine.refill("SOLUSDT", [candle(12, high=103.5), candle(13), candle(14)])
    assert market.told == []


def test_what_was_found_in_the_closed_minutes_is_not_adopted_afterwards() -> None:
    market = blind_market()
    market.engine.refill("SOLUSDT", [candle(12, high=103.5), candle(13), candle(14)])
    assert market.told == [("price", "PUMP", "1m")]
    assert not adopt(market, found())


def test_a_move_and_its_double_are_both_news_in_their_order_and_neither_where_as_much_was_told() -> None:
    watching = Market()
    watching.push(103.5, at_s=5)
    watching.push(107.5, at_s=15)
    first, doubled = watching.sink.alerts
    assert doubled.details.told_before_pct is not None
    market = Market()
    assert [adopt(market, first), adopt(market, doubled)] == [True, True]
    saw_all = Market()
    saw_all.push(108.0, at_s=30)
    assert [adopt(saw_all, first), adopt(saw_all, doubled)] == [False, False]
    saw_begin = Market()
    saw_begin.push(103.5, at_s=5)
    assert [adopt(saw_begin, first), adopt(saw_begin, doubled)] == [False, True]


def test_a_burst_is_news_unless_its_candle_was_told() -> None:
    def burst() -> Market:
        market = Market()
        for minute in range(12):
            market.close(minute, 100_000.0)
        market.close(12, 900_000.0)
        return market

    seen = burst()
    (alert,) = seen.sink.alerts
    assert alert.kind == "vol"
    assert not adopt(seen, alert)
    assert adopt(Market(), alert)


def test_a_sampled_figure_is_news_unless_the_same_was_read_here_at_a_moment_near_by() -> None:
    alert = Alert(
        key=f"oi:SOLUSDT:UP:5m:{T0}", ts=T0 / 1000, event_ms=T0, symbol="SOLUSDT", kind="oi", direction="UP", metric=9.0
    )
    market = Market(settings=Settings(cooldown_sec=0))
    assert adopt(market, alert)
    for moved_ms, is_news in ((60_000, False), (-60_000, False), (10 * MINUTE, True)):
        other = msgspec.structs.replace(alert, key=f"{alert.key}{moved_ms}", event_ms=T0 + moved_ms)
        assert adopt(market, other) is is_news


def test_only_those_who_were_not_told_hear_of_it() -> None:
    market, alert = Market(), found()
    stranger = Destination(chat_id=4711)
    assert market.engine.adopt(alert, [ME, stranger]) == [ME]


def test_a_condition_that_crossed_while_nobody_could_tell_it_is_told_once_and_not_again_here() -> None:
    (alert,) = run(market_with(ABOVE_110), 109.0, 111.0)
    came_later = market_with(ABOVE_110)
    run(came_later, 111.5, start_s=20.0)  # true at the first look: it must become false first
    assert came_later.sink.alerts == []
    assert came_later.engine.adopt(alert, [PLACE]) == [PLACE]
    assert came_later.engine.adopt(alert, [PLACE]) == []
    assert run(came_later, 111.6, start_s=30.0) == []


def test_a_crossing_that_was_told_here_is_not_adopted_also_where_it_was_seen_a_moment_later() -> None:
    (alert,) = run(market_with(ABOVE_110), 109.0, 111.0)
    market = market_with(ABOVE_110)
    run(market, 109.0, 109.5, 111.5)
    assert market.engine.adopt(alert, [PLACE]) == []
