"""Who may become the owner: only who writes the code."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

import pytest

from altmonitor.core.errors import SecondPoller
from altmonitor.core.types import Destination
from altmonitor.interfaces.delivery import BotIdentity
from altmonitor.ops.telegram import is_alone
from altmonitor.ops.wizard.chat_step import wait_for_code
from altmonitor.ops.wizard.pairing import ALPHABET, Claim, listen, new_code
from tests.movable_clock import MovableClock

CODE = "K7M2QX"
ANN: dict[str, object] = {"id": 77, "is_bot": False, "first_name": "Ann", "last_name": "Lee", "username": "ann"}


def written(text: str, *, chat: int = 77, kind: str = "private", number: int = 1, **more: object) -> dict[str, object]:
    title = {"first_name": "Ann"} if kind == "private" else {"title": "Traders"}
    message = {"text": text, "chat": {"id": chat, "type": kind, **title}, "from": ANN, **more}
    return {"update_id": number, "message": message}


@pytest.mark.parametrize(
    "text",
    [
        "K7M2QX",
        "k7m2qx",
        " K7M-2QX ",
        "k7m 2qx",
        "/start K7M2QX",
        "/pair K7M2QX",
        "/pair@MyBot k7m2qx",
        "/START@mybot K7M2QX",
    ],
)
def test_the_code_is_understood_however_it_is_written(text: str) -> None:
    heard = listen([written(text.replace("START", "start"))], code=CODE, bot_username="MyBot")
    assert [claim.destination for claim in heard.claims] == [Destination(chat_id=77)]


@pytest.mark.parametrize(
    "text",
    ["", "hello", "K7M2QY", "K7M2Q", "K7M2QXX", "my code is K7M2QX", "/pair@OtherBot K7M2QX", "/mute K7M2QX", "К7M2QX"],
)
def test_anything_else_is_only_counted(text: str) -> None:
    heard = listen([written(text)], code=CODE, bot_username="MyBot")
    assert heard.claims == ()
    assert heard.others == 1


def test_a_claim_says_where_and_by_whom() -> None:
    in_topic = written("/pair K7M2QX", chat=-1001, kind="supergroup", message_thread_id=42, is_topic_message=True)
    heard = listen([in_topic], code=CODE, bot_username="MyBot")
    assert heard.claims == (
        Claim(
            destination=Destination(chat_id=-1001, topic_id=42),
            kind="supergroup",
            title="Traders",
            user_id=77,
            user_name="Ann Lee (@ann)",
        ),
    )


def test_a_thread_of_replies_outside_a_forum_is_no_topic() -> None:
    reply = written("/pair K7M2QX", chat=-1001, kind="supergroup", message_thread_id=42)
    (claim,) = listen([reply], code=CODE, bot_username="MyBot").claims
    assert claim.destination == Destination(chat_id=-1001)


def test_channels_and_anonymous_administrators_name_no_user() -> None:
    post = {"update_id": 1, "channel_post": {"text": CODE, "chat": {"id": -1002, "type": "channel", "title": "News"}}}
    hidden = written(f"/pair {CODE}", chat=-1001, kind="supergroup", sender_chat={"id": -1001, "type": "supergroup"})
    heard = listen([post, hidden], code=CODE, bot_username="MyBot")
    assert [(claim.kind, claim.user_id) for claim in heard.claims] == [("channel", None), ("supergroup", None)]


def test_each_place_and_writer_is_listed_once_in_the_order_they_wrote() -> None:
    eve = {"id": 666, "is_bot": False, "first_name": "Eve"}
    updates = [
        written(CODE, number=1),
        written(CODE, number=2),
        {"update_id": 3, "message": {"text": CODE, "chat": {"id": 666, "type": "private"}, "from": eve}},
    ]
    heard = listen(updates, code=CODE, bot_username="MyBot")
    assert [claim.user_id for claim in heard.claims] == [77, 666]


def test_a_title_cannot_move_the_terminals_cursor() -> None:
    update = written("/pair " + CODE, chat=-1001, kind="group")
    message = update["message"]
    assert isinstance(message, dict)
    message["chat"] = {"id": -1001, "type": "group", "title": "a\x1b[2J\u202eb\nc"}
    (claim,) = listen([update], code=CODE, bot_username="MyBot").claims
    assert claim.title == "a�[2J�b�c"


@pytest.mark.parametrize(
    "odd", [{}, {"message": None}, {"message": "x"}, {"message": {"text": CODE}}, {"edited_message": {}}]
)
def test_odd_updates_are_nothing(odd: Mapping[str, object]) -> None:
    assert listen([odd], code=CODE, bot_username="MyBot").claims == ()


def test_codes_are_long_enough_and_hold_no_lookalikes() -> None:
    codes = {new_code() for _ in range(200)}
    assert len(codes) == 200
    assert all(len(code) == 6 and set(code) <= set(ALPHABET) for code in codes)
    assert not set(ALPHABET) & set("ILO01")


class PlayedBot:
    """Answers polls with what is due by the clock; a poll waits like Telegram's. conflicts: polls refused first."""

    def __init__(self, clock: MovableClock, *, conflicts: int = 0) -> None:
        self.clock = clock
        self.conflicts = conflicts
        self.waiting: list[dict[str, object]] = []
        self.offsets: list[int | None] = []
        self._news = asyncio.Event()

    def put(self, update: dict[str, object]) -> None:
        self.waiting.append(update)
        self._news.set()

    async def whoami(self) -> BotIdentity:
        return BotIdentity(id=1, username="MyBot")

    async def ask(self, method: str, **params: object) -> object:
        raise NotImplementedError(method)

    async def updates(
        self, *, offset: int | None, timeout_s: float, kinds: Sequence[str]
    ) -> Sequence[Mapping[str, object]]:
        self.offsets.append(offset)
        if offset is not None and offset > 0:
            self.waiting = [update for update in self.waiting if int(str(update["update_id"])) >= offset]
        if timeout_s and self.conflicts:
            self.conflicts -= 1
            raise SecondPoller("another program")
        if timeout_s and not self.waiting:
            self._news.clear()
            try:
                async with self.clock.timeout(timeout_s):
                    await self._news.wait()
            except TimeoutError:
                return []
        return list(self.waiting)


async def test_what_waits_from_before_is_neither_counted_nor_left_for_the_monitor() -> None:
    clock = MovableClock()
    bot = PlayedBot(clock)
    bot.put(written("hello", number=5))
    waiting = asyncio.create_task(
        wait_for_code(bot, code=CODE, bot_username="MyBot", clock=clock, stop=asyncio.Event())
    )
    await clock.advance(30)
    bot.put(written(CODE, number=6))
    await clock.advance(10)
    heard = await waiting
    assert [claim.user_id for claim in heard.claims] == [77]
    assert heard.others == 0
    assert bot.offsets[-1] == 7
    assert bot.waiting == []


async def test_a_code_written_before_the_first_look_counts() -> None:
    clock = MovableClock()
    bot = PlayedBot(clock)
    bot.put(written(CODE, number=6))
    waiting = asyncio.create_task(
        wait_for_code(bot, code=CODE, bot_username="MyBot", clock=clock, stop=asyncio.Event())
    )
    await clock.advance(5)
    assert len((await waiting).claims) == 1


async def test_the_waiting_ends_by_itself() -> None:
    clock = MovableClock()
    waiting = asyncio.create_task(
        wait_for_code(PlayedBot(clock), code=CODE, bot_username="MyBot", clock=clock, stop=asyncio.Event())
    )
    await clock.advance(119)
    assert not waiting.done()
    await clock.advance(2)
    assert (await waiting).claims == ()


async def test_one_conflict_is_forgiven_and_three_are_a_second_program() -> None:
    clock = MovableClock()
    bot = PlayedBot(clock, conflicts=2)
    forgiven = asyncio.create_task(
        wait_for_code(bot, code=CODE, bot_username="MyBot", clock=clock, stop=asyncio.Event())
    )
    await clock.advance(10)
    bot.put(written(CODE))
    await clock.advance(10)
    assert len((await forgiven).claims) == 1
    believed = asyncio.create_task(
        wait_for_code(PlayedBot(clock, conflicts=3), code=CODE, bot_username="MyBot", clock=clock, stop=asyncio.Event())
    )
    await clock.advance(10)
    with pytest.raises(SecondPoller):
        await believed


async def test_a_poll_left_in_peace_for_three_seconds_means_that_nobody_else_reads() -> None:
    clock = MovableClock()
    asking = asyncio.create_task(is_alone(PlayedBot(clock), ("message",), clock=clock))
    await clock.advance(2.9)
    assert not asking.done()
    await clock.advance(1.2)
    assert await asking is True


async def test_messages_that_wait_to_be_read_neither_hide_a_second_reader_nor_are_taken_away() -> None:
    clock = MovableClock()
    bot = PlayedBot(clock)
    bot.put(written("hello", number=5))
    asking = asyncio.create_task(is_alone(bot, ("message",), clock=clock))
    await clock.advance(1.2)
    assert not asking.done()
    bot.conflicts = 1
    await clock.advance(0.5)
    assert await asking is False
    assert [update["update_id"] for update in bot.waiting] == [5]
    assert set(bot.offsets) == {None}


class ImpatientBot(PlayedBot):
    """Behind a mirror that answers every poll at once."""

    async def updates(
        self, *, offset: int | None, timeout_s: float, kinds: Sequence[str]
    ) -> Sequence[Mapping[str, object]]:
        self.offsets.append(offset)
        return []


async def test_polls_that_return_at_once_are_not_asked_again_and_again() -> None:
    clock = MovableClock()
    alone, pairing = ImpatientBot(clock), ImpatientBot(clock)
    asking = asyncio.create_task(is_alone(alone, ("message",), clock=clock))
    waiting = asyncio.create_task(
        wait_for_code(pairing, code=CODE, bot_username="MyBot", clock=clock, stop=asyncio.Event(), wait_s=60)
    )
    await clock.advance(90)
    assert await asking is True
    assert (await waiting).claims == ()
    assert len(alone.offsets) == 6, "in 3 s"
    assert len(pairing.offsets) <= 121, "in 60 s"
