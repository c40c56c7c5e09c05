"""Weight per exchange minute, and the pools beside it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from altmonitor.exchanges.binance.rest import FUNDING, FUTURES_DATA, binance_budget
from altmonitor.exchanges.rest.budget import Ask, LimitPool, RequestBudget, Shares
from altmonitor.interfaces.exchange import Priority

MINUTE_MS = 1_790_000_040_000  # a full minute
SWEEP = Ask(target="/", priority=Priority.SWEEP)
ENRICH = Ask(target="/", priority=Priority.ENRICH)
RATIO = Ask(target="/", priority=Priority.TRACKING, weight=0, pool=FUTURES_DATA)
FIRST_RATIO = Ask(target="/", priority=Priority.ENRICH, weight=0, pool=FUTURES_DATA)


def at(seconds: float) -> dict[str, float]:
    return {"exchange_ms": MINUTE_MS + round(seconds * 1000), "now_s": seconds}


def counted(budget: RequestBudget, used: str, *, seconds: float) -> None:
    """The exchange tells its count in the answer to a request of that moment."""
    ticket = budget.reserve(SWEEP, **at(seconds))
    budget.settle(ticket, exchange_ms=at(seconds)["exchange_ms"], used_header=used)


def test_1680_of_2400_waits_and_1679_goes() -> None:
    budget = binance_budget()
    counted(budget, "1679", seconds=10)
    assert budget.wait_s(SWEEP, **at(10)) == 0
    counted(budget, "1680", seconds=10)
    assert budget.wait_s(SWEEP, **at(10)) == 50.5


def test_a_lower_count_in_the_same_minute_changes_nothing() -> None:
    budget = binance_budget()
    counted(budget, "1680", seconds=10)
    counted(budget, "60", seconds=20)
    assert budget.wait_s(SWEEP, **at(20)) == 40.5


def test_enrichment_may_use_up_to_ninety_percent() -> None:
    budget = binance_budget()
    counted(budget, "2159", seconds=10)
    assert budget.wait_s(SWEEP, **at(10)) > 0
    assert budget.wait_s(ENRICH, **at(10)) == 0
    counted(budget, "2160", seconds=10)
    assert budget.wait_s(ENRICH, **at(10)) > 0


def test_the_minute_turns_half_a_second_after_the_exchanges() -> None:
    budget = binance_budget()
    counted(budget, "2000", seconds=10)
    assert budget.wait_s(SWEEP, **at(60.4)) == pytest.approx(0.1)
    assert budget.wait_s(SWEEP, **at(60.5)) == 0


def test_a_count_told_for_a_request_of_the_minute_before_is_not_this_minutes() -> None:
    budget = binance_budget()
    ticket = budget.reserve(SWEEP, **at(60.2))
    budget.settle(ticket, exchange_ms=MINUTE_MS + 61_000, used_header="2300")
    assert budget.used(MINUTE_MS + 61_000) == 1


@pytest.mark.parametrize(("seconds", "used"), [(59.4, 0), (59.5, 1_600), (60.4, 1_600)])
def test_what_is_asked_around_the_turn_of_the_minute_counts_in_both(seconds: float, used: int) -> None:
    budget = binance_budget()
    for _ in range(40):
        ticket = budget.reserve(Ask(target="/", priority=Priority.SWEEP, weight=40), **at(seconds))
        budget.settle(ticket, exchange_ms=MINUTE_MS + 60_450, used_header=None)
    assert budget.used(MINUTE_MS + 61_000) == used
    assert budget.used(MINUTE_MS + 121_000) == 0


def test_what_is_under_way_is_added_to_the_exchanges_count() -> None:
    budget = binance_budget()
    tickets = [budget.reserve(Ask(target="/", priority=Priority.SWEEP, weight=40), **at(1)) for _ in range(3)]
    counted(budget, "500", seconds=2)
    assert budget.used(MINUTE_MS + 2_000) == 620
    for ticket in tickets:
        budget.settle(ticket, exchange_ms=MINUTE_MS + 3_000, used_header=None)
    assert budget.used(MINUTE_MS + 3_000) == 500


@pytest.mark.parametrize("text", ["", "abc", "-5", "1e9", "²", "12.5", None])
def test_a_count_that_is_none_is_ignored(text: str) -> None:
    budget = binance_budget()
    counted(budget, text, seconds=1)
    assert budget.used(MINUTE_MS + 1_000) == 1


def test_a_clock_corrected_by_a_moment_reopens_no_minute() -> None:
    budget = binance_budget()
    counted(budget, "1700", seconds=61)
    assert budget.wait_s(SWEEP, **at(60.1)) > 0


def test_the_pool_of_1000_lets_800_through_and_900_for_enrichment() -> None:
    budget = binance_budget()
    for _ in range(800):
        assert budget.wait_s(RATIO, **at(5)) == 0
        budget.reserve(RATIO, **at(5))
    assert budget.wait_s(RATIO, **at(6)) == pytest.approx(299.0)
    for _ in range(100):
        assert budget.wait_s(FIRST_RATIO, **at(7)) == 0
        budget.reserve(FIRST_RATIO, **at(7))
    assert budget.wait_s(FIRST_RATIO, **at(7)) == pytest.approx(298.0)
    assert budget.wait_s(SWEEP, **at(7)) == 0  # the pools are not the weight
    assert budget.wait_s(Ask(target="/", priority=Priority.UNIVERSE, weight=0, pool=FUNDING), **at(7)) == 0
    assert budget.wait_s(FIRST_RATIO, **at(305)) == 0


@given(st.lists(st.tuples(st.floats(0.0, 60.0), st.sampled_from([Priority.ENRICH, Priority.TRACKING])), max_size=80))
def test_no_stretch_of_a_pools_window_holds_more_than_nine_tenths_of_it(steps: list[tuple[float, Priority]]) -> None:
    budget = RequestBudget(pools={"small": LimitPool(limit=10, window_s=300.0)})
    now_s = 0.0
    sent: list[float] = []
    for pause_s, priority in steps:
        now_s += pause_s
        ask = Ask(target="/", priority=priority, weight=0, pool="small")
        if budget.wait_s(ask, **at(now_s)) <= 0:
            budget.reserve(ask, **at(now_s))
            sent.append(now_s)
    for began_s in sent:
        assert sum(1 for at_s in sent if began_s <= at_s < began_s + 300.0) <= 9


HISTORY = Ask(target="/", priority=Priority.BACKFILL, weight=21)
ACCOUNT = Ask(target="/", priority=Priority.ENRICH, weight=142)


def weighed(limit: int = 1_200) -> RequestBudget:
    return RequestBudget(weights=LimitPool(limit=limit, window_s=60.0), weight_shares=Shares(0.48, 0.60))


def test_a_question_finds_room_that_history_leaves_to_it_and_both_stay_below_sixty_percent() -> None:
    budget = weighed()
    while budget.wait_s(HISTORY, **at(1)) == 0:
        budget.reserve(HISTORY, **at(1))
    assert budget.weight_used(MINUTE_MS, 1) == 567, "of 576"
    assert budget.wait_s(ACCOUNT, **at(2)) == 0
    budget.reserve(ACCOUNT, **at(2))
    assert budget.weight_used(MINUTE_MS, 2) == 709, "of 720"
    assert budget.wait_s(ACCOUNT, **at(3)) == pytest.approx(58.0)
    assert budget.wait_s(HISTORY, **at(3)) == pytest.approx(58.0)
    assert budget.wait_s(HISTORY, **at(61)) == 0


def test_what_weighs_more_than_all_that_is_allowed_goes_alone() -> None:
    budget = weighed(limit=100)
    assert budget.wait_s(ACCOUNT, **at(0)) == 0
    budget.reserve(ACCOUNT, **at(0))
    assert budget.wait_s(ACCOUNT, **at(1)) == pytest.approx(59.0)


@given(st.lists(st.tuples(st.floats(0.0, 9.0), st.sampled_from([HISTORY, ACCOUNT, SWEEP])), max_size=120))
def test_no_minute_weighs_more_than_sixty_percent_whoever_asks(steps: list[tuple[float, Ask]]) -> None:
    budget, now_s = weighed(), 0.0
    sent: list[tuple[float, int]] = []
    for pause_s, ask in steps:
        now_s += pause_s
        if budget.wait_s(ask, **at(now_s)) <= 0:
            budget.reserve(ask, **at(now_s))
            sent.append((now_s, ask.weight))
    for began_s, _ in sent:
        assert sum(weight for at_s, weight in sent if began_s <= at_s < began_s + 60.0) <= 720
