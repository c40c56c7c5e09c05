"""One move, one thread."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from altmonitor.core.alert import Alert
from altmonitor.core.types import Destination
from altmonitor.detectors.verdict import Rule, Verdict
from altmonitor.engine.episodes import EpisodeOptions
from altmonitor.market.candles import Candle
from altmonitor.market.quotes import OpenInterest
from altmonitor.settings.audience import Audience
from altmonitor.settings.settings import Settings
from tests.fakes import MINUTE, T0, Market

FIRST = f"price:SOLUSDT:PUMP:1m:{T0 + 6 * MINUTE}"


def moving(episodes: EpisodeOptions | None = None, *, is_replay: bool = False, **changes: object) -> Market:
    """Six quiet minutes, then a first pump of 4 % in minute 6."""
    known: dict[str, object] = {"oi_min_usd": 0.0, "cooldown_sec": 60, "rolling": False, **changes}
    market = Market(settings=Settings(**known), episodes=episodes, is_replay=is_replay)  # type: ignore[arg-type]
    for minute in range(6):
        market.close(minute, 100_000.0)
    market.push(104.0, at_s=370.0)
    return market


def quiet_until(market: Market, first: int, last: int, price: float) -> None:
    for minute in range(first, last + 1):
        market.close(minute, 100_000.0, open=price, close=price)


def of(alert: Alert) -> tuple[str, str, bool, str | None]:
    return alert.kind, alert.note, alert.details.is_silent, alert.details.episode_key


def test_the_first_alert_rings_and_replies_to_nothing() -> None:
    (alert,) = moving().sink.alerts
    assert of(alert) == ("price", "1m", False, None)


def test_open_interest_and_volume_join_silently() -> None:
    market = moving()
    for second, contracts in ((330, 1000.0), (390, 1100.0)):
        market.engine.on_open_interest(OpenInterest(symbol="SOLUSDT", contracts=contracts, time_ms=T0 + second * 1000))
        market.engine.evaluate_open_interest(["SOLUSDT"])
    market.close(6, 900_000.0, close=104.0)
    assert [of(alert) for alert in market.sink.alerts[1:]] == [("oi", "1m", True, FIRST), ("vol", "1m", True, FIRST)]


def test_an_escalation_rings_and_a_further_minute_of_the_same_size_does_not() -> None:
    market = moving()
    market.push(108.0, at_s=380.0)
    market.push(112.0, at_s=490.0, open=108.0)
    assert [of(alert) for alert in market.sink.alerts[1:]] == [
        ("price", "1m", False, FIRST),
        ("price", "1m", True, FIRST),
    ]


def test_a_later_minute_twice_as_large_as_anything_told_rings() -> None:
    market = moving()
    market.push(114.0, at_s=490.0, open=104.0)
    assert of(market.sink.alerts[1]) == ("price", "1m", False, FIRST)


def test_the_other_direction_joins_silently_unless_it_is_twice_as_large() -> None:
    market = moving()
    market.push(96.0, at_s=430.0, open=100.0)
    assert of(market.sink.alerts[1]) == ("price", "1m", True, FIRST)
    falling = moving()
    falling.push(92.0, at_s=430.0, open=100.0)
    assert of(falling.sink.alerts[1]) == ("price", "1m", False, FIRST)


def test_the_first_price_alert_after_a_volume_burst_rings() -> None:
    market = Market(settings=Settings(rolling=False))
    for minute in range(6):
        market.close(minute, 100_000.0)
    market.close(6, 900_000.0)
    market.push(104.0, at_s=425.0)
    assert [of(alert) for alert in market.sink.alerts] == [
        ("vol", "1m", False, None),
        ("price", "1m", False, f"vol:SOLUSDT:UP:1m:{T0 + 6 * MINUTE}"),
    ]


def test_after_fifteen_minutes_without_an_alert_the_first_one_learns_how_the_move_went_on() -> None:
    market = moving()
    market.push(108.0, at_s=380.0)
    market.close(6, 900_000.0, open=100.0, close=106.0)
    market.push(110.0, at_s=470.0, open=106.0, high=110.0)
    market.push(105.0, at_s=480.3, candle_s=420.0, open=106.0, high=110.0, closed=True)
    quiet_until(market, 8, 20, 105.0)
    assert market.ends == []
    quiet_until(market, 21, 22, 105.0)
    (end,) = market.ends
    assert end.key == FIRST
    assert end.details.joined == ("x2", "vol", "1m")
    ended = end.details.ended
    assert ended is not None
    assert ended.peak_pct == pytest.approx(10.0)
    assert ended.last_pct == pytest.approx(5.0)
    assert (ended.at_ms, ended.lasted_s) == (T0 + 23 * MINUTE + 300, 1010.3)
    market.push(109.5, at_s=1390.0, open=105.0)
    assert of(market.sink.alerts[-1]) == ("price", "1m", False, None)


def test_where_nobody_hears_how_a_move_went_on_it_is_over_all_the_same() -> None:
    market = moving(is_replay=True)
    quiet_until(market, 6, 22, 104.0)
    market.push(109.5, at_s=1390.0, open=105.0)
    assert market.ends == []
    assert [of(alert) for alert in market.sink.alerts] == [("price", "1m", False, None)] * 2


@pytest.mark.parametrize("is_every_minute_played", [True, False])
def test_what_doubles_an_alert_of_a_move_that_is_over_begins_one_whether_or_not_a_close_came_between(
    is_every_minute_played: bool,
) -> None:
    market = moving(cooldown_sec=3_600)
    if is_every_minute_played:
        quiet_until(market, 6, 22, 104.0)
    market.push(113.0, at_s=1_390.0, open=104.0)
    market.push(133.0, at_s=1_510.0, open=113.0)
    second = f"price:SOLUSDT:PUMP:1m:{T0 + 23 * MINUTE}:x1"
    assert [of(alert) for alert in market.sink.alerts[1:]] == [
        ("price", "1m", False, FIRST),
        ("price", "1m", False, second),
    ]


def test_how_long_a_move_may_be_quiet_before_it_is_over_can_be_set() -> None:
    market = moving(EpisodeOptions(episode_quiet_min=3))
    quiet_until(market, 6, 8, 104.0)
    assert market.ends == []
    quiet_until(market, 9, 9, 104.0)
    assert [end.key for end in market.ends] == [FIRST]


def test_a_single_alert_that_was_no_price_move_has_no_end_worth_telling() -> None:
    market = Market()
    for minute in range(6):
        market.close(minute, 100_000.0)
    market.close(6, 900_000.0)
    quiet_until(market, 7, 40, 100.0)
    assert (len(market.sink.alerts), market.ends) == (1, [])


def test_an_episode_that_began_with_the_loss_of_everything_ends_without_a_base_to_measure_from() -> None:
    """As an earlier run may have told it."""
    before = Market(settings=Settings(oi_min_usd=0.0, cooldown_sec=60, rolling=False))
    for minute in range(6):
        before.close(minute, 100_000.0)
    before.push(60.0, at_s=370.0)
    ((alert, to),) = before.sink.told
    after = Market(settings=Settings(oi_min_usd=0.0, cooldown_sec=60, rolling=False))
    after.engine.restore([(replace(alert, change_pct=-100.0), to)], firsts={})
    quiet_until(after, 6, 22, 100.0)
    (end,) = after.ends
    assert end.details.ended is not None
    assert (end.details.ended.peak_pct, end.details.ended.last_pct) == (None, None)


def test_the_peak_of_a_burst_lies_where_its_candle_closed_not_where_it_was_when_it_was_told() -> None:
    market = Market(settings=Settings(pump_threshold=100.0, dump_threshold=-7.0))
    for minute in range(6):
        market.close(minute, 100_000.0)
    market.push(102.0, at_s=380.0, quote=900_000.0)
    market.close(6, 950_000.0, close=99.0)
    market.push(92.0, at_s=440.0, open=100.0, high=102.0)
    market.push(100.0, at_s=480.3, candle_s=420.0, open=100.0, high=102.0, low=92.0, closed=True)
    quiet_until(market, 8, 30, 100.0)
    (end,) = market.ends
    assert (end.key, end.direction) == (f"vol:SOLUSDT:UP:1m:{T0 + 6 * MINUTE}", "DOWN")
    assert end.details.ended is not None
    assert end.details.ended.peak_pct == pytest.approx(-8.0)
    assert not end.details.is_completed


@pytest.mark.parametrize(("close", "peak_pct"), [(100.0, -8.0), (100.1, 2.0)])
def test_a_burst_in_a_flat_candle_is_neither_up_nor_down(close: float, peak_pct: float) -> None:
    """Where its move went farthest is its peak, whichever way that was."""
    market = Market(settings=Settings(pump_threshold=100.0, dump_threshold=-7.0))
    for minute in range(6):
        market.close(minute, 100_000.0)
    market.close(6, 900_000.0, close=close)
    market.push(92.0, at_s=440.0, open=100.0, high=102.0)
    market.push(100.0, at_s=480.3, candle_s=420.0, open=100.0, high=102.0, low=92.0, closed=True)
    quiet_until(market, 8, 30, 100.0)
    (end,) = market.ends
    assert end.details.ended is not None
    assert end.details.ended.peak_pct == pytest.approx(peak_pct)


def test_a_peak_that_was_not_seen_to_the_end_is_not_claimed() -> None:
    market = moving()
    market.close(6, 100_000.0, close=104.0)
    quiet_until(market, 15, 40, 104.0)  # minutes 7 to 14 are missing
    (end,) = market.ends
    ended = end.details.ended
    assert ended is not None
    assert (ended.at_ms, ended.lasted_s, ended.peak_pct) == (T0 + 32 * MINUTE + 300, 1550.3, None)
    assert ended.last_pct == pytest.approx(4.0)


def test_an_episode_goes_on_after_a_restart_and_ends_with_the_candles_that_were_fetched() -> None:
    before = moving()
    before.push(108.0, at_s=380.0)
    after = Market(settings=Settings(cooldown_sec=60, rolling=False))
    after.engine.restore(before.sink.told, firsts={})
    after.push(103.0, at_s=480.0, open=100.0)
    assert of(after.sink.alerts[0]) == ("price", "1m", True, FIRST)
    after.engine.refill(
        "SOLUSDT",
        [
            Candle(
                open_ms=T0 + m * MINUTE,
                open=100.0,
                high=109.0 if m == 6 else 103.0,
                low=100.0,
                close=103.0,
                quote_usdt=1e5,
            )
            for m in range(8)
        ],
    )
    quiet_until(after, 8, 24, 103.0)
    (end,) = after.ends
    assert (end.key, end.details.joined) == (FIRST, ("x2", "1m"))
    assert end.details.ended is not None
    assert end.details.ended.peak_pct == pytest.approx(9.0)


def test_a_first_alert_from_before_what_is_restored_is_found_by_its_key() -> None:
    before = moving()
    before.push(104.0, at_s=440.0, open=100.0)
    first, second = before.sink.told
    after = Market(settings=Settings(cooldown_sec=60, rolling=False))
    after.engine.restore([second], firsts={FIRST: first[0]})
    after.push(104.0, at_s=520.0, open=100.0)
    assert of(after.sink.alerts[0]) == ("price", "1m", True, FIRST)


def test_what_is_told_late_belongs_to_no_episode() -> None:
    market = moving()
    market.engine.after_blind(T0 + 7 * MINUTE, T0 + 9 * MINUTE + 10_000)
    lines = [
        Candle(open_ms=T0 + m * MINUTE, open=100.0, high=105.0, low=100.0, close=100.0, quote_usdt=1e5) for m in (7,)
    ]
    market.engine.refill("SOLUSDT", lines)
    assert [of(alert) for alert in market.sink.alerts if alert.late] == [("price", "1m", False, None)]


def test_of_one_alert_that_two_were_told_only_the_first_of_them_tells_the_end() -> None:
    main, other = Destination(chat_id=1), Destination(chat_id=2)
    settings = Settings(rolling=False)
    market = Market(
        audiences=[
            Audience(destination=main, settings=settings),
            Audience(destination=other, settings=settings, kinds=frozenset({"price"})),
        ]
    )
    for minute in range(6):
        market.close(minute, 100_000.0)
    market.push(104.0, at_s=370.0)
    market.close(6, 900_000.0, close=104.0)
    quiet_until(market, 7, 40, 104.0)
    assert [(end.key, end.details.joined) for end in market.ends] == [(FIRST, ("vol",))]


# --- the whole move ----------------------------------------------------------------------------------------------


def climbing(market: Market, prices: list[float], *, from_s: float = 400.0, every_s: float = 10.0) -> None:
    """One frame every ten seconds; each minute opens where the one before was left."""
    opened, minute, before = 104.0, 6, 104.0
    for number, price in enumerate(prices):
        at_s = from_s + number * every_s
        if int(at_s // 60) != minute:
            minute, opened = int(at_s // 60), before
        market.push(price, at_s=at_s, open=opened, high=max(opened, price, before), low=min(opened, price, before))
        before = price


def steps(begin: float, end: float, count: int) -> list[float]:
    """From one price to another, in equal parts."""
    return [begin + (end - begin) * step / count for step in range(1, count + 1)]


def totals(market: Market) -> list[tuple[str, str, float, float | None]]:
    """(direction, window, percent, percent told before) of every price alert."""
    return [
        (one.direction, one.note, round(one.change_pct or 0, 1), one.details.told_before_pct)
        for one in market.sink.alerts
    ]


def test_a_move_that_climbs_slowly_is_told_again_whenever_the_whole_of_it_has_doubled() -> None:
    market = moving(pump_threshold=4.0, cooldown_sec=86_400)
    climbing(market, steps(104.0, 140.0, 180))
    assert totals(market) == [
        ("PUMP", "1m", 4.0, None),
        ("PUMP", "episode", 8.0, 4.0),
        ("PUMP", "episode", 16.0, 8.0),
        ("PUMP", "episode", 32.0, pytest.approx(16.0)),
    ]


def test_it_is_an_escalation_in_the_same_thread_with_its_own_span_and_bound() -> None:
    market = moving(cooldown_sec=86_400)
    climbing(market, steps(104.0, 109.0, 50))
    first, again = market.sink.alerts
    assert of(again) == ("price", "episode", False, first.key)
    assert again.key == f"price:SOLUSDT:PUMP:episode:{again.candle_ms}:x1"
    assert again.details.threshold == 8.0
    assert again.details.window_s == (again.event_ms - (T0 + 6 * MINUTE)) / 1000
    assert again.metric == again.change_pct == pytest.approx(8.0)


def test_the_bound_itself_counts_and_just_below_it_nothing_is_told() -> None:
    market = moving(cooldown_sec=86_400)
    climbing(market, [*steps(104.0, 107.9, 40), 107.99])
    assert len(market.sink.alerts) == 1
    climbing(market, [108.0], from_s=900.0)
    assert len(market.sink.alerts) == 2


def test_ground_that_was_told_by_minutes_is_not_told_again_for_the_whole() -> None:
    market = moving()
    market.push(108.4, at_s=380.0)  # the candle itself has doubled
    climbing(market, steps(108.4, 116.0, 40), from_s=400.0)
    assert totals(market) == [("PUMP", "1m", 4.0, None), ("PUMP", "1m", 8.4, 4.0)]


def test_ground_that_a_fall_of_60_s_covered_is_not_told_again_for_the_whole() -> None:
    market = Market(settings=Settings(cooldown_sec=60, pump_threshold=50.0))
    for price, at_s, opened in (
        (98.9, 10, 97.0),
        (95.8, 55, 97.0),
        (92.9, 60, 95.8),
        (92.9, 70, 95.8),
        (90.0, 75, 95.8),
    ):
        market.push(price, at_s=at_s, open=opened)
    assert totals(market) == [("DUMP", "1m", -3.0, None), ("DUMP", "60s", -6.1, pytest.approx(-3.03, abs=0.01))]


def test_a_dump_after_a_pump_is_measured_by_itself() -> None:
    market = moving(cooldown_sec=86_400)
    market.push(110.0, at_s=420.0, open=110.0)
    market.push(106.0, at_s=425.0, open=110.0)  # DUMP of 3.6 %, still above where the episode began
    climbing(market, steps(106.0, 101.0, 100), from_s=430.0)
    assert [(one.direction, one.note, round(one.change_pct or 0, 2)) for one in market.sink.alerts] == [
        ("PUMP", "1m", 4.0),
        ("PUMP", "episode", 10.0),
        ("DUMP", "1m", -3.64),
        ("DUMP", "episode", pytest.approx(-7.3, abs=0.05)),
    ]


def test_what_began_with_a_burst_is_measured_from_where_the_burst_was() -> None:
    market = Market(settings=Settings(rolling=False, cooldown_sec=86_400))
    for minute in range(6):
        market.close(minute, 100_000.0)
    market.close(6, 900_000.0, close=102.0)
    market.push(105.2, at_s=430.0, open=102.0)
    climbing(market, steps(105.2, 111.0, 60), from_s=440.0)
    assert [(one.kind, one.note, round(one.change_pct or 0, 1)) for one in market.sink.alerts] == [
        ("vol", "1m", 2.0),
        ("price", "1m", 3.1),
        ("price", "episode", 10.4),  # twice the 5.2 % since the burst's candle opened
    ]


def test_after_an_episode_is_over_its_whole_is_forgotten() -> None:
    market = moving(cooldown_sec=86_400)
    quiet_until(market, 6, 22, 104.0)
    climbing(market, steps(104.0, 109.0, 50), from_s=1_400.0)
    assert totals(market) == [("PUMP", "1m", 4.0, None)]


def test_of_a_muted_symbol_and_below_a_threshold_that_was_raised_nothing_is_told() -> None:
    muted = moving(cooldown_sec=86_400)
    market = moving(cooldown_sec=86_400)
    for one, changes in ((muted, {"muted": {"SOLUSDT": None}}), (market, {"pump_threshold": 10.0})):
        one.engine.apply([Audience(destination=Destination(chat_id=0), settings=Settings(rolling=False, **changes))])  # type: ignore[arg-type]
        climbing(one, steps(104.0, 109.9, 60))
        assert len(one.sink.alerts) == 1
    climbing(market, [110.0], from_s=1_010.0)
    assert len(market.sink.alerts) == 2


def test_a_restart_goes_on_measuring_where_the_first_alert_was_measured_from() -> None:
    before = moving(cooldown_sec=86_400)
    climbing(before, steps(104.0, 108.5, 45))
    after = Market(settings=Settings(rolling=False, cooldown_sec=86_400))
    here = Destination(chat_id=0)
    after.engine.restore([(alert, [here]) for alert in before.sink.alerts], firsts={})
    climbing(after, steps(108.5, 117.0, 45), from_s=900.0)
    assert totals(after) == [("PUMP", "episode", 16.1, pytest.approx(8.0))]
    assert after.sink.alerts[0].details.episode_key == FIRST


def test_why_shows_how_far_the_whole_move_went_and_when_it_is_told_again() -> None:
    market = moving(cooldown_sec=86_400)
    climbing(market, [106.0])
    found = market.engine.explain("SOLUSDT", Destination(chat_id=0), at_ms=None, now_ms=T0 + 401_000)
    whole = {check.rule: check for check in found.checks}[Rule("price", "episode")]
    assert (whole.verdict, whole.value, whole.threshold) == (Verdict.BELOW_THRESHOLD, pytest.approx(6.0), 8.0)
    calm = Market().engine.explain("SOLUSDT", Destination(chat_id=0), at_ms=None, now_ms=T0)
    assert Rule("price", "episode") not in {check.rule for check in calm.checks}
