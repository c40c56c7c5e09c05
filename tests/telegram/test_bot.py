"""Our Telegram side against the simulated one, over real sockets."""

from __future__ import annotations

import logging
import socket
import traceback
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from aiohttp import web

from altmonitor.core.clock import SystemClock
from altmonitor.core.errors import (
    ChatClosed,
    ChatMoved,
    ChatUnreachable,
    DeliveryError,
    MessageRefused,
    RetryLater,
    SecondPoller,
    TokenDoubted,
    TokenRefused,
    TopicClosed,
)
from altmonitor.core.types import Destination, Secret
from altmonitor.interfaces.delivery import BotIdentity, Channel, InlineButton
from altmonitor.sim.telegram.chats import buttons
from altmonitor.sim.telegram.values import Outage, Upload
from altmonitor.telegram.bot import TelegramChannel, Timeouts
from tests.movable_clock import MovableClock
from tests.sim.telegram_client import png
from tests.telegram.bot import GROUP, TOKEN, connected, fast_clock

READER = Destination(chat_id=5)
PICTURE = png(90, 60)


@asynccontextmanager
async def page_server(
    status: int, body: bytes = b"<html>denied</html>", *, asked: list[str] | None = None
) -> AsyncIterator[str]:
    """Answers everything with one status and body. asked: takes the methods that were called."""

    async def answer(request: web.Request) -> web.Response:
        if asked is not None:
            asked.append(request.path.rpartition("/")[2])
        return web.Response(status=status, body=body, content_type="text/html")

    app = web.Application()
    app.router.add_route("*", "/{any:.*}", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def test_a_message_is_sent_as_html_without_preview_and_its_id_comes_back() -> None:
    async with connected() as (sim, channel):
        as_channel: Channel = channel
        first = await as_channel.send(READER, "<b>PUMP</b> SOL &lt;1m&gt; https://e.org")
        second = await as_channel.send(READER, "more", reply_to=first, silent=True)

        assert (first, second) == (1, 2)
        one, two = sim.chats[5]
        assert (one.text, one.html) == ("PUMP SOL <1m> https://e.org", "<b>PUMP</b> SOL &lt;1m&gt; https://e.org")
        assert (one.is_preview_off, one.silent, one.reply_to) == (True, False, None)
        assert (two.reply_to, two.silent) == (1, True)


async def test_a_reply_to_a_deleted_message_is_sent_all_the_same() -> None:
    async with connected() as (sim, channel):
        assert await channel.send(READER, "x", reply_to=99) == 1
        assert sim.chats[5][0].reply_to is None


async def test_messages_go_into_the_forum_topic_asked_for() -> None:
    async with connected() as (sim, channel):
        sim.add_topic(GROUP, 9)
        await channel.send(Destination(chat_id=GROUP, topic_id=9), "x")
        assert sim.chats[GROUP][0].thread_id == 9
        with pytest.raises(MessageRefused, match="the forum topic does not exist"):
            await channel.send(Destination(chat_id=GROUP, topic_id=8), "x")


async def test_an_edit_changes_the_message_and_changing_nothing_is_success() -> None:
    async with connected() as (sim, channel):
        message_id = await channel.send(READER, "one")
        await channel.edit(READER, message_id, "<i>two</i>")
        await channel.edit(READER, message_id, "<i>two</i>")
        assert [edit.html for edit in sim.chats[5][0].edits] == ["<i>two</i>"]
        with pytest.raises(MessageRefused, match="Message to edit not found"):
            await channel.edit(READER, 99, "x")


async def test_the_bot_learns_its_name_and_registers_commands_per_language() -> None:
    async with connected() as (sim, channel):
        assert await channel.whoami() == BotIdentity(id=123456, username="AltmonitorBot")
        await channel.set_commands([("status", "状态")], "zh")
        await channel.set_commands([("status", "what is set")])
        assert sim.commands['{"type": "default"}', "zh"] == [{"command": "status", "description": "状态"}]
        assert sim.commands['{"type": "default"}', ""] == [{"command": "status", "description": "what is set"}]


async def test_menus_per_scope_are_set_and_taken_back() -> None:
    async with connected() as (sim, channel):
        await channel.set_commands([("help", "all there is")], "ru", scope="all_group_chats")
        assert sim.commands == {
            ('{"type": "all_group_chats"}', "ru"): [{"command": "help", "description": "all there is"}]
        }
        await channel.set_commands([], "ru", scope="all_group_chats")
        assert sim.commands == {}


async def test_buttons_stand_under_a_message_stay_through_an_edit_and_can_be_taken_off() -> None:
    keyboard = (
        (InlineButton(text="Mute", data="mute:1:x"), InlineButton(text="Why", data="why:1:x")),
        (InlineButton(text="Binance", url="https://www.binance.com/en/futures/%E7%89%9BUSDT"),),
    )
    async with connected() as (sim, channel):
        message_id = await channel.send(READER, "one", buttons=keyboard)
        (message,) = sim.chats[5]
        shown = [
            ("Mute", "mute:1:x"),
            ("Why", "why:1:x"),
            ("Binance", "https://www.binance.com/en/futures/%E7%89%9BUSDT"),
        ]
        assert list(buttons(message)) == shown
        await channel.edit(READER, message_id, "two", buttons=keyboard)
        await channel.edit(READER, message_id, "two", buttons=keyboard)
        assert (message.text, list(buttons(message))) == ("two", shown)
        await channel.set_buttons(READER, message_id, ())
        await channel.set_buttons(READER, message_id, ())
        assert (message.text, list(buttons(message))) == ("two", [])


@pytest.mark.parametrize(
    ("button", "told"),
    [
        (InlineButton(text="long", data="x" * 65), "Button_data_invalid"),
        (InlineButton(text="bare", url="https://www.binance.com/牛USDT"), "Button_url_invalid"),
    ],
)
async def test_buttons_telegram_does_not_take_are_a_refused_message(button: InlineButton, told: str) -> None:
    async with connected() as (sim, channel):
        with pytest.raises(MessageRefused, match=told):
            await channel.send(READER, "one", buttons=((button,),))
        assert not sim.chats[5]


async def test_a_deleted_and_a_closed_topic_are_told_apart_from_a_message_that_is_refused() -> None:
    async with connected() as (sim, channel):
        sim.add_topic(GROUP, 7)
        await channel.send(Destination(chat_id=GROUP, topic_id=7), "one")
        sim.close_topic(GROUP, 7)
        with pytest.raises(TopicClosed, match="the forum topic is closed"):
            await channel.send(Destination(chat_id=GROUP, topic_id=7), "two")
        sim.delete_topic(GROUP, 7)
        with pytest.raises(TopicClosed, match="does not exist"):
            await channel.send(Destination(chat_id=GROUP, topic_id=7), "three")


async def test_administrators_are_told_by_their_ids() -> None:
    async with connected() as (sim, channel):
        sim.set_admins(GROUP, 7, 9)
        assert await channel.administrators(GROUP) == {7, 9}
        with pytest.raises(MessageRefused, match="There are no administrators in the private chat"):
            await channel.administrators(5)


async def test_a_press_that_expired_is_refused_and_nothing_else() -> None:
    async with connected() as (_, channel):
        with pytest.raises(MessageRefused, match="Query is too old"):
            await channel.answer_press("77", "muted", is_loud=True)


async def test_a_pressed_button_is_answered() -> None:
    async with connected() as (sim, channel):
        message_id = await channel.send(READER, "x")
        press = sim.inject_callback(5, "mute", message_id=message_id)
        await channel.answer_press(press, "muted")
        assert sim.answered[press].text == "muted"


async def test_a_picture_is_uploaded_under_its_own_name_with_caption_and_reply_mark() -> None:
    async with connected() as (sim, channel):
        as_channel: Channel = channel
        first = await as_channel.send(READER, "PUMP")
        second = await as_channel.send_photo(
            READER, PICTURE, caption_html="<code>SOLUSDT</code> · 1m", reply_to=first, silent=True
        )

        assert second == 2
        kept = sim.chats[5][1]
        assert (kept.photo, kept.text, kept.reply_to, kept.silent) == (PICTURE, "SOLUSDT · 1m", 1, True)
        assert isinstance(kept.photo, Upload)
        assert (kept.photo.name, kept.photo.content_type) == ("chart.png", "image/png")


async def test_a_picture_whose_alert_was_deleted_is_sent_all_the_same_and_may_lack_a_caption() -> None:
    async with connected() as (sim, channel):
        assert await channel.send_photo(READER, PICTURE, reply_to=99) == 1
        assert (sim.chats[5][0].reply_to, sim.chats[5][0].text) == (None, "")


async def test_a_picture_goes_into_the_forum_topic_and_fails_like_a_message() -> None:
    async with connected() as (sim, channel):
        sim.add_topic(GROUP, 9)
        await channel.send_photo(Destination(chat_id=GROUP, topic_id=9), PICTURE)
        assert sim.chats[GROUP][0].thread_id == 9
        with pytest.raises(MessageRefused, match=r"(?i)image_process_failed"):
            await channel.send_photo(READER, b"no picture")
        sim.faults.refuse_next("sendPhoto", 429, retry_after_s=7)
        with pytest.raises(RetryLater) as failed:
            await channel.send_photo(READER, PICTURE)
        assert failed.value.retry_after_s == 7.0


async def test_a_picture_whose_answer_is_lost_may_be_there() -> None:
    async with connected() as (sim, channel):
        sim.faults.accept_then_drop = 1
        with pytest.raises(ChatUnreachable) as lost:
            await channel.send_photo(READER, PICTURE)
        assert lost.value.outcome_unknown is True
        assert len(sim.chats[5]) == 1


@pytest.mark.parametrize(
    ("code", "expected"),
    [(400, MessageRefused), (401, TokenDoubted), (403, ChatClosed), (404, TokenDoubted), (409, SecondPoller)],
)
async def test_each_refusal_is_exactly_one_of_our_errors(code: int, expected: type[DeliveryError]) -> None:
    async with connected() as (sim, channel):
        sim.faults.refuse_next("sendMessage", code)
        with pytest.raises(DeliveryError) as failed:
            await channel.send(READER, "x")
        assert type(failed.value) is expected


async def test_a_token_that_never_worked_is_refused_for_good() -> None:
    async with connected(token="123456:BBHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw") as (_, channel):
        for call in (channel.whoami(), channel.send(READER, "x"), channel.set_commands([("help", "all commands")])):
            with pytest.raises(TokenRefused):
                await call


async def test_a_token_that_worked_in_this_run_is_only_doubted_however_often_it_is_refused() -> None:
    accepted: list[Callable[[TelegramChannel], Coroutine[Any, Any, object]]] = [
        lambda channel: channel.whoami(),
        lambda channel: channel.send(READER, "x"),
        lambda channel: channel.edit(READER, 77, "x"),  # refused for its message: the token was good enough for that
    ]
    for first in accepted:
        async with connected() as (sim, channel):
            with suppress(MessageRefused):
                await first(channel)
            for code in (401, 404):
                for method in ("getMe", "sendMessage", "getUpdates"):
                    sim.faults.refuse_next(method, code, times=3)
                for _ in range(3):
                    for refused in (
                        channel.whoami(),
                        channel.send(READER, "y"),
                        channel.updates(offset=None, timeout_s=0, kinds=["message"]),
                    ):
                        with pytest.raises(TokenDoubted) as failed:
                            await refused
                        assert failed.value.outcome_unknown is False
            assert await channel.send(READER, "z") > 0


async def test_a_first_refusal_is_not_believed_before_getme_says_the_same() -> None:
    async with connected() as (sim, channel):
        sim.faults.refuse_next("setMyCommands", 404)
        with pytest.raises(TokenDoubted):
            await channel.set_commands([("help", "all commands")])
    async with connected() as (sim, channel):
        sim.faults.refuse_next("getMe", 401)
        with pytest.raises(TokenDoubted):
            await channel.whoami()
    async with connected() as (sim, channel):  # the second question has no answer: nobody knows
        sim.faults.refuse_next("sendMessage", 401)
        sim.faults.refuse_next("getMe", 502)
        with pytest.raises(TokenDoubted):
            await channel.send(READER, "x")


async def test_an_answer_with_a_message_id_is_an_acceptance_whatever_else_it_holds() -> None:
    for body in (
        b'{"ok":true,"result":{"message_id":7}}',
        b'{"ok":true,"result":{"message_id":"7","date":"yesterday","chat":null}}',
        b'{"ok":true,"result":{"message_id":7,"date":1e400,"chat":{"id":"x","type":[]},"from":7,"entities":{}}}',
        b'{"ok":true,"result":{"message_id":7,"photo":"none","text":"\xff\xfe","reply_markup":[1]}}',
        b'{"ok":true,"description":[],"result":{"message_id":7,"chat":{"id":5,"type":"hive","photo":{}}},"x":NaN}',
    ):
        async with page_server(200, body) as url:
            channel = TelegramChannel(Secret(TOKEN), api_url=url, clock=SystemClock())
            assert await channel.send(READER, "x") == 7
            assert await channel.send_photo(READER, PICTURE) == 7
            await channel.stop()


async def test_an_edit_that_was_accepted_is_done_whatever_the_answer_holds() -> None:
    for result in (b"true", b"null", b'{"message_id":"x"}', b'{"chat":7}', b"[]"):
        asked: list[str] = []
        async with page_server(200, b'{"ok":true,"result":' + result + b"}", asked=asked) as url:
            channel = TelegramChannel(Secret(TOKEN), api_url=url, clock=SystemClock())
            await channel.edit(READER, 7, "x")
            await channel.set_buttons(READER, 7, ())
            await channel.answer_press("1", "done")
            await channel.stop()
        assert asked == ["editMessageText", "editMessageReplyMarkup", "answerCallbackQuery"]


async def test_who_the_bot_is_and_who_administers_a_group_needs_ids_and_nothing_else() -> None:
    async with page_server(200, b'{"ok":true,"result":{"id":7,"username":null,"first_name":[]}}') as url:
        channel = TelegramChannel(Secret(TOKEN), api_url=url, clock=SystemClock())
        assert await channel.whoami() == BotIdentity(id=7, username="")
        await channel.stop()
    members = (
        b'[{"status":"hive","user":{"id":7}},{"user":{"id":8,"is_bot":true}},{"user":null},7,'
        b'{"user":{"id":9,"is_bot":false,"language_code":3}}]'
    )
    async with page_server(200, b'{"ok":true,"result":' + members + b"}") as url:
        channel = TelegramChannel(Secret(TOKEN), api_url=url, clock=SystemClock())
        assert await channel.administrators(GROUP) == {7, 9}
        await channel.stop()


async def test_a_flood_wait_is_told_in_seconds() -> None:
    async with connected() as (sim, channel):
        sim.faults.refuse_next("sendMessage", 429, retry_after_s=7)
        with pytest.raises(RetryLater) as failed:
            await channel.send(READER, "x")
        assert failed.value.retry_after_s == 7.0


async def test_a_group_that_moved_names_its_new_id() -> None:
    async with connected() as (sim, channel):
        sim.migrate(-77, GROUP)
        with pytest.raises(ChatMoved) as failed:
            await channel.send(Destination(chat_id=-77), "x")
        assert failed.value.new_chat_id == GROUP


@pytest.mark.parametrize(
    ("fault", "is_unknown", "is_kept"),
    [("accept_then_drop", True, True), ("truncate", True, True), ("html_200", False, False)],
)
async def test_a_lost_answer_says_whether_the_message_may_be_there(fault: str, is_unknown: bool, is_kept: bool) -> None:
    async with connected() as (sim, channel):
        setattr(sim.faults, fault, 1)
        with pytest.raises(ChatUnreachable) as failed:
            await channel.send(READER, "x")
        assert failed.value.outcome_unknown is is_unknown
        assert bool(sim.chats[5]) is is_kept


@pytest.mark.parametrize(("outage", "is_unknown"), [("abort", True), ("bad_gateway", True), ("portal", False)])
async def test_an_outage_is_unreachable_and_over_when_it_is_over(outage: Outage, is_unknown: bool) -> None:
    async with connected() as (sim, channel):
        sim.faults.outage = outage
        with pytest.raises(ChatUnreachable) as failed:
            await channel.send(READER, "x")
        assert failed.value.outcome_unknown is is_unknown
        sim.faults.outage = ""
        assert await channel.send(READER, "x") == 1


async def test_a_refused_connection_is_known_not_to_have_delivered() -> None:
    async with connected() as (sim, channel):
        await sim.refuse_connections()
        with pytest.raises(ChatUnreachable) as failed:
            await channel.send(READER, "x")
        assert failed.value.outcome_unknown is False
        await sim.accept_connections()
        assert await channel.send(READER, "x") == 1


async def test_an_answer_that_does_not_come_ends_at_the_calls_limit() -> None:
    clock = fast_clock(speed=60)
    async with connected(clock) as (sim, channel):
        sim.faults.delay_s = 600.0
        asked_s = clock.monotonic()
        with pytest.raises(ChatUnreachable, match="did not answer in time") as failed:
            await channel.send(READER, "x")
        assert failed.value.outcome_unknown is True
        assert 30.0 <= clock.monotonic() - asked_s < 120.0


async def test_the_network_has_its_own_limit_below_that_of_the_call() -> None:
    async with connected(SystemClock(), timeouts=Timeouts(read_s=0.05)) as (sim, channel):
        sim.faults.delay_s = 5.0
        with pytest.raises(ChatUnreachable) as failed:
            await channel.send(READER, "x")
        assert failed.value.outcome_unknown is True


async def test_a_page_with_403_or_401_from_a_proxy_blames_neither_chat_nor_token() -> None:
    for status in (401, 403, 404, 400, 500):
        async with page_server(status) as url:
            channel = TelegramChannel(Secret(TOKEN), api_url=url, clock=SystemClock())
            with pytest.raises(ChatUnreachable) as failed:
                await channel.send(READER, "x")
            assert failed.value.outcome_unknown is (status == 500)
            await channel.stop()


async def test_answers_that_are_json_but_not_telegrams_are_unknown_outcomes() -> None:
    for body in (b'{"ok":true}', b"[]", b'{"result":null}', b'{"result":{"message_id":"x"}}', b"7"):
        async with page_server(200, body) as url:
            channel = TelegramChannel(Secret(TOKEN), api_url=url, clock=SystemClock())
            with pytest.raises(ChatUnreachable) as failed:
                await channel.send(READER, "x")
            assert failed.value.outcome_unknown is True
            await channel.stop()


async def test_an_unreachable_server_does_not_hold_up_the_start() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        channel = TelegramChannel(
            Secret(TOKEN), api_url=f"http://127.0.0.1:{unused.getsockname()[1]}", clock=MovableClock()
        )
        await channel.start()
        with pytest.raises(ChatUnreachable):
            await channel.whoami()
        await channel.stop()
        await channel.stop()


async def test_no_log_line_no_error_and_no_trace_holds_the_token(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with connected() as (sim, channel):
        told: list[str] = []

        async def try_to(send: Coroutine[Any, Any, object]) -> None:
            try:
                await send
            except DeliveryError as error:
                told.append("".join(traceback.format_exception(error)))
                assert error.__context__ is None

        await channel.send(READER, "fine")
        for code in (400, 401, 403, 404, 409, 429, 500):
            sim.faults.refuse_next("sendMessage", code)
            await try_to(channel.send(READER, "x"))
        for outage in ("abort", "bad_gateway", "portal"):
            sim.faults.outage = outage
            await try_to(channel.send(READER, "x"))
            await try_to(channel.updates(offset=None, timeout_s=1, kinds=["message"]))
        await sim.refuse_connections()
        await try_to(channel.whoami())

        assert len(told) == 14
        secret = TOKEN.partition(":")[2]
        assert secret not in "".join(told)
        assert secret not in caplog.text
        assert secret not in repr(channel)


async def test_the_proxy_of_the_environment_is_not_used_for_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    async with connected() as (_, channel):
        assert await channel.send(READER, "x") == 1


async def test_updates_come_as_telegram_wrote_them() -> None:
    async with connected() as (sim, channel):
        assert await channel.updates(offset=None, timeout_s=1, kinds=["message", "my_chat_member"]) == []
        sim.inject_message(5, "/status", user_id=5)
        (update,) = await channel.updates(offset=None, timeout_s=25, kinds=["message"])
        assert update["message"]["text"] == "/status"  # type: ignore[index]
        assert sim.updates.allowed == ["message"]
        assert await channel.updates(offset=int(str(update["update_id"])) + 1, timeout_s=1, kinds=["message"]) == []


def test_httpx_is_silenced_because_it_logs_addresses_with_the_token() -> None:
    logging.getLogger("httpx").setLevel(logging.NOTSET)
    TelegramChannel(Secret(TOKEN), api_url="https://api.telegram.org", clock=MovableClock())
    assert logging.getLogger("httpx").level == logging.WARNING
