"""Somebody else gets what is written to the bot: a webhook, or a second program with the same token."""

from __future__ import annotations

import asyncio
from pathlib import Path

import aiohttp

from altmonitor.sim.script import Pump
from tests.e2e.stage import READER, START_MS, SYMBOLS, TOKEN, Stage, stage

HOOK = "https://hook.example/secret-path-of-the-hook"


def ask(here: Stage, command: str) -> None:
    here.telegram.inject_message(READER, command, user_id=READER)


async def test_a_webhook_is_told_with_the_way_out_and_when_it_is_gone_commands_are_answered(tmp_path: Path) -> None:
    script = (Pump(SYMBOLS[0], START_MS + 400_000, 4.0, over_s=5),)
    async with stage(tmp_path, *script, speed=20) as here:
        await here.is_live()
        ask(here, "/uptime")
        await here.said("altmonitor", within_s=60)
        here.telegram.updates.webhook_url = HOOK
        notice = await here.said("Commands in this chat do not arrive: a webhook is set for the bot", within_s=200)
        assert "altmonitor setup can remove the webhook" in notice.text
        assert here.app.health().status == "degraded"
        (finding,) = [one.text for one in here.app.health().findings if "webhook" in one.text]
        assert "setup" in finding
        await here.said(f"PUMP {SYMBOLS[0]}", within_s=500)  # alerts go on
        assert HOOK not in "\n".join(message.text for message in here.messages) + finding
        here.telegram.updates.webhook_url = ""
        ask(here, "/tz UTC+3")
        await here.said("time zone: UTC → UTC+3", within_s=300)
        await here.until(lambda: here.app.health().status == "ok", within_s=900)
        assert here.count("a webhook is set for the bot") == 1


async def test_a_second_program_is_told_once_and_is_no_reason_to_stop(tmp_path: Path) -> None:
    async with stage(tmp_path, speed=20) as here:
        await here.is_live()

        async def poll() -> None:
            async with aiohttp.ClientSession() as client:
                while True:
                    async with client.get(
                        f"{here.telegram.url}/bot{TOKEN}/getUpdates", params={"timeout": 1}
                    ) as answer:
                        await answer.read()
                    await asyncio.sleep(0.2)

        other = asyncio.create_task(poll())
        try:
            await here.said("Another program reads this bot's commands", within_s=200)
            assert any("another program" in one.text.lower() for one in here.app.health().findings)
        finally:
            other.cancel()
        ask(here, "/lang ru")
        await here.said("язык: английский → русский", within_s=300)
        await here.until(lambda: here.app.health().status == "ok", within_s=900)
        assert here.count("Another program reads this bot's commands") == 1
