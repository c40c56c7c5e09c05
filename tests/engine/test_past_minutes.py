"""A minute that is over: what was decided in it, or that it is not known; never what today's settings would say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from altmonitor.core.types import Destination
from altmonitor.detectors.verdict import Explanation, RuleCheck, Verdict
from altmonitor.market.candles import Candle
from altmonitor.market.quotes import OpenInterest
from altmonitor.settings.audience import Audience
from altmonitor.settings.settings import Settings
from tests.fakes import MINUTE, T0, Market

MAIN = Destination(chat_id=1)
DEAF = Settings(pump_threshold=15.0, dump_threshold=-15.0, oi_min_usd=0.0)


def market_of(settings: Settings = DEAF, **changes: object) -> Market:
    return Market(audiences=[audience(replace(settings, **changes))])  # type: ignore[arg-type]


def audience(settings: Settings, destination: Destination = MAIN) -> Audience:
    return Audience(destination=destination, settings=settings)


def explained(market: Market, at_s: float, *, symbol: str = "SOLUSDT") -> Explanation:
    return market.engine.explain(symbol, MAIN, at_ms=T0 + round(at_s * 1000), now_ms=T0 + 7_200_000)


def why(market: Market, at_s: float, *, symbol: str = "SOLUSDT") -> dict[str, RuleCheck]:
    return {str(check.rule): check for check in explained(market, at_s, symbol=symbol).checks}


def run(market: Market, minutes: range, *, closes: dict[int, float] | None = None) -> None:
    """Closed minutes at 100, or from there to what `closes` says; a frame at second 30 of each."""
    for minute in minutes:
        price = (closes or {}).get(minute, 100.0)
        market.push(price, at_s=minute * 60 + 30, quote=50_000.0)
        market.close(minute, 100_000.0, close=price)


def candle(minute: int, *, close: float = 100.0, high: float | None = None) -> Candle:
    high = max(100.0, close) if high is None else high
    return Candle(
        open_ms=T0 + minute * MINUTE, open=100.0, high=high, low=min(100.0, close), close=close, quote_usdt=1e5
    )


def shown(check: RuleCheck) -> tuple[Verdict, float | None, float | None]:
    return check.verdict, None if check.value is None else round(check.value, 6), check.threshold


# --- settings


def test_a_minute_is_judged_by_the_settings_of_then_and_not_by_those_of_now() -> None:
    market = market_of(move_5m_pct=20.0, vol_burst_mult=50.0)
    run(market, range(10), closes={8: 112.0})
    market.clock.ms = T0 + 11 * MINUTE
    market.engine.apply([audience(Settings())])
    found = why(market, 8 * 60 + 5)
    assert shown(found["price_1m"]) == (Verdict.BELOW_THRESHOLD, 12.0, 15.0)
    assert shown(found["price_5m"]) == (Verdict.BELOW_THRESHOLD, 12.0, 20.0)
    assert found["price_15m"].verdict is Verdict.SWITCHED_OFF
    assert shown(found["vol_1m"]) == (Verdict.BELOW_THRESHOLD, 1.0, 50.0)


def test_a_change_counts_from_what_was_seen_last_also_when_our_clock_is_behind() -> None:
    market = market_of()
    run(market, range(10), closes={8: 112.0})
    market.engine.apply([audience(Settings())])  # the clock has not moved since the first minute
    assert shown(why(market, 8 * 60)["price_1m"]) == (Verdict.BELOW_THRESHOLD, 12.0, 15.0)


def test_a_minute_in_which_the_settings_changed_is_judged_where_both_say_the_same() -> None:
    for close, expected in (
        (102.0, (Verdict.BELOW_THRESHOLD, 2.0, 3.0)),
        (112.0, (Verdict.SETTINGS_CHANGED, 12.0, None)),
    ):
        market = market_of(replace(DEAF, pump_threshold=3.0, rolling=False))
        run(market, range(8))
        market.push(100.0, at_s=490.0)
        market.clock.ms = T0 + 500_000
        market.engine.apply([audience(replace(DEAF, rolling=False))])
        run(market, range(8, 9), closes={8: close})
        assert shown(why(market, 510.0)["price_1m"]) == expected, close


def test_muted_unwatched_unrouted_and_switched_off_then_is_said_of_then() -> None:
    cases = [
        (audience(replace(DEAF, muted={"SOLUSDT": None})), Verdict.MUTED),
        (audience(replace(DEAF, muted={"*": None})), Verdict.MUTED),
        (audience(replace(DEAF, muted={"@binance": T0 // 1000 + 86_400})), Verdict.MUTED),
        (audience(replace(DEAF, watchlist=frozenset({"BTCUSDT"}))), Verdict.NOT_WATCHED),
        (replace(audience(DEAF), kinds=frozenset({"oi"})), Verdict.NOT_ROUTED),
    ]
    for then, verdict in cases:
        market = Market(audiences=[then])
        run(market, range(8))
        market.clock.ms = T0 + 10 * MINUTE
        market.engine.apply([audience(DEAF)])
        found = why(market, 300.0)
        assert (found["price_1m"].verdict, found["vol_1m"].verdict) == (verdict, verdict)
    market = market_of(rolling=False, vol_burst_mult=0.0, oi_surge_1m=0.0)
    run(market, range(8))
    market.clock.ms = T0 + 10 * MINUTE
    market.engine.apply([audience(Settings())])
    found = why(market, 300.0)
    assert {found[rule].verdict for rule in ("price_60s", "vol_1m", "oi_1m", "funding_8h")} == {Verdict.SWITCHED_OFF}


def test_a_mute_that_ended_within_the_minute_does_not_explain_all_of_it() -> None:
    market = market_of(muted={"SOLUSDT": T0 // 1000 + 320})
    run(market, range(8), closes={5: 101.0})
    assert why(market, 250.0)["price_1m"].verdict is Verdict.MUTED
    assert shown(why(market, 310.0)["price_1m"]) == (Verdict.BELOW_THRESHOLD, 1.0, 15.0)


def test_a_minute_in_which_it_was_muted_is_judged_by_what_was_heard_of_it() -> None:
    market = market_of(Settings(rolling=False))
    run(market, range(8))
    market.push(101.0, at_s=490.0)
    market.clock.ms = T0 + 500_000
    market.engine.apply([audience(Settings(rolling=False, muted={"SOLUSDT": T0 // 1000 + 4_000}))])
    run(market, range(8, 9), closes={8: 102.0})
    assert shown(why(market, 510.0)["price_1m"]) == (Verdict.BELOW_THRESHOLD, 2.0, 3.0)


def test_a_chat_that_was_added_later_has_no_decisions_of_before() -> None:
    market = market_of()
    run(market, range(8), closes={5: 112.0})
    other = Destination(chat_id=2)
    market.clock.ms = T0 + 10 * MINUTE
    market.engine.apply([audience(DEAF), audience(Settings(), other)])
    found = market.engine.explain("SOLUSDT", other, at_ms=T0 + 310_000, now_ms=T0 + 7_200_000)
    checks = {str(check.rule): check for check in found.checks}
    assert shown(checks["price_1m"]) == (Verdict.NOT_KEPT, 12.0, None)
    assert shown(checks["vol_1m"]) == (Verdict.NOT_KEPT, 1.0, None)


def test_a_group_that_has_a_new_id_keeps_its_decisions() -> None:
    market = market_of(Settings(rolling=False))
    run(market, range(8), closes={5: 104.0})
    moved = Destination(chat_id=-100)
    market.engine.moved_to(lambda destination: moved if destination == MAIN else destination)
    market.engine.apply([audience(Settings(), moved)])
    found = market.engine.explain("SOLUSDT", moved, at_ms=T0 + 310_000, now_ms=T0 + 7_200_000)
    assert shown(found.checks[0])[0] is Verdict.FIRE


# --- minutes of which nothing is known


def test_of_a_minute_before_the_start_the_candle_is_shown_and_not_judged() -> None:
    market = market_of(Settings())
    market.engine.refill(
        "SOLUSDT", [candle(minute, close=112.0 if minute == -3 else 100.0) for minute in range(-30, 0)]
    )
    run(market, range(3))
    explanation, found = explained(market, -170.0), why(market, -170.0)
    assert explanation.gap is Verdict.NOT_KEPT
    assert shown(found["price_1m"]) == (Verdict.NOT_KEPT, 12.0, None)
    assert shown(found["vol_1m"]) == (Verdict.NOT_KEPT, 1.0, None)
    assert {check.verdict for check in found.values()} == {Verdict.NOT_KEPT}
    assert list(found) == [
        "price_1m", "price_60s", "price_5m", "price_15m", "oi_1m", "oi_5m", "vol_1m", "funding_8h",
        "liq_1m", "basis_1m",
    ]  # fmt: skip


def test_what_had_to_make_room_for_newer_decisions_is_not_made_up() -> None:
    market = market_of(Settings(rolling=False))
    market.engine._log._most = 2
    run(market, range(9), closes={5: 104.0, 6: 104.0, 7: 104.0})
    assert shown(why(market, 310.0)["price_1m"]) == (Verdict.NOT_KEPT, 4.0, None)
    assert shown(why(market, 370.0)["price_1m"])[0] is Verdict.COOLING_DOWN


def test_a_symbol_that_was_listed_later_was_not_watched() -> None:
    market = market_of()
    run(market, range(4))
    market.engine.set_symbols(["SOLUSDT", "NEWUSDT"])
    explanation = explained(market, 60.0, symbol="NEWUSDT")
    assert (explanation.gap, explanation.checks) == (Verdict.NOT_LISTED, ())
    assert explained(market, 60.0).gap is None


def test_between_two_listings_of_a_symbol_nothing_is_known() -> None:
    market = market_of(Settings())
    market.engine.set_symbols(["SOLUSDT", "OLDUSDT"])
    run(market, range(2))
    market.engine.set_symbols(["SOLUSDT"])
    run(market, range(2, 6))
    market.engine.set_symbols(["SOLUSDT", "OLDUSDT"])
    assert explained(market, 61.0, symbol="OLDUSDT").gap is not Verdict.NOT_LISTED


def test_a_minute_whose_decisions_are_kept_and_that_brought_nothing_was_not_seen() -> None:
    market = market_of()
    run(market, range(4))
    explanation = explained(market, 600.0)
    assert explanation.gap is Verdict.NOT_SEEN
    assert why(market, 600.0)["price_1m"].verdict is Verdict.NOT_SEEN


# --- blind


def test_what_was_told_late_is_filed_under_the_minute_of_its_candle() -> None:
    market = market_of(Settings(rolling=False))
    run(market, range(7))
    market.engine.after_blind(T0 + 7 * MINUTE + 1, T0 + 10 * MINUTE + 10_000)
    market.engine.refill("SOLUSDT", [candle(7), candle(8, close=105.0), candle(9)])
    told = market.sink.alerts[0]
    assert (told.late, told.candle_ms, told.minute_ms) == (True, T0 + 8 * MINUTE, T0 + 8 * MINUTE)
    late = why(market, 8 * 60 + 30)["price_1m"]
    assert (shown(late), late.is_late) == ((Verdict.FIRE, 5.0, 3.0), True)
    after = why(market, 9 * 60 + 30)["price_1m"]
    assert (shown(after), after.is_late) == ((Verdict.BELOW_THRESHOLD, 0.0, 3.0), True)


def test_a_minute_that_was_looked_through_late_is_judged_by_the_settings_of_that_moment() -> None:
    market = market_of()
    run(market, range(7))
    market.engine.after_blind(T0 + 7 * MINUTE + 1, T0 + 10 * MINUTE + 10_000)
    market.clock.ms = T0 + 11 * MINUTE
    market.engine.apply([audience(replace(DEAF, pump_threshold=20.0))])
    market.engine.refill("SOLUSDT", [candle(7), candle(8, close=105.0), candle(9)])
    market.clock.ms = T0 + 12 * MINUTE
    market.engine.apply([audience(Settings())])
    found = why(market, 8 * 60 + 30)
    assert shown(found["price_1m"]) == (Verdict.BELOW_THRESHOLD, 5.0, 20.0)
    assert found["price_1m"].is_late
    assert shown(found["vol_1m"]) == (Verdict.BELOW_THRESHOLD, 1.0, 5.0)
    assert found["vol_1m"].is_late
    assert found["price_60s"].verdict is Verdict.NO_VALUE


def test_a_blind_minute_of_which_no_history_came_was_not_seen() -> None:
    market = market_of()
    run(market, range(7))
    market.engine.after_blind(T0 + 7 * MINUTE + 1, T0 + 10 * MINUTE + 10_000)
    assert explained(market, 8 * 60 + 30).gap is Verdict.NOT_SEEN
    market.engine.backfilled("SOLUSDT", T0 + 7 * MINUTE, T0 + 10 * MINUTE)
    assert explained(market, 8 * 60 + 30).gap is Verdict.NOT_SEEN


# --- how far it went


def test_what_was_not_told_is_shown_as_far_as_its_candle_went() -> None:
    market = market_of(Settings(rolling=False))
    run(market, range(7), closes={5: 104.0})
    market.push(103.5, at_s=430.0)
    market.push(103.6, at_s=480.3, candle_s=420.0, high=105.5, quote=100_000.0, closed=True)
    found = why(market, 425.0)["price_1m"]
    assert (shown(found), found.until_ms) == ((Verdict.COOLING_DOWN, 5.5, 3.0), T0 + 330_000 + 180_000)
    told = why(market, 310.0)["price_1m"]
    assert shown(told) == (Verdict.FIRE, 4.0, 3.0)


@pytest.mark.parametrize(
    ("before", "minute", "verdict"),
    [
        ({}, 20, Verdict.BETWEEN_UPDATES),  # the closing frame is back below it
        ({19: 104.0}, 20, Verdict.COOLING_DOWN),
        ({19: 96.0}, 20, Verdict.BETWEEN_UPDATES),  # the other direction
        ({10: 104.0}, 20, Verdict.NOT_KEPT),  # a quarter of an hour is the longest anything is told once
        ({}, 8, Verdict.NOT_KEPT),  # too early to know what was told before
    ],
)
def test_a_candle_beyond_the_threshold_without_a_decision(
    before: dict[int, float], minute: int, verdict: Verdict
) -> None:
    market = market_of(Settings(rolling=False))
    run(market, range(minute), closes=before)
    market.push(101.0, at_s=minute * 60 + 60.3, candle_s=minute * 60, high=103.2, quote=100_000.0, closed=True)
    found = why(market, minute * 60 + 5)["price_1m"]
    assert shown(found) == (verdict, 3.2, 3.0)


def test_the_minute_whose_close_has_not_come_yet_is_shown_as_far_as_it_is_known() -> None:
    market = market_of(move_5m_pct=20.0)
    run(market, range(7))
    market.push(104.0, at_s=475.0)
    found = why(market, 470.0)
    assert shown(found["price_1m"]) == (Verdict.BELOW_THRESHOLD, 4.0, 15.0)
    assert found["vol_1m"].verdict is Verdict.NO_VALUE


def test_of_the_price_of_60_seconds_ago_nothing_is_kept_but_what_reached_its_threshold() -> None:
    market = market_of(Settings(pump_threshold=3.0))
    market.close(0, 1e5)
    market.push(100.0, at_s=115.0, candle_s=60)
    market.close(1, 1e5)
    market.push(102.0, at_s=150.0, open=100.0)
    market.push(103.5, at_s=174.0, open=101.0)
    market.push(103.5, at_s=180.3, open=101.0, candle_s=120, closed=True)
    assert shown(why(market, 125.0)["price_60s"]) == (Verdict.FIRE, 3.5, 3.0)
    assert shown(why(market, 70.0)["price_60s"]) == (Verdict.NOT_KEPT, None, None)


# --- open interest


def sampled(market: Market, samples: Sequence[tuple[float, float]]) -> None:
    for second, contracts in samples:
        sample = OpenInterest(symbol="SOLUSDT", contracts=contracts, time_ms=T0 + round(second * 1000))
        market.engine.on_open_interest(sample)
        market.engine.evaluate_open_interest(["SOLUSDT"])


def test_open_interest_of_a_past_minute_is_said_from_the_samples_that_are_kept() -> None:
    market = market_of(oi_surge_1m=3.0, oi_surge_5m=6.0)
    run(market, range(8))
    sampled(market, [(60.0 * number + 10, 1000.0 + 10 * number) for number in range(8)])
    market.clock.ms = T0 + 9 * MINUTE
    market.engine.apply([audience(replace(DEAF, oi_surge_1m=0.5))])
    found = why(market, 6 * 60 + 30)
    assert shown(found["oi_1m"]) == (Verdict.BELOW_THRESHOLD, round((1060 - 1050) / 1050 * 100, 6), 3.0)
    assert (found["oi_1m"].from_ms, found["oi_1m"].to_ms) == (T0 + 310_000, T0 + 370_000)
    assert shown(found["oi_5m"]) == (Verdict.BELOW_THRESHOLD, round((1060 - 1010) / 1010 * 100, 6), 6.0)
    assert shown(why(market, 60.0)["oi_5m"]) == (Verdict.NOT_KEPT, None, None)


def test_open_interest_that_was_decided_on_is_said_as_it_was_decided() -> None:
    market = market_of(oi_surge_1m=3.0, oi_surge_5m=0.0)
    run(market, range(8))
    sampled(market, [(10.0, 1000.0), (70.0, 1000.0), (130.0, 1050.0), (190.0, 1110.0)])
    assert shown(why(market, 150.0)["oi_1m"]) == (Verdict.FIRE, 5.0, 3.0)
    assert shown(why(market, 200.0)["oi_1m"])[0] is Verdict.PLATEAU


def test_a_minute_without_a_sample_has_no_value_and_one_before_the_oldest_is_not_kept() -> None:
    market = market_of(oi_surge_1m=3.0)
    run(market, range(8))
    sampled(market, [(10.0, 1000.0), (70.0, 1001.0), (190.0, 1002.0)])
    assert shown(why(market, 150.0)["oi_1m"])[0] is Verdict.NO_VALUE
    assert shown(why(market, 190.0)["oi_1m"])[0] is Verdict.NO_VALUE  # two minutes stand for none
    assert shown(why(market, 5.0)["oi_1m"])[0] is Verdict.NOT_KEPT


# --- volume


def test_volume_is_measured_only_against_as_many_candles_as_it_was_then() -> None:
    market = market_of(vol_burst_lookback=20)
    run(market, range(110))
    assert shown(why(market, 50 * 60)["vol_1m"]) == (Verdict.BELOW_THRESHOLD, 1.0, 5.0)
    assert shown(why(market, 20 * 60)["vol_1m"]) == (Verdict.NOT_KEPT, None, None)  # 9 of 20 are kept


def test_the_volume_of_the_last_candle_is_not_judged_again_when_the_threshold_falls() -> None:
    market = market_of(vol_burst_mult=20.0)
    run(market, range(7))
    market.close(7, 900_000.0)
    market.clock.ms = T0 + 8 * MINUTE + 5_000
    market.engine.apply([audience(DEAF)])
    found = market.engine.explain("SOLUSDT", MAIN, at_ms=None, now_ms=market.clock.ms)
    volume = next(check for check in found.checks if check.rule.kind == "vol")
    assert shown(volume) == (Verdict.BELOW_THRESHOLD, 9.0, 20.0)
