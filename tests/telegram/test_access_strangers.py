from __future__ import annotations

import logging

import pytest

from altmonitor.core.types import Destination
from altmonitor.telegram.access import STRANGERS_REMEMBERED as REMEMBERED
from altmonitor.telegram.access import Strangers
from altmonitor.telegram.types import Incoming


def written_by(user_id: int | None, chat_id: int = -100) -> Incoming:
    return Incoming(
        text="/status",
        destination=Destination(chat_id=chat_id),
        user_id=user_id,
        user_name="evil\nname",
        message_id=1,
        date_ms=0,
    )


def test_each_sender_is_told_of_once_an_hour_whatever_chat_they_use() -> None:
    strangers = Strangers()
    said = [
        strangers.refuse(written_by(7), 1000.0),
        strangers.refuse(written_by(7, chat_id=-200), 1001.0),
        strangers.refuse(written_by(8), 1002.0),
        strangers.refuse(written_by(None), 1003.0),
        strangers.refuse(written_by(7), 4599.9),
        strangers.refuse(written_by(7), 4600.0),
    ]
    assert said == [True, False, True, True, False, True]
    assert strangers.count == 6


def test_the_line_counts_what_was_not_said_and_cannot_be_forged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    strangers = Strangers()
    for now_s in (0.0, 1.0, 2.0, 3600.0):
        strangers.refuse(written_by(7), now_s)
    assert "2 more since the last such line" in caplog.records[1].getMessage()
    assert "\n" not in caplog.records[0].getMessage()


def test_presses_of_strangers_are_answered_twenty_times_a_minute_all_together() -> None:
    strangers = Strangers()
    assert [strangers.may_answer_press(100.0 + at) for at in range(22)] == [True] * 20 + [False, False]
    assert not strangers.may_answer_press(159.9)
    assert strangers.may_answer_press(160.0)  # the first is a minute ago, the second not yet
    assert not strangers.may_answer_press(160.5)


def test_a_flood_of_senders_does_not_fill_the_memory() -> None:
    strangers = Strangers()
    for user_id in range(REMEMBERED + 1):
        strangers.refuse(written_by(user_id), 0.0)
    assert strangers.refuse(written_by(REMEMBERED), 1.0) is False
    assert strangers.refuse(written_by(0), 1.0) is True  # the oldest was forgotten
