"""The status message of a chat: one, edited at most once a minute and only when it says something else."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from altmonitor.core.errors import (
    ChatClosed,
    ChatMoved,
    ChatUnreachable,
    DeliveryError,
    MessageRefused,
    StorageError,
    TopicClosed,
)
from altmonitor.core.types import Destination
from altmonitor.delivery.deps import DeliveryDeps
from altmonitor.delivery.dispatcher import Dispatcher
from altmonitor.delivery.status_message import StatusBoard
from altmonitor.render.status import Board
from altmonitor.storage.memory import MemoryStore
from tests.delivery.chat_fakes import FakeChannel, PlainRenderer
from tests.e2e.stage import READER, stage
from tests.movable_clock import MovableClock
from tests.storage.samples import GROUP, PRIVATE, TOPIC, pump

MEMORY = "status_messages"


class Remembered:
    """What outlives a restart."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}
        self.is_broken = False

    async def meta_get(self, key: str) -> str | None:
        return self.values.get(key)

    async def meta_set(self, key: str, value: str) -> None:
        if self.is_broken:
            raise StorageError("the disk is full")
        self.values[key] = value


class Pins:
    """What is pinned where; with `problems` set, raises them first."""

    def __init__(self) -> None:
        self.pinned: list[tuple[Destination, int]] = []
        self.problems: list[DeliveryError] = []

    async def pin(self, destination: Destination, message_id: int) -> None:
        if self.problems:
            raise self.problems.pop(0)
        self.pinned.append((destination, message_id))

    async def unpin(self, destination: Destination, message_id: int) -> None:
        self.pinned.remove((destination, message_id))


class House:
    """A board over a real dispatcher and a chat service that keeps Telegram's limits."""

    def __init__(self, remembered: Remembered | None = None) -> None:
        self.clock = MovableClock()
        self.remembered = remembered or Remembered()
        self.store = MemoryStore(clock=self.clock, destinations=(PRIVATE, GROUP))
        self.channel = FakeChannel(self.clock)
        self.state = "fine"
        self.dispatcher = Dispatcher(
            DeliveryDeps(outbox=self.store, channel=self.channel, renderer=PlainRenderer(), clock=self.clock),
            self.store.destinations,
        )
        self.pins = Pins()
        bot: Any = self.pins
        self.board = StatusBoard(
            clock=self.clock, chats=self.dispatcher, bot=bot, memory=self.remembered, board=self._board_now
        )

    def _board_now(self, where: Destination) -> Board:
        at_s = round(self.clock.monotonic() - 1_000)
        return Board(
            html=f"{self.state} at {at_s}",
            ended_html=f"ended: {self.state}",
            essence=self.state,
            not_pinned_html="may not pin",
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(self.board.run()), asyncio.create_task(self.dispatcher.run())]
        await self.clock.settle()
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await self.clock.advance(5)
            await asyncio.wait(tasks)

    @property
    def said(self) -> list[tuple[str, int]]:
        """(what, message id) of messages and edits."""
        return [(f"{'edit ' if said.is_edit else ''}{said.html}", said.message_id) for said in self.channel.said]


async def test_a_status_message_answers_the_command_and_is_edited_when_it_says_something_else() -> None:
    house = House()
    async with house.running():
        house.board.keep(PRIVATE, reply_to=5)
        await house.clock.advance(0.5)
        assert house.said == [("fine at 0", 1000)]
        assert house.channel.said[0].reply_to == 5
        assert house.remembered.values == {MEMORY: '{"77":1000}'}
        await house.clock.advance(600)
        assert len(house.said) == 1
        house.state = "blind"
        await house.clock.advance(6)
        assert [what for what, _ in house.said[1:]] == ["edit blind at 605"]
        assert house.said[1][1] == 1000


async def test_a_state_that_flaps_is_edited_once_a_minute_and_ends_right() -> None:
    house = House()
    async with house.running():
        house.board.keep(PRIVATE, reply_to=None)
        for second in range(600):
            house.state = f"state {second // 7}"
            await house.clock.advance(1)
        edits = [said for said in house.channel.said if said.is_edit]
        assert 9 <= len(edits) <= 10
        assert min(later.at_s - before.at_s for before, later in itertools.pairwise(edits)) >= 60
        await house.clock.advance(70)
        assert house.channel.said[-1].html.startswith("state 85")


async def test_off_ends_it_and_the_message_says_so() -> None:
    house = House()
    async with house.running():
        assert house.board.end(PRIVATE) is False
        house.board.keep(PRIVATE, reply_to=None)
        await house.clock.advance(3)
        assert house.board.end(PRIVATE) is True
        house.state = "blind"
        await house.clock.advance(300)
        assert house.said == [("fine at 0", 1000), ("edit ended: fine", 1000)]
        assert house.remembered.values == {MEMORY: "{}"}


async def test_asking_again_moves_it_to_the_end_of_the_chat() -> None:
    house = House()
    async with house.running():
        house.board.keep(PRIVATE, reply_to=None)
        await house.clock.advance(10)
        house.board.keep(PRIVATE, reply_to=None)
        await house.clock.advance(10)
        house.state = "blind"
        await house.clock.advance(70)
    assert sorted(house.said[:3]) == [("edit ended: fine", 1000), ("fine at 0", 1000), ("fine at 10", 1001)]
    assert house.said[3][0].startswith("edit blind")
    assert house.said[3][1] == 1001


async def test_it_survives_a_restart_with_the_same_message() -> None:
    remembered = Remembered()
    house = House(remembered)
    async with house.running():
        house.board.keep(TOPIC, reply_to=None)
        await house.clock.advance(10)
    again = House(remembered)
    async with again.running():
        await again.clock.advance(6)
        assert again.said == [("edit fine at 0", 1000)]
        assert again.channel.said[0].destination == TOPIC
        await again.clock.advance(300)
        assert len(again.said) == 1


async def test_a_restart_before_the_message_was_accepted_sends_it() -> None:
    house = House(Remembered())
    house.remembered.values[MEMORY] = '{"77":null}'
    async with house.running():
        await house.clock.advance(6)
        assert [what for what, _ in house.said] == ["fine at 0"]


@pytest.mark.parametrize("text", ["", "not json", '["77"]', '{"nowhere":1}', '{"77":"x"}'])
async def test_a_damaged_memory_is_forgotten(text: str) -> None:
    house = House(Remembered())
    house.remembered.values[MEMORY] = text
    async with house.running():
        await house.clock.advance(100)
        assert house.said == []
        house.board.keep(PRIVATE, reply_to=None)
        await house.clock.advance(6)
        assert len(house.said) == 1


async def test_a_message_that_was_deleted_is_not_kept_any_longer() -> None:
    house = House()
    async with house.running():
        house.board.keep(PRIVATE, reply_to=None)
        await house.clock.advance(61)
        house.channel.will_refuse(PRIVATE, MessageRefused("message to edit not found"))
        house.state = "blind"
        await house.clock.advance(600)
        assert len(house.channel.calls) == 2
        assert house.remembered.values == {MEMORY: "{}"}


async def test_a_message_in_a_chat_that_is_closed_is_edited_ever_more_rarely_and_goes_on_once_it_is_open() -> None:
    house = House()
    async with house.running():
        house.board.keep(PRIVATE, reply_to=None)
        await house.clock.advance(61)
        house.channel.will_refuse(PRIVATE, *[ChatClosed("kicked"), TopicClosed("TOPIC_CLOSED")] * 10)
        house.state = "blind"
        await house.clock.advance(6 * 3600)
        assert 5 <= len(house.channel.calls) <= 12
        house.channel.refuse.clear()
        await house.clock.advance(3600 + 6)
        assert len(house.said) == 2


async def test_an_edit_without_an_answer_is_tried_again_a_minute_later() -> None:
    house = House()
    async with house.running():
        house.board.keep(PRIVATE, reply_to=None)
        await house.clock.advance(61)
        house.channel.will_refuse(PRIVATE, ChatUnreachable("no answer", outcome_unknown=True))
        house.state = "blind"
        await house.clock.advance(130)
        assert house.said[1:] == [("edit blind at 125", 1000)]


async def test_a_telegram_that_is_down_for_hours_is_asked_ever_more_rarely_and_gets_its_message() -> None:
    house = House()
    async with house.running():
        house.channel.will_refuse(PRIVATE, *(ChatUnreachable("down", outcome_unknown=False) for _ in range(20)))
        house.board.keep(PRIVATE, reply_to=None)
        await house.clock.advance(4 * 3_600)
        assert len(house.said) == 1
        assert house.remembered.values == {MEMORY: '{"77":1000}'}


async def test_a_group_that_moves_gets_a_new_one() -> None:
    new = Destination(chat_id=-100_777)
    house = House()
    async with house.running():
        house.board.keep(GROUP, reply_to=None)
        await house.clock.advance(61)
        house.channel.will_refuse(GROUP, ChatMoved("moved", new_chat_id=-100_777))
        house.state = "blind"
        await house.clock.advance(6)
        house.board.moved(GROUP, new)
        await house.clock.advance(6)
        assert house.channel.said[-1].destination == new
        assert house.remembered.values == {MEMORY: '{"-100777":1001}'}


async def test_alerts_go_first_and_a_full_minute_leaves_no_room_for_edits() -> None:
    house = House()
    async with house.running():
        house.board.keep(GROUP, reply_to=None)
        await house.clock.advance(61)
        for number in range(16):
            house.dispatcher.reply(GROUP, [f"answer {number}"])
        await house.clock.advance(53)
        house.state = "blind"
        house.store.put(pump("SOLUSDT", at_ms=house.clock.now_ms()))
        await house.clock.advance(7)
        assert "SOLUSDT" in house.channel.texts(GROUP)
        assert not any(said.is_edit for said in house.channel.said)
        await house.clock.advance(120)
        assert sum(said.is_edit for said in house.channel.said) == 1
    assert house.channel.violations == []


async def test_a_full_disk_costs_only_the_memory() -> None:
    house = House()
    house.remembered.is_broken = True
    async with house.running():
        house.board.keep(PRIVATE, reply_to=None)
        await house.clock.advance(10)
        house.state = "blind"
        await house.clock.advance(70)
        assert [what.split(" at")[0] for what, _ in house.said] == ["fine", "edit blind"]


async def test_the_command_in_the_whole_program(tmp_path: Path) -> None:
    async with stage(tmp_path) as here:

        def write(text: str) -> None:
            here.telegram.inject_message(READER, text, user_id=READER)

        await here.is_live()
        write("/pin_status off")
        await here.said("has no status message", within_s=30)
        write("/pin_status")
        message = await here.said("Kept up to date", within_s=30)
        write("/set_pump 7")
        await here.until(lambda: "PUMP from 7 %" in message.text, within_s=150)
        write("/pin_status off")
        await here.until(lambda: "No longer kept up to date" in message.text, within_s=60)
        assert here.count("Settings") == 1


# --- pinned


async def test_the_message_is_pinned_once_it_is_there_and_unpinned_at_its_end() -> None:
    house = House()
    async with house.running():
        house.board.keep(PRIVATE, reply_to=None)
        await house.clock.advance(30)
        first = house.pins.pinned[0][1]
        assert house.pins.pinned == [(PRIVATE, first)]
        house.board.keep(PRIVATE, reply_to=None)  # another one takes its place
        await house.clock.advance(30)
        assert [message_id for _, message_id in house.pins.pinned] != [first]
        assert len(house.pins.pinned) == 1
        house.board.end(PRIVATE)
        await house.clock.advance(30)
        assert house.pins.pinned == []


async def test_a_message_that_may_not_be_pinned_is_kept_up_to_date_and_says_which_right_is_missing() -> None:
    house = House()
    house.pins.problems.append(MessageRefused("not enough rights to manage pinned messages in the chat"))
    async with house.running():
        house.board.keep(PRIVATE, reply_to=None)
        await house.clock.advance(120)
        assert [html for html, _ in house.said] == ["fine at 0", "may not pin"]
        house.state = "blind"
        await house.clock.advance(120)
        assert house.said[-1][0].startswith("edit blind")


async def test_pinning_is_tried_again_after_an_outage() -> None:
    house = House()
    house.pins.problems += [ChatUnreachable("down", outcome_unknown=False) for _ in range(3)]
    async with house.running():
        house.board.keep(PRIVATE, reply_to=None)
        await house.clock.advance(60)
        assert len(house.pins.pinned) == 1


async def test_the_real_bot_pins_without_a_sound(tmp_path: Path) -> None:
    async with stage(tmp_path) as here:
        await here.is_live()
        here.telegram.inject_message(READER, "/pin_status", user_id=READER)
        await here.until(lambda: bool(here.telegram.sent("pinChatMessage")), within_s=200)
        (asked,) = here.telegram.sent("pinChatMessage")
        assert asked.params["disable_notification"] in (True, "true")
        here.telegram.inject_message(READER, "/pin_status off", user_id=READER)
        await here.until(lambda: bool(here.telegram.sent("unpinChatMessage")), within_s=200)
