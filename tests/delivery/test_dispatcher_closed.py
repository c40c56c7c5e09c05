"""A chat or topic that is closed and opened again: its alerts wait, are tried again soon, and go on at once on the word
that it is open; how many came late or were given up is reported."""

from __future__ import annotations

from itertools import pairwise

from altmonitor.core.errors import ChatClosed, TopicClosed
from altmonitor.core.types import Destination
from altmonitor.delivery.deps import Resumption
from tests.delivery.dispatcher_kit import Bench, make, running
from tests.storage.samples import GROUP, PRIVATE, TOPIC

NO_RIGHTS = ChatClosed("Bad Request: not enough rights to send text messages to the chat")
KICKED = ChatClosed("Forbidden: bot was kicked from the supergroup chat")
TOPIC_CLOSED = TopicClosed("Bad Request: TOPIC_CLOSED")


def tries(bench: Bench, destination: Destination) -> list[float]:
    return [at_s for at_s, at in bench.channel.calls if at == destination]


def counts(bench: Bench) -> list[tuple[Destination, bool, int, int]]:
    return [(where, found.is_closed, found.late, found.given_up) for where, found in bench.resumptions]


async def test_alerts_wait_where_the_bot_may_not_write_and_are_tried_again_soon_and_ever_more_rarely() -> None:
    async with running(make(PRIVATE, GROUP)) as bench:
        bench.channel.closed[GROUP] = NO_RIGHTS
        bench.put("AUSDT")
        await bench.clock.advance(3_600)
        assert bench.channel.texts(PRIVATE) == ["AUSDT"]
        assert (bench.store.outbox_status().failed, bench.store.outbox_status().queued) == (0, 1)
        assert bench.happened == [(GROUP, f"closed: {NO_RIGHTS}")]
        pauses = [later - earlier for earlier, later in pairwise(tries(bench, GROUP))]
        assert 7.5 <= pauses[0] <= 15.1
        assert 150 <= pauses[-1] <= 300.1
        assert max(pauses) <= 300.1

        del bench.channel.closed[GROUP]
        await bench.clock.advance(301)
        assert bench.channel.texts(GROUP) == ["late digest: AUSDT"]
        assert counts(bench) == [(GROUP, True, 1, 0)]


async def test_on_the_word_that_the_bot_is_let_in_again_everything_goes_on_at_once_the_newest_first() -> None:
    for refusal in (NO_RIGHTS, KICKED):
        async with running(make(GROUP)) as bench:
            bench.channel.closed[GROUP] = refusal
            bench.put("AUSDT", "BUSDT")
            await bench.clock.advance(1_800)
            bench.put("CUSDT")
            await bench.clock.advance(30)
            del bench.channel.closed[GROUP]
            opened_s = bench.clock.monotonic()
            bench.dispatcher.opened(GROUP, is_certain=True)
            assert await bench.said(2, within_s=10) == ["CUSDT", "late digest: AUSDT BUSDT"]
            assert bench.channel.said[0].at_s - opened_s < 1.0
            bench.put("DUSDT")
            assert (await bench.said(3))[2] == "DUSDT"
            assert counts(bench) == [(GROUP, True, 3, 0)]


async def test_a_word_that_was_not_true_changes_nothing() -> None:
    async with running(make(GROUP)) as bench:
        bench.channel.closed[GROUP] = KICKED
        bench.put("AUSDT")
        await bench.clock.advance(3_600)
        before = len(tries(bench, GROUP))
        bench.dispatcher.opened(GROUP, is_certain=True)
        await bench.clock.advance(100)
        assert len(tries(bench, GROUP)) == before + 1
        assert bench.store.outbox_status().queued == 1
        bench.dispatcher.opened(PRIVATE, is_certain=True)  # of which nobody has heard


async def test_that_somebody_writes_there_is_a_hint_that_is_followed_once_a_minute() -> None:
    async with running(make(GROUP)) as bench:
        bench.channel.closed[GROUP] = NO_RIGHTS
        bench.put("AUSDT")
        await bench.clock.advance(3_600)
        before = len(tries(bench, GROUP))
        for _ in range(60):
            bench.dispatcher.opened(GROUP, is_certain=False)
            await bench.clock.advance(5)
        assert 4 <= len(tries(bench, GROUP)) - before <= 6


async def test_what_waited_longer_than_a_day_is_given_up_and_counted_while_the_chat_is_closed() -> None:
    async with running(make(PRIVATE, GROUP)) as bench:
        bench.channel.closed[GROUP] = KICKED
        bench.put("AUSDT", "BUSDT")
        await bench.clock.advance(20 * 3_600)
        bench.put("CUSDT")
        await bench.clock.advance(5 * 3_600)
        assert bench.store.outbox_status().queued == 1
        del bench.channel.closed[GROUP]
        bench.dispatcher.opened(GROUP, is_certain=True)
        await bench.clock.advance(5)
        assert bench.channel.texts(GROUP) == ["late digest: CUSDT"]
        assert counts(bench) == [(GROUP, True, 1, 2)]
        states = {sent.alert.symbol: sent.delivery for sent in await bench.store.recent(limit=5)}
        assert states == {"AUSDT": "expired", "BUSDT": "expired", "CUSDT": "sent"}


async def test_a_chat_that_is_closed_costs_nothing_while_there_is_nothing_to_say() -> None:
    async with running(make(PRIVATE)) as bench:
        bench.channel.will_refuse(PRIVATE, KICKED)
        bench.put("AUSDT")
        await bench.said(1)
        bench.channel.closed[PRIVATE] = KICKED
        bench.put("BUSDT")
        await bench.clock.advance(60)
        bench.dispatcher.set_destinations([])
        await bench.clock.advance(60)
        looks, calls = bench.store.looks, len(bench.channel.calls)
        await bench.clock.advance(4_000)
        assert bench.store.looks - looks <= 2
        assert len(bench.channel.calls) == calls


async def test_notices_wait_for_a_closed_chat_too_and_an_answer_there_does_not_put_off_the_next_try() -> None:
    async with running(make(GROUP)) as bench:
        bench.channel.closed[GROUP] = NO_RIGHTS
        bench.dispatcher.notice(GROUP, "blind")
        await bench.clock.advance(1)
        for _ in range(40):
            bench.dispatcher.reply(GROUP, ["pong"])
            await bench.clock.advance(10)
        assert bench.channel.said == []
        del bench.channel.closed[GROUP]
        await bench.clock.advance(301)
        assert bench.channel.texts(GROUP) == ["blind"]


async def test_an_answer_that_gets_through_lets_the_alerts_go_on() -> None:
    async with running(make(GROUP)) as bench:
        bench.channel.closed[GROUP] = NO_RIGHTS
        bench.put("AUSDT")
        await bench.clock.advance(120)
        del bench.channel.closed[GROUP]
        bench.dispatcher.reply(GROUP, ["pong"])
        assert await bench.said(2, within_s=5) == ["pong", "AUSDT"]
        assert counts(bench) == [(GROUP, True, 1, 0)]


async def test_alerts_of_a_closed_topic_come_in_the_general_one_until_somebody_writes_in_the_topic() -> None:
    for is_certain in (True, False):
        async with running(make(TOPIC)) as bench:
            bench.channel.closed[TOPIC] = TOPIC_CLOSED
            bench.put("AUSDT")
            await bench.said(1)
            await bench.clock.advance(7_200)
            bench.put("BUSDT")
            await bench.said(2)
            del bench.channel.closed[TOPIC]
            bench.put("CUSDT")
            await bench.said(3)
            assert bench.channel.texts(GROUP) == ["AUSDT", "BUSDT", "CUSDT"]
            bench.dispatcher.opened(TOPIC, is_certain=is_certain)
            bench.put("DUSDT")
            await bench.said(4)
            assert bench.channel.texts(TOPIC) == ["DUSDT"]
            assert bench.happened == [(TOPIC, f"lost: {TOPIC_CLOSED}"), (TOPIC, "found: 3")]


async def test_a_general_topic_that_is_closed_holds_its_alerts_and_not_those_of_another_topic() -> None:
    async with running(make(GROUP, TOPIC)) as bench:
        bench.channel.closed[GROUP] = TOPIC_CLOSED
        bench.put("AUSDT")
        await bench.clock.advance(60)
        assert bench.channel.texts(TOPIC) == ["AUSDT"]
        assert (bench.store.outbox_status().failed, bench.store.outbox_status().queued) == (0, 1)
        del bench.channel.closed[GROUP]
        bench.dispatcher.opened(GROUP, is_certain=True)
        await bench.clock.advance(2)
        assert bench.channel.texts(GROUP) == ["AUSDT"]


async def test_a_topic_and_the_general_one_that_are_both_closed_hold_the_alert() -> None:
    async with running(make(TOPIC)) as bench:
        bench.channel.closed |= {TOPIC: TOPIC_CLOSED, GROUP: TOPIC_CLOSED}
        bench.put("AUSDT")
        await bench.clock.advance(60)
        assert (bench.store.outbox_status().failed, bench.store.outbox_status().queued) == (0, 1)
        bench.channel.closed.clear()
        bench.dispatcher.opened(TOPIC, is_certain=True)
        await bench.clock.advance(3)
        assert bench.channel.texts(TOPIC) == ["AUSDT"]


async def test_what_waited_for_a_second_is_not_called_late() -> None:
    async with running(make(PRIVATE)) as bench:
        bench.channel.will_refuse(PRIVATE, KICKED)
        bench.put("AUSDT")
        await bench.clock.advance(0.5)
        bench.dispatcher.opened(PRIVATE, is_certain=True)
        await bench.said(1)
        ((where, resumption),) = bench.resumptions
        assert where == PRIVATE
        assert isinstance(resumption, Resumption)
        assert (resumption.is_closed, resumption.late, resumption.given_up) == (True, 0, 0)
