"""Why an alert came, or did not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from altmonitor.core.types import Destination
from altmonitor.detectors.kinds import RULES
from altmonitor.detectors.verdict import RuleCheck, Verdict
from altmonitor.market.quotes import DayTicker, OpenInterest
from altmonitor.settings.audience import Audience
from altmonitor.settings.settings import Settings
from tests.fakes import MINUTE, T0, Market

MAIN = Destination(chat_id=1)
OTHER = Destination(chat_id=2)


def why(
    market: Market, *, at_s: float | None = None, now_s: float = 10.0, destination: Destination = MAIN
) -> dict[str, RuleCheck]:
    at_ms = None if at_s is None else T0 + round(at_s * 1000)
    found = market.engine.explain("SOLUSDT", destination, at_ms=at_ms, now_ms=T0 + round(now_s * 1000))
    return {str(check.rule): check for check in found.checks}


def market_with(settings: Settings | None = None, **changes: object) -> Market:
    chosen = replace(settings or Settings(), **changes)  # type: ignore[arg-type]
    return Market(audiences=[Audience(destination=MAIN, settings=chosen)])


def test_now_every_rule_is_there_with_its_value_its_threshold_and_its_age() -> None:
    market = market_with(move_5m_pct=5.0)
    for minute in range(6):
        market.close(minute, 100_000.0)
    for second, contracts in ((300, 1000.0), (361, 1010.0)):
        market.engine.on_open_interest(OpenInterest(symbol="SOLUSDT", contracts=contracts, time_ms=T0 + second * 1000))
    market.push(101.0, at_s=362.0)
    found = why(market, now_s=365.0)
    assert list(found) == [str(rule) for rule in RULES if rule.window != "episode"]
    own = found["price_1m"]
    assert (own.verdict, own.value, own.threshold, own.sample_age_s) == (Verdict.BELOW_THRESHOLD, 1.0, 3.0, 3.0)
    assert (own.from_ms, own.to_ms) == (T0 + 360_000, T0 + 362_000)
    assert (found["price_5m"].value, found["price_5m"].threshold) == (1.0, 5.0)
    assert found["price_15m"].verdict is Verdict.SWITCHED_OFF
    assert found["oi_1m"].value == pytest.approx(1.0)
    assert found["oi_1m"].sample_age_s == 4.0
    assert found["oi_1m"].verdict is Verdict.THIN_OPEN_INTEREST
    assert (found["oi_1m"].floor_usd, found["oi_1m"].measured_usd) == (1_000_000.0, 1010.0 * 101.0)
    assert (found["oi_5m"].verdict, found["oi_5m"].value) == (Verdict.NO_VALUE, None)
    assert (found["vol_1m"].verdict, found["vol_1m"].value, found["vol_1m"].sample_age_s) == (
        Verdict.BELOW_THRESHOLD,
        1.0,
        5.0,
    )


def test_of_a_symbol_that_was_never_seen_nothing_has_a_value() -> None:
    found = why(market_with())
    assert {check.verdict for check in found.values()} == {Verdict.NO_VALUE, Verdict.SWITCHED_OFF}


def test_now_it_says_until_when_it_cools_down_or_is_muted() -> None:
    market = market_with()
    market.push(104.0, at_s=5.0)
    market.push(104.1, at_s=65.0, open=100.0)
    cooling = why(market, now_s=65.0)["price_1m"]
    assert (cooling.verdict, cooling.until_ms) == (Verdict.COOLING_DOWN, T0 + 185_000)
    muted = market_with(muted={"SOLUSDT": T0 // 1000 + 600})
    muted.push(104.0, at_s=5.0)
    found = why(muted)["price_1m"]
    assert (found.verdict, found.until_ms) == (Verdict.MUTED, T0 + 600_000)


def test_a_past_minute_is_told_as_it_was_judged() -> None:
    market = market_with()
    market.push(104.0, at_s=5.0)
    market.push(104.5, at_s=6.0)
    market.push(103.5, at_s=65.0, open=100.0)
    first = why(market, at_s=30.0, now_s=300.0)["price_1m"]
    assert (first.verdict, first.value, first.threshold) == (Verdict.FIRE, 4.0, 3.0)
    second = why(market, at_s=70.0, now_s=300.0)["price_1m"]
    assert second.value == pytest.approx(3.5)
    assert (second.verdict, second.until_ms) == (Verdict.COOLING_DOWN, T0 + 185_000)


def test_of_a_past_minute_that_told_nothing_it_says_how_far_it_went() -> None:
    market = market_with()
    market.push(103.0, at_s=5.0)
    market.push(103.1, at_s=61.0, open=100.0)
    for second, price in ((62.0, 103.4), (63.0, 104.9), (64.0, 103.2)):
        market.push(price, at_s=second, open=100.0, high=104.9)
    market.push(103.2, at_s=120.3, candle_s=60.0, open=100.0, high=104.9, closed=True)
    found = why(market, at_s=65.0, now_s=130.0)["price_1m"]
    assert (found.verdict, found.value) == (Verdict.COOLING_DOWN, pytest.approx(4.9))
    told = why(market, at_s=6.0, now_s=130.0)["price_1m"]
    assert (told.verdict, told.value) == (Verdict.FIRE, pytest.approx(3.0))


def test_a_past_minute_without_judgement_is_told_from_its_candle() -> None:
    market = market_with(move_5m_pct=5.0)
    for minute in range(6):
        market.close(minute, 100_000.0 if minute < 5 else 200_000.0, close=102.0)
    found = why(market, at_s=330.0, now_s=400.0)
    assert (found["price_1m"].verdict, found["price_1m"].value) == (Verdict.BELOW_THRESHOLD, 2.0)
    assert (found["price_5m"].value, found["price_5m"].from_ms) == (2.0, T0 + MINUTE)
    assert (found["vol_1m"].verdict, found["vol_1m"].value) == (Verdict.BELOW_THRESHOLD, 2.0)


def test_each_audience_has_its_own_answer() -> None:
    strict, loose = Settings(pump_threshold=10.0), Settings()
    market = Market(
        audiences=[Audience(destination=MAIN, settings=strict), Audience(destination=OTHER, settings=loose)]
    )
    market.push(104.0, at_s=5.0)
    assert why(market)["price_1m"].verdict is Verdict.BELOW_THRESHOLD
    assert why(market, destination=OTHER)["price_1m"].verdict is Verdict.RAISED_THIS_CANDLE
    assert why(market, at_s=1.0, now_s=300.0, destination=OTHER)["price_1m"].verdict is Verdict.FIRE
    assert why(market, at_s=1.0, now_s=300.0)["price_1m"].verdict is Verdict.NOT_KEPT


def test_thin_is_told_with_the_floor_and_what_there_was() -> None:
    market = market_with(min_24h_usdt=2e6)
    market.context.days["SOLUSDT"] = DayTicker(symbol="SOLUSDT", last_price=100.0, change_pct=0.0, quote_usdt=1.5e6)
    market.push(104.0, at_s=5.0)
    for found in (why(market), why(market, at_s=5.0, now_s=300.0)):
        check = found["price_1m"]
        assert (check.verdict, check.floor_usd, check.measured_usd) == (Verdict.THIN_DAY, 2e6, 1.5e6)


def test_a_thin_burst_is_told_as_thin() -> None:
    market = market_with()
    for minute in range(6):
        market.close(minute, 1_000.0)
    market.close(6, 9_000.0)
    check = why(market, at_s=365.0, now_s=500.0)["vol_1m"]
    assert (check.verdict, check.value, check.floor_usd, check.measured_usd) == (
        Verdict.THIN_CANDLE,
        9.0,
        50_000.0,
        9_000.0,
    )


def test_a_burst_that_was_told_while_its_candle_runs_is_what_now_is_about() -> None:
    market = market_with(rolling=False)
    for minute in range(7):
        market.close(minute, 100_000.0)
    market.push(101.0, at_s=443.0, quote=900_000.0)
    early = why(market, now_s=445.0)["vol_1m"]
    assert (early.verdict, early.value, early.to_ms, early.sample_age_s) == (Verdict.FIRE, 9.0, T0 + 443_000, 2.0)
    market.close(7, 1_200_000.0)
    assert why(market, now_s=485.0)["vol_1m"].value == 12.0
    market.push(100.0, at_s=481.0)
    assert why(market, now_s=485.0)["vol_1m"].value == 12.0


def test_explaining_changes_nothing() -> None:
    market, other = market_with(), market_with()
    market.push(104.0, at_s=5.0)
    other.push(104.0, at_s=5.0)
    for _ in range(3):
        why(market)
        why(market, at_s=1.0, now_s=100.0)
    market.push(108.0, at_s=8.0)
    other.push(108.0, at_s=8.0)
    assert market.sink.alerts == other.sink.alerts
    assert market.engine.verdicts == other.engine.verdicts


def test_a_sample_that_is_older_than_one_and_a_half_sweeps_is_shown_with_its_age_and_not_judged() -> None:
    market = market_with(oi_min_usd=0.0)
    for second, contracts in ((0, 1000.0), (60, 1100.0)):
        market.engine.on_open_interest(OpenInterest(symbol="SOLUSDT", contracts=contracts, time_ms=T0 + second * 1000))
    fresh = why(market, now_s=150.0)["oi_1m"]
    assert (fresh.verdict, fresh.value, fresh.sample_age_s) == (Verdict.FIRE, pytest.approx(10.0), 90.0)
    old = why(market, now_s=167.0)["oi_1m"]
    assert (old.verdict, old.value, old.sample_age_s) == (Verdict.NO_VALUE, None, 107.0)
