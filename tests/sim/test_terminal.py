from __future__ import annotations

import asyncio
import io
import os
import pty
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from altmonitor.core.clock import SystemClock
from altmonitor.core.types import Destination
from altmonitor.sim.telegram.html import parse_html
from altmonitor.sim.telegram.server import SimTelegram
from altmonitor.sim.terminal import TerminalInbox, chat_console, styled
from tests.movable_clock import MovableClock
from tests.sim.telegram_client import GROUP, RawClient, png, telegram

READER = Destination(chat_id=5)
_LOOKS = re.compile(r"\x1b\[[0-9;]*m|\x1b\]8;[^\x1b]*\x1b\\\\")
PICTURE = png(90, 60).ljust(9_800, b"\0")


def console(out: io.StringIO, is_terminal: bool, width: int = 80) -> Console:
    if not is_terminal:
        return chat_console(out)
    return Console(file=out, force_terminal=True, width=width, color_system="standard", highlight=False)


@asynccontextmanager
async def inbox(
    *, is_terminal: bool = False, destination: Destination = READER, width: int = 80
) -> AsyncIterator[tuple[SimTelegram, RawClient, TerminalInbox, io.StringIO]]:
    async with telegram(MovableClock(1_790_000_040_000)) as (sim, client):
        out = io.StringIO()
        yield sim, client, TerminalInbox(sim, console(out, is_terminal, width), destination=destination), out


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


def without_looks(shown: str) -> str:
    return _LOOKS.sub("", shown)


def printed(text: Text) -> str:
    out = io.StringIO()
    console(out, True).print(text, end="")
    return out.getvalue()


@pytest.mark.parametrize(
    ("html", "shown"),
    [
        ("<b>x</b>", "\x1b[1mx\x1b[0m"),
        ("<b>a <i>b</i></b>", "\x1b[1ma \x1b[0m\x1b[1;3mb\x1b[0m"),
        ("<code>S</code>!", "\x1b[36mS\x1b[0m!"),
        ("<b>a\nb</b>", "\x1b[1ma\x1b[0m\n\x1b[1mb\x1b[0m"),
    ],
)
def test_html_becomes_ansi_on_a_terminal(html: str, shown: str) -> None:
    assert printed(styled(parse_html(html), is_terminal=True)) == shown


def test_a_link_can_be_clicked_on_a_terminal() -> None:
    shown = printed(styled(parse_html('<a href="https://e.org/a b">l</a>'), is_terminal=True))
    assert re.fullmatch(r"\x1b\]8;[^;]*;https://e.org/a b\x1b\\\x1b\[4;34ml\x1b\[0m\x1b\]8;;\x1b\\", shown)


@pytest.mark.parametrize("is_terminal", [True, False])
def test_control_characters_of_a_message_never_reach_the_terminal(is_terminal: bool) -> None:
    parsed = parse_html('a\x1b[2Jb\u202e<a href="x\x07y">c</a> 币安 ⚠️ \N{NO-BREAK SPACE}z')
    shown = printed(styled(parsed, is_terminal=is_terminal))
    assert "\x1b[2J" not in shown
    assert "\x07" not in shown
    assert "a�[2Jb�" in shown
    assert "币安 ⚠️ \N{NO-BREAK SPACE}z" in shown


@pytest.mark.parametrize("width", [40, 80, 120])
async def test_no_line_leaves_its_frame_on_a_terminal(width: int) -> None:
    async with inbox(is_terminal=True, width=width) as (_, client, _, out):
        text = "🐋 Whales: long at 0.32065, 100 % in profit · short at 0.31856 · hold 30.1 % of OI\n" + "币安人生" * 30
        await client.call("sendMessage", chat_id=5, text=text)
        await client.call("sendMessage", chat_id=5, text="now", reply_parameters={"message_id": 1})

        lines = without_looks(out.getvalue()).rstrip("\n").split("\n")
        assert [line for line in lines if cell_len(line.rstrip()) > min(width, 100)] == []
        assert {line[0] for line in lines} == {"┌", "│", "└"}
        assert "".join(line[2:].rstrip() for line in lines[1:]).count("币安人生") == 30


async def test_a_pipe_gets_whole_lines() -> None:
    async with inbox() as (_, client, _, out):
        await client.call("sendMessage", chat_id=5, text="x" * 300)
        assert "│ " + "x" * 300 + "\n" in out.getvalue()


def digest(names: int, *, part: str = "") -> str:
    entries = [f"Q{number}USDT\N{NO-BREAK SPACE}−3.{number % 10}" for number in range(names)]
    bands = [entries[:1], entries[1 : names // 2], entries[names // 2 :]]
    lists = "\n".join(", ".join(band) for band in bands)
    volume = "📊 VOLUME\nABCUSDT\N{NO-BREAK SPACE}9.0×"
    return f"📋 {names} alerts{part}\n01:15:18 UTC\n\n📉 DUMP · % in one minute\n{lists}\n\n{volume}"


async def test_a_terminal_is_shown_thirty_names_of_a_crash_and_how_many_more_there_are() -> None:
    async with inbox(is_terminal=True) as (_, client, _, out):
        await client.call("sendMessage", chat_id=5, text=digest(241, part=" (1/2)"))
        shown = without_looks(out.getvalue())
        assert shown.count("USDT") == 30
        assert "│ … +211" in shown
        assert "│ 📊 VOLUME" in shown
        assert len(shown.split("\n")) < 24

        out.truncate(0)
        await client.call("sendMessage", chat_id=5, text=digest(100, part=" (2/2)"))
        assert without_looks(out.getvalue()).count("USDT") == 0
        assert "│ … +100" in without_looks(out.getvalue())


async def test_a_list_is_broken_between_its_entries_and_cut_in_chinese_too() -> None:
    english, chinese = "\u00a0(whole\u00a0move, 2nd\u00a0today)", "（整段行情、今日第\u00a02\u00a0次）"
    for separator, aside in ((", ", english), ("、", chinese)):
        entries = [f"{name}USDT\u00a0−3.{number % 10}" for number, name in enumerate(["币安人生", *"A" * 40])]
        entries[3] += aside
        async with inbox(is_terminal=True) as (_, client, _, out):
            await client.call("sendMessage", chat_id=5, text=f"head\n{separator.join(entries)}\nend")
            lines = without_looks(out.getvalue()).split("\n")
            shown = [line.removeprefix("│ ").rstrip() for line in lines if "USDT" in line]
            assert sum(line.count("USDT") for line in shown) == 30
            assert [line for line in shown if cell_len(line) > 76] == []
            assert [line for line in shown if not re.match(r"(币安人生|A)USDT\u00a0", line)] == []
            assert entries[3] in "".join(shown)
            assert "│ … +11" in "\n".join(line.rstrip() for line in lines)


async def test_thirty_names_and_a_pipe_are_shown_in_full() -> None:
    for is_terminal, names in ((True, 29), (False, 241)):
        async with inbox(is_terminal=is_terminal) as (_, client, _, out):
            await client.call("sendMessage", chat_id=5, text=digest(names))
            assert without_looks(out.getvalue()).count("USDT") == names + 1


async def test_what_is_no_message_has_a_frame_of_its_own() -> None:
    async with inbox() as (_, _, box, out):
        box.note("log", "the exchange answers slowly\x1b[2J", at_ms=1_790_000_040_000)
        assert out.getvalue().split("\n")[:2] == [
            "┌─ 14:14:00 UTC · log " + "─" * 50,
            "│ the exchange answers slowly�[2J",
        ]


async def test_the_frame_is_dim_on_a_terminal() -> None:
    async with inbox(is_terminal=True) as (_, client, _, out):
        await client.call("sendMessage", chat_id=5, text="x")
        assert out.getvalue().startswith("\x1b[2m┌─\x1b[0m\x1b[2m 14:14:00 UTC · #1 ")


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


class LoopOfWindows(asyncio.SelectorEventLoop):
    """Cannot watch a pipe or a terminal."""

    def add_reader(self, fd: Any, callback: Callable[..., Any], *args: Any) -> None:
        raise NotImplementedError


def test_lines_are_read_where_the_loop_cannot_watch_the_input() -> None:
    came_from, goes_to = os.pipe()

    async def type_two_lines() -> None:
        sim = SimTelegram(clock=SystemClock(), token="1:a")
        running = asyncio.create_task(TerminalInbox(sim, Console(file=io.StringIO()), destination=READER).run(stdin))
        try:
            os.write(goes_to, "/watch 币安\n/status".encode())
            await sim.wait_for(lambda: sim.updates.pending == 1, timeout_s=10)
        finally:
            os.close(goes_to)  # whoever waits for a line cannot be ended otherwise
        await sim.wait_for(lambda: sim.updates.pending == 2, timeout_s=10)
        assert running.done() or running.cancel()
        await asyncio.wait([running])
        assert sim.updates.pending == 2

    with os.fdopen(came_from, encoding="utf-8") as stdin, asyncio.Runner(loop_factory=LoopOfWindows) as runner:
        runner.run(type_two_lines())
