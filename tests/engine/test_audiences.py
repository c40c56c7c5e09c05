"""Several audiences, one pass over the market: each is told what it would be told alone, and what is alike once."""

from __future__ import annotations

from dataclasses import replace

import msgspec
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from altmonitor.core.alert import Alert
from altmonitor.core.types import Destination
from altmonitor.detectors.verdict import Verdict
from altmonitor.market.quotes import OpenInterest
from altmonitor.settings.audience import Audience
from altmonitor.settings.settings import Settings
from tests.effort import examples
from tests.fakes import MINUTE, T0, Market

MAIN = Destination(chat_id=100)
SECOND = Destination(chat_id=-200, topic_id=7)
THIRD = Destination(chat_id=300)


def audience(
    destination: Destination, *, kinds: tuple[str, ...] = ("price", "oi", "vol"), **numbers: object
) -> Audience:
    settings = Settings(oi_min_usd=0.0, **numbers)  # type: ignore[arg-type]
    return Audience(destination=destination, settings=settings, kinds=frozenset(kinds))  # type: ignore[arg-type]


def keys_told(market: Market, destination: Destination) -> list[str]:
    return [alert.key for alert, to in market.sink.told if destination in to]


def test_what_all_are_told_alike_is_one_alert_with_the_plain_key() -> None:
    market = Market(audiences=[audience(MAIN), audience(SECOND)])
    market.push(104.0)
    assert [(alert.key, to) for alert, to in market.sink.told] == [(f"price:SOLUSDT:PUMP:1m:{T0}", (MAIN, SECOND))]


def test_another_threshold_is_another_alert_whose_key_names_who_is_told() -> None:
    market = Market(audiences=[audience(MAIN, pump_threshold=5.0), audience(SECOND), audience(THIRD)])
    market.push(104.0)
    market.push(105.0, at_s=2.0)
    assert [(alert.key, alert.details.threshold, to) for alert, to in market.sink.told] == [
        (f"price:SOLUSDT:PUMP:1m:{T0}@-200/7", 3.0, (SECOND, THIRD)),
        (f"price:SOLUSDT:PUMP:1m:{T0}", 5.0, (MAIN,)),
    ]


def test_cooldowns_are_of_each_audience() -> None:
    market = Market(audiences=[audience(MAIN, cooldown_sec=600), audience(SECOND, cooldown_sec=60)])
    market.push(104.0)
    market.push(104.0, at_s=70.0)
    assert (len(keys_told(market, MAIN)), len(keys_told(market, SECOND))) == (1, 2)
    assert market.engine.verdicts["price", Verdict.COOLING_DOWN] == 1


def test_an_audience_hears_only_the_kinds_that_are_routed_to_it() -> None:
    market = Market(audiences=[audience(MAIN), audience(SECOND, kinds=("vol",))])
    for minute in range(6):
        market.close(minute, 100_000.0)
    market.push(104.0, at_s=365.0)
    market.close(6, 900_000.0)
    assert [(alert.kind, alert.details.is_silent, to) for alert, to in market.sink.told] == [
        ("price", False, (MAIN,)),
        ("vol", True, (MAIN,)),  # it joins a move that the other one has not heard of
        ("vol", False, (SECOND,)),
    ]
    assert market.engine.verdicts["price", Verdict.NOT_ROUTED] == 2, "its own candle and 60 s"


def test_mutes_and_watchlists_are_of_each_audience() -> None:
    muted = audience(SECOND, muted={"SOLUSDT": None})
    watching = audience(THIRD, watchlist=frozenset({"BTCUSDT"}))
    market = Market(audiences=[audience(MAIN), muted, watching])
    market.push(104.0)
    assert [to for _, to in market.sink.told] == [(MAIN,)]
    assert market.engine.verdicts["price", Verdict.MUTED] == 1
    assert market.engine.verdicts["price", Verdict.NOT_WATCHED] == 1


def test_a_symbol_may_have_thresholds_of_its_own() -> None:
    base = Settings()
    own = replace(base, pump_threshold=1.0, vol_burst_min_usdt=0.0)
    calm = replace(base, of_symbol={"SOLUSDT": own})
    market = Market("SOLUSDT", "DOGEUSDT", audiences=[Audience(destination=MAIN, settings=calm)])
    for symbol in ("SOLUSDT", "DOGEUSDT"):
        market.push(101.5, symbol=symbol)
    assert [(alert.symbol, alert.details.threshold) for alert in market.sink.alerts] == [("SOLUSDT", 1.0)]


def test_open_interest_is_judged_for_each() -> None:
    loose, strict = audience(SECOND, oi_surge_1m=2.0), audience(MAIN, oi_surge_1m=20.0)
    market = Market(audiences=[strict, loose])
    for second, contracts in ((0, 1000.0), (60, 1050.0)):
        market.engine.on_open_interest(OpenInterest(symbol="SOLUSDT", contracts=contracts, time_ms=T0 + second * 1000))
        market.engine.evaluate_open_interest(["SOLUSDT"])
    assert [(alert.key, to) for alert, to in market.sink.told] == [
        (f"oi:SOLUSDT:UP:1m:{T0 + MINUTE}@-200/7", (SECOND,))
    ]


def test_a_newcomer_begins_anew_and_who_stays_keeps_what_it_was_told() -> None:
    market = Market(audiences=[audience(MAIN)])
    market.push(104.0)
    market.engine.apply([audience(MAIN), audience(SECOND)])
    market.push(104.5, at_s=2.0)
    assert [to for _, to in market.sink.told] == [(MAIN,), (SECOND,)]


def test_a_group_with_a_new_id_is_not_told_again() -> None:
    market = Market(audiences=[audience(MAIN), audience(SECOND)])
    market.push(104.0)
    market.engine.moved_to(lambda destination: THIRD if destination == SECOND else destination)
    market.engine.apply([audience(MAIN), audience(THIRD)])
    market.push(104.5, at_s=2.0)
    assert len(market.sink.alerts) == 1


def test_who_was_told_before_a_restart_is_not_told_again_and_who_was_not_is() -> None:
    audiences = [audience(MAIN), audience(SECOND)]
    before = Market(audiences=[audiences[0]])
    before.push(104.0)
    after = Market(audiences=audiences)
    assert after.engine.restore(before.sink.told, firsts={}) == 1
    after.push(104.5, at_s=2.0)
    assert [(alert.key, to) for alert, to in after.sink.told] == [
        (f"price:SOLUSDT:PUMP:1m:{T0}@-200/7", (SECOND,)),
    ]


# --- properties: a random market, and audiences with random settings

SETTINGS = st.builds(
    Settings,
    pump_threshold=st.sampled_from([1.0, 2.0, 3.0]),
    dump_threshold=st.sampled_from([-1.0, -2.0, -3.0]),
    cooldown_sec=st.sampled_from([0, 60, 180]),
    move_5m_pct=st.sampled_from([0.0, 2.0, 4.0]),
    move_15m_pct=st.sampled_from([0.0, 5.0]),
    oi_surge_1m=st.sampled_from([0.0, 3.0]),
    vol_burst_mult=st.sampled_from([0.0, 2.0, 5.0]),
    vol_burst_min_usdt=st.just(0.0),
    oi_min_usd=st.just(0.0),
    muted=st.sampled_from([{}, {"SOLUSDT": T0 // 1000 + 400}]),
)
STEP = st.tuples(st.integers(-30, 30), st.integers(0, 9), st.integers(-40, 40))
"""Price in permille, volume, open interest in permille."""


def played(market: Market, steps: list[tuple[int, int, int]]) -> Market:
    """Three frames a minute; the close comes with the next candle already begun every other minute."""
    price, contracts = 100.0, 1000.0
    candle = [price]
    for index, (move, volume, interest) in enumerate(steps):
        at_s = index * 20 + 5
        market.clock.ms = T0 + at_s * 1000 + 30
        price = round(price * (1 + move / 1000), 4)
        candle.append(price)
        open_, high, low = candle[0], max(candle), min(candle)
        market.push(price, at_s=at_s, open=open_, high=high, low=low)
        contracts *= 1 + interest / 1000
        market.engine.on_open_interest(OpenInterest(symbol="SOLUSDT", contracts=contracts, time_ms=T0 + at_s * 1000))
        market.engine.evaluate_open_interest(["SOLUSDT"])
        if index % 3 == 2:
            minute = index // 3
            if minute % 2:
                market.push(price, at_s=minute * 60 + 60.1, open=price)
            market.push(
                price,
                at_s=minute * 60 + 60.2,
                candle_s=minute * 60,
                open=open_,
                high=high,
                low=low,
                quote=1000.0 * 2**volume,
                closed=True,
            )
            candle = [price]
    return market


def plain(alert: Alert) -> Alert:
    """Without the names of those who are told."""
    details = alert.details
    first = details.episode_key
    return msgspec.structs.replace(
        alert,
        key=alert.key.partition("@")[0],
        details=msgspec.structs.replace(details, episode_key=first and first.partition("@")[0]),
    )


@given(SETTINGS, st.lists(STEP, max_size=60))
@effort(max_examples=examples(25))
def test_audiences_with_equal_settings_are_told_one_alert_each_time(
    settings: Settings, steps: list[tuple[int, int, int]]
) -> None:
    alone = played(Market(audiences=[Audience(destination=MAIN, settings=settings)]), steps)
    three = [Audience(destination=destination, settings=settings) for destination in (MAIN, SECOND, THIRD)]
    together = played(Market(audiences=three), steps)
    assert together.sink.alerts == alone.sink.alerts
    assert {to for _, to in together.sink.told} <= {(MAIN, SECOND, THIRD)}
    assert together.ends == alone.ends


@given(st.lists(SETTINGS, min_size=2, max_size=4), st.lists(STEP, max_size=60))
@effort(max_examples=examples(40))
def test_each_is_told_in_company_what_it_is_told_alone(
    all_settings: list[Settings], steps: list[tuple[int, int, int]]
) -> None:
    audiences = [
        Audience(destination=Destination(chat_id=number + 1), settings=settings)
        for number, settings in enumerate(all_settings)
    ]
    together = played(Market(audiences=audiences), steps)
    keys = [alert.key for alert in together.sink.alerts]
    assert len(keys) == len(set(keys))
    for one in audiences:
        alone = played(Market(audiences=[one]), steps)
        told = [plain(alert) for alert, to in together.sink.told if one.destination in to]
        assert told == [plain(alert) for alert in alone.sink.alerts]


@given(SETTINGS, st.lists(STEP, min_size=6, max_size=60), st.integers(1, 19))
@effort(max_examples=examples(30))
def test_a_restart_in_between_tells_nothing_twice(
    settings: Settings, steps: list[tuple[int, int, int]], minutes: int
) -> None:
    audiences = [Audience(destination=MAIN, settings=settings), Audience(destination=SECOND, settings=settings)]
    before = played(Market(audiences=audiences), steps[: minutes * 3])
    after = Market(audiences=audiences)
    after.engine.restore(before.sink.told, firsts={})
    quiet = [(0, 0, 0)] * 3 * minutes
    played(after, [*quiet, *steps[minutes * 3 :]])
    keys = [alert.key for alert in (*before.sink.alerts, *after.sink.alerts)]
    assert len(keys) == len(set(keys))
