"""After a blind time: what the missed minutes would have raised is told as late, once."""

from __future__ import annotations

from altmonitor.market.candles import Candle
from altmonitor.settings.settings import Settings
from tests.fakes import MINUTE, T0, Market


def candle(minute: int, *, high: float = 100.0, low: float = 100.0, close: float = 100.0, quote: float = 1e5) -> Candle:
    return Candle(open_ms=T0 + minute * MINUTE, open=100.0, high=high, low=low, close=close, quote_usdt=quote)


def blind_market(**settings: object) -> Market:
    """Twelve quiet minutes were seen, then nothing from 12:30 to 15:10 (minutes after T0)."""
    market = Market(settings=Settings(**settings))  # type: ignore[arg-type]
    for minute in range(12):
        market.close(minute, 100_000.0)
    market.push(100.0, at_s=12 * 60 + 30)
    market.engine.after_blind(T0 + 12 * MINUTE + 30_000, T0 + 15 * MINUTE + 10_000)
    market.push(100.0, at_s=15 * 60 + 10)
    return market


def test_the_missed_minutes_are_asked_for_with_those_they_are_compared_with() -> None:
    assert blind_market().refills[-1] == ("SOLUSDT", T0 - 8 * MINUTE, T0 + 14 * MINUTE + 10_000)


def test_touched_bounds_and_bursts_of_missed_minutes_are_told_as_late_with_their_own_time() -> None:
    market = blind_market()
    market.engine.refill(
        "SOLUSDT", [candle(12), candle(13, high=104.0, low=96.5, quote=9e5, close=99.0), candle(14, quote=2e5)]
    )
    assert [(a.kind, a.direction, round(a.change_pct or 0, 1), a.late) for a in market.sink.alerts] == [
        ("vol", "DOWN", -1.0, True),
        ("price", "PUMP", 4.0, True),
        ("price", "DUMP", -3.5, True),
    ]
    assert {a.candle_ms for a in market.sink.alerts} == {T0 + 13 * MINUTE}
    assert {a.event_ms for a in market.sink.alerts} == {T0 + 14 * MINUTE}
    assert list(market.engine.detect_ms) == []


def test_what_was_told_live_before_the_hole_is_not_told_again() -> None:
    market = blind_market()
    live = Market()
    live.push(103.5, at_s=12 * 60 + 5)
    market.engine.restore(live.sink.told, firsts={})
    market.engine.refill("SOLUSDT", [candle(12, high=103.5)])
    assert market.told == []


def test_a_repeated_refill_tells_nothing_twice() -> None:
    market = blind_market(cooldown_sec=0)
    for _ in range(3):
        market.engine.refill("SOLUSDT", [candle(12), candle(13, high=104.0)])
    assert market.told == [("price", "PUMP", "1m")]


def test_a_touch_in_the_minute_in_which_sight_came_back_is_told_when_it_closes() -> None:
    market = blind_market()
    market.push(100.0, at_s=15 * 60 + 60.3, candle_s=15 * 60, high=105.0, closed=True)
    (alert,) = [a for a in market.sink.alerts if a.kind == "price"]
    assert (alert.direction, alert.change_pct, alert.late) == ("PUMP", 5.0, True)


def test_history_from_before_the_hole_fills_baselines_but_tells_nothing() -> None:
    market = blind_market()
    market.engine.refill("SOLUSDT", [candle(minute, high=110.0) for minute in range(-5, 0)])
    assert market.told == []


def test_muted_symbols_stay_muted_in_hindsight() -> None:
    market = blind_market(muted={"SOLUSDT": None})
    market.engine.refill("SOLUSDT", [candle(12), candle(13, high=104.0)])
    assert market.told == []


def test_a_minute_whose_close_got_lost_is_looked_through_although_nobody_was_blind() -> None:
    market = blind_market()
    for minute in (16, 18):
        market.close(minute, 100_000.0)
    assert market.refills[-1] == ("SOLUSDT", T0 + (17 - 20) * MINUTE, T0 + 18 * MINUTE)
    market.engine.refill("SOLUSDT", [*(candle(minute) for minute in range(7, 17)), candle(17, high=104.0, quote=9e5)])
    assert [(a.kind, a.candle_ms, a.late) for a in market.sink.alerts] == [
        ("vol", T0 + 17 * MINUTE, True),
        ("price", T0 + 17 * MINUTE, True),
    ]


def test_a_burst_that_closed_before_its_baseline_was_known_is_told_when_history_comes() -> None:
    market = Market()
    market.close(0, 900_000.0)
    assert market.refills == [("SOLUSDT", T0 - 20 * MINUTE, T0)]
    market.engine.refill("SOLUSDT", [*(candle(minute) for minute in range(-20, 0)), candle(0, quote=9e5)])
    assert [(a.kind, a.candle_ms, a.late) for a in market.sink.alerts] == [("vol", T0, True)]


def test_a_move_in_a_minute_that_was_watched_is_not_looked_for_when_only_its_volume_could_not_be_judged() -> None:
    market = Market()
    market.close(0, 100_000.0)
    market.engine.refill("SOLUSDT", [*(candle(minute) for minute in range(-20, 0)), candle(0, high=104.0)])
    assert market.told == []


def test_a_burst_in_a_hole_longer_than_the_lookback_is_found() -> None:
    market = Market()
    market.engine.after_blind(T0, T0 + 60 * MINUTE + 10_000)
    history = [candle(minute, quote=9e5 if minute == 3 else 1e5) for minute in range(-20, 60)]
    market.engine.refill("SOLUSDT", history)
    assert [(a.kind, a.candle_ms) for a in market.sink.alerts] == [("vol", T0 + 3 * MINUTE)]


def test_an_older_move_is_told_although_a_newer_one_was_told_before_history_came() -> None:
    market = blind_market()
    market.push(104.0, at_s=15 * 60 + 20)
    market.engine.refill("SOLUSDT", [candle(12), candle(13), candle(14)])
    assert [a.late for a in market.sink.alerts] == [False]
    market.engine.after_blind(T0 + 12 * MINUTE, T0 + 30 * MINUTE + 10_000)
    market.push(104.0, open=100.0, at_s=30 * 60 + 20)
    market.engine.refill("SOLUSDT", [candle(minute, high=104.0 if minute == 22 else 100.0) for minute in range(12, 30)])
    assert [(a.event_ms - T0) // MINUTE for a in market.sink.alerts] == [15, 30, 23]


def test_what_is_unseen_is_remembered_until_its_history_was_looked_through() -> None:
    market = blind_market()
    market.engine.backfilled("SOLUSDT", T0 - 20 * MINUTE, T0 + 12 * MINUTE)
    assert market.engine.unseen_since_ms == T0 + 12 * MINUTE
    market.engine.refill("SOLUSDT", [candle(minute) for minute in range(-8, 15)])
    market.engine.backfilled("SOLUSDT", T0 - 8 * MINUTE, T0 + 15 * MINUTE)
    assert market.engine.unseen_since_ms == T0 + 15 * MINUTE
    market.close(15, 100_000.0)
    assert market.engine.unseen_since_ms is None


def test_a_symbol_that_left_leaves_nothing_unseen() -> None:
    market = blind_market()
    market.engine.set_symbols([])
    assert market.engine.unseen_since_ms is None


def test_history_that_comes_after_many_newer_alerts_repeats_nothing_that_was_told_live() -> None:
    market = Market()
    market.push(103.5, at_s=5)  # a candle of its own …
    market.push(100.0, at_s=600.0)
    market.push(104.0, at_s=660.5, open=103.4)  # … and 60 s across two
    for minute in range(20, 80, 10):
        market.push(103.5, at_s=minute * 60 + 5)
    assert len(market.told) == 8
    market.engine.after_blind(T0, T0 + 90 * MINUTE)
    market.engine.refill("SOLUSDT", [candle(0, high=103.5), candle(10, high=103.4), candle(11, high=104.0)])
    assert len(market.told) == 8


def odd(minute: int) -> Candle:
    return Candle(open_ms=T0 + minute * MINUTE, open=1e6, high=1e6, low=1e6, close=1e6, quote_usdt=1e5)


def test_history_that_ends_at_prices_far_from_the_one_now_is_not_told_and_leaves_nothing_behind() -> None:
    market = blind_market(move_5m_pct=5.0)
    market.engine.refill("SOLUSDT", [candle(12), odd(13), odd(14)])
    market.close(15, 100_000.0)
    market.push(100.0, at_s=16 * 60 + 1)
    assert market.told == []
    book = market.engine.book("SOLUSDT")
    assert book is not None
    assert {one.close for one in book.closed} == {100.0}


def test_history_that_ends_where_the_price_is_now_is_told_however_far_that_is() -> None:
    market = Market(settings=Settings(move_5m_pct=5.0))
    for minute in range(12):
        market.close(minute, 100_000.0)
    market.engine.after_blind(T0 + 12 * MINUTE, T0 + 35 * MINUTE)
    market.push(1e6, at_s=35 * 60 + 1, open=1e6)
    market.engine.refill("SOLUSDT", [*map(candle, range(12, 30)), *map(odd, range(30, 35))])
    assert [(one.direction, one.note, one.late) for one in market.sink.alerts] == [("PUMP", "5m", True)]
