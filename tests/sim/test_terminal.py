from __future__ import annotations

import asyncio
import io
import os
import pty
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest

from altmonitor.core.types import Destination
from altmonitor.sim.telegram.html import parse_html
from altmonitor.sim.telegram.server import SimTelegram
from altmonitor.sim.terminal import TerminalInbox, styled
from tests.movable_clock import MovableClock
from tests.sim.telegram_client import GROUP, RawClient, png, telegram

READER = Destination(chat_id=5)
PICTURE = png(90, 60).ljust(9_800, b"\0")


@asynccontextmanager
async def inbox(
    *, is_tty: bool = False, destination: Destination = READER
) -> AsyncIterator[tuple[SimTelegram, RawClient, TerminalInbox, io.StringIO]]:
    async with telegram(MovableClock(1_790_000_040_000)) as (sim, client):
        out = io.StringIO()
        yield sim, client, TerminalInbox(sim, out, destination=destination, is_tty=is_tty), out


async def test_a_message_stands_in_a_frame_with_time_and_number() -> None:
    async with inbox() as (_, client, _, out):
        text = '<b>PUMP</b> SOLUSDT\n+3.42 % · <a href="https://e.org/s">chart</a>'
        await client.call("sendMessage", chat_id=5, text=text, parse_mode="HTML")

        assert out.getvalue().split("\n") == [
            "┌─ 14:14:00 UTC · #1 " + "─" * 51,
            "│ PUMP SOLUSDT",
            "│ +3.42 % · chart (https://e.org/s)",
            "└" + "─" * 71,
            "",
        ]


async def test_a_picture_is_named_after_its_file_and_caption() -> None:
    async with inbox() as (_, client, _, out):
        form = aiohttp.FormData({"chat_id": "5", "parse_mode": "HTML", "caption": "<code>SOLUSDT</code> · 1m\nmore"})
        form.add_field("photo", io.BytesIO(PICTURE), filename="chart.png", content_type="image/png")
        await client.form("sendPhoto", form)
        await client.form("sendPhoto", aiohttp.FormData({"chat_id": "5", "photo": io.BytesIO(PICTURE)}))

        shown = [line for line in out.getvalue().split("\n") if line.startswith("│")]
        assert shown == ["│ [chart SOLUSDT · 1m · 9.8 KB]", "│ more", "│ [photo · 9.8 KB]"]


async def test_an_edit_shows_only_the_lines_that_changed() -> None:
    async with inbox() as (_, client, _, out):
        await client.call("sendMessage", chat_id=5, text="PUMP SOLUSDT\nratio n/a\nfunding n/a\nold line")
        out.truncate(0)
        out.seek(0)
        await client.call("editMessageText", chat_id=5, message_id=1, text="PUMP SOLUSDT\nratio 1.83\nfunding n/a")

        assert out.getvalue().split("\n")[1:-2] == ["│ + ratio 1.83", "│ - old line"]
        assert "#1 edited" in out.getvalue()


async def test_a_reply_shows_the_first_line_of_what_it_answers() -> None:
    async with inbox() as (_, client, _, out):
        await client.call("sendMessage", chat_id=5, text="PUMP SOLUSDT +3.1 %\nmore")
        await client.call("sendMessage", chat_id=5, text="now +6.2 %", reply_parameters={"message_id": 1})
        assert "│ ↪ #1: PUMP SOLUSDT +3.1 %\n│ now +6.2 %\n" in out.getvalue()


async def test_other_chats_are_not_shown() -> None:
    async with inbox() as (_, client, _, out):
        await client.call("sendMessage", chat_id=6, text="secret")
        assert out.getvalue() == ""


@pytest.mark.parametrize(
    ("html", "shown"),
    [
        ("<b>x</b>", "\x1b[1mx\x1b[0m"),
        ("<b>a <i>b</i></b>", "\x1b[1ma \x1b[0m\x1b[1m\x1b[3mb\x1b[0m"),
        ("<code>S</code>!", "\x1b[36mS\x1b[0m!"),
        ("<b>a\nb</b>", "\x1b[1ma\x1b[0m\n\x1b[1mb\x1b[0m"),
        ('<a href="https://e.org">l</a>', "\x1b[34;4m\x1b]8;;https://e.org\x1b\\l\x1b]8;;\x1b\\\x1b[0m"),
    ],
)
def test_html_becomes_ansi_on_a_terminal(html: str, shown: str) -> None:
    assert styled(parse_html(html), is_tty=True) == shown


@pytest.mark.parametrize("is_tty", [True, False])
def test_control_characters_of_a_message_never_reach_the_terminal(is_tty: bool) -> None:
    parsed = parse_html('a\x1b[2Jb\u202e<a href="x\x07y">c</a> 币安 ⚠️ \N{NO-BREAK SPACE}z')
    shown = styled(parsed, is_tty=is_tty)
    assert "\x1b[2J" not in shown
    assert "\x07" not in shown
    assert "a�[2Jb�" in shown
    assert "币安 ⚠️ \N{NO-BREAK SPACE}z" in shown


async def test_the_frame_is_dim_on_a_terminal() -> None:
    async with inbox(is_tty=True) as (_, client, _, out):
        await client.call("sendMessage", chat_id=5, text="x")
        assert out.getvalue().startswith("\x1b[2m┌─ 14:14:00 UTC · #1 ")


async def written_to_the_bot(sim: SimTelegram, client: RawClient, count: int) -> list[dict[str, object]]:
    await sim.wait_for(lambda: sim.updates.pending >= count, timeout_s=10)
    return [update["message"] for update in (await client.call("getUpdates"))["result"]]


async def test_lines_typed_into_a_pipe_are_sent_whole_and_its_end_is_not_the_end() -> None:
    async with inbox() as (sim, client, box, out):
        reading, writing = os.pipe()
        with os.fdopen(reading) as stdin:
            running = asyncio.ensure_future(box.run(stdin))
            for chunk in (b"/sta", b"tus\n\n  /mu", "te 币安人生USDT\nlast".encode()):
                os.write(writing, chunk)
                await asyncio.sleep(0)
            os.close(writing)
            messages = await written_to_the_bot(sim, client, 3)
            await client.call("sendMessage", chat_id=5, text="still here")

            assert [message["text"] for message in messages] == ["/status", "/mute 币安人生USDT", "last"]
            assert messages[0]["from"]["id"] == 5  # type: ignore[index]
            assert not running.done()
            assert "still here" in out.getvalue()
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running


async def test_a_terminal_can_be_typed_on() -> None:
    async with inbox() as (sim, client, box, _):
        master, slave = pty.openpty()
        with os.fdopen(slave) as stdin:
            running = asyncio.ensure_future(box.run(stdin))
            os.write(master, b"/help\n")
            assert [m["text"] for m in await written_to_the_bot(sim, client, 1)] == ["/help"]
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
        os.close(master)


async def test_typed_lines_go_to_the_topic_of_a_group() -> None:
    async with inbox(destination=Destination(chat_id=GROUP, topic_id=9)) as (sim, client, box, _):
        running = asyncio.ensure_future(box.run(io.StringIO("/status\n")))
        message = (await written_to_the_bot(sim, client, 1))[0]
        assert (message["message_thread_id"], message["from"]["id"]) == (9, 1)  # type: ignore[index]
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


@pytest.mark.parametrize("path", [os.devnull])
async def test_no_input_at_all_is_fine(path: str) -> None:
    async with inbox() as (sim, _, box, _):
        with open(path) as stdin:  # noqa: ASYNC230
            running = asyncio.ensure_future(box.run(stdin))
            await asyncio.sleep(0)
            assert not running.done()
            assert sim.updates.pending == 0
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
