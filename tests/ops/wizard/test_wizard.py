"""The wizard at a real terminal: the bot, its token, and a network that stands in the way."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from tests.ops.screen import terminal
from tests.ops.stage import (
    CALM,
    OTHER_TOKEN,
    OWNER,
    TOKEN,
    code_shown,
    gives_token,
    keeps_polling,
    left_in,
    stage,
    through_the_rest,
)


async def test_a_new_user_comes_from_nothing_to_a_written_file(tmp_path: Path) -> None:
    async with stage(tmp_path) as here, here.wizard() as screen:
        await gives_token(screen)
        await screen.sees("Got 1234...hijk")
        await screen.sees("@MyAltBot")
        here.telegram.inject_message(OWNER, f"/start {await code_shown(screen, here)}", user_id=OWNER, user_name="ann")
        await screen.sees("private chat “Reader” (77), written by ann (@ann), id 77. Is that right?")
        screen.types("y")
        await screen.sees(f"calm: price ±{CALM} %")
        await screen.answers("Number [2]", "1")
        await screen.answers("Do you see it?", "y")
        await screen.sees("Written: .env")
        await screen.sees("a candle of ")
        await screen.answers("Number [1]", "6")
        await screen.sees("altmonitor doctor")
        assert await screen.ended() == 0
        assert TOKEN not in screen.all
        (alert,) = here.said(OWNER)
        assert alert.startswith("🧪 Test from the setup: nothing moved\n")
        assert "PUMP" in alert
        assert "TESTUSDT" in alert
        settings = here.settings()
        assert (settings["TG_BOT_TOKEN"], settings["TG_CHAT_ID"]) == (TOKEN, "77")
        assert (settings["PUMP_THRESHOLD"], settings["DUMP_THRESHOLD"]) == (CALM, f"-{CALM}")
        assert here.env.stat().st_mode & 0o777 == 0o600
        assert here.telegram.updates.pending == 0


async def test_what_is_no_token_is_told_apart_from_a_token_nobody_knows(tmp_path: Path) -> None:
    async with stage(tmp_path) as here, here.wizard() as screen:
        await gives_token(screen, "hello")
        await screen.sees("That is no token (5 characters)")
        await screen.answers("Paste the token (it stays invisible)", "")
        await screen.sees("Nothing arrived")
        await screen.answers("Paste the token (it stays invisible)", OTHER_TOKEN)
        await screen.sees("Got 1234...rqpo")
        await screen.sees("does not know this token")
        await screen.answers(
            "Paste the token (it stays invisible)", f"Use this token to access the HTTP API:\t{TOKEN} Keep it secure"
        )
        await screen.sees("Telegram knows it: @MyAltBot")
        assert OTHER_TOKEN not in screen.all
        assert not here.env.exists()


async def test_without_a_network_nobody_says_bad_token(tmp_path: Path) -> None:
    async with stage(tmp_path) as here:
        await here.telegram.refuse_connections()
        async with here.wizard(BINANCE_REST_URL="http://127.0.0.1:9") as screen:
            await gives_token(screen)
            await screen.sees("there is no network here")
            assert "does not know this token" not in screen.all
            await here.telegram.accept_connections()
            await screen.answers("Number [1]", "1")
            await screen.sees("Telegram knows it")


async def test_telegram_alone_unreachable_is_told_as_blocked_and_a_proxy_is_asked_for(tmp_path: Path) -> None:
    """The simulated Telegram stands behind a name nobody knows; only through the proxy it is found."""
    async with stage(tmp_path) as here:
        proxy, used = await forwarding_proxy(here.telegram.url)
        async with proxy, here.wizard(TELEGRAM_API_URL="http://telegram.invalid:8081") as screen:
            await gives_token(screen)
            await screen.sees("it seems to be blocked here")
            await screen.answers("Number [1]", "2")
            await screen.answers("Proxy, such as", "socks5://127.0.0.1:1")
            await screen.sees("Not an http proxy address")
            await screen.answers("Proxy, such as", f"127.0.0.1:{proxy.sockets[0].getsockname()[1]}")
            await screen.sees("Telegram knows it: @MyAltBot")
            assert used
            await through_the_rest(screen, here)
            assert here.settings()["HTTPS_PROXY"] == f"http://127.0.0.1:{proxy.sockets[0].getsockname()[1]}"


async def test_a_login_page_in_place_of_telegram_is_called_that(tmp_path: Path) -> None:
    async with stage(tmp_path) as here, here.wizard() as screen:
        here.telegram.faults.outage = "portal"
        await gives_token(screen)
        await screen.sees("Something else answers in place of Telegram")
        here.telegram.faults.outage = ""
        assert "Telegram knows it" not in screen.all
        await screen.answers("Number [1]", "1")
        await screen.sees("Telegram knows it")


async def test_a_webhook_is_found_and_removed_when_the_person_wants_that(tmp_path: Path) -> None:
    async with stage(tmp_path) as here, here.wizard() as screen:
        here.telegram.updates.webhook_url = "https://hook.example/secret-path"
        await gives_token(screen)
        await screen.sees("A webhook is set for this bot (hook.example)")
        assert "secret-path" not in screen.all
        await screen.answers("Remove that webhook?", "y")
        await screen.sees("Webhook removed")
        assert here.telegram.updates.webhook_url == ""


async def test_a_second_program_that_reads_the_bot_is_noticed(tmp_path: Path) -> None:
    async with stage(tmp_path) as here:
        other = asyncio.create_task(keeps_polling(here.telegram))
        try:
            async with here.wizard() as screen:
                await gives_token(screen)
                await screen.sees("Another program is reading this bot's messages")
                other.cancel()
                await asyncio.wait([other])
                await screen.answers("Number [1]", "1")
                await screen.sees("— The chat —")
                assert screen.all.count("Another program") == 1
        finally:
            other.cancel()


@pytest.mark.parametrize(("number", "title"), [("2", "机器人"), ("3", "Бот")])
async def test_it_speaks_other_languages(tmp_path: Path, number: str, title: str) -> None:
    async with stage(tmp_path) as here, here.wizard() as screen:
        await screen.answers("Number [", number)
        await screen.sees(f"— {title} —")
        assert "— The bot —" not in screen.all


async def test_the_language_of_the_machine_is_the_one_offered(tmp_path: Path) -> None:
    async with stage(tmp_path) as here, here.wizard(LANG="ru_RU.UTF-8") as screen:
        await screen.sees("Номер [3]")
        assert "Number [" not in screen.all


async def test_without_a_terminal_it_prints_the_steps_and_returns_at_once(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "altmonitor", "setup"),
        stdin=asyncio.subprocess.PIPE,  # never written to, never closed: whoever reads from it waits for good
        stdout=asyncio.subprocess.PIPE,
        cwd=tmp_path,
    )
    async with asyncio.timeout(60):
        assert process.stdout is not None
        said = (await process.stdout.read()).decode()
        assert await process.wait() == 1
    assert "@BotFather" in said
    assert "TG_CHAT_ID=" in said
    assert left_in(tmp_path) == []


async def forwarding_proxy(url: str) -> tuple[asyncio.Server, list[str]]:
    """An http proxy that leads every request to `url`, whatever host it names. Also returns what it was asked."""
    host, _, port = url.removeprefix("http://").partition(":")
    asked: list[str] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        asked.append(head.split(b"\r\n")[0].decode())
        method, target, rest = head.split(b" ", 2)
        path = b"/" + target.split(b"/", 3)[3]
        there_reader, there_writer = await asyncio.open_connection(host, int(port))
        there_writer.write(
            b" ".join((method, path, rest)).replace(b"HTTP/1.1\r\n", b"HTTP/1.1\r\nConnection: close\r\n", 1)
        )

        async def pipe(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
            while chunk := await source.read(65_536):
                target.write(chunk)
            target.close()

        await asyncio.gather(pipe(reader, there_writer), pipe(there_reader, writer))

    return await asyncio.start_server(serve, "127.0.0.1", 0), asked


def test_the_driver_itself_gives_a_terminal() -> None:
    async def asked(folder: Path) -> str:
        async with terminal(
            (sys.executable, "-c", "import sys; print(sys.stdin.isatty())"), environ={}, folder=folder
        ) as s:
            await s.ended()
            return s.all

    assert asyncio.run(asked(Path.cwd())).strip() == "True"
