"""Who may change settings in a group: asked at most once in ten minutes, and safe when Telegram does not say."""

import asyncio

import pytest

from altmonitor.core.errors import ChatUnreachable
from altmonitor.core.types import Destination
from altmonitor.telegram.access import Admins
from altmonitor.telegram.types import Incoming
from tests.fakes import T0
from tests.movable_clock import MovableClock

GROUP = -1001


class Source:
    def __init__(self) -> None:
        self.admins = frozenset({7})
        self.asked = 0
        self.is_down = False

    async def administrators(self, chat_id: int) -> frozenset[int]:
        self.asked += 1
        if self.is_down:
            raise ChatUnreachable("no answer", outcome_unknown=True)
        return self.admins


def written_by(user_id: int) -> Incoming:
    return Incoming(
        text="/mute sol",
        destination=Destination(chat_id=GROUP),
        user_id=user_id,
        user_name="x",
        message_id=1,
        date_ms=T0,
        chat_type="supergroup",
    )


async def test_the_list_is_asked_for_again_after_ten_minutes() -> None:
    clock, source = MovableClock(), Source()
    admins = Admins(source.administrators, clock=clock, is_required=True)
    assert await admins.may_change(written_by(7))
    source.admins = frozenset({8})
    await clock.advance(599)
    assert await admins.may_change(written_by(7))
    assert not await admins.may_change(written_by(8))
    await clock.advance(1)
    assert await admins.may_change(written_by(8))
    assert source.asked == 2


async def test_nobody_is_one_before_telegram_said_so_and_those_who_were_stay_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock, source = MovableClock(), Source()
    admins = Admins(source.administrators, clock=clock, is_required=True)
    source.is_down = True
    assert not await admins.may_change(written_by(7))
    assert not await admins.may_change(written_by(7))
    assert source.asked == 1
    source.is_down = False
    await clock.advance(60)
    assert await admins.may_change(written_by(7))
    source.is_down = True
    await clock.advance(600)
    assert await admins.may_change(written_by(7))
    assert caplog.text.count("the administrators of chat -1001 are not known: no answer") == 2


async def test_a_list_that_does_not_come_in_time_has_its_reason_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    clock = MovableClock()

    async def never(chat_id: int) -> frozenset[int]:
        await clock.sleep(3_600)
        return frozenset({7})

    asking = asyncio.create_task(Admins(never, clock=clock, is_required=True).may_change(written_by(7)))
    await clock.advance(60)
    assert not await asking
    assert caplog.messages == ["the administrators of chat -1001 are not known: no answer in time"]


async def test_in_a_group_that_is_not_for_administrators_only_nobody_is_asked() -> None:
    source = Source()
    assert await Admins(source.administrators, clock=MovableClock(), is_required=False).may_change(written_by(8))
    assert source.asked == 0
