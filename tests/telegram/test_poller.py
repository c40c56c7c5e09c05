"""The listener on a simulated Telegram, over real sockets."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from altmonitor.core.errors import TokenRefused
from altmonitor.core.types import Destination
from altmonitor.interfaces.delivery import BotIdentity
from altmonitor.telegram.access import AllowedSenders
from altmonitor.telegram.poller import KINDS, CommandListener, HandledTexts
from altmonitor.telegram.types import Incoming
from tests.movable_clock import MovableClock
from tests.telegram.bot import GROUP, T0
from tests.telegram.listening import Recorder, scene


async def test_a_command_reaches_the_handler_with_all_that_is_known_of_it() -> None:
    allowed = AllowedSenders(chat_ids=frozenset({GROUP}))
    async with scene(allowed=allowed) as s, s.running():
        await s.polls(1)
        s.sim.inject_message(GROUP, "/mute@altmonitorBOT SOL", user_id=7, user_name="ann", thread_id=3, date_ms=T0)
        await s.seen.until(lambda: s.seen.handled)

        assert s.seen.handled == [
            Incoming(
                text="/mute SOL",
                destination=Destination(chat_id=GROUP, topic_id=3),
                user_id=7,
                user_name="ann",
                message_id=1,
                date_ms=T0,
                written_ms=T0,
                is_edited=False,
                chat_type="supergroup",
            )
        ]
        assert s.sim.updates.allowed == list(KINDS)


async def test_commands_come_in_order_and_each_once() -> None:
    async with scene() as s, s.running():
        for number in range(1, 6):
            s.sim.inject_message(5, f"/cooldown {number}", user_id=5)
        await s.seen.until(lambda: len(s.seen.handled) == 5)
        await s.polls(2)
        assert s.seen.texts == ["/cooldown 1", "/cooldown 2", "/cooldown 3", "/cooldown 4", "/cooldown 5"]
        assert s.sim.updates.pending == 0


async def test_a_restart_neither_repeats_nor_loses_commands() -> None:
    async with scene() as s:
        async with s.running():
            s.sim.inject_message(5, "/one", user_id=5)
            await s.seen.until(lambda: s.seen.texts == ["/one"])
        # stopped before the next poll could confirm the first
        s.sim.inject_message(5, "/two", user_id=5)
        async with s.running():
            await s.seen.until(lambda: len(s.seen.handled) == 2)
            await s.polls(1)
        assert s.seen.texts == ["/one", "/two"]


async def test_a_crash_during_a_command_repeats_that_command_alone() -> None:
    async with scene() as s:
        hang = asyncio.Event()

        async def get_stuck(incoming: Incoming) -> None:
            if incoming.text == "/two":
                await hang.wait()

        s.seen.on_handle = get_stuck
        async with s.running():
            s.sim.inject_message(5, "/one", user_id=5)
            s.sim.inject_message(5, "/two", user_id=5)
            await s.seen.until(lambda: len(s.seen.handled) == 2)
        s.seen.on_handle = None
        async with s.running():
            await s.seen.until(lambda: len(s.seen.handled) == 3)
        assert s.seen.texts == ["/one", "/two", "/two"]


async def test_numbers_that_start_again_lower_are_not_taken_for_repeats() -> None:
    async with scene() as s:
        async with s.running():
            s.sim.inject_message(5, "/one", user_id=5)
            await s.seen.until(lambda: s.seen.texts == ["/one"])
            await s.polls(1)
            s.sim.updates.renumber(4_000_000)
            s.sim.inject_message(5, "/two", user_id=5)
            s.sim.inject_message(5, "/three", user_id=5)
            await s.seen.until(lambda: len(s.seen.handled) == 3)
            await s.polls(2)  # the first of them confirms, and has been answered
        s.sim.updates.renumber(1_000)
        s.sim.inject_message(5, "/four", user_id=5)
        async with s.running():
            await s.seen.until(lambda: len(s.seen.handled) == 4)
        assert s.seen.texts == ["/one", "/two", "/three", "/four"]


async def test_a_queue_renumbered_between_two_polls_is_read_from_its_start() -> None:
    async with scene() as s:
        listener = s.listener()
        async with s.running(listener):
            s.sim.inject_message(5, "/one", user_id=5)
            await s.seen.until(lambda: s.seen.texts == ["/one"])
            await s.polls(2)  # the first of them confirms, and has been answered
        s.sim.updates.renumber(4_000_000)
        s.sim.inject_message(5, "/two", user_id=5)
        async with s.running(listener):
            await s.seen.until(lambda: len(s.seen.handled) == 2)
        assert s.seen.texts == ["/one", "/two"]


async def test_old_commands_are_told_in_one_list_and_not_carried_out() -> None:
    async with scene() as s:
        s.sim.inject_message(5, "/mute SOL", user_id=5, date_ms=T0 - 3_600_000)
        s.sim.inject_message(5, "hello?", user_id=5, date_ms=T0 - 3_500_000)
        s.sim.inject_message(5, "/set_pump 5", user_id=5, date_ms=T0 - 301_000)
        s.sim.inject_message(5, "/status", user_id=5, date_ms=T0 - 60_000)
        async with s.running():
            await s.seen.until(lambda: s.seen.handled)
            await s.polls(1)
        assert [[missed.text for missed in told] for told in s.seen.missed] == [["/mute SOL", "/set_pump 5"]]
        assert s.seen.texts == ["/status"]


async def test_a_long_backlog_is_still_one_list() -> None:
    async with scene() as s:
        for number in range(230):
            s.sim.inject_message(5, f"/mute {number}", user_id=5, date_ms=T0 - 3_600_000)
        async with s.running():
            await s.seen.until(lambda: s.seen.missed)
            await s.polls(1)
        assert [len(told) for told in s.seen.missed] == [230]
        assert s.seen.handled == []


async def test_what_arrives_while_listening_is_new_whatever_the_clocks_say() -> None:
    async with scene() as s, s.running():
        await s.polls(2)
        s.sim.inject_message(5, "/status", user_id=5, date_ms=T0 - 3_600_000)
        await s.seen.until(lambda: s.seen.handled)
        assert s.seen.missed == []


async def test_a_button_pressed_while_away_is_ignored_and_a_live_one_is_not() -> None:
    async with scene() as s:
        message_id = await s.channel.send(Destination(chat_id=5), "x")
        s.sim.inject_callback(5, "old", message_id=message_id, user_id=5)
        async with s.running():
            await s.polls(2)
            press = s.sim.inject_callback(5, "new", message_id=message_id, user_id=5)
            await s.seen.until(lambda: s.seen.handled)
        assert [(incoming.text, incoming.press_id) for incoming in s.seen.handled] == [("new", press)]


async def test_strangers_get_silence_and_one_line_an_hour(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, logger="altmonitor")
    async with scene() as s, s.running() as listener:
        for _ in range(3):
            s.sim.inject_message(66, "/status", user_id=66, user_name="mallory")
        s.sim.inject_message(5, "/status", user_id=5)
        await s.seen.until(lambda: s.seen.handled)

        assert [incoming.user_id for incoming in s.seen.handled] == [5]
        assert listener.strangers.count == 3
        assert [record.getMessage().split(":")[0] for record in caplog.records] == [
            "ignored a message of 'mallory' (user 66) in chat 66"
        ]
        assert not s.sim.chats[66]


async def test_with_user_ids_these_users_may_change_in_any_chat_and_others_of_an_allowed_one_may_read() -> None:
    allowed = AllowedSenders(chat_ids=frozenset({GROUP}), user_ids=frozenset({7}))
    async with scene(allowed=allowed) as s, s.running():
        s.sim.inject_message(GROUP, "/one", user_id=8)
        s.sim.inject_message(GROUP, "/two", user_id=7)
        s.sim.inject_message(7, "/three", user_id=7)
        s.sim.inject_message(GROUP, "/four", user_id=None)
        s.sim.inject_message(8, "/five", user_id=8)
        s.sim.inject_message(GROUP, "/six", user_id=7)
        await s.seen.until(lambda: "/six" in s.seen.texts)
        assert [(incoming.text, incoming.may_change) for incoming in s.seen.handled] == [
            ("/one", False),
            ("/two", True),
            ("/three", True),
            ("/four", False),
            ("/six", True),
        ]


async def test_without_user_ids_everybody_in_an_allowed_chat_may_change() -> None:
    async with scene(allowed=AllowedSenders(chat_ids=frozenset({GROUP}))) as s, s.running():
        s.sim.inject_message(GROUP, "/one", user_id=8)
        await s.seen.until(lambda: s.seen.handled)
        assert s.seen.handled[0].may_change


async def test_in_groups_for_administrators_only_others_may_read_and_hidden_ones_may_change() -> None:
    async with scene(allowed=AllowedSenders(chat_ids=frozenset({GROUP, 5}))) as s:
        s.sim.set_admins(GROUP, 7)
        async with s.running(s.listener(is_admins_only=True)):
            s.sim.inject_message(GROUP, "/admin", user_id=7)
            s.sim.inject_message(GROUP, "/member", user_id=8)
            s.sim.inject_message(GROUP, "/hidden", is_anonymous=True)
            s.sim.inject_message(5, "/private", user_id=5)
            await s.seen.until(lambda: len(s.seen.handled) == 4)
            assert {incoming.text: incoming.may_change for incoming in s.seen.handled} == {
                "/admin": True,
                "/member": False,
                "/hidden": True,
                "/private": True,
            }
            assert len(s.sim.sent("getChatAdministrators")) == 1


async def test_a_channel_post_may_change_and_a_press_there_only_by_an_administrator() -> None:
    async with scene(allowed=AllowedSenders(chat_ids=frozenset({GROUP}))) as s:
        s.sim.inject_message(GROUP, "/post", user_id=None, chat_type="channel")
        s.sim.set_admins(GROUP, 7)
        message_id = await s.channel.send(Destination(chat_id=GROUP), "x")
        async with s.running(s.listener(is_admins_only=False)):
            await s.seen.until(lambda: s.seen.handled)
            s.sim.inject_callback(GROUP, "of a reader", message_id=message_id, user_id=8)
            s.sim.inject_callback(GROUP, "of an admin", message_id=message_id, user_id=7)
            await s.seen.until(lambda: len(s.seen.handled) == 3)
        assert {incoming.text: incoming.may_change for incoming in s.seen.handled} == {
            "/post": True,
            "of a reader": False,
            "of an admin": True,
        }


async def test_strangers_presses_and_those_from_before_the_start_are_handed_on_to_be_answered() -> None:
    async with scene() as s:
        theirs = await s.channel.send(Destination(chat_id=66), "x")
        ours = await s.channel.send(Destination(chat_id=5), "x")
        s.sim.inject_callback(5, "old", message_id=ours, user_id=5)
        async with s.running():
            await s.seen.until(lambda: s.seen.unheard_presses)
            await s.polls(1)
            s.sim.inject_callback(66, "strange", message_id=theirs, user_id=66)
            await s.seen.until(lambda: len(s.seen.unheard_presses) == 2)
        assert [(press.text, is_stranger) for press, is_stranger in s.seen.unheard_presses] == [
            ("old", False),
            ("strange", True),
        ]
        assert not s.seen.handled


async def test_talk_in_a_group_and_other_bots_commands_are_left_alone() -> None:
    allowed = AllowedSenders(chat_ids=frozenset({GROUP, 5}))
    async with scene(allowed=allowed) as s, s.running():
        s.sim.inject_message(GROUP, "what a day", user_id=7)
        s.sim.inject_message(GROUP, "/status@OtherBot", user_id=7)
        s.sim.inject_message(GROUP, "1/2 or /status", user_id=7)
        s.sim.inject_message(5, "what a day", user_id=5)
        s.sim.inject_message(GROUP, "/status", user_id=7, edited=True)
        await s.seen.until(lambda: len(s.seen.handled) == 2)
        assert [(i.text, i.is_edited) for i in s.seen.handled] == [("what a day", False), ("/status", True)]


async def test_an_edit_acts_only_when_its_text_is_another_than_what_was_handled() -> None:
    async with scene() as s, s.running():
        at = s.sim.inject_message(5, "/set_pump 5", user_id=5)
        s.sim.inject_message(5, "/set_pump 5", user_id=5, edited=True, message_id=at)  # a reaction, a preview
        s.sim.inject_message(5, "/set_pump 6", user_id=5, edited=True, message_id=at)
        s.sim.inject_message(5, "/set_pump 6", user_id=5, edited=True, message_id=at)
        s.sim.inject_message(5, "/set_pump 5", user_id=5, edited=True, message_id=at)
        s.sim.inject_message(5, "/status", user_id=5)
        await s.seen.until(lambda: "/status" in s.seen.texts)
        assert s.seen.texts == ["/set_pump 5", "/set_pump 6", "/set_pump 5", "/status"]


async def test_an_edit_of_what_is_older_than_five_minutes_is_left_alone() -> None:
    async with scene() as s, s.running():
        await s.polls(1)
        now_ms = s.clock.now_ms()
        s.sim.inject_message(5, "/set_pump 7", user_id=5, edited=True, date_ms=now_ms - 400_000)
        s.sim.inject_message(5, "/set_pump 8", user_id=5, edited=True, date_ms=now_ms - 86_400_000)
        s.sim.inject_message(5, "/set_pump 9", user_id=5, edited=True, date_ms=now_ms - 100_000)
        await s.seen.until(lambda: s.seen.texts)
        await s.polls(1)
        assert s.seen.texts == ["/set_pump 9"]


async def test_an_edit_after_a_restart_still_knows_what_was_handled() -> None:
    async with scene() as s:
        async with s.running():
            at = s.sim.inject_message(5, "/set_pump 5", user_id=5)
            await s.seen.until(lambda: s.seen.handled_texts)
        async with s.running():
            s.sim.inject_message(5, "/set_pump 5", user_id=5, edited=True, message_id=at)
            s.sim.inject_message(5, "/status", user_id=5)
            await s.seen.until(lambda: "/status" in s.seen.texts)
        assert s.seen.texts == ["/set_pump 5", "/status"]


async def test_the_age_of_what_is_corrected_is_told_by_telegrams_own_times_and_else_by_ours() -> None:
    handled = HandledTexts(Recorder())
    await handled.record(written(1, "/set_pump 5"))
    wrong = []
    for message_id, edited_s, our_s, expected in [
        (1, 300, 9_000, True),  # known: whatever our clock says
        (1, 301, 0, False),
        (2, 10, 300, True),
        (2, 10, 301, False),  # unknown, and the edit of long ago comes again
        (2, 10, None, True),  # it may have waited for us
        (2, 301, None, False),
    ]:
        edit = replace(written(message_id, "/set_pump 6"), is_edited=True, date_ms=T0 + edited_s * 1000)
        now_ms = None if our_s is None else T0 + our_s * 1000
        if handled.is_correction(edit, now_ms=now_ms) is not expected:
            wrong.append((message_id, edited_s, our_s))
    assert wrong == []
    assert not handled.is_correction(replace(written(2, "/x"), is_edited=True, written_ms=0), now_ms=T0)


async def test_what_is_remembered_of_handled_messages_has_an_end_and_holds_no_text() -> None:
    recorder = Recorder()
    handled = HandledTexts(recorder)
    for number in range(250):
        await handled.record(written(number + 1, "/set_pump 5"))
    assert recorder.handled_texts is not None
    assert "set_pump" not in recorder.handled_texts
    assert len(recorder.handled_texts) < 10_000
    again = HandledTexts(recorder)
    await again.load()
    found = [
        again.is_correction(replace(written(at, "/set_pump 5"), is_edited=True), now_ms=T0) for at in (50, 51, 250)
    ]
    assert found == [True, False, False]
    recorder.handled_texts = "damaged"
    await again.load()


def written(message_id: int, text: str) -> Incoming:
    where = Destination(chat_id=5)
    return Incoming(
        text=text, destination=where, user_id=5, user_name="ann", message_id=message_id, date_ms=T0, written_ms=T0
    )


async def test_a_failing_command_does_not_stop_the_next_one(caplog: pytest.LogCaptureFixture) -> None:
    async with scene() as s, s.running() as listener:

        async def fail(incoming: Incoming) -> None:
            if incoming.text == "/boom":
                raise RuntimeError("no")

        s.seen.on_handle = fail
        s.sim.inject_message(5, "/boom", user_id=5)
        s.sim.inject_message(5, "/status", user_id=5)
        await s.seen.until(lambda: len(s.seen.handled) == 2)
        await s.polls(1)
        assert listener.handler_failures == 1
        assert "a command failed: '/boom'" in caplog.text
        assert s.seen.failures == ["/boom"]


async def test_a_command_that_never_ends_is_given_up() -> None:
    async with scene(speed=200) as s, s.running() as listener:

        async def hang(incoming: Incoming) -> None:
            if incoming.text == "/hang":
                await asyncio.Event().wait()

        s.seen.on_handle = hang
        s.sim.inject_message(5, "/hang", user_id=5)
        s.sim.inject_message(5, "/status", user_id=5)
        await s.seen.until(lambda: s.seen.texts == ["/hang", "/status"])
        assert s.seen.failures == ["/hang"]
        assert listener.handler_failures == 1


async def test_a_token_that_never_worked_ends_the_loop_loudly() -> None:
    async with scene() as s:
        s.sim.faults.refuse_next("getMe", 401, times=2)
        with pytest.raises(TokenRefused):
            await s.listener().run()


async def test_a_token_that_worked_is_asked_again_and_what_was_written_meanwhile_is_carried_out() -> None:
    async with scene() as s, s.running():
        await s.polls(1)
        s.sim.faults.refuse_next("getUpdates", 401, times=3)
        s.sim.inject_message(5, "/status", user_id=5)
        await s.seen.until(lambda: s.seen.texts == ["/status"])
        assert s.seen.handled[0].user_id == 5


async def test_a_second_poller_is_told_once_and_its_end_once() -> None:
    async with scene(speed=60) as s, s.running():
        await s.polls(1)
        s.sim.faults.refuse_next("getUpdates", 409, times=5)
        await s.seen.until(lambda: s.seen.kinds == ["second_poller", "alone"])
        assert s.seen.events[1].at_ms - s.seen.events[0].at_ms >= 120_000
        assert "another program reads this bot's messages" in s.seen.events[0].reason


async def test_an_outage_is_told_once_and_commands_of_the_meantime_are_carried_out() -> None:
    async with scene(speed=60) as s, s.running() as listener:
        await s.polls(2)
        s.sim.faults.outage = "bad_gateway"
        await s.seen.until(lambda: s.seen.kinds == ["unreachable"])
        age_s = listener.last_ok_age_s()
        assert age_s is not None
        assert age_s >= 60
        s.sim.inject_message(5, "/status", user_id=5)
        s.sim.faults.outage = ""
        await s.seen.until(lambda: s.seen.handled)
        assert s.seen.kinds == ["unreachable", "reachable"]
        assert listener.last_ok_age_s() is not None


async def test_a_start_without_network_is_no_end() -> None:
    async with scene() as s:
        await s.sim.refuse_connections()
        async with s.running() as listener:
            await s.clock.sleep(5)
            assert listener.last_ok_age_s() is None
            await s.sim.accept_connections()
            s.sim.inject_message(5, "/status@AltmonitorBot", user_id=5)
            await s.seen.until(lambda: s.seen.handled)
        assert s.seen.texts == ["/status"]


async def test_a_flood_wait_on_polling_is_kept() -> None:
    async with scene() as s, s.running():
        s.sim.faults.refuse_next("getUpdates", 429, retry_after_s=30)
        await s.sim.wait_for(lambda: len(s.sim.sent("getUpdates")) >= 2, timeout_s=200)
        first, second = s.sim.sent("getUpdates")[:2]
        assert second.at_ms - first.at_ms >= 30_000


async def test_that_somebody_writes_and_that_a_topic_is_opened_is_passed_on_whoever_and_whatever_it_is() -> None:
    async with scene() as s, s.running():
        s.sim.inject_message(5, "/status", user_id=5)
        s.sim.inject_message(GROUP, "hello", user_id=99, thread_id=7)
        await s.seen.until(lambda: len(s.seen.words) == 2)
        assert s.seen.words == [("written", 5, None), ("written", GROUP, 7)]
        assert s.seen.events == []


async def test_a_group_that_moves_stays_allowed() -> None:
    async with scene(allowed=AllowedSenders(chat_ids=frozenset({-77}))) as s, s.running() as listener:
        s.sim.migrate(-77, GROUP)
        s.sim.inject_message(GROUP, "/status", user_id=7)
        await s.seen.until(lambda: s.seen.handled)
        assert [(e.kind, e.chat_id, e.new_chat_id) for e in s.seen.events] == [("moved", -77, GROUP)]
        assert listener.allowed.chat_ids == {GROUP}


async def test_a_broken_store_costs_memory_of_the_position_but_no_command(caplog: pytest.LogCaptureFixture) -> None:
    async with scene() as s:
        s.seen.is_storage_broken = True
        async with s.running():
            s.sim.inject_message(5, "/one", user_id=5)
            await s.seen.until(lambda: s.seen.texts == ["/one"])
            s.sim.inject_message(5, "/two", user_id=5)
            await s.seen.until(lambda: s.seen.texts == ["/one", "/two"])
            s.seen.is_storage_broken = False
            await s.polls(2)
            assert s.seen.saved_id == 100_000_002
        assert caplog.text.count("commands may be repeated after a restart: the disk is full") == 1


class ImpatientBot:
    """A server that does not wait: every poll is answered at once, with nothing."""

    def __init__(self) -> None:
        self.polls = 0

    async def whoami(self) -> BotIdentity:
        return BotIdentity(id=1, username="AltmonitorBot")

    async def updates(
        self, *, offset: int | None, timeout_s: float, kinds: Sequence[str]
    ) -> Sequence[Mapping[str, object]]:
        self.polls += 1
        await asyncio.sleep(0)
        return []


async def test_a_server_that_does_not_wait_is_not_asked_in_a_hot_loop() -> None:
    clock, bot, seen = MovableClock(), ImpatientBot(), Recorder()
    listener = CommandListener(
        bot,
        clock=clock,
        handler=seen,
        allowed=AllowedSenders(chat_ids=frozenset()),
        memory=seen,
        news=seen.on_listener_event,
    )
    running = asyncio.ensure_future(listener.run())
    await clock.advance(10.5)
    assert bot.polls == 11
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
