"""What was pressed under an alert stands there, and stays there; and pictures that follow, but never get in the way."""

from altmonitor.core.errors import ChatUnreachable, MessageRefused, RetryLater
from altmonitor.core.types import Destination
from altmonitor.delivery.presses import PressMemory
from altmonitor.interfaces.delivery import Press
from tests.delivery.chat_fakes import PlainRenderer
from tests.delivery.dispatcher_kit import Bench, make, running
from tests.storage.samples import GROUP, NOW_MS, PRIVATE

MUTE = Press(action="mute", by="anna", at_ms=NOW_MS)
WHY = Press(action="why", by="bob", at_ms=NOW_MS)


def with_buttons(*destinations: Destination) -> Bench:
    return make(*destinations, renderer=PlainRenderer(has_buttons=True))


def memory_of(bench: Bench) -> PressMemory:
    assert bench.deps.presses is not None
    return bench.deps.presses


async def press(bench: Bench, press: Press) -> None:
    await memory_of(bench).add(PRIVATE, 1, press)
    bench.dispatcher.pressed(PRIVATE, "A", 1000)


async def test_a_press_is_shown_and_still_there_after_a_later_edit_and_the_buttons_too() -> None:
    async with running(with_buttons(PRIVATE)) as bench:
        bench.put("AUSDT", key="A")
        await bench.said(1)
        await press(bench, MUTE)
        await bench.said(2)
        await bench.learn("A", lsr=1.5)
        await bench.said(3)
        assert bench.edits() == ["AUSDT mute:anna", "AUSDT lsr=1.5 mute:anna"]
        assert [said.buttons[0][0].data for said in bench.channel.said] == ["press:1"] * 3


async def test_a_press_under_a_message_of_an_earlier_run_is_shown_with_the_older_ones() -> None:
    bench = with_buttons(PRIVATE)
    async with running(bench):
        bench.put("AUSDT", key="A")
        await bench.said(1)
        await press(bench, MUTE)
        await bench.said(2)
    await bench.clock.advance(5)
    bench.begin_again()
    async with running(bench):
        await press(bench, WHY)
        await bench.said(3)
        assert bench.edits()[-1] == "AUSDT mute:anna why:bob"
        assert bench.channel.said[-1].message_id == 1000


async def test_what_is_learned_later_is_shown_in_a_message_of_an_earlier_run_but_not_in_its_digests() -> None:
    bench = make(PRIVATE)
    async with running(bench):
        bench.put("AUSDT", key="A")
        await bench.said(1)
        for number in range(30):
            bench.put(f"C{number}USDT", key=f"C{number}")
        await bench.until(lambda: bench.store.outbox_status().queued == 0)
    bench.channel.said.clear()
    await bench.clock.advance(60)
    bench.begin_again()
    async with running(bench):
        await bench.learn("C3", lsr=1.5)
        await bench.learn("A", lsr=1.5)
        await bench.clock.advance(40)
        assert [(said.html, said.is_edit, said.message_id) for said in bench.channel.said] == [
            ("AUSDT lsr=1.5", True, 1000)
        ]


async def test_what_may_be_a_repetition_goes_on_saying_so_when_a_later_run_edits_it() -> None:
    bench = with_buttons(PRIVATE)
    async with running(bench):
        bench.channel.will_refuse(PRIVATE, ChatUnreachable("no answer in time", outcome_unknown=True))
        bench.put("AUSDT", key="A")
        await bench.until(lambda: bench.store.outbox_status().queued == 0)
        assert bench.channel.said[-1].html == "AUSDT again#1"
        message_id = bench.channel.said[-1].message_id
    for is_pressed in (False, True):
        await bench.clock.advance(60)
        bench.begin_again()
        async with running(bench):
            if is_pressed:
                await memory_of(bench).add(PRIVATE, 1, MUTE)
                bench.dispatcher.pressed(PRIVATE, "A", message_id)
            else:
                await bench.learn("A", lsr=1.5)
            await bench.clock.advance(30)
    assert bench.edits() == ["AUSDT lsr=1.5 again#1", "AUSDT lsr=1.5 mute:anna again#1"]


async def test_a_press_waits_for_a_chat_that_is_busy_and_is_not_forgotten() -> None:
    async with running(with_buttons(PRIVATE)) as bench:
        bench.put("AUSDT", key="A")
        await bench.said(1)
        bench.channel.will_refuse(
            PRIVATE,
            RetryLater("asks to wait", retry_after_s=60),
            ChatUnreachable("no answer", outcome_unknown=True),
        )
        await press(bench, MUTE)
        await bench.clock.advance(150)
        assert bench.edits() == ["AUSDT mute:anna"]


async def test_a_message_that_cannot_be_edited_any_more_is_left_alone() -> None:
    async with running(with_buttons(PRIVATE)) as bench:
        bench.put("AUSDT", key="A")
        await bench.said(1)
        bench.channel.will_refuse(PRIVATE, MessageRefused("message to edit not found"))
        await press(bench, MUTE)
        await bench.clock.advance(10)
        calls = len(bench.channel.calls)
        await bench.learn("A", lsr=1.5)
        await bench.clock.advance(60)
        assert (bench.edits(), len(bench.channel.calls)) == ([], calls)


async def test_the_same_button_pressed_twice_by_one_person_stands_there_once() -> None:
    memory = memory_of(with_buttons(PRIVATE))
    await memory.add(PRIVATE, 1, MUTE)
    await memory.add(PRIVATE, 1, WHY)
    later = Press(action="mute", by="anna", at_ms=NOW_MS + 60_000)
    await memory.add(PRIVATE, 1, later)
    assert await memory.of(PRIVATE, 1) == (WHY, later)
    assert await memory.of(GROUP, 1) == ()


async def test_only_the_last_five_presses_of_the_last_200_alerts_are_kept_and_names_are_cut() -> None:
    memory = memory_of(with_buttons(PRIVATE))
    for number in range(7):
        await memory.add(PRIVATE, 1, Press(action="why", by=f"{number}" + "x" * 50, at_ms=NOW_MS))
    kept = await memory.of(PRIVATE, 1)
    assert [press.by[0] for press in kept] == ["2", "3", "4", "5", "6"]
    assert {len(press.by) for press in kept} == {32}
    for alert_id in range(2, 202):
        await memory.add(PRIVATE, alert_id, WHY)
    assert await memory.of(PRIVATE, 1) == ()


async def test_an_answered_question_loses_its_buttons_and_keeps_its_text() -> None:
    async with running(make(PRIVATE)) as bench:
        bench.dispatcher.close_question(PRIVATE, 77)
        await bench.said(1)
        assert [(said.is_edit, said.message_id, said.buttons) for said in bench.channel.said] == [(True, 77, ())]


# --- pictures


async def test_a_picture_follows_without_a_bell_as_a_reply_and_an_asked_one_comes_as_an_answer() -> None:
    async with running(make(PRIVATE)) as bench:
        bench.put("AUSDT")
        await bench.said(1)
        assert bench.sent == [(PRIVATE, "AUSDT", 1000)]
        bench.dispatcher.picture(PRIVATE, b"png", caption_html="chart", reply_to=1000, is_asked=False)
        bench.dispatcher.picture(PRIVATE, b"asked", caption_html="/chart", reply_to=7, is_asked=True)
        await bench.said(3)
        assert [(said.png, said.silent, said.reply_to) for said in bench.channel.said[1:]] == [
            (b"asked", False, 7),
            (b"png", True, 1000),
        ]


async def test_a_text_waits_at_most_a_second_for_a_picture() -> None:
    async with running(make(GROUP)) as bench:
        bench.put("AUSDT")
        await bench.said(1)
        bench.dispatcher.picture(GROUP, b"png", caption_html="", reply_to=None, is_asked=False)
        await bench.said(2)
        bench.put("BUSDT")
        await bench.said(3)
        assert 1.0 <= bench.channel.said[2].at_s - bench.channel.said[1].at_s <= 1.2


async def test_a_picture_that_could_not_follow_in_time_does_not_follow() -> None:
    async with running(make(GROUP)) as bench:
        bench.put("AUSDT")
        await bench.said(1)
        bench.channel.will_refuse(GROUP, RetryLater("asks to wait", retry_after_s=25))
        bench.put("BUSDT")
        await bench.clock.advance(5)
        bench.dispatcher.picture(GROUP, b"png", caption_html="", reply_to=None, is_asked=False)
        await bench.clock.advance(60)
        assert [said.png for said in bench.channel.said] == [None, None]


async def test_there_are_no_pictures_in_a_storm_and_none_for_what_leaves_in_a_digest() -> None:
    async with running(make(GROUP)) as bench:
        bench.put(*(f"C{number}USDT" for number in range(30)))
        await bench.said(1)
        bench.dispatcher.picture(GROUP, b"png", caption_html="", reply_to=None, is_asked=False)
        await bench.clock.advance(60)
        assert [said.png for said in bench.channel.said] == [None]
        assert bench.sent == []


async def test_a_refused_picture_is_dropped_and_nothing_is_wrong_with_the_chat() -> None:
    async with running(make(PRIVATE)) as bench:
        bench.channel.will_refuse(PRIVATE, MessageRefused("PHOTO_INVALID_DIMENSIONS"))
        bench.dispatcher.picture(PRIVATE, b"png", caption_html="", reply_to=None, is_asked=False)
        await bench.clock.advance(30)
        assert len(bench.channel.calls) == 1
        assert bench.happened == []
