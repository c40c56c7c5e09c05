"""The limits hold for any sequence of wishes."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from altmonitor.delivery.pacing import ChatPace, OverallPace

WISHES = st.lists(
    st.tuples(
        st.floats(0, 40),  # seconds until something is wanted
        st.floats(0, 3),  # seconds the answer takes
        st.booleans(),  # an edit
        st.one_of(st.none(), st.floats(0, 120)),  # the chat service asks to wait
    ),
    max_size=120,
)


@given(wishes=WISHES, is_group=st.booleans(), interval_s=st.one_of(st.none(), st.floats(0.05, 60)))
def test_no_sequence_breaks_a_limit_of_the_chat(
    wishes: list[tuple[float, float, bool, float | None]], is_group: bool, interval_s: float | None
) -> None:
    pace, now_s, held_until_s = ChatPace(is_group=is_group, min_interval_s=interval_s), 0.0, 0.0
    least_s = interval_s if interval_s is not None else 3.2 if is_group else 1.05
    arrivals: list[tuple[float, bool]] = []
    for pause_s, answer_s, is_edit, retry_after_s in wishes:
        now_s = pace.free_at_s(now_s + pause_s, is_edit=is_edit)
        assert now_s >= held_until_s
        arrived_s = now_s + answer_s / 2
        if arrivals:
            assert arrived_s - arrivals[-1][0] >= min(least_s, 1.05) - 1e-9
        messages = [at_s for at_s, edit in arrivals if not edit]
        if messages and not is_edit:
            assert arrived_s - messages[-1] >= least_s - 1e-9
        arrivals.append((arrived_s, is_edit))
        if is_group:
            assert sum(1 for at_s, _ in arrivals if at_s > arrived_s - 60) <= 20
        now_s += answer_s
        pace.record(now_s, is_edit=is_edit)
        if retry_after_s is not None:
            pace.hold(now_s, retry_after_s)
            held_until_s = max(held_until_s, now_s + retry_after_s)


@given(gaps=st.lists(st.floats(0, 0.5), max_size=200))
def test_all_chats_together_never_exceed_25_a_second(gaps: list[float]) -> None:
    pace, now_s, left = OverallPace(), 0.0, []
    for gap_s in gaps:
        now_s = pace.free_at_s(now_s + gap_s)
        pace.record(now_s)
        left.append(now_s)
        assert sum(1 for at_s in left if at_s > now_s - 1) <= 25


@pytest.mark.parametrize(
    ("is_group", "interval_s", "expected_s"),
    [(False, None, 1.05), (True, None, 3.2), (True, 0.5, 0.5), (False, 9.0, 9.0)],
)
def test_two_messages_lie_one_interval_apart(is_group: bool, interval_s: float | None, expected_s: float) -> None:
    pace = ChatPace(is_group=is_group, min_interval_s=interval_s)
    assert pace.free_at_s(100.0) == 100.0
    pace.record(100.0)
    assert pace.free_at_s(100.0) == pytest.approx(100.0 + expected_s)


def test_the_21st_message_of_a_group_waits_for_the_minute_to_pass() -> None:
    pace = ChatPace(is_group=True, min_interval_s=0.05)
    for number in range(20):
        pace.record(number * 0.05)
    assert pace.allowance(1.0) == 0
    assert pace.free_at_s(1.0) == 60.5
    assert pace.allowance(60.4) == 0
    assert pace.allowance(60.5) == 1


def test_private_chats_have_no_limit_per_minute() -> None:
    pace = ChatPace(is_group=False, min_interval_s=None)
    for number in range(50):
        pace.record(number * 1.05)
    assert pace.free_at_s(60.0) == 60.0


def test_an_edit_needs_a_second_of_distance_and_delays_the_next_message_by_no_more() -> None:
    pace = ChatPace(is_group=True, min_interval_s=None)
    pace.record(0.0)
    assert pace.free_at_s(0.5, is_edit=True) == pytest.approx(1.05)
    pace.record(3.0, is_edit=True)
    assert pace.free_at_s(3.0) == pytest.approx(4.05)


def test_a_shorter_wait_asked_for_later_does_not_shorten_an_earlier_one() -> None:
    pace = ChatPace(is_group=False, min_interval_s=None)
    pace.hold(0.0, 30.0)
    pace.hold(1.0, 2.0)
    assert pace.free_at_s(2.0) == 30.25


@pytest.mark.parametrize(("is_group", "most"), [(True, 3), (False, 9)])
def test_what_can_leave_one_by_one_within_ten_seconds(is_group: bool, most: int) -> None:
    pace = ChatPace(is_group=is_group, min_interval_s=None)
    assert pace.can_leave_within(0.0, most, 10.0)
    assert not pace.can_leave_within(0.0, most + 1, 10.0)
    pace.record(-math.pi)
    pace.hold(0.0, 9.9)
    assert not pace.can_leave_within(0.0, 1, 10.0)
    assert pace.can_leave_within(9.0, 1, 10.0)


def test_at_the_moment_that_is_named_a_message_may_leave_and_the_minute_has_room() -> None:
    """What is asked (is it free, is there room) and what is slept until are the same sum, to the last bit."""
    wrong = []
    for tenth in range(10_000, 12_000):
        began_s = tenth / 10
        pace, overall = ChatPace(is_group=True, min_interval_s=None), OverallPace()
        for number in range(25):
            pace.record(began_s + number * 0.1)
            overall.record(began_s + number * 0.01)
        for free_at_s in (pace.free_at_s, overall.free_at_s):
            at_s = free_at_s(began_s + 2.5)
            if free_at_s(at_s) != at_s:
                wrong.append((began_s, at_s))
        at_s = pace.free_at_s(began_s + 2.5)
        if pace.allowance(at_s) < 1:
            wrong.append((began_s, at_s))
    assert wrong == []
