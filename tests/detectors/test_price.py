from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from altmonitor.detectors.verdict import Verdict
from altmonitor.engine.context import anybody
from altmonitor.settings.settings import Settings
from tests.fakes import MINUTE, T0, Market


@pytest.mark.parametrize(
    ("open_", "close", "told"),
    [
        (100.0, 103.0, [("price", "PUMP", "1m")]),
        (100.0, 102.99, []),
        (100.0, 97.0, [("price", "DUMP", "1m")]),
        (100.0, 97.01, []),
        (0.1, 0.103, [("price", "PUMP", "1m")]),  # 2.9999999999999916 in binary floats, exactly 3 in decimals
        (0.1, 0.097, [("price", "DUMP", "1m")]),
        (0.1, 0.1029999, []),
        (0.00001, 0.000011, [("price", "PUMP", "1m")]),  # one tick is 10 %
        (0.00001, 0.000009, [("price", "DUMP", "1m")]),
        (3.1e-8, 3.2e-8, [("price", "PUMP", "1m")]),
        (65432.1, 67395.063, [("price", "PUMP", "1m")]),
        (100.0, 100.0, []),
    ],
)
def test_a_move_of_the_open_candle_is_told_from_the_threshold_on(
    open_: float, close: float, told: list[tuple[str, str, str]]
) -> None:
    market = Market()
    market.push(close, open=open_)
    assert market.told == told


def test_the_alert_carries_the_numbers_of_the_move() -> None:
    market = Market("币安人生USDT")
    market.clock.ms = T0 + 30_250
    market.push(105.21, high=106.0, low=99.0, at_s=30.0, quote=2_000_000.0, taker=1_500_000.0, symbol="币安人生USDT")
    (alert,) = market.sink.alerts
    assert alert.key == f"price:币安人生USDT:PUMP:1m:{T0}"
    assert alert.change_pct == pytest.approx(5.21)
    assert alert.amplitude == pytest.approx(7.0)
    assert (alert.price, alert.candle_ms, alert.event_ms, alert.ts) == (105.21, T0, T0 + 30_000, (T0 + 30_250) / 1000)
    assert (alert.oi_change, alert.quadrant, alert.late) == (None, None, False)
    assert alert.details.threshold == 3.0
    assert alert.details.taker_buy_share == 0.75
    assert list(market.engine.detect_ms) == [250]


def test_one_candle_is_told_once_per_direction() -> None:
    market = Market(settings=Settings(cooldown_sec=0), is_loud=True)
    for second in range(1, 59):
        market.push(103.5, at_s=second)
    market.push(96.5, at_s=59, high=103.5)
    assert market.told == [("price", "PUMP", "1m"), ("price", "DUMP", "1m")]
    assert market.engine.verdicts["price", Verdict.RAISED_THIS_CANDLE] == 57


def test_a_dump_after_a_pump_is_never_swallowed_by_the_cooldown() -> None:
    market = Market(settings=Settings(rolling=False))
    market.push(103.0, at_s=1)
    market.push(125.0, at_s=20)
    market.push(90.0, open=125.0, at_s=61)
    assert [(a.direction, round(a.change_pct or 0)) for a in market.sink.alerts] == [
        ("PUMP", 3),
        ("PUMP", 25),
        ("DUMP", -28),
    ]


def test_the_cooldown_runs_on_exchange_time_and_ends_on_the_second() -> None:
    market = Market(settings=Settings(rolling=False, cooldown_sec=180))
    market.push(103.0, at_s=1)
    market.push(103.0, at_s=180.999)
    assert len(market.sink.alerts) == 1
    market.push(103.0, at_s=181)
    assert len(market.sink.alerts) == 2
    assert market.engine.verdicts["price", Verdict.COOLING_DOWN] == 1


def test_a_move_that_doubles_is_told_again_at_once_as_the_same_episode() -> None:
    market = Market(settings=Settings(rolling=False))
    market.push(103.1, at_s=1)
    market.push(106.1, at_s=2)  # 6.1 < 2 × 3.1
    market.push(106.2, at_s=3)
    market.push(112.0, at_s=4)
    market.push(112.4, at_s=5)
    first, second, third = market.sink.alerts
    assert [round(a.change_pct or 0, 1) for a in (first, second, third)] == [3.1, 6.2, 12.4]
    assert second.key == f"price:SOLUSDT:PUMP:1m:{T0}:x1"
    assert third.key == f"price:SOLUSDT:PUMP:1m:{T0}:x2"
    assert second.details.episode_key == third.details.episode_key == first.key
    assert second.details.told_before_pct == pytest.approx(3.1)
    assert third.details.told_before_pct == pytest.approx(6.2)


def test_an_escalation_may_come_in_a_later_candle_within_the_cooldown() -> None:
    market = Market(settings=Settings(rolling=False))
    market.push(97.0, at_s=50)
    market.push(96.5, open=100.0, at_s=61)
    market.push(94.0, open=100.0, at_s=62)
    assert [round(a.change_pct or 0) for a in market.sink.alerts] == [-3, -6]


def test_a_move_across_the_minute_is_told_once_with_its_60_s_window() -> None:
    market = Market()
    market.push(100.0, at_s=10)
    market.push(102.9, at_s=59)
    market.push(102.9, open=102.9, at_s=60.5)
    market.push(105.8, open=102.9, at_s=70)
    market.push(105.9, open=102.9, at_s=71)
    (alert,) = market.sink.alerts
    assert (alert.kind, alert.direction, alert.note) == ("price", "PUMP", "60s")
    assert alert.change_pct == pytest.approx(5.8)
    assert alert.key == f"price:SOLUSDT:PUMP:60s:{T0 + MINUTE}"


def test_a_move_of_60_s_tells_how_old_the_price_really_was() -> None:
    market = Market()
    market.push(100.0, at_s=17.0)
    market.push(104.0, at_s=120.0, open=103.9)
    (alert,) = market.sink.alerts
    assert (alert.note, alert.details.window_s, alert.began_ms) == ("60s", 103.0, T0 + 17_000)


def test_a_gap_between_a_close_and_the_next_open_is_seen() -> None:
    market = Market()
    market.push(100.0, at_s=30)
    market.push(90.0, open=90.0, at_s=95)
    assert market.told == [("price", "DUMP", "60s")]


def test_the_60_s_comparison_uses_the_last_price_at_least_60_s_old() -> None:
    market = Market()
    market.push(100.0, at_s=0.0)
    market.push(103.5, open=103.5, low=100.0, at_s=59.999)
    assert market.told == []  # the price of 59.999 s ago is too young
    market.push(103.5, open=103.5, at_s=60.0)
    assert market.told == [("price", "PUMP", "60s")]


def test_a_reference_older_than_two_minutes_is_no_reference() -> None:
    market = Market()
    market.push(100.0, at_s=0)
    market.push(110.0, open=110.0, at_s=121)
    assert market.told == []


def test_a_price_seen_before_a_blind_time_is_not_compared_with() -> None:
    market = Market()
    market.push(100.0, at_s=10)
    market.engine.after_blind(T0 + 20_000, T0 + 50_000)
    market.push(110.0, open=110.0, at_s=75)
    assert market.told == []


def test_a_60_s_move_that_doubles_is_told_while_the_candles_own_move_cools_down() -> None:
    market = Market()
    market.push(100.0, at_s=10)
    market.push(96.9, at_s=40)
    market.push(93.7, open=96.9, at_s=75)  # −3.3 % in its candle, −6.3 % within 60 s
    assert [(a.direction, a.note, round(a.change_pct or 0, 1)) for a in market.sink.alerts] == [
        ("DUMP", "1m", -3.1),
        ("DUMP", "60s", -6.3),
    ]
    assert market.sink.alerts[1].details.episode_key == market.sink.alerts[0].key


def test_a_60_s_fall_is_told_while_the_candle_itself_has_risen() -> None:
    market = Market()
    market.push(110.0, open=110.0, at_s=10)
    market.push(103.5, open=100.0, at_s=66)
    market.push(103.5, open=100.0, at_s=71)  # +3.5 % in its candle, −5.9 % within 60 s
    assert market.told == [("price", "PUMP", "1m"), ("price", "DUMP", "60s")]


@pytest.mark.parametrize(
    ("open_", "close", "told"),
    [
        (97.0, 93.0, [("price", "DUMP", "1m")]),  # −4.1 % in the candle, −7.0 % within 60 s: less than twice as much
        (97.0, 92.0, [("price", "DUMP", "1m")]),  # −5.2 %, −8.0 %
        (95.0, 91.0, [("price", "DUMP", "60s")]),  # −4.2 %, −9.0 %: more than twice as much
        (96.0, 92.0, [("price", "DUMP", "1m")]),  # −4.17 %, −8.0 %
    ],
)
def test_one_push_tells_one_direction_once(open_: float, close: float, told: list[tuple[str, str, str]]) -> None:
    market = Market()
    market.push(100.0, at_s=10)
    market.push(close, open=open_, at_s=75)
    assert market.told == told


def test_rolling_can_be_switched_off() -> None:
    market = Market(settings=Settings(rolling=False))
    market.push(100.0, at_s=10)
    market.push(110.0, open=110.0, at_s=75)
    assert market.told == []


def test_one_contract_may_have_it_while_all_others_do_not() -> None:
    settings = Settings(rolling=False)
    market = Market(settings=replace(settings, of_symbol={"SOLUSDT": replace(settings, rolling=True)}))
    market.push(100.0, at_s=10)
    market.push(110.0, open=110.0, at_s=75)
    assert market.told == [("price", "PUMP", "60s")]


def test_a_60_s_move_is_told_once_even_without_a_cooldown() -> None:
    market = Market(settings=Settings(cooldown_sec=0))
    market.push(100.0, at_s=30)
    for second in range(90, 150):
        market.push(103.5, open=103.5, at_s=second)
    assert market.told == [("price", "PUMP", "60s")]


def test_the_previous_candle_of_a_thin_symbol_still_bounds_the_60_s_window() -> None:
    # Minute 0 trades at 100; minute 1 trades only at its end, at 104; minute 2 is compared with the price that stood
    # at 0:50 of minute 1, which is minute 0's.
    market = Market(settings=Settings(dump_threshold=-50.0))
    market.push(100.0, at_s=55)
    market.push(102.0, open=102.0, at_s=119)
    market.push(103.4, open=102.0, at_s=110 + 55, candle_s=120)
    assert market.told == [("price", "PUMP", "60s")]


def test_the_late_close_of_a_candle_can_still_be_its_first_touch() -> None:
    market = Market(settings=Settings(rolling=False))
    market.push(102.0, at_s=59)
    market.push(102.0, open=102.0, at_s=60.1)
    market.push(103.0, at_s=60.4, candle_s=0, closed=True)
    (alert,) = market.sink.alerts
    assert alert.candle_ms == T0
    book = market.engine.book("SOLUSDT")
    assert book is not None
    assert (book.open_ms, book.price) == (T0 + MINUTE, 102.0)


def test_a_late_close_does_not_tell_a_told_candle_again() -> None:
    market = Market(settings=Settings(rolling=False, cooldown_sec=0))
    market.push(103.0, at_s=59)
    market.push(106.2, open=103.0, at_s=60.1)
    market.push(103.1, at_s=60.4, candle_s=0, closed=True)
    assert [a.candle_ms for a in market.sink.alerts] == [T0, T0 + MINUTE]


def test_an_older_frame_of_the_same_candle_changes_nothing() -> None:
    market = Market()
    market.push(102.0, at_s=10)
    market.push(104.0, at_s=9)
    assert market.told == []
    assert market.engine.refused["STALE"] == 1


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -1.0, 0.0])
@pytest.mark.parametrize("field", ["close", "open", "high", "low"])
def test_a_number_that_cannot_be_a_price_is_refused_and_counted(field: str, bad: float) -> None:
    market = Market()
    numbers = {"close": 100.0, "open": 100.0, "high": 100.0, "low": 100.0} | {field: bad}
    market.push(numbers["close"], open=numbers["open"], high=numbers["high"], low=numbers["low"])
    assert market.told == []
    assert market.engine.refused["BAD_NUMBER"] == 1


def test_a_change_too_large_for_a_number_is_none() -> None:
    market = Market()
    market.push(1e308, open=1e-320, high=1e308, low=1e-320)
    assert market.told == []


def test_muted_symbols_stay_silent_and_are_told_when_the_mute_ends() -> None:
    market = Market(settings=Settings(muted={"SOLUSDT": (T0 + 30_000) // 1000}))
    market.push(103.0, at_s=29)
    assert market.told == []
    assert market.engine.verdicts["price", Verdict.MUTED] == 1
    market.push(103.0, at_s=30)
    assert market.told == [("price", "PUMP", "1m")]


@pytest.mark.parametrize(
    ("watchlist", "muted", "told"),
    [
        (frozenset(), {}, True),
        (frozenset({"SOLUSDT"}), {}, True),
        (frozenset({"BTCUSDT"}), {}, False),
        (frozenset({"SOLUSDT"}), {"SOLUSDT": None}, False),
        (frozenset(), {"SOLUSDT": None}, False),
        (frozenset(), {"BTCUSDT": None}, True),
    ],
)
def test_muted_beats_watched_and_an_empty_watchlist_means_all(
    watchlist: frozenset[str], muted: dict[str, int | None], told: bool
) -> None:
    market = Market(settings=Settings(watchlist=watchlist, muted=muted))
    market.push(103.0)
    assert bool(market.told) is told


def test_new_settings_count_from_the_next_frame() -> None:
    market = Market()
    market.push(102.0, at_s=1)
    market.engine.apply(anybody(Settings(pump_threshold=2.0)))
    market.push(102.0, at_s=2)
    assert market.told == [("price", "PUMP", "1m")]


def test_what_was_told_before_a_restart_is_not_told_again_but_its_escalation_is() -> None:
    before = Market(settings=Settings(rolling=False))
    before.push(103.0, at_s=1)
    after = Market(settings=Settings(rolling=False))
    assert after.engine.restore(before.sink.told, firsts={}) == 1
    after.push(103.5, at_s=2)
    assert after.told == []
    after.push(106.0, at_s=3)
    (alert,) = after.sink.alerts
    assert alert.details.episode_key == before.sink.alerts[0].key


PRICES = st.lists(st.integers(min_value=900, max_value=1100), min_size=2, max_size=240)


@given(PRICES, st.sampled_from([0, 60, 180]))
@example([900, 900, 989, *[900] * 8, 958, 929, 901, 929, 900], 60)
def test_no_two_alerts_of_a_direction_within_the_cooldown_unless_the_move_doubled(
    ticks: list[int], cooldown_s: int
) -> None:
    market = Market(settings=Settings(cooldown_sec=cooldown_s))
    opens: dict[int, float] = {}
    for index, tick in enumerate(ticks):
        minute = index // 12
        open_ = opens.setdefault(minute, ticks[index - 1] / 10 if index else tick / 10)
        market.push(tick / 10, open=open_, at_s=index * 5)
    last: dict[str, tuple[int, float]] = {}
    for alert in market.sink.alerts:
        change = alert.change_pct or 0.0
        assert abs(change) >= 3.0 - 1e-6
        if alert.direction in last:
            then_ms, told = last[alert.direction]
            assert alert.event_ms - then_ms >= cooldown_s * 1000 or abs(change) >= 2 * abs(told) - 1e-6
        last[alert.direction] = (alert.event_ms, change)
    keys = [alert.key for alert in market.sink.alerts]
    assert len(keys) == len(set(keys))


@given(PRICES)
@example([*[900] * 5, 927, *[900] * 3, 927, *[900] * 4, 954])
def test_the_cheap_first_look_never_hides_a_60_s_move(ticks: list[int]) -> None:
    """Every frame is compared by hand with the price of 60 s before; the engine must know each of those moves."""
    market = Market(settings=Settings(cooldown_sec=0), is_loud=True)
    seen: list[tuple[int, float]] = []
    for index, tick in enumerate(ticks):
        at_s, price = index * 7, tick / 10
        candle = [p for t, p in seen if t // 60 == at_s // 60] + [price]
        before = [p for t, p in seen if at_s - 120 <= t <= at_s - 60]
        counted = minutes_judged(market)
        market.push(price, open=candle[0], high=max(candle), low=min(candle), at_s=at_s)
        references = [candle[0], *before[-1:]]
        reached = any(abs(price - reference) / reference * 100 >= 3.0 * (1 - 1e-9) for reference in references)
        assert (minutes_judged(market) > counted) is reached
        seen.append((at_s, price))


def minutes_judged(market: Market) -> int:
    """Verdicts on moves of up to 60 s; a whole move is judged, and told, when it has doubled."""
    return sum(market.engine.verdicts.values()) - sum(alert.note == "episode" for alert in market.sink.alerts)
