"""What was judged lately, minute by minute."""

from __future__ import annotations

from altmonitor.core.types import Destination
from altmonitor.detectors.verdict import Rule, RuleCheck, Verdict
from altmonitor.engine.decision_log import DecisionLog
from tests.fakes import MINUTE, T0

MAIN = Destination(chat_id=1)
PRICE = Rule("price", "1m")


def judgement(value: float, verdict: Verdict = Verdict.COOLING_DOWN) -> RuleCheck:
    return RuleCheck(rule=PRICE, verdict=verdict, value=value)


def test_the_trace_keeps_what_is_nearest_to_telling() -> None:
    trace = DecisionLog()
    seen = [
        (judgement(3.0), True),
        (judgement(2.0), False),
        (judgement(-4.0), True),
        (judgement(3.0, Verdict.FIRE), True),
        (judgement(9.0), False),
        (judgement(6.0, Verdict.ESCALATE), True),
    ]
    for check, is_wanted in seen:
        size = abs(check.value or 0.0)
        assert trace.wants("A", T0, MAIN, PRICE, is_raised=check.verdict.is_raised, size=size) is is_wanted
        if is_wanted:
            trace.record("A", T0, MAIN, check)
    assert trace.of_minute("A", T0 + 1, MAIN) == {PRICE: judgement(6.0, Verdict.ESCALATE)}


def test_the_trace_is_bounded_and_says_how_far_back_it_goes() -> None:
    assert DecisionLog().known_from_ms is None
    trace = DecisionLog(most=10)
    trace.begin(T0 + 5_000)
    assert trace.known_from_ms == T0
    for minute in range(15):
        trace.record("A", T0 + minute * MINUTE, MAIN, judgement(3.0))
    assert trace.known_from_ms == T0 + 5 * MINUTE
    kept = [at_ms for at_ms, _ in trace.between("A", T0, T0 + 20 * MINUTE, MAIN)]
    assert kept == [T0 + minute * MINUTE for minute in range(5, 15)]


def test_a_log_that_nobody_asks_wants_nothing() -> None:
    unasked = DecisionLog(is_kept=False)
    assert not unasked.wants("A", T0, MAIN, PRICE, is_raised=True, size=9.0)


def test_a_minute_that_is_older_than_a_day_when_its_history_comes_is_let_go_of() -> None:
    """After a blind time of a day, while the exchange answers slowly: it ended the reading of history."""
    log = DecisionLog()
    log.looked_back("SOLUSDT", T0, at_ms=T0 + 1_442 * MINUTE)
    assert log.looked_back_ms("SOLUSDT", T0) is None
    log.looked_back("SOLUSDT", T0 + 5 * MINUTE, at_ms=T0 + 1_442 * MINUTE)
    assert log.looked_back_ms("SOLUSDT", T0 + 5 * MINUTE) == T0 + 1_442 * MINUTE
