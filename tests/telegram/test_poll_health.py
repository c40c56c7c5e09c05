from __future__ import annotations

import pytest

from altmonitor.core.causes import CauseCode
from altmonitor.core.errors import ChatUnreachable, DeliveryError, RetryLater, SecondPoller
from altmonitor.telegram.poll_health import PollHealth
from tests.movable_clock import MovableClock
from tests.telegram.listening import Recorder

DOWN = ChatUnreachable("down", outcome_unknown=False)


def test_waits_double_up_to_a_minute_and_start_anew_after_an_answer() -> None:
    health = PollHealth(MovableClock(), Recorder())
    waits = [health.after_failure(DOWN) for _ in range(9)]
    for wait_s, most_s in zip(waits, (1, 2, 4, 8, 16, 32, 60, 60, 60), strict=True):
        assert most_s / 2 <= wait_s <= most_s
    health.after_answer()
    assert health.after_failure(DOWN) <= 1.0


def test_many_waits_are_not_all_alike() -> None:
    waits = {PollHealth(MovableClock(), Recorder()).after_failure(DOWN) for _ in range(20)}
    assert len(waits) > 10


def test_telegrams_own_waiting_time_is_kept_above_the_cap() -> None:
    health = PollHealth(MovableClock(), Recorder())
    assert health.after_failure(RetryLater("wait", retry_after_s=300.0)) == 300.0


async def test_deafness_is_told_after_a_minute_once_and_hearing_again_once() -> None:
    clock, news = MovableClock(), Recorder()
    health = PollHealth(clock, news.on_listener_event)
    health.after_answer()
    await clock.advance(59)
    health.after_failure(DOWN)
    assert news.kinds == []
    await clock.advance(1)
    health.after_failure(DOWN)
    health.after_failure(DOWN)
    assert news.kinds == ["unreachable"]
    health.after_answer()
    health.after_answer()
    assert news.kinds == ["unreachable", "reachable"]


async def test_one_good_poll_between_two_conflicts_is_not_the_end_of_them() -> None:
    clock, news = MovableClock(), Recorder()
    health = PollHealth(clock, news.on_listener_event)
    for _ in range(5):
        health.after_failure(SecondPoller("two"))
        await clock.advance(30)
        health.after_answer()
    assert news.kinds == ["second_poller"]
    await clock.advance(119)
    health.after_answer()
    assert news.kinds == ["second_poller", "alone"]
    health.after_failure(SecondPoller("two"))
    assert news.kinds == ["second_poller", "alone", "second_poller"]


@pytest.mark.parametrize("error", [DOWN, DeliveryError("other")])
async def test_age_counts_from_the_last_answer(error: DeliveryError) -> None:
    clock = MovableClock()
    health = PollHealth(clock, Recorder().on_listener_event)
    assert health.last_ok_age_s() is None
    health.after_answer()
    await clock.advance(12)
    health.after_failure(error)
    assert health.last_ok_age_s() == 12.0


async def test_being_away_shows_on_either_clock() -> None:
    clock = MovableClock()
    health = PollHealth(clock, Recorder().on_listener_event)
    assert health.after_answer() is False
    await clock.advance(25)
    assert health.after_answer() is False
    await clock.advance(301)
    assert health.after_answer() is True
    clock.jump(7200)  # the machine slept: only the wall clock went on
    assert health.after_answer() is True
    assert health.after_answer() is False


async def test_a_webhook_is_told_once_with_the_way_out_and_until_it_is_gone_commands_go_astray() -> None:
    clock, news = MovableClock(), Recorder()
    health = PollHealth(clock, news.on_listener_event)
    assert health.conflict == ""
    for _ in range(3):
        health.after_failure(SecondPoller("a webhook is set", code=CauseCode.WEBHOOK))
    assert (news.kinds, health.conflict) == (["webhook"], "a webhook is set")
    await clock.advance(121)
    health.after_answer()
    assert (news.kinds, health.conflict) == (["webhook", "alone"], "")
