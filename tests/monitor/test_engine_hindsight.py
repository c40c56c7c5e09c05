"""After a blind time: what the missed minutes would have raised is told as late, once."""

from __future__ import annotations

from altmonitor.control.settings import Settings
from altmonitor.market.kline import Candle
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


def test_the_missed_minutes_are_asked_for() -> None:
    assert blind_market().refills == [("SOLUSDT", T0 + 12 * MINUTE, T0 + 15 * MINUTE + 10_000)]


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
    market.engine.restore(live.sink.alerts)
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
