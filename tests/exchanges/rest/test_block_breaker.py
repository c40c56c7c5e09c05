"""The block's state machine: lengths, rows of soft hits, and what must hold in every order of events."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from altmonitor.exchanges.rest.block import Block, Breaker, Phase
from altmonitor.exchanges.rest.refusal import Refusal, Severity
from tests.effort import examples
from tests.fakes import cause

MINUTE = 60.0


def soft(retry_after_s: float | None = None) -> Refusal:
    return Refusal(severity=Severity.SOFT, status=429, reason=cause("too many"), retry_after_s=retry_after_s)


def hard(retry_after_s: float | None = None) -> Refusal:
    return Refusal(severity=Severity.HARD, status=403, reason=cause("firewall"), retry_after_s=retry_after_s)


def test_soft_hits_without_a_header_block_for_5_15_45_60_and_60_minutes() -> None:
    breaker = Breaker()
    now_s = 0.0
    lengths = []
    for _ in range(6):
        assert breaker.trip(soft(), now_s)
        assert breaker.block is not None
        lengths.append((breaker.block.until_s - now_s) / MINUTE)
        now_s = breaker.block.until_s + 3.0
        assert breaker.phase(now_s) is Phase.HALF_OPEN
        breaker.begin_probe()
    assert lengths == [5, 15, 45, 60, 60, 60]


def test_the_row_of_soft_hits_starts_again_after_a_quiet_hour() -> None:
    breaker = Breaker()
    breaker.trip(soft(), 0.0)
    breaker.begin_probe()
    breaker.probe_passed()
    breaker.trip(soft(), 61 * MINUTE)
    assert breaker.block is not None
    assert breaker.block.until_s == 66 * MINUTE


def test_a_firewall_block_without_a_header_lasts_ninety_minutes() -> None:
    breaker = Breaker()
    breaker.trip(hard(), 100.0)
    assert breaker.block is not None
    assert breaker.block.until_s == 100.0 + 5_400.0


def test_a_later_smaller_wait_never_shortens_a_block() -> None:
    breaker = Breaker()
    assert breaker.trip(soft(14_400.0), 0.0)
    assert not breaker.trip(soft(60.0), 10.0)
    assert not breaker.trip(hard(1.0), 10.0)
    assert not breaker.adopt(Block(until_s=500.0, severity=Severity.HARD, reason=cause("another")))
    assert breaker.phase(14_399.0) is Phase.BLOCKED
    assert breaker.phase(14_400.0) is Phase.HALF_OPEN


def test_a_longer_wait_moves_the_end_out() -> None:
    breaker = Breaker()
    breaker.trip(soft(60.0), 0.0)
    assert breaker.trip(soft(600.0), 5.0)
    assert breaker.phase(604.0) is Phase.BLOCKED


def test_answers_of_requests_under_way_when_the_block_began_are_one_hit() -> None:
    breaker = Breaker()
    assert breaker.trip(soft(), 0.0)
    assert not any(breaker.trip(soft(), 0.1 * number) for number in range(1, 9))
    assert breaker.soft_hits == 1
    assert breaker.block is not None
    assert breaker.block.until_s == 300.0


def test_an_unanswered_probe_is_repeated_a_little_later() -> None:
    breaker = Breaker()
    breaker.trip(soft(10.0), 0.0)
    breaker.begin_probe()
    breaker.probe_unanswered(11.0)
    assert breaker.phase(25.9) is Phase.BLOCKED
    assert breaker.phase(26.0) is Phase.HALF_OPEN


def test_soft_hits_of_an_earlier_run_are_remembered() -> None:
    breaker = Breaker()
    breaker.remember(2, -600.0)
    breaker.trip(soft(), 0.0)
    assert breaker.block is not None
    assert breaker.block.until_s == 45 * MINUTE


class BreakerMachine(RuleBasedStateMachine):
    """Any order of refusals, probes and waiting: no request is let through before the latest end ever promised."""

    def __init__(self) -> None:
        super().__init__()
        self.breaker = Breaker()
        self.now_s = 1_000.0
        self.promised_s = 0.0
        self.is_clear = True

    @rule(seconds=st.floats(0.0, 8_000.0))
    def wait(self, seconds: float) -> None:
        self.now_s += seconds

    @rule(
        severity=st.sampled_from(Severity),
        retry_after_s=st.none() | st.floats(0.1, 20_000.0),
    )
    def refused(self, severity: Severity, retry_after_s: float | None) -> None:
        self.breaker.trip(
            Refusal(severity=severity, status=429, reason=cause(""), retry_after_s=retry_after_s),
            self.now_s,
        )
        self.promised_s = max(self.promised_s, self.now_s + (retry_after_s or 300.0 if self.is_clear else 0.0))
        if retry_after_s is not None:
            self.promised_s = max(self.promised_s, self.now_s + retry_after_s)
        self.is_clear = False

    @precondition(lambda self: self.breaker.phase(self.now_s) is Phase.HALF_OPEN)
    @rule(ends=st.sampled_from(["passed", "unanswered", "abandoned"]))
    def probe(self, ends: str) -> None:
        self.breaker.begin_probe()
        assert self.breaker.phase(self.now_s) is Phase.PROBING
        if ends == "passed":
            self.breaker.probe_passed()
            self.is_clear = True
        elif ends == "unanswered":
            self.breaker.probe_unanswered(self.now_s)
        else:
            self.breaker.probe_abandoned()

    @rule(until_in_s=st.floats(-100.0, 9_000.0))
    def another_process_met_a_block(self, until_in_s: float) -> None:
        block = Block(until_s=self.now_s + until_in_s, severity=Severity.SOFT, reason=cause("shared"))
        if self.breaker.adopt(block):
            self.is_clear = False
            self.promised_s = max(self.promised_s, block.until_s)

    @invariant()
    def nothing_passes_before_the_promised_end(self) -> None:
        if self.now_s < self.promised_s:
            assert self.breaker.phase(self.now_s) is Phase.BLOCKED

    @invariant()
    def only_a_passed_probe_opens(self) -> None:
        assert (self.breaker.phase(self.now_s) is Phase.OPEN) == self.is_clear


BreakerMachine.TestCase.settings = settings(max_examples=examples(60), stateful_step_count=40)
TestBreakerInAnyOrder = BreakerMachine.TestCase
