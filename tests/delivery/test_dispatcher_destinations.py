"""Destinations come and go while the program runs, and a forum topic may vanish under an alert."""

from altmonitor.core.causes import CauseCode
from altmonitor.core.errors import ChatMoved, MessageRefused, RetryLater, TopicClosed
from altmonitor.core.types import Destination
from tests.delivery.chat_fakes import PlainRenderer
from tests.delivery.dispatcher_kit import Bench, make, running
from tests.storage.samples import GROUP, PRIVATE, TOPIC

OTHER_TOPIC = Destination(chat_id=GROUP.chat_id, topic_id=6)
CLOSED = TopicClosed("message thread not found")


def use(bench: Bench, *destinations: Destination) -> None:
    bench.store.set_destinations(destinations)
    bench.dispatcher.set_destinations(bench.store.destinations)


async def test_a_chat_and_a_topic_that_are_added_get_the_next_alert() -> None:
    async with running(make(PRIVATE)) as bench:
        bench.put("AUSDT")
        await bench.said(1)
        use(bench, PRIVATE, GROUP, TOPIC)
        bench.put("BUSDT")
        await bench.said(4)
        assert bench.channel.texts(PRIVATE) == ["AUSDT", "BUSDT"]
        assert bench.channel.texts(GROUP) == bench.channel.texts(TOPIC) == ["BUSDT"]


async def test_one_that_is_removed_is_told_nothing_more_and_what_waited_for_it_is_given_up() -> None:
    async with running(make(PRIVATE, GROUP)) as bench:
        bench.channel.will_refuse(GROUP, RetryLater("asks to wait", retry_after_s=30))
        bench.put("AUSDT")
        await bench.said(1)
        use(bench, PRIVATE)
        bench.put("BUSDT")
        await bench.clock.advance(60)
        assert bench.channel.texts(GROUP) == []
        assert bench.store.outbox_status().queued == 0
        states = {sent.alert.symbol: sent.delivery for sent in await bench.store.recent(limit=5)}
        assert states == {"AUSDT": "expired", "BUSDT": "sent"}


async def test_a_removed_one_still_gets_its_answers_and_comes_back_clean() -> None:
    async with running(make(PRIVATE, GROUP)) as bench:
        use(bench, PRIVATE)
        bench.dispatcher.reply(GROUP, ["pong"])
        await bench.said(1)
        use(bench, PRIVATE, GROUP)
        bench.put("AUSDT")
        await bench.said(3)
        assert bench.channel.texts(GROUP) == ["pong", "AUSDT"]


async def test_a_message_on_its_way_when_its_topic_is_removed_is_recorded() -> None:
    async with running(make(GROUP, TOPIC)) as bench:
        bench.channel.delay_s = 2.0
        bench.put("AUSDT")
        await bench.clock.advance(6.0)
        use(bench, GROUP)
        await bench.clock.advance(60)
        assert bench.channel.texts(TOPIC) == ["AUSDT"]
        assert await bench.store.message_id_of(TOPIC, await bench.key("AUSDT")) == 1001


async def test_a_group_known_by_its_former_id_keeps_its_queue() -> None:
    async with running(make(GROUP)) as bench:
        bench.channel.will_refuse(GROUP, ChatMoved("the group moved", new_chat_id=-100777))
        bench.put("AUSDT")
        await bench.said(1)
        bench.dispatcher.set_destinations([GROUP, OTHER_TOPIC])
        for topic_id in (None, OTHER_TOPIC.topic_id):
            bench.dispatcher.notice(Destination(chat_id=GROUP.chat_id, topic_id=topic_id), "news")
        await bench.said(3)
        assert {said.destination.chat_id for said in bench.channel.said} == {-100777}


async def test_a_group_that_moved_while_no_alerts_were_wanted_there_comes_back_under_either_id() -> None:
    async with running(make(PRIVATE, GROUP)) as bench:
        bench.put("AUSDT")
        await bench.said(2)
        use(bench, PRIVATE)
        bench.channel.will_refuse(GROUP, ChatMoved("the group moved", new_chat_id=-100777))
        bench.dispatcher.reply(GROUP, ["pong"])
        await bench.said(3)
        supergroup = Destination(chat_id=-100777)
        assert await bench.store.message_id_of(supergroup, await bench.key("AUSDT")) is not None
        use(bench, PRIVATE, GROUP)
        bench.put("BUSDT")
        await bench.said(5)
        use(bench, PRIVATE, supergroup)
        bench.put("CUSDT")
        await bench.said(7)
        assert bench.channel.texts(supergroup) == ["pong", "BUSDT", "CUSDT"]
        assert bench.store.outbox_status().queued == 0


async def test_what_waited_for_a_removed_topic_is_given_up_although_the_group_moves_meanwhile() -> None:
    async with running(make(GROUP, TOPIC)) as bench:
        bench.channel.delay_s = 2.0
        bench.channel.will_refuse(GROUP, ChatMoved("the group moved", new_chat_id=-100777))
        bench.put("AUSDT")
        await bench.clock.advance(1.0)
        use(bench, GROUP)
        await bench.clock.advance(60)
        assert bench.channel.texts(Destination(chat_id=-100777)) == ["AUSDT"]
        assert bench.channel.texts(Destination(chat_id=-100777, topic_id=5)) == []
        assert bench.store.outbox_status().queued == 0


async def test_alerts_of_a_vanished_topic_come_in_the_chat_itself_and_that_is_told_once() -> None:
    async with running(make(TOPIC)) as bench:
        bench.channel.closed[TOPIC] = CLOSED
        bench.put("AUSDT", "BUSDT")
        await bench.said(2)
        bench.dispatcher.reply(TOPIC, ["pong"])
        await bench.said(3)
        assert bench.channel.texts(GROUP) == ["AUSDT", "BUSDT", "pong"]
        assert bench.happened == [(TOPIC, "lost: message thread not found")]
        assert await bench.store.message_id_of(TOPIC, await bench.key("AUSDT")) == 1000


async def test_a_topic_that_was_opened_again_is_found_and_its_next_loss_told_anew() -> None:
    async with running(make(TOPIC)) as bench:
        bench.channel.will_refuse(TOPIC, CLOSED)
        bench.put("AUSDT")
        await bench.said(1)
        await bench.clock.advance(15)
        bench.put("BUSDT")
        await bench.said(2)
        assert bench.channel.texts(TOPIC) == ["BUSDT"]
        bench.channel.will_refuse(TOPIC, CLOSED)
        bench.put("CUSDT")
        await bench.said(3)
        lost = (TOPIC, "lost: message thread not found")
        assert bench.happened == [lost, (TOPIC, "found: 1"), lost]


async def test_an_answer_into_a_vanished_topic_comes_in_the_chat_itself() -> None:
    async with running(make(PRIVATE)) as bench:
        bench.channel.will_refuse(TOPIC, CLOSED)
        bench.dispatcher.reply(TOPIC, ["pong"])
        await bench.said(1)
        assert bench.channel.texts(GROUP) == ["pong"]


async def test_buttons_that_are_refused_cost_the_buttons_and_not_the_alert() -> None:
    async with running(make(PRIVATE, renderer=PlainRenderer(has_buttons=True))) as bench:
        bench.channel.will_refuse(PRIVATE, MessageRefused("Button_data_invalid", code=CauseCode.BUTTONS))
        bench.put("AUSDT", "BUSDT")
        await bench.said(2)
        assert [(said.html, len(said.buttons)) for said in bench.channel.said] == [("AUSDT", 0), ("BUSDT", 1)]
